//! The closed list of rules over a transcript, after Dwyer, Avrunin and Corbett, "Patterns in Property Specifications for
//! Finite-State Verification" (ICSE 1999), and what protocols need beside them.

use serde::de::{Deserializer, Error};
use serde::{Deserialize, Serialize};

use super::parameter::Span;
use super::pattern::{Names, Pattern};
use crate::transcript::Role;

/// One rule: a kind, and where it applies.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(try_from = "RuleFile", into = "RuleFile")]
pub struct Rule {
    /// What must hold.
    pub kind: Kind,
    /// Over what it must hold.
    pub scope: Scope,
    /// Judge each distinct value of this JSON Pointer by itself; observations without it are left out.
    pub per: Option<String>,
    /// Only in a scope in which this occurs.
    pub when: Option<Pattern>,
    /// Only in a scope in which this does not occur.
    pub unless: Option<Pattern>,
    /// Only after this; a new span begins at each occurrence outside a span.
    pub after: Option<Pattern>,
    /// Only until this, which ends the span and is not part of it.
    pub until: Option<Pattern>,
}

/// Over what a rule is judged.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Scope {
    /// Each connection by itself.
    #[default]
    Connection,
    /// The connections that carry the same session label, as one sequence.
    Session,
    /// All connections of the case, as one sequence.
    Run,
}

/// What must hold.
#[derive(Clone, Debug, PartialEq)]
pub enum Kind {
    /// It does not occur.
    Never(Never),
    /// It occurs at most once, or exactly once.
    Once(Once),
    /// It is the first message of its side.
    First(Pattern),
    /// Each `then` has an earlier `first`.
    Before(Before),
    /// Each request gets exactly one reply, in time.
    Answers(Answers),
    /// No two carry the same value.
    Unique(Keyed),
    /// Each carries a greater value than the one before.
    Increasing(Keyed),
    /// Its side sends no message after it.
    Last(Pattern),
    /// A side closes, with one of these codes, in time.
    Closes(Closes),
    /// It recurs with a period.
    Every(Every),
    /// A value is that of an earlier observation.
    Equals(Equals),
    /// Frames fit their schema.
    Conforms(Conforms),
}

/// Absence.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Never {
    /// What must not occur.
    pub of: Pattern,
    /// How long the span must have lasted to prove anything. Left out: any span that opened proves it.
    #[serde(default, rename = "for", skip_serializing_if = "Option::is_none")]
    pub window: Option<Span>,
}

/// Bounded existence.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Once {
    /// What occurs at most once.
    pub of: Pattern,
    /// True if it must occur: exactly once.
    #[serde(default)]
    pub required: bool,
    /// How soon after the span began it must occur, if it is required.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub within: Option<Span>,
}

/// Precedence.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Before {
    /// What must come first.
    pub first: Pattern,
    /// What may only come then.
    pub then: Pattern,
    /// What both carry.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub by: Option<Key>,
}

/// Response.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Answers {
    /// What asks.
    pub request: Pattern,
    /// What answers.
    pub reply: Pattern,
    /// What both carry. Left out: the next reply answers the oldest open request.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub by: Option<Key>,
    /// How soon. A parameter's bands apply, its lower end too.
    pub within: Span,
    /// True if closing the connection is an answer too.
    #[serde(default)]
    pub or_close: bool,
    /// True if more than one reply is allowed.
    #[serde(default)]
    pub repeated: bool,
}

/// Something that carries a value.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Keyed {
    /// What carries it.
    pub of: Pattern,
    /// JSON Pointer to it.
    pub key: String,
}

/// A close in answer to something.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Closes {
    /// What it answers. Left out: the beginning of the span.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub on: Option<Pattern>,
    /// The side that closes.
    pub by: Role,
    /// The codes allowed in the close frame. Empty: any.
    #[serde(default)]
    pub codes: Vec<u16>,
    /// How soon. A parameter's bands apply, its lower end too.
    pub within: Span,
    /// True if an end of the stream without a close frame will do.
    #[serde(default)]
    pub bare: bool,
}

/// A period.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Every {
    /// What recurs.
    pub of: Pattern,
    /// The period. A parameter's bands apply to each gap. The first gap begins with the span.
    pub period: Span,
}

/// An echo.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Equals {
    /// What echoes, and where in it.
    pub of: Keyed,
    /// What is echoed: the last earlier one, and where in it.
    pub to: Keyed,
    /// What both carry.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub by: Option<Key>,
}

/// Frames that fit their schema.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Conforms {
    /// Which frames.
    pub frames: Names,
    /// Only what breaks at or below one of these JSON Pointers. Left out: whatever no narrower rule of the pack claims. `*` stands for any one
    /// array index or key.
    #[serde(default)]
    pub at: Vec<String>,
}

/// What two observations have in common: one JSON Pointer for both, or one each.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(into = "Vec<String>")]
pub struct Key {
    /// Pointer into the earlier observation.
    pub earlier: String,
    /// Pointer into the later observation.
    pub later: String,
}

impl From<Key> for Vec<String> {
    fn from(key: Key) -> Self {
        vec![key.earlier, key.later]
    }
}

impl<'de> Deserialize<'de> for Key {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let Names(pointers) = Names::deserialize(deserializer)?;
        match pointers.as_slice() {
            [both] => Ok(Self { earlier: both.clone(), later: both.clone() }),
            [earlier, later] => Ok(Self { earlier: earlier.clone(), later: later.clone() }),
            _ => Err(D::Error::custom("one JSON Pointer, or two")),
        }
    }
}

/// A rule as it stands in the file: the qualifiers, and exactly one kind.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct RuleFile {
    #[serde(default)]
    scope: Scope,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    per: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    when: Option<Pattern>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    unless: Option<Pattern>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    after: Option<Pattern>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    until: Option<Pattern>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    never: Option<Never>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    once: Option<Once>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    first: Option<Pattern>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    before: Option<Before>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    answers: Option<Answers>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    unique: Option<Keyed>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    increasing: Option<Keyed>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    last: Option<Pattern>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    closes: Option<Closes>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    every: Option<Every>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    equals: Option<Equals>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    conforms: Option<Conforms>,
}

impl TryFrom<RuleFile> for Rule {
    type Error = &'static str;

    fn try_from(file: RuleFile) -> Result<Self, Self::Error> {
        let mut kinds = [
            file.never.map(Kind::Never),
            file.once.map(Kind::Once),
            file.first.map(Kind::First),
            file.before.map(Kind::Before),
            file.answers.map(Kind::Answers),
            file.unique.map(Kind::Unique),
            file.increasing.map(Kind::Increasing),
            file.last.map(Kind::Last),
            file.closes.map(Kind::Closes),
            file.every.map(Kind::Every),
            file.equals.map(Kind::Equals),
            file.conforms.map(Kind::Conforms),
        ]
        .into_iter()
        .flatten();
        let (Some(kind), None) = (kinds.next(), kinds.next()) else {
            return Err("a rule has exactly one kind");
        };
        Ok(Self { kind, scope: file.scope, per: file.per, when: file.when, unless: file.unless, after: file.after, until: file.until })
    }
}

impl From<Rule> for RuleFile {
    fn from(rule: Rule) -> Self {
        let mut file = Self {
            scope: rule.scope,
            per: rule.per,
            when: rule.when,
            unless: rule.unless,
            after: rule.after,
            until: rule.until,
            ..Self::default()
        };
        match rule.kind {
            Kind::Never(kind) => file.never = Some(kind),
            Kind::Once(kind) => file.once = Some(kind),
            Kind::First(kind) => file.first = Some(kind),
            Kind::Before(kind) => file.before = Some(kind),
            Kind::Answers(kind) => file.answers = Some(kind),
            Kind::Unique(kind) => file.unique = Some(kind),
            Kind::Increasing(kind) => file.increasing = Some(kind),
            Kind::Last(kind) => file.last = Some(kind),
            Kind::Closes(kind) => file.closes = Some(kind),
            Kind::Every(kind) => file.every = Some(kind),
            Kind::Equals(kind) => file.equals = Some(kind),
            Kind::Conforms(kind) => file.conforms = Some(kind),
        }
        file
    }
}
