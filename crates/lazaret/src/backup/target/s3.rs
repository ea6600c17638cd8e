//! An object store that speaks S3 (Amazon's, MinIO, Ceph, Garage): three requests signed with AWS Signature Version 4.
//! A file of its own because the signature is one public format. Source: AWS, *Signing AWS API requests*.
//!
//! Addresses have the bucket in the path: what stores of one's own understand without wildcard names.

use std::path::Path;
use std::time::Duration;

use anyhow::Context as _;
use jiff::Timestamp;
use ring::hmac;
use sha2::{Digest as _, Sha256};
use tokio::io::AsyncWriteExt as _;

use super::Access;

/// One object may be this large: beyond, a store wants it in parts. Units: bytes. Source: S3 User Guide, *Uploading objects*.
const OBJECT_BYTES_MAX: u64 = 5 << 30;
const REGION: &str = "us-east-1";
const TIMEOUT: Duration = Duration::from_secs(30);
/// The longest listing or error read. Units: bytes.
const ANSWER_BYTES_MAX: usize = 4 << 20;

/// A bucket, or a folder in one.
pub struct S3 {
    http: reqwest::Client,
    base: String,
    host: String,
    bucket: String,
    prefix: String,
    signer: Signer,
}

/// What requests are signed with.
struct Signer {
    region: String,
    key_id: String,
    secret: String,
}

impl std::fmt::Debug for S3 {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "S3({self})")
    }
}

impl std::fmt::Display for S3 {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "s3+{}/{}/{}", self.base, self.bucket, self.prefix)
    }
}

impl S3 {
    /// Reads `https://host[:port]/bucket[/prefix][?region=…]`.
    pub(super) fn read(text: &str, access: &Access) -> anyhow::Result<Self> {
        const SHAPE: &str = "write s3+https://host/bucket or s3+https://host/bucket/folder?region=eu-central-1";
        let (address, region) = text.split_once("?region=").unwrap_or((text, REGION));
        let (scheme, rest) = address.split_once("://").context(SHAPE)?;
        let (host, path) = rest.split_once('/').context(SHAPE)?;
        let (bucket, prefix) = path.trim_end_matches('/').split_once('/').unwrap_or((path.trim_end_matches('/'), ""));
        anyhow::ensure!(!host.is_empty() && !bucket.is_empty(), SHAPE);
        let loopback = host.starts_with("127.0.0.1") || host.starts_with("localhost");
        anyhow::ensure!(scheme == "https" || (scheme == "http" && loopback), "an S3 target is reached by https");
        let file = access.s3_credentials.as_ref().context("an S3 target needs backup.s3_credentials")?;
        let lines = std::fs::read_to_string(file).with_context(|| format!("cannot read {}", file.display()))?;
        let mut lines = lines.lines().map(str::trim).filter(|line| !line.is_empty());
        let (Some(key_id), Some(secret)) = (lines.next(), lines.next()) else {
            anyhow::bail!("{} needs two lines: the access key and its secret", file.display());
        };
        Ok(Self {
            http: client(access)?,
            base: format!("{scheme}://{host}"),
            host: host.to_owned(),
            bucket: bucket.to_owned(),
            prefix: prefix.to_owned(),
            signer: Signer { region: region.to_owned(), key_id: key_id.to_owned(), secret: secret.to_owned() },
        })
    }

    fn key(&self, name: &str) -> String {
        if self.prefix.is_empty() { name.to_owned() } else { format!("{}/{name}", self.prefix) }
    }

    pub(super) async fn list(&self, folder: &str) -> anyhow::Result<Vec<String>> {
        let prefix = format!("{}/", self.key(folder));
        let mut names = Vec::new();
        let mut after = String::new();
        loop {
            let mut query = format!("delimiter=%2F&list-type=2&prefix={}", escaped(&prefix, Slash::Escaped));
            if !after.is_empty() {
                query.push_str(&format!("&start-after={}", escaped(&after, Slash::Escaped)));
            }
            let path = format!("/{}", escaped(&self.bucket, Slash::Kept));
            let request = self.request(reqwest::Method::GET, &path, &query, &hex_hash(b""))?;
            let text = text_of(answered(request).await?).await?;
            let found = between(&text, "<Key>", "</Key>").chain(between(&text, "<Prefix>", "</Prefix>"));
            let full: Vec<String> = found.map(unescaped).filter(|key| key.len() > prefix.len()).collect();
            names.extend(
                full.iter().filter_map(|key| Some(key.strip_prefix(&prefix)?.trim_end_matches('/').to_owned())),
            );
            let more = text.contains("<IsTruncated>true</IsTruncated>");
            match full.into_iter().max() {
                // a folder stands for all that is in it: the next page starts behind it
                Some(last) if more => {
                    after = last.strip_suffix('/').map_or(last.clone(), |folder| format!("{folder}0"))
                }
                _ => return Ok(names),
            }
        }
    }

    pub(super) async fn put(&self, name: &str, from: &Path) -> anyhow::Result<()> {
        let bytes = std::fs::metadata(from)?.len();
        anyhow::ensure!(bytes <= OBJECT_BYTES_MAX, "{bytes} bytes are more than one S3 object holds (5 GiB)");
        let hash = super::super::sealed_hash(from).await?;
        let path = format!("/{}/{}", escaped(&self.bucket, Slash::Kept), escaped(&self.key(name), Slash::Kept));
        let request = self.request(reqwest::Method::PUT, &path, "", &hash)?;
        let file = tokio::fs::File::open(from).await?;
        let body = reqwest::Body::wrap_stream(chunks(file));
        answered(request.header("content-length", bytes).body(body)).await.map(drop)
    }

    pub(super) async fn get(&self, name: &str, to: &Path) -> anyhow::Result<()> {
        let path = format!("/{}/{}", escaped(&self.bucket, Slash::Kept), escaped(&self.key(name), Slash::Kept));
        let mut answer = answered(self.request(reqwest::Method::GET, &path, "", &hex_hash(b""))?).await?;
        let mut file = tokio::fs::File::create(to).await?;
        while let Some(chunk) = answer.chunk().await? {
            file.write_all(&chunk).await?;
        }
        Ok(file.flush().await?)
    }

    fn request(
        &self,
        method: reqwest::Method,
        path: &str,
        query: &str,
        body_hash: &str,
    ) -> anyhow::Result<reqwest::RequestBuilder> {
        let now = stamp(app::Clock::now(&crate::clock::SystemClock))?;
        let headers = [("host", self.host.as_str()), ("x-amz-content-sha256", body_hash), ("x-amz-date", &now)];
        let signed = self.signer.authorization(method.as_str(), path, query, &headers, body_hash, &now);
        let question = if query.is_empty() { String::new() } else { format!("?{query}") };
        Ok(self
            .http
            .request(method, format!("{}{path}{question}", self.base))
            .header("x-amz-content-sha256", body_hash)
            .header("x-amz-date", now)
            .header("authorization", signed))
    }
}

impl Signer {
    /// The header that signs a request. `headers` are sorted by name and in lower case.
    fn authorization(
        &self,
        method: &str,
        path: &str,
        query: &str,
        headers: &[(&str, &str)],
        body_hash: &str,
        now: &str,
    ) -> String {
        let listed: String = headers.iter().map(|(name, value)| format!("{name}:{value}\n")).collect();
        let names = headers.iter().map(|(name, _)| *name).collect::<Vec<_>>().join(";");
        let request = format!("{method}\n{path}\n{query}\n{listed}\n{names}\n{body_hash}");
        let day = now.get(..8).unwrap_or_default();
        let scope = format!("{day}/{}/s3/aws4_request", self.region);
        let text = format!("AWS4-HMAC-SHA256\n{now}\n{scope}\n{}", hex_hash(request.as_bytes()));
        let first = format!("AWS4{}", self.secret).into_bytes();
        let parts = [day, &self.region, "s3", "aws4_request", &text];
        let signature = parts.into_iter().fold(first, |key, part| {
            let key = hmac::Key::new(hmac::HMAC_SHA256, &key);
            hmac::sign(&key, part.as_bytes()).as_ref().to_vec()
        });
        format!(
            "AWS4-HMAC-SHA256 Credential={}/{scope},SignedHeaders={names},Signature={}",
            self.key_id,
            domain::record::hex(&signature)
        )
    }
}

fn client(access: &Access) -> anyhow::Result<reqwest::Client> {
    // one provider for the process; where it is set already, it is this one
    let _ = rustls::crypto::ring::default_provider().install_default();
    let mut builder = reqwest::Client::builder()
        .redirect(reqwest::redirect::Policy::none())
        .connect_timeout(TIMEOUT)
        .read_timeout(TIMEOUT)
        .user_agent("lazaret");
    if let Some(file) = &access.s3_authority {
        let pem = std::fs::read(file).with_context(|| format!("cannot read {}", file.display()))?;
        let authority = reqwest::Certificate::from_pem(&pem).with_context(|| file.display().to_string())?;
        builder = builder.tls_certs_only([authority]);
    }
    Ok(builder.build()?)
}

/// Sends it; an answer that is no success becomes what the store says.
async fn answered(request: reqwest::RequestBuilder) -> anyhow::Result<reqwest::Response> {
    let answer = request.send().await.context("the store cannot be reached")?;
    let status = answer.status();
    if status.is_success() {
        return Ok(answer);
    }
    let text = text_of(answer).await.unwrap_or_default();
    let said = between(&text, "<Code>", "</Code>").chain(between(&text, "<Message>", "</Message>"));
    let said = said.collect::<Vec<_>>().join(": ");
    anyhow::bail!("the store answers {}{}{said}", status.as_u16(), if said.is_empty() { "" } else { ", " })
}

async fn text_of(mut answer: reqwest::Response) -> anyhow::Result<String> {
    let mut bytes = Vec::new();
    while let Some(chunk) = answer.chunk().await? {
        anyhow::ensure!(bytes.len() + chunk.len() <= ANSWER_BYTES_MAX, "the store's answer is too long");
        bytes.extend_from_slice(&chunk);
    }
    Ok(String::from_utf8_lossy(&bytes).into_owned())
}

fn chunks(file: tokio::fs::File) -> impl futures_util::Stream<Item = std::io::Result<Vec<u8>>> {
    futures_util::stream::try_unfold(file, |mut file| async move {
        use tokio::io::AsyncReadExt as _;
        let mut chunk = vec![0; 256 * 1024];
        let read = file.read(&mut chunk).await?;
        chunk.truncate(read);
        Ok((read > 0).then_some((chunk, file)))
    })
}

/// What stands between two marks of an answer, each time. The answers are flat lists; no tree is needed.
fn between<'a>(text: &'a str, open: &'a str, close: &'a str) -> impl Iterator<Item = &'a str> {
    text.split(open).skip(1).filter_map(move |rest| Some(rest.split_once(close)?.0))
}

fn unescaped(text: &str) -> String {
    text.replace("&lt;", "<").replace("&gt;", ">").replace("&quot;", "\"").replace("&amp;", "&")
}

/// What becomes of slashes.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Slash {
    Kept,
    Escaped,
}

fn escaped(text: &str, slash: Slash) -> String {
    let mut out = String::new();
    for byte in text.bytes() {
        match byte {
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' => out.push(char::from(byte)),
            b'/' if slash == Slash::Kept => out.push('/'),
            _ => out.push_str(&format!("%{byte:02X}")),
        }
    }
    out
}

fn hex_hash(bytes: &[u8]) -> String {
    domain::record::hex(&Sha256::digest(bytes))
}

/// `20261125T081500Z`.
fn stamp(now: Timestamp) -> anyhow::Result<String> {
    Ok(jiff::fmt::strtime::format("%Y%m%dT%H%M%SZ", now)?)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Source: AWS, *Authenticating Requests: Using the Authorization Header*, the example GET Object.
    #[test]
    fn a_request_is_signed_as_the_standard_shows() {
        let signer = Signer {
            region: "us-east-1".to_owned(),
            key_id: "AKIAIOSFODNN7EXAMPLE".to_owned(),
            secret: "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY".to_owned(),
        };
        let empty = hex_hash(b"");
        let headers = [
            ("host", "examplebucket.s3.amazonaws.com"),
            ("range", "bytes=0-9"),
            ("x-amz-content-sha256", empty.as_str()),
            ("x-amz-date", "20130524T000000Z"),
        ];
        let signed = signer.authorization("GET", "/test.txt", "", &headers, &empty, "20130524T000000Z");
        assert!(
            signed.ends_with("Signature=f0e8bdb87c964420e857bd35b5d6ed310bd44f0170aba48dd91039c6036bdb41"),
            "{signed}"
        );
    }

    #[test]
    fn names_are_escaped_and_listings_read() {
        assert_eq!(escaped("a b/c~", Slash::Kept), "a%20b/c~");
        assert_eq!(escaped("a/b", Slash::Escaped), "a%2Fb");
        let listing = "<Contents><Key>p/a&amp;b</Key></Contents><Contents><Key>p/c</Key></Contents>";
        let keys: Vec<String> = between(listing, "<Key>", "</Key>").map(unescaped).collect();
        assert_eq!(keys, ["p/a&b", "p/c"]);
    }
}
