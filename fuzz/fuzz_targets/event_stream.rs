//! Feeds what libFuzzer makes to the reader `event_stream`.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| readers::read("event_stream", bytes));
