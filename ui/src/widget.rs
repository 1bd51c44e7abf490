//! What screens are made of. Each widget is a plain value and a function that draws it into a buffer: it knows no engine, no
//! key table and no clock, so that every one is tested on a bare buffer, an empty area included.
//!
//! Text from outside reaches a buffer only through [`safe_text`].

pub mod diff;
pub mod figures;
pub mod form;
pub mod graph;
pub mod histogram;
pub mod ink;
pub mod json_tree;
pub mod look;
pub mod safe_text;
pub mod spark;
pub mod table;
pub mod text_view;
pub mod window;

pub use look::Look;
pub use window::Window;
