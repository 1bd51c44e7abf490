//! One attempt of a run, moving: sources feed bounded edges, transforms and sinks drain them, acknowledgements travel
//! back, checkpoints follow the sinks.

pub mod dry_run;
pub mod log;
