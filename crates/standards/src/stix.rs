//! STIX 2.1 bundles → indicators. A file of its own because it is the one reader of other people's indicators; what it
//! cannot use it names with a reason, and one bad object never drops the rest.
//! What is *not* here: relationships, sightings and marking definitions (nothing reads them yet).

mod pattern;

use domain::telemetry::Indicator;
use jiff::Timestamp;
use serde::Deserialize;
use serde_json::value::RawValue;

pub use pattern::PatternRefused;

/// The largest bundle that is read, in bytes.
pub const BUNDLE_BYTES_MAX: usize = 256 * 1024 * 1024;
/// The most indicators taken from one bundle; further objects are refused by name.
pub const INDICATORS_MAX: usize = 10_000_000;
/// The most refusals that are listed one by one.
pub const REFUSALS_MAX: usize = 10_000;

/// A text that is no bundle at all.
#[derive(Debug, thiserror::Error)]
pub enum StixError {
    /// More than [`BUNDLE_BYTES_MAX`].
    #[error("{bytes} bytes, the limit for a bundle is {BUNDLE_BYTES_MAX}")]
    TooLarge {
        /// Its size.
        bytes: usize,
    },
    /// Not JSON, or nested deeper than 128 levels.
    #[error("not a STIX bundle: {0}")]
    NotJson(#[from] serde_json::Error),
    /// JSON, but something else.
    #[error("not a STIX bundle: its type is {0:?}, expected \"bundle\"")]
    NotABundle(String),
}

/// Why an object gave no indicator.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refused {
    /// The object's STIX id, or its place in the bundle.
    pub id: String,
    /// The reason, as a sentence part.
    pub why: String,
}

/// What a bundle gave.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct StixReading {
    /// One for each value of each usable indicator; their origin is the STIX id.
    pub indicators: Vec<Indicator>,
    /// Indicators that could not be used. Limits: [`REFUSALS_MAX`], the rest only in [`StixReading::refused_count`].
    pub refused: Vec<Refused>,
    /// How many indicators could not be used.
    pub refused_count: usize,
    /// How many objects were of other types.
    pub others_count: usize,
}

#[derive(Deserialize)]
struct Bundle<'a> {
    #[serde(rename = "type")]
    kind: String,
    #[serde(borrow, default)]
    objects: Vec<&'a RawValue>,
}

#[derive(Deserialize)]
struct Object {
    #[serde(rename = "type")]
    kind: String,
    id: Option<String>,
    pattern: Option<String>,
    pattern_type: Option<String>,
    #[serde(default)]
    revoked: Option<bool>,
    valid_until: Option<String>,
}

/// Reads the indicator objects of a bundle (STIX 2.1 §4.7, §8).
/// Shape: patterns that are a comparison, or an OR of comparisons, on addresses, domains, URLs, file hashes, file names and
/// mail addresses; revoked ones and those whose `valid_until` is not after `now` are refused.
/// Errors: no bundle at all, or over a limit.
pub fn read_indicators(bytes: &[u8], now: Timestamp) -> Result<StixReading, StixError> {
    if bytes.len() > BUNDLE_BYTES_MAX {
        return Err(StixError::TooLarge { bytes: bytes.len() });
    }
    let bundle: Bundle<'_> = serde_json::from_slice(bytes)?;
    if bundle.kind != "bundle" {
        return Err(StixError::NotABundle(bundle.kind));
    }
    let mut reading = StixReading::default();
    for (at, raw) in bundle.objects.iter().enumerate() {
        let place = || format!("objects[{at}]");
        match serde_json::from_str::<Object>(raw.get()) {
            Ok(object) if object.kind != "indicator" => reading.others_count += 1,
            Ok(object) => {
                let id = object.id.clone().unwrap_or_else(place);
                if let Err(why) = take(&object, &id, now, &mut reading) {
                    reading.refuse(id, why);
                }
            }
            Err(error) => reading.refuse(place(), format!("not a STIX object: {error}")),
        }
    }
    Ok(reading)
}

impl StixReading {
    fn refuse(&mut self, id: String, why: String) {
        self.refused_count += 1;
        if self.refused.len() < REFUSALS_MAX {
            self.refused.push(Refused { id, why });
        }
    }
}

fn take(object: &Object, id: &str, now: Timestamp, reading: &mut StixReading) -> Result<(), String> {
    if object.revoked == Some(true) {
        return Err("it is revoked".to_owned());
    }
    if let Some(until) = &object.valid_until {
        let until: Timestamp = until.parse().map_err(|_| format!("valid_until {until:?} is no time"))?;
        if until <= now {
            return Err(format!("it was valid until {until}"));
        }
    }
    if let Some(kind) = object.pattern_type.as_deref().filter(|kind| *kind != "stix") {
        return Err(format!("its pattern is of type {kind:?}, only \"stix\" is read"));
    }
    let pattern = object.pattern.as_deref().ok_or("it has no pattern")?;
    let values = pattern::values(pattern).map_err(|refused| refused.to_string())?;
    if reading.indicators.len() + values.len() > INDICATORS_MAX {
        return Err(format!("the limit of {INDICATORS_MAX} indicators is reached"));
    }
    let indicators = values.into_iter().map(|(kind, value)| Indicator { kind, value, origin: id.to_owned() });
    reading.indicators.extend(indicators);
    Ok(())
}

/// Whether a text looks like a bundle rather than a list of values.
pub fn looks_like_bundle(bytes: &[u8]) -> bool {
    let start = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes).trim_ascii_start();
    start.first() == Some(&b'{')
}

#[cfg(test)]
mod tests;
