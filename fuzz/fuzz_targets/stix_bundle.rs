//! Feeds what libFuzzer makes to the reader `stix_bundle`.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| readers::read("stix_bundle", bytes));
