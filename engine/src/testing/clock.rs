//! A clock that a test moves.
