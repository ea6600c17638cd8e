//! Feeds what libFuzzer makes to the reader `log_file`.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| readers::read("log_file", bytes));
