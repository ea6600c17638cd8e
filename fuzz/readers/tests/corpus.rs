//! Every reader over its corpus, and over a bounded number of seeded damages to it.
//!
//! What a fuzzer found goes into `fuzz/corpus/<reader>/` and stays.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test ends at its first surprise")]

use std::collections::BTreeSet;
use std::panic::AssertUnwindSafe;
use std::path::{Path, PathBuf};

use readers::mutation::{Dice, damaged};
use readers::{READERS, Reader};

fn fuzz_folder() -> PathBuf {
    let own = Path::new(env!("CARGO_MANIFEST_DIR"));
    own.parent().expect("readers lies in fuzz").to_path_buf()
}

fn corpus(reader: &str) -> Vec<(String, Vec<u8>)> {
    let folder = fuzz_folder().join("corpus").join(reader);
    let entries = std::fs::read_dir(&folder).unwrap_or_else(|e| panic!("{}: {e}", folder.display()));
    let mut inputs: Vec<(String, Vec<u8>)> = entries
        .map(|entry| {
            let path = entry.unwrap().path();
            let name = path.file_name().unwrap().to_string_lossy().into_owned();
            (name, std::fs::read(&path).unwrap())
        })
        .collect();
    inputs.sort();
    assert!(!inputs.is_empty(), "{} is empty", folder.display());
    inputs
}

/// Reads one input; a panic is told with what repeats it.
fn read(reader: &Reader, input: &[u8], origin: &str) {
    let outcome = std::panic::catch_unwind(AssertUnwindSafe(|| (reader.read)(input)));
    assert!(outcome.is_ok(), "{} panicked on {origin}, {} bytes:\n{}", reader.name, input.len(), input.escape_ascii());
}

fn check(name: &str) {
    let reader = READERS.iter().find(|reader| reader.name == name);
    let reader = reader.unwrap_or_else(|| panic!("there is no reader {name}"));
    let inputs = corpus(name);
    for (file, input) in &inputs {
        read(reader, input, file);
    }
    for seed in 0..reader.damages {
        let mut dice = Dice::new(seed);
        let (file, input) = &inputs[dice.below(inputs.len())];
        let (_, other) = &inputs[dice.below(inputs.len())];
        let input = damaged(input, other, &mut dice);
        read(reader, &input, &format!("{file} damaged with seed {seed}"));
    }
}

macro_rules! each_reader {
    ($($name:ident)*) => {
        $(#[test] fn $name() { check(stringify!($name)); })*
        const TESTED: &[&str] = &[$(stringify!($name)),*];
    };
}

each_reader! {
    atna
    bulk_body
    config
    event_log_segment
    event_stream
    evtx
    invite_code
    json_event
    json_objects
    lines_body
    link_message
    log_file
    log_line
    mapping
    sigma_rule
    stix_bundle
    syslog_framing
}

#[test]
fn every_reader_has_a_test_a_corpus_and_a_fuzz_target() {
    let readers: BTreeSet<String> = READERS.iter().map(|reader| reader.name.to_string()).collect();
    let tested: BTreeSet<String> = TESTED.iter().map(|name| (*name).to_string()).collect();
    let names_in = |folder: &str| -> BTreeSet<String> {
        let entries = std::fs::read_dir(fuzz_folder().join(folder)).unwrap();
        let paths = entries.map(|entry| entry.unwrap().path());
        paths.map(|path| path.file_stem().unwrap().to_string_lossy().into_owned()).collect()
    };
    assert_eq!(tested, readers, "fuzz/readers/tests/corpus.rs");
    assert_eq!(names_in("corpus"), readers, "fuzz/corpus");
    assert_eq!(names_in("fuzz_targets"), readers, "fuzz/fuzz_targets");
}
