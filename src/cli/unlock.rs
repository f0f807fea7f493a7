//! What a target could declare, and how many requirements that would put to the test.

use std::collections::BTreeSet;

use framegate::pack::Lack;
use framegate::plan::Case;
use framegate::report::{Ink, Style, Table, amount};
use framegate::verdict::{Outcome, Report};
use indexmap::IndexMap;

/// Rows that are shown; what unlocks less is left out.
const ROWS: usize = 8;

/// Cases and requirements that wait for one declaration, or for several together.
#[derive(Debug, Default, PartialEq, Eq)]
struct Locked<'a> {
    cases: usize,
    requirements: BTreeSet<&'a str>,
}

/// A short table of what would be put to the test, the most first; empty where nothing is missing.
pub(crate) fn table(cases: &[Case], report: &Report, style: &Style) -> String {
    let locked = locked(cases, report);
    if locked.is_empty() {
        return String::new();
    }
    let mut table = Table::new(&["declare", "cases", "requirements not exercised yet"]).right(&[1, 2]);
    for (names, Locked { cases, requirements }) in locked.iter().take(ROWS) {
        table.row([names.as_str(), &cases.to_string(), &requirements.len().to_string()]);
    }
    let more = locked.len().saturating_sub(ROWS);
    let more = if more > 0 { format!("and {}\n", amount(more, "more row")) } else { String::new() };
    format!("{}\n{}{more}", style.paint(Ink::Faint, "what the target could declare"), table.render(style))
}

fn locked<'a>(cases: &'a [Case], report: &'a Report) -> Vec<(String, Locked<'a>)> {
    let open: BTreeSet<&str> = report
        .requirements
        .iter()
        .filter(|requirement| requirement.excluded.is_none() && requirement.outcome == Outcome::NotExercised)
        .map(|requirement| requirement.id.as_str())
        .collect();
    let mut locked: IndexMap<String, Locked<'_>> = IndexMap::new();
    for case in cases.iter().filter(|case| case.skipped.is_some() && !case.lacks.is_empty()) {
        let entry = locked.entry(names(&case.lacks)).or_default();
        entry.cases += 1;
        entry.requirements.extend(case.requirements().into_iter().filter_map(|id| open.get(id)));
    }
    let mut locked: Vec<_> = locked.into_iter().collect();
    locked.sort_by_key(|(_, locked)| std::cmp::Reverse((locked.requirements.len(), locked.cases)));
    locked
}

/// What has to be declared together.
fn names(lacks: &[Lack]) -> String {
    let names: BTreeSet<String> = lacks.iter().map(|lack| format!("{} {}", lack.kind, lack.name)).collect();
    names.into_iter().collect::<Vec<_>>().join(" + ")
}
