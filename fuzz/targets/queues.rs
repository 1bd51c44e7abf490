//! See `checks/queues.rs`.

#![no_main]

#[path = "../checks/queues.rs"]
mod checks;
#[path = "../checks/files.rs"]
mod files;

libfuzzer_sys::fuzz_target!(|input: &[u8]| checks::check(input));
