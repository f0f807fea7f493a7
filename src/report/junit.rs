//! A report as JUnit XML, in the shape that Jenkins documents as `junit-10` and that the importers of GitHub actions and GitLab read.
//!
//! The format knows no warnings and no doubt: a case that warned passes and says so in its output, and one that is inconclusive is skipped with
//! the reason, so that it is neither green nor red.

use std::fmt::Write as _;
use std::time::Duration;

use indexmap::IndexMap;

use super::account::{entries, reason, told};
use super::conversation::draw;
use super::text::{Style, escape, pad};
use super::{amount, xml};
use crate::transcript::{Role, What};
use crate::verdict::{CaseResult, Finding, Report, Verdict};

/// Columns of a conversation in a failure's text.
const COLUMNS: usize = 110;
/// Columns of the words before the values.
const KEY: usize = 12;

/// The report as an XML document.
pub fn render(report: &Report) -> String {
    let mut suites: IndexMap<(&str, Role, &str), Vec<&CaseResult>> = IndexMap::new();
    for case in &report.cases {
        suites.entry((&case.protocol, case.side, &case.group)).or_default().push(case);
    }
    let tally = Tally::of(report.cases.iter(), report.unfinished.len());
    let mut text = String::from("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n");
    let Tally { tests, failures, errors, .. } = tally;
    let time = seconds(report.wall);
    let _ = writeln!(text, r#"<testsuites name="framegate" tests="{tests}" failures="{failures}" errors="{errors}" time="{time}">"#);
    for ((protocol, side, group), cases) in &suites {
        text.push_str(&suite(report, &Class::new(protocol, *side, group), cases));
    }
    text.push_str(&unfinished(report));
    text + "</testsuites>\n"
}

/// How many cases count as what.
struct Tally {
    tests: usize,
    failures: usize,
    errors: usize,
    skipped: usize,
}

impl Tally {
    fn of<'a>(cases: impl Iterator<Item = &'a CaseResult>, unfinished: usize) -> Self {
        let mut tally = Self { tests: unfinished, failures: 0, errors: unfinished, skipped: 0 };
        for case in cases {
            tally.tests += 1;
            match case.verdict() {
                Verdict::Pass | Verdict::Warn => {}
                Verdict::Skip | Verdict::Inconclusive => tally.skipped += 1,
                Verdict::Fail => tally.failures += 1,
                Verdict::Error => tally.errors += 1,
            }
        }
        tally
    }
}

/// What the cases of a suite share: `demo server websocket`, `demo.server.websocket`, and the beginning of their ids.
struct Class {
    title: String,
    dotted: String,
    prefix: String,
}

impl Class {
    fn new(protocol: &str, side: Role, group: &str) -> Self {
        let words = [protocol, side.as_str(), group];
        let words = if group == "protocol" { &words[..2] } else { &words[..] };
        Self { title: words.join(" "), dotted: words.join("."), prefix: words.join("/") + "/" }
    }
}

fn suite(report: &Report, class: &Class, cases: &[&CaseResult]) -> String {
    let Tally { tests, failures, errors, skipped } = Tally::of(cases.iter().copied(), 0);
    let time = seconds(cases.iter().map(|case| case.wall).sum());
    let name = xml::line(&class.title);
    let mut text = format!(
        "  <testsuite name=\"{name}\" tests=\"{tests}\" failures=\"{failures}\" errors=\"{errors}\" skipped=\"{skipped}\" time=\"{time}\">\n"
    );
    let property = |name: &str, value: &str| format!("      <property name=\"{name}\" value=\"{}\"/>\n", xml::line(value));
    let properties = property("framegate", &report.version) + &property("target", &report.target);
    let _ = write!(text, "    <properties>\n{properties}    </properties>\n");
    for case in cases {
        text.push_str(&testcase(case, class));
    }
    text + "  </testsuite>\n"
}

fn testcase(case: &CaseResult, class: &Class) -> String {
    let name = case.id.strip_prefix(&class.prefix).unwrap_or(&case.id);
    let head =
        format!("    <testcase name=\"{}\" classname=\"{}\" time=\"{}\"", xml::line(name), xml::line(&class.dotted), seconds(case.wall));
    let message = xml::line(&reason(case));
    let inner = match case.verdict() {
        Verdict::Pass => return head + "/>\n",
        Verdict::Skip => format!("      <skipped message=\"{message}\"/>\n"),
        Verdict::Inconclusive => format!("      <skipped message=\"inconclusive: {message}\"/>\n{}", output(case)),
        Verdict::Warn => output(case),
        Verdict::Fail => verdict("failure", &message, case),
        Verdict::Error => verdict("error", &message, case),
    };
    format!("{head}>\n{inner}{}    </testcase>\n", stderr(case))
}

/// One element for all findings: importers show the first alone.
fn verdict(element: &str, message: &str, case: &CaseResult) -> String {
    let requirement = told(case).next().map_or(Finding::HARNESS, |finding| &finding.requirement);
    let (kind, text) = (xml::line(requirement), xml::lines(&account(case)));
    format!("      <{element} type=\"{kind}\" message=\"{message}\">{text}</{element}>\n")
}

fn output(case: &CaseResult) -> String {
    format!("      <system-out>{}</system-out>\n", xml::lines(&account(case)))
}

/// Everything that was found, the conversation around the first deciding event, and how to repeat it.
fn account(case: &CaseResult) -> String {
    let mut text = format!("{}\n\n", escape(&case.title));
    for finding in told(case) {
        for (key, value) in entries(case, finding) {
            let _ = writeln!(text, "{}{value}", pad(key, KEY));
        }
        text.push('\n');
    }
    let deciding = told(case).find_map(|finding| finding.event);
    text + &draw(&case.transcript, deciding, &Style::plain(COLUMNS)) + &format!("\nrepeat: {}\n", escape(&case.repeat))
}

/// The last words of a process under test, none of them at the beginning of a line, where a log would take them for a command.
fn stderr(case: &CaseResult) -> String {
    let exits = case.transcript.events.iter().filter_map(|event| match &event.what {
        What::Exited(process) => Some(&process.stderr),
        _ => None,
    });
    let lines: Vec<_> = exits.flatten().map(|line| format!("| {}", xml::line(line))).collect();
    if lines.is_empty() { String::new() } else { format!("      <system-err>\n{}\n</system-err>\n", lines.join("\n")) }
}

/// Cases without a result are errors: an importer that finds them missing would say nothing.
fn unfinished(report: &Report) -> String {
    let count = report.unfinished.len();
    if count == 0 {
        return String::new();
    }
    let message = format!("the run was interrupted: {} without a result", amount(count, "case"));
    let mut text =
        format!("  <testsuite name=\"unfinished\" tests=\"{count}\" failures=\"0\" errors=\"{count}\" skipped=\"0\" time=\"0\">\n");
    for id in &report.unfinished {
        let id = xml::line(id);
        let _ = writeln!(text, r#"    <testcase name="{id}" classname="unfinished" time="0"><error message="{message}"/></testcase>"#);
    }
    text + "  </testsuite>\n"
}

fn seconds(duration: Duration) -> String {
    format!("{:.3}", duration.as_secs_f64())
}
