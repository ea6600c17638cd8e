//! Feeds what libFuzzer makes to the reader `lines_body`.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| readers::read("lines_body", bytes));
