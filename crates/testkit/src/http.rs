//! One HTTP request over a connection of its own, by hand: a test of a server should not share a client with it.

use std::net::SocketAddr;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

/// What a server answered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Answer {
    /// The status code.
    pub status: u16,
    /// Head and body as text.
    pub text: String,
}

/// Sends a request and reads the answer to its end. Errors: the connection broke, or no status came.
pub async fn request(
    to: SocketAddr,
    method: &str,
    path: &str,
    headers: &[(&str, &str)],
    body: &[u8],
) -> std::io::Result<Answer> {
    let mut head =
        format!("{method} {path} HTTP/1.1\r\nHost: {to}\r\nConnection: close\r\nContent-Length: {}\r\n", body.len());
    for (name, value) in headers {
        head.push_str(&format!("{name}: {value}\r\n"));
    }
    head.push_str("\r\n");
    let mut socket = TcpStream::connect(to).await?;
    socket.write_all(head.as_bytes()).await?;
    // a server that answers early (too long, full) may stop reading
    let _ = socket.write_all(body).await;
    let mut bytes = Vec::new();
    let read = socket.read_to_end(&mut bytes).await;
    let text = String::from_utf8_lossy(&bytes).into_owned();
    let status = text.split(' ').nth(1).and_then(|status| status.parse().ok());
    match (status, read) {
        (Some(status), _) => Ok(Answer { status, text }),
        (None, Err(problem)) => Err(problem),
        (None, Ok(_)) => Err(std::io::Error::other("the server answered nothing")),
    }
}

/// Posts events, one JSON object a line, with a source token.
pub async fn post_events(to: SocketAddr, token: &str, lines: &[String]) -> std::io::Result<Answer> {
    let authorization = format!("Bearer {token}");
    let headers = [("Content-Type", "application/x-ndjson"), ("Authorization", authorization.as_str())];
    let mut body = lines.join("\n");
    body.push('\n');
    request(to, "POST", "/ingest", &headers, body.as_bytes()).await
}
