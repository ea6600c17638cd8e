//! Garbage on every port of a hospital and of its hub: each is counted where an operator sees it, and the next message,
//! request, push and page work.

use std::net::SocketAddr;

use testkit::until::until;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpStream, UdpSocket};

use crate::fixture::Federation;

/// What is no message, no request and no handshake: bytes that are no text, and a length of 2 GB before little.
const BINARY: &[u8] = b"\x01\x02\x03\x04\xff\xfe\x00\x00\r\n\r\n";
const TWO_GIGABYTES: &[u8] = b"2147483648 <13>x\n";

/// Says it, and reads until the other side has had enough.
async fn say(to: SocketAddr, bytes: &[u8]) {
    let mut stream = TcpStream::connect(to).await.unwrap();
    stream.write_all(bytes).await.unwrap();
    let _ = stream.shutdown().await;
    let mut rest = Vec::new();
    let _ = stream.read_to_end(&mut rest).await;
}

fn address(url: &str) -> SocketAddr {
    let rest = url.strip_prefix("https://").or_else(|| url.strip_prefix("http://")).unwrap_or(url);
    rest.parse().unwrap()
}

async fn counted(federation: &Federation, node: &str, name: &'static str, labels: &str) {
    let what = format!("{node} counts {name}{{{labels}}}");
    until(&what, || async { (federation.app(node).metrics().get(name, labels) >= 1.0).then_some(()) }).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn garbage_on_any_port_is_counted_and_the_next_message_works() {
    let federation = Federation::start(|_, _| ()).await;
    let (hospital, hub) = (federation.node("ro-1").doors(), federation.node("ro").doors());
    let refused = "lazaret_events_refused_total";

    // logs: stored or counted, and what comes behind them is stored
    let udp = UdpSocket::bind("127.0.0.1:0").await.unwrap();
    udp.send_to(BINARY, hospital.syslog_udp.unwrap()).await.unwrap();
    counted(&federation, "ro-1", refused, r#"reason="garbage""#).await;
    say(hospital.syslog_tcp.unwrap(), TWO_GIGABYTES).await;
    counted(&federation, "ro-1", refused, r#"reason="length-prefix""#).await;
    say(hospital.syslog_tcp.unwrap(), &[0x16, 0x03, 0x01, 0x02, 0x00, 0x01]).await;
    counted(&federation, "ro-1", refused, r#"reason="tls-on-plain-port""#).await;
    let garbage = federation.app("ro-1").metrics().get(refused, r#"reason="garbage""#);
    say(hospital.http.unwrap(), BINARY).await;
    let what = "garbage at the HTTP intake is counted";
    let now = || federation.app("ro-1").metrics().get(refused, r#"reason="garbage""#);
    until(what, || async { (now() > garbage).then_some(()) }).await;

    // pages and figures
    let calls = "lazaret_calls_refused_total";
    let (console, admin) = (address(&hospital.console), address(&hospital.admin.unwrap()));
    for (door, to) in [("console", console), ("admin", admin)] {
        say(to, BINARY).await;
        counted(&federation, "ro-1", calls, &format!(r#"door="{door}",reason="garbage""#)).await;
    }

    // the link: plain text, a broken handshake, and a caller without a certificate
    let link = address(&hub.link.unwrap());
    for bytes in [BINARY, b"GET / HTTP/1.1\r\n\r\n", &[0x16, 0x03, 0x01, 0xff, 0xff, 0x00]] {
        let before = federation.app("ro").metrics().get(calls, r#"door="link",reason="tls-handshake""#);
        say(link, bytes).await;
        let now = || federation.app("ro").metrics().get(calls, r#"door="link",reason="tls-handshake""#);
        until("the hub counts the handshake", || async { (now() > before).then_some(()) }).await;
    }

    // and the next of each works: a datagram, a line, a request, a page, a figure, a push
    let stored = || federation.app("ro-1").metrics().get("lazaret_events_stored_total", "");
    let before = stored();
    udp.send_to(b"<13>one", hospital.syslog_udp.unwrap()).await.unwrap();
    say(hospital.syslog_tcp.unwrap(), b"<13>two\n").await;
    federation.helper_asks("ro-1", "PC1", "after-garbage.example").await;
    until("three events are stored", || async { (stored() >= before + 3.0).then_some(()) }).await;
    federation.sent("ro-1").await;
    for (to, path) in [(console, "/login"), (admin, "/metrics")] {
        let page = testkit::http::request(to, "GET", path, &[], b"").await.unwrap();
        assert_eq!(page.status, 200, "{path}: {}", page.text);
    }
    let figures = testkit::http::request(admin, "GET", "/metrics", &[], b"").await.unwrap();
    assert!(figures.text.contains(r#"lazaret_calls_refused_total{door="admin",reason="garbage"} 1"#));
    federation.end().await;
}
