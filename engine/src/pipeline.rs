//! What an author writes. Pure data and pure checks: reading YAML with its places is the shell's work, so that the HTTP
//! API and the console check the same thing by the same code.

pub mod definition;
pub mod graph;
pub mod mistake;
pub mod rate;
pub mod revision;

pub use definition::{Definition, Step};
pub use graph::{EdgeKind, Plan};
pub use mistake::Mistake;
