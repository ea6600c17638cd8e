//! Feeds what libFuzzer makes to the reader `syslog_framing`.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| readers::read("syslog_framing", bytes));
