//! Feeds what libFuzzer makes to the reader `mapping`.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| readers::read("mapping", bytes));
