//! Feeds what libFuzzer makes to the reader `invite_code`.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| readers::read("invite_code", bytes));
