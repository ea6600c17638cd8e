//! Syslog over UDP, TCP and TLS: everything read is stored or counted, and after
//! any garbage the next message works.

use std::sync::Arc;
use std::time::Duration;

use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, ServerName};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpStream, UdpSocket};

use super::{Kept, Running, certificate, log_limits, loopback, quick};
use crate::listen::{ListenLimits, ListenerConfig, Quota, reason, tls_config};

fn tcp() -> ListenerConfig {
    ListenerConfig::SyslogTcp { address: loopback(), tls: None }
}

async fn connect(running: &Running) -> TcpStream {
    TcpStream::connect(running.address).await.expect("connects")
}

/// The other side has closed: reading ends.
async fn is_closed(stream: &mut TcpStream) -> bool {
    let mut rest = Vec::new();
    tokio::time::timeout(Duration::from_secs(60), stream.read_to_end(&mut rest)).await.is_ok()
}

#[tokio::test]
async fn datagrams_are_messages() {
    let kept = Kept::open();
    let running = Running::start(ListenerConfig::SyslogUdp { address: loopback() }, quick(), &kept).await;
    let sender = UdpSocket::bind(loopback()).await.expect("binds");
    for text in ["<13>one\n", "<13>two with\ntwo lines", "12 monkeys", "\n"] {
        sender.send_to(text.as_bytes(), running.address).await.expect("sends");
    }
    sender.send_to(&[0x16, 3, 1, 0, 5], running.address).await.expect("sends");
    sender.send_to(&[0, 1, 2, 3], running.address).await.expect("sends");
    sender.send_to(b"<13>last", running.address).await.expect("sends");
    kept.until_events(4).await;
    running.stop().await;
    assert_eq!(kept.texts(), ["<13>one", "<13>two with\ntwo lines", "12 monkeys", "<13>last"]);
    assert_eq!(kept.events()[0].0, "syslog:127.0.0.1");
    assert_eq!(kept.refused_of(reason::TLS_ON_PLAIN), 1);
    assert_eq!(kept.refused_of(reason::GARBAGE), 1);
}

#[tokio::test]
async fn a_flood_of_datagrams_is_stored_or_counted_to_the_last() {
    const SENT: u64 = 20_000;
    let kept = Kept::open();
    let limits = ListenLimits {
        quota: Quota { events_per_s: 1, events_burst: 3_000 },
        receive_buffer_bytes: 64 << 10,
        ..quick()
    };
    let running = Running::start(ListenerConfig::SyslogUdp { address: loopback() }, limits, &kept).await;
    let counters = Arc::clone(&running.counters);
    let sender = UdpSocket::bind(loopback()).await.expect("binds");
    for i in 0..SENT {
        sender.send_to(format!("<13>flood {i}").as_bytes(), running.address).await.expect("sends");
    }
    running.stop().await;
    let counted = counters.now();
    let refused: u64 = counted.refused.values().sum();
    assert_eq!(counted.stored + refused, SENT, "{counted:?}");
    assert!(counted.stored >= 3_000 - counted.refused.get(reason::KERNEL_DROP).copied().unwrap_or(0).min(3_000));
    assert_eq!(kept.log.head() - 1, counted.stored);
    assert!(counted.refused[reason::QUOTA] > 0);
}

#[tokio::test]
async fn syslog_from_an_address_that_may_not_send_is_refused_and_counted() {
    let kept = Kept::open();
    let allowed = |blocks: &'static str| crate::listen::Senders::parse([blocks]).expect("a block");
    let limits = ListenLimits { senders: allowed("10.20.0.0/16"), ..quick() };
    let udp = Running::start(ListenerConfig::SyslogUdp { address: loopback() }, limits.clone(), &kept).await;
    let tcp = Running::start(tcp(), limits, &kept).await;
    let sender = UdpSocket::bind(loopback()).await.expect("binds");
    sender.send_to(b"<13>stranger", udp.address).await.expect("sends");
    assert!(is_closed(&mut connect(&tcp).await).await);
    kept.until("both refusals", |k| k.refused_of(reason::SENDER) == 2).await;
    udp.stop().await;
    tcp.stop().await;
    assert!(kept.texts().is_empty());
    let limits = ListenLimits { senders: allowed("127.0.0.0/8"), ..quick() };
    let udp = Running::start(ListenerConfig::SyslogUdp { address: loopback() }, limits, &kept).await;
    sender.send_to(b"<13>known", udp.address).await.expect("sends");
    kept.until_events(1).await;
    udp.stop().await;
}

#[tokio::test]
async fn a_full_log_makes_datagrams_count() {
    let limits = eventstore::Limits { free_bytes_min: u64::MAX / 2, ..log_limits() };
    let kept = Kept::new(super::OPEN, limits);
    let running = Running::start(ListenerConfig::SyslogUdp { address: loopback() }, quick(), &kept).await;
    let sender = UdpSocket::bind(loopback()).await.expect("binds");
    sender.send_to(b"<13>one", running.address).await.expect("sends");
    kept.until("the refusal", |k| k.refused_of(reason::LOG_FULL) == 1).await;
    running.stop().await;
}

#[tokio::test]
async fn framings_mix_on_one_connection_and_half_closing_loses_nothing() {
    let kept = Kept::open();
    let running = Running::start(tcp(), quick(), &kept).await;
    let mut stream = connect(&running).await;
    for piece in [&b"7 <13"[..], b">one<14>two\n<15>thr", b"ee\x007 <16>end<17>no end"] {
        stream.write_all(piece).await.expect("writes");
        stream.flush().await.expect("flushes");
    }
    stream.shutdown().await.expect("half-closes");
    assert!(is_closed(&mut stream).await);
    kept.until_events(5).await;
    assert_eq!(kept.texts(), ["<13>one", "<14>two", "<15>three", "<16>end", "<17>no end"]);
    running.stop().await;
}

#[tokio::test]
async fn a_sender_without_terminator_is_heard_while_it_stays_connected() {
    let kept = Kept::open();
    let running = Running::start(tcp(), quick(), &kept).await;
    let mut stream = connect(&running).await;
    stream.write_all(b"<134>1 2026-11-24T08:17:00Z h kis 1 - - {}").await.expect("writes");
    kept.until_events(1).await;
    stream.write_all(b"<134>1 2026-11-24T08:17:09Z h kis 1 - - {\"n\":2}").await.expect("writes");
    kept.until_events(2).await;
    drop(stream);
    running.stop().await;
}

#[tokio::test]
async fn after_garbage_the_next_message_works() {
    let kept = Kept::open();
    let running = Running::start(tcp(), quick(), &kept).await;
    let mut hello = vec![0x16, 0x03, 0x01, 0x00, 0x2E];
    hello.extend([7; 41]);
    let cases: [(&str, &[u8], &str); 4] = [
        ("a length of 2 GB", b"2147483648 <13>x\n", reason::LENGTH_PREFIX),
        ("TLS on a plain port", &hello, reason::TLS_ON_PLAIN),
        ("binary", &[1, 2, 3, 4, 5, 6], reason::GARBAGE),
        ("a wrong length", b"5 <13>one, far too short\n", reason::LENGTH_MISMATCH),
    ];
    for (name, garbage, why) in cases {
        let mut stream = connect(&running).await;
        stream.write_all(garbage).await.expect("writes");
        let next = format!("\n<14>after {name}\n");
        stream.write_all(next.as_bytes()).await.expect("writes");
        kept.until(name, |k| k.texts().iter().any(|t| *t == format!("<14>after {name}"))).await;
        assert!(kept.refused_of(why) >= 1, "{name}");
    }
    running.stop().await;
}

#[tokio::test]
async fn a_connection_that_sends_only_garbage_is_closed() {
    let kept = Kept::open();
    let running = Running::start(tcp(), quick(), &kept).await;
    let mut stream = connect(&running).await;
    stream.write_all(&b"\x01\x02\n".repeat(200)).await.expect("writes");
    assert!(is_closed(&mut stream).await);
    assert!(kept.refused_of(reason::GARBAGE) >= 64);
    assert!(kept.texts().is_empty());
    running.stop().await;
}

#[tokio::test]
async fn a_silent_connection_is_closed_and_counted() {
    let kept = Kept::open();
    let limits = ListenLimits { idle_timeout: Duration::from_millis(80), ..quick() };
    let running = Running::start(tcp(), limits, &kept).await;
    let mut stream = connect(&running).await;
    stream.write_all(b"100 <13>never finished").await.expect("writes");
    assert!(is_closed(&mut stream).await);
    kept.until_events(1).await;
    let counted = running.counters.now();
    assert_eq!(counted.refused.get(reason::IDLE), Some(&1));
    assert_eq!(counted.refused.get(reason::CUT), Some(&1));
    assert_eq!(kept.texts(), ["<13>never finished"]);
    running.stop().await;
}

#[tokio::test]
async fn connections_beyond_the_limit_are_refused_and_counted() {
    let kept = Kept::open();
    let limits = ListenLimits { connections_per_peer_max: 2, ..quick() };
    let running = Running::start(tcp(), limits, &kept).await;
    let mut first = connect(&running).await;
    let mut second = connect(&running).await;
    first.write_all(b"<13>a\n").await.expect("writes");
    second.write_all(b"<13>b\n").await.expect("writes");
    kept.until_events(2).await;
    let mut third = connect(&running).await;
    assert!(is_closed(&mut third).await);
    kept.until("the refusal", |k| k.refused_of(reason::CONNECTIONS) == 1).await;
    drop(first);
    running.stop().await;
}

#[tokio::test]
async fn a_slow_log_stops_the_reading_and_nothing_is_lost() {
    const MESSAGES: usize = 20_000;
    let kept = Kept::new(0, log_limits());
    let running = Running::start(tcp(), quick(), &kept).await;
    let mut stream = connect(&running).await;
    let line = format!("<13>{}\n", "x".repeat(1000));
    let all = line.repeat(MESSAGES).into_bytes();
    let sent = all.len() as u64;
    let writer = tokio::spawn(async move {
        stream.write_all(&all).await.expect("writes");
        stream.shutdown().await.expect("closes");
    });
    kept.until("the first hand-over", |k| k.calls.load(std::sync::atomic::Ordering::SeqCst) > 0).await;
    assert!(running.counters.now().bytes < sent / 4, "reading went on while nothing was stored");
    kept.gate.add_permits(1_000_000);
    writer.await.expect("sent");
    kept.until_events(MESSAGES as u64).await;
    running.stop().await;
}

#[tokio::test]
async fn a_sender_over_its_quota_waits_and_another_does_not() {
    let kept = Kept::open();
    let limits = ListenLimits { quota: Quota { events_per_s: 2000, events_burst: 100 }, ..quick() };
    let running = Running::start(tcp(), limits, &kept).await;
    let mut flood = connect(&running).await;
    flood.write_all("<13>flood\n".repeat(400).as_bytes()).await.expect("writes");
    // Another address of this machine is another source.
    let socket = tokio::net::TcpSocket::new_v4().expect("a socket");
    socket.bind("127.0.0.2:0".parse().expect("an address")).expect("binds");
    let mut other = socket.connect(running.address).await.expect("connects");
    other.write_all(b"<13>other\n").await.expect("writes");
    kept.until("the other sender", |k| k.texts().iter().any(|t| t == "<13>other")).await;
    kept.until_events(401).await;
    assert!(running.counters.now().refused[reason::QUOTA] > 0);
    assert_eq!(kept.refused_of(reason::QUOTA), 0, "it waited, it lost nothing");
    running.stop().await;
}

#[tokio::test]
async fn tls_carries_messages_and_its_garbage_is_counted() {
    let (certificate, key) = certificate();
    let tls = tls_config(certificate.as_bytes(), key.as_bytes(), None).expect("a configuration");
    let kept = Kept::open();
    let limits = ListenLimits { handshake_timeout: Duration::from_millis(300), ..quick() };
    let config = ListenerConfig::SyslogTcp { address: loopback(), tls: Some(tls) };
    let running = Running::start(config, limits, &kept).await;

    let mut plain = connect(&running).await;
    plain.write_all(b"<13>plain text on a TLS port\n").await.expect("writes");
    assert!(is_closed(&mut plain).await);
    kept.until("the failed handshake", |k| k.refused_of(reason::HANDSHAKE) == 1).await;

    let mut silent = connect(&running).await;
    assert!(is_closed(&mut silent).await);
    kept.until("the timeout", |k| k.refused_of(reason::TIMEOUT) == 1).await;

    let mut stream = tls_client(&running, &certificate).await;
    stream.write_all(b"7 <13>one7 <13>t").await.expect("writes");
    stream.write_all(b"wo").await.expect("writes");
    stream.shutdown().await.expect("closes");
    kept.until_events(2).await;
    assert_eq!(kept.texts(), ["<13>one", "<13>two"]);
    running.stop().await;
}

async fn tls_client(running: &Running, certificate: &str) -> tokio_rustls::client::TlsStream<TcpStream> {
    let mut roots = rustls::RootCertStore::empty();
    roots.add(CertificateDer::from_pem_slice(certificate.as_bytes()).expect("a certificate")).expect("a root");
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = rustls::ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .expect("versions")
        .with_root_certificates(roots)
        .with_no_client_auth();
    let name = ServerName::try_from("localhost").expect("a name");
    let stream = connect(running).await;
    tokio_rustls::TlsConnector::from(Arc::new(config)).connect(name, stream).await.expect("shakes hands")
}

#[tokio::test]
async fn a_client_ca_keeps_strangers_out() {
    let (certificate, key) = certificate();
    let tls =
        tls_config(certificate.as_bytes(), key.as_bytes(), Some(certificate.as_bytes())).expect("a configuration");
    let kept = Kept::open();
    let config = ListenerConfig::SyslogTcp { address: loopback(), tls: Some(tls) };
    let running = Running::start(config, quick(), &kept).await;
    let mut stream = tls_client(&running, &certificate).await;
    // In TLS 1.3 the client learns of the refusal only when it reads.
    let _ = stream.write_all(b"<13>stranger\n").await;
    kept.until("the refusal", |k| k.refused_of(reason::HANDSHAKE) == 1).await;
    assert!(kept.texts().is_empty());
    running.stop().await;
}

#[test]
fn wrong_files_are_told_apart() {
    use crate::listen::TlsProblem;
    let (certificate, key) = certificate();
    let check =
        |c: &str, k: &str, ca: Option<&str>| tls_config(c.as_bytes(), k.as_bytes(), ca.map(str::as_bytes)).err();
    assert!(matches!(check("nothing", &key, None), Some(TlsProblem::Certificate(_))));
    assert!(matches!(check(&certificate, "nothing", None), Some(TlsProblem::Key(_))));
    assert!(matches!(check(&certificate, &key, Some("nothing")), Some(TlsProblem::ClientCa(_))));
    let (_, other_key) = super::certificate();
    assert!(matches!(check(&certificate, &other_key, None), Some(TlsProblem::Pair(_))));
}
