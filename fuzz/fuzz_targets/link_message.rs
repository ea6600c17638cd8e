//! Feeds what libFuzzer makes to the reader `link_message`.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| readers::read("link_message", bytes));
