//! When sources were heard, and how long they usually pause. A file of its own because silence is judged from these
//! few numbers and from nothing else.

use jiff::Timestamp;

use crate::db::bind;
use crate::{Error, Store};

/// One hour of one source that is over.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct HourHeard {
    /// The source's number.
    pub source: u32,
    /// Hour of the week, 0 to 167.
    pub hour: u8,
    /// The longest gap that ended in it. Units: seconds.
    pub gap_s: u64,
}

/// What is known of one source's rhythm.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Rhythm {
    /// The source's number.
    pub source: u32,
    /// When it was heard last.
    pub heard_at: Timestamp,
    /// The longest usual gap of any hour; none before the first hour is over. Units: seconds.
    pub longest_s: Option<u64>,
    /// The same of the hour asked for.
    pub hour_s: Option<u64>,
    /// How many such hours were seen.
    pub hour_times: u64,
}

impl Store {
    /// Keeps when sources were heard and what their hours taught, in one transaction. A longer gap counts at once, a
    /// shorter one by an eighth each time.
    pub async fn save_rhythm(&self, heard: &[(u32, Timestamp)], hours: &[HourHeard]) -> Result<(), Error> {
        let mut tx = self.db.begin().await?;
        for (source, at) in heard {
            let sql = "INSERT INTO source_heard (source, heard_at) VALUES ($1, $2)
                       ON CONFLICT (source) DO UPDATE SET heard_at = excluded.heard_at";
            tx.execute(sql, bind![*source, *at]).await?;
        }
        for hour in hours {
            let sql = "INSERT INTO source_rhythm (source, hour, gap_s, times) VALUES ($1, $2, $3, 1)
                       ON CONFLICT (source, hour) DO UPDATE SET times = source_rhythm.times + 1,
                         gap_s = CASE WHEN excluded.gap_s > source_rhythm.gap_s * 7 / 8 THEN excluded.gap_s
                                      ELSE source_rhythm.gap_s * 7 / 8 END";
            tx.execute(sql, bind![hour.source, u32::from(hour.hour), hour.gap_s]).await?;
        }
        tx.commit().await
    }

    /// The rhythm of every source that was heard, by number, as it is in this hour of the week.
    pub async fn rhythms(&self, hour: u8) -> Result<Vec<Rhythm>, Error> {
        let sql = "SELECT heard.source, heard.heard_at, MAX(hours.gap_s) AS longest,
                     MAX(CASE WHEN hours.hour = $1 THEN hours.gap_s END) AS of_hour,
                     COALESCE(MAX(CASE WHEN hours.hour = $1 THEN hours.times END), 0) AS times
                   FROM source_heard AS heard LEFT JOIN source_rhythm AS hours ON hours.source = heard.source
                   GROUP BY heard.source, heard.heard_at ORDER BY heard.source";
        let rows = self.db.rows(sql, bind![u32::from(hour)]).await?;
        let seconds = |value: Option<i64>| value.and_then(|value| u64::try_from(value).ok());
        rows.iter()
            .map(|row| {
                Ok(Rhythm {
                    source: row.count32("source")?,
                    heard_at: row.at("heard_at")?,
                    longest_s: seconds(row.get("longest")?),
                    hour_s: seconds(row.get("of_hour")?),
                    hour_times: row.count("times")?,
                })
            })
            .collect()
    }
}
