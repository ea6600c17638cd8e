//! Words: the message catalogue, in one person's language, zone and moment.
//! A file of its own because every text on every page comes through here; a text typed elsewhere is a defect.
//!
//! Not here: how moments and numbers are written (`moments.rs`).

use std::borrow::Cow;
use std::sync::Arc;

use fluent_bundle::concurrent::FluentBundle;
use fluent_bundle::{FluentArgs, FluentResource, FluentValue};
use jiff::Timestamp;
use jiff::tz::TimeZone;
use unic_langid::LanguageIdentifier;

include!(concat!(env!("OUT_DIR"), "/locales.rs"));

/// A language the console can speak.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Language {
    /// English, complete.
    English,
    /// English with accents and 40 % more length, made by machine: finds texts that do not come from the catalogue
    /// and places that break when words grow.
    Pseudo,
}

impl Language {
    /// BCP 47 tag, as in `<html lang>` and in stored preferences.
    pub fn tag(self) -> &'static str {
        match self {
            Self::English => "en",
            Self::Pseudo => "en-XA",
        }
    }

    /// Reads [`Language::tag`] back.
    pub fn from_tag(tag: &str) -> Option<Self> {
        [Self::English, Self::Pseudo].into_iter().find(|language| language.tag() == tag)
    }
}

/// A message file that cannot be used. The build embeds the files, so this is found by the first test that runs.
#[derive(Debug, PartialEq, Eq)]
pub struct CatalogueFault {
    /// Which language and what is wrong, in the parser's words.
    pub reason: String,
}

/// Every message of every language.
pub struct Catalogue {
    english: FluentBundle<FluentResource>,
    pseudo: FluentBundle<FluentResource>,
}

impl Catalogue {
    /// Reads the embedded message files.
    ///
    /// # Errors
    /// A message file that does not parse, or a key defined twice.
    pub fn embedded() -> Result<Self, CatalogueFault> {
        let mut pseudo = bundle("en")?;
        pseudo.set_transform(Some(longer_with_accents));
        Ok(Self { english: bundle("en")?, pseudo })
    }

    /// Whether a key has a message.
    pub fn has(&self, key: &str) -> bool {
        self.english.has_message(key)
    }

    fn of(&self, language: Language) -> &FluentBundle<FluentResource> {
        match language {
            Language::English => &self.english,
            Language::Pseudo => &self.pseudo,
        }
    }
}

fn bundle(folder: &str) -> Result<FluentBundle<FluentResource>, CatalogueFault> {
    let fault = |reason: String| CatalogueFault { reason: format!("{folder}: {reason}") };
    let language: LanguageIdentifier = folder.parse().map_err(|error| fault(format!("{error}")))?;
    let mut bundle = FluentBundle::new_concurrent(vec![language]);
    bundle.set_use_isolating(false);
    let files = LOCALES.iter().find(|(name, _)| *name == folder).map_or(&[][..], |(_, files)| files);
    for text in files {
        let resource =
            FluentResource::try_new((*text).to_owned()).map_err(|(_, errors)| fault(format!("{errors:?}")))?;
        bundle.add_resource(resource).map_err(|errors| fault(format!("{errors:?}")))?;
    }
    Ok(bundle)
}

/// The pseudo-locale: every vowel accented, every word two fifths longer.
fn longer_with_accents(text: &str) -> Cow<'_, str> {
    let mut longer = String::with_capacity(text.len() * 2);
    let mut letters = 0_usize;
    for letter in text.chars() {
        if letter.is_alphabetic() {
            letters += 1;
        } else {
            longer.extend(std::iter::repeat_n('~', (letters * 2).div_ceil(5)));
            letters = 0;
        }
        longer.push(accented(letter));
    }
    longer.extend(std::iter::repeat_n('~', (letters * 2).div_ceil(5)));
    Cow::Owned(longer)
}

fn accented(letter: char) -> char {
    match letter {
        'a' => 'å',
        'e' => 'é',
        'i' => 'î',
        'o' => 'ö',
        'u' => 'ü',
        'y' => 'ý',
        'c' => 'ç',
        'n' => 'ñ',
        'A' => 'Å',
        'E' => 'É',
        'I' => 'Î',
        'O' => 'Ö',
        'U' => 'Ü',
        'C' => 'Ç',
        'N' => 'Ñ',
        other => other,
    }
}

/// The catalogue as one person reads it.
#[derive(Clone)]
pub struct Words {
    catalogue: Arc<Catalogue>,
    language: Language,
    /// The zone in which moments are written; always shown with them.
    pub zone: TimeZone,
    /// The node's clock when the page was asked for.
    pub now: Timestamp,
}

impl Words {
    /// Words in a language and zone, at a moment.
    pub fn new(catalogue: Arc<Catalogue>, language: Language, zone: TimeZone, now: Timestamp) -> Self {
        Self { catalogue, language, zone, now }
    }

    /// The language's tag.
    pub fn tag(&self) -> &'static str {
        self.language.tag()
    }

    /// Whether a key has a message.
    pub fn has(&self, key: &str) -> bool {
        self.catalogue.has(key)
    }

    /// The message of a key.
    pub fn t(&self, key: &str) -> String {
        self.format(key, None)
    }

    /// The message of a key that takes a number, which also decides its plural form.
    pub fn n(&self, key: &str, count: &u64) -> String {
        let mut args = FluentArgs::new();
        args.set("count", FluentValue::from(*count));
        args.set("number", self.number(count));
        self.format(key, Some(&args))
    }

    /// The message of a key that takes one text.
    pub fn with(&self, key: &str, name: &str, value: &str) -> String {
        let mut args = FluentArgs::new();
        args.set(name.to_owned(), value.to_owned());
        self.format(key, Some(&args))
    }

    /// The message of a key that takes several texts.
    pub fn with_all(&self, key: &str, values: &[(&str, &str)]) -> String {
        let mut args = FluentArgs::new();
        for (name, value) in values {
            args.set((*name).to_owned(), (*value).to_owned());
        }
        self.format(key, Some(&args))
    }

    /// The message of a key that takes a number (`count`) and several texts.
    pub fn n_with(&self, key: &str, count: u64, values: &[(&str, &str)]) -> String {
        let mut args = FluentArgs::new();
        args.set("count", FluentValue::from(count));
        args.set("number", self.number(&count));
        for (name, value) in values {
            args.set((*name).to_owned(), (*value).to_owned());
        }
        self.format(key, Some(&args))
    }

    /// The message `prefix-word`: for closed sets of words such as levels, states and verdicts.
    pub fn word(&self, prefix: &str, word: &str) -> String {
        self.t(&format!("{prefix}-{word}"))
    }

    fn format(&self, key: &str, args: Option<&FluentArgs<'_>>) -> String {
        let bundle = self.catalogue.of(self.language);
        let Some(pattern) = bundle.get_message(key).and_then(|message| message.value()) else {
            return missing(key);
        };
        let mut errors = Vec::new();
        let text = bundle.format_pattern(pattern, args, &mut errors);
        if errors.is_empty() { text.into_owned() } else { missing(key) }
    }
}

/// What a page shows where the catalogue has no message: visibly wrong, and a test failure wherever it appears.
fn missing(key: &str) -> String {
    format!("\u{27e6}{key}\u{27e7}")
}
