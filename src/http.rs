//! The API: one router, served on a TCP address when `--http` asks for it and on the Unix socket of every engine.
//!
//! Handlers are thin: a resource is one file, reads the engine's models or submits a command, and answers with shapes of
//! its own (`wire`), so that engine types can change without changing the contract. What every request goes through (who
//! asks, limits, timeouts, problems) stands in `layers`, once.

#![allow(unused_qualifications, reason = "written so by the macro that describes a handler")]

mod access;
mod alerts;
mod answer;
mod attachments;
mod body;
mod cluster;
mod cohort;
mod compressed;
mod console;
mod cursor;
mod document;
mod events;
mod health;
mod info;
#[cfg(feature = "ssh")]
pub(crate) mod inside;
mod layers;
mod legacy;
mod listen;
mod metrics;
mod page;
mod peer;
mod pipelines;
mod problem;
mod query;
mod queues;
pub(crate) mod rate;
mod refusal;
mod routes;
mod runs;
mod sessions;
pub mod socket;
mod state;
mod stream;
mod time_limit;
mod tls;
pub mod token;
mod why;
pub mod wire;

pub use document::document;
pub use listen::{ListenError, Listening, listen};
pub use routes::router;
pub use state::Api;

/// What every path of this version begins with.
pub const BASE: &str = "/api/v1";
