//! Feeds what libFuzzer makes to the reader `json_objects`.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| readers::read("json_objects", bytes));
