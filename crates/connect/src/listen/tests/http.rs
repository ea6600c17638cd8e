//! HTTP: both shapes, every refusal, and the acknowledgement that waits for the
//! disk. Requests are written by hand, so that nothing is nicer than on the wire.

use std::io::Write;
use std::sync::Arc;
use std::time::Duration;

use flate2::Compression;
use flate2::write::GzEncoder;
use serde_json::Value;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use super::{Kept, Running, log_limits, loopback, quick};
use crate::listen::{HttpSenders, ListenLimits, ListenerConfig, Quota, reason};

async fn start(kept: &Arc<Kept>, limits: ListenLimits, senders: HttpSenders) -> Running {
    Running::start(ListenerConfig::Http { address: loopback(), tls: None, senders }, limits, kept).await
}

struct Answer {
    status: u16,
    head: String,
    body: Value,
}

/// One request on its own connection.
async fn request(running: &Running, head: &str, body: &[u8]) -> Answer {
    let mut stream = TcpStream::connect(running.address).await.expect("connects");
    let head = format!("{head}\r\nHost: x\r\nConnection: close\r\nContent-Length: {}\r\n\r\n", body.len());
    stream.write_all(head.as_bytes()).await.expect("writes");
    // The other side may answer and close before it has read all.
    let _ = stream.write_all(body).await;
    read_answer(&mut stream).await
}

async fn read_answer(stream: &mut TcpStream) -> Answer {
    let mut all = Vec::new();
    let read = tokio::time::timeout(Duration::from_secs(60), stream.read_to_end(&mut all)).await;
    assert!(read.is_ok(), "no answer");
    let text = String::from_utf8_lossy(&all).into_owned();
    let (head, body) = text.split_once("\r\n\r\n").unwrap_or((&text, ""));
    Answer {
        status: head.split(' ').nth(1).and_then(|s| s.parse().ok()).unwrap_or(0),
        head: head.to_ascii_lowercase(),
        body: serde_json::from_str(body).unwrap_or(Value::Null),
    }
}

const WITH_TOKEN: &str = "POST /ingest HTTP/1.1\r\nAuthorization: Bearer secret-kis";

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
    encoder.write_all(bytes).expect("packs");
    encoder.finish().expect("packs")
}

#[tokio::test]
async fn lines_are_stored_and_bad_ones_named() {
    let kept = Kept::open();
    let running = start(&kept, quick(), HttpSenders::WithToken).await;
    let answer = request(&running, WITH_TOKEN, b"{\"a\":1}\nnope\n{\"b\": 2}\n").await;
    assert_eq!(answer.status, 200);
    assert_eq!((&answer.body["stored"], &answer.body["errors"][0]["line"]), (&2.into(), &2.into()));
    let packed = gzip(b"{\"c\":3}\n");
    let head = format!("{WITH_TOKEN}\r\nContent-Encoding: gzip");
    assert_eq!(request(&running, &head, &packed).await.status, 200);
    let head = format!("{WITH_TOKEN}\r\nContent-Type: text/plain");
    assert_eq!(request(&running, &head, b"<13>plain\n").await.status, 200);
    assert_eq!(request(&running, WITH_TOKEN, b"only\nbad\n").await.status, 400);
    assert_eq!(kept.texts(), ["{\"a\":1}", "{\"b\": 2}", "{\"c\":3}", "<13>plain"]);
    assert!(kept.events().iter().all(|(source, _)| source == "http:kis"));
    assert_eq!(kept.refused_of(reason::BAD_LINE), 3);
    running.stop().await;
}

#[tokio::test]
async fn an_answer_comes_only_when_the_event_is_durable() {
    let kept = Kept::new(0, log_limits());
    let running = start(&kept, quick(), HttpSenders::WithToken).await;
    let mut stream = TcpStream::connect(running.address).await.expect("connects");
    let head = format!("{WITH_TOKEN}\r\nHost: x\r\nConnection: close\r\nContent-Length: 8\r\n\r\n{{\"a\":1}}\n");
    stream.write_all(head.as_bytes()).await.expect("writes");
    kept.until("the hand-over", |k| k.calls.load(std::sync::atomic::Ordering::SeqCst) == 1).await;
    let mut byte = [0];
    let early = tokio::time::timeout(Duration::from_millis(100), stream.read(&mut byte)).await;
    assert!(early.is_err(), "answered before the event was stored");
    kept.gate.add_permits(1);
    assert_eq!(read_answer(&mut stream).await.status, 200);
    assert_eq!(kept.log.head(), 2);
    running.stop().await;
}

#[tokio::test]
async fn bulk_mirrors_every_action() {
    let kept = Kept::open();
    let running = start(&kept, quick(), HttpSenders::WithToken).await;
    let body =
        b"{\"create\":{\"_index\":\"w\"}}\n{\"n\":1}\n{\"index\":{\"_id\":\"7\"}}\nbad\n{\"create\":{}}\n{\"n\":3}\n\n";
    let auth = "Authorization: ApiKey c2VjcmV0OnNlY3JldC1raXM=";
    let vendor = "Accept: application/vnd.elasticsearch+json; compatible-with=9";
    let head = format!("PUT /winlogbeat-9/_bulk HTTP/1.1\r\n{auth}\r\n{vendor}");
    // base64("secret:secret-kis")
    let answer = request(&running, &head, body).await;
    assert_eq!(answer.status, 200);
    assert!(answer.head.contains("x-elastic-product: elasticsearch"), "{}", answer.head);
    assert!(answer.head.contains("application/vnd.elasticsearch+json;compatible-with=9"), "{}", answer.head);
    assert_eq!(answer.body["errors"], true);
    let items = &answer.body["items"];
    assert_eq!((&items[0]["create"]["status"], &items[0]["create"]["_index"]), (&201.into(), &"w".into()));
    assert_eq!((&items[1]["index"]["status"], &items[1]["index"]["_id"]), (&400.into(), &"7".into()));
    assert_eq!((&items[2]["create"]["status"], &items[2]["create"]["_index"]), (&201.into(), &"winlogbeat-9".into()));
    assert_eq!(kept.texts(), ["{\"n\":1}", "{\"n\":3}"]);
    let broken = request(&running, "POST /_bulk HTTP/1.1\r\nAuthorization: Bearer secret-kis", b"garbage\n").await;
    assert_eq!(broken.status, 400);
    assert!(broken.body["error"]["reason"].as_str().unwrap_or_default().contains("[1]"));
    running.stop().await;
}

#[tokio::test]
async fn a_beat_can_start() {
    let kept = Kept::open();
    let running = start(&kept, quick(), HttpSenders::WithToken).await;
    let agent =
        "Authorization: Basic ZWxhc3RpYzpzZWNyZXQta2lz\r\nUser-Agent: Elastic-Winlogbeat/9.0.4 (windows; amd64)";
    // base64("elastic:secret-kis")
    let calls = [
        ("GET /", 200),
        ("GET /_license?human=false", 200),
        ("GET /_ilm/policy/winlogbeat", 404),
        ("PUT /_ilm/policy/winlogbeat", 200),
        ("HEAD /_index_template/winlogbeat-9.0.4", 404),
        ("PUT /_index_template/winlogbeat-9.0.4", 200),
        ("GET /_data_stream/winlogbeat-9.0.4", 404),
        ("PUT /_data_stream/winlogbeat-9.0.4", 200),
    ];
    for (call, expected) in calls {
        let answer = request(&running, &format!("{call} HTTP/1.1\r\n{agent}"), b"").await;
        assert_eq!(answer.status, expected, "{call}");
        assert!(answer.head.contains("x-elastic-product: elasticsearch"), "{call}");
    }
    let root = request(&running, &format!("GET / HTTP/1.1\r\n{agent}"), b"").await;
    assert_eq!(root.body["version"]["number"], "9.0.4");
    assert_eq!(request(&running, &format!("POST /_search HTTP/1.1\r\n{agent}"), b"").await.status, 404);
    assert_eq!(request(&running, &format!("GET /_bulk HTTP/1.1\r\n{agent}"), b"").await.status, 405);
    running.stop().await;
}

#[tokio::test]
async fn strangers_are_refused_and_counted() {
    let kept = Kept::open();
    let running = start(&kept, quick(), HttpSenders::WithToken).await;
    for head in ["POST /ingest HTTP/1.1", "POST /_bulk HTTP/1.1\r\nAuthorization: Bearer wrong", "GET / HTTP/1.1"] {
        let answer = request(&running, head, b"{\"a\":1}\n").await;
        assert_eq!(answer.status, 401, "{head}");
        assert!(answer.head.contains("www-authenticate"), "{head}");
    }
    assert_eq!(kept.refused_of(reason::UNAUTHORISED), 3);
    assert!(kept.texts().is_empty());
    running.stop().await;

    let running = start(&kept, quick(), HttpSenders::Anyone).await;
    assert_eq!(request(&running, "POST /ingest HTTP/1.1", b"{\"a\":1}\n").await.status, 200);
    assert_eq!(kept.events()[0].0, "http:127.0.0.1");
    running.stop().await;
}

#[tokio::test]
async fn a_full_log_answers_507_and_resumes() {
    let full = eventstore::Limits { free_bytes_min: u64::MAX / 2, ..log_limits() };
    let kept = Kept::new(super::OPEN, full);
    let running = start(&kept, quick(), HttpSenders::WithToken).await;
    let answer = request(&running, WITH_TOKEN, b"{\"a\":1}\n{\"a\":2}\n").await;
    assert_eq!(answer.status, 507);
    assert_eq!(kept.refused_of(reason::LOG_FULL), 2);
    running.stop().await;
}

#[tokio::test]
async fn a_source_over_its_quota_is_told_when_to_come_back() {
    let kept = Kept::open();
    let limits = ListenLimits { quota: Quota { events_per_s: 1, events_burst: 2 }, ..quick() };
    let running = start(&kept, limits, HttpSenders::WithToken).await;
    let three = b"{\"a\":1}\n{\"a\":2}\n{\"a\":3}\n";
    assert_eq!(request(&running, WITH_TOKEN, three).await.status, 200, "a body is taken whole");
    let answer = request(&running, WITH_TOKEN, three).await;
    assert_eq!(answer.status, 429);
    assert!(answer.head.contains("retry-after: "), "{}", answer.head);
    assert_eq!(kept.refused_of(reason::QUOTA), 3);
    let other = "POST /ingest HTTP/1.1\r\nAuthorization: Bearer secret-pacs";
    assert_eq!(request(&running, other, three).await.status, 200, "others are not touched");
    running.stop().await;
}

#[tokio::test]
async fn bodies_are_limited_packed_and_unpacked() {
    let kept = Kept::open();
    let limits =
        ListenLimits { body_bytes_max: 100_000, body_unpacked_bytes_max: 1_000_000, message_bytes_max: 200, ..quick() };
    let running = start(&kept, limits, HttpSenders::WithToken).await;
    let long = vec![b' '; 100_001];
    assert_eq!(request(&running, WITH_TOKEN, &long).await.status, 413);
    let bomb = gzip(&vec![b' '; 20_000_000]);
    assert!(bomb.len() < 100_000);
    let packed = format!("{WITH_TOKEN}\r\nContent-Encoding: gzip");
    assert_eq!(request(&running, &packed, &bomb).await.status, 413);
    assert_eq!(kept.refused_of(reason::TOO_LARGE), 2);
    assert_eq!(request(&running, &packed, b"not gzip at all").await.status, 400);
    let brotli = format!("{WITH_TOKEN}\r\nContent-Encoding: br");
    assert_eq!(request(&running, &brotli, b"x").await.status, 415);
    assert_eq!(kept.refused_of(reason::BAD_BODY), 2);
    let line = format!("{{\"a\":\"{}\"}}\n{{\"b\":1}}\n", "x".repeat(300));
    let answer = request(&running, WITH_TOKEN, line.as_bytes()).await;
    assert_eq!((answer.status, &answer.body["stored"], &answer.body["refused"]), (200, &1.into(), &1.into()));
    running.stop().await;
}

#[tokio::test]
async fn bodies_share_one_room_and_a_slow_one_holds_only_what_it_sent() {
    let kept = Kept::open();
    let limits = ListenLimits { bodies_bytes_max: 100 << 10, ..quick() };
    let running = start(&kept, limits, HttpSenders::WithToken).await;
    let mut slow = Vec::new();
    for _ in 0..20 {
        let mut stream = TcpStream::connect(running.address).await.expect("connects");
        let head = format!("{WITH_TOKEN}\r\nHost: x\r\nContent-Length: 5000000\r\n\r\n{{");
        stream.write_all(head.as_bytes()).await.expect("writes");
        slow.push(stream);
    }
    assert_eq!(request(&running, WITH_TOKEN, b"{\"a\":1}\n").await.status, 200, "slow ones starve nobody");
    assert_eq!(request(&running, WITH_TOKEN, &vec![b' '; 200 << 10]).await.status, 503);
    assert_eq!(kept.refused_of(reason::QUEUE_FULL), 1);
    drop(slow);
    running.stop().await;
}

#[tokio::test]
async fn garbage_and_slow_senders_are_counted_and_the_next_request_works() {
    let kept = Kept::open();
    let limits = ListenLimits {
        handshake_timeout: Duration::from_millis(100),
        body_timeout: Duration::from_millis(100),
        ..quick()
    };
    let running = start(&kept, limits, HttpSenders::WithToken).await;
    let mut garbage = TcpStream::connect(running.address).await.expect("connects");
    garbage.write_all(b"\x16\x03\x01\x00\x05hello\r\n\r\n").await.expect("writes");
    kept.until("the garbage", |k| k.refused_of(reason::GARBAGE) == 1).await;

    let mut slow_head = TcpStream::connect(running.address).await.expect("connects");
    slow_head.write_all(b"POST /ingest HT").await.expect("writes");
    read_answer(&mut slow_head).await;
    assert_eq!(running.counters.now().refused.get(reason::TIMEOUT), Some(&1));

    let mut slow_body = TcpStream::connect(running.address).await.expect("connects");
    let head = format!("{WITH_TOKEN}\r\nHost: x\r\nContent-Length: 2147483647\r\n\r\n");
    slow_body.write_all(head.as_bytes()).await.expect("writes");
    let mut status = [0; 12];
    slow_body.read_exact(&mut status).await.expect("an answer at once");
    assert_eq!(&status, b"HTTP/1.1 413");

    let mut slow_body = TcpStream::connect(running.address).await.expect("connects");
    let head = format!("{WITH_TOKEN}\r\nHost: x\r\nContent-Length: 100\r\n\r\n{{\"a\"");
    slow_body.write_all(head.as_bytes()).await.expect("writes");
    slow_body.read_exact(&mut status).await.expect("an answer in time");
    assert_eq!(&status, b"HTTP/1.1 408");
    assert_eq!(kept.refused_of(reason::TIMEOUT), 1);

    assert_eq!(request(&running, WITH_TOKEN, b"{\"a\":1}\n").await.status, 200);
    running.stop().await;
}

#[tokio::test]
async fn captured_bulk_requests_are_stored() {
    let Some(shared) = std::env::var_os("LAZARET_SHARED") else {
        eprintln!("skipped: LAZARET_SHARED is not set");
        return;
    };
    let kept = Kept::open();
    let running = start(&kept, quick(), HttpSenders::Anyone).await;
    for name in ["HTTP-004", "HTTP-006", "HTTP-020", "HTTP-026"] {
        let path = std::path::Path::new(&shared).join(format!("data/wire/{name}.bin"));
        let bytes = std::fs::read(path).expect("a capture");
        let text = String::from_utf8_lossy(&bytes).replace("\r\n", "\n");
        let (head, body) = text.split_once("\n\n").expect("a head and a body");
        let lines: Vec<&str> = head
            .lines()
            .filter(|l| {
                !["host:", "connection:", "content-length:"].iter().any(|h| l.to_ascii_lowercase().starts_with(h))
            })
            .collect();
        let answer = request(&running, &lines.join("\r\n"), body.as_bytes()).await;
        assert_eq!((answer.status, &answer.body["errors"]), (200, &false.into()), "{name}");
        let document = body.lines().nth(1).expect("a document");
        assert_eq!(kept.texts().last().map(String::as_str), Some(document), "{name}");
    }
    running.stop().await;
}
