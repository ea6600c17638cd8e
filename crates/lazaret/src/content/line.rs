//! A line of a data file: an envelope, what goes into it, and words to put in place.
//! A file of its own because the ordinary day and the scenarios write their lines the same way.

use std::collections::BTreeMap;

use anyhow::{Result, anyhow, bail};

/// How a data file writes one line.
#[derive(Debug, Clone, Copy)]
pub struct LineParts<'a> {
    /// The envelope, by name; its `{body}` takes the rest.
    pub frame: Option<&'a str>,
    /// A second envelope whose text is the body, in place of `raw`.
    pub inner: Option<&'a str>,
    /// The body as written.
    pub raw: Option<&'a str>,
    /// Texts put in place of `{name}` before the line is read as a template.
    pub set: &'a BTreeMap<String, String>,
}

/// Puts envelope, body and words together to the text of a template.
pub fn compose(parts: LineParts<'_>, frames: &BTreeMap<String, String>) -> Result<String> {
    let frame = |name: &str| frames.get(name).ok_or_else(|| anyhow!("no frame {name:?}; known: {}", known(frames)));
    let mut text = match (parts.raw, parts.inner) {
        (Some(raw), None) => raw.to_owned(),
        (None, Some(inner)) => frame(inner)?.clone(),
        _ => bail!("a line needs either raw or inner"),
    };
    if let Some(outer) = parts.frame {
        text = frame(outer)?.replace("{body}", &text);
    }
    for (name, value) in parts.set {
        text = text.replace(&format!("{{{name}}}"), value);
    }
    Ok(text)
}

fn known(frames: &BTreeMap<String, String>) -> String {
    frames.keys().cloned().collect::<Vec<_>>().join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn envelope_body_and_words() {
        let frames: BTreeMap<String, String> = [("outer", "<{body}>"), ("inside", "a={a} {user}")]
            .map(|(name, text)| (name.to_owned(), text.to_owned()))
            .into();
        let set = BTreeMap::from([("a".to_owned(), "1".to_owned())]);
        let parts = LineParts { frame: Some("outer"), inner: Some("inside"), raw: None, set: &set };
        assert_eq!(compose(parts, &frames).unwrap(), "<a=1 {user}>");
        assert_eq!(compose(LineParts { inner: None, raw: Some("x"), ..parts }, &frames).unwrap(), "<x>");
        assert!(compose(LineParts { inner: None, ..parts }, &frames).is_err());
        assert!(
            compose(LineParts { frame: Some("none"), ..parts }, &frames)
                .unwrap_err()
                .to_string()
                .contains("inside, outer")
        );
    }
}
