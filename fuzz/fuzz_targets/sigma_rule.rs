//! Feeds what libFuzzer makes to the reader `sigma_rule`.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| readers::read("sigma_rule", bytes));
