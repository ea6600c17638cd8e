//! The hub's published log as one answer: first what is kept after the cursor, then what comes, with a sign of life
//! in between. A file of its own because order and completeness rest on it: subscribe first, read to the end, wait.
//!
//! The wake-up carries no item: a slow member reads the log by its cursor and costs the hub one page at a time.

use std::convert::Infallible;
use std::time::Duration;

use app::Member;
use app::link::StreamPage;
use axum::body::Body;
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use futures_util::stream;
use tokio::sync::watch;
use tokio::time::Instant;

use super::endpoints::{Allowed, Hub, member};
use super::sse::{Event, HEARTBEAT};
use crate::serve::ClientCertificate;

/// The longest a long poll may ask to wait.
const WAIT_MAX: Duration = Duration::from_secs(60);

/// The answer to a listener. With `wait` it ends after the first items, or when the time is over.
pub fn answer(hub: Hub, caller: ClientCertificate, member: Member, after: i64, wait: Option<Duration>) -> Response {
    let published = hub.app.published();
    let ends_at = wait.map(|wait| Instant::now() + wait.min(WAIT_MAX));
    let feed = Feed { hub, caller, member, after, published, ends_at, next: Next::Greet, handed: Vec::new() };
    let body = Body::from_stream(stream::unfold(feed, |mut feed| async move {
        let piece = feed.piece().await?;
        Some((Ok::<_, Infallible>(Bytes::from(piece)), feed))
    }));
    let headers = [("content-type", "text/event-stream"), ("cache-control", "no-store"), ("x-accel-buffering", "no")];
    (headers, body).into_response()
}

struct Feed {
    hub: Hub,
    caller: ClientCertificate,
    member: Member,
    after: i64,
    published: watch::Receiver<i64>,
    ends_at: Option<Instant>,
    next: Next,
    /// Releases of the last piece: when the next piece is asked for, the last one is on its way.
    handed: Vec<(uuid::Uuid, u32)>,
}

enum Next {
    Greet,
    Read,
    End,
}

impl Feed {
    /// The next piece of the answer; none at its end.
    async fn piece(&mut self) -> Option<String> {
        self.note_handed().await;
        match self.next {
            Next::Greet => {
                self.next = Next::Read;
                return Some(HEARTBEAT.to_owned());
            }
            Next::End => return None,
            Next::Read => {}
        }
        loop {
            self.published.borrow_and_update();
            // a member revoked, or whose certificate ended, while it listened reads no further page
            self.member = member(&self.hub, &self.caller, Allowed::CurrentOnly).await.ok()?;
            let page = match self.hub.app.stream_page(&self.member, self.after).await {
                Ok(page) => page,
                Err(problem) => {
                    tracing::warn!(%problem, "link: the published log could not be read");
                    return None;
                }
            };
            let moved = page.end > self.after;
            if let Some(text) = self.take(&page) {
                if self.ends_at.is_some() {
                    self.next = Next::End;
                }
                return Some(text);
            }
            if moved {
                continue;
            }
            match self.wait().await {
                Woke::Published => {}
                Woke::Quiet => return Some(HEARTBEAT.to_owned()),
                Woke::Over => return None,
            }
        }
    }

    async fn note_handed(&mut self) {
        let handed = std::mem::take(&mut self.handed);
        if let Err(problem) = self.hub.app.note_sent(&self.member, &handed).await {
            tracing::warn!(%problem, "link: what was sent could not be noted; the member's answer will tell");
        }
    }

    fn take(&mut self, page: &StreamPage) -> Option<String> {
        self.handed.clone_from(&page.releases);
        let mut text = String::new();
        if let Some(gap) = page.gap {
            let data = serde_json::to_string(&gap).unwrap_or_default();
            text.push_str(&Event { name: "gap".to_owned(), id: Some(gap.to.to_string()), data }.text());
            self.after = self.after.max(gap.to);
        }
        for item in &page.items {
            let data = serde_json::to_string(item).unwrap_or_default();
            text.push_str(&Event { name: "release".to_owned(), id: Some(item.position.to_string()), data }.text());
        }
        // also past what is not for this member
        self.after = self.after.max(page.end);
        (!text.is_empty()).then_some(text)
    }

    async fn wait(&mut self) -> Woke {
        let quiet_at = Instant::now() + self.hub.limits.heartbeat;
        let until = self.ends_at.map_or(quiet_at, |ends_at| ends_at.min(quiet_at));
        let mut shutdown = self.hub.shutdown.clone();
        let woke = tokio::select! {
            changed = self.published.changed() => if changed.is_ok() { Woke::Published } else { Woke::Over },
            () = tokio::time::sleep_until(until) => Woke::Quiet,
            _ = shutdown.wait_for(|stop| *stop) => Woke::Over,
        };
        if matches!(woke, Woke::Quiet) {
            if self.ends_at.is_some_and(|ends_at| ends_at <= Instant::now()) {
                self.next = Next::End;
            }
            // let go at the next sign of life where there is nothing to read
            if member(&self.hub, &self.caller, Allowed::CurrentOnly).await.is_err() {
                return Woke::Over;
            }
        }
        woke
    }
}

enum Woke {
    Published,
    Quiet,
    Over,
}
