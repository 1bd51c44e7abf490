//! Consoles on engines elsewhere: what they show is what the engine has, whatever the line does.

#![expect(clippy::unwrap_used, reason = "tests; the lint spares only the functions marked as such")]

mod back;
mod cut;
mod kept;
mod link;
mod open;
mod presence;
mod quiet;
mod restarted;
mod slow;
mod web;
mod world;
