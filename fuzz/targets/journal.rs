//! See `checks/journal.rs`.

#![no_main]

#[path = "../checks/journal.rs"]
mod checks;
#[path = "../checks/files.rs"]
mod files;

libfuzzer_sys::fuzz_target!(|input: &[u8]| checks::check(input));
