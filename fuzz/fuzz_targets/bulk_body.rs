//! Feeds what libFuzzer makes to the reader `bulk_body`.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| readers::read("bulk_body", bytes));
