//! Every reader of outside bytes as a function that takes any bytes at all.
//!
//! A crate of its own so that the fuzzers (`fuzz/`, libFuzzer, not part of the
//! build) and the ordinary tests (`tests/corpus.rs`, part of every check) run
//! the very same functions. A reader passes when it returns: what it says of
//! the bytes is the business of its crate's own tests, but what must hold for
//! all bytes is asserted here.

mod logs;
pub mod mutation;
mod network;
mod people;
mod rules;
mod stored;

/// One reader.
pub struct Reader {
    /// Its name: the folder of its corpus, its test and its fuzz target.
    pub name: &'static str,
    /// Reads the bytes. Panics if anything is wrong with the reader.
    pub read: fn(&[u8]),
    /// How many damaged inputs the tests try: fewer where each one touches the disk.
    pub damages: u64,
}

/// All of them.
pub const READERS: &[Reader] = &[
    Reader { name: "atna", read: logs::atna, damages: 4_000 },
    Reader { name: "bulk_body", read: network::bulk_body, damages: 4_000 },
    Reader { name: "config", read: people::config, damages: 4_000 },
    Reader { name: "event_log_segment", read: stored::event_log_segment, damages: 500 },
    Reader { name: "event_stream", read: network::event_stream, damages: 4_000 },
    Reader { name: "evtx", read: logs::evtx, damages: 4_000 },
    Reader { name: "invite_code", read: people::invite_code, damages: 4_000 },
    Reader { name: "json_event", read: logs::json_event, damages: 4_000 },
    Reader { name: "json_objects", read: logs::json_objects, damages: 4_000 },
    Reader { name: "lines_body", read: network::lines_body, damages: 4_000 },
    Reader { name: "link_message", read: network::link_message, damages: 4_000 },
    Reader { name: "log_file", read: logs::log_file, damages: 4_000 },
    Reader { name: "log_line", read: logs::log_line, damages: 4_000 },
    Reader { name: "mapping", read: rules::mapping, damages: 4_000 },
    Reader { name: "sigma_rule", read: rules::sigma_rule, damages: 4_000 },
    Reader { name: "stix_bundle", read: people::stix_bundle, damages: 4_000 },
    Reader { name: "syslog_framing", read: network::syslog_framing, damages: 4_000 },
];

/// Runs the reader of that name. Panics if there is none.
pub fn read(name: &str, bytes: &[u8]) {
    let reader = READERS.iter().find(|reader| reader.name == name);
    assert!(reader.is_some(), "there is no reader {name}");
    if let Some(reader) = reader {
        (reader.read)(bytes);
    }
}
