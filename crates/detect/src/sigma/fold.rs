//! How letters are made equal when a rule does not say `cased`. A file of its own because this is a policy, not a detail.
//!
//! Two folds, both one character to one character, equal for ASCII:
//! * **narrow**: Unicode simple case folding (Σ σ ς are one letter, K (Kelvin) is k, ſ is s), without the Turkish pair.
//! * **wide**: the narrow fold, and İ ı are i, and full-width letters and signs (U+FF01–U+FF5E) are their ASCII form,
//!   because Windows converts them so on the way to a program that asks for the ANSI code page.
//!
//! What makes a rule fire is compared wide: writing `ｃertutil` or `WHOAMİ` hides nothing. What makes a rule stay silent
//! (a predicate under `not`) is compared narrow: a folder `C:\Wındows\` does not pass for `C:\Windows\`.

/// Which of the two folds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Fold {
    /// For what makes a rule fire.
    Wide,
    /// For what keeps a rule silent.
    Narrow,
}

/// One character's folded form.
pub fn fold_char(c: char, fold: Fold) -> char {
    if c.is_ascii() {
        return c.to_ascii_lowercase();
    }
    match (c, fold) {
        ('İ' | 'ı', Fold::Wide) => 'i',
        ('İ' | 'ı', Fold::Narrow) => c,
        ('\u{FF01}'..='\u{FF5E}', Fold::Wide) => {
            // The full-width block is ASCII 0x21..=0x7E shifted by a constant.
            let ascii = char::from_u32(c as u32 - 0xFEE0).unwrap_or(c);
            ascii.to_ascii_lowercase()
        }
        _ => simple_fold(c),
    }
}

fn simple_fold(c: char) -> char {
    let upper = single(c.to_uppercase()).unwrap_or(c);
    single(upper.to_lowercase()).unwrap_or(c)
}

fn single(mut chars: impl Iterator<Item = char>) -> Option<char> {
    let first = chars.next()?;
    chars.next().is_none().then_some(first)
}

/// A text's folded form.
pub fn fold_text(text: &str, fold: Fold) -> String {
    text.chars().map(|c| fold_char(c, fold)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn evasions_by_letter_forms_are_equal_where_they_must_be() {
        let wide = |a: &str, b: &str| assert_eq!(fold_text(a, Fold::Wide), fold_text(b, Fold::Wide), "{a} {b}");
        let apart = |a: &str, b: &str| assert_ne!(fold_text(a, Fold::Narrow), fold_text(b, Fold::Narrow), "{a} {b}");
        wide("WHOAMİ", "whoami");
        wide("whoamı", "WHOAMI");
        wide("ＣＥＲＴＵＴＩＬ", "certutil");
        wide("ΟΔΟΣ", "οδος");
        wide("\u{212A}ernel", "kernel");
        wide("ſvchost", "SVCHOST");
        wide("STRAẞE", "straße");
        wide("ДАННЫЕ", "данные");
        apart("C:\\Wındows", "C:\\Windows");
        apart("Ｃ:", "C:");
        apart("straße", "strasse");
    }
}
