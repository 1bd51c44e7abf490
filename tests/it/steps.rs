//! Step types, each built by the table as the engine builds it, on real files, processes and sockets.

mod file_read;
mod file_write;
mod generate;
mod jq_limits;
mod map;
mod table;
pub(crate) mod world;
