//! Notices: what has to reach a person, the calls that are due, and who said that they know.
//! A file of its own because it is the only way out of the house for what is not a sighting or a release, and nothing
//! in a message names a host, a person or a patient.
//!
//! What raises a notice is derived from what is kept (`raise_what_is_due`), so a kill between an alert's commit and its
//! notice loses nothing, and raising twice is once. Each call is a row before it is made: a kill in between makes the
//! same call again.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Mutex, PoisonError};

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use domain::party::{Actor, Role};
use domain::reach::{
    About, Acknowledged, Attempt, AttemptState, Channel, How, Notice, NoticeState, Planned, next_attempts, same_number,
};
use domain::telemetry::{Level, Verdict};
use jiff::{SignedDuration, Timestamp};
use sha2::{Digest, Sha256};
use store::{
    AcknowledgeOutcome, Alert, AlertQuery, AlertStage, AttemptEnd, KeptAttempt, NewAttempt, ReceivedState,
    ReceivedWarning,
};
use uuid::Uuid;

use crate::accounts::hash_token;
use crate::{App, Error, Result, Session};

/// Notices that call people at one time; others wait until one of these is acknowledged. The gravest come first.
pub const CALLING_MAX: u32 = 20;
/// Alerts looked at for notices in one turn.
const ALERTS_MAX: u32 = 200;
/// How far back an alert may lie to raise a notice: an upgrade must not call for last month.
const RAISED_WITHIN: SignedDuration = SignedDuration::from_hours(24);
/// The local hour from which the monthly test is sent.
const TEST_HOUR: i8 = 10;
/// How long one process is the one that calls; renewed at every turn.
const LEASE: SignedDuration = SignedDuration::from_secs(30);
/// How long notices and their calls are kept after they ended.
const KEPT: SignedDuration = SignedDuration::from_hours(400 * 24);
/// The digits of a reply's code. Guessing is bounded: a reply counts only from the address that was called.
const CODE_DIGITS: u32 = 6;

/// Which channels this node has, and the name under which this process calls.
#[derive(Debug)]
pub(crate) struct Calling {
    channels: Mutex<Vec<Channel>>,
    holder: String,
}

impl Calling {
    pub(crate) fn start() -> Result<Self> {
        Ok(Self { channels: Mutex::default(), holder: crate::accounts::secret()? })
    }

    pub(crate) fn channels(&self) -> Vec<Channel> {
        self.channels.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

/// A notice to be raised.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Raise {
    /// What it is about.
    pub about: About,
    /// How grave.
    pub level: Level,
    /// The title of a rule or a warning; never a host, a person or a patient.
    pub title: String,
    /// Whether an exercise caused it.
    pub drill: bool,
}

/// A call to be made, with everything that its message says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Call {
    /// The call's id, for [`App::attempt_done`].
    pub attempt: Uuid,
    /// How.
    pub channel: Channel,
    /// Where.
    pub address: String,
    /// The person's name as an account.
    pub person: String,
    /// What about.
    pub notice: Notice,
    /// This node's name.
    pub hospital: String,
    /// What the link of the message ends with.
    pub token: String,
    /// What a reply repeats.
    pub code: String,
}

/// What a message says, in the words of one language.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Letter {
    /// One line.
    pub subject: String,
    /// The whole, for a mail.
    pub text: String,
    /// The whole in one short message of at most 160 characters, where the title allows it.
    pub short: String,
}

/// How a call ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Called {
    /// The channel took it.
    Sent {
        /// How long that took.
        latency_ms: u64,
    },
    /// The channel did not.
    Failed {
        /// How long that took.
        latency_ms: u64,
        /// Why, in the channel's words.
        reason: String,
    },
}

/// A notice with its calls, for pages.
#[derive(Debug, Clone)]
pub struct NoticeView {
    /// The notice.
    pub notice: Notice,
    /// Its calls, oldest first.
    pub attempts: Vec<Attempt>,
    /// Names by account.
    pub names: BTreeMap<Uuid, String>,
    /// The next call that will be made unless somebody acknowledges.
    pub next: Option<Planned>,
}

/// What became of an acknowledgement.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Told {
    /// This one counts.
    First,
    /// Somebody was faster: their name, and when.
    Already {
        /// The account's name.
        by: String,
        /// When.
        at: Timestamp,
    },
    /// It was over before anybody acknowledged.
    Over,
}

impl App {
    /// Says which channels this node has; calls go only by these.
    pub fn set_channels(&self, channels: Vec<Channel>) {
        *self.calling.channels.lock().unwrap_or_else(PoisonError::into_inner) = channels;
        self.changed();
    }

    /// Raises a notice; false where one about the same was raised before.
    pub async fn raise(&self, raise: Raise) -> Result<bool> {
        let Raise { about, level, title, drill } = raise;
        let word = about.word();
        let (id, raised_at) = (self.new_id()?, self.now());
        let notice = Notice { id, about, level, title, drill, raised_at, state: NoticeState::Open };
        let raised = self.store.raise_notice(&notice).await?;
        if raised {
            self.metrics.add("lazaret_notices_raised_total", &format!("about=\"{word}\""), 1);
            tracing::info!(notice = %id, about = word, "a notice is raised");
            self.changed();
        }
        Ok(raised)
    }

    /// Raises a notice of trouble at this node: a backup that failed, a disk that fills. `code` has a message
    /// `trouble-CODE`; `of` tells several apart and leaves the house in no message. Told again on the next day.
    pub async fn raise_trouble(&self, code: &str, of: &str, level: Level) -> Result<bool> {
        let day = self.now().to_zoned_datetime(jiff::tz::TimeZone::UTC).date();
        let about = About::Trouble { code: code.to_owned(), of: of.to_owned(), day };
        self.raise(Raise { about, level, title: String::new(), drill: false }).await
    }

    /// Raises what is due by what is kept: critical alerts and warnings that hit. Ends notices whose matter somebody
    /// dealt with. Idempotent; called after every change and now and then.
    pub async fn raise_what_is_due(&self) -> Result<()> {
        let mut rules = BTreeSet::new();
        for alert in self.critical_alerts().await? {
            let about = about_alert(&alert);
            if rules.insert(about.key()) {
                let Alert { rule_title: title, level, drill, .. } = alert;
                self.raise_new(Raise { about, level, title, drill }).await?;
            }
        }
        let hits: Vec<ReceivedWarning> = self.received().await?.into_iter().filter(hits).collect();
        for warning in &hits {
            let title = warning.content.as_ref().map(|content| content.title.clone()).unwrap_or_default();
            let about = About::Hit { release: warning.release };
            self.raise_new(Raise { about, level: Level::Critical, title, drill: warning.drill }).await?;
        }
        let day = self.now().to_zoned_datetime(jiff::tz::TimeZone::UTC).date();
        for trouble in self.troubles().await? {
            let (code, of, level) = trouble.told();
            let about = About::Trouble { code: code.to_owned(), of, day };
            self.raise_new(Raise { about, level, title: String::new(), drill: false }).await?;
        }
        let month = self.test_of_this_month();
        if let Some(month) = month {
            let about = About::MonthlyTest { month };
            self.raise_new(Raise { about, level: Level::Medium, title: String::new(), drill: false }).await?;
        }
        for notice in self.store.open_notices(u32::MAX).await? {
            let over = match &notice.about {
                About::Alert { alert, .. } => self.alert_dealt_with(*alert).await?,
                About::Hit { release } => !hits.iter().any(|warning| warning.release == *release),
                About::MonthlyTest { month: of } => month.is_some_and(|month| month != *of),
                About::Test { at, .. } => at.duration_until(self.now()) > RAISED_WITHIN,
                About::Trouble { .. } => false,
            };
            if over {
                self.store.end_notice(notice.id, self.now()).await?;
                self.changed();
            }
        }
        Ok(())
    }

    /// The month whose test is due: from ten in the morning, so that it wakes nobody, and only where there is a channel to
    /// test.
    fn test_of_this_month(&self) -> Option<jiff::civil::Date> {
        let local = self.now().to_zoned_datetime(self.config.zone.clone());
        (local.hour() >= TEST_HOUR && !self.calling.channels().is_empty()).then(|| local.date().first_of_month())
    }

    /// Asks before it writes: this runs after every change.
    async fn raise_new(&self, raise: Raise) -> Result<()> {
        if self.store.notice_about(&raise.about).await?.is_none() {
            self.raise(raise).await?;
        }
        Ok(())
    }

    async fn critical_alerts(&self) -> Result<Vec<Alert>> {
        let query = AlertQuery {
            state: Some(AlertStage::Open),
            level_min: Some(Level::Critical),
            limit: ALERTS_MAX,
            ..AlertQuery::default()
        };
        let since = self.now() - RAISED_WITHIN;
        Ok(self.store.alerts(query).await?.items.into_iter().filter(|alert| alert.updated_at >= since).collect())
    }

    /// Whether nothing of what a notice stands for is open any more: of one rule and day, the alert it names.
    async fn alert_dealt_with(&self, alert: Uuid) -> Result<bool> {
        Ok(self.store.alert(alert).await?.is_none_or(|alert| alert.state != store::AlertState::Open))
    }

    /// Drops notices that ended long ago.
    pub async fn retain_notices(&self) -> Result<u64> {
        Ok(self.store.retain_notices(self.now() - KEPT).await?)
    }

    /// The calls to be made now; each is kept before it is returned. Empty while another process of this node calls.
    pub async fn due_attempts(&self) -> Result<Vec<Call>> {
        let now = self.now();
        let open = self.store.open_notices(CALLING_MAX).await?;
        if open.is_empty() || !self.store.take_lease("messenger", &self.calling.holder, now + LEASE, now).await? {
            return Ok(Vec::new());
        }
        let mut rota = self.rota().await?;
        let channels = self.calling.channels();
        for person in &mut rota.people {
            person.routes.retain(|route| channels.contains(&route.channel));
        }
        let mut fresh = Vec::new();
        for notice in &open {
            let attempts = self.attempts_of(notice.id).await?;
            let planned = next_attempts(notice, &rota, &attempts, now);
            for call in planned.into_iter().filter(|call| call.due_at <= now) {
                fresh.push(self.new_attempt(notice, call)?);
            }
        }
        if !fresh.is_empty() {
            self.store.add_attempts(fresh).await?;
        }
        self.calls_of(open).await
    }

    async fn calls_of(&self, open: Vec<Notice>) -> Result<Vec<Call>> {
        let ids: Vec<Uuid> = open.iter().map(|notice| notice.id).collect();
        let waiting = self.store.waiting_attempts(&ids).await?;
        if waiting.is_empty() {
            return Ok(Vec::new());
        }
        let names = self.account_names().await?;
        let call = |KeptAttempt { attempt, code }| {
            Some(Call {
                notice: open.iter().find(|notice| notice.id == attempt.notice)?.clone(),
                token: self.token_of(attempt.id),
                person: names.get(&attempt.person).cloned().unwrap_or_default(),
                hospital: self.config.name.clone(),
                attempt: attempt.id,
                channel: attempt.channel,
                address: attempt.address,
                code,
            })
        };
        Ok(waiting.into_iter().filter_map(call).collect())
    }

    fn new_attempt(&self, notice: &Notice, call: Planned) -> Result<NewAttempt> {
        let id = self.new_id()?;
        let attempt = Attempt {
            id,
            notice: notice.id,
            person: call.person,
            route: call.route.id,
            channel: call.route.channel,
            address: call.route.address,
            state: AttemptState::Waiting,
            due_at: call.due_at,
            done_at: None,
            latency_ms: None,
            reason: String::new(),
        };
        let token = self.token_of(id);
        Ok(NewAttempt { attempt, token_hash: hash_token(&token), code: code_of(&token) })
    }

    /// The secret of a call's link: derived from the node's key, so that it is stored nowhere and a call that is made
    /// again after a kill has the same one. 128 bits.
    fn token_of(&self, attempt: Uuid) -> String {
        let signed = self.keys.sign(format!("lazaret acknowledge {attempt}").as_bytes());
        let digest = Sha256::digest(&signed);
        URL_SAFE_NO_PAD.encode(digest.get(..16).unwrap_or_default())
    }

    async fn attempts_of(&self, notice: Uuid) -> Result<Vec<Attempt>> {
        Ok(self.store.attempts(notice).await?.into_iter().map(|kept| kept.attempt).collect())
    }

    /// Says how a call ended.
    pub async fn attempt_done(&self, attempt: Uuid, called: Called) -> Result<()> {
        let at = self.now();
        let end = match called {
            Called::Sent { latency_ms } => {
                AttemptEnd { state: AttemptState::Sent, at, latency_ms, reason: String::new() }
            }
            Called::Failed { latency_ms, reason } => {
                let reason = reason.chars().take(500).collect();
                AttemptEnd { state: AttemptState::Failed, at, latency_ms, reason }
            }
        };
        let label = format!("state=\"{}\"", end.state.as_str());
        self.metrics.add("lazaret_calls_total", &label, 1);
        self.store.end_attempt(attempt, end).await?;
        self.changed();
        Ok(())
    }

    /// Notices, newest first.
    pub async fn notices(&self, limit: u32) -> Result<Vec<Notice>> {
        Ok(self.store.notices(limit).await?)
    }

    /// One notice with its calls.
    pub async fn notice(&self, id: Uuid) -> Result<NoticeView> {
        let notice = self.store.notice(id).await?.ok_or(Error::NotFound)?;
        let attempts = self.attempts_of(id).await?;
        let next = next_attempts(&notice, &self.rota().await?, &attempts, self.now()).into_iter().next();
        Ok(NoticeView { names: self.account_names().await?, attempts, next, notice })
    }

    /// The notice that an alert raised, or that another of its rule raised on the same day.
    pub async fn notice_of_alert(&self, alert: &Alert) -> Result<Option<NoticeView>> {
        match self.store.notice_about(&about_alert(alert)).await? {
            Some(notice) => Ok(Some(self.notice(notice.id).await?)),
            None => Ok(None),
        }
    }

    /// The notice behind the link of a message; none where the link is none of ours, or is too old.
    pub async fn notice_by_token(&self, token: &str) -> Result<Option<NoticeView>> {
        let Some(kept) = self.store.attempt_by_token(&hash_token(token)).await? else { return Ok(None) };
        Ok(Some(self.notice(kept.attempt.notice).await?))
    }

    /// Acknowledges in the console.
    pub async fn acknowledge_notice(&self, session: &Session, notice: Uuid) -> Result<Told> {
        session.needs(Role::Operator)?;
        self.acknowledge_as(notice, (session.account, session.role), How::Console, None).await
    }

    /// Acknowledges by the link of a message: whoever has it is whom it was sent to.
    pub async fn acknowledge_by_token(&self, token: &str) -> Result<Told> {
        let kept = self.store.attempt_by_token(&hash_token(token)).await?.ok_or(Error::NotFound)?;
        self.acknowledge_attempt(&kept, How::Link).await
    }

    /// Acknowledges by a short message that repeats the code of a call, or only says *OK*: then the gravest open notice
    /// that this number was told of. None where it answers nothing, or comes from a number that was not called.
    pub async fn acknowledge_by_reply(&self, from: &str, text: &str) -> Result<Option<Told>> {
        let called = |kept: &KeptAttempt| {
            matches!(kept.attempt.channel, Channel::Sms | Channel::Modem) && same_number(&kept.attempt.address, from)
        };
        for code in codes_in(text) {
            let kept = self.store.attempts_by_code(&code).await?;
            if let Some(kept) = kept.iter().find(|kept| called(kept)) {
                return self.acknowledge_attempt(kept, How::SmsReply).await.map(Some);
            }
        }
        if text.trim().eq_ignore_ascii_case("ok") {
            for notice in self.store.open_notices(CALLING_MAX).await? {
                let attempts = self.store.attempts(notice.id).await?;
                if let Some(kept) = attempts.iter().rev().find(|kept| called(kept)) {
                    return self.acknowledge_attempt(kept, How::SmsReply).await.map(Some);
                }
            }
        }
        self.metrics.add("lazaret_replies_unknown_total", "", 1);
        Ok(None)
    }

    async fn acknowledge_attempt(&self, kept: &KeptAttempt, how: How) -> Result<Told> {
        let person = kept.attempt.person;
        let account = self.store.account(person).await?.filter(|account| !account.disabled).ok_or(Error::NotFound)?;
        self.acknowledge_as(kept.attempt.notice, (person, account.role), how, Some(kept.attempt.id)).await
    }

    async fn acknowledge_as(
        &self,
        notice: Uuid,
        (account, role): (Uuid, Role),
        how: How,
        answered: Option<Uuid>,
    ) -> Result<Told> {
        let by = Acknowledged { by: account, at: self.now(), how };
        let actor = Actor::Person { account, role };
        let audit = self.audit_line(actor, "notice-acknowledged", &notice.to_string(), how.as_str());
        let told = match self.store.acknowledge_notice(notice, by, answered, audit).await? {
            AcknowledgeOutcome::First => Told::First,
            AcknowledgeOutcome::Already(first) => {
                let by = self.account_names().await?.remove(&first.by).unwrap_or_default();
                Told::Already { by, at: first.at }
            }
            AcknowledgeOutcome::Over => Told::Over,
        };
        self.changed();
        Ok(told)
    }
}

/// What a critical alert's notice is about: its rule on the day it began.
fn about_alert(alert: &Alert) -> About {
    let day = alert.first_at.to_zoned_datetime(jiff::tz::TimeZone::UTC).date();
    About::Alert { alert: alert.id, rule: alert.rule_id.clone(), day }
}

/// Whether a warning is in force, hits, and nobody has looked at it yet.
fn hits(warning: &ReceivedWarning) -> bool {
    warning.verdict == Verdict::Hit
        && warning.seen_by.is_none()
        && matches!(warning.state, ReceivedState::Live | ReceivedState::Trial)
}

/// What a reply repeats: digits, because phones type them without switching.
fn code_of(token: &str) -> String {
    let digest = Sha256::digest(format!("code {token}").as_bytes());
    let number = digest.iter().take(8).fold(0_u64, |number, byte| number << 8 | u64::from(*byte));
    format!("{:0width$}", number % 10_u64.pow(CODE_DIGITS), width = CODE_DIGITS as usize)
}

/// Every group of exactly so many digits in a reply, in order; at most ten.
fn codes_in(text: &str) -> Vec<String> {
    let groups = text.split(|letter: char| !letter.is_ascii_digit());
    groups.filter(|group| group.len() == CODE_DIGITS as usize).take(10).map(str::to_owned).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_are_found_in_what_people_write() {
        assert_eq!(codes_in("OK 482193, on my way"), vec!["482193"]);
        assert_eq!(codes_in("482193"), vec!["482193"]);
        assert_eq!(codes_in("call +40721000111 or 12345"), Vec::<String>::new());
        assert_eq!(code_of("one").len(), 6);
        assert_ne!(code_of("one"), code_of("two"));
    }
}
