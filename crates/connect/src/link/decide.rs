//! What the link client decides, without doing any of it: when to try again, how much to send at once, when to fall
//! back to long polling, when to renew. Sans-I/O: time and randomness are arguments, so every case is a unit test.
//!
//! What is *not* here: which item goes first. The outbox hands out its lanes in order; a smaller batch after a failure
//! keeps a backlog of sightings from standing before a record on a slow line.

use std::time::{Duration, Instant};

/// The limits and periods of the client, all of them.
#[derive(Debug, Clone)]
pub struct Tempo {
    /// The longest wait between two tries. The wait is drawn from zero to a bound that doubles up to this.
    pub backoff_max: Duration,
    /// The bound of the first wait.
    pub backoff_first: Duration,
    /// Without a sign of life for this long a stream counts as held back by a proxy, or dead.
    pub silence_max: Duration,
    /// How long one long poll is asked to wait.
    pub poll_wait: Duration,
    /// After this long in long polling the stream is tried again.
    pub stream_retry: Duration,
    /// The most items of one push.
    pub items_max: usize,
}

impl Default for Tempo {
    fn default() -> Self {
        Self {
            backoff_max: Duration::from_secs(60),
            backoff_first: Duration::from_millis(500),
            silence_max: Duration::from_secs(20),
            poll_wait: Duration::from_secs(25),
            stream_retry: Duration::from_secs(600),
            items_max: app::link::PUSH_ITEMS_MAX,
        }
    }
}

/// When to try again after failures: full jitter, so that members do not all come back in one second.
#[derive(Debug, Clone)]
pub struct Backoff {
    failures: u32,
    random: u64,
}

impl Backoff {
    /// Starts without failures. `seed` should differ between nodes.
    pub fn new(seed: u64) -> Self {
        Self { failures: 0, random: seed }
    }

    /// It worked.
    pub fn succeeded(&mut self) {
        self.failures = 0;
    }

    /// It failed; answers how long to wait.
    pub fn failed(&mut self, tempo: &Tempo) -> Duration {
        let bound = tempo.backoff_first.saturating_mul(1 << self.failures.min(16)).min(tempo.backoff_max);
        self.failures = self.failures.saturating_add(1);
        bound.mul_f64(self.draw())
    }

    /// How often it failed in a row.
    pub fn failures(&self) -> u32 {
        self.failures
    }

    /// A number from 0 to 1: SplitMix64, which is enough to spread members out.
    fn draw(&mut self) -> f64 {
        self.random = self.random.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.random;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^= z >> 31;
        (z >> 11) as f64 / (1_u64 << 53) as f64
    }
}

/// How much one push carries. Halves when a push fails on its way, doubles when one arrives.
#[derive(Debug, Clone)]
pub struct Batch {
    items: usize,
}

impl Batch {
    /// Starts with the most.
    pub fn new(tempo: &Tempo) -> Self {
        Self { items: tempo.items_max }
    }

    /// The most items of the next push. The outbox keeps its own limit of bytes.
    pub fn items(&self) -> usize {
        self.items
    }

    /// The push arrived.
    pub fn arrived(&mut self, tempo: &Tempo) {
        self.items = (self.items * 2).min(tempo.items_max);
    }

    /// The push failed on its way.
    pub fn failed(&mut self) {
        self.items = (self.items / 2).max(1);
    }
}

/// How releases are fetched.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mode {
    /// One long answer, event by event.
    Stream,
    /// Answers that end: what still passes a proxy that holds answers back until they are whole.
    LongPoll,
}

/// Decides between stream and long polling, and when a stream counts as dead.
#[derive(Debug, Clone)]
pub struct Listening {
    mode: Mode,
    mode_since: Instant,
    heard_at: Instant,
    opened: bool,
    silences: u32,
}

/// After this many streams in a row that opened and then stayed silent, long polling is used.
const SILENCES_MAX: u32 = 2;

impl Listening {
    /// Begins with a stream.
    pub fn new(now: Instant) -> Self {
        Self { mode: Mode::Stream, mode_since: now, heard_at: now, opened: false, silences: 0 }
    }

    /// How to ask next.
    pub fn mode(&mut self, tempo: &Tempo, now: Instant) -> Mode {
        if self.mode == Mode::LongPoll && now.duration_since(self.mode_since) >= tempo.stream_retry {
            self.enter(Mode::Stream, now);
            self.silences = SILENCES_MAX - 1;
        }
        self.mode
    }

    /// An answer began.
    pub fn opened(&mut self, now: Instant) {
        self.opened = true;
        self.heard_at = now;
    }

    /// Something came: an event or a heartbeat.
    pub fn heard(&mut self, now: Instant) {
        self.heard_at = now;
        self.silences = 0;
    }

    /// Until when the open answer may stay silent.
    pub fn silent_until(&self, tempo: &Tempo) -> Instant {
        let patience = match self.mode {
            Mode::Stream => tempo.silence_max,
            Mode::LongPoll => tempo.poll_wait + tempo.silence_max,
        };
        self.heard_at + patience
    }

    /// The answer stayed silent for too long, or its connection broke: what to make of it.
    pub fn ended(&mut self, end: End, now: Instant) {
        let silent = end == End::Silence && self.opened && self.mode == Mode::Stream;
        self.opened = false;
        if silent {
            self.silences += 1;
            if self.silences >= SILENCES_MAX {
                self.enter(Mode::LongPoll, now);
            }
        }
    }

    fn enter(&mut self, mode: Mode, now: Instant) {
        self.mode = mode;
        self.mode_since = now;
        self.silences = 0;
    }
}

/// How an answer ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum End {
    /// Nothing came for too long.
    Silence,
    /// The connection broke, was refused, or ended properly.
    Closed,
}

/// When a certificate is renewed: from half of its life on. Units: seconds since 1970.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Life {
    /// When it began to hold (for us: when it was issued).
    pub from_s: u64,
    /// When it ends.
    pub until_s: u64,
}

impl Life {
    /// Whether it is time to renew.
    pub fn renew_due(self, now_s: u64) -> bool {
        now_s >= self.from_s + self.until_s.saturating_sub(self.from_s) / 2
    }

    /// Whether it is over; then nothing but renewing is allowed.
    pub fn over(self, now_s: u64) -> bool {
        now_s > self.until_s
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_grow_are_spread_and_never_pass_the_cap() {
        let tempo = Tempo::default();
        let mut backoff = Backoff::new(7);
        let waits: Vec<Duration> = (0..200).map(|_| backoff.failed(&tempo)).collect();
        assert!(waits.iter().all(|wait| *wait <= tempo.backoff_max));
        assert!(waits[0] <= tempo.backoff_first);
        let late = &waits[20..];
        let low = late.iter().filter(|wait| **wait < tempo.backoff_max / 2).count();
        assert!((40..140).contains(&low), "full jitter draws from the whole range, low {low} of {}", late.len());
        assert_ne!(Backoff::new(1).failed(&tempo), Backoff::new(2).failed(&tempo));
        backoff.succeeded();
        assert!(backoff.failed(&tempo) <= tempo.backoff_first);
    }

    #[test]
    fn a_bad_line_gets_small_pushes_and_a_good_one_large_ones_again() {
        let tempo = Tempo::default();
        let mut batch = Batch::new(&tempo);
        for _ in 0..20 {
            batch.failed();
        }
        assert_eq!(batch.items(), 1);
        for _ in 0..20 {
            batch.arrived(&tempo);
        }
        assert_eq!(batch.items(), tempo.items_max);
    }

    #[test]
    fn a_stream_that_a_proxy_holds_back_becomes_long_polling_and_is_tried_again_later() {
        let tempo = Tempo::default();
        let start = Instant::now();
        let mut listening = Listening::new(start);
        for round in 1..=2_u32 {
            assert_eq!(listening.mode(&tempo, start), Mode::Stream, "round {round}");
            listening.opened(start);
            assert_eq!(listening.silent_until(&tempo), start + tempo.silence_max);
            listening.ended(End::Silence, start);
        }
        assert_eq!(listening.mode(&tempo, start), Mode::LongPoll);
        assert_eq!(listening.silent_until(&tempo), start + tempo.poll_wait + tempo.silence_max);
        let later = start + tempo.stream_retry;
        assert_eq!(listening.mode(&tempo, later), Mode::Stream);
        listening.opened(later);
        listening.ended(End::Silence, later);
        assert_eq!(listening.mode(&tempo, later), Mode::LongPoll, "one more silence is enough now");
    }

    #[test]
    fn a_hub_that_is_simply_away_does_not_change_the_mode() {
        let tempo = Tempo::default();
        let start = Instant::now();
        let mut listening = Listening::new(start);
        for _ in 0..50 {
            listening.ended(End::Closed, start);
            listening.ended(End::Silence, start);
        }
        assert_eq!(listening.mode(&tempo, start), Mode::Stream);
    }

    #[test]
    fn a_heartbeat_between_silences_keeps_the_stream() {
        let tempo = Tempo::default();
        let start = Instant::now();
        let mut listening = Listening::new(start);
        for _ in 0..5 {
            listening.opened(start);
            listening.heard(start);
            listening.ended(End::Silence, start);
        }
        assert_eq!(listening.mode(&tempo, start), Mode::Stream);
    }

    #[test]
    fn a_certificate_is_renewed_from_half_of_its_life_on() {
        let life = Life { from_s: 1_000, until_s: 3_000 };
        assert!(!life.renew_due(1_999));
        assert!(life.renew_due(2_000));
        assert!(!life.over(3_000));
        assert!(life.over(3_001));
    }
}
