//! The shapes on the wire. They are the contract of this version of the API: fields are added, never changed; engine types
//! are turned into them and back, and stay free to change.

pub mod alerts;
pub mod checkpoints;
pub mod command;
pub mod console;
pub mod events;
pub mod health;
pub mod info;
pub mod page;
pub mod pipelines;
pub mod problem;
pub mod queues;
pub mod runs;
pub mod sessions;
pub mod why;
