//! Feeds what libFuzzer makes to the reader `log_line`.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| readers::read("log_line", bytes));
