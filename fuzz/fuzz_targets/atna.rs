//! Feeds what libFuzzer makes to the reader `atna`.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| readers::read("atna", bytes));
