//! Pipeline files: reading YAML with its places, checking everything at once. The engine's checks know JSON pointers; here
//! they become lines and columns.

pub mod document;
pub mod files;
mod legacy;
pub mod load;
pub mod places;
mod scalar;
pub mod schema;
pub mod schema_check;
mod syntax;
pub mod templates;
pub mod trial;
pub mod variables;
mod waiting;

pub use files::{FileReport, load_paths};
pub use load::{Loaded, load};
pub use schema_check::schema_mistakes;
pub use templates::templates;
