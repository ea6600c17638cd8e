//! *False alarm*: the narrowest exception that an alert's events allow, as text that a person can edit, and what it
//! would have hidden. A file of its own because it writes Sigma, which nothing else here does.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::sync::Arc;
use std::time::Duration;

use detect::engine::{Engine, IndicatorSet, MATCHED_VALUE_BYTES_MAX, Scan};
use detect::sigma::{Filter, RuleSet};
use domain::party::Role;
use eventstore::LookBack;
use jiff::{SignedDuration, Timestamp};
use store::{Alert, ExceptionScope, LookBackHit};
use uuid::Uuid;

use crate::replay::{Kept, LOOK_BACK_BYTES_MAX, Replay, Replayed, scan_kept};
use crate::{App, Error, ExceptionOrder, FilterProblem, Result, Session};

/// How far back an exception is tried, in days.
pub const EXCEPTION_TRIAL_DAYS: u32 = 30;
/// At most this many of the newest kept events are gone through.
const TRIAL_EVENTS_MAX: u64 = 2_000_000;
/// A person waits for the page: the trial takes no longer.
const TRIAL_TIME_MAX: Duration = Duration::from_secs(8);
/// How many of the hidden matches are shown.
const EXAMPLES_MAX: usize = 10;
/// Values that differ are narrowed to what they begin or end with in common, if that has so many characters.
const COMMON_CHARS_MIN: usize = 6;

/// An exception as proposed.
#[derive(Debug, Clone, PartialEq)]
pub struct FalseAlarm {
    /// The alert.
    pub alert: Alert,
    /// The filter's text.
    pub filter: String,
    /// The narrowest scope.
    pub scope: ExceptionScope,
    /// Every scope there is to choose from, narrowest first.
    pub scopes: Vec<ExceptionScope>,
    /// From how many of the alert's events it was written.
    pub events: u64,
}

/// What an exception would do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ExceptionTrial {
    /// How many of the alert's kept events it hides.
    pub of_alert_hidden: u64,
    /// How many of the alert's kept events match the rule.
    pub of_alert: u64,
    /// How many matches of the period it would have hidden.
    pub hidden: u64,
    /// How many would have stayed.
    pub left: u64,
    /// Some of the hidden ones, newest first.
    pub examples: Vec<LookBackHit>,
    /// The searched period.
    pub from: Timestamp,
    /// Its end.
    pub to: Timestamp,
    /// Events searched.
    pub events: u64,
    /// Whether a limit ended the search before the whole period was gone through.
    pub limited: bool,
}

impl App {
    /// Proposes the narrowest exception for an alert: what the rule looked at and what stayed the same over the alert's
    /// events, on this host. Errors: an indicator has no rule to make an exception from.
    pub async fn draft_exception(&self, session: &Session, alert: Uuid) -> Result<FalseAlarm> {
        session.needs(Role::Operator)?;
        let alert = self.store.alert(alert).await?.ok_or(Error::NotFound)?;
        let behind = self.engine.rule_set().behind(&alert.rule_id);
        if behind.is_empty() {
            return Err(Error::Input { code: "input-exception-no-rule" });
        }
        let names = self.sources.names();
        let scan = self.scan_alert(&alert, behind.clone()).await?;
        let is_correlation = behind.rules().iter().all(|rule| rule.meta.id != alert.rule_id);
        let same = if is_correlation || scan.detections.is_empty() {
            alert.matched.iter().map(|(field, value)| (field.clone(), Same::Whole(value.clone()))).collect()
        } else {
            what_stays_the_same(&scan)
        };
        let same = if same.is_empty() {
            alert.matched.iter().map(|(field, value)| (field.clone(), Same::Whole(value.clone()))).collect()
        } else {
            same
        };
        let mut scopes = Vec::new();
        let names_host = scan.detections.iter().all(|detection| detection.host.as_deref() == Some(&*alert.host));
        if names_host && !alert.host.starts_with("source ") {
            scopes.push(ExceptionScope::Host(alert.host.clone()));
        }
        scopes.extend(names.get(&alert.source).map(|key| ExceptionScope::Source(key.clone())));
        scopes.push(ExceptionScope::Node);
        Ok(FalseAlarm {
            filter: write_filter(&alert, &behind, &same),
            scope: scopes[0].clone(),
            scopes,
            events: scan.detections.len() as u64,
            alert,
        })
    }

    /// Tries an exception on the alert's events and on the kept events of the last [`EXCEPTION_TRIAL_DAYS`] days,
    /// newest first, within a limit. Errors inside: what the person has to correct in the filter.
    pub async fn try_exception(
        &self,
        session: &Session,
        order: &ExceptionOrder,
    ) -> Result<std::result::Result<ExceptionTrial, FilterProblem>> {
        session.needs(Role::Operator)?;
        let filter = match self.checked_filter(Uuid::nil(), order) {
            Ok(filter) => filter,
            Err(problem) => return Ok(Err(problem)),
        };
        let with = with_filter(self.engine.rule_set().behind(&order.rule_id), &filter);
        let of_alert = match order.alert {
            Some(alert) => match self.store.alert(alert).await? {
                Some(alert) => self.scan_alert(&alert, with.clone()).await?,
                None => Scan::default(),
            },
            None => Scan::default(),
        };
        let (log, names, now) = (Arc::clone(&self.log), self.sources.names(), self.now());
        let engine = self.engine_of(with);
        let (tally, replayed) = tokio::task::spawn_blocking(move || {
            let look = LookBack {
                from: (now - SignedDuration::from_hours(24 * i64::from(EXCEPTION_TRIAL_DAYS))).as_microsecond(),
                to: now.as_microsecond().saturating_add(1),
                events_max: TRIAL_EVENTS_MAX,
                bytes_max: LOOK_BACK_BYTES_MAX,
            };
            let replay = Replay { log: &log, names: &names, now, look, time_max: Some(TRIAL_TIME_MAX) };
            let mut tally = Tally::default();
            let replayed = replay.newest_first(engine, &mut |scan, _| tally.add(scan))?;
            Result::Ok((tally, replayed))
        })
        .await??;
        Ok(Ok(trial(&of_alert, tally, replayed, now)))
    }

    /// An engine with these rules and nothing else.
    pub(crate) fn engine_of(&self, rules: RuleSet) -> Arc<Engine> {
        let mappings = Arc::clone(self.engine.mappings());
        Arc::new(Engine::build(rules, mappings, IndicatorSet::default(), self.engine.options().clone()))
    }

    /// The alert's kept events through an engine with these rules and nothing else.
    async fn scan_alert(&self, alert: &Alert, rules: RuleSet) -> Result<Scan> {
        let (log, names, now) = (Arc::clone(&self.log), self.sources.names(), self.now());
        let (engine, seqs) = (self.engine_of(rules), alert.seqs.clone());
        tokio::task::spawn_blocking(move || {
            let mut kept = Vec::with_capacity(seqs.len());
            for seq in seqs {
                let Some(event) = log.get(seq)? else { continue };
                kept.push(Kept {
                    seq,
                    received_at: crate::scanner::micros(event.received_at),
                    source: event.source,
                    carrier: event.carrier,
                    bytes: event.bytes,
                });
            }
            Ok(scan_kept(engine, &kept, &names, now))
        })
        .await?
    }
}

fn with_filter(mut rules: RuleSet, filter: &Arc<Filter>) -> RuleSet {
    // names of rules that are not behind this one are no problem: the trial is about this one
    let _ = rules.filter(std::slice::from_ref(filter));
    rules
}

#[derive(Default)]
struct Tally {
    hidden: u64,
    left: u64,
    examples: Vec<LookBackHit>,
}

impl Tally {
    fn add(&mut self, scan: &Scan) {
        self.hidden += scan.hidden.len() as u64;
        self.left += scan.detections.len() as u64;
        for hidden in scan.hidden.iter().rev() {
            if self.examples.len() < EXAMPLES_MAX {
                self.examples.push(LookBackHit {
                    seq: hidden.seq,
                    at: hidden.time,
                    what: hidden.rule.title.clone(),
                    host: hidden.host.clone().unwrap_or_default(),
                });
            }
        }
    }
}

fn trial(of_alert: &Scan, tally: Tally, replayed: Replayed, to: Timestamp) -> ExceptionTrial {
    let hidden = of_alert.hidden.len() as u64;
    ExceptionTrial {
        of_alert_hidden: hidden,
        of_alert: hidden + of_alert.detections.len() as u64,
        hidden: tally.hidden,
        left: tally.left,
        examples: tally.examples,
        from: replayed.from,
        to,
        events: replayed.events,
        limited: replayed.limited,
    }
}

/// What all of an alert's events have in common in one field.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Same {
    /// The whole value.
    Whole(String),
    /// Several values, each in every event.
    All(Vec<String>),
    /// How it begins.
    Start(String),
    /// How it ends.
    End(String),
}

/// The fields that the rule looked at, and what stayed the same in them over all events.
fn what_stays_the_same(scan: &Scan) -> Vec<(String, Same)> {
    let fields_of = |matched: &[(String, String)]| {
        let mut fields: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
        for (field, value) in matched {
            fields.entry(field.clone()).or_default().insert(value.clone());
        }
        fields
    };
    let events: Vec<_> = scan.detections.iter().map(|detection| fields_of(&detection.matched)).collect();
    let Some(first) = events.first() else { return Vec::new() };
    let same = first.keys().filter_map(|field| {
        let values: Option<Vec<&BTreeSet<String>>> = events.iter().map(|event| event.get(field)).collect();
        Some((field.clone(), same_of(&values?)?))
    });
    same.collect()
}

fn same_of(values: &[&BTreeSet<String>]) -> Option<Same> {
    let (first, rest) = values.split_first()?;
    let common: Vec<&String> = first.iter().filter(|value| rest.iter().all(|other| other.contains(*value))).collect();
    match common.as_slice() {
        [] => {}
        [one] if one.is_empty() => return None,
        // a value that was cut is known by its beginning only
        [one] => return Some(cut_start(one).map_or_else(|| Same::Whole((*one).clone()), Same::Start)),
        many => {
            let whole = many.iter().filter(|value| !value.is_empty() && cut_start(value).is_none());
            return Some(Same::All(whole.map(|value| (*value).clone()).collect()));
        }
    }
    let each: Vec<Vec<char>> =
        values.iter().filter_map(|set| set.first()).map(|value| value.chars().collect()).collect();
    let shortest = each.iter().map(Vec::len).min()?;
    let agree = |at: &dyn Fn(&[char], usize) -> char, n: usize| each.iter().all(|v| at(v, n) == at(&each[0], n));
    let from_start = |value: &[char], n: usize| value[n];
    let from_end = |value: &[char], n: usize| value[value.len() - 1 - n];
    let start = (0..shortest).take_while(|n| agree(&from_start, *n)).count();
    let end = (0..shortest).take_while(|n| agree(&from_end, *n)).count();
    if start.max(end) < COMMON_CHARS_MIN {
        return None;
    }
    Some(if start >= end {
        Same::Start(each[0][..start].iter().collect())
    } else {
        Same::End(each[0][each[0].len() - end..].iter().collect())
    })
}

/// The beginning of a value that the engine cut because it was too long.
fn cut_start(value: &str) -> Option<String> {
    value.strip_suffix('…').filter(|start| start.len() + 8 > MATCHED_VALUE_BYTES_MAX).map(str::to_owned)
}

/// The filter document.
fn write_filter(alert: &Alert, behind: &RuleSet, same: &[(String, Same)]) -> String {
    let mut text = format!("title: {}\n", quoted(&format!("False alarm: {}", alert.rule_title)));
    let logsource = behind.rules().first().map(|rule| rule.meta.logsource.clone()).unwrap_or_default();
    let shared = behind.rules().iter().all(|rule| rule.meta.logsource == logsource);
    if shared && logsource != detect::sigma::Logsource::default() {
        text.push_str("logsource:\n");
        for (key, word) in
            [("product", &logsource.product), ("service", &logsource.service), ("category", &logsource.category)]
        {
            if let Some(word) = word {
                let _ = writeln!(text, "    {key}: {}", quoted(word));
            }
        }
    }
    text.push_str("filter:\n    rules:\n");
    for rule in behind.rules() {
        let _ = writeln!(text, "        - {}", quoted(&rule.meta.id));
    }
    text.push_str("    harmless:\n");
    let mut keywords = Vec::new();
    for (field, same) in same {
        if field == "keywords" {
            keywords.extend(keyword(same));
            continue;
        }
        match same {
            Same::Whole(value) => _ = writeln!(text, "        {field}: {}", quoted(&literal(value))),
            Same::Start(value) => _ = writeln!(text, "        {field}|startswith: {}", quoted(&literal(value))),
            Same::End(value) => _ = writeln!(text, "        {field}|endswith: {}", quoted(&literal(value))),
            Same::All(values) => {
                let _ = writeln!(text, "        {field}|all:");
                for value in values {
                    let _ = writeln!(text, "            - {}", quoted(&literal(value)));
                }
            }
        }
    }
    let only_keywords = same.iter().all(|(field, _)| field == "keywords");
    let has_keywords = !keywords.is_empty();
    if only_keywords && has_keywords {
        keywords.iter().for_each(|word| _ = writeln!(text, "        - {}", quoted(word)));
        text.push_str("    condition: not harmless\n");
        return text;
    }
    if has_keywords {
        text.push_str("    words:\n");
        keywords.iter().for_each(|word| _ = writeln!(text, "        - {}", quoted(word)));
        text.push_str("    condition: not (harmless and words)\n");
        return text;
    }
    text.push_str("    condition: not harmless\n");
    text
}

/// A keyword that finds what is the same.
fn keyword(same: &Same) -> Vec<String> {
    match same {
        Same::Whole(value) => vec![literal(value)],
        Same::Start(value) => vec![format!("{}*", literal(value))],
        Same::End(value) => vec![format!("*{}", literal(value))],
        Same::All(values) => values.iter().take(1).map(|value| literal(value)).collect(),
    }
}

/// A value as a Sigma string that means exactly it.
fn literal(value: &str) -> String {
    let mut text = String::with_capacity(value.len() + 8);
    for c in value.chars() {
        if matches!(c, '\\' | '*' | '?') {
            text.push('\\');
        }
        text.push(c);
    }
    text
}

/// A text as YAML: single quotes, or double ones where it holds what a line cannot.
fn quoted(text: &str) -> String {
    if !text.chars().any(char::is_control) {
        return format!("'{}'", text.replace('\'', "''"));
    }
    let mut quoted = String::from("\"");
    for c in text.chars() {
        match c {
            '"' | '\\' => quoted.extend(['\\', c]),
            c if c.is_control() => _ = write!(quoted, "\\u{:04X}", c as u32),
            c => quoted.push(c),
        }
    }
    quoted.push('"');
    quoted
}

#[cfg(test)]
mod tests {
    use super::*;

    fn same(values: &[&[&str]]) -> Option<Same> {
        let sets: Vec<BTreeSet<String>> =
            values.iter().map(|event| event.iter().map(|value| (*value).to_owned()).collect()).collect();
        same_of(&sets.iter().collect::<Vec<_>>())
    }

    #[test]
    fn what_stays_the_same_is_as_narrow_as_the_events_allow() {
        let whole = |text: &str| Some(Same::Whole(text.to_owned()));
        assert_eq!(same(&[&["4688"], &["4688"]]), whole("4688"));
        assert_eq!(same(&[&["a.exe -p 1"], &["a.exe -p 22"]]), Some(Same::Start("a.exe -p ".to_owned())));
        assert_eq!(same(&[&["1\\backup.exe"], &["22\\backup.exe"]]), Some(Same::End("\\backup.exe".to_owned())));
        assert_eq!(same(&[&["a1"], &["b1"]]), None, "too little in common");
        assert_eq!(same(&[&["x", "y"], &["x", "y"]]), Some(Same::All(vec!["x".to_owned(), "y".to_owned()])));
        assert_eq!(same(&[&["x", "y"], &["x"]]), whole("x"));
        assert_eq!(same(&[&[""], &[""]]), None);
        let cut = format!("{}…", "a".repeat(MATCHED_VALUE_BYTES_MAX));
        assert_eq!(same(&[&[&cut]]), Some(Same::Start("a".repeat(MATCHED_VALUE_BYTES_MAX))));
    }

    #[test]
    fn values_are_written_so_that_they_mean_exactly_themselves() {
        assert_eq!(literal(r"\\server\share\*.exe?"), r"\\\\server\\share\\\*.exe\?");
        assert_eq!(quoted("it's"), "'it''s'");
        assert_eq!(quoted("a\tb\"c\\"), "\"a\\u0009b\\\"c\\\\\"");
    }
}
