//! One member's HTTP calls to its hub. It moves bytes and checks signatures; it decides nothing (that is `decide`) and
//! knows no use case (that is `client`), so tests drive it against a hub made by hand.

use std::io::Write as _;
use std::time::Duration;

use app::link::{Push, Receipt, receipt_signing_input};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use serde::Serialize;
use serde::de::DeserializeOwned;

use super::authority::certificate_request;
use super::uplink::Uplink;
use super::wire::{AckRequest, FORMAT, RenewAnswer, RenewRequest, SIGNATURE_HEADER};
use super::{Error, tls};

/// How long a connection may take to be made.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);
/// How long an ordinary call may take.
const CALL_TIMEOUT: Duration = Duration::from_secs(60);
/// The longest ordinary answer, in bytes.
const ANSWER_BYTES_MAX: usize = 1024 * 1024;
/// Bodies from this size on are compressed.
const GZIP_BYTES_MIN: usize = 1024;

/// The way out of the hospital's network, e.g. `http://proxy.hospital.example:3128`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Proxy(pub String);

/// One member's calls to its hub.
pub struct Connection {
    http: reqwest::Client,
    urls: Vec<String>,
    current: usize,
    hub_key: Vec<u8>,
}

/// The hub's open answer to a stream request.
pub struct Opened {
    answer: reqwest::Response,
}

impl Connection {
    /// Prepares calls under the certificate that the uplink holds.
    pub fn new(uplink: &Uplink, node_key_pkcs8: &[u8], proxy: Option<&Proxy>) -> Result<Self, Error> {
        let tls = tls::member(&uplink.authority, &uplink.chain, node_key_pkcs8)?;
        Ok(Self { http: http_client(tls, proxy)?, urls: uplink.urls.clone(), current: 0, hub_key: uplink.hub_key() })
    }

    /// Tries the hub's next address from now on.
    pub fn next_address(&mut self) {
        self.current = (self.current + 1) % self.urls.len().max(1);
    }

    fn url(&self, path: &str) -> String {
        let base = self.urls.get(self.current).map_or("", |url| url.trim_end_matches('/'));
        format!("{base}/link/v1/{path}")
    }

    /// Pushes a batch and answers the hub's receipt, after checking its signature.
    pub async fn push(&self, push: &Push) -> Result<Receipt, Error> {
        let body = serde_json::to_vec(push).map_err(|problem| Error::Unusable(problem.to_string()))?;
        let mut call = self.http.post(self.url("push")).timeout(CALL_TIMEOUT);
        call = call.header("content-type", "application/json");
        call = if body.len() >= GZIP_BYTES_MIN {
            call.header("content-encoding", "gzip").body(gzip(&body)?)
        } else {
            call.body(body)
        };
        let answer = answered(call).await?;
        let signature = answer.headers().get(SIGNATURE_HEADER).and_then(|value| value.to_str().ok()).map(str::to_owned);
        let bytes = body_of(answer).await?;
        let signature = signature.and_then(|text| STANDARD.decode(text).ok()).unwrap_or_default();
        if !app::verify(&self.hub_key, &receipt_signing_input(&bytes), &signature) {
            return Err(Error::Unusable("the receipt is not signed by the hub's key".to_owned()));
        }
        let receipt: Receipt = read(&bytes)?;
        if receipt.format != FORMAT || receipt.epoch != push.epoch || receipt.outcomes.len() != push.items.len() {
            return Err(Error::Unusable("the receipt does not answer this push".to_owned()));
        }
        Ok(receipt)
    }

    /// Opens the published log after a position; `wait` asks for an answer that ends.
    pub async fn open(&self, after: i64, wait: Option<Duration>) -> Result<Opened, Error> {
        let wait = wait.map(|wait| format!("&wait={}", wait.as_secs().max(1))).unwrap_or_default();
        let url = format!("{}?after={after}{wait}", self.url("stream"));
        let answer = answered(self.http.get(url).header("accept", "text/event-stream")).await?;
        Ok(Opened { answer })
    }

    /// Confirms everything up to a position.
    pub async fn acknowledge(&self, position: i64) -> Result<(), Error> {
        let request = AckRequest { format: FORMAT, position };
        let _: serde_json::Value = post_json(&self.http, &self.url("ack"), &request).await?;
        Ok(())
    }

    /// The date that the hub puts on an answer; asked of an address that does nothing.
    pub(super) async fn date(&self, wait: Duration) -> Result<Option<String>, Error> {
        let answer = self.http.get(self.url("date")).timeout(wait).send().await;
        let answer = answer.map_err(|problem| unreachable(&problem))?;
        Ok(answer.headers().get("date").and_then(|date| date.to_str().ok()).map(str::to_owned))
    }

    /// Asks for a new certificate for the same key and answers the uplink with it.
    pub async fn renew(&self, uplink: &Uplink, node_key_pkcs8: &[u8]) -> Result<Uplink, Error> {
        let issued_s = tls::now().as_secs();
        let request = RenewRequest { format: FORMAT, request: STANDARD.encode(certificate_request(node_key_pkcs8)?) };
        let answer: RenewAnswer = post_json(&self.http, &self.url("renew"), &request).await?;
        tls::certificates(&answer.chain)?;
        Ok(Uplink { chain: answer.chain, until_s: answer.until_s, issued_s, ..uplink.clone() })
    }
}

impl Opened {
    /// The next bytes; none at the end.
    pub async fn next(&mut self) -> Result<Option<Bytes>, Error> {
        self.answer.chunk().await.map_err(|problem| unreachable(&problem))
    }
}

/// A client with these TLS settings that uses no proxy but the given one and follows no redirect.
pub(super) fn http_client(tls: rustls::ClientConfig, proxy: Option<&Proxy>) -> Result<reqwest::Client, Error> {
    let mut builder = reqwest::Client::builder()
        .tls_backend_preconfigured(tls)
        .https_only(true)
        .no_proxy()
        .redirect(reqwest::redirect::Policy::none())
        .connect_timeout(CONNECT_TIMEOUT)
        .tcp_keepalive(Duration::from_secs(30))
        .user_agent("lazaret");
    if let Some(Proxy(url)) = proxy {
        let proxy =
            reqwest::Proxy::all(url).map_err(|problem| Error::Unreachable(format!("proxy {url}: {problem}")))?;
        builder = builder.proxy(proxy);
    }
    builder.build().map_err(|problem| unreachable(&problem))
}

/// Posts a small message and reads a small answer.
pub(super) async fn post_json<T: Serialize, A: DeserializeOwned>(
    http: &reqwest::Client,
    url: &str,
    message: &T,
) -> Result<A, Error> {
    let body = serde_json::to_vec(message).map_err(|problem| Error::Unusable(problem.to_string()))?;
    let call = http.post(url).timeout(CALL_TIMEOUT).header("content-type", "application/json").body(body);
    read(&body_of(answered(call).await?).await?)
}

async fn answered(call: reqwest::RequestBuilder) -> Result<reqwest::Response, Error> {
    let answer = call.send().await.map_err(|problem| unreachable(&problem))?;
    let status = answer.status();
    if status.is_success() {
        return Ok(answer);
    }
    let text = body_of(answer).await.unwrap_or_default();
    let text = String::from_utf8_lossy(&text).chars().take(300).collect();
    Err(Error::Answer { status: status.as_u16(), text })
}

async fn body_of(mut answer: reqwest::Response) -> Result<Vec<u8>, Error> {
    let mut body = Vec::new();
    while let Some(piece) = answer.chunk().await.map_err(|problem| unreachable(&problem))? {
        if body.len() + piece.len() > ANSWER_BYTES_MAX {
            return Err(Error::Unusable(format!("longer than {ANSWER_BYTES_MAX} bytes")));
        }
        body.extend_from_slice(&piece);
    }
    Ok(body)
}

fn read<A: DeserializeOwned>(bytes: &[u8]) -> Result<A, Error> {
    serde_json::from_slice(bytes).map_err(|problem| Error::Unusable(problem.to_string()))
}

fn gzip(body: &[u8]) -> Result<Vec<u8>, Error> {
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    encoder
        .write_all(body)
        .and_then(|()| encoder.finish())
        .map_err(|problem| Error::Unusable(format!("compressing: {problem}")))
}

/// The whole chain of causes, because reqwest's own text only says that it did not work.
fn unreachable(problem: &reqwest::Error) -> Error {
    let mut text = problem.to_string();
    let mut cause = std::error::Error::source(problem);
    while let Some(next) = cause {
        text = format!("{text}: {next}");
        cause = next.source();
    }
    Error::Unreachable(text)
}
