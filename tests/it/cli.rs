//! The command line, called as the binary calls it.

#![expect(clippy::unwrap_used, reason = "tests; the lint spares only the functions marked as such")]

mod actions;
mod backup;
mod check;
mod doctor;
mod events;
mod mutations;
mod running_events;
mod schema;
mod test;
