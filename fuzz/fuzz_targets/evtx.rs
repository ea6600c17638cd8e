//! Feeds what libFuzzer makes to the reader `evtx`.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| readers::read("evtx", bytes));
