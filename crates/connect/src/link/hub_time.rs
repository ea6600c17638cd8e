//! How far this machine's clock is from the hub's, and whether the hub is reached at all. Judged by the real clock, as
//! certificates are: a clock that is wrong breaks both. A file of its own because nothing else looks at an answer's date.

use std::time::Duration;

use app::Keys;
use jiff::{SignedDuration, Timestamp};

use super::{Connection, Error, Proxy, Uplink, tls};

/// How long the hub may take.
const WAIT: Duration = Duration::from_secs(10);

/// Calls the hub once, changing nothing; answers how far its clock is ahead of this machine's, to about a second.
///
/// # Errors
/// It is not reached, or shows another certificate than its own.
pub async fn hub_ahead(uplink: &Uplink, keys: &Keys, proxy: Option<&Proxy>) -> Result<SignedDuration, Error> {
    let connection = Connection::new(uplink, keys.pkcs8(), proxy)?;
    let date = connection.date(WAIT).await?;
    ahead(date.as_deref()).ok_or_else(|| Error::Unusable("its answer carries no date".to_owned()))
}

/// How far a clock that shows this date is ahead of the real one here. Shape: RFC 9110 §5.6.7.
fn ahead(date: Option<&str>) -> Option<SignedDuration> {
    let there = jiff::fmt::rfc2822::parse(date?).ok()?.timestamp();
    let here = Timestamp::from_second(i64::try_from(tls::now().as_secs()).ok()?).ok()?;
    Some(there.duration_since(here))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_date_is_compared_with_the_real_clock() {
        let ahead_of_it = ahead(Some("Thu, 01 Jan 2099 00:00:00 GMT")).unwrap();
        assert!(ahead_of_it > SignedDuration::from_hours(24 * 365));
        assert!(ahead(Some("Thu, 01 Jan 1998 00:00:00 GMT")).unwrap() < SignedDuration::ZERO);
        assert_eq!(ahead(Some("yesterday")), None);
    }
}
