//! Steps that do what a test says.
