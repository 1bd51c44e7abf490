//! See `checks/keys.rs`.

#![no_main]

#[path = "../checks/keys.rs"]
mod checks;

libfuzzer_sys::fuzz_target!(|input: &[u8]| checks::check(input));
