//! Every sender we know, in every split; and anything at all.

use bytes::Bytes;
use proptest::prelude::*;

use super::{Framed, Framer, Quiet, datagram};
use crate::listen::reason;

const MAX: usize = 8192;

fn drain(framer: &mut Framer, out: &mut Vec<Framed>) {
    while let Some(framed) = framer.next_message() {
        out.push(framed);
    }
}

fn frame_pieces<'a>(pieces: impl IntoIterator<Item = &'a [u8]>) -> Vec<Framed> {
    let mut framer = Framer::new(MAX);
    let mut out = Vec::new();
    for piece in pieces {
        framer.feed(piece);
        drain(&mut framer, &mut out);
    }
    while let Some(framed) = framer.flush(Quiet::Closed) {
        out.push(framed);
    }
    out
}

fn message(text: &[u8]) -> Framed {
    Framed::Message(Bytes::copy_from_slice(text))
}

/// The stream gives these frames whole, byte by byte, and cut at every place.
fn check(stream: &[u8], expected: &[Framed]) {
    assert_eq!(frame_pieces([stream]), expected, "whole: {}", String::from_utf8_lossy(stream));
    assert_eq!(frame_pieces(stream.chunks(1)), expected, "byte by byte");
    for cut in 0..=stream.len() {
        let (a, b) = stream.split_at(cut);
        assert_eq!(frame_pieces([a, b]), expected, "cut at {cut}");
    }
}

#[test]
fn each_message_may_end_in_its_own_way() {
    check(b"<13>one\n", &[message(b"<13>one")]);
    check(b"<13>one\r\n<14>two\n", &[message(b"<13>one"), message(b"<14>two")]);
    check(b"<13>one\0<14>two\0", &[message(b"<13>one"), message(b"<14>two")]);
    check(b"7 <13>one7 <14>two", &[message(b"<13>one"), message(b"<14>two")]);
    check(b"8 <13>one\n8 <14>two\n", &[message(b"<13>one"), message(b"<14>two")]);
    check(
        b"7 <13>one<14>two\n<15>three\0\n\n7 <16>end",
        &[message(b"<13>one"), message(b"<14>two"), message(b"<15>three"), message(b"<16>end")],
    );
    check(b"9 <13>a\nb\nc", &[message(b"<13>a\nb\nc")]);
}

#[test]
fn a_line_that_starts_with_a_number_is_a_line() {
    check(b"2026-11-25 03:00 error\n", &[message(b"2026-11-25 03:00 error")]);
    check(b"12 monkeys\n404\n", &[message(b"12 monkeys"), message(b"404")]);
    check(b"007 <x\n", &[message(b"007 <x")]);
}

#[test]
fn a_length_of_gigabytes_is_refused_and_the_next_message_works() {
    let prefix = Framed::Refused { reason: reason::LENGTH_PREFIX, bytes: 11 };
    check(b"2147483648 <13>one\n7 <14>two", &[prefix, message(b"<13>one"), message(b"<14>two")]);
}

#[test]
fn a_length_in_characters_is_found_out() {
    let text = "<85>1 - h a - - - <AuditMessage u=\"Müller ß €\">x</AuditMessage>";
    let counted = |t: &str| format!("{} {t}", t.encode_utf16().count()).into_bytes();
    let mut stream = counted(text);
    check(&stream, &[message(text.as_bytes())]);
    stream.extend(counted(text));
    stream.extend_from_slice(b"7 <14>two");
    check(&stream, &[message(text.as_bytes()), message(text.as_bytes()), message(b"<14>two")]);

    // Without a last tag to look for, when both messages have come.
    let plain = "<13>für Müller";
    let stream = [counted(plain), b"7 <14>two".to_vec()].concat();
    let expected = [message(plain.as_bytes()), message(b"<14>two")];
    assert_eq!(frame_pieces([stream.as_slice()]), expected);
}

#[test]
fn what_follows_a_wrong_length_is_counted_and_the_next_message_works() {
    let expected =
        [message(b"<13>on"), Framed::Refused { reason: reason::LENGTH_MISMATCH, bytes: 4 }, message(b"<14>two")];
    check(b"6 <13>one..\n<14>two\n", &expected);
    check(b"6 <13>one...7 <14>two", &expected);
}

#[test]
fn audit_messages_may_hold_line_feeds() {
    let audit = b"<85>1 - h a - - - <?xml version=\"1.0\"?>\n<AuditMessage>\n <A/>\n</AuditMessage>";
    let stream = [audit.as_slice(), b"\n<13>next\n"].concat();
    check(&stream, &[message(audit), message(b"<13>next")]);
    // An attacker who can write the tag into a line hides nothing behind it.
    check(
        b"<13>user=<AuditMessage\n<14>evil\n<15>more\n",
        &[message(b"<13>user=<AuditMessage"), message(b"<14>evil"), message(b"<15>more")],
    );
}

#[test]
fn a_sender_without_any_terminator_is_flushed_when_silent() {
    let mut framer = Framer::new(MAX);
    framer.feed(b"<134>1 2026-11-24T08:17:00Z h kis 1 - - {\"m\":1}");
    assert_eq!(framer.next_message(), None);
    assert!(matches!(framer.flush(Quiet::Idle), Some(Framed::Message(_))));
    framer.feed(b"<134>1 2026-11-24T08:17:01Z h k 1 - - a<134>1 2026-11-24T08:17:01Z h k 1 - - b");
    assert_eq!(framer.flush(Quiet::Idle), Some(message(b"<134>1 2026-11-24T08:17:01Z h k 1 - - a")));
    assert_eq!(framer.flush(Quiet::Idle), Some(message(b"<134>1 2026-11-24T08:17:01Z h k 1 - - b")));
    assert_eq!(framer.flush(Quiet::Idle), None);
}

#[test]
fn silence_does_not_end_a_message_that_something_else_will_end() {
    let mut framer = Framer::new(MAX);
    for (piece, expected) in [(&b"12"[..], None), (b" ", None), (b"<13>on", None), (b"e two..", Some(b"<13>one two."))]
    {
        framer.feed(piece);
        let framed = framer.next_message();
        assert_eq!(framed, expected.map(|m| message(m)));
        assert_eq!(framer.flush(Quiet::Idle), None);
    }
    let mut framer = Framer::new(MAX);
    framer.feed(b"<13>one\n<14>tw");
    assert_eq!(framer.next_message(), Some(message(b"<13>one")));
    assert_eq!(framer.next_message(), None);
    assert_eq!(framer.flush(Quiet::Idle), None);
    framer.feed(b"o\n");
    assert_eq!(framer.next_message(), Some(message(b"<14>two")));
}

#[test]
fn an_overlong_message_is_cut_and_the_next_one_works() {
    let mut stream = b"<13>".to_vec();
    stream.resize(MAX * 2, b'x');
    stream.extend_from_slice(b"\n<14>two\n");
    for pieces in [stream.chunks(stream.len()).collect::<Vec<_>>(), stream.chunks(1000).collect()] {
        let framed = frame_pieces(pieces);
        assert!(matches!(&framed[0], Framed::Cut(m) if m.len() == MAX), "{:?}", framed.len());
        assert!(matches!(framed[1], Framed::Refused { reason: reason::TOO_LONG, bytes } if bytes == MAX as u64 + 1));
        assert_eq!(framed[2], message(b"<14>two"));
        assert_eq!(framed.len(), 3);
    }
}

#[test]
fn a_sender_that_goes_away_in_the_middle_leaves_a_cut_message() {
    assert_eq!(frame_pieces([&b"100 <13>only this"[..]]), [Framed::Cut(Bytes::from_static(b"<13>only this"))]);
    assert_eq!(frame_pieces([&b"<13>no end"[..]]), [message(b"<13>no end")]);
}

#[test]
fn binary_handshakes_are_refused() {
    let hello = [0x16, 0x03, 0x01, 0x02, 0x05, 0x01];
    assert_eq!(frame_pieces([&hello[..]]), [Framed::Refused { reason: reason::TLS_ON_PLAIN, bytes: 6 }]);
    assert_eq!(
        frame_pieces([&b"\x0BMSH|^~\\&\r\n<13>next\n"[..]]),
        [Framed::Refused { reason: reason::GARBAGE, bytes: 9 }, message(b"<13>next")]
    );
    assert_eq!(datagram(b"<13>x\n"), Some(message(b"<13>x")));
    assert_eq!(datagram(b"\n"), None);
}

/// The streams that real senders put on the wire, where they are at hand.
#[test]
fn captured_streams_give_their_message_in_every_split() {
    let Some(dir) = std::env::var_os("LAZARET_SHARED").map(|d| std::path::Path::new(&d).join("data/wire")) else {
        eprintln!("skipped: LAZARET_SHARED is not set");
        return;
    };
    let mut streams = 0;
    for entry in std::fs::read_dir(dir).expect("the captured streams") {
        let path = entry.expect("an entry").path();
        let name = path.file_name().expect("a name").to_string_lossy().into_owned();
        if !name.contains("-syslog-") {
            continue;
        }
        streams += 1;
        let bytes = std::fs::read(&path).expect("a stream");
        let is_counted = bytes[0].is_ascii_digit();
        let start = if is_counted { bytes.iter().position(|b| *b == b' ').expect("a space") + 1 } else { 0 };
        let body = bytes[start..].strip_suffix(b"\n").unwrap_or(&bytes[start..]);
        let expected = [message(body)];
        if name.starts_with("UDP") {
            assert_eq!(datagram(&bytes).as_slice(), expected, "{name}");
        } else {
            check(&bytes, &expected);
            let twice = [bytes.as_slice(), if body.ends_with(b"}") { b"\n" } else { b"" }, &bytes].concat();
            assert_eq!(frame_pieces(twice.chunks(7)).len(), 2, "{name} twice");
        }
    }
    assert!(streams >= 12, "only {streams} streams");
}

fn body() -> impl Strategy<Value = Vec<u8>> {
    "<[0-9]{1,3}>[a-zA-Z0-9 äöü€:=\\[\\]{}\"<>/]{0,60}".prop_map(String::into_bytes)
}

fn framed_body() -> impl Strategy<Value = (Vec<u8>, Vec<u8>)> {
    (body(), 0..4_u8).prop_map(|(body, how)| {
        let stream = match how {
            0 => [body.as_slice(), b"\n"].concat(),
            1 => [body.as_slice(), b"\0"].concat(),
            2 => [format!("{} ", body.len()).as_bytes(), &body].concat(),
            _ => [format!("{} ", body.len() + 1).as_bytes(), &body, b"\n"].concat(),
        };
        (body, stream)
    })
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn well_framed_messages_come_out_whatever_the_reads(
        messages in prop::collection::vec(framed_body(), 1..8),
        sizes in prop::collection::vec(1..40_usize, 1..20),
    ) {
        let stream: Vec<u8> = messages.iter().flat_map(|(_, s)| s.clone()).collect();
        let mut pieces = Vec::new();
        let mut rest = stream.as_slice();
        for size in sizes.iter().cycle() {
            if rest.is_empty() { break; }
            let (piece, after) = rest.split_at(rest.len().min(*size));
            pieces.push(piece);
            rest = after;
        }
        let expected: Vec<Framed> = messages.iter().map(|(b, _)| message(b)).collect();
        prop_assert_eq!(frame_pieces(pieces), expected);
    }

    #[test]
    fn nothing_is_invented_and_nothing_hangs(pieces in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..200), 0..20)) {
        let read: usize = pieces.iter().map(Vec::len).sum();
        let framed = frame_pieces(pieces.iter().map(Vec::as_slice));
        let out: u64 = framed.iter().map(|f| match f {
            Framed::Message(m) | Framed::Cut(m) => m.len() as u64,
            Framed::Refused { bytes, .. } => *bytes,
        }).sum();
        prop_assert!(out <= read as u64);
    }

    #[test]
    fn a_message_after_anything_and_a_line_end_works(garbage in prop::collection::vec(any::<u8>(), 0..300)) {
        prop_assume!(!garbage.windows(9).any(|w| w.starts_with(b"<Audit")));
        let mut framer = Framer::new(MAX);
        let mut out = Vec::new();
        framer.feed(&garbage);
        drain(&mut framer, &mut out);
        // A length that garbage stated may swallow the next lines, at most MAX.
        for _ in 0..=(MAX / 9) { framer.feed(b"\n<14>next\n"); }
        drain(&mut framer, &mut out);
        prop_assert_eq!(out.last(), Some(&message(b"<14>next")));
    }
}
