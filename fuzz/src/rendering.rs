//! The target that renders reports of hostile text.

use framegate::report::html::chart::{self, Axis, Cell, Chart, Count, Entry, Grid, Part, Row, Tone};
use framegate::report::json::Transcripts;
use framegate::report::{Style, console, github, html, json, junit, markdown, tap};
use framegate::suite::{Options, judge_recorded};
use framegate::transcript::{Role, Transcript};
use framegate::verdict::{Finding, Report, Severity};
use serde_json::Value;

use crate::BOUND;

/// Text of a target harms no report: no control character reaches a terminal or XML, and nothing of it is markup.
pub fn report_rendering(data: &[u8]) {
    let text = String::from_utf8_lossy(data).into_owned();
    let report = report(&text);
    let forbidden = |c: char| c.is_control() && !matches!(c, '\n' | '\t' | '\r');
    let shown = console::render(&report, &Style::plain(100));
    assert!(!shown.contains(forbidden), "a control character reaches the terminal");
    let xml = junit::render(&report);
    assert!(!xml.contains(|c: char| matches!(c, '\0'..='\x08' | '\x0b' | '\x0c' | '\x0e'..='\x1f' | '\u{fffe}' | '\u{ffff}')));
    for page in [html::render(&report), chart::render(&chart(&text))] {
        // The pages have this many elements of their own, whatever they quote.
        assert_eq!(page.matches("<script").count(), page.matches("</script>").count(), "a script begins or ends in quoted text");
        assert_eq!(page.matches("<title").count(), page.matches("</title>").count(), "a title ends in quoted text");
        assert!(!page.contains(|c: char| forbidden(c) || matches!(c, '\u{202a}'..='\u{202e}')), "a control character reaches the page");
    }
    let _ = (markdown::render(&report), tap::render(&report), github::render(&report));
    let parsed: Result<Value, _> = serde_json::from_str(&json::render(&report, Transcripts::All));
    assert!(parsed.is_ok());
}

fn report(text: &str) -> Report {
    let options = Options { target: text.to_owned(), repeat: text.to_owned(), ..Options::default() };
    let mut report = judge_recorded(&BOUND, Role::Server, vec![(text.to_owned(), Transcript::default())], &options);
    for case in &mut report.cases {
        text.clone_into(&mut case.title);
        case.findings.push(Finding::harness(Severity::Fail, text, text));
    }
    report.unfinished.push(text.to_owned());
    report
}

/// A picture that says this everywhere.
fn chart(text: &str) -> Chart {
    let said = || text.to_owned();
    let cell = Cell { column: 0, tone: Tone::Bad, hollow: false, heat: 50, label: said(), text: said() };
    let row = Row { label: said(), tone: Tone::Odd, text: said(), cells: vec![cell] };
    let grid = Grid { title: said(), note: said(), cell: 40, columns: vec![Axis { label: said(), text: said() }], rows: vec![row] };
    let entry = Entry { word: said(), tone: Tone::Unsure, title: said(), lines: vec![(said(), said())], verbatim: said() };
    Chart {
        title: said(),
        headline: said(),
        tone: Tone::Good,
        subject: said(),
        counts: vec![Count { count: 1, word: said(), tone: Tone::Faint }],
        legend: vec![(Tone::Bad, said())],
        parts: vec![Part { name: said(), note: said(), grids: vec![grid], entries: vec![entry] }],
    }
}
