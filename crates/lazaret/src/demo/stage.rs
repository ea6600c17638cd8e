//! The stage of one run: who plays, which attacks, and every step of the story in order, before any node exists.
//! A file of its own because it is pure: the same seed sets the same stage.

use std::collections::BTreeSet;

use jiff::{SignedDuration, Timestamp};

use super::feed::RawLine;
use super::traces::{built_in_engine, families};
use crate::clock::SystemClock;
use crate::content::Content;
use crate::content::cast::{Cast, Variant};
use crate::content::ordinary_day::{OrdinaryDay, Size};
use crate::content::scenario::{Beat, Noise, SCENARIOS, Scenario, noise, shared_suppliers};

/// Quiet days between two attacks.
const PAUSE: SignedDuration = SignedDuration::from_hours(5 * 24);
/// When in the first attack the noise happens: shortly before its hospitals are close together in time.
const NOISE_DAY: i64 = 49;
/// Into how many parts the ordinary lines are cut; each comes before one of the steps.
const ORDINARY_PARTS: usize = 4;

/// One run before it begins.
pub struct Stage {
    /// The seed it was drawn from.
    pub seed: u64,
    /// Who plays.
    pub cast: Cast,
    /// The attacks.
    pub attacks: Vec<Attack>,
    /// What happens, in order of time.
    pub steps: Vec<Step>,
    /// When the story begins.
    pub begins_at: Timestamp,
    content: Content,
    ordinary: usize,
}

/// One attack of a run.
pub struct Attack {
    /// What is re-enacted.
    pub scenario: Scenario,
    /// What all its hospitals see, lower case; empty in the control.
    pub shared_values: BTreeSet<String>,
    /// The suppliers that all its hospitals use.
    pub shared_suppliers: BTreeSet<String>,
    /// The rule families that its own lines raise and noise does not.
    pub families: BTreeSet<String>,
    /// When it begins and ends, by the story's clock.
    pub from: Timestamp,
    /// See `from`.
    pub to: Timestamp,
}

/// One step of the story.
pub struct Step {
    /// When, by the story's clock.
    pub at: Timestamp,
    /// What.
    pub what: StepKind,
}

/// What a step is.
pub enum StepKind {
    /// A part of every hospital's ordinary day.
    Ordinary {
        /// Which part.
        part: usize,
    },
    /// Somebody puts a rule into every hospital's rules directory, and has it read.
    PushRule {
        /// Its text.
        text: String,
    },
    /// Somebody takes that rule away again: it was the rule.
    PullRule,
    /// Lines of an attack or of noise at one hospital.
    Beat {
        /// Index of the attack; none for noise.
        attack: Option<usize>,
        /// The lines.
        beat: Box<Beat>,
    },
}

impl Stage {
    /// Sets the stage for a seed. It ends about now, so that the consoles' clocks end there too.
    pub fn set(seed: u64, variant: Variant, ordinary: usize) -> anyhow::Result<Self> {
        let content = Content::builtin();
        let scenarios: Vec<Scenario> =
            SCENARIOS.iter().map(|id| Scenario::read(&content, id)).collect::<Result<_, _>>()?;
        let cast = Cast::draw(&content, seed, variant, &shared_suppliers(&scenarios))?;
        let beats: Vec<Vec<Beat>> =
            scenarios.iter().map(|scenario| scenario.beats(&content, &cast)).collect::<Result<_, _>>()?;
        let spans: Vec<SignedDuration> = beats.iter().map(|beats| span(beats)).collect();
        let whole = spans.iter().fold(SignedDuration::from_hours(1), |whole, span| whole + *span + PAUSE);
        let now = app::Clock::now(&SystemClock);
        let begins_at = now - whole;
        let mut from = begins_at + SignedDuration::from_hours(24);
        let (mut steps, mut attacks) = (Vec::new(), Vec::new());
        let noise = noise(&content, &cast)?;
        let engine = built_in_engine()?;
        let of_noise = families(&engine, noise.iter().flat_map(|noise| &noise.beats), from);
        for (index, (scenario, beats)) in scenarios.into_iter().zip(beats).enumerate() {
            let mut attack = attack(&content, &cast, scenario, from, from + spans[index])?;
            attack.families = &families(&engine, beats.iter(), from) - &of_noise;
            attack.families.extend(attack.scenario.pattern.families.iter().cloned());
            steps.extend(beats.into_iter().map(|beat| Step {
                at: from + beat.offset,
                what: StepKind::Beat { attack: Some(index), beat: Box::new(beat) },
            }));
            from = attack.to + PAUSE;
            attacks.push(attack);
        }
        let noise_from =
            attacks.first().map_or(begins_at, |attack| attack.from) + SignedDuration::from_hours(24 * NOISE_DAY);
        for one in noise {
            noise_steps(one, noise_from, &mut steps);
        }
        steps.sort_by_key(|step| step.at);
        with_ordinary(&mut steps);
        Ok(Self { seed, cast, attacks, steps, begins_at, content, ordinary })
    }

    /// The lines of one part of one hospital's ordinary day, the last of them no later than `until`.
    pub fn ordinary_lines(&self, seat: usize, part: usize, until: Timestamp) -> anyhow::Result<Vec<RawLine>> {
        let names = &self.cast.seats[seat].names;
        let lines = self.ordinary.div_ceil(ORDINARY_PARTS);
        let start = until - SignedDuration::from_hours(24);
        let seed = self.seed.wrapping_mul(31).wrapping_add(part as u64);
        let day = OrdinaryDay::new(&self.content, seed, names, start, Size::Events(lines))?;
        Ok(day.map(|line| RawLine { carrier: line.carrier, source: line.source, bytes: line.bytes }).collect())
    }
}

/// A rule that belongs to noise is pushed just before it and taken away two hours after.
fn noise_steps(noise: Noise, from: Timestamp, steps: &mut Vec<Step>) {
    let times = || noise.beats.iter().map(|beat| from + beat.offset);
    let (first, last) = (times().min().unwrap_or(from), times().max().unwrap_or(from));
    if let Some(text) = noise.rule {
        steps.push(Step { at: first - SignedDuration::from_mins(1), what: StepKind::PushRule { text } });
        steps.push(Step { at: last + SignedDuration::from_hours(2), what: StepKind::PullRule });
    }
    steps.extend(
        noise
            .beats
            .into_iter()
            .map(|beat| Step { at: from + beat.offset, what: StepKind::Beat { attack: None, beat: Box::new(beat) } }),
    );
}

fn span(beats: &[Beat]) -> SignedDuration {
    beats.iter().map(|beat| beat.offset + length(beat)).max().unwrap_or_default()
}

/// How long after its beginning a beat's last line is written.
pub fn length(beat: &Beat) -> SignedDuration {
    beat.lines(Timestamp::UNIX_EPOCH).last().map_or(SignedDuration::ZERO, |(offset, _)| *offset)
}

fn attack(
    content: &Content,
    cast: &Cast,
    scenario: Scenario,
    from: Timestamp,
    to: Timestamp,
) -> anyhow::Result<Attack> {
    let shared_values =
        scenario.shared_values(content, cast)?.into_iter().map(|(_, value)| value.to_lowercase()).collect();
    let mut of_seats = scenario.pattern.seats.iter().map(|seat| cast.seats[*seat].suppliers.iter().cloned().collect());
    let first: BTreeSet<String> = of_seats.next().unwrap_or_default();
    let shared_suppliers = of_seats.fold(first, |all, one: BTreeSet<String>| &all & &one);
    Ok(Attack { scenario, shared_values, shared_suppliers, families: BTreeSet::new(), from, to })
}

/// Puts the parts of the ordinary day before steps that are spread over the whole story.
fn with_ordinary(steps: &mut Vec<Step>) {
    let places: Vec<usize> = (0..ORDINARY_PARTS).map(|part| steps.len() * part / ORDINARY_PARTS).collect();
    for (part, place) in places.into_iter().enumerate().rev() {
        let at = steps.get(place).map_or(Timestamp::UNIX_EPOCH, |step| step.at);
        steps.insert(place, Step { at, what: StepKind::Ordinary { part } });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn steps_are_in_order_and_every_part_of_the_ordinary_day_comes_once() {
        let stage = Stage::set(3, Variant::Attack, 400).unwrap();
        assert!(stage.steps.windows(2).all(|pair| pair[0].at <= pair[1].at));
        let parts: Vec<usize> = stage
            .steps
            .iter()
            .filter_map(|step| match step.what {
                StepKind::Ordinary { part } => Some(part),
                _ => None,
            })
            .collect();
        assert_eq!(parts, [0, 1, 2, 3]);
        let lines: usize = (0..4).map(|part| stage.ordinary_lines(0, part, stage.begins_at).unwrap().len()).sum();
        assert!(lines >= 400, "{lines}");
        let place = |found: fn(&StepKind) -> bool| stage.steps.iter().position(|step| found(&step.what)).unwrap();
        let pushed = place(|what| matches!(what, StepKind::PushRule { .. }));
        assert!(pushed < place(|what| matches!(what, StepKind::PullRule)));
        for attack in &stage.attacks {
            assert!(!attack.shared_values.is_empty() && !attack.shared_suppliers.is_empty());
        }
    }

    #[test]
    fn in_the_control_nothing_is_shared() {
        let stage = Stage::set(3, Variant::Control, 400).unwrap();
        for attack in &stage.attacks {
            assert!(attack.shared_values.is_empty() && attack.shared_suppliers.is_empty());
        }
    }
}
