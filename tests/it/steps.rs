//! Step types, each built by the table as the engine builds it, on real files, processes and sockets.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on says where")]

mod dedupe;
mod events;
mod file_read;
mod file_write;
mod generate;
mod http_send;
mod jq_limits;
mod map;
mod printing;
mod process_read;
mod process_run;
mod process_transform;
mod queues;
mod records_jq;
mod route;
mod table;
mod throttle;
pub(crate) mod world;
