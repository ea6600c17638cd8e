//! YAML text → a small tree with line numbers, within written limits.
//! A file of its own because nothing else in the crate reads YAML, and the limits (size, nesting, aliases) are all here.
//! What is *not* here: what the tree means (`parse.rs`).

use std::collections::HashMap;

use saphyr_parser::{Event, Parser, ScalarStyle};

/// The largest rule file, in bytes.
pub const YAML_BYTES_MAX: usize = 1024 * 1024;
/// The deepest nesting of lists and maps.
pub const YAML_DEPTH_MAX: usize = 32;
/// The most nodes one document may have after aliases are written out (stops exponential aliases).
pub const YAML_NODES_MAX: usize = 50_000;
/// The most bytes of text one document may have after aliases are written out.
pub const YAML_TEXT_BYTES_MAX: usize = 2 * YAML_BYTES_MAX;
/// The most keys of one map.
pub const YAML_KEYS_MAX: usize = 2_000;

/// One YAML value and the line it starts at, counted from 1 in its file.
#[derive(Debug, Clone, PartialEq)]
pub struct Node {
    /// Line in the file.
    pub line: u32,
    /// The value.
    pub value: Yaml,
}

/// A YAML value of the core schema. Numbers keep their text.
#[derive(Debug, Clone, PartialEq)]
pub enum Yaml {
    /// `null`, `~` or nothing.
    Null,
    /// `true` or `false`, unquoted.
    Bool(bool),
    /// An unquoted number, in decimal.
    Number(String),
    /// Anything else that is one value.
    Text(String),
    /// A list.
    List(Vec<Node>),
    /// A map, in order; keys are unique.
    Map(Vec<(Key, Node)>),
}

/// A map key and its line.
#[derive(Debug, Clone, PartialEq)]
pub struct Key {
    /// The key's text.
    pub text: String,
    /// Line in the file.
    pub line: u32,
}

impl Node {
    /// The value under `key`, where this is a map.
    pub fn get(&self, key: &str) -> Option<&Node> {
        match &self.value {
            Yaml::Map(entries) => entries.iter().find(|(held, _)| held.text == key).map(|(_, node)| node),
            _ => None,
        }
    }

    /// The value as text, where it is one value other than null.
    pub fn scalar(&self) -> Option<String> {
        match &self.value {
            Yaml::Text(text) | Yaml::Number(text) => Some(text.clone()),
            Yaml::Bool(value) => Some(value.to_string()),
            Yaml::Null | Yaml::List(_) | Yaml::Map(_) => None,
        }
    }

    /// The texts of a list, or of a single value.
    pub fn scalars(&self) -> Vec<String> {
        match &self.value {
            Yaml::List(items) => items.iter().filter_map(Node::scalar).collect(),
            _ => self.scalar().into_iter().collect(),
        }
    }
}

/// What is wrong with a YAML document, and where.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct YamlError {
    /// Line in the file.
    pub line: u32,
    /// What is wrong.
    pub what: String,
    /// What to write instead.
    pub instead: &'static str,
}

/// Splits a file at its `---` lines and reads each document on its own, so that one bad document does not drop the rest.
/// Shape: empty documents are left out.
pub fn documents(text: &str) -> Vec<Result<Node, YamlError>> {
    if text.len() > YAML_BYTES_MAX {
        let what = format!("the file has {} bytes, more than the limit of {YAML_BYTES_MAX}", text.len());
        return vec![Err(YamlError { line: 1, what, instead: "split it into several files" })];
    }
    let mut documents = Vec::new();
    let (mut start, mut start_line, mut at) = (0, 0, 0);
    for (line, content) in text.split_inclusive('\n').enumerate() {
        let trimmed = content.trim_end();
        if trimmed == "---" || trimmed.starts_with("--- ") {
            documents.extend(document(&text[start..at], start_line));
            (start, start_line) = (at, line);
        }
        at += content.len();
    }
    documents.extend(document(&text[start..], start_line));
    documents
}

fn document(text: &str, lines_before: usize) -> Option<Result<Node, YamlError>> {
    let mut builder = Builder {
        lines_before: lines_before as u32,
        anchors: HashMap::new(),
        stack: Vec::new(),
        size: Size::default(),
        root: None,
    };
    for event in Parser::new_from_str(text) {
        let (event, span) = match event {
            Ok(event) => event,
            Err(error) => {
                let line = error.marker().line() as u32 + builder.lines_before;
                let instead =
                    "check indentation and quotes; put values with ': ', '#', '*' or a leading '%' in single quotes";
                return Some(Err(YamlError { line, what: format!("not YAML: {}", error.info()), instead }));
            }
        };
        if let Err(error) = builder.take(event, span.start.line() as u32) {
            return Some(Err(error));
        }
    }
    builder.root.filter(|node| node.value != Yaml::Null).map(Ok)
}

enum Open {
    List(Vec<Node>),
    Map(Vec<(Key, Node)>, Option<Key>),
}

/// How much a value holds.
#[derive(Debug, Clone, Copy, Default)]
struct Size {
    nodes: usize,
    text_bytes: usize,
}

struct Builder {
    lines_before: u32,
    anchors: HashMap<usize, (Node, Size)>,
    stack: Vec<(Open, u32, usize, Size)>,
    size: Size,
    root: Option<Node>,
}

impl Builder {
    fn take(&mut self, event: Event<'_>, line: u32) -> Result<(), YamlError> {
        let line = line + self.lines_before;
        match event {
            Event::Scalar(text, style, anchor, _) => {
                let size = Size { nodes: 1, text_bytes: text.len() };
                self.count(size, line)?;
                let value = scalar(&text, style);
                self.place(Node { line, value }, anchor, size)
            }
            Event::SequenceStart(anchor, _) => self.open(Open::List(Vec::new()), line, anchor),
            Event::MappingStart(anchor, _) => self.open(Open::Map(Vec::new(), None), line, anchor),
            Event::SequenceEnd | Event::MappingEnd => self.close(),
            Event::Alias(anchor) => {
                let unknown =
                    || YamlError { line, what: "alias of nothing".to_owned(), instead: "write the value out" };
                let (node, size) = self.anchors.get(&anchor).cloned().ok_or_else(unknown)?;
                self.count(size, line)?;
                self.place(node, 0, size)
            }
            _ => Ok(()),
        }
    }

    fn count(&mut self, more: Size, line: u32) -> Result<(), YamlError> {
        self.size.nodes += more.nodes;
        self.size.text_bytes += more.text_bytes;
        let instead = "split the rule, or write values instead of aliases";
        if self.size.nodes > YAML_NODES_MAX {
            let what = format!("more than {YAML_NODES_MAX} values after aliases are written out");
            return Err(YamlError { line, what, instead });
        }
        if self.size.text_bytes > YAML_TEXT_BYTES_MAX {
            let what = format!("more than {YAML_TEXT_BYTES_MAX} bytes of text after aliases are written out");
            return Err(YamlError { line, what, instead });
        }
        Ok(())
    }

    fn open(&mut self, open: Open, line: u32, anchor: usize) -> Result<(), YamlError> {
        self.count(Size { nodes: 1, text_bytes: 0 }, line)?;
        if self.stack.len() >= YAML_DEPTH_MAX {
            let what = format!("nested deeper than {YAML_DEPTH_MAX}");
            return Err(YamlError { line, what, instead: "flatten it" });
        }
        self.stack.push((open, line, anchor, self.size));
        Ok(())
    }

    fn close(&mut self) -> Result<(), YamlError> {
        let Some((open, line, anchor, before)) = self.stack.pop() else { return Ok(()) };
        let value = match open {
            Open::List(items) => Yaml::List(items),
            Open::Map(entries, _) => Yaml::Map(entries),
        };
        let size =
            Size { nodes: self.size.nodes - before.nodes + 1, text_bytes: self.size.text_bytes - before.text_bytes };
        self.place(Node { line, value }, anchor, size)
    }

    fn place(&mut self, node: Node, anchor: usize, size: Size) -> Result<(), YamlError> {
        if anchor != 0 {
            self.anchors.insert(anchor, (node.clone(), size));
        }
        match self.stack.last_mut() {
            None => self.root = Some(node),
            Some((Open::List(items), ..)) => items.push(node),
            Some((Open::Map(entries, pending), ..)) => match pending.take() {
                Some(key) => entries.push((key, node)),
                None => *pending = Some(key(&node, entries)?),
            },
        }
        Ok(())
    }
}

fn key(node: &Node, entries: &[(Key, Node)]) -> Result<Key, YamlError> {
    let line = node.line;
    let text = match &node.value {
        Yaml::Null => String::new(),
        Yaml::List(_) | Yaml::Map(_) => {
            return Err(YamlError {
                line,
                what: "a list or map as a key".to_owned(),
                instead: "write a name as the key",
            });
        }
        _ => node.scalar().unwrap_or_default(),
    };
    if entries.len() >= YAML_KEYS_MAX {
        let what = format!("more than {YAML_KEYS_MAX} keys in one map");
        return Err(YamlError { line, what, instead: "write a list, or split the rule" });
    }
    if entries.iter().any(|(held, _)| held.text == text) {
        let what = format!("the key {text:?} twice in one map");
        return Err(YamlError { line, what, instead: "put the values into one list, or the maps into a list of maps" });
    }
    Ok(Key { text, line })
}

fn scalar(text: &str, style: ScalarStyle) -> Yaml {
    if style != ScalarStyle::Plain {
        return Yaml::Text(text.to_owned());
    }
    match text {
        "" | "~" | "null" | "Null" | "NULL" => Yaml::Null,
        "true" | "True" | "TRUE" => Yaml::Bool(true),
        "false" | "False" | "FALSE" => Yaml::Bool(false),
        _ => number(text).map_or_else(|| Yaml::Text(text.to_owned()), Yaml::Number),
    }
}

/// A number of the core schema in decimal. Shape: hexadecimal and octal integers are converted, the rest keeps its text.
fn number(text: &str) -> Option<String> {
    if let Some(digits) = text.strip_prefix("0x") {
        return u64::from_str_radix(digits, 16).ok().map(|n| n.to_string());
    }
    if let Some(digits) = text.strip_prefix("0o") {
        return u64::from_str_radix(digits, 8).ok().map(|n| n.to_string());
    }
    let unsigned = text.strip_prefix(['-', '+']).unwrap_or(text);
    if !unsigned.starts_with(|c: char| c.is_ascii_digit() || c == '.') {
        return None;
    }
    let numeric = unsigned.bytes().all(|b| matches!(b, b'0'..=b'9' | b'.' | b'e' | b'E' | b'+' | b'-'));
    (numeric && unsigned.parse::<f64>().is_ok()).then(|| text.strip_prefix('+').unwrap_or(text).to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn documents_are_read_one_by_one_with_their_lines() {
        let read = documents("a: 1\n---\nb: [\n---\nc: 'x'\nd: {e: null}\n");
        assert_eq!(read.len(), 3);
        assert_eq!(read[0].as_ref().unwrap().get("a").unwrap().value, Yaml::Number("1".to_owned()));
        assert!(read[1].as_ref().unwrap_err().line >= 3);
        let third = read[2].as_ref().unwrap();
        assert_eq!(third.get("c").unwrap().line, 5);
        assert_eq!(third.get("d").unwrap().get("e").unwrap().value, Yaml::Null);
    }

    #[test]
    fn scalars_follow_the_core_schema() {
        let check = |yaml: &str, value: Yaml| {
            let read = documents(&format!("k: {yaml}"));
            assert_eq!(read[0].as_ref().unwrap().get("k").unwrap().value, value, "{yaml}");
        };
        let text = |t: &str| Yaml::Text(t.to_owned());
        check("'1'", text("1"));
        check("0x1f", Yaml::Number("31".to_owned()));
        check("-1.5", Yaml::Number("-1.5".to_owned()));
        check("1.2.3", text("1.2.3"));
        check("yes", text("yes"));
        check("\"null\"", text("null"));
        check("TRUE", Yaml::Bool(true));
    }

    #[test]
    fn exponential_aliases_and_deep_nesting_are_refused() {
        let mut laughs = "a0: &a0 [x,x,x,x,x,x,x,x,x,x]\n".to_owned();
        for level in 1..9 {
            let inner = vec![format!("*a{}", level - 1); 10].join(",");
            laughs.push_str(&format!("a{level}: &a{level} [{inner}]\n"));
        }
        assert!(documents(&laughs)[0].as_ref().unwrap_err().what.contains("values after aliases"));
        let long = format!("a: &a '{}'\nb: [{}]\n", "x".repeat(400_000), "*a,".repeat(10_000));
        assert!(documents(&long)[0].as_ref().unwrap_err().what.contains("bytes of text after aliases"));
        let keys: String = (0..=YAML_KEYS_MAX).map(|key| format!("k{key}: 1\n")).collect();
        assert!(documents(&keys)[0].as_ref().unwrap_err().what.contains("2000 keys"));
        let deep = format!("a: {}{}", "[".repeat(40), "]".repeat(40));
        assert!(documents(&deep)[0].as_ref().unwrap_err().what.contains("deeper"));
        assert!(documents("a: 1\na: 2")[0].as_ref().unwrap_err().what.contains("twice"));
    }
}
