//! The step types: one file a kind, one table that lists them.
