//! What a campaign has found, as a page: a heat map of what was violated where, and every cause with the conversation that shows it.

use std::collections::{BTreeMap, BTreeSet};

use framegate::fuzz::journal::Header;
use framegate::fuzz::{Cause, Cell as Counts, Class, Coverage, Fingerprint, Place, Summary};
use framegate::report::html::chart::{self, Axis, Cell, Chart, Count, Entry, Grid, Part, Row, Tone};
use framegate::transcript::Role;

/// The width of a class's column.
const CLASS: usize = 78;
/// Ways to a cause that are listed.
const WAYS: usize = 12;

/// The page.
pub(crate) fn render(header: &Header, summary: &Summary) -> String {
    chart::render(&chart(header, summary))
}

fn chart(header: &Header, summary: &Summary) -> Chart {
    let causes = summary.broken().count();
    let (headline, tone) = match summary.exit_code() {
        0 => ("nothing found", Tone::Good),
        1 => ("something broke", Tone::Bad),
        3 => ("nothing could be told", Tone::Unsure),
        _ => ("the harness failed", Tone::Bad),
    };
    let share = match header.part {
        (_, 1) => String::new(),
        (index, count) => format!(", part {index}/{count}"),
    };
    let total = summary.coverage.total();
    let count = |count: u64, word: &str, tone| Count { count, word: word.to_owned(), tone };
    Chart {
        title: format!("Fuzz campaign against {}", header.protocol),
        headline: headline.to_owned(),
        tone,
        subject: format!("{}, seed {}{share}", header.target, header.seed),
        counts: vec![
            count(summary.tries, "tries", Tone::Faint),
            count(total.hit, "hit", Tone::Good),
            count(total.masked, "masked", Tone::Faint),
            count(total.unreachable, "unreachable", Tone::Unsure),
            count(total.missed, "missed", Tone::Odd),
            count(causes as u64, "causes", Tone::Bad),
        ],
        legend: legend(),
        parts: sides(summary).into_iter().map(|side| part(side, summary)).collect(),
    }
}

fn legend() -> Vec<(Tone, String)> {
    [
        (Tone::Good, "hit: the state was confirmed, and the validator names what is violated"),
        (Tone::Bad, "something broke here"),
        (Tone::Odd, "missed: some were not tried before the campaign ended"),
        (Tone::Unsure, "the state could not be reached"),
        (Tone::Faint, "masked: the violation breaks nothing, or something else"),
    ]
    .map(|(tone, text)| (tone, text.to_owned()))
    .into()
}

fn sides(summary: &Summary) -> BTreeSet<Role> {
    let covered = summary.coverage.cells.keys().map(|place| place.side);
    covered.chain(summary.broken().map(|(fingerprint, _)| fingerprint.side)).collect()
}

fn part(side: Role, summary: &Summary) -> Part {
    let causes: Vec<_> = summary.broken().filter(|(fingerprint, _)| fingerprint.side == side).collect();
    let mut total = Counts::default();
    summary.coverage.cells.iter().filter(|(place, _)| place.side == side).for_each(|(_, counts)| total.add(counts));
    let percent = (total.hit * 100).checked_div(total.hit + total.missed).unwrap_or(0);
    let reachable = total.hit + total.missed;
    let entries = causes.iter().map(|(fingerprint, cause)| of_cause(fingerprint, cause));
    Part {
        name: format!("{side} under test"),
        note: format!("{percent} % of {reachable} reachable violations were brought to it"),
        grids: vec![heat(side, &summary.coverage), reactions(side, &summary.coverage)],
        entries: entries.chain(reasons(side, &summary.coverage)).collect(),
    }
}

/// State and frame against class.
fn heat(side: Role, coverage: &Coverage) -> Grid {
    let mut rows: BTreeMap<(&str, &str), Vec<(&Place, &Counts)>> = BTreeMap::new();
    for (place, counts) in coverage.cells.iter().filter(|(place, _)| place.side == side) {
        rows.entry((&place.state, &place.frame)).or_default().push((place, counts));
    }
    let most = coverage.cells.values().map(|counts| counts.hit).max().unwrap_or(0);
    let row = |((state, frame), cells): ((&str, &str), Vec<(&Place, &Counts)>)| {
        let cells: Vec<Cell> = cells.iter().filter_map(|(place, counts)| cell(place, counts, most)).collect();
        let tone = if cells.iter().any(|cell| cell.tone == Tone::Bad) { Tone::Bad } else { Tone::Good };
        let frame = if frame == "-" { "no frame" } else { frame };
        Row { label: format!("{state} · {frame}"), tone, text: format!("{side}, in the state {state}, {frame}"), cells }
    };
    Grid {
        title: "What was violated where".to_owned(),
        note:
            "A row is a state and the frame that was spoiled there, a column a class of violations. The number is how many were brought to \
               the target, of all there are; a border alone marks a cell of which nothing was."
                .to_owned(),
        cell: CLASS,
        columns: Class::ALL.iter().map(|class| axis(class.as_str(), "violations")).collect(),
        rows: rows.into_iter().map(row).collect(),
    }
}

fn cell(place: &Place, counts: &Counts, most: u64) -> Option<Cell> {
    let column = Class::ALL.iter().position(|class| *class == place.class)?;
    let tone = match counts {
        _ if !counts.broke.is_empty() => Tone::Bad,
        Counts { missed: 1.., .. } => Tone::Odd,
        Counts { hit: 1.., .. } => Tone::Good,
        Counts { unreachable: 1.., .. } => Tone::Unsure,
        _ => Tone::Faint,
    };
    let statuses = format!("{} hit, {} masked, {} unreachable, {} missed", counts.hit, counts.masked, counts.unreachable, counts.missed);
    let broke = by_count(&counts.broke).into_iter().map(|(requirement, count)| format!("{count} broke {requirement}"));
    let reacted = by_count(&counts.reactions).into_iter().map(|(reaction, count)| format!("{count} × {reaction}"));
    let text = std::iter::once(statuses).chain(broke).chain(reacted).collect::<Vec<_>>().join(" · ");
    let label = if counts.hit == counts.total() { counts.hit.to_string() } else { format!("{}/{}", counts.hit, counts.total()) };
    Some(Cell { column, tone, hollow: counts.hit == 0, heat: heat_of(counts.hit, most), label, text })
}

/// How strong a colour is, in hundredths: by orders of magnitude, since a size class has three violations and a schema a thousand.
fn heat_of(count: u64, most: u64) -> u64 {
    let weight = |count: u64| u64::from((count + 1).ilog2()) + 1;
    45 + 55 * weight(count) / weight(most).max(1)
}

fn by_count(reactions: &BTreeMap<String, u64>) -> Vec<(&String, u64)> {
    let mut sorted: Vec<_> = reactions.iter().map(|(name, count)| (name, *count)).collect();
    sorted.sort_by_key(|(name, count)| (std::cmp::Reverse(*count), (*name).clone()));
    sorted
}

/// How the target reacted to what: observed, not judged.
fn reactions(side: Role, coverage: &Coverage) -> Grid {
    let mut rows: BTreeMap<&String, BTreeMap<Class, u64>> = BTreeMap::new();
    for (place, counts) in coverage.cells.iter().filter(|(place, _)| place.side == side) {
        for (reaction, count) in &counts.reactions {
            *rows.entry(reaction).or_default().entry(place.class).or_default() += count;
        }
    }
    let most = rows.values().flat_map(BTreeMap::values).max().copied().unwrap_or(0);
    let mut rows: Vec<_> = rows.into_iter().map(|(reaction, counts)| (counts.values().sum::<u64>(), reaction, counts)).collect();
    rows.sort_by_key(|(sum, reaction, _)| (std::cmp::Reverse(*sum), *reaction));
    let cell = |class: &Class, count: u64| Cell {
        column: Class::ALL.iter().position(|other| other == class).unwrap_or(0),
        tone: Tone::Good,
        hollow: false,
        heat: heat_of(count, most),
        label: count.to_string(),
        text: count.to_string(),
    };
    let row = |(sum, reaction, counts): (u64, &String, BTreeMap<Class, u64>)| Row {
        label: reaction.clone(),
        tone: Tone::Good,
        text: format!("{reaction}: {sum} times"),
        cells: counts.iter().map(|(class, count)| cell(class, *count)).collect(),
    };
    Grid {
        title: "How it reacted".to_owned(),
        note: "Observed behaviour: what no requirement forbids is no finding.".to_owned(),
        cell: CLASS,
        columns: Class::ALL.iter().map(|class| axis(class.as_str(), "reactions to violations")).collect(),
        rows: rows.into_iter().map(row).collect(),
    }
}

fn axis(class: &str, what: &str) -> Axis {
    Axis { label: class.to_owned(), text: format!("{what} of the class {class}") }
}

fn of_cause(fingerprint: &Fingerprint, cause: &Cause) -> Entry {
    let mut lines = vec![
        ("requirement".to_owned(), cause.finding.text.clone()),
        ("expected".to_owned(), cause.finding.expected.clone()),
        ("actual".to_owned(), cause.finding.actual.clone()),
        ("tries".to_owned(), cause.count.to_string()),
    ];
    lines.extend(cause.ways.iter().take(WAYS).map(|(way, count)| ("by".to_owned(), format!("{way} ({count})"))));
    Entry {
        word: "cause".to_owned(),
        tone: Tone::Bad,
        title: format!("{}: the {} {}", fingerprint.requirement, fingerprint.side, fingerprint.reaction),
        lines,
        verbatim: cause.reproducer.clone().unwrap_or_default(),
    }
}

/// Why what was not hit was not. A reason begins with its status and the side.
fn reasons(side: Role, coverage: &Coverage) -> impl Iterator<Item = Entry> {
    let of_side = coverage.reasons.iter().filter_map(move |(reason, count)| {
        let (word, rest) = reason.split_once(": ")?;
        Some((word, rest.strip_prefix(side.as_str())?.strip_prefix(' ')?, count))
    });
    of_side.map(|(word, rest, count)| Entry {
        word: word.to_owned(),
        tone: if word == "unreachable" { Tone::Unsure } else { Tone::Faint },
        title: rest.to_owned(),
        lines: vec![("violations".to_owned(), count.to_string())],
        verbatim: String::new(),
    })
}
