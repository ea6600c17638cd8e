//! Writes raw lines to a hospital's listeners, as its devices would: syslog over TCP and UDP, HTTP, a followed file.
//! A file of its own because this is all that the demo may do to a hospital: it only writes bytes to open doors.

use std::io::Write as _;
use std::net::SocketAddr;
use std::path::PathBuf;

use anyhow::Context as _;
use detect::decode::Carrier;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpSocket, TcpStream, UdpSocket};

/// Lines of one HTTP request.
const HTTP_LINES_MAX: usize = 500;
/// The longest answer that is read.
const ANSWER_BYTES_MAX: usize = 64 * 1024;

/// The open doors of one hospital.
pub struct Feed {
    /// Syslog over TCP.
    pub syslog_tcp: SocketAddr,
    /// Syslog over UDP.
    pub syslog_udp: SocketAddr,
    /// HTTP.
    pub http: SocketAddr,
    /// The source token that HTTP senders show.
    pub token: String,
    /// The file it follows.
    pub file: PathBuf,
}

/// One raw line and how it travels.
#[derive(Debug, Clone)]
pub struct RawLine {
    /// How.
    pub carrier: Carrier,
    /// Who sends it, e.g. `syslog:esx`.
    pub source: std::sync::Arc<str>,
    /// The line, without an end.
    pub bytes: Vec<u8>,
}

impl Feed {
    /// Sends lines in their order, each kind through its own door. Answers how many were sent.
    pub async fn send(&self, lines: &[RawLine]) -> anyhow::Result<u64> {
        let mut rest = lines;
        while let Some(first) = rest.first() {
            let same = |line: &RawLine| line.carrier == first.carrier && line.source == first.source;
            let end = rest.iter().position(|line| !same(line)).unwrap_or(rest.len());
            let (run, more) = rest.split_at(end);
            match first.carrier {
                Carrier::Http => self.over_http(run).await?,
                Carrier::File => self.append_to_file(run)?,
                Carrier::Syslog | Carrier::Evtx => self.over_syslog(run).await?,
            }
            rest = more;
        }
        Ok(lines.len() as u64)
    }

    async fn over_http(&self, lines: &[RawLine]) -> anyhow::Result<()> {
        for batch in lines.chunks(HTTP_LINES_MAX) {
            let mut body = Vec::new();
            for line in batch {
                body.extend_from_slice(&line.bytes);
                body.push(b'\n');
            }
            let head = format!(
                "POST /ingest HTTP/1.1\r\nHost: {}\r\nAuthorization: Bearer {}\r\nContent-Type: application/x-ndjson\r\n\
                 Content-Length: {}\r\nConnection: close\r\n\r\n",
                self.http,
                self.token,
                body.len()
            );
            let mut socket = TcpStream::connect(self.http).await.context("HTTP intake")?;
            socket.write_all(head.as_bytes()).await?;
            socket.write_all(&body).await?;
            let mut answer = Vec::new();
            socket.take(ANSWER_BYTES_MAX as u64).read_to_end(&mut answer).await?;
            let status = String::from_utf8_lossy(&answer);
            let status = status.lines().next().unwrap_or_default().to_owned();
            anyhow::ensure!(status.contains(" 200"), "HTTP intake answered {status:?}");
        }
        Ok(())
    }

    /// Devices have addresses of their own: each source sends from its own address of the loopback network. A source
    /// whose lines fit into a datagram uses UDP when there is only one, TCP for more.
    async fn over_syslog(&self, lines: &[RawLine]) -> anyhow::Result<()> {
        let from = loopback_of(lines.first().map_or("", |line| &line.source));
        if let [line] = lines
            && line.bytes.len() < 1_000
        {
            let socket = UdpSocket::bind(from).await?;
            socket.send_to(&line.bytes, self.syslog_udp).await?;
            return Ok(());
        }
        let socket = TcpSocket::new_v4()?;
        socket.bind(from)?;
        let mut stream = socket.connect(self.syslog_tcp).await.context("syslog over TCP")?;
        for line in lines {
            // octet counting: a line may hold anything
            stream.write_all(format!("{} ", line.bytes.len()).as_bytes()).await?;
            stream.write_all(&line.bytes).await?;
        }
        stream.shutdown().await?;
        // until the other side has read to the end
        stream.read_to_end(&mut Vec::new()).await?;
        Ok(())
    }

    fn append_to_file(&self, lines: &[RawLine]) -> anyhow::Result<()> {
        let mut file = std::fs::OpenOptions::new().append(true).open(&self.file).context("the followed file")?;
        let mut bytes = Vec::new();
        for line in lines {
            bytes.extend_from_slice(&line.bytes);
            bytes.push(b'\n');
        }
        Ok(file.write_all(&bytes)?)
    }
}

/// An address of 127.0.0.0/8 that stands for a source; port 0.
fn loopback_of(source: &str) -> SocketAddr {
    let sum = source.bytes().fold(7_u32, |sum, byte| sum.wrapping_mul(31).wrapping_add(u32::from(byte)));
    let [_, second, third, fourth] = sum.to_be_bytes();
    SocketAddr::from(([127, second, third, fourth.clamp(1, 254)], 0))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_source_keeps_its_address_and_two_sources_have_two() {
        assert_eq!(loopback_of("syslog:esx"), loopback_of("syslog:esx"));
        assert_ne!(loopback_of("syslog:esx"), loopback_of("syslog:fw"));
        assert!(loopback_of("syslog:audit").ip().is_loopback());
    }
}
