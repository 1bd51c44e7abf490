//! A cursor on the log: never loses, never repeats.
