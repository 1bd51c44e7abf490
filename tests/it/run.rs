//! `flexcore run` and `serve` as processes: exit codes, signals, streams, settings.

#![expect(clippy::unwrap_used, reason = "tests; the lint spares only the functions marked as such")]

#[cfg(feature = "listener")]
mod commands;
mod data;
mod ends;
mod format;
mod killed;
#[cfg(feature = "listener")]
mod plain;
pub(crate) mod process;
mod resumes;
mod serves;
mod settings;
mod signals;
