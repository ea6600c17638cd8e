//! The samples that every mapping carries, and the check that runs them through decoder and mapping.
//! A file of its own because both the tests and `lazaret content check` call it.

use std::borrow::Cow;
use std::collections::BTreeMap;

use jiff::Timestamp;
use jiff::tz::TimeZone;
use serde::Deserialize;

use super::file::Many;
use super::{Field, MappingSet, RouteId};
use crate::decode::{Carrier, decode};
use crate::event::Event;

/// A sample as the file writes it.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct RawSample {
    origin: String,
    raw: String,
    #[serde(default)]
    carrier: Option<String>,
    #[serde(default)]
    received: Option<String>,
    #[serde(default)]
    zone: Option<String>,
    expect: RawExpect,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
struct RawExpect {
    shape: String,
    #[serde(default)]
    logsources: Vec<String>,
    #[serde(default)]
    time: Option<String>,
    #[serde(default)]
    host: Option<String>,
    #[serde(default)]
    fields: BTreeMap<String, Many>,
    #[serde(default)]
    absent: Vec<String>,
    #[serde(default)]
    observables: Vec<String>,
}

/// One raw event and what the mapping is expected to make of it.
#[derive(Debug, Clone)]
pub struct Sample {
    /// Where the raw event came from: `captured: …`, `vendor page: …` or `invented`.
    pub origin: String,
    /// The event as it arrives.
    pub raw: String,
    carrier: Carrier,
    received_at: Timestamp,
    zone: TimeZone,
    expect: RawExpect,
}

/// Key, what, instead.
type Complaint = (&'static str, String, String);

impl Sample {
    pub(crate) fn from_raw(raw: &RawSample) -> Result<Self, Complaint> {
        let carrier = match raw.carrier.as_deref() {
            None | Some("file") => Carrier::File,
            Some("syslog") => Carrier::Syslog,
            Some("http") => Carrier::Http,
            Some("evtx") => Carrier::Evtx,
            Some(other) => {
                return Err((
                    "carrier",
                    format!("{other:?} is unknown"),
                    "write file, syslog, http or evtx".to_owned(),
                ));
            }
        };
        let origins = ["captured", "vendor page", "invented"];
        if !origins.iter().any(|lead| raw.origin.starts_with(lead)) {
            let instead = "begin with captured:, vendor page: or invented".to_owned();
            return Err(("origin", format!("{:?} says not where it came from", raw.origin), instead));
        }
        let received = raw.received.as_deref().unwrap_or("2026-11-24T09:00:00Z");
        let received_at =
            received.parse().map_err(|error| ("received", format!("{error}"), "write an RFC 3339 time".to_owned()))?;
        let zone = match &raw.zone {
            None => TimeZone::UTC,
            Some(name) => TimeZone::get(name)
                .map_err(|error| ("zone", format!("{error}"), "write an IANA zone name".to_owned()))?,
        };
        Ok(Self {
            origin: raw.origin.clone(),
            raw: raw.raw.clone(),
            carrier,
            received_at,
            zone,
            expect: raw.expect.clone(),
        })
    }
}

/// A sample that did not give what it should.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{path}: sample {number}: {what}")]
pub struct SampleFailure {
    /// The mapping file.
    pub path: String,
    /// 1-based, in the order of the file.
    pub number: usize,
    /// Which expectation failed, and what came instead.
    pub what: String,
}

/// Runs every sample; the failures.
pub(crate) fn check(set: &MappingSet) -> Vec<SampleFailure> {
    let mut failures = Vec::new();
    for mapping in set.mappings() {
        for (at, sample) in mapping.samples.iter().enumerate() {
            for what in run(set, sample) {
                failures.push(SampleFailure { path: mapping.path.clone(), number: at + 1, what });
            }
        }
    }
    failures
}

fn run(set: &MappingSet, sample: &Sample) -> Vec<String> {
    let decoded = decode(sample.raw.as_bytes(), sample.carrier);
    let format = decoded.format;
    let event = match Event::new(sample.raw.as_bytes(), decoded) {
        Ok(event) => event,
        Err(error) => return vec![format!("not an event: {error}")],
    };
    let selectors = set.selectors();
    let text =
        |index: usize| selectors.get(index).and_then(|selector| event.text(selector.path.as_str())).map(Cow::Owned);
    let present = |index: usize| text(index).is_some();
    let route = set.route_by(format, &present, &text);
    let mut wrong = Vec::new();
    let mut compare = |what: &str, found: String, expected: &str| {
        if found != expected {
            wrong.push(format!("{what} is {found:?}, expected {expected:?}"));
        }
    };
    let expect = &sample.expect;
    compare("shape", set.shape_name(route).unwrap_or("none").to_owned(), &expect.shape);
    if !expect.logsources.is_empty() {
        compare("logsources", logsources(set, route).join(" "), &expect.logsources.join(" "));
    }
    if let Some(time) = &expect.time {
        compare("time", time_of(set, route, &event, sample).map_or("none".to_owned(), |t| t.to_string()), time);
    }
    if let Some(host) = &expect.host {
        let found = set.host(route).iter().find_map(|path| event.text(path.as_str()));
        compare("host", found.unwrap_or_else(|| "none".to_owned()), host);
    }
    for (name, values) in &expect.fields {
        compare(name, values_of(set, route, &event, name).join(" | "), &values.words().join(" | "));
    }
    for name in &expect.absent {
        compare(name, values_of(set, route, &event, name).join(" | "), "");
    }
    if !expect.observables.is_empty() {
        compare("observables", observables(set, route, &event).join(" "), &expect.observables.join(" "));
    }
    wrong
}

/// `product/service/category` with `-` for none, in the order of the routes.
fn logsources(set: &MappingSet, route: RouteId) -> Vec<String> {
    let part = |dimension: &Option<String>| dimension.clone().unwrap_or_else(|| "-".to_owned());
    let sources = set.sources(route).iter().map(|source| &source.logsource);
    sources.map(|l| format!("{}/{}/{}", part(&l.product), part(&l.service), part(&l.category))).collect()
}

fn time_of(set: &MappingSet, route: RouteId, event: &Event<'_>, sample: &Sample) -> Option<Timestamp> {
    let read = |path: &super::TimePath| {
        let text = event.text(path.path.as_str())?;
        path.read(&text, sample.received_at, &sample.zone)
    };
    set.time(route).iter().find_map(read)
}

/// The values of a Sigma field for the last source (the most specific one) that has it.
fn values_of(set: &MappingSet, route: RouteId, event: &Event<'_>, name: &str) -> Vec<String> {
    let count = set.sources(route).len().max(1);
    let found = (0..count).rev().map(|source| values(&set.field(route, source, name), event));
    found.into_iter().find(|values| !values.is_empty()).unwrap_or_default()
}

fn values(field: &Field, event: &Event<'_>) -> Vec<String> {
    let texts =
        field.paths.iter().map(|path| event.texts(path.as_str())).find(|texts| !texts.is_empty()).unwrap_or_default();
    match &field.transform {
        None => texts,
        Some(transform) => {
            texts.into_iter().filter_map(|t| transform.apply(Cow::Owned(t)).map(Cow::into_owned)).collect()
        }
    }
}

fn observables(set: &MappingSet, route: RouteId, event: &Event<'_>) -> Vec<String> {
    let mut found = Vec::new();
    for entity in set.observables(route) {
        for text in entity.paths.iter().flat_map(|path| event.texts(path.as_str())) {
            entity.read(&text, &mut |o| {
                let shown = format!("{}={}", o.kind.as_str(), o.value);
                if !found.contains(&shown) {
                    found.push(shown);
                }
            });
        }
    }
    found
}
