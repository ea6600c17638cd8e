//! Lines of the Linux audit daemon, plain, through syslog (`audit[12]:`, `audispd:`) and in enriched form.
//! A file of its own because auditd nests pairs (`msg='…'`), writes untrusted text as hexadecimal and joins two halves
//! with the byte 0x1D.

use std::borrow::Cow;

use super::cursor::{Cursor, between};
use super::pairs::Pairs;

/// The most arguments of one EXECVE record that are joined into `CommandLine`.
const ARGUMENTS_MAX: usize = 256;

/// Whether a body is an audit record.
pub fn is_record(body: &str) -> bool {
    let start = record_start(body);
    start.is_some_and(|text| text.contains("audit("))
}

/// Behind an optional `node=…`, the text from `type=` (or from `audit(` in the kernel's own form) on.
fn record_start(body: &str) -> Option<&str> {
    let text = body.trim_start();
    let text = match text.strip_prefix("node=") {
        Some(behind) => behind.split_once(' ')?.1,
        None => text,
    };
    let text = text.strip_prefix("audit: ").unwrap_or(text);
    (text.starts_with("type=") || text.starts_with("msg=audit(")).then_some(text)
}

/// Reads a record: pairs under auditd's own names, hexadecimal text decoded.
/// Shape: also `audit_time` (epoch seconds), `audit_serial`, and for EXECVE the joined `CommandLine`.
pub fn read<'a>(body: &'a str, pairs: &mut Pairs<'a>) -> Option<()> {
    let text = body.trim_start();
    if let Some(node) = text.strip_prefix("node=").and_then(|rest| rest.split(' ').next()) {
        pairs.push("node", node);
    }
    let text = record_start(text)?;
    let stamp = between(text, "audit(", ")")?;
    if let Some((time, serial)) = stamp.rsplit_once(':') {
        pairs.push("audit_time", time);
        pairs.push("audit_serial", serial);
    }
    let kind = text.strip_prefix("type=").and_then(|rest| rest.split(' ').next()).unwrap_or("");
    let kind = type_name(kind);
    pairs.push("type", kind);
    let (_, fields) = text.split_once(')')?;
    let mut arguments = Vec::new();
    let start = fields.strip_prefix(':').unwrap_or(fields);
    for half in start.split('\u{1d}') {
        half_of(half, kind, pairs, &mut arguments);
    }
    if kind == "EXECVE" && !arguments.is_empty() {
        pairs.push("CommandLine", arguments.join(" "));
    }
    Some(())
}

/// The kernel's numbers of the records that rules name (linux/audit.h), for the form `audit: type=1309`.
fn type_name(kind: &str) -> &str {
    match kind {
        "1300" => "SYSCALL",
        "1302" => "PATH",
        "1305" => "CONFIG_CHANGE",
        "1307" => "CWD",
        "1309" => "EXECVE",
        "1327" => "PROCTITLE",
        "1130" => "SERVICE_START",
        "1131" => "SERVICE_STOP",
        other => other,
    }
}

fn half_of<'a>(text: &'a str, kind: &str, pairs: &mut Pairs<'a>, arguments: &mut Vec<String>) {
    let mut cursor = Cursor::new(text);
    loop {
        cursor.skip_spaces();
        let key = cursor.take_while(|c| !matches!(c, '=' | ' '));
        if key.is_empty() {
            return;
        }
        if !cursor.eat("=") {
            continue;
        }
        if key == "msg" && cursor.eat("'") {
            let inside = cursor.take_until("'").unwrap_or_else(|| cursor.rest());
            half_of(inside, "", pairs, arguments);
            continue;
        }
        let value = value(&mut cursor, key, kind);
        if kind == "EXECVE" && is_argument(key) && arguments.len() < ARGUMENTS_MAX {
            arguments.push(value.clone().into_owned());
        }
        pairs.push(key, value);
    }
}

/// `a0`, `a1`, … but not `argc` or `a0_len`.
fn is_argument(key: &str) -> bool {
    key.strip_prefix('a').is_some_and(|digits| !digits.is_empty() && digits.bytes().all(|b| b.is_ascii_digit()))
}

/// A quoted value is literal; an unquoted one of a text field is hexadecimal.
fn value<'a>(cursor: &mut Cursor<'a>, key: &str, kind: &str) -> Cow<'a, str> {
    if cursor.eat("\"") {
        let inside = cursor.take_until("\"");
        return Cow::Borrowed(inside.unwrap_or_else(|| cursor.take_while(|c| c != ' ')));
    }
    let raw = cursor.take_while(|c| c != ' ');
    let is_text =
        matches!(key, "comm" | "exe" | "name" | "cwd" | "proctitle" | "path" | "cmd" | "acct" | "data" | "key")
            || (kind == "EXECVE" && is_argument(key));
    match is_text.then(|| from_hex(raw)).flatten() {
        Some(text) => Cow::Owned(text),
        None => Cow::Borrowed(raw),
    }
}

/// Hexadecimal bytes as text; NUL (between the words of a proctitle) and 0x01 (between keys) become spaces.
fn from_hex(raw: &str) -> Option<String> {
    if raw.len() < 2 || !raw.len().is_multiple_of(2) || !raw.bytes().all(|b| b.is_ascii_hexdigit()) {
        return None;
    }
    let bytes: Option<Vec<u8>> = raw
        .as_bytes()
        .chunks(2)
        .map(|pair| {
            let text = std::str::from_utf8(pair).ok()?;
            u8::from_str_radix(text, 16).ok().map(|byte| if byte <= 1 { b' ' } else { byte })
        })
        .collect();
    Some(String::from_utf8_lossy(&bytes?).into_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(line: &str) -> Pairs<'_> {
        let mut pairs = Pairs::new();
        assert!(is_record(line), "{line}");
        read(line, &mut pairs).unwrap();
        pairs
    }

    #[test]
    fn execve_with_hexadecimal_arguments() {
        let pairs = found(r#"type=EXECVE msg=audit(1760000003.490:3): argc=3 a0="bash" a1="-c" a2=6563686F206869"#);
        assert_eq!(pairs.get("a2"), Some("echo hi"));
        assert_eq!(pairs.get("CommandLine"), Some("bash -c echo hi"));
        assert_eq!(pairs.get("audit_time"), Some("1760000003.490"));
    }

    #[test]
    fn syscall_enriched() {
        let line = "node=srv1 type=SYSCALL msg=audit(1364481363.243:24287): arch=c000003e syscall=59 success=yes exit=0 a0=7fff pid=3538 comm=\"cat\" exe=\"/bin/cat\" key=\"sshd_config\"\u{1d}ARCH=x86_64 SYSCALL=execve UID=\"root\"";
        let pairs = found(line);
        let check = |name: &str, value: &str| assert_eq!(pairs.get(name), Some(value), "{name}");
        check("node", "srv1");
        check("syscall", "59");
        check("SYSCALL", "execve");
        check("a0", "7fff");
        check("UID", "root");
        check("exe", "/bin/cat");
    }

    #[test]
    fn nested_message_and_proctitle() {
        let pairs = found(
            "type=USER_AUTH msg=audit(1364475353.159:24270): pid=3280 uid=0 msg='op=PAM:authentication acct=\"root\" exe=\"/usr/bin/sudo\" hostname=? res=failed'",
        );
        assert_eq!(pairs.get("acct"), Some("root"));
        assert_eq!(pairs.get("res"), Some("failed"));
        let pairs = found("audit: type=1327 audit(1.2:3): proctitle=63617400 2F6574632F");
        assert_eq!(pairs.get("type"), Some("PROCTITLE"));
        assert_eq!(pairs.get("proctitle"), Some("cat "));
    }

    #[test]
    fn other_lines_are_not_records() {
        for line in ["", "type=", "Failed password", "node=x", "{\"type\":\"EXECVE\"}"] {
            assert!(!is_record(line), "{line}");
        }
    }
}
