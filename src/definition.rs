//! Pipeline files: reading YAML with its places, checking everything at once.

pub mod schema_check;

pub use schema_check::schema_mistakes;
