//! The API: a real server on a port of its own, asked by a real client.

#![expect(clippy::unwrap_used, reason = "tests; the lint spares only the functions marked as such")]

mod abuse;
mod alerts;
mod checkpoints;
mod console;
mod document;
mod events;
mod gate;
mod health;
mod keys;
mod legacy;
mod notify;
mod pipelines;
mod queues;
mod runs;
mod sockets;
mod stream;
mod tls;
mod traces;
mod why;
pub(crate) mod world;
