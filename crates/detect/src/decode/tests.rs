//! Every decoder on lines as their senders write them, and on lines that nobody should write.

use proptest::prelude::*;

use super::*;

/// One line of every kind, as their senders write them.
pub(crate) const SAMPLES: [(&str, Format); 20] = [
    (r#"{"Channel":"Security","EventID":4624}"#, Format::Json),
    (r#"<134>1 2026-11-24T08:17:00.758Z localhost kis 12675 - - {"level":"info","message":"hello"}"#, Format::Json),
    (r#"<13>Nov 24 08:16:53 dc01 ossec: {"win":{"system":{"eventID":"1"}}}"#, Format::Json),
    (r#"<13>Nov 24 08:16:53 ids suricata: @cee:{"event_type":"alert"}"#, Format::Json),
    ("<38>Oct  9 10:36:36 srv36 sshd[5130]: Failed password for root from 10.2.53.83 port 4022 ssh2", Format::Syslog),
    ("Oct  9 10:36:36 srv36 sudo:    eve : TTY=pts/0 ; PWD=/ ; USER=root ; COMMAND=/bin/sh", Format::Syslog),
    (
        r#"{"host":"s","message":"Oct  9 10:07:07 s sshd[1]: Failed password for x from 10.0.0.1 port 2 ssh2"}"#,
        Format::Syslog,
    ),
    (
        r#"<189>date=2026-11-24 time=08:16:53 devname="FG" devid="FG100F" logid="0101039424" type="event""#,
        Format::Fortigate,
    ),
    (r#"logver=700 timestamp=1763971013 devname="FG" devid="FG100F" type="traffic""#, Format::Fortigate),
    ("<14>Nov 24 08:16:53 fw app: device=x status=allow src=10.0.0.1", Format::KeyValue),
    ("<14>Nov 24 08:16:53 fw CEF:0|a|b|1|2|name|5|src=10.0.0.1", Format::Cef),
    ("<14>Nov 24 08:16:53 fw LEEF:1.0|a|b|1|2|src=10.0.0.1", Format::Leef),
    (r#"type=EXECVE msg=audit(1760000003.490:3): argc=1 a0="id""#, Format::Auditd),
    (
        r#"<85>1 2026-11-24T08:16:55.673Z vm atna 12490 IHE+RFC-3881 - <?xml version="1.0"?><AuditMessage><EventIdentification EventActionCode="E"><EventID csd-code="110114"/></EventIdentification></AuditMessage>"#,
        Format::Atna,
    ),
    (
        "W1124 08:00:00.125397 main.cpp:404] DICOM authorization rejected  for AET EVIL2 on IP 127.0.0.1: no",
        Format::Orthanc,
    ),
    (
        "2023-12-05T17:35:29.045Z In(166) Hostd[1050749]: [Originator@6876 sub=V] Event 129 : SSH access has been enabled.",
        Format::Vmware,
    ),
    (
        r#"1 2025-11-23T15:24:04+02:00 VBRSRV01 Veeam_MP - - [origin enterpriseId="31023"] [categoryId=0 instanceId=23090 JobID="x"]"#,
        Format::Veeam,
    ),
    (
        "172.16.5.10 6705: Feb 17 13:40:03.673: %PARSER-5-CFGLOG_LOGGEDCMD: User:admin  logged command:no x",
        Format::Cisco,
    ),
    (
        "<14>Nov 24 08:16:53 PA-01 1,2026/11/24 08:16:53,0079,SYSTEM,general,0,2026/11/24 08:16:53,,general,,0,0,general,informational,\"up, again\"",
        Format::PanOs,
    ),
    (r#"203.0.113.9 - - [24/Nov/2026:08:16:53 +0100] "GET / HTTP/1.1" 200 5"#, Format::AccessLog),
];

#[test]
fn every_format_is_recognised_by_its_bytes() {
    for (line, format) in SAMPLES {
        assert_eq!(decode(line.as_bytes(), Carrier::File).format, format, "{line}");
        let framed = format!("\u{feff}  {line}\r\n\0");
        assert_eq!(decode(framed.as_bytes(), Carrier::Syslog).format, format, "{line}");
    }
}

#[test]
fn the_header_and_the_body_are_both_there() {
    let line = SAMPLES[4].0;
    let decoded = decode(line.as_bytes(), Carrier::Syslog);
    let check = |name: &str, value: &str| assert_eq!(first(&decoded.pairs, name), Some(value), "{name}");
    check("syslog.facility", "auth");
    check("syslog.severity", "info");
    check("syslog.hostname", "srv36");
    check("syslog.program", "sshd");
    check("syslog.pid", "5130");
    check("SourceIp", "10.2.53.83");
    check("message", "Failed password for root from 10.2.53.83 port 4022 ssh2");
}

#[test]
fn json_inside_syslog_keeps_its_header() {
    let decoded = decode(SAMPLES[1].0.as_bytes(), Carrier::Syslog);
    assert_eq!(decoded.json, Some(&br#"{"level":"info","message":"hello"}"#[..]));
    assert_eq!(first(&decoded.pairs, "syslog.program"), Some("kis"));
}

#[test]
fn rubbish_is_text() {
    let check = |bytes: &[u8]| assert_eq!(decode(bytes, Carrier::Syslog).format, Format::Text, "{bytes:?}");
    check(b"");
    check(b"hello");
    check(b"\xff\xfe\x00\x01");
    check("hell\u{f6} wereld".as_bytes());
}

#[test]
fn latin1_is_read_and_not_lost() {
    let decoded = decode(b"<13>Nov 24 08:16:53 vm app: M\xfcller", Carrier::Syslog);
    assert_eq!(first(&decoded.pairs, "message"), Some("Müller"));
    assert_eq!(decoded.format, Format::Syslog);
}

#[test]
fn a_hostile_audit_message_is_kept_as_text_and_says_why() {
    let line = "<85>1 - h a - - - <!DOCTYPE x [<!ENTITY a \"aa\">]><AuditMessage>&a;</AuditMessage>";
    let decoded = decode(line.as_bytes(), Carrier::Syslog);
    assert_ne!(decoded.format, Format::Atna);
    assert!(first(&decoded.pairs, "decode.refused").is_some_and(|why| why.contains("DOCTYPE")));
}

#[test]
fn every_word_of_a_format_reads_back() {
    for format in Format::ALL {
        assert_eq!(Format::from_word(format.as_str()), Some(format));
    }
}

/// A sample with some of its bytes replaced, dropped or doubled.
fn mutated() -> impl Strategy<Value = Vec<u8>> {
    let change = (any::<prop::sample::Index>(), any::<u8>(), 0_u8..4);
    (0..SAMPLES.len(), prop::collection::vec(change, 1..12)).prop_map(|(sample, changes)| {
        let mut bytes = SAMPLES[sample].0.as_bytes().to_vec();
        for (at, byte, how) in changes {
            if bytes.is_empty() {
                break;
            }
            let at = at.index(bytes.len());
            match how {
                0 => bytes[at] = byte,
                1 => drop(bytes.remove(at)),
                2 => bytes.insert(at, byte),
                _ => bytes.truncate(at),
            }
        }
        bytes
    })
}

proptest! {
    #[test]
    fn random_bytes_never_panic(bytes in prop::collection::vec(any::<u8>(), 0..400)) {
        let decoded = decode(&bytes, Carrier::Syslog);
        prop_assert!(decoded.pairs.len() <= PAIRS_MAX);
        let _ = decode(&bytes, Carrier::Evtx);
    }

    #[test]
    fn mutated_samples_never_panic(bytes in mutated()) {
        let decoded = decode(&bytes, Carrier::File);
        prop_assert!(decoded.pairs.len() <= PAIRS_MAX);
        let _ = crate::event::Event::new(&bytes, decoded);
    }

    #[test]
    fn any_stream_is_cut_without_panic(bytes in prop::collection::vec(any::<u8>(), 0..400)) {
        let mut lines = lines::Lines::new(&bytes[..]);
        let (mut buffer, mut total) = (Vec::new(), 0);
        while lines.next(&mut buffer).unwrap().is_some() {
            total += buffer.len();
        }
        prop_assert!(total <= bytes.len());
        let _ = unpack::reader(&bytes[..]).map(|mut r| std::io::Read::read_to_end(&mut r, &mut Vec::new()));
    }

    #[test]
    fn any_event_log_is_an_error_not_a_panic(bytes in prop::collection::vec(any::<u8>(), 0..400)) {
        let mut file = b"ElfFile\0".to_vec();
        file.extend(bytes);
        let _ = evtx::records(std::io::Cursor::new(file), |_| std::ops::ControlFlow::Continue(()));
    }
}
