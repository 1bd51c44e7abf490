//! See `checks/jq.rs`.

#![no_main]

#[path = "../checks/jq.rs"]
mod checks;

libfuzzer_sys::fuzz_target!(|input: &[u8]| checks::check(input));
