//! Mutants of the reference peers: one deviation each, with the requirements that it must trip.

use serde_json::{Value, json};

use super::constraint::{Breach, Constraint, constraints};
use super::edit::{Edit, edit};
use crate::pack::Pack;
use crate::pack::fault::{Change, Delay, Put, Replace, Select, Unset};
use crate::pack::matcher::fits;
use crate::pack::parameter::Span;
use crate::pack::pattern::{Names, Pattern};
use crate::pack::requirement::Requirement;
use crate::pack::rule::{Closes, Conforms, Kind, Rule};
use crate::pack::scenario::Raw;
use crate::transcript::Role;

/// A reference peer that deviates in one thing.
#[derive(Clone, Debug, PartialEq)]
pub struct Mutant {
    /// `<side>/<where it comes from>/<what it does>`.
    pub id: String,
    /// The side that deviates.
    pub side: Role,
    /// What it does, as a clause.
    pub what: String,
    /// The requirements of which it must trip one.
    pub trips: Vec<String>,
    /// The deviation.
    pub change: Change,
}

/// Every mutant of the pack: those of its schemas, those of its rules, and those of its `faults.yaml`.
pub fn mutants(pack: &Pack) -> Vec<Mutant> {
    let by_hand = pack.faults().map(|fault| Mutant {
        id: format!("{}/fault/{}", fault.side, fault.id),
        side: fault.side,
        what: fault.what.clone(),
        trips: fault.trips.0.clone(),
        change: fault.change.clone(),
    });
    let is_judged = |id: &String| pack.requirement(id).is_some_and(|requirement| requirement.excluded.is_none());
    let mutants = of_schemas(pack).into_iter().chain(of_rules(pack)).chain(by_hand);
    mutants.filter(|mutant| mutant.trips.is_empty() || mutant.trips.iter().any(is_judged)).collect()
}

/// One mutant for each constraint of each frame that the constraint's place does not also name the frame by.
fn of_schemas(pack: &Pack) -> Vec<Mutant> {
    let mut mutants = Vec::new();
    for (name, kind) in &pack.manifest.frames {
        let (Some(schema), Some(example)) = (pack.schemas.get(name), kind.examples.first()) else { continue };
        let is_reply_key = |at: &str| kind.reply.as_ref().is_some_and(|reply| reply.by == at);
        let names_it = |at: &str| at.is_empty() || kind.tree.pointer(at).is_some() || is_reply_key(at);
        let stays = |constraint: &Constraint| recognised(pack, kind.from, &constraint.broken(example)) == Some(name);
        let distinct =
            constraints(schema.source(), example).into_iter().filter(|constraint| !names_it(&constraint.at) && stays(constraint));
        let general = claimants(pack, kind.from, name, "");
        mutants.push(Mutant {
            id: format!("{}/schema/{name}:key-twice", kind.from),
            side: kind.from,
            what: format!("says a key of {name} twice"),
            trips: general,
            change: Change::Double(select(name)),
        });
        for constraint in distinct {
            let trips = claimants(pack, kind.from, name, &constraint.at);
            mutants.push(Mutant {
                id: format!("{}/schema/{name}{}:{}", kind.from, constraint.at, constraint.keyword),
                side: kind.from,
                what: format!("breaks `{}` at {} of {name}", constraint.keyword, constraint.at),
                trips,
                change: breach(name, &constraint),
            });
        }
    }
    mutants
}

/// The frame that this JSON would be taken for, replies left out of account.
fn recognised<'a>(pack: &'a Pack, from: Role, value: &Value) -> Option<&'a String> {
    pack.manifest.frames.iter().find(|(_, kind)| kind.from == from && fits(&kind.tree, value)).map(|(name, _)| name)
}

fn breach(frame: &str, constraint: &Constraint) -> Change {
    let of = select(frame);
    match &constraint.breach {
        Breach::Unset => Change::Unset(Unset { of, at: constraint.at.clone() }),
        Breach::Set(value) => Change::Put(Put { of, at: constraint.at.clone(), value: value.clone() }),
    }
}

/// The requirements that claim a breach at this place of this frame: the narrowest rules, or the frame's general one.
fn claimants(pack: &Pack, side: Role, frame: &str, at: &str) -> Vec<String> {
    let rules: Vec<(&Requirement, &Conforms)> = pack
        .requirements()
        .filter(|(_, requirement)| requirement.side == side && requirement.excluded.is_none())
        .filter_map(|(_, requirement)| match &requirement.rule {
            Some(Rule { kind: Kind::Conforms(conforms), .. }) if conforms.frames.0.iter().any(|name| name == frame) => {
                Some((requirement, conforms))
            }
            _ => None,
        })
        .collect();
    let claims = |conforms: &Conforms| conforms.at.iter().any(|claimed| is_at_or_below(claimed, at));
    let narrow: Vec<_> = rules.iter().filter(|(_, conforms)| claims(conforms)).map(|(requirement, _)| requirement.id.clone()).collect();
    if narrow.is_empty() {
        return rules.iter().filter(|(_, conforms)| conforms.at.is_empty()).map(|(requirement, _)| requirement.id.clone()).collect();
    }
    narrow
}

/// True if the pointer is the claimed one or lies below it; `*` in the claimed one stands for any step.
fn is_at_or_below(claimed: &str, at: &str) -> bool {
    let mut steps = at.split('/');
    claimed.split('/').all(|claimed| steps.next().is_some_and(|step| claimed == "*" || claimed == step))
}

fn of_rules(pack: &Pack) -> Vec<Mutant> {
    let mut mutants = Vec::new();
    for (_, requirement) in pack.requirements().filter(|(_, requirement)| requirement.excluded.is_none()) {
        let Some(rule) = &requirement.rule else { continue };
        for (operator, change) in operators(pack, requirement.side, rule) {
            mutants.push(Mutant {
                id: format!("{}/rule/{}:{operator}", requirement.side, requirement.id),
                side: requirement.side,
                what: format!("{operator}, against: {}", requirement.text),
                trips: vec![requirement.id.clone()],
                change,
            });
        }
    }
    mutants
}

/// The deviations that this rule should notice.
fn operators(pack: &Pack, side: Role, rule: &Rule) -> Vec<(&'static str, Change)> {
    match &rule.kind {
        Kind::Never(never) => forbidden(pack, side, &never.of),
        Kind::Once(once) => {
            let mut changes = vec![("says it twice", Change::Repeat(of(&once.of)))];
            if once.required {
                changes.push(("never says it", Change::Drop(of(&once.of))));
            }
            changes
        }
        Kind::First(pattern) => {
            let with = Raw { text: Some("{\"framegate\": \"something else\"}".to_owned()), ..Raw::default() };
            vec![("says something else first", Change::Precede(Replace { of: first(pattern), with }))]
        }
        Kind::Before(before) if is_own(pack, side, &before.first) => {
            let early = |with| ("says it too early", Change::Precede(Replace { of: first(&before.first), with }));
            said(pack, side, &before.then).map(early).into_iter().collect()
        }
        Kind::Before(_) | Kind::Conforms(_) => Vec::new(),
        Kind::Answers(answers) => {
            let mut changes = vec![
                ("does not answer", Change::Drop(of(&answers.reply))),
                ("answers late", Change::Delay(Delay { of: of(&answers.reply), by: Span("1h".to_owned()) })),
            ];
            if !answers.repeated {
                changes.push(("answers twice", Change::Repeat(of(&answers.reply))));
            }
            changes
        }
        Kind::Unique(keyed) | Kind::Increasing(keyed) => {
            vec![("repeats the value", Change::Freeze(Unset { of: of(&keyed.of), at: keyed.key.clone() }))]
        }
        Kind::Last(pattern) => vec![("goes on after it", Change::Repeat(of(pattern)))],
        Kind::Closes(closes) => of_close(closes),
        Kind::Every(every) => {
            vec![("leaves one out", Change::Drop(Select { nth: Some(2), ..of(&every.of) })), ("is too fast", Change::Timers(0.5))]
        }
        Kind::Equals(equals) => {
            let tree = json!("framegate-other");
            vec![("says another value", Change::Put(Put { of: of(&equals.of.of), at: equals.of.key.clone(), value: tree }))]
        }
    }
}

fn of_close(closes: &Closes) -> Vec<(&'static str, Change)> {
    let mut changes = vec![("does not close", Change::CloseNever(true))];
    if !closes.codes.is_empty() {
        changes.push(("closes with another code", Change::CloseCode(4999)));
    }
    if !closes.bare {
        changes.push(("ends the stream without a close frame", Change::CloseBare(true)));
    }
    changes
}

/// How this side comes to do what it never must: it bends what it says until it fits, or says it beside something else.
fn forbidden(pack: &Pack, side: Role, pattern: &Pattern) -> Vec<(&'static str, Change)> {
    if pattern.from.is_some_and(|from| from != side) {
        return Vec::new();
    }
    let kinds = pattern.is.0.iter().filter_map(|name| Some((name, pack.manifest.frames.get(name).filter(|kind| kind.from == side)?)));
    if let Some(tree) = &pattern.tree {
        let bend = |name: &String, edit: Edit| Some(("says what it must not", edit.change(name)));
        return kinds.filter_map(|(name, kind)| bend(name, edit(tree, kind.examples.first()?)?)).take(1).collect();
    }
    let with = said(pack, side, pattern);
    with.map(|with| ("says it", Change::Add(Replace { of: select("message"), with }))).into_iter().collect()
}

/// What this side would have to say for the pattern to hold, if it is a message.
fn said(pack: &Pack, side: Role, pattern: &Pattern) -> Option<Raw> {
    let raw = |json: Value| Raw { json: Some(json), ..Raw::default() };
    pattern.is.0.iter().find_map(|name| match name.as_str() {
        "unknown" | "message" => Some(raw(json!({"framegate": "unknown"}))),
        "malformed" => Some(Raw { text: Some("{not json".to_owned()), ..Raw::default() }),
        "binary" => Some(Raw { hex: Some("00ff".to_owned()), binary: true, ..Raw::default() }),
        name => {
            let kind = pack.manifest.frames.get(name).filter(|kind| kind.from == side)?;
            let example = kind.examples.first()?;
            let bent = pattern.tree.as_ref().and_then(|tree| Some(edit(tree, example)?.apply(example)));
            Some(raw(bent.unwrap_or_else(|| example.clone())))
        }
    })
}

fn is_own(pack: &Pack, side: Role, pattern: &Pattern) -> bool {
    pattern.from.is_none_or(|from| from == side)
        && pattern.is.0.iter().all(|name| pack.manifest.frames.get(name).is_none_or(|kind| kind.from == side))
}

fn select(name: &str) -> Select {
    Select { is: Names(vec![name.to_owned()]), tree: None, nth: None, connection: None }
}

fn of(pattern: &Pattern) -> Select {
    Select { is: pattern.is.clone(), tree: pattern.tree.clone(), nth: None, connection: None }
}

fn first(pattern: &Pattern) -> Select {
    Select { nth: Some(1), ..of(pattern) }
}
