//! Where a request comes from: the address of its connection, and browser and system in words.
//! A file of its own because user agents are a swamp, and only the list of sessions wants a word out of it.

use std::convert::Infallible;
use std::net::SocketAddr;
use std::sync::Arc;

use app::CameFrom;
use axum::extract::{ConnectInfo, FromRequestParts};
use axum::http::header::USER_AGENT;
use axum::http::request::Parts;

use super::Console;

/// Where a request comes from.
pub(crate) struct Came(pub CameFrom);

impl FromRequestParts<Arc<Console>> for Came {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, _: &Arc<Console>) -> Result<Self, Infallible> {
        let address = parts.extensions.get::<ConnectInfo<SocketAddr>>().map(|info| info.0.ip().to_canonical());
        let agent = parts.headers.get(USER_AGENT).and_then(|value| value.to_str().ok()).unwrap_or_default();
        Ok(Self(CameFrom {
            address: address.map(|address| address.to_string()).unwrap_or_default(),
            device: device(agent),
        }))
    }
}

/// Browser and system by their own names; empty where none is known. The first that fits counts, because everybody
/// claims to be several others.
fn device(agent: &str) -> String {
    let browsers = [
        ("Edg", "Edge"),
        ("OPR/", "Opera"),
        ("Firefox/", "Firefox"),
        ("FxiOS/", "Firefox"),
        ("Chrome/", "Chrome"),
        ("CriOS/", "Chrome"),
        ("Safari/", "Safari"),
        ("curl/", "curl"),
    ];
    let systems = [
        ("Windows", "Windows"),
        ("Android", "Android"),
        ("iPhone", "iPhone"),
        ("iPad", "iPad"),
        ("Mac OS X", "macOS"),
        ("CrOS", "ChromeOS"),
        ("Linux", "Linux"),
    ];
    let find =
        |known: &[(&str, &'static str)]| known.iter().find(|(part, _)| agent.contains(part)).map(|(_, name)| *name);
    let names: Vec<&str> = [find(&browsers), find(&systems)].into_iter().flatten().collect();
    names.join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn browsers_are_known_by_their_words() {
        let check = |agent: &str, words: &str| assert_eq!(device(agent), words);
        check("Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0", "Firefox, Linux");
        let chrome = "(KHTML, like Gecko) Chrome/156.0.0.0 Safari/537.36";
        check(&format!("Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 {chrome}"), "Chrome, Windows");
        check(
            &format!("Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 {chrome} Edg/156.0.0.0"),
            "Edge, Windows",
        );
        check("Mozilla/5.0 (iPhone; CPU iPhone OS 19_0 like Mac OS X) Version/19.0 Safari/604.1", "Safari, iPhone");
        check("", "");
    }
}
