//! A report for people at a terminal. What is broken comes first, the tables after it, the counts last, where the eye is.

use std::time::Duration;

use indexmap::IndexMap;

use super::breakage::{Drawn, breakages};
use super::table::Table;
use super::text::{Ink, Style, amount, blanks, columns, duration, escape, fit, pad, wrap};
use crate::transcript::Role;
use crate::verdict::{CaseResult, Counts, Finding, Level, Outcome, Report, RequirementResult, Severity, Verdict};

/// Which clock a line shows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Clock {
    /// The clock of the conversation, for embedded peers.
    Virtual,
    /// The clock on the wall, for live targets.
    Wall,
}

/// Columns of the longest verdict.
const VERDICT: usize = 12;
const TIME: usize = 10;
const VIRTUAL: &str = " virtual";
/// Requirements without an outcome, and reasons for skipping, that are named; more are only counted.
const NAMED: usize = 12;
/// Rows of what the target could declare.
const UNLOCKS: usize = 8;

/// One case in one line: verdict, id, time, and why it is no pass.
pub fn case_line(case: &CaseResult, clock: Clock, style: &Style) -> String {
    let verdict = case.verdict();
    let time = match clock {
        Clock::Virtual => duration(case.transcript.duration()) + VIRTUAL,
        Clock::Wall => duration(case.wall),
    };
    let time = if verdict == Verdict::Skip { String::new() } else { time };
    let id = pad(&escape(&case.id), style.width * 2 / 5 - 4);
    let head = format!("{}  {id}  {time:>width$}", blanks(VERDICT - verdict.as_str().len()), width = time_columns(clock));
    let room = style.width.saturating_sub(columns(&head) + verdict.as_str().len() + 2);
    let reason = fit(&escape(&reason(case)), room);
    let word = style.paint(verdict.into(), verdict.as_str());
    let line = format!("{word}{head}  {reason}");
    line.trim_end().to_owned()
}

fn time_columns(clock: Clock) -> usize {
    match clock {
        Clock::Virtual => TIME + VIRTUAL.len(),
        Clock::Wall => TIME,
    }
}

/// Why a case is no pass: its reason for skipping, or its worst finding.
fn reason(case: &CaseResult) -> String {
    let worst: Option<&Finding> = case.findings.iter().max_by_key(|finding| finding.severity);
    match (&case.skipped, worst) {
        (Some(reason), _) => reason.clone(),
        // What is wrong with the harness or the target is no protocol's requirement.
        (None, Some(finding)) if finding.requirement.starts_with("framegate-") => finding.actual.clone(),
        (None, Some(finding)) if finding.severity > Severity::Info => format!("{}: {}", finding.requirement, finding.actual),
        _ => String::new(),
    }
}

/// The whole report: what is broken, the requirements, the counts.
pub fn render(report: &Report, style: &Style) -> String {
    let broken = broken(report, style);
    let gap = if broken.is_empty() { "" } else { "\n" };
    format!("{broken}{gap}{}", summary(report, style))
}

/// Everything that is broken or could not be told, each once, with its conversation.
pub fn broken(report: &Report, style: &Style) -> String {
    let mut drawn = Drawn::new();
    let rendered: Vec<_> = breakages(report).iter().map(|breakage| breakage.render(&mut drawn, style)).collect();
    rendered.join("\n")
}

/// Requirements by outcome, what was skipped and why, what was not exercised and what would change that, and the counts.
pub fn summary(report: &Report, style: &Style) -> String {
    let parts =
        [requirements(report, style), skipped(report, style), not_exercised(report, style), unlocks(report, style), closing(report, style)];
    let parts: Vec<_> = parts.into_iter().filter(|part| !part.is_empty()).collect();
    parts.join("\n")
}

/// `642 selected · 630 run · …`, always with every count.
pub fn counts_line(counts: &Counts) -> String {
    let Counts { selected, run, passed, warned, failed, inconclusive, skipped, errors, not_exercised } = counts;
    format!(
        "{selected} selected · {run} run · {passed} passed · {warned} warned · {failed} failed · {inconclusive} inconclusive · \
         {skipped} skipped · {errors} errors · {not_exercised} not exercised"
    )
}

/// How many cases of each protocol and side came out how, and how much protocol time they took.
pub fn sides(report: &Report, style: &Style) -> String {
    let mut sides: IndexMap<(&str, Role), Vec<&CaseResult>> = IndexMap::new();
    for case in &report.cases {
        sides.entry((&case.protocol, case.side)).or_default().push(case);
    }
    let titles = ["protocol", "side", "cases", "pass", "warn", "fail", "inconclusive", "skip", "error", "time"];
    let mut table = Table::new(&titles).right(&[2, 3, 4, 5, 6, 7, 8, 9]);
    for ((protocol, side), cases) in sides {
        let count = |verdict| cases.iter().filter(|case| case.verdict() == verdict).count();
        let cell = |verdict: Verdict| {
            let ink = if count(verdict) == 0 { Ink::Faint } else { verdict.into() };
            (count(verdict).to_string(), Some(ink))
        };
        let name = [(protocol.to_owned(), None), (side.to_string(), None), (cases.len().to_string(), None)];
        let verdicts = [Verdict::Pass, Verdict::Warn, Verdict::Fail, Verdict::Inconclusive, Verdict::Skip, Verdict::Error];
        let time = duration(cases.iter().map(|case| case.transcript.duration()).sum());
        table.painted(name.into_iter().chain(verdicts.map(cell)).chain([(time, None)]));
    }
    if table.is_empty() { String::new() } else { table.render(style) }
}

/// Times of a run: how long it took, how much protocol time it was, and what bounds it from below.
pub fn statistics(report: &Report, style: &Style) -> String {
    let run = report.counts().run;
    let ran: Duration = report.cases.iter().map(|case| case.wall).sum();
    let ratio = report.simulated().as_secs_f64() / report.wall.as_secs_f64().max(1e-9);
    let rate = f64::from(u32::try_from(run).unwrap_or(u32::MAX)) / report.wall.as_secs_f64().max(1e-9);
    let mut table = Table::new(&["", "", ""]).right(&[1]);
    table.row(["wall time", &duration(report.wall), "from the first case to the last verdict"]);
    table.row(["protocol time", &duration(report.simulated()), "by the clocks of the conversations, added up"]);
    table.row(["ratio", &format!("{ratio:.1}"), "protocol time to wall time"]);
    table.row(["sum", &duration(ran), "wall time of all cases, one after the other"]);
    table.row(["critical path", &duration(report.critical_path()), "the longest case by its own clock, and those that had to run alone"]);
    table.row(["cases a second", &format!("{rate:.0}"), ""]);
    table.render(style)
}

type Group<'a> = (&'a str, Role, &'a str);

fn requirements(report: &Report, style: &Style) -> String {
    let mut groups: IndexMap<Group<'_>, Vec<&RequirementResult>> = IndexMap::new();
    for requirement in &report.requirements {
        groups.entry((&requirement.protocol, requirement.side, &requirement.group)).or_default().push(requirement);
    }
    groups.sort_by_key(|(protocol, side, group), _| (*protocol, std::cmp::Reverse(*side), *group));
    let titles = ["protocol", "side", "group", "level", "satisfied", "violated", "not exercised", "excluded"];
    let mut table = Table::new(&titles).right(&[4, 5, 6, 7]);
    for ((protocol, side, group), requirements) in groups {
        let mut name = [protocol, side.as_str(), group];
        for level in [Level::Must, Level::Should, Level::May] {
            let of_level: Vec<_> = requirements.iter().filter(|requirement| requirement.level == level).copied().collect();
            if !of_level.is_empty() {
                let tally = Tally::of(&of_level);
                table.painted(
                    name.map(|word| (word.to_owned(), None)).into_iter().chain([(level.as_str().to_owned(), None)]).chain(tally.cells()),
                );
                name = [""; 3];
            }
        }
    }
    if table.is_empty() { String::new() } else { table.render(style) }
}

#[derive(Default)]
struct Tally {
    satisfied: usize,
    violated: usize,
    not_exercised: usize,
    excluded: usize,
}

impl Tally {
    fn of(requirements: &[&RequirementResult]) -> Self {
        requirements.iter().fold(Self::default(), |mut tally, requirement| {
            let count = match (&requirement.excluded, requirement.outcome) {
                (Some(_), _) => &mut tally.excluded,
                (None, Outcome::Satisfied) => &mut tally.satisfied,
                (None, Outcome::Violated) => &mut tally.violated,
                (None, Outcome::NotExercised) => &mut tally.not_exercised,
            };
            *count += 1;
            tally
        })
    }

    fn cells(&self) -> [(String, Option<Ink>); 4] {
        let ink = |count: usize, ink| if count == 0 { Some(Ink::Faint) } else { ink };
        [
            (self.satisfied.to_string(), ink(self.satisfied, Some(Ink::Good))),
            (self.violated.to_string(), ink(self.violated, Some(Ink::Bad))),
            (self.not_exercised.to_string(), ink(self.not_exercised, Some(Ink::Unsure))),
            (self.excluded.to_string(), ink(self.excluded, None)),
        ]
    }
}

/// Reasons for skipping, each once.
fn skipped(report: &Report, style: &Style) -> String {
    let mut reasons: IndexMap<&str, usize> = IndexMap::new();
    for reason in report.cases.iter().filter_map(|case| case.skipped.as_deref()) {
        *reasons.entry(reason).or_default() += 1;
    }
    reasons.sort_by(|a, count, b, other| other.cmp(count).then(a.cmp(b)));
    let lines = reasons.iter().map(|(reason, count)| format!("{}: {}", amount(*count, "case"), escape(reason)));
    list("skipped", &lines.collect::<Vec<_>>(), style)
}

/// Musts and shoulds that no case put to the test: they count as nothing, and are named so that nobody takes them for passed.
fn not_exercised(report: &Report, style: &Style) -> String {
    let mut open: Vec<_> = report.requirements.iter().filter(|requirement| requirement.is_open()).collect();
    open.sort_by_key(|requirement| std::cmp::Reverse(requirement.level));
    let lines = open.iter().map(|requirement| format!("{}  {}", pad(requirement.level.as_str(), 6), escape(&requirement.id)));
    list("not exercised", &lines.collect::<Vec<_>>(), style)
}

/// What the target could declare, and how much that would put to the test.
fn unlocks(report: &Report, style: &Style) -> String {
    if report.unlocks.is_empty() {
        return String::new();
    }
    let mut table = Table::new(&["declare", "cases", "requirements not exercised yet"]).right(&[1, 2]);
    for unlock in report.unlocks.iter().take(UNLOCKS) {
        table.row([&unlock.declare.join(" + "), &unlock.cases.to_string(), &unlock.requirements.len().to_string()]);
    }
    let more = report.unlocks.len().saturating_sub(UNLOCKS);
    let more = if more > 0 { format!("and {}, in the JSON report\n", amount(more, "more row")) } else { String::new() };
    format!("{}\n{}{more}", style.paint(Ink::Faint, "what the target could declare"), table.render(style))
}

fn list(title: &str, lines: &[String], style: &Style) -> String {
    if lines.is_empty() {
        return String::new();
    }
    let more = lines.len().saturating_sub(NAMED);
    let mut text = style.paint(Ink::Faint, title) + "\n";
    for line in lines.iter().take(NAMED) {
        let wrapped = wrap(line, style.width.saturating_sub(4));
        text.extend(["  ", &wrapped.join("\n    "), "\n"]);
    }
    if more > 0 {
        text.extend(["  and ", &more.to_string(), " more, in the JSON report\n"]);
    }
    text
}

fn closing(report: &Report, style: &Style) -> String {
    let counts = report.counts();
    let ink = match report.exit_code() {
        0 if counts.warned == 0 && counts.inconclusive == 0 => Ink::Good,
        0 => Ink::Odd,
        3 | 4 => Ink::Unsure,
        _ => Ink::Bad,
    };
    let interrupted = if report.interrupted {
        let unfinished = amount(report.unfinished.len(), "case");
        format!("{}: {unfinished} did not begin\n", style.paint(Ink::Bad, "interrupted"))
    } else {
        String::new()
    };
    let took = format!("{}, {}", duration(report.wall), escape(&report.target));
    format!("{interrupted}{}\n{}\n", style.paint(ink, &counts_line(&counts)), style.paint(Ink::Faint, &took))
}
