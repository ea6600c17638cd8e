//! Plain log lines that a shipper wrapped into JSON: `{"message":"<34>Oct 11 …","host":…}`.
//! A file of its own because it must be cheap to say no: most JSON events carry no line at all.

use memchr::memmem;

use super::{access_log, auditd, keyvalue, orthanc, stamp, syslog};

/// The longest wrapped line that is decoded, in bytes.
const LINE_BYTES_MAX: usize = 64 * 1024;

/// The names under which Filebeat, Logstash, Fluent Bit and container runtimes put the line.
const NAMES: [&[u8]; 2] = [b"\"message\":", b"\"log\":"];

/// The line inside a JSON object, if it looks like one that has its own header.
pub(crate) fn line(object: &[u8]) -> Option<String> {
    NAMES.iter().find_map(|name| {
        let at = memmem::find(object, name)?;
        let text = object.get(at + name.len()..)?.trim_ascii_start();
        if !may_begin_a_line(text.get(1..)?) {
            return None;
        }
        let quoted = quoted(text)?;
        let line: String = serde_json::from_slice(quoted).ok()?;
        is_line(&line).then_some(line)
    })
}

/// A first look at raw bytes, before anything is unescaped: rendered Windows messages end here.
fn may_begin_a_line(raw: &[u8]) -> bool {
    let leads: [&[u8]; 9] =
        [b"date=", b"logver=", b"devname=", b"timestamp=", b"itime=", b"type=", b"node=", b"CEF:", b"LEEF:"];
    match raw {
        [b'<' | b'*' | b':' | b'0'..=b'9', ..] | [b'E' | b'W' | b'I' | b'T', b'0'..=b'9', ..] => true,
        // a month's name
        [b'A'..=b'Z', b'a'..=b'z', b'a'..=b'z', b' ', ..] => true,
        _ => leads.iter().any(|lead| raw.starts_with(lead)),
    }
}

/// The JSON string at the start, quotes included.
fn quoted(text: &[u8]) -> Option<&[u8]> {
    let inside = text.strip_prefix(b"\"")?;
    let mut from = 0;
    loop {
        let at = from + memchr::memchr2(b'"', b'\\', inside.get(from..)?)?;
        if at > LINE_BYTES_MAX {
            return None;
        }
        if inside.get(at) == Some(&b'"') {
            return text.get(..at + 2);
        }
        from = at + 2;
    }
}

fn is_line(text: &str) -> bool {
    syslog::priority(text).is_some()
        || stamp::split(text).is_some()
        || keyvalue::is_fortigate(text)
        || auditd::is_record(text)
        || orthanc::is_line(text)
        || text.starts_with("CEF:")
        || text.starts_with("LEEF:")
        || access_log::read(text, &mut super::Pairs::new()).is_some()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn wrapped_lines_are_found_and_sentences_left_alone() {
        let check =
            |object: &str, found: Option<&str>| assert_eq!(line(object.as_bytes()).as_deref(), found, "{object}");
        check(r#"{"host":"s","message":"Oct  9 10:07:07 s sshd[1]: \"x\""}"#, Some("Oct  9 10:07:07 s sshd[1]: \"x\""));
        check(r#"{"log": "<34>Oct 11 22:14:15 m su: f\n"}"#, Some("<34>Oct 11 22:14:15 m su: f\n"));
        check(r#"{"message":"An account was successfully logged on."}"#, None);
        check(r#"{"message":"Oct  9 10:07:07 torn"#, None);
        check(r#"{"message":17}"#, None);
        check(r#"{"message":"\"#, None);
    }
}
