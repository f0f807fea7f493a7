//! The kill matrix as a page: for each pack a picture of its checks and mutants, one of its cases and the peers that implement nothing, and in
//! words whatever is not killed for the right reason.

use std::collections::HashMap;

use super::chart::{self, Axis, Cell, Chart, Count, Entry, Grid, Part, Row, Tone};
use crate::report::amount;
use crate::verdict::proof::{Check, Proof, State, Tried, Vacuous};

/// Widths of a check's column and of a null peer's.
const CHECK: usize = 9;
const NULL: usize = 22;

/// The page.
pub fn render(proofs: &[Proof]) -> String {
    chart::render(&chart(proofs))
}

fn chart(proofs: &[Proof]) -> Chart {
    let holds = proofs.iter().all(Proof::holds);
    let (headline, tone) = if holds { ("every check can fail", Tone::Good) } else { ("not every check can fail", Tone::Bad) };
    Chart {
        title: "Kill matrix".to_owned(),
        headline: headline.to_owned(),
        tone,
        subject: format!("{}: reference peers with one deviation each, and peers that implement nothing", names(proofs)),
        counts: counts(proofs),
        legend: legend(),
        parts: proofs.iter().map(part).collect(),
    }
}

fn names(proofs: &[Proof]) -> String {
    proofs.iter().map(|proof| proof.protocol.as_str()).collect::<Vec<_>>().join(", ")
}

fn counts(proofs: &[Proof]) -> Vec<Count> {
    let sum = |count: fn(&Proof) -> usize| proofs.iter().map(|proof| count(proof) as u64).sum();
    let one = |count: fn(&Proof) -> usize, word: &str, tone| Count { count: sum(count), word: word.to_owned(), tone };
    vec![
        one(|proof| proof.tally().applied, "mutants", Tone::Faint),
        one(|proof| proof.tally().killed, "killed", Tone::Good),
        one(|proof| proof.tally().killed_otherwise, "killed otherwise", Tone::Odd),
        one(|proof| proof.tally().survived, "survived", Tone::Bad),
        one(|proof| proof.tally().not_applied, "not applied", Tone::Faint),
        one(|proof| proof.tally().excused, "excused", Tone::Unsure),
        one(|proof| proof.holes.len(), "holes", Tone::Bad),
        one(|proof| unexcused(proof).count(), "vacuous", Tone::Bad),
    ]
}

fn unexcused(proof: &Proof) -> impl Iterator<Item = &Vacuous> {
    proof.vacuous.iter().filter(|vacuous| vacuous.reason.is_none())
}

fn legend() -> Vec<(Tone, String)> {
    [
        (Tone::Good, "killed: the check that the mutant must trip found it"),
        (Tone::Odd, "killed otherwise, or: another check found it too"),
        (Tone::Bad, "survived, or: a case that a null peer passes"),
        (Tone::Faint, "not applied: no case brings the peer to it"),
        (Tone::Unsure, "excused, with a reason"),
    ]
    .map(|(tone, text)| (tone, text.to_owned()))
    .into()
}

fn part(proof: &Proof) -> Part {
    let tally = proof.tally();
    let all = if proof.broken.is_empty() { String::new() } else { format!(" · {} broken without a mutant", proof.broken.len()) };
    Part {
        name: proof.protocol.clone(),
        note: format!(
            "{} cases · {} checks · {} of {} mutants killed{all}",
            proof.cases.len(),
            proof.checks.len(),
            tally.killed,
            tally.applied
        ),
        grids: vec![mutants(proof), nulls(proof)],
        entries: entries(proof),
    }
}

/// The order in which mutants are shown: what nothing noticed first.
fn rank(state: &State) -> usize {
    match state {
        State::Survived => 0,
        State::KilledOtherwise { .. } => 1,
        State::NotApplied => 2,
        State::Excused { .. } => 3,
        State::Killed { .. } => 4,
    }
}

fn tone(state: &State) -> Tone {
    [Tone::Bad, Tone::Odd, Tone::Faint, Tone::Unsure, Tone::Good][rank(state)]
}

/// Every mutant against every check.
fn mutants(proof: &Proof) -> Grid {
    let columns: HashMap<&str, usize> = proof.checks.iter().enumerate().map(|(index, check)| (check.id.as_str(), index)).collect();
    let first = |tried: &Tried| {
        let named = tried.trips.iter().filter_map(|id| columns.get(id.as_str()));
        named.min().copied().unwrap_or(usize::MAX)
    };
    let mut tried: Vec<&Tried> = proof.tried.iter().collect();
    tried.sort_by_key(|tried| (rank(&tried.state), first(tried)));
    Grid {
        title: format!("{} mutants and {} checks", tried.len(), proof.checks.len()),
        note:
            "A row is a mutant, a column a check. A border alone marks a check that should have found the mutant and did not where it was \
               played: one of those that a mutant must trip is enough, and without --all a mutant is played until one finds it."
                .to_owned(),
        cell: CHECK,
        columns: proof.checks.iter().map(axis).collect(),
        rows: tried.iter().map(|tried| row(tried, &columns)).collect(),
    }
}

fn axis(check: &Check) -> Axis {
    Axis { label: check.id.clone(), text: format!("{} ({}): {}", check.id, check.side, check.text) }
}

fn row(tried: &Tried, columns: &HashMap<&str, usize>) -> Row {
    let place = |id: &String| columns.get(id.as_str()).copied();
    let found = tried.broke.iter().filter_map(|(id, case)| Some((place(id)?, id, Some(case))));
    let missed = tried.trips.iter().filter(|id| !tried.broke.contains_key(*id)).filter_map(|id| Some((place(id)?, id, None)));
    let mut cells: Vec<Cell> = found.chain(missed).map(|(column, id, case)| cell(tried, column, id, case)).collect();
    cells.sort_by_key(|cell| cell.column);
    Row {
        label: tried.id.clone(),
        tone: tone(&tried.state),
        text: format!("{}: {}. {} in {}.", tried.id, tried.what.trim_end_matches('.'), tried.state.as_str(), amount(tried.cases, "case")),
        cells,
    }
}

fn cell(tried: &Tried, column: usize, id: &String, case: Option<&String>) -> Cell {
    let is_named = tried.trips.contains(id);
    let (tone, text) = match (case, is_named, &tried.state) {
        (Some(case), true, _) => (Tone::Good, format!("{id} found it, as it must, in {case}")),
        (Some(case), false, _) => (Tone::Odd, format!("{id} found it too, in {case}")),
        (None, _, State::Excused { reason }) => (Tone::Unsure, format!("{id} does not find it, and that is right: {reason}")),
        (None, _, State::NotApplied) => (Tone::Faint, format!("{id} should find it, and no case brings the peer to it")),
        (None, _, State::Survived) => (Tone::Bad, format!("{id} should find it, and did not")),
        (None, ..) => (Tone::Odd, format!("{id} could find it, and did not where it was played")),
    };
    let is_hollow = case.is_none() && matches!(tried.state, State::Killed { .. } | State::KilledOtherwise { .. });
    Cell { column, tone, hollow: is_hollow, heat: 100, label: String::new(), text }
}

/// Every case against the peers that implement nothing. Those that one of them passes come first.
fn nulls(proof: &Proof) -> Grid {
    let passed = |case: &String| proof.vacuous.iter().filter(|vacuous| vacuous.case == *case).collect::<Vec<_>>();
    let mut cases: Vec<(&String, Vec<&Vacuous>)> = proof.cases.iter().map(|case| (case, passed(case))).collect();
    let order = |found: &[&Vacuous]| match found {
        [] => 2,
        found if found.iter().all(|vacuous| vacuous.reason.is_some()) => 1,
        _ => 0,
    };
    cases.sort_by_key(|(_, found)| order(found));
    let rows = cases.iter().map(|(case, found)| Row {
        label: (*case).clone(),
        tone: [Tone::Bad, Tone::Unsure, Tone::Good][order(found)],
        text: format!("{case}: passed by {} of {} peers that implement nothing", found.len(), proof.nulls.len()),
        cells: proof.nulls.iter().enumerate().map(|(column, null)| null_cell(column, null, found)).collect(),
    });
    Grid {
        title: format!("{} cases and {} peers that implement nothing", proof.cases.len(), proof.nulls.len()),
        note: "A row is a case, a column a peer that implements nothing. Green: the case does not pass it.".to_owned(),
        cell: NULL,
        rows: rows.collect(),
        columns: proof.nulls.iter().map(|null| Axis { label: null.clone(), text: null.clone() }).collect(),
    }
}

fn null_cell(column: usize, null: &str, found: &[&Vacuous]) -> Cell {
    let (tone, text) = match found.iter().find(|vacuous| vacuous.peer == null).map(|vacuous| &vacuous.reason) {
        None => (Tone::Good, format!("{null} does not pass")),
        Some(Some(reason)) => (Tone::Unsure, format!("{null} passes, and that is right: {reason}")),
        Some(None) => (Tone::Bad, format!("{null} passes: the case proves nothing")),
    };
    Cell { column, tone, hollow: false, heat: 100, label: String::new(), text }
}

/// What is not as it should be, or not for the reason that it should be.
fn entries(proof: &Proof) -> Vec<Entry> {
    let broken =
        proof.broken.iter().map(|case| entry("broken", Tone::Bad, case, vec![("why", "the faultless peers do not pass".to_owned())]));
    let holes = proof.holes.iter().map(|hole| {
        let why = format!("{} should break it, and none does", amount(hole.mutants, "mutant"));
        entry("hole", Tone::Bad, &hole.requirement, vec![("why", why)])
    });
    let vacuous = unexcused(proof).map(|vacuous| {
        let why = format!("{}, a peer that implements nothing, passes it", vacuous.peer);
        entry("vacuous", Tone::Bad, &vacuous.case, vec![("why", why)])
    });
    let mut odd: Vec<&Tried> = proof.tried.iter().filter(|tried| !matches!(tried.state, State::Killed { .. })).collect();
    odd.sort_by_key(|tried| rank(&tried.state));
    broken.chain(holes).chain(vacuous).chain(odd.into_iter().map(of_mutant)).collect()
}

fn of_mutant(tried: &Tried) -> Entry {
    let mut lines = vec![("what it does", tried.what.clone()), ("must trip", tried.trips.join(", "))];
    match &tried.state {
        State::KilledOtherwise { case, requirement } => lines.push(("killed by", format!("{requirement} in {case}"))),
        State::Excused { reason } => lines.push(("reason", reason.clone())),
        State::Survived | State::NotApplied | State::Killed { .. } => lines.push(("played in", amount(tried.cases, "case"))),
    }
    entry(tried.state.as_str(), tone(&tried.state), &tried.id, lines)
}

fn entry(word: &str, tone: Tone, title: &str, lines: Vec<(&str, String)>) -> Entry {
    Entry {
        word: word.to_owned(),
        tone,
        title: title.to_owned(),
        lines: lines.into_iter().map(|(key, text)| (key.to_owned(), text)).collect(),
        verbatim: String::new(),
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::transcript::Role;
    use crate::verdict::proof::Hole;

    const EVIL: &str = "</title><script>alert(1)</script>";

    fn tried(id: &str, state: State, broke: &[&str]) -> Tried {
        Tried {
            id: id.to_owned(),
            side: Role::Server,
            what: format!("does {EVIL}"),
            trips: vec!["demo-a".to_owned()],
            state,
            broke: broke.iter().map(|id| ((*id).to_owned(), "demo/server/x".to_owned())).collect(),
            cases: 3,
        }
    }

    fn proof() -> Proof {
        let killed = || ("demo/server/x".to_owned(), "demo-a".to_owned());
        let by = |(case, requirement)| State::Killed { case, requirement };
        let otherwise = |(case, requirement)| State::KilledOtherwise { case, requirement };
        let check = |id: &str| Check { id: id.to_owned(), side: Role::Server, text: EVIL.to_owned() };
        Proof {
            protocol: "demo".to_owned(),
            cases: vec!["demo/server/x".to_owned(), "demo/server/y".to_owned()],
            checks: vec![check("demo-a"), check("demo-b")],
            nulls: vec!["null-silent".to_owned(), "null-echo".to_owned()],
            broken: Vec::new(),
            tried: vec![
                tried("server/killed", by(killed()), &["demo-a", "demo-b"]),
                tried("server/otherwise", otherwise(killed()), &["demo-b"]),
                tried("server/idle", State::NotApplied, &[]),
                tried("server/excused", State::Excused { reason: EVIL.to_owned() }, &[]),
                tried("server/survivor", State::Survived, &[]),
            ],
            holes: vec![Hole { requirement: "demo-b".to_owned(), mutants: 1 }],
            vacuous: vec![Vacuous { case: "demo/server/y".to_owned(), peer: "null-echo".to_owned(), reason: None }],
            wall: Duration::ZERO,
            simulated: Duration::ZERO,
        }
    }

    #[test]
    fn every_mutant_is_in_the_picture_and_survivors_come_first() {
        let chart = chart(&[proof()]);
        let [mutants, nulls] = &chart.parts[0].grids[..] else { panic!("two pictures") };
        let labels: Vec<_> = mutants.rows.iter().map(|row| row.label.as_str()).collect();
        assert_eq!(labels, ["server/survivor", "server/otherwise", "server/idle", "server/excused", "server/killed"]);
        let tones = |row: usize| mutants.rows[row].cells.iter().map(|cell| (cell.column, cell.tone, cell.hollow)).collect::<Vec<_>>();
        assert_eq!(tones(0), [(0, Tone::Bad, false)]);
        assert_eq!(tones(1), [(0, Tone::Odd, true), (1, Tone::Odd, false)]);
        assert_eq!(tones(2), [(0, Tone::Faint, false)]);
        assert_eq!(tones(3), [(0, Tone::Unsure, false)]);
        assert_eq!(tones(4), [(0, Tone::Good, false), (1, Tone::Odd, false)]);
        assert_eq!(nulls.rows[0].label, "demo/server/y");
        assert_eq!(nulls.rows[0].cells.iter().map(|cell| cell.tone).collect::<Vec<_>>(), [Tone::Good, Tone::Bad]);
    }

    #[test]
    fn hostile_text_in_a_pack_stays_text() {
        let page = render(&[proof()]);
        assert!(!page.contains(EVIL) && page.contains("&lt;/title&gt;&lt;script&gt;alert(1)"));
        assert!(page.contains("not every check can fail"));
    }
}
