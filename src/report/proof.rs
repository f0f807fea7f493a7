//! A proof of the checks for people: the summary of each pack, and every place where nothing looks.

use serde::Serialize;

use super::table::Table;
use super::text::{Ink, Style};
use crate::verdict::proof::{Proof, State, Tried};

/// The summary table, a line a pack.
pub fn summary(proofs: &[Proof], style: &Style) -> String {
    let titles = ["protocol", "cases", "mutants", "killed", "otherwise", "survived", "not applied", "excused", "holes", "vacuous"];
    let mut table = Table::new(&titles).right(&[1, 2, 3, 4, 5, 6, 7, 8, 9]);
    for proof in proofs {
        let tally = proof.tally();
        let vacuous = proof.vacuous.iter().filter(|vacuous| vacuous.reason.is_none()).count();
        let bad = |count: usize| (count.to_string(), (count > 0).then_some(Ink::Bad));
        let plain = |count: usize| (count.to_string(), None);
        table.painted([
            (proof.protocol.clone(), None),
            plain(proof.cases.len()),
            plain(tally.applied),
            plain(tally.killed),
            plain(tally.killed_otherwise),
            bad(tally.survived),
            plain(tally.not_applied),
            plain(tally.excused),
            bad(proof.holes.len()),
            bad(vacuous),
        ]);
    }
    table.render(style)
}

/// The whole matrix of every pack for programs: what [`Proof`] says, and whether every check can fail.
///
/// # Panics
/// Never: a proof has only string keys and finite numbers.
pub fn json(proofs: &[Proof]) -> String {
    #[derive(Serialize)]
    struct File<'a> {
        version: &'static str,
        holds: bool,
        proofs: &'a [Proof],
    }
    let file = File { version: env!("CARGO_PKG_VERSION"), holds: proofs.iter().all(Proof::holds), proofs };
    serde_json::to_string_pretty(&file).expect("a proof has only string keys and finite numbers") + "\n"
}

/// What is wrong with a pack's checks: cases that good peers fail, survivors, holes, vacuous cases. Empty if nothing is.
pub fn problems(proof: &Proof, style: &Style) -> String {
    let broken = Listing::new("the faultless reference peers do not pass", proof.broken.iter().map(|case| [case.clone(), String::new()]));
    let survivors = of_state(proof, |state| *state == State::Survived);
    let survived = Listing::new("nothing noticed these mutants", survivors.map(|tried| [tried.id.clone(), missed(tried)]));
    let holes = proof.holes.iter().map(|hole| {
        let why = match hole.mutants {
            0 => "no mutant is meant to break it".to_owned(),
            count => format!("{count} mutants should break it, and none does"),
        };
        [hole.requirement.clone(), why]
    });
    let holes = Listing::new("no mutant breaks these requirements", holes);
    let vacuous = proof.vacuous.iter().filter(|vacuous| vacuous.reason.is_none());
    let vacuous = Listing::new(
        "a peer that implements nothing passes these cases",
        vacuous.map(|vacuous| [vacuous.case.clone(), vacuous.peer.clone()]),
    );
    [broken, survived, holes, vacuous].iter().map(|listing| listing.render(style)).collect()
}

/// What is no problem and yet worth a look: mutants that another requirement noticed, that were never applied, that are excused.
pub fn remarks(proof: &Proof, style: &Style) -> String {
    let otherwise = proof.tried.iter().filter_map(|tried| match &tried.state {
        State::KilledOtherwise { case, requirement } => {
            Some([tried.id.clone(), format!("by {requirement} in {case}, not by {}", tried.trips.join(", "))])
        }
        _ => None,
    });
    let idle = of_state(proof, |state| *state == State::NotApplied).map(|tried| [tried.id.clone(), tried.what.clone()]);
    let excused = proof.tried.iter().filter_map(|tried| match &tried.state {
        State::Excused { reason } => Some([tried.id.clone(), reason.clone()]),
        _ => None,
    });
    let vacuous = proof.vacuous.iter().filter_map(|vacuous| Some([format!("{} {}", vacuous.case, vacuous.peer), vacuous.reason.clone()?]));
    let listings = [
        Listing::new("noticed for another reason", otherwise),
        Listing::new("never applied: no case brings the peer to it", idle),
        Listing::new("excused", excused),
        Listing::new("passed by a peer that implements nothing, and rightly", vacuous),
    ];
    listings.iter().map(|listing| listing.render(style)).collect()
}

fn of_state(proof: &Proof, is: impl Fn(&State) -> bool) -> impl Iterator<Item = &Tried> {
    proof.tried.iter().filter(move |tried| is(&tried.state))
}

fn missed(tried: &Tried) -> String {
    format!("{}; {} missed it in {} cases", tried.what, tried.trips.join(", "), tried.cases)
}

struct Listing {
    title: &'static str,
    rows: Vec<[String; 2]>,
}

impl Listing {
    fn new(title: &'static str, rows: impl Iterator<Item = [String; 2]>) -> Self {
        Self { title, rows: rows.collect() }
    }

    fn render(&self, style: &Style) -> String {
        if self.rows.is_empty() {
            return String::new();
        }
        let mut table = Table::new(&["", ""]);
        self.rows.iter().for_each(|row| table.row(row));
        format!("\n{} ({})\n{}", style.paint(Ink::Strong, self.title), self.rows.len(), table.render(style))
    }
}
