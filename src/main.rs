//! The `flexcore` binary.

fn main() {}
