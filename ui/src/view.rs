//! Drawing. It only reads.
