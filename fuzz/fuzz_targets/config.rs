//! Feeds what libFuzzer makes to the reader `config`.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| readers::read("config", bytes));
