//! Feeds what libFuzzer makes to the reader `json_event`.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| readers::read("json_event", bytes));
