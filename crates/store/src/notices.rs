//! Notices and the calls they cause, each call a row with how it stands.
//! A file of its own because a notice is raised once, acknowledged once, and every call of it is kept as proof.

use domain::reach::{About, Acknowledged, Attempt, AttemptState, How, Notice, NoticeState};
use jiff::Timestamp;
use uuid::Uuid;

use crate::column::json;
use crate::db::{Row, bind};
use crate::filter::Filter;
use crate::{Error, NewAudit, Store, people};

/// The most calls of one notice that a page or a decision looks at.
const ATTEMPTS_MAX: u32 = 2_000;

/// A call to be kept before it is made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewAttempt {
    /// The call, waiting.
    pub attempt: Attempt,
    /// SHA-256 of the token in its link.
    pub token_hash: String,
    /// What a reply repeats.
    pub code: String,
}

/// A kept call with what a reply must repeat.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeptAttempt {
    /// The call.
    pub attempt: Attempt,
    /// What a reply repeats.
    pub code: String,
}

/// How a call ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AttemptEnd {
    /// [`AttemptState::Sent`] or [`AttemptState::Failed`].
    pub state: AttemptState,
    /// When.
    pub at: Timestamp,
    /// How long the channel took.
    pub latency_ms: u64,
    /// Why it failed; empty otherwise.
    pub reason: String,
}

/// Who acknowledged, after somebody tried to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    /// This one was the first.
    First,
    /// Somebody else was.
    Already(Acknowledged),
    /// It was over before anybody did.
    Over,
}

const NOTICE_COLUMNS: &str = "SELECT id, about, level, title, drill, raised_at, state, ended_at, acknowledged_by, \
     acknowledged_how FROM notice";
const ATTEMPT_COLUMNS: &str = "SELECT id, notice, account, route, channel, address, state, due_at, done_at, latency_ms, \
     reason, code FROM attempt";

impl Store {
    /// Raises a notice; false where one about the same was raised before.
    pub async fn raise_notice(&self, notice: &Notice) -> Result<bool, Error> {
        let mut tx = self.db.begin().await?;
        let sql = "INSERT INTO notice (id, key, about, level, title, drill, raised_at, state)
                   VALUES ($1, $2, $3, $4, $5, $6, $7, 'open') ON CONFLICT (key) DO NOTHING";
        let Notice { id, about, level, title, drill, raised_at, .. } = notice;
        let values = bind![*id, about.key(), json(about)?, *level, title, *drill, *raised_at];
        let raised = tx.execute(sql, values).await? == 1;
        tx.commit().await?;
        Ok(raised)
    }

    /// Notices that nobody has acknowledged, the gravest and then the oldest first.
    pub async fn open_notices(&self, limit: u32) -> Result<Vec<Notice>, Error> {
        let sql = format!("{NOTICE_COLUMNS} WHERE state = 'open' ORDER BY level DESC, raised_at, id LIMIT $1");
        self.db.rows(sql, bind![limit]).await?.iter().map(notice).collect()
    }

    /// Notices, newest first.
    pub async fn notices(&self, limit: u32) -> Result<Vec<Notice>, Error> {
        let sql = format!("{NOTICE_COLUMNS} ORDER BY raised_at DESC, id DESC LIMIT $1");
        self.db.rows(sql, bind![limit]).await?.iter().map(notice).collect()
    }

    /// One notice.
    pub async fn notice(&self, id: Uuid) -> Result<Option<Notice>, Error> {
        let row = self.db.row(format!("{NOTICE_COLUMNS} WHERE id = $1"), bind![id]).await?;
        row.as_ref().map(notice).transpose()
    }

    /// The notice about the same, where it was raised.
    pub async fn notice_about(&self, about: &About) -> Result<Option<Notice>, Error> {
        let row = self.db.row(format!("{NOTICE_COLUMNS} WHERE key = $1"), bind![about.key()]).await?;
        row.as_ref().map(notice).transpose()
    }

    /// The calls of a notice, oldest first.
    pub async fn attempts(&self, notice: Uuid) -> Result<Vec<KeptAttempt>, Error> {
        let sql = format!("{ATTEMPT_COLUMNS} WHERE notice = $1 ORDER BY turn LIMIT $2");
        self.db.rows(sql, bind![notice, ATTEMPTS_MAX]).await?.iter().map(attempt).collect()
    }

    /// The calls of these notices that wait to be made, oldest first.
    pub async fn waiting_attempts(&self, notices: &[Uuid]) -> Result<Vec<KeptAttempt>, Error> {
        let mut filter = Filter::default();
        filter.and("state = 'waiting'", Vec::new());
        filter.and_in("notice", notices.iter().map(|id| (*id).into()).collect());
        let (sql, values) = filter.statement(ATTEMPT_COLUMNS, " ORDER BY notice, turn LIMIT ?", bind![ATTEMPTS_MAX]);
        self.db.rows(sql, values).await?.iter().map(attempt).collect()
    }

    /// Keeps calls before they are made; those of a notice that is not open any more are left out.
    pub async fn add_attempts(&self, attempts: Vec<NewAttempt>) -> Result<(), Error> {
        let mut tx = self.db.begin().await?;
        for NewAttempt { attempt, token_hash, code } in attempts {
            let lock = "UPDATE notice SET state = state WHERE id = $1 AND state = 'open'";
            if tx.execute(lock, bind![attempt.notice]).await? == 0 {
                continue;
            }
            let sql = "INSERT INTO attempt (id, notice, turn, account, route, channel, address, state, due_at, reason,
                         token_hash, code)
                       VALUES ($1, $2, (SELECT COALESCE(MAX(turn), 0) + 1 FROM attempt WHERE notice = $2), $3, $4, $5,
                         $6, 'waiting', $7, '', $8, $9)";
            let Attempt { id, notice, person, route, channel, address, due_at, .. } = attempt;
            let values = bind![id, notice, person, route, channel.as_str(), address, due_at, token_hash, code];
            tx.execute(sql, values).await?;
        }
        tx.commit().await
    }

    /// Says how a call ended; one that was answered meanwhile stays answered.
    pub async fn end_attempt(&self, id: Uuid, end: AttemptEnd) -> Result<(), Error> {
        let mut tx = self.db.begin().await?;
        let sql = "UPDATE attempt SET state = CASE WHEN state = 'acknowledged' THEN state ELSE $2 END,
                     done_at = $3, latency_ms = $4, reason = $5 WHERE id = $1";
        tx.execute(sql, bind![id, end.state.as_str(), end.at, end.latency_ms, end.reason]).await?;
        tx.commit().await
    }

    /// The call whose link has this token.
    pub async fn attempt_by_token(&self, token_hash: &str) -> Result<Option<KeptAttempt>, Error> {
        let row = self.db.row(format!("{ATTEMPT_COLUMNS} WHERE token_hash = $1"), bind![token_hash]).await?;
        row.as_ref().map(attempt).transpose()
    }

    /// The calls that a reply with this code may answer, newest first.
    pub async fn attempts_by_code(&self, code: &str) -> Result<Vec<KeptAttempt>, Error> {
        let sql = format!("{ATTEMPT_COLUMNS} WHERE code = $1 ORDER BY due_at DESC, id DESC LIMIT $2");
        self.db.rows(sql, bind![code, ATTEMPTS_MAX]).await?.iter().map(attempt).collect()
    }

    /// Acknowledges a notice: the first one counts, whoever comes second learns who was first. Calls that were not made
    /// yet are dropped; `answered` is the call that was answered. The audit line is written for the first only.
    /// Errors: [`Error::Missing`].
    pub async fn acknowledge_notice(
        &self,
        id: Uuid,
        by: Acknowledged,
        answered: Option<Uuid>,
        audit: NewAudit,
    ) -> Result<Outcome, Error> {
        let mut tx = self.db.begin().await?;
        let sql = "UPDATE notice SET state = 'acknowledged', ended_at = $2, acknowledged_by = $3, acknowledged_how = $4
                   WHERE id = $1 AND state = 'open'";
        if tx.execute(sql, bind![id, by.at, by.by, by.how.as_str()]).await? == 0 {
            let row = tx.row(format!("{NOTICE_COLUMNS} WHERE id = $1"), bind![id]).await?;
            let known = notice(&row.ok_or(Error::Missing { what: "notice" })?)?;
            return Ok(match known.state {
                NoticeState::Acknowledged(first) => Outcome::Already(first),
                NoticeState::Open | NoticeState::Over { .. } => Outcome::Over,
            });
        }
        let drop = "UPDATE attempt SET state = 'dropped' WHERE notice = $1 AND state = 'waiting'";
        tx.execute(drop, bind![id]).await?;
        if let Some(answered) = answered {
            tx.execute("UPDATE attempt SET state = 'acknowledged' WHERE id = $1", bind![answered]).await?;
        }
        people::insert_audit(&mut tx, &audit).await?;
        tx.commit().await?;
        Ok(Outcome::First)
    }

    /// Says that what an open notice was about is over; calls that were not made yet are dropped.
    pub async fn end_notice(&self, id: Uuid, at: Timestamp) -> Result<(), Error> {
        let mut tx = self.db.begin().await?;
        let sql = "UPDATE notice SET state = 'over', ended_at = $2 WHERE id = $1 AND state = 'open'";
        if tx.execute(sql, bind![id, at]).await? == 1 {
            let drop = "UPDATE attempt SET state = 'dropped' WHERE notice = $1 AND state = 'waiting'";
            tx.execute(drop, bind![id]).await?;
        }
        tx.commit().await
    }

    /// Drops notices that ended before that moment, with their calls. Returns how many.
    pub async fn retain_notices(&self, before: Timestamp) -> Result<u64, Error> {
        let mut tx = self.db.begin().await?;
        let sql = "DELETE FROM attempt WHERE notice IN
                     (SELECT id FROM notice WHERE state <> 'open' AND ended_at < $1)";
        tx.execute(sql, bind![before]).await?;
        let dropped = tx.execute("DELETE FROM notice WHERE state <> 'open' AND ended_at < $1", bind![before]).await?;
        tx.commit().await?;
        Ok(dropped)
    }
}

fn notice(row: &Row) -> Result<Notice, Error> {
    let ended_at = row.at_opt("ended_at")?;
    let state: String = row.get("state")?;
    let corrupt = || Error::Corrupt { what: format!("a notice is {state} without its end") };
    let state = match (state.as_str(), ended_at) {
        ("open", _) => NoticeState::Open,
        ("acknowledged", Some(at)) => NoticeState::Acknowledged(Acknowledged {
            by: row.get::<Option<Uuid>>("acknowledged_by")?.ok_or_else(corrupt)?,
            at,
            how: row.word::<How>("acknowledged_how")?,
        }),
        (_, Some(at)) => NoticeState::Over { at },
        (_, None) => return Err(corrupt()),
    };
    Ok(Notice {
        id: row.get("id")?,
        about: row.json("about")?,
        level: row.level("level")?,
        title: row.get("title")?,
        drill: row.get("drill")?,
        raised_at: row.at("raised_at")?,
        state,
    })
}

fn attempt(row: &Row) -> Result<KeptAttempt, Error> {
    let latency: Option<i64> = row.get("latency_ms")?;
    let attempt = Attempt {
        id: row.get("id")?,
        notice: row.get("notice")?,
        person: row.get("account")?,
        route: row.get("route")?,
        channel: row.word("channel")?,
        address: row.get("address")?,
        state: row.word("state")?,
        due_at: row.at("due_at")?,
        done_at: row.at_opt("done_at")?,
        latency_ms: latency.and_then(|latency| u64::try_from(latency).ok()),
        reason: row.get("reason")?,
    };
    Ok(KeptAttempt { attempt, code: row.get("code")? })
}
