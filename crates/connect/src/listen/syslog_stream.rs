//! Syslog over TCP and TLS: read, frame, hand over; no reading while the log is
//! slow, so that the sender waits instead of losing. The framing is in
//! `framing.rs`.

use std::sync::Arc;
use std::time::Duration;

use app::intake::{Intake, SourceKey};
use bytes::Bytes;
use tokio::io::AsyncReadExt;
use tokio::time::Instant;

use super::accept::Accepted;
use super::framing::{Framed, Framer, Quiet};
use super::hand_over::{AtStop, Shared};
use super::limits::{BATCH_EVENTS_MAX, READ_BYTES, REFUSED_IN_A_ROW_MAX};
use super::reason;

/// What a read of a connection brought.
enum Read {
    Bytes(usize),
    Silence,
    End,
}

/// One connection from its first to its last byte.
pub(super) async fn speak<I: Intake>(accepted: Accepted, shared: Arc<Shared<I>>) {
    let Accepted { mut stream, source } = accepted;
    let mut framer = Framer::new(shared.limits.message_bytes_max);
    let mut refused_in_a_row = 0;
    let mut buffer = vec![0; READ_BYTES];
    let mut shutdown = shared.shutdown.clone();
    let mut last_byte = Instant::now();
    loop {
        let wait = next_wait(&framer, last_byte, &shared);
        let read = tokio::select! {
            read = tokio::time::timeout(wait, stream.read(&mut buffer)) => match read {
                Ok(Ok(0) | Err(_)) => Read::End,
                Ok(Ok(bytes)) => Read::Bytes(bytes),
                Err(_) => Read::Silence,
            },
            _ = shutdown.wait_for(|stop| *stop) => Read::End,
        };
        let mut flush = None;
        match read {
            Read::Bytes(bytes) => {
                last_byte = Instant::now();
                shared.counters.read(bytes);
                framer.feed(buffer.get(..bytes).unwrap_or_default());
            }
            Read::Silence if last_byte.elapsed() >= shared.limits.idle_timeout => {
                shared.counters.refused(reason::IDLE, 1);
                flush = Some(Quiet::Closed);
            }
            Read::Silence => flush = Some(Quiet::Idle),
            Read::End => flush = Some(Quiet::Closed),
        }
        let went_on = drain(&mut framer, flush, &source, &shared, &mut refused_in_a_row).await;
        if !went_on || flush == Some(Quiet::Closed) {
            return;
        }
        if refused_in_a_row >= REFUSED_IN_A_ROW_MAX {
            tracing::info!(%source, "a connection sent nothing but garbage and was closed");
            return;
        }
    }
}

/// How long to wait for bytes: shortly while an unterminated message waits that
/// silence may end.
fn next_wait<I>(framer: &Framer, last_byte: Instant, shared: &Shared<I>) -> Duration {
    let silence = last_byte.elapsed();
    if framer.pending() > 0 && silence < shared.limits.flush_after {
        return shared.limits.flush_after - silence;
    }
    shared.limits.idle_timeout.saturating_sub(silence)
}

/// Takes all messages out of the framer and stores them; false when the node
/// stops.
async fn drain<I: Intake>(
    framer: &mut Framer,
    flush: Option<Quiet>,
    source: &SourceKey,
    shared: &Shared<I>,
    refused_in_a_row: &mut u32,
) -> bool {
    let mut events: Vec<Bytes> = Vec::new();
    loop {
        let framed = framer.next_message().or_else(|| flush.and_then(|quiet| framer.flush(quiet)));
        match framed {
            Some(Framed::Message(message)) => {
                *refused_in_a_row = 0;
                events.push(message);
            }
            Some(Framed::Cut(message)) => {
                shared.counters.refused(reason::CUT, 1);
                events.push(message);
            }
            Some(Framed::Refused { reason, .. }) => {
                *refused_in_a_row += 1;
                shared.refuse(source, reason, 1);
            }
            None => return shared.store_all(source, events, AtStop::Counted).await,
        }
        if events.len() >= BATCH_EVENTS_MAX
            && !shared.store_all(source, std::mem::take(&mut events), AtStop::Counted).await
        {
            return false;
        }
    }
}
