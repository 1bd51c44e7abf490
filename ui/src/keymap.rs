//! The one table of keys. Dispatcher, footer, help, palette and the documentation are all drawn from it, so none of them can
//! say something else than what happens.

pub mod action;
pub mod table;

pub use action::{Action, Scope};
