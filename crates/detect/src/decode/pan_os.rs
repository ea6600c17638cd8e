//! Palo Alto Networks PAN-OS: comma-separated values whose names follow from the log's type.
//! A file of its own because the names are nowhere in the line: they are these tables.
//! Source: PAN-OS 10.1 administrator's guide, *Syslog Field Descriptions*; newer versions append, so a table may be
//! shorter than the line.

use super::cursor::Cursor;
use super::pairs::Pairs;

/// Where the type stands, counted from 0.
const TYPE_AT: usize = 3;
/// The most values read of a line; the longest log of PAN-OS 11 has about 120.
const VALUES_MAX: usize = 160;

/// What every log begins with. An empty name is a column without meaning.
const HEAD: [&str; 7] = ["", "receive_time", "serial", "type", "subtype", "", "time_generated"];

/// Traffic and threat logs up to the action.
const SESSION: [&str; 24] = [
    "src",
    "dst",
    "natsrc",
    "natdst",
    "rule",
    "srcuser",
    "dstuser",
    "app",
    "vsys",
    "from",
    "to",
    "inbound_if",
    "outbound_if",
    "logset",
    "",
    "sessionid",
    "repeatcnt",
    "sport",
    "dport",
    "natsport",
    "natdport",
    "flags",
    "proto",
    "action",
];
const TRAFFIC: [&str; 23] = [
    "bytes",
    "bytes_sent",
    "bytes_received",
    "packets",
    "start",
    "elapsed",
    "category",
    "",
    "seqno",
    "actionflags",
    "srcloc",
    "dstloc",
    "",
    "pkts_sent",
    "pkts_received",
    "session_end_reason",
    "",
    "",
    "",
    "",
    "vsys_name",
    "device_name",
    "action_source",
];
const THREAT: [&str; 29] = [
    "misc",
    "threatid",
    "category",
    "severity",
    "direction",
    "seqno",
    "actionflags",
    "srcloc",
    "dstloc",
    "",
    "contenttype",
    "pcap_id",
    "filedigest",
    "cloud",
    "url_idx",
    "user_agent",
    "filetype",
    "xff",
    "referer",
    "sender",
    "subject",
    "recipient",
    "reportid",
    "",
    "",
    "",
    "",
    "vsys_name",
    "device_name",
];
const SYSTEM: [&str; 16] = [
    "vsys",
    "eventid",
    "object",
    "",
    "",
    "module",
    "severity",
    "opaque",
    "seqno",
    "actionflags",
    "",
    "",
    "",
    "",
    "vsys_name",
    "device_name",
];
const CONFIG: [&str; 17] = [
    "host",
    "vsys",
    "cmd",
    "admin",
    "client",
    "result",
    "path",
    "before",
    "after",
    "seqno",
    "actionflags",
    "",
    "",
    "",
    "",
    "vsys_name",
    "device_name",
];
const GLOBALPROTECT: [&str; 42] = [
    "vsys",
    "eventid",
    "stage",
    "auth_method",
    "tunnel_type",
    "srcuser",
    "srcregion",
    "machinename",
    "public_ip",
    "public_ipv6",
    "private_ip",
    "private_ipv6",
    "hostid",
    "serialnumber",
    "client_ver",
    "client_os",
    "client_os_ver",
    "repeatcnt",
    "reason",
    "error",
    "opaque",
    "status",
    "location",
    "login_duration",
    "connect_method",
    "error_code",
    "portal",
    "seqno",
    "actionflags",
    "high_res_timestamp",
    "selection_type",
    "response_time",
    "priority",
    "attempted_gateways",
    "gateway",
    "",
    "",
    "",
    "",
    "vsys_name",
    "device_name",
    "vsys_id",
];
const AUTHENTICATION: [&str; 15] = [
    "vsys",
    "ip",
    "user",
    "normalize_user",
    "object",
    "authpolicy",
    "repeatcnt",
    "authid",
    "vendor",
    "logset",
    "serverprofile",
    "desc",
    "clienttype",
    "event",
    "factorno",
];

/// The tables behind [`HEAD`] for a type.
fn tables(kind: &str) -> Option<[&'static [&'static str]; 2]> {
    Some(match kind {
        "TRAFFIC" => [&SESSION, &TRAFFIC],
        "THREAT" => [&SESSION, &THREAT],
        "SYSTEM" => [&SYSTEM, &[]],
        "CONFIG" => [&CONFIG, &[]],
        "GLOBALPROTECT" => [&GLOBALPROTECT, &[]],
        "AUTHENTICATION" => [&AUTHENTICATION, &[]],
        _ => return None,
    })
}

/// Adds the named values of a line; `None` where it is no such log.
/// Shape: empty values are left out. Limits: [`VALUES_MAX`] values.
pub fn read<'a>(body: &'a str, pairs: &mut Pairs<'a>) -> Option<()> {
    let mut head = body.splitn(TYPE_AT + 2, ',');
    let (_, received, _) = (head.next()?, head.next()?, head.next()?);
    let tables = tables(head.next()?).filter(|_| is_time(received))?;
    let names = HEAD.iter().chain(tables[0]).chain(tables[1]);
    let mut rest = Some(body);
    for name in names.take(VALUES_MAX) {
        let Some(text) = rest else { break };
        let (value, behind) = value(text);
        rest = behind;
        if name.is_empty() || value.is_empty() {
            continue;
        }
        match value.contains("\"\"") {
            true => pairs.push(*name, value.replace("\"\"", "\"")),
            false => pairs.push(*name, value),
        }
    }
    Some(())
}

/// The first value, and what stands behind its comma. A quoted value may hold commas and doubled quotes.
fn value(text: &str) -> (&str, Option<&str>) {
    let Some(inside) = text.strip_prefix('"') else {
        return match text.split_once(',') {
            Some((value, behind)) => (value, Some(behind)),
            None => (text.trim_end(), None),
        };
    };
    let mut from = 0;
    while let Some(found) = inside.get(from..).and_then(|rest| rest.find('"')) {
        let at = from + found;
        let behind = inside.get(at + 1..).unwrap_or_default();
        if behind.starts_with('"') {
            from = at + 2;
            continue;
        }
        return (inside.get(..at).unwrap_or_default(), behind.strip_prefix(','));
    }
    (inside, None)
}

/// `2026/11/24 08:16:53`.
fn is_time(text: &str) -> bool {
    let mut cursor = Cursor::new(text);
    let digits = |cursor: &mut Cursor<'_>, count: usize| cursor.take_while(|c| c.is_ascii_digit()).len() == count;
    digits(&mut cursor, 4)
        && cursor.eat("/")
        && digits(&mut cursor, 2)
        && cursor.eat("/")
        && digits(&mut cursor, 2)
        && cursor.eat(" ")
        && digits(&mut cursor, 2)
        && cursor.eat(":")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read_all(body: &str) -> Option<Pairs<'_>> {
        let mut pairs = Pairs::new();
        read(body, &mut pairs).map(|()| pairs)
    }

    #[test]
    fn columns_get_the_names_of_their_log() {
        let pairs = read_all(
            "1,2026/11/24 08:16:53,007951000342871,SYSTEM,auth,2560,2026/11/24 08:16:52,,auth-fail,,0,0,general,medium,\
             \"failed authentication for user 'svc', reason: \"\"bad\"\" password. From: 9.9.9.9.\",71,0x0",
        )
        .unwrap();
        assert_eq!(pairs.get("subtype"), Some("auth"));
        assert_eq!(pairs.get("eventid"), Some("auth-fail"));
        assert_eq!(
            pairs.get("opaque"),
            Some("failed authentication for user 'svc', reason: \"bad\" password. From: 9.9.9.9.")
        );
        assert_eq!(pairs.get("seqno"), Some("71"));
        assert_eq!(pairs.get("vsys"), None, "an empty value is none");
    }

    #[test]
    fn a_line_that_ends_early_or_has_no_end_of_quote_keeps_what_it_says() {
        let pairs = read_all("1,2026/11/24 08:16:53,0079,CONFIG,0,0,2026/11/24 08:16:52,10.1.1.5,,set,\"adm").unwrap();
        assert_eq!((pairs.get("cmd"), pairs.get("admin")), (Some("set"), Some("adm")));
    }

    #[test]
    fn other_lines_with_commas_are_not_taken() {
        for body in
            ["", "a,b,c,TRAFFIC", "1,2026/11/24 08:16:53,0079,HIPMATCH,0", "1,2026-11-24 08:16:53,0079,TRAFFIC,end"]
        {
            assert!(read_all(body).is_none(), "{body}");
        }
    }
}
