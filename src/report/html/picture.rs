//! A conversation as data for the page's script, which draws it: rows in order, each with its text ready. What is shown, what is left out and
//! which row decides is settled here; the script knows only how wide its window is.

use std::time::Duration;

use serde::Serialize;

use super::raw::{Budget, Raw};
use crate::report::json::ascii_where_it_matters;
use crate::report::label::label;
use crate::report::{amount, duration, escape};
use crate::transcript::{Event, Mark, Opcode, Role, What};
use crate::verdict::{CaseResult, Finding, Outcome, Severity};

/// Rows of a picture; of a longer one only the beginning, the end and what is around the deciding event is drawn.
const MOST: usize = 300;
const FIRST: usize = 60;
const LAST: usize = 60;
const AROUND: usize = 40;
/// Columns of a row's text; the script cuts it to its window.
const COLUMNS: usize = 160;
/// A pause as long as this gets a row.
const PAUSE: Duration = Duration::from_secs(1);

/// What the script needs to draw one case.
#[derive(Serialize)]
pub(super) struct Picture<'a> {
    side: Role,
    numbered: bool,
    rows: Vec<Row>,
    findings: Vec<Callout>,
    raw: Vec<Raw>,
    /// Requirements with their outcome and where they stand on the page.
    outcomes: Vec<(&'a str, &'static str, Option<usize>)>,
}

/// One row.
#[derive(Debug, PartialEq, Serialize)]
struct Row {
    kind: Kind,
    #[serde(skip_serializing_if = "Option::is_none")]
    event: Option<usize>,
    #[serde(skip_serializing_if = "String::is_empty")]
    at: String,
    from: Role,
    #[serde(skip_serializing_if = "Option::is_none")]
    connection: Option<u32>,
    label: String,
    /// True for what belongs to the end of a connection.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    closing: bool,
    /// Indexes of the findings that this event decides.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    decides: Vec<usize>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
enum Kind {
    /// What one side did to the other.
    Arrow,
    /// The end of a side's stream.
    End,
    /// A note of the harness.
    Note,
    /// Time in which nothing happened, or rows that are left out.
    Pause,
}

#[derive(Serialize)]
struct Callout {
    requirement: String,
    severity: Severity,
    expected: String,
    actual: String,
    /// False if no drawn event decides it.
    placed: bool,
}

impl<'a> Picture<'a> {
    /// The conversation of this case, with these findings marked.
    pub(super) fn new(case: &'a CaseResult, findings: &[&Finding], anchor: impl Fn(&str) -> Option<usize>, budget: &mut Budget) -> Self {
        let events = &case.transcript.events;
        let numbered = events.iter().any(|event| event.connection > 1);
        let decides = |index: usize| findings.iter().any(|finding| finding.event == Some(index));
        let shown: Vec<_> = events.iter().enumerate().filter(|(index, event)| decides(*index) || is_shown(event, numbered)).collect();
        let position = findings.iter().find_map(|finding| finding.event);
        let position = position.and_then(|event| shown.iter().position(|(index, _)| *index == event));
        let kept = kept(shown.len(), position);
        let placed = |finding: &&&Finding| kept.iter().any(|row| Some(shown[*row].0) == finding.event);
        Self {
            side: case.side,
            numbered,
            rows: rows(&shown, &kept, findings),
            findings: findings.iter().map(|finding| Callout::new(finding, placed(&finding))).collect(),
            raw: kept.iter().filter_map(|row| Raw::new(shown[*row].0, shown[*row].1, budget)).collect(),
            outcomes: case.outcomes.iter().map(|(id, outcome)| (id.as_str(), word(*outcome), anchor(id))).collect(),
        }
    }

    /// The data for a script element: JSON in which no character can end it.
    pub(super) fn to_json(&self) -> String {
        let json = serde_json::to_string(self).expect("a picture has only string keys and whole numbers");
        ascii_where_it_matters(&json).replace('<', "\\u003c").replace('>', "\\u003e").replace('&', "\\u0026")
    }
}

impl Callout {
    fn new(finding: &Finding, placed: bool) -> Self {
        Self {
            requirement: escape(&finding.requirement),
            severity: finding.severity,
            expected: escape(&finding.expected),
            actual: escape(&finding.actual),
            placed,
        }
    }
}

fn word(outcome: Outcome) -> &'static str {
    match outcome {
        Outcome::NotExercised => "not exercised",
        Outcome::Satisfied => "satisfied",
        Outcome::Violated => "violated",
    }
}

/// Steps of the script say nothing to a reader of the wire; openings only where there are several.
fn is_shown(event: &Event, numbered: bool) -> bool {
    match event.what {
        What::Mark(Mark::Step(_) | Mark::Finished) => false,
        What::Opened { .. } => numbered,
        _ => true,
    }
}

/// Which of so many rows are drawn.
fn kept(count: usize, deciding: Option<usize>) -> Vec<usize> {
    let around = deciding.map_or(0..0, |row| row.saturating_sub(AROUND)..row + AROUND);
    (0..count).filter(|row| count <= MOST || *row < FIRST || *row + LAST >= count || around.contains(row)).collect()
}

fn rows(shown: &[(usize, &Event)], kept: &[usize], findings: &[&Finding]) -> Vec<Row> {
    let mut rows = Vec::new();
    let mut last: Option<usize> = None;
    for row in kept {
        let (index, event) = shown[*row];
        let skipped = row - last.map_or(0, |last| last + 1);
        if skipped > 0 {
            rows.push(Row::pause(format!("{} left out", amount(skipped, "event"))));
        }
        let waited = event.at.saturating_sub(last.map_or(Duration::ZERO, |last| shown[last].1.at));
        if waited >= PAUSE {
            rows.push(Row::pause(format!("{} pass", duration(waited))));
        }
        rows.push(Row::new(index, event, findings));
        last = Some(*row);
    }
    rows
}

impl Row {
    fn new(index: usize, event: &Event, findings: &[&Finding]) -> Self {
        let kind = match event.what {
            What::Mark(_) | What::Exited(_) => Kind::Note,
            What::Ended(_) => Kind::End,
            _ => Kind::Arrow,
        };
        let is_close = matches!(&event.what, What::Frame(frame) if frame.opcode == Opcode::CLOSE);
        Self {
            kind,
            event: Some(index),
            at: format!("{:.3} s", event.at.as_secs_f64()),
            from: event.from,
            connection: (event.connection > 0).then_some(event.connection),
            label: label(event, COLUMNS),
            closing: is_close || kind == Kind::End,
            decides: (0..findings.len()).filter(|finding| findings[*finding].event == Some(index)).collect(),
        }
    }

    fn pause(label: String) -> Self {
        Self {
            kind: Kind::Pause,
            event: None,
            at: String::new(),
            from: Role::Client,
            connection: None,
            label,
            closing: false,
            decides: Vec::new(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::transcript::{Frame, Transcript};
    use crate::verdict::Level;

    fn event(at: u64, what: What) -> Event {
        Event { at: Duration::from_secs(at), connection: 1, from: Role::Server, what }
    }

    fn finding(event: Option<usize>) -> Finding {
        Finding {
            requirement: "demo-a".to_owned(),
            level: Level::Must,
            severity: Severity::Fail,
            text: "A sentence.".to_owned(),
            source: "page".to_owned(),
            event,
            step: None,
            expected: "a </script>".to_owned(),
            actual: "b\u{202e}".to_owned(),
            twin: None,
        }
    }

    fn case(events: Vec<Event>) -> CaseResult {
        CaseResult { transcript: Transcript { events }, ..CaseResult::sample() }
    }

    fn text(at: u64) -> Event {
        event(at, What::Frame(Frame::text("{}")))
    }

    #[test]
    fn a_pause_gets_a_row_and_the_deciding_event_its_findings() {
        let case =
            case(vec![event(0, What::Mark(Mark::Step(0))), text(0), text(30), event(30, What::Ended(crate::transcript::Ending::Reset))]);
        let (on, without) = (finding(Some(2)), finding(None));
        let picture = Picture::new(&case, &[&without, &on], |_| None, &mut Budget::default());
        let kinds: Vec<_> = picture.rows.iter().map(|row| (row.kind, row.label.as_str())).collect();
        let expected =
            [(Kind::Arrow, "text 2 B {}"), (Kind::Pause, "30.0 s pass"), (Kind::Arrow, "text 2 B {}"), (Kind::End, "resets the stream")];
        assert_eq!(kinds, expected);
        assert_eq!(picture.rows[2].decides, [1]);
        assert!(picture.rows[3].closing && !picture.rows[2].closing);
        assert!(!picture.findings[0].placed && picture.findings[1].placed);
    }

    #[test]
    fn a_flood_is_drawn_in_part_and_says_so() {
        let case = case((0..5000).map(|_| text(0)).collect());
        let on = finding(Some(2500));
        let picture = Picture::new(&case, &[&on], |_| None, &mut Budget::default());
        assert_eq!(picture.rows.len(), FIRST + 1 + 2 * AROUND + 1 + LAST);
        assert_eq!(picture.rows[FIRST].label, "2400 events left out");
        assert_eq!(picture.raw.len(), FIRST + 2 * AROUND + LAST);
    }

    #[test]
    fn no_text_ends_the_script_element_that_holds_it() {
        let on = finding(None);
        let json =
            Picture::new(&case(vec![event(0, What::Frame(Frame::text("<!--<script>\u{2028}")))]), &[&on], |_| None, &mut Budget::default())
                .to_json();
        assert!(!json.contains(['<', '>', '&', '\u{2028}', '\u{202e}']), "{json}");
        let value: serde_json::Value = serde_json::from_str(&json).unwrap();
        assert_eq!(value["findings"][0]["expected"], "a </script>");
        assert_eq!(value["raw"][0]["body"], "<!--<script>\\u{2028}");
    }
}
