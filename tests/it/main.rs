//! One binary, one module a promise.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails; helpers are part of it")]

#[cfg(feature = "listener")]
mod attach;
mod cli;
#[cfg(feature = "listener")]
mod console;
#[cfg(feature = "listener")]
mod deploy;
mod files;
mod fuzzed;
mod golden;
#[cfg(feature = "listener")]
mod http;
#[cfg(feature = "listener")]
mod metrics;
mod pty;
mod run;
#[cfg(feature = "ssh")]
mod ssh;
mod steps;
mod tidy;
