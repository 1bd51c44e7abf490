//! The command line: one file a command.

pub mod check;
pub mod schema;
pub mod test;

/// It did what it was asked.
pub const DONE: i32 = 0;
/// It ran, and failed.
pub const FAILED: i32 = 1;
/// It was asked wrongly.
pub const ASKED_WRONGLY: i32 = 2;
