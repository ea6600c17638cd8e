//! The rhythm of sources: how long each usually pauses at this hour of the week, and which of them are silent now.
//! A file of its own because the rule must be simple enough to be told: *usually every N minutes; nothing since …*.
//!
//! A source is silent when, within an hour of the week that was seen at least twice, it has paused twice as long as it
//! ever usually does in that hour; or, at any hour, twice as long as it ever usually does at all. Never before ten
//! minutes, and never for a time in which this node itself did not listen. It stays silent until it is heard again.

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};

use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};
use store::{HourHeard, Rhythm};

use crate::{App, Result};

/// No shorter pause is a silence.
const SILENCE_MIN: SignedDuration = SignedDuration::from_mins(10);
/// An hour of the week counts once it was seen this often.
const HOUR_TIMES_MIN: u64 = 2;
/// A source is judged by its longest pause once it has been known this long.
const KNOWN_MIN: SignedDuration = SignedDuration::from_hours(3 * 24);
/// A pause this many times the usual one is a silence.
const FACTOR: i32 = 2;

/// A source that is silent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Silence {
    /// The source's number.
    pub source: u32,
    /// What people call it.
    pub name: String,
    /// It usually sends at least this often.
    pub usual: SignedDuration,
    /// Nothing came since.
    pub since: Timestamp,
}

/// What was heard and not yet written down, and who is silent.
#[derive(Debug, Default)]
pub(crate) struct Beats {
    inner: Mutex<Inner>,
}

#[derive(Debug, Default)]
struct Inner {
    beats: BTreeMap<u32, Beat>,
    over: Vec<HourHeard>,
    silent: BTreeMap<u32, Silence>,
    /// Since when this node listens; no silence begins earlier.
    listens_since: Option<Timestamp>,
}

#[derive(Debug)]
struct Beat {
    heard_at: Timestamp,
    hour: u8,
    longest: Option<SignedDuration>,
    written: bool,
}

impl Beats {
    /// Notes that a source was heard.
    pub(crate) fn heard(&self, source: u32, now: Timestamp, zone: &TimeZone) {
        let hour = hour_of_week(now, zone);
        let mut inner = self.inner.lock().unwrap_or_else(PoisonError::into_inner);
        let Inner { beats, over, silent, .. } = &mut *inner;
        silent.remove(&source);
        let Some(beat) = beats.get_mut(&source) else {
            beats.insert(source, Beat { heard_at: now, hour, longest: None, written: false });
            return;
        };
        if beat.hour != hour {
            over.extend(beat.longest.take().map(|gap| hour_heard(source, beat.hour, gap)));
            beat.hour = hour;
        }
        let gap = now.duration_since(beat.heard_at);
        beat.longest = Some(beat.longest.map_or(gap, |longest| longest.max(gap)));
        beat.heard_at = now;
        beat.written = false;
    }

    fn take(&self) -> (Vec<(u32, Timestamp)>, Vec<HourHeard>) {
        let mut inner = self.inner.lock().unwrap_or_else(PoisonError::into_inner);
        let fresh = inner.beats.iter_mut().filter(|(_, beat)| !beat.written);
        let heard = fresh
            .map(|(source, beat)| {
                beat.written = true;
                (*source, beat.heard_at)
            })
            .collect();
        (heard, std::mem::take(&mut inner.over))
    }

    /// Gives back what could not be written.
    fn give_back(&self, hours: Vec<HourHeard>) {
        let mut inner = self.inner.lock().unwrap_or_else(PoisonError::into_inner);
        inner.over.extend(hours);
        inner.beats.values_mut().for_each(|beat| beat.written = false);
    }

    fn listens_since(&self, now: Timestamp) -> Timestamp {
        let mut inner = self.inner.lock().unwrap_or_else(PoisonError::into_inner);
        *inner.listens_since.get_or_insert(now)
    }

    /// Adds silences; answers whether there was a new one.
    fn found(&self, silences: Vec<Silence>) -> bool {
        let mut inner = self.inner.lock().unwrap_or_else(PoisonError::into_inner);
        let before = inner.silent.len();
        for silence in silences {
            // heard while it was judged
            let heard = inner.beats.get(&silence.source).is_some_and(|beat| beat.heard_at > silence.since);
            if !heard {
                inner.silent.entry(silence.source).or_insert(silence);
            }
        }
        inner.silent.len() != before
    }
}

impl App {
    /// The sources that are silent now, by number.
    pub fn silences(&self) -> Vec<Silence> {
        let inner = self.beats.inner.lock().unwrap_or_else(PoisonError::into_inner);
        inner.silent.values().cloned().collect()
    }

    /// Writes down what was heard, and judges who is silent.
    pub async fn keep_rhythm(&self) -> Result<()> {
        let (heard, hours) = self.beats.take();
        if (!heard.is_empty() || !hours.is_empty())
            && let Err(error) = self.store.save_rhythm(&heard, &hours).await
        {
            self.beats.give_back(hours);
            return Err(error.into());
        }
        let now = self.now();
        let silences = self.judge_silence(now, self.beats.listens_since(now)).await?;
        if self.beats.found(silences) {
            self.changed();
        }
        Ok(())
    }

    /// Who is silent at a moment, for a node that has listened since another. For the doctor: it judges from outside.
    pub async fn judge_silence(&self, now: Timestamp, listens_since: Timestamp) -> Result<Vec<Silence>> {
        let zone = &self.config.zone;
        let rhythms = self.store.rhythms(hour_of_week(now, zone)).await?;
        let sources: BTreeMap<u32, store::Source> =
            self.store.sources().await?.into_iter().map(|source| (source.number, source)).collect();
        let silent = |rhythm: Rhythm| {
            let source = sources.get(&rhythm.source)?;
            let usual = usual_if_silent(&rhythm, now, listens_since, source.created_at, zone)?;
            Some(Silence { source: rhythm.source, name: source.name.clone(), usual, since: rhythm.heard_at })
        };
        Ok(rhythms.into_iter().filter_map(silent).collect())
    }
}

/// How often the source usually sends at least, if it is silent.
fn usual_if_silent(
    rhythm: &Rhythm,
    now: Timestamp,
    listens_since: Timestamp,
    known_since: Timestamp,
    zone: &TimeZone,
) -> Option<SignedDuration> {
    let paused_since = rhythm.heard_at.max(listens_since);
    let too_long = |usual: SignedDuration, since: Timestamp| {
        let limit = usual.checked_mul(FACTOR).unwrap_or(SignedDuration::MAX).max(SILENCE_MIN);
        now.duration_since(since) > limit
    };
    if let Some(usual) = rhythm.hour_s.filter(|_| rhythm.hour_times >= HOUR_TIMES_MIN).and_then(seconds)
        && too_long(usual, paused_since.max(hour_start(now, zone)))
    {
        return Some(usual);
    }
    let longest = rhythm.longest_s.filter(|_| now.duration_since(known_since) >= KNOWN_MIN).and_then(seconds)?;
    too_long(longest, paused_since).then_some(longest)
}

fn seconds(seconds: u64) -> Option<SignedDuration> {
    i64::try_from(seconds).ok().map(SignedDuration::from_secs)
}

fn hour_heard(source: u32, hour: u8, gap: SignedDuration) -> HourHeard {
    HourHeard { source, hour, gap_s: u64::try_from(gap.as_secs()).unwrap_or_default() }
}

/// Monday 00:00 in the zone is 0.
fn hour_of_week(at: Timestamp, zone: &TimeZone) -> u8 {
    let local = zone.to_datetime(at);
    let day = local.weekday().to_monday_zero_offset();
    u8::try_from(i16::from(day) * 24 + i16::from(local.hour())).unwrap_or_default()
}

fn hour_start(at: Timestamp, zone: &TimeZone) -> Timestamp {
    let local = zone.to_datetime(at);
    let into = i64::from(local.minute()) * 60 + i64::from(local.second());
    at - SignedDuration::from_secs(into)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(text: &str) -> Timestamp {
        text.parse().unwrap()
    }

    /// A source that was heard last at `heard`, pauses up to an hour's and up to the longest usual seconds.
    fn silent(heard: &str, now: &str, hour: Option<(u64, u64)>, longest: u64) -> bool {
        let rhythm = Rhythm {
            source: 1,
            heard_at: at(heard),
            longest_s: Some(longest),
            hour_s: hour.map(|(gap_s, _)| gap_s),
            hour_times: hour.map_or(0, |(_, times)| times),
        };
        let (listens, known) = (at("2026-11-01T00:00:00Z"), at("2026-11-01T00:00:00Z"));
        usual_if_silent(&rhythm, at(now), listens, known, &TimeZone::UTC).is_some()
    }

    #[test]
    fn a_pause_is_a_silence_by_what_is_usual_then() {
        // 2026-11-25 is a Wednesday. Usual now: every minute.
        let minute = Some((60, 2));
        assert!(!silent("2026-11-25T09:20:00Z", "2026-11-25T09:29:59Z", minute, 3600), "ten minutes are no silence");
        assert!(silent("2026-11-25T09:20:00Z", "2026-11-25T09:30:01Z", minute, 3600));
        assert!(!silent("2026-11-25T08:30:00Z", "2026-11-25T09:05:00Z", minute, 3600), "the hour before was another");
        assert!(silent("2026-11-25T08:30:00Z", "2026-11-25T09:11:00Z", minute, 3600));
        assert!(!silent("2026-11-25T09:20:00Z", "2026-11-25T09:50:00Z", Some((60, 1)), 3600), "once is no habit");
        // office hours: nothing is usual in the night
        let night = 14 * 3600;
        assert!(!silent("2026-11-24T18:00:00Z", "2026-11-25T03:00:00Z", None, night));
        assert!(silent("2026-11-23T18:00:00Z", "2026-11-25T03:00:00Z", None, night), "twice the longest pause");
    }

    #[test]
    fn a_node_that_was_away_blames_nobody() {
        let rhythm = Rhythm {
            source: 1,
            heard_at: at("2026-11-20T09:00:00Z"),
            longest_s: Some(60),
            hour_s: Some(60),
            hour_times: 9,
        };
        let usual = |listens: &str| {
            let known = at("2026-11-01T00:00:00Z");
            usual_if_silent(&rhythm, at("2026-11-25T09:30:00Z"), at(listens), known, &TimeZone::UTC)
        };
        assert_eq!(usual("2026-11-25T09:25:00Z"), None, "it has just begun to listen");
        assert_eq!(usual("2026-11-25T09:10:00Z"), Some(SignedDuration::from_mins(1)));
    }

    #[test]
    fn hours_teach_their_longest_gap() {
        let beats = Beats::default();
        for time in ["08:10:00", "08:12:00", "08:20:00", "08:21:00", "09:05:00", "09:06:00", "10:00:00"] {
            beats.heard(1, at(&format!("2026-11-23T{time}Z")), &TimeZone::UTC);
        }
        let (heard, hours) = beats.take();
        assert_eq!(heard, [(1, at("2026-11-23T10:00:00Z"))]);
        let of = |hour, gap_s| HourHeard { source: 1, hour, gap_s };
        assert_eq!(hours, [of(8, 8 * 60), of(9, 44 * 60)]);
        assert_eq!(beats.take(), (Vec::new(), Vec::new()), "written once");
    }
}
