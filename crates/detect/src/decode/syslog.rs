//! The syslog header in every form seen on the wire: RFC 5424, RFC 3164 with and without host, year or tag,
//! ESXi's `In(166)` severity token, and files that carry no priority at all.
//! A file of its own because the header says nothing about the body: that is the other decoders' work.

use super::cursor::Cursor;
use super::pairs::Pairs;
use super::{stamp, structured_data};

/// What a header said; the body is not looked at.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Header<'a> {
    /// `facility * 8 + severity`, 0–191 (RFC 5424 §6.2.1); absent in files.
    pub priority: Option<u8>,
    /// As written; zone or year may be missing.
    pub timestamp: Option<&'a str>,
    /// Name or address of the sender as it calls itself.
    pub hostname: Option<&'a str>,
    /// APP-NAME or the tag.
    pub program: Option<&'a str>,
    /// PROCID or what stood in brackets behind the tag.
    pub pid: Option<&'a str>,
    /// MSGID (RFC 5424 only).
    pub msgid: Option<&'a str>,
    /// Everything behind the header, without byte order mark.
    pub body: &'a str,
}

/// Reads a header. `None` where the text starts with neither a priority nor a timestamp.
/// Shape: structured data goes into `pairs` as `sd.<id>.<name>`; the header itself only into the result.
pub fn read<'a>(text: &'a str, pairs: &mut Pairs<'a>) -> Option<Header<'a>> {
    let (priority, behind) = match priority(text) {
        Some((priority, behind)) => (priority, behind),
        None => (None, text),
    };
    let has_priority = behind.len() != text.len();
    let mut header = match rfc5424(behind, pairs) {
        Some(header) => header,
        None => legacy(behind, has_priority)?,
    };
    header.priority = header.priority.or(priority);
    header.body = header.body.trim_start_matches('\u{feff}');
    Some(header)
}

/// Adds the header's parts as `syslog.*`; facility and severity as the words of RFC 5424.
pub fn push<'a>(header: &Header<'a>, pairs: &mut Pairs<'a>) {
    if let Some(priority) = header.priority {
        pairs.push("syslog.facility", facility_word(priority / 8));
        pairs.push("syslog.severity", severity_word(priority % 8));
    }
    pairs.push_some("syslog.timestamp", header.timestamp);
    pairs.push_some("syslog.hostname", header.hostname);
    pairs.push_some("syslog.program", header.program);
    pairs.push_some("syslog.pid", header.pid);
    pairs.push_some("syslog.msgid", header.msgid);
}

/// Splits `<PRI>` off; a number above 191 is swallowed but gives no priority.
pub(crate) fn priority(text: &str) -> Option<(Option<u8>, &str)> {
    let mut cursor = Cursor::new(text);
    cursor.eat("<").then_some(())?;
    let digits = cursor.take_while(|c| c.is_ascii_digit());
    let sane = (1..=3).contains(&digits.len()) && cursor.eat(">");
    sane.then(|| (digits.parse::<u8>().ok().filter(|p| *p <= 191), cursor.rest()))
}

/// `VERSION SP TIMESTAMP SP HOST SP APP SP PROCID SP MSGID SP SD [SP MSG]`; senders that leave PROCID out are
/// recognised by the structured data coming too early.
fn rfc5424<'a>(text: &'a str, pairs: &mut Pairs<'a>) -> Option<Header<'a>> {
    let mut cursor = Cursor::new(text);
    let version = cursor.take_while(|c| c.is_ascii_digit());
    if !(1..=2).contains(&version.len()) || !cursor.eat(" ") {
        return None;
    }
    let timestamp = cursor.word()?;
    if timestamp != "-" && stamp::split(timestamp).is_none() {
        return None;
    }
    let mut words: Vec<Option<&'a str>> = Vec::with_capacity(4);
    while words.len() < 4 && !matches!(cursor.peek(), Some('[') | None) {
        words.push(cursor.word().filter(|word| *word != "-"));
    }
    let mut words = words.into_iter();
    let mut next = || words.next().flatten();
    let (hostname, program, pid, msgid) = (next(), next(), next(), next());
    let body = structured_data::read(cursor.rest(), pairs);
    Some(Header { timestamp: present(timestamp), hostname, program, pid, msgid, body, priority: None })
}

fn present(word: &str) -> Option<&str> {
    (word != "-").then_some(word)
}

/// RFC 3164 and everything that only resembles it.
fn legacy(text: &str, has_priority: bool) -> Option<Header<'_>> {
    let Some((timestamp, behind)) = stamp::split(text) else {
        return has_priority.then(|| tagged(text));
    };
    let mut cursor = Cursor::new(behind);
    let priority = after_timestamp(&mut cursor);
    cursor.skip_spaces();
    let mut header = host_and_tag(cursor.rest());
    header.timestamp = Some(timestamp);
    header.priority = priority;
    Some(header)
}

/// Skips a zone name or colon and reads a priority that comes late: Veeam's `<14>` behind the time, or ESXi 8's
/// severity token, e.g. `In(166)`, whose number is the priority.
fn after_timestamp(cursor: &mut Cursor<'_>) -> Option<u8> {
    let _ = cursor.eat(":");
    cursor.skip_spaces();
    if let Some((late, behind)) = priority(cursor.rest()) {
        *cursor = Cursor::new(behind);
        return late;
    }
    let mut token = *cursor;
    let letters = token.take_while(|c| c.is_ascii_alphabetic());
    if (1..=3).contains(&letters.len()) && token.eat("(") {
        let number = token.take_while(|c| c.is_ascii_digit());
        if token.eat(") ") {
            *cursor = token;
            return number.parse().ok().filter(|p| *p <= 191);
        }
    }
    let zone = *cursor;
    let name = cursor.take_while(|c| c.is_ascii_uppercase());
    if !((2..=5).contains(&name.len()) && cursor.eat(":")) {
        *cursor = zone;
    }
    None
}

/// Host, then tag; the host is missing where the first word is already a tag (`su[12]:`, `%ASA-6-…:`).
fn host_and_tag(text: &str) -> Header<'_> {
    let mut cursor = Cursor::new(text);
    let first = cursor.take_while(|c| c != ' ');
    let is_tag = first.ends_with(':') || first.ends_with("]:") || first.is_empty() || first.contains('=');
    if is_tag || cursor.is_empty() {
        return tagged(text);
    }
    cursor.skip_spaces();
    let mut header = tagged(cursor.rest());
    header.hostname = Some(first);
    header
}

/// `program[pid]: body` or `program: body`; without a colon there is no tag, all is body.
fn tagged(text: &str) -> Header<'_> {
    let untagged = Header { body: text, ..Header::default() };
    let mut cursor = Cursor::new(text);
    let program = cursor.take_while(|c| !matches!(c, ' ' | '[' | ':' | '=' | '{' | '<' | '"' | '|'));
    if program.is_empty() || program.len() > 64 {
        return untagged;
    }
    let mut pid = None;
    if cursor.eat("[") {
        match cursor.take_until("]") {
            Some(inside) if !inside.contains(' ') => pid = Some(inside),
            _ => return untagged,
        }
    }
    if !cursor.eat(":") {
        return match pid {
            Some(_) if cursor.eat(" ") => {
                Header { program: Some(program), pid, body: cursor.rest(), ..Header::default() }
            }
            _ => untagged,
        };
    }
    // `12:30:01` or `CEF:0|…` is no tag: a tag's colon is followed by a space or the end
    if !(cursor.is_empty() || cursor.eat(" ")) {
        return untagged;
    }
    Header { program: Some(program), pid, body: cursor.rest(), ..Header::default() }
}

/// The facility keyword, RFC 5424 table 1 with the names that syslog.conf uses.
pub(crate) fn facility_word(facility: u8) -> &'static str {
    const WORDS: [&str; 24] = [
        "kern", "user", "mail", "daemon", "auth", "syslog", "lpr", "news", "uucp", "cron", "authpriv", "ftp", "ntp",
        "audit", "alert", "clock", "local0", "local1", "local2", "local3", "local4", "local5", "local6", "local7",
    ];
    WORDS.get(usize::from(facility)).copied().unwrap_or("unknown")
}

/// The severity keyword, RFC 5424 table 2 with the names that syslog.conf uses.
pub(crate) fn severity_word(severity: u8) -> &'static str {
    const WORDS: [&str; 8] = ["emerg", "alert", "crit", "err", "warning", "notice", "info", "debug"];
    WORDS.get(usize::from(severity)).copied().unwrap_or("unknown")
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Compares `priority|timestamp|host|program|pid|msgid|body`, with `-` for what is absent.
    fn check(text: &str, expected: &str) {
        let mut pairs = Pairs::new();
        let shown = match read(text, &mut pairs) {
            None => "none".to_owned(),
            Some(h) => {
                let or = |part: Option<&str>| part.unwrap_or("-").to_owned();
                let priority = h.priority.map_or("-".to_owned(), |p| p.to_string());
                let parts = [priority, or(h.timestamp), or(h.hostname), or(h.program), or(h.pid), or(h.msgid)];
                format!("{}|{}", parts.join("|"), h.body)
            }
        };
        assert_eq!(shown, expected, "{text}");
    }

    #[test]
    fn rfc_5424_headers() {
        check(
            r#"<13>1 2026-11-24T08:16:53.298343+00:00 vm orthanc - - [timeQuality tzKnown="1"] C-FIND from M1"#,
            "13|2026-11-24T08:16:53.298343+00:00|vm|orthanc|-|-|C-FIND from M1",
        );
        check("<12>1 2026-11-24T08:16:54Z vm r 12412 - - \u{feff}hello", "12|2026-11-24T08:16:54Z|vm|r|12412|-|hello");
        check("<85>1 - - - - IHE+RFC-3881 - <?xml?>", "85|-|-|-|-|IHE+RFC-3881|<?xml?>");
        check("<13>1 2026-11-24T08:16:54Z vm app - -", "13|2026-11-24T08:16:54Z|vm|app|-|-|");
        check(r#"<13>1 2026-11-24T08:16:54Z vm app [a@1 x="1"] m"#, "13|2026-11-24T08:16:54Z|vm|app|-|-|m");
    }

    #[test]
    fn rfc_3164_headers() {
        check("<13>Nov 24 08:16:53 vm kis-app: 3164 lf", "13|Nov 24 08:16:53|vm|kis-app|-|-|3164 lf");
        check(
            "<34>Oct 11 22:14:15 mymachine su: 'su root' failed",
            "34|Oct 11 22:14:15|mymachine|su|-|-|'su root' failed",
        );
        check(
            "Oct  9 10:36:36 srv36 sshd[5130]: Failed password",
            "-|Oct  9 10:36:36|srv36|sshd|5130|-|Failed password",
        );
        check("<86>Nov 24 08:16:53 su[12]: opened", "86|Nov 24 08:16:53|-|su|12|-|opened");
        check("<166>Nov 24 2026 08:16:53: %ASA-6-302013: Built", "166|Nov 24 2026 08:16:53|-|%ASA-6-302013|-|-|Built");
        check("<30>app: no time", "30|-|-|app|-|-|no time");
        check("<999>x: y", "-|-|-|x|-|-|y");
        check(
            "2026-11-24T08:16:53+01:00 vm sudo: root : TTY=pts/0",
            "-|2026-11-24T08:16:53+01:00|vm|sudo|-|-|root : TTY=pts/0",
        );
        check("<14>Nov 24 08:16:53 fw CEF:0|a|b", "14|Nov 24 08:16:53|fw|-|-|-|CEF:0|a|b");
    }

    #[test]
    fn vmware_headers() {
        check(
            "2023-12-05T17:35:29.045Z In(166) Hostd[1050749]: [Originator@6876 sub=Vimsvc] Event 129 : SSH",
            "166|2023-12-05T17:35:29.045Z|-|Hostd|1050749|-|[Originator@6876 sub=Vimsvc] Event 129 : SSH",
        );
        check(
            "<166>2023-12-05T17:35:29.045Z esx01.kh.local Hostd: info hostd[2099540] [Originator@6876 sub=V] x",
            "166|2023-12-05T17:35:29.045Z|esx01.kh.local|Hostd|-|-|info hostd[2099540] [Originator@6876 sub=V] x",
        );
    }

    #[test]
    fn veeam_headers() {
        check(
            r#"1 2025-11-23T15:24:04.456842+02:00 VBRSRV01 Veeam_MP - - [origin enterpriseId="31023"] [categoryId=0 instanceId=110]"#,
            "-|2025-11-23T15:24:04.456842+02:00|VBRSRV01|Veeam_MP|-|-|",
        );
        check(
            "2023-11-03T13:30:25.182677+01:00 <14> VBRSRV01 Veeam_MP  [categoryId=0 instanceId=110]",
            "14|2023-11-03T13:30:25.182677+01:00|VBRSRV01|-|-|-|Veeam_MP  [categoryId=0 instanceId=110]",
        );
    }

    #[test]
    fn bodies_without_header_stay_whole() {
        check(
            r#"<189>date=2026-11-24 time=08:16:53 devname="FG""#,
            r#"189|-|-|-|-|-|date=2026-11-24 time=08:16:53 devname="FG""#,
        );
        check("<189>logver=700 timestamp=1", "189|-|-|-|-|-|logver=700 timestamp=1");
        check("<14>Nov 24 08:16:53 vm {\"a\":1}", "14|Nov 24 08:16:53|vm|-|-|-|{\"a\":1}");
        check("just words", "none");
        check("", "none");
    }
}
