//! Readers of what people hand over as a file or paste as a line.

use std::path::Path;

use app::invite_code::InviteCode;
use lazaret::config::Config;

/// A configuration file.
pub fn config(bytes: &[u8]) {
    let text = String::from_utf8_lossy(bytes);
    if let Err(problems) = Config::read(&text, Path::new("/somewhere")) {
        assert!(!problems.is_empty(), "refused without a reason");
        for problem in problems {
            assert!(!problem.what.is_empty() && !problem.instead.is_empty(), "a problem without words");
        }
    }
}

/// An invite code.
pub fn invite_code(bytes: &[u8]) {
    if let Ok(code) = InviteCode::read(&String::from_utf8_lossy(bytes)) {
        assert_eq!(InviteCode::read(&code.text()), Ok(code));
    }
}

/// A STIX bundle, for its indicators.
pub fn stix_bundle(bytes: &[u8]) {
    let recognised = standards::stix::looks_like_bundle(bytes);
    let read = standards::stix::read_indicators(bytes, jiff::Timestamp::UNIX_EPOCH);
    assert!(
        recognised || read.is_err() || read.is_ok_and(|read| read.indicators.is_empty()),
        "read but not recognised"
    );
}
