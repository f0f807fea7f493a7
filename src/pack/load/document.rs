//! A YAML or JSON file as a tree in which every key and value knows its place in the text.
//!
//! It is no general YAML reader: anchors, aliases, tags and more than one document are mistakes, which also bounds what a file can cost.

use std::ops::Range;
use std::sync::Arc;

use indexmap::IndexMap;
use saphyr_parser::{Event, Parser, ScalarStyle, Span};
use serde_json::{Map, Value};

use super::diagnostic::{Mistake, Source};
use super::scalar;

/// How deep lists and maps may nest.
const DEPTH: usize = 64;

/// A file that could be read.
#[derive(Clone, Debug)]
pub(super) struct Document {
    /// Where it is from.
    pub(super) source: Arc<Source>,
    /// What it says, as JSON.
    pub(super) value: Value,
    root: Node,
}

/// A value and its place.
#[derive(Clone, Debug)]
struct Node {
    span: Range<usize>,
    kind: Kind,
}

#[derive(Clone, Debug)]
enum Kind {
    Scalar(Value),
    Sequence(Vec<Node>),
    Mapping(IndexMap<String, Entry>),
}

#[derive(Clone, Debug)]
struct Entry {
    key: Range<usize>,
    value: Node,
}

impl Kind {
    /// Where the last thing inside ends.
    fn end(&self) -> Option<usize> {
        match self {
            Self::Scalar(_) => None,
            Self::Sequence(items) => items.last().map(|item| item.span.end),
            Self::Mapping(entries) => entries.last().map(|(_, entry)| entry.value.span.end.max(entry.key.end)),
        }
    }
}

/// Where something stands.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Place {
    key: Option<Range<usize>>,
    value: Range<usize>,
}

impl Document {
    /// Reads YAML. Syntax errors end the reading; everything else is reported and read on.
    pub(super) fn yaml(source: Arc<Source>) -> Result<Self, Vec<Mistake>> {
        let root = read(&source)?;
        Ok(Self { value: value(&root), root, source })
    }

    /// Reads JSON, with the YAML reader for the places: JSON is YAML but for a few escapes, without which only the places are lost.
    pub(super) fn json(source: Arc<Source>) -> Result<Self, Vec<Mistake>> {
        let json = serde_json::from_str(&source.text).map_err(|error| {
            let at = source.offset(error.line(), error.column());
            vec![Mistake::new(&source, at..at + 1, "this is no JSON", error.to_string())]
        })?;
        let root = match read(&source) {
            Ok(root) if value(&root) == json => root,
            Err(mistakes) if mistakes.iter().any(|mistake| mistake.is_duplicate) => return Err(mistakes),
            _ => Node { span: 0..source.text.len(), kind: Kind::Scalar(Value::Null) },
        };
        Ok(Self { value: json, root, source })
    }

    /// What to underline for the value at this JSON Pointer: the value, or its key where the value is long. Where nothing stands, what
    /// would hold it.
    pub(super) fn at(&self, pointer: &str) -> Range<usize> {
        let place = self.place(pointer);
        let text = &self.source.text[place.value.clone()];
        match place.key {
            Some(key) if text.contains('\n') || text.is_empty() => key,
            _ => first_line(&self.source.text, place.value),
        }
    }

    /// What to underline for the key at the end of this JSON Pointer.
    pub(super) fn key(&self, pointer: &str) -> Range<usize> {
        let place = self.place(pointer);
        place.key.unwrap_or_else(|| first_line(&self.source.text, place.value))
    }

    /// A mistake about the value at this JSON Pointer.
    pub(super) fn mistake(&self, pointer: &str, title: impl Into<String>, label: impl Into<String>) -> Mistake {
        Mistake::new(&self.source, self.at(pointer), title, label)
    }

    /// Number of the line, from 1, on which the value at this JSON Pointer begins.
    pub(super) fn line(&self, pointer: &str) -> usize {
        let place = self.place(pointer);
        let start = place.key.map_or(place.value.start, |key| key.start);
        self.source.text[..start].matches('\n').count() + 1
    }

    fn place(&self, pointer: &str) -> Place {
        let mut place = Place { key: None, value: self.root.span.clone() };
        let mut node = &self.root;
        for step in pointer.split('/').skip(1) {
            let step = step.replace("~1", "/").replace("~0", "~");
            let found = match &node.kind {
                Kind::Mapping(entries) => entries.get(&step).map(|entry| (Some(entry.key.clone()), &entry.value)),
                Kind::Sequence(items) => step.parse().ok().and_then(|index: usize| items.get(index)).map(|item| (None, item)),
                Kind::Scalar(_) => None,
            };
            let Some((key, value)) = found else { break };
            place = Place { key, value: value.span.clone() };
            node = value;
        }
        place
    }
}

/// The span up to the end of its first line.
fn first_line(text: &str, span: Range<usize>) -> Range<usize> {
    let length = text[span.clone()].find('\n').unwrap_or(span.len());
    span.start..span.start + text[span.start..span.start + length].trim_end().len()
}

fn value(node: &Node) -> Value {
    match &node.kind {
        Kind::Scalar(value) => value.clone(),
        Kind::Sequence(items) => Value::Array(items.iter().map(value).collect()),
        Kind::Mapping(entries) => {
            Value::Object(entries.iter().map(|(key, entry)| (key.clone(), value(&entry.value))).collect::<Map<_, _>>())
        }
    }
}

fn read(source: &Arc<Source>) -> Result<Node, Vec<Mistake>> {
    let mut reader = Reader { source, offsets: Offsets::of(&source.text), open: Vec::new(), root: None, mistakes: Vec::new() };
    for event in Parser::new_from_str(&source.text) {
        match event {
            Ok((event, span)) => {
                if !reader.take(event, span) {
                    break;
                }
            }
            Err(error) => {
                let at = reader.offsets.byte(error.marker().index());
                reader.wrong(at..at + 1, "this is no YAML", error.info());
                break;
            }
        }
    }
    let null = Node { span: 0..0, kind: Kind::Scalar(Value::Null) };
    if reader.mistakes.is_empty() { Ok(reader.root.unwrap_or(null)) } else { Err(reader.mistakes) }
}

/// The parser counts characters, we count bytes.
enum Offsets {
    Same(usize),
    Table(Vec<usize>),
}

impl Offsets {
    fn of(text: &str) -> Self {
        if text.is_ascii() {
            return Self::Same(text.len());
        }
        Self::Table(text.char_indices().map(|(at, _)| at).chain([text.len()]).collect())
    }

    fn byte(&self, index: usize) -> usize {
        match self {
            Self::Same(length) => index.min(*length),
            Self::Table(table) => table.get(index).or(table.last()).copied().unwrap_or(0),
        }
    }
}

struct Reader<'a> {
    source: &'a Arc<Source>,
    offsets: Offsets,
    open: Vec<Open>,
    root: Option<Node>,
    mistakes: Vec<Mistake>,
}

/// A list or a map that has begun.
struct Open {
    start: usize,
    kind: Kind,
    /// The key that waits for its value.
    key: Option<(String, Range<usize>)>,
}

impl Reader<'_> {
    /// Takes the parser's next event; false to stop.
    fn take(&mut self, event: Event<'_>, span: Span) -> bool {
        let bytes = self.offsets.byte(span.start.index())..self.offsets.byte(span.end.index());
        let is_marked = match &event {
            Event::Scalar(_, _, anchor, tag) | Event::SequenceStart(anchor, tag) | Event::MappingStart(anchor, tag) => {
                *anchor != 0 || tag.is_some()
            }
            _ => false,
        };
        if is_marked {
            let text = &self.source.text[bytes.start..];
            let length = text.find(char::is_whitespace).unwrap_or(text.len());
            self.wrong(bytes.start..bytes.start + length, "anchors and tags are not allowed", "write the value out");
        }
        match event {
            Event::DocumentStart(_) if self.root.is_some() => {
                self.wrong(bytes, "a file holds one document", "a second one begins here");
                return false;
            }
            Event::Alias(_) => {
                self.wrong(bytes.clone(), "aliases are not allowed", "write the value out");
                self.complete(Node { span: bytes, kind: Kind::Scalar(Value::Null) }, Some("*".to_owned()));
            }
            Event::Scalar(text, style, ..) => self.scalar(&text, style, bytes),
            Event::SequenceStart(..) => return self.begin(bytes, Kind::Sequence(Vec::new())),
            Event::MappingStart(..) => return self.begin(bytes, Kind::Mapping(IndexMap::new())),
            Event::SequenceEnd | Event::MappingEnd => self.finish(bytes.end),
            _ => {}
        }
        true
    }

    fn begin(&mut self, bytes: Range<usize>, kind: Kind) -> bool {
        if self.open.len() == DEPTH {
            self.wrong(bytes, format!("lists and maps nest deeper than {DEPTH}"), "too deep");
            return false;
        }
        self.open.push(Open { start: bytes.start, kind, key: None });
        true
    }

    fn scalar(&mut self, text: &str, style: ScalarStyle, bytes: Range<usize>) {
        let value = if style == ScalarStyle::Plain { scalar::plain(text) } else { Some(Value::from(text)) };
        let value = value.unwrap_or_else(|| {
            self.wrong(bytes.clone(), "JSON has no such number", "write a finite number, or quote the text");
            Value::Null
        });
        self.complete(Node { span: self.trimmed(bytes), kind: Kind::Scalar(value) }, Some(text.to_owned()));
    }

    /// Ends the innermost list or map. The parser gives the end of a flow collection sometimes before and sometimes after its bracket, and
    /// that of a block where the next thing begins.
    fn finish(&mut self, end: usize) {
        let Some(open) = self.open.pop() else { return };
        let byte = |at: usize| self.source.text.as_bytes().get(at);
        let closes = |at: usize| matches!(byte(at), Some(b']' | b'}'));
        let is_flow = matches!(byte(open.start), Some(b'[' | b'{'));
        let is_behind = end > open.kind.end().unwrap_or(open.start + 1) && closes(end - 1);
        let end = if is_flow && !is_behind && closes(end) { end + 1 } else { end };
        self.complete(Node { span: self.trimmed(open.start..end.max(open.start)), kind: open.kind }, None);
    }

    fn trimmed(&self, bytes: Range<usize>) -> Range<usize> {
        let text = self.source.text[bytes.clone()].trim_end();
        bytes.start..bytes.start + text.len()
    }

    /// Hands a node to what holds it. `text` is what a scalar says, for keys: `1008:` is the key "1008".
    fn complete(&mut self, node: Node, text: Option<String>) {
        let Some(open) = self.open.last_mut() else {
            self.root = Some(node);
            return;
        };
        match (&mut open.kind, open.key.take(), text) {
            (Kind::Sequence(items), ..) => items.push(node),
            (Kind::Mapping(entries), Some((key, span)), _) => match entries.get(&key) {
                Some(first) => {
                    let title = format!("the key `{key}` stands here twice");
                    let mistake = Mistake::new(self.source, span, title, "again").and(first.key.clone(), "first");
                    self.mistakes.push(mistake.duplicate());
                }
                None => {
                    entries.insert(key, Entry { key: span, value: node });
                }
            },
            (Kind::Mapping(_), None, Some(text)) => open.key = Some((text, node.span)),
            (Kind::Mapping(_), None, None) => {
                open.key = Some((String::new(), node.span.clone()));
                self.wrong(node.span, "a key is a text", "not a list or a map");
            }
            (Kind::Scalar(_), ..) => {}
        }
    }

    fn wrong(&mut self, bytes: Range<usize>, title: impl Into<String>, label: impl Into<String>) {
        self.mistakes.push(Mistake::new(self.source, bytes, title, label));
    }
}
