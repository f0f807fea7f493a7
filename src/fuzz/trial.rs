//! Tries by number: the systematic ones as they are enumerated, then random ones without end. A number means the same try in every run with
//! the same pack, settings, sides and seed, and for a random one with the same reactions to those of its line in the epochs before it.

use std::ops::Range;
use std::sync::{Arc, Mutex, PoisonError};

use super::chance::{Chance, write};
use super::conversation::{self, Probes};
use super::generator::saying::literal;
use super::generator::{Field, enumerate};
use super::novelty::{self, Novelty};
use super::pointer;
use super::violation::{Aftermath, Class, Violation};
use crate::pack::scenario::{Raw, Scenario, Step};
use crate::pack::{Pack, Settings};
use crate::transcript::Role;

/// One side's states and violations.
#[derive(Clone, Debug)]
pub struct Front {
    /// The side under test.
    pub side: Role,
    /// Its states, each with what can be done wrong in it.
    pub fields: Vec<Field>,
}

/// The tries of a campaign.
#[derive(Clone, Debug)]
pub struct Tries {
    fronts: Vec<Front>,
    seed: u64,
    novelty: Arc<Mutex<Arc<Novelty>>>,
}

/// One try.
#[derive(Clone, Debug, PartialEq)]
pub struct Try {
    /// Its number.
    pub number: u64,
    /// The side under test.
    pub side: Role,
    /// Index of its state among those of the side.
    pub state: usize,
    /// What is done wrong, in order; one thing in a systematic try.
    pub violations: Vec<Violation>,
}

/// How many violations a random try has at most.
const MOST: usize = 3;

impl Tries {
    /// The tries of conversations that test these sides.
    pub fn new(pack: &Pack, settings: &Settings, sides: &[Role], seed: u64) -> Self {
        let fronts = sides.iter().map(|side| Front { side: *side, fields: enumerate(pack, settings, *side) });
        Self { fronts: fronts.collect(), seed, novelty: Arc::default() }
    }

    /// The sides.
    pub fn fronts(&self) -> &[Front] {
        &self.fronts
    }

    /// How many systematic tries there are.
    pub fn systematic(&self) -> u64 {
        self.fronts.iter().map(Front::len).sum()
    }

    /// The try of this number. Nothing, if no side has anything to try.
    pub fn get(&self, number: u64) -> Option<Try> {
        let mut rest = number;
        for front in &self.fronts {
            if rest < front.len() {
                return front.get(rest).map(|(state, violation)| Try {
                    number,
                    side: front.side,
                    state,
                    violations: vec![violation.clone()],
                });
            }
            rest -= front.len();
        }
        self.offspring(number).or_else(|| self.random(number, &mut Chance::new(self.seed, number)))
    }

    /// Numbers in this range that belong to part `index` of `count`.
    pub fn part(range: Range<u64>, index: u64, count: u64) -> impl Iterator<Item = u64> {
        range.filter(move |number| novelty::line(*number) % count.max(1) == index)
    }

    /// What was new so far: random tries of later epochs are drawn from it.
    pub fn learn(&self, novelty: &Novelty) {
        *self.novelty.lock().unwrap_or_else(PoisonError::into_inner) = Arc::new(novelty.clone());
    }

    /// The bytes that mean the try of this number: what [`Tries::of_input`] makes the same conversation of. A systematic try after which the
    /// connection cannot go on, or of many or large messages, has none.
    pub fn input(&self, number: u64) -> Option<Vec<u8>> {
        if number < self.systematic() {
            return self.systematic_input(number);
        }
        if self.offspring(number).is_some() {
            return None;
        }
        let mut chance = Chance::new(self.seed, number);
        self.random(number, &mut chance)?;
        Some(chance.into_tape())
    }

    /// The try that these bytes mean, whatever they are. Nothing, if no side has anything to try.
    pub fn of_input(&self, input: &[u8]) -> Option<Try> {
        self.random(0, &mut Chance::taped(input))
    }

    /// The choices by which [`Tries::random`] comes to one violation, as it stands in the list.
    fn systematic_input(&self, number: u64) -> Option<Vec<u8>> {
        let one = self.get(number)?;
        let front = self.fronts.iter().position(|front| front.side == one.side)?;
        let fields = &self.fronts[front].fields;
        let list = &fields[one.state].violations;
        let index = list.iter().position(|violation| one.violations.first() == Some(violation))?;
        let is_drawn = list[index].aftermath == Aftermath::Speaking && is_light(&list[index]);
        let mut tape = Vec::new();
        // Which front, which state, one violation and no more, which, and not garbled.
        for (limit, choice) in [(self.fronts.len(), front), (fields.len(), one.state), (MOST, 0), (list.len(), index), (2, 1)] {
            write(&mut tape, limit as u64, choice as u64);
        }
        is_drawn.then_some(tape)
    }

    /// For half of the numbers, a change of a try that was new.
    fn offspring(&self, number: u64) -> Option<Try> {
        let mut chance = Chance::new(self.seed.rotate_left(32), number);
        let novelty = Arc::clone(&self.novelty.lock().unwrap_or_else(PoisonError::into_inner));
        let parents = if chance.below(2) == 0 { novelty.before(number) } else { Vec::new() };
        let parent = self.get(*chance.pick(&parents)?)?;
        let field = self.fronts.iter().find(|front| front.side == parent.side)?.fields.get(parent.state)?;
        let is_kept = |one: &Violation| one.aftermath == Aftermath::Speaking && is_light(one);
        let mut violations: Vec<_> = parent.violations.into_iter().filter(is_kept).collect();
        for violation in &mut violations {
            violation.claim = None;
            violation.class = Class::Random;
        }
        match chance.below(4) {
            0 => violations.reverse(),
            1 => violations.extend(violations.last().cloned()),
            2 => violations.iter_mut().for_each(|violation| garbled(violation, &mut chance)),
            _ => violations.extend(one(field, &mut chance)),
        }
        violations.truncate(MOST);
        (!violations.is_empty()).then_some(Try { number, violations, ..parent })
    }

    fn random(&self, number: u64, chance: &mut Chance<'_>) -> Option<Try> {
        let front = chance.pick(&self.fronts)?;
        let state = chance.below(front.fields.len());
        let field = front.fields.get(state)?;
        let count = 1 + chance.below(MOST);
        let violations: Vec<_> = (0..count).filter_map(|_| one(field, chance)).collect();
        (!violations.is_empty()).then_some(Try { number, side: front.side, state, violations })
    }
}

impl Front {
    fn len(&self) -> u64 {
        self.fields.iter().map(|field| field.violations.len() as u64).sum()
    }

    fn get(&self, mut index: u64) -> Option<(usize, &Violation)> {
        for (state, field) in self.fields.iter().enumerate() {
            let length = field.violations.len() as u64;
            if index < length {
                return Some((state, field.violations.get(usize::try_from(index).ok()?)?));
            }
            index -= length;
        }
        None
    }
}

impl Try {
    /// The conversation, where the target is capable of these probes.
    pub fn scenario(&self, pack: &Pack, front: &Front, probes: Probes) -> Option<Scenario> {
        let field = front.fields.get(self.state)?;
        let violations: Vec<_> = self.violations.iter().collect();
        Some(conversation::scenario(pack, self.side, &field.state, &violations, probes))
    }

    /// The class that it counts under.
    pub fn class(&self) -> Class {
        if let [only] = self.violations.as_slice() { only.class } else { Class::Random }
    }

    /// The frame, or `-`.
    pub fn frame(&self) -> &str {
        match self.violations.as_slice() {
            [only] if !only.frame.is_empty() => &only.frame,
            _ => "-",
        }
    }

    /// What is done and where, in one line.
    pub fn operator(&self) -> String {
        let one = |violation: &Violation| match violation.at.as_str() {
            "" => violation.operator.clone(),
            at => format!("{at} {}", violation.operator),
        };
        self.violations.iter().map(one).collect::<Vec<_>>().join(" + ")
    }

    /// Why it breaks nothing that it claims to break, if so.
    pub fn masked(&self, pack: &Pack) -> Option<String> {
        if let [only] = self.violations.as_slice() { only.masked(pack) } else { None }
    }
}

/// A violation of the list after which the connection goes on, or a message of it with bytes changed.
fn one(field: &Field, chance: &mut Chance<'_>) -> Option<Violation> {
    let candidates = field.violations.len();
    let picked = (0..16)
        .filter_map(|_| field.violations.get(chance.below(candidates)))
        .find(|one| one.aftermath == Aftermath::Speaking && is_light(one))?;
    let mut violation = picked.clone();
    violation.claim = None;
    violation.class = Class::Random;
    if chance.below(2) == 0 {
        garbled(&mut violation, chance);
    }
    Some(violation)
}

/// True if it is a few short messages: what is large or many is tried systematically, and random tries live by their number.
fn is_light(violation: &Violation) -> bool {
    const LONG: usize = 4096;
    let is_short = |raw: &Raw| {
        let texts = [raw.text.as_ref().map(String::len), raw.hex.as_ref().map(String::len)];
        let json = raw.json.as_ref().map(|json| pointer::leaves(json).iter().map(|(_, leaf)| leaf.as_str().map_or(8, str::len)).sum());
        raw.times.is_none() && texts.into_iter().chain([json]).flatten().all(|length| length < LONG)
    };
    violation.steps.iter().all(|step| match step {
        Step::Message(raw) => is_short(raw),
        Step::Send(_) | Step::Repeat(_) => false,
        _ => true,
    })
}

fn garbled(violation: &mut Violation, chance: &mut Chance<'_>) {
    for step in &mut violation.steps {
        garble(step, chance);
    }
    if !violation.operator.ends_with("-garbled") {
        violation.operator.push_str("-garbled");
    }
}

/// Changes some bytes of a short message.
fn garble(step: &mut Step, chance: &mut Chance<'_>) {
    let Step::Message(raw) = step else { return };
    let text = match (&raw.json, &raw.text) {
        (Some(json), _) => json.to_string(),
        (_, Some(text)) => text.clone(),
        _ => return,
    };
    if text.contains("${") || text.len() > 4096 || text.is_empty() || raw.times.is_some() {
        return;
    }
    let mut bytes = text.into_bytes();
    for _ in 0..=chance.below(3) {
        mutate(&mut bytes, chance);
    }
    let changed = match String::from_utf8(bytes) {
        Ok(text) => Raw { text: Some(literal(&text)), ..Raw::default() },
        Err(error) => Raw { hex: Some(data_encoding::HEXLOWER.encode(error.as_bytes())), ..Raw::default() },
    };
    *step = Step::Message(changed);
}

/// Bytes that mean something to a JSON parser.
const TOKENS: [&str; 14] = ["{", "}", "[", "]", ",", ":", "\"", "\\", "null", "1e999", "-", "\\u0000", "\u{feff}", "true"];

fn mutate(bytes: &mut Vec<u8>, chance: &mut Chance<'_>) {
    let at = chance.below(bytes.len().max(1)).min(bytes.len());
    let end = (at + 1 + chance.below(8)).min(bytes.len());
    match chance.below(6) {
        0 if at < bytes.len() => bytes[at] ^= 1 << chance.below(8),
        1 => drop(bytes.drain(at..end)),
        2 => {
            let copy = bytes[at..end].to_vec();
            bytes.splice(at..at, copy);
        }
        3 => bytes.truncate(at),
        4 if at < bytes.len() => bytes[at] = u8::try_from(chance.below(256)).unwrap_or_default(),
        _ => {
            let token = chance.pick(&TOKENS).copied().unwrap_or_default();
            bytes.splice(at..at, token.bytes());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fuzz::Probes;
    use crate::pack::Library;

    #[test]
    fn the_bytes_of_a_try_mean_the_same_conversation() {
        let pack = Library::builtin().load("goclaw").unwrap();
        let settings = Settings::embedded(&pack.manifest);
        let tries = Tries::new(&pack, &settings, &[Role::Server, Role::Client], 5);
        let steps = |one: &Try| {
            let front = tries.fronts().iter().find(|front| front.side == one.side).unwrap();
            one.scenario(&pack, front, Probes::default()).unwrap().steps
        };
        let systematic = tries.systematic();
        let mut silent = 0;
        for number in (0..systematic).step_by(97).chain(systematic..systematic + 200) {
            let one = tries.get(number).unwrap();
            match tries.input(number) {
                Some(input) => assert_eq!(steps(&tries.of_input(&input).unwrap()), steps(&one), "try {number}"),
                None => silent += 1,
            }
        }
        assert!(silent < 30, "{silent} tries have no bytes");
        for input in [&[][..], &[255; 100], b"{\"type\": 5}"] {
            assert!(tries.of_input(input).is_some(), "any bytes mean something");
        }
    }
}
