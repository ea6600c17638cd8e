//! A webhook out: one JSON object by POST to a person's URL: a chat, a pager service, a script of the hospital's own.

use std::time::Duration;

use app::{Call, Letter};
use serde_json::json;

use super::{ChannelFault, causes, tls};

/// How long a server may take to answer.
const ANSWER_TIME_MAX: Duration = Duration::from_secs(30);

/// A client for webhooks.
pub struct Webhook {
    http: reqwest::Client,
}

impl Webhook {
    /// Prepares it. Errors: certificates that cannot be read.
    pub fn new(authority_pem: Option<&str>) -> Result<Self, ChannelFault> {
        Ok(Self { http: client("webhook", authority_pem)? })
    }

    /// Posts one message. Shape: `text` is what a chat shows (the key that chats' incoming hooks share), the rest is for
    /// programs. Errors: no answer, or one other than 2xx.
    pub(super) async fn send(&self, call: &Call, letter: &Letter, link: &str) -> Result<(), String> {
        let body = json!({
            "text": format!("{}\n{link}", letter.subject),
            "subject": letter.subject,
            "about": call.notice.about.word(),
            "level": call.notice.level.as_str(),
            "title": call.notice.title,
            "hospital": call.hospital,
            "drill": call.notice.drill,
            "raised_at": call.notice.raised_at,
            "notice": call.notice.id,
            "attempt": call.attempt,
            "link": link,
        });
        let answer = self.http.post(&call.address).json(&body).send().await;
        taken(answer)
    }
}

/// A client for other people's HTTP servers: no redirects (an address that moved is told, not followed).
pub(super) fn client(channel: &'static str, authority_pem: Option<&str>) -> Result<reqwest::Client, ChannelFault> {
    let fault = |what: String| ChannelFault { channel, what };
    reqwest::Client::builder()
        .tls_backend_preconfigured(tls::client(authority_pem).map_err(fault)?)
        .redirect(reqwest::redirect::Policy::none())
        .no_proxy()
        .timeout(ANSWER_TIME_MAX)
        .user_agent("lazaret")
        .build()
        .map_err(|problem| fault(causes(&problem)))
}

/// Whether a server took a message: any answer of 2xx. The URL is left out of the reason, it may hold a secret.
pub(super) fn taken(answer: Result<reqwest::Response, reqwest::Error>) -> Result<(), String> {
    match answer {
        Ok(answer) if answer.status().is_success() => Ok(()),
        Ok(answer) => Err(format!("the server answered {}", answer.status())),
        Err(problem) => Err(causes(&problem.without_url())),
    }
}
