//! See `checks/pipeline.rs`.

#![no_main]

#[path = "../checks/pipeline.rs"]
mod checks;

libfuzzer_sys::fuzz_target!(|input: &[u8]| checks::check(input));
