//! Reaching a person: the channels that a node has, one file each, and the loop that makes the calls which `app` says
//! are due. Whom to call, when, and when to stop is decided in `domain::reach`; here only whether a channel took it.

mod mail;
mod modem;
mod sms;
mod tls;
mod webhook;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use app::{App, Call, Called, Letter, Told};
use domain::reach::Channel;
use tokio::sync::watch;
use tokio::task::{Id, JoinSet};
use uuid::Uuid;

pub use mail::{Mail, MailConfig, MailSecurity};
pub use modem::{Modem, ModemConfig};
pub use sms::{SmsGateway, SmsGatewayConfig};
pub use webhook::Webhook;

/// How often the loop looks for calls that are due when nothing wakes it: quiet hours that end, rungs that had their
/// time.
const LOOK_EVERY: Duration = Duration::from_secs(5);
/// The shortest time between two looks: a busy node changes many times a second.
const LOOK_PAUSE: Duration = Duration::from_millis(500);
/// How long a channel may take for one call.
const CALL_TIME_MAX: Duration = Duration::from_secs(60);
/// Calls made at one time; the rest waits for the next look.
const CALLS_AT_ONCE_MAX: usize = 16;
/// How often replies are read from a modem.
const REPLIES_EVERY: Duration = Duration::from_secs(10);
/// How often notices that are too old are dropped.
const RETAIN_EVERY: Duration = Duration::from_secs(3600);

/// Why a channel cannot be set up.
#[derive(Debug, thiserror::Error)]
#[error("the channel {channel} cannot be used: {what}")]
pub struct ChannelFault {
    /// Which, e.g. `mail`.
    pub channel: &'static str,
    /// What is wrong.
    pub what: String,
}

/// The channels that a node has.
#[derive(Clone, Default)]
pub struct Channels {
    /// Mail.
    pub mail: Option<Arc<Mail>>,
    /// HTTP requests to a URL of the person's.
    pub webhook: Option<Arc<Webhook>>,
    /// Short messages through an HTTP gateway.
    pub sms: Option<Arc<SmsGateway>>,
    /// Short messages through a modem at this machine, both ways.
    pub modem: Option<Arc<Modem>>,
}

/// Puts a call into words. The binary gives the console's, so that messages come from the same catalogue as pages.
pub trait Words: Send + Sync {
    /// What the message says; `link` is where it is acknowledged.
    fn letter(&self, call: &Call, link: &str) -> Letter;
    /// What somebody reads who answered by a short message.
    fn answer(&self, told: &Told) -> String;
}

/// What the loop works with.
#[derive(Clone)]
pub struct Messenger {
    /// The use cases.
    pub app: Arc<App>,
    /// The channels.
    pub channels: Channels,
    /// The words.
    pub words: Arc<dyn Words>,
    /// What links begin with, without a slash at the end.
    pub console: String,
}

impl Channels {
    /// Which there are.
    pub fn kinds(&self) -> Vec<Channel> {
        let has = |channel: &Channel| match channel {
            Channel::Mail => self.mail.is_some(),
            Channel::Webhook => self.webhook.is_some(),
            Channel::Sms => self.sms.is_some(),
            Channel::Modem => self.modem.is_some(),
        };
        Channel::ALL.into_iter().filter(has).collect()
    }

    /// Sends one message. Errors: why the channel did not take it, for people.
    async fn send(&self, call: &Call, letter: &Letter, link: &str) -> Result<(), String> {
        let none = || Err("this node has no such channel".to_owned());
        match call.channel {
            Channel::Mail => match &self.mail {
                Some(mail) => mail.send(call, letter).await,
                None => none(),
            },
            Channel::Webhook => match &self.webhook {
                Some(webhook) => webhook.send(call, letter, link).await,
                None => none(),
            },
            Channel::Sms => match &self.sms {
                Some(gateway) => gateway.send(&call.address, &letter.short).await,
                None => none(),
            },
            Channel::Modem => match &self.modem {
                Some(modem) => modem.send(&call.address, &letter.short).await,
                None => none(),
            },
        }
    }
}

impl Messenger {
    /// Makes one call and says how it ended. Never longer than a minute.
    pub async fn make(&self, call: &Call) -> Called {
        let link = format!("{}/acknowledge/{}", self.console, call.token);
        let letter = self.words.letter(call, &link);
        let begun = Instant::now();
        let sent = tokio::time::timeout(CALL_TIME_MAX, self.channels.send(call, &letter, &link)).await;
        let latency_ms = u64::try_from(begun.elapsed().as_millis()).unwrap_or(u64::MAX);
        match sent {
            Ok(Ok(())) => Called::Sent { latency_ms },
            Ok(Err(reason)) => Called::Failed { latency_ms, reason },
            Err(_) => Called::Failed { latency_ms, reason: "no answer within a minute".to_owned() },
        }
    }
}

/// Raises what is due and makes the calls, until told to stop; calls that are being made then are finished. Errors of
/// the store are logged and tried again: a call is a row until somebody says how it ended.
pub async fn run_messenger(messenger: Messenger, mut stop: watch::Receiver<bool>) {
    messenger.app.set_channels(messenger.channels.kinds());
    let mut changes = messenger.app.changes();
    let mut flying = Flying::default();
    let mut retained: Option<Instant> = None;
    let reading = tokio::spawn(read_replies(messenger.clone(), stop.clone()));
    while !*stop.borrow() {
        changes.borrow_and_update();
        if let Err(problem) = flying.look(&messenger).await {
            tracing::error!(%problem, "calls that are due could not be looked up; it is tried again");
        }
        if retained.is_none_or(|at| at.elapsed() >= RETAIN_EVERY) {
            retained = Some(Instant::now());
            if let Err(problem) = messenger.app.retain_notices().await {
                tracing::warn!(%problem, "retention of notices failed; it is tried again");
            }
        }
        let changed = async {
            tokio::time::sleep(LOOK_PAUSE).await;
            let _ = changes.changed().await;
        };
        tokio::select! {
            () = flying.landed(&messenger) => {}
            () = changed => {}
            () = tokio::time::sleep(LOOK_EVERY) => {}
            _ = stop.changed() => {}
        }
    }
    while !flying.tasks.is_empty() {
        flying.landed(&messenger).await;
    }
    if let Err(lost) = reading.await {
        tracing::error!(%lost, "the task that reads replies was lost");
    }
}

/// Reads the replies that a modem got, until told to stop.
async fn read_replies(messenger: Messenger, mut stop: watch::Receiver<bool>) {
    if messenger.channels.modem.is_none() {
        return;
    }
    while !*stop.borrow() {
        if let Err(problem) = read_replies_once(&messenger).await {
            tracing::warn!(problem, "the modem's messages could not be read; it is tried again");
        }
        tokio::select! { () = tokio::time::sleep(REPLIES_EVERY) => {}, _ = stop.changed() => {} }
    }
}

/// Reads what a modem got and acknowledges what it answers; whoever answered is told whether they were the first. A
/// message is deleted only when it was dealt with. Errors: in words.
async fn read_replies_once(messenger: &Messenger) -> Result<(), String> {
    let Some(modem) = &messenger.channels.modem else { return Ok(()) };
    let messages = modem.received().await?;
    for message in &messages {
        let told = messenger.app.acknowledge_by_reply(&message.from, &message.text).await;
        // deleted before it is answered: an answer that fails must not be sent again and again
        match told {
            Ok(told) => {
                modem.forget(std::slice::from_ref(message)).await?;
                if let Some(told) = told {
                    modem.send(&message.from, &messenger.words.answer(&told)).await?;
                }
            }
            Err(app::Error::NotFound) => modem.forget(std::slice::from_ref(message)).await?,
            Err(problem) => return Err(problem.to_string()),
        }
    }
    Ok(())
}

/// The calls that are being made.
#[derive(Default)]
struct Flying {
    tasks: JoinSet<Called>,
    attempts: BTreeMap<Id, Uuid>,
}

impl Flying {
    async fn look(&mut self, messenger: &Messenger) -> Result<(), app::Error> {
        messenger.app.raise_what_is_due().await?;
        for call in messenger.app.due_attempts().await? {
            let known = self.attempts.values().any(|attempt| *attempt == call.attempt);
            if known || self.tasks.len() >= CALLS_AT_ONCE_MAX {
                continue;
            }
            let (attempt, messenger) = (call.attempt, messenger.clone());
            let task = self.tasks.spawn(async move { messenger.make(&call).await });
            self.attempts.insert(task.id(), attempt);
        }
        Ok(())
    }

    /// Waits for one call to end and says so; for ever where none is being made.
    async fn landed(&mut self, messenger: &Messenger) {
        let ended = match self.tasks.join_next_with_id().await {
            Some(ended) => ended,
            None => return std::future::pending().await,
        };
        let (id, called) = match ended {
            Ok((id, called)) => (id, called),
            Err(lost) => {
                let reason = format!("the task that made the call was lost: {lost}");
                (lost.id(), Called::Failed { latency_ms: 0, reason })
            }
        };
        let Some(attempt) = self.attempts.remove(&id) else { return };
        match &called {
            Called::Sent { latency_ms } => tracing::info!(%attempt, latency_ms, "a call was sent"),
            Called::Failed { reason, .. } => tracing::warn!(%attempt, reason, "a call failed"),
        }
        if let Err(problem) = messenger.app.attempt_done(attempt, called).await {
            tracing::error!(%problem, %attempt, "how a call ended could not be kept; it will be made again");
        }
    }
}

/// The whole chain of causes: *error sending request* alone helps nobody at 3 a.m.
fn causes(problem: &dyn std::error::Error) -> String {
    let mut text = problem.to_string();
    let mut cause = problem.source();
    while let Some(next) = cause {
        let said = next.to_string();
        if !text.contains(&said) {
            text = format!("{text}: {said}");
        }
        cause = next.source();
    }
    text
}

#[cfg(test)]
mod tests;
