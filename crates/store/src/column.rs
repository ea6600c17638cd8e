//! How domain words become columns and back: numbers, moments, enum words, JSON.
//! A file of its own so that no statement decides for itself how a time or a level is stored.

use domain::telemetry::Level;
use jiff::Timestamp;
use serde::Serialize;
use serde::de::DeserializeOwned;
use uuid::Uuid;

use crate::Error;
use crate::db::{Row, Value};

/// Counts are unsigned in the domain and signed in SQL; what does not fit saturates.
pub(crate) fn int(value: u64) -> i64 {
    i64::try_from(value).unwrap_or(i64::MAX)
}

/// The stored form of a moment: microseconds since 1970, UTC.
pub(crate) fn micros(at: Timestamp) -> i64 {
    at.as_microsecond()
}

/// JSON text of a value. Our own types always serialise; if one did not, that is a defect worth an error.
pub(crate) fn json<T: Serialize + ?Sized>(value: &T) -> Result<String, Error> {
    serde_json::to_string(value).map_err(|error| Error::Sql(Box::new(error)))
}

/// Reads [`json`] back.
pub(crate) fn from_json<T: DeserializeOwned>(text: &str, what: &str) -> Result<T, Error> {
    serde_json::from_str(text).map_err(|error| Error::Corrupt { what: format!("{what}: {error}") })
}

/// The stable word of a fieldless enum, as serde spells it.
pub(crate) fn word<T: Serialize>(value: T) -> Result<String, Error> {
    match serde_json::to_value(value) {
        Ok(serde_json::Value::String(word)) => Ok(word),
        Ok(other) => Err(Error::Corrupt { what: format!("{other} is no word") }),
        Err(error) => Err(Error::Sql(Box::new(error))),
    }
}

/// Reads [`word`] back.
pub(crate) fn from_word<T: DeserializeOwned>(word: String, what: &str) -> Result<T, Error> {
    serde_json::from_value(serde_json::Value::String(word))
        .map_err(|error| Error::Corrupt { what: format!("{what}: {error}") })
}

/// Levels are stored as numbers because SQL compares and maximises them.
pub(crate) fn level_number(level: Level) -> i64 {
    match level {
        Level::Informational => 1,
        Level::Low => 2,
        Level::Medium => 3,
        Level::High => 4,
        Level::Critical => 5,
    }
}

/// Reads [`level_number`] back.
pub(crate) fn level(number: i64) -> Result<Level, Error> {
    Ok(match number {
        1 => Level::Informational,
        2 => Level::Low,
        3 => Level::Medium,
        4 => Level::High,
        5 => Level::Critical,
        other => return Err(Error::Corrupt { what: format!("level {other}") }),
    })
}

impl Row {
    /// A count.
    pub(crate) fn count(&self, name: &str) -> Result<u64, Error> {
        let value: i64 = self.get(name)?;
        u64::try_from(value).map_err(|_| Error::Corrupt { what: format!("{name} is {value}") })
    }

    /// A small count.
    pub(crate) fn count32(&self, name: &str) -> Result<u32, Error> {
        let value: i64 = self.get(name)?;
        u32::try_from(value).map_err(|_| Error::Corrupt { what: format!("{name} is {value}") })
    }

    /// A moment.
    pub(crate) fn at(&self, name: &str) -> Result<Timestamp, Error> {
        moment(self.get(name)?, name)
    }

    /// A moment that may be missing.
    pub(crate) fn at_opt(&self, name: &str) -> Result<Option<Timestamp>, Error> {
        self.get::<Option<i64>>(name)?.map(|value| moment(value, name)).transpose()
    }

    /// A word of a closed set.
    pub(crate) fn word<T: DeserializeOwned>(&self, name: &str) -> Result<T, Error> {
        from_word(self.get(name)?, name)
    }

    /// A value kept as JSON text.
    pub(crate) fn json<T: DeserializeOwned>(&self, name: &str) -> Result<T, Error> {
        from_json(&self.get::<String>(name)?, name)
    }

    /// A level.
    pub(crate) fn level(&self, name: &str) -> Result<Level, Error> {
        level(self.get(name)?)
    }
}

fn moment(value: i64, name: &str) -> Result<Timestamp, Error> {
    Timestamp::from_microsecond(value).map_err(|_| Error::Corrupt { what: format!("{name} is {value} microseconds") })
}

macro_rules! from {
    ($($source:ty => |$value:ident| $target:expr;)*) => {
        $(impl From<$source> for Value { fn from($value: $source) -> Self { $target } })*
    };
}

from! {
    i64 => |value| Value::Int(Some(value));
    Option<i64> => |value| Value::Int(value);
    u32 => |value| Value::Int(Some(i64::from(value)));
    u64 => |value| Value::Int(Some(int(value)));
    Option<u64> => |value| Value::Int(value.map(int));
    Timestamp => |value| Value::Int(Some(micros(value)));
    Option<Timestamp> => |value| Value::Int(value.map(micros));
    Level => |value| Value::Int(Some(level_number(value)));
    &str => |value| Value::Text(Some(value.to_owned()));
    &String => |value| Value::Text(Some(value.clone()));
    String => |value| Value::Text(Some(value));
    Option<String> => |value| Value::Text(value);
    Vec<u8> => |value| Value::Blob(Some(value));
    Option<Vec<u8>> => |value| Value::Blob(value);
    Uuid => |value| Value::Id(Some(value));
    Option<Uuid> => |value| Value::Id(value);
    domain::record::RecordId => |value| Value::Id(Some(value.0));
    &domain::party::NodeId => |value| Value::Text(Some(value.0.clone()));
    bool => |value| Value::Bool(value);
}
