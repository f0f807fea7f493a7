//! A report as Markdown for the summary of a CI run: counts, what is broken, what nothing put to the test.
//!
//! What a target sent stands in code alone, where no renderer looks for links, mentions, pipes or tags, and never in a table.

use std::fmt::Write as _;

use indexmap::IndexMap;

use super::account::entries;
use super::breakage::{Breakage, breakages};
use super::console::counts_line;
use super::conversation::draw;
use super::text::{Style, amount, duration, escape};
use crate::transcript::Role;
use crate::verdict::{CaseResult, Report, Severity, Unlock, Verdict};

/// Bytes that a summary may have, with room for the last lines: GitHub takes 1 MiB.
const MOST: usize = 1_000_000;
/// Characters of one value.
const LONGEST: usize = 400;
/// Columns of a conversation.
const COLUMNS: usize = 110;
/// Names of a list; more are only counted.
const NAMED: usize = 100;

/// The report as Markdown.
pub fn render(report: &Report) -> String {
    let mut text = format!("## framegate: {}\n\n", headline(report));
    let _ = writeln!(text, "{}\n\n{}, {}\n", counts_line(&report.counts()), code(&report.target), duration(report.wall));
    if report.interrupted {
        let _ = writeln!(text, "**Interrupted: {} without a result.**\n", amount(report.unfinished.len(), "case"));
    }
    text.push_str(&sides(report));
    let breakages = breakages(report);
    for (index, breakage) in breakages.iter().enumerate() {
        let section = section(breakage);
        if text.len() + section.len() > MOST {
            let _ = writeln!(text, "And {} more, in the other reports.\n", breakages.len() - index);
            break;
        }
        text.push_str(&section);
    }
    text + &not_exercised(report) + &unlocks(report)
}

fn headline(report: &Report) -> &'static str {
    match report.exit_code() {
        0 => "passed",
        1 => "failed",
        3 => "inconclusive",
        4 => "nothing ran",
        _ => "the harness failed",
    }
}

/// Verdicts by protocol and side. Ids of protocols alone come in from outside.
fn sides(report: &Report) -> String {
    let verdicts = [Verdict::Pass, Verdict::Warn, Verdict::Fail, Verdict::Inconclusive, Verdict::Skip, Verdict::Error];
    let mut sides: IndexMap<(&str, Role), Vec<&CaseResult>> = IndexMap::new();
    for case in &report.cases {
        sides.entry((&case.protocol, case.side)).or_default().push(case);
    }
    if sides.is_empty() {
        return String::new();
    }
    let titles = verdicts.map(Verdict::as_str).join(" | ");
    let mut table = format!("| protocol | side | cases | {titles} |\n|---|---|--:|{}\n", "--:|".repeat(verdicts.len()));
    for ((protocol, side), cases) in sides {
        let count = |verdict| cases.iter().filter(|case| case.verdict() == verdict).count().to_string();
        let cells = verdicts.map(count).join(" | ");
        let _ = writeln!(table, "| {} | {side} | {} | {cells} |", prose(protocol), cases.len());
    }
    table + "\n"
}

fn section(breakage: &Breakage<'_>) -> String {
    let (case, finding) = breakage.places[0];
    let cases = amount(breakage.places.len(), "case");
    let mut text = format!(
        "### {}: {} ({}, {}, {cases})\n\n> {}\n\n",
        word(breakage.severity),
        code(&finding.requirement),
        finding.level.as_str(),
        case.side,
        prose(&finding.text)
    );
    for (key, value) in entries(case, finding).into_iter().filter(|(key, _)| ["source", "expected", "actual", "at"].contains(key)) {
        let _ = writeln!(text, "- {key}: {}", code(&value));
    }
    let drawn = draw(&case.transcript, finding.event, &Style::plain(COLUMNS));
    let conversation = block(&format!("{drawn}\nrepeat: {}", escape(&case.repeat)));
    let _ = writeln!(text, "- case: {}{}\n", code(&case.id), others(breakage));
    let _ = write!(text, "<details><summary>conversation</summary>\n\n{conversation}\n\n</details>\n\n");
    text
}

fn word(severity: Severity) -> &'static str {
    match severity {
        Severity::Info => "noted",
        Severity::Warn => "warn",
        Severity::Inconclusive => "inconclusive",
        Severity::Fail => "fail",
        Severity::Error => "error",
    }
}

fn others(breakage: &Breakage<'_>) -> String {
    const LISTED: usize = 5;
    let ids: Vec<_> = breakage.places.iter().skip(1).map(|(case, _)| code(&case.id)).collect();
    match ids.len() {
        0 => String::new(),
        count if count > LISTED => format!("; also in {} and {} more", ids[..LISTED].join(", "), count - LISTED),
        _ => format!("; also in {}", ids.join(", ")),
    }
}

/// Requirements that no case put to the test, named so that nobody takes them for passed.
fn not_exercised(report: &Report) -> String {
    let open = report.requirements.iter().filter(|requirement| requirement.is_open());
    let lines: Vec<_> = open.map(|requirement| format!("- {} {}", requirement.level.as_str(), code(&requirement.id))).collect();
    if lines.is_empty() {
        return String::new();
    }
    let more = if lines.len() > NAMED { format!("\n- and {} more", lines.len() - NAMED) } else { String::new() };
    let listed = lines[..lines.len().min(NAMED)].join("\n");
    format!("<details><summary>{} not exercised</summary>\n\n{listed}{more}\n\n</details>\n", amount(lines.len(), "requirement"))
}

/// What the target could declare, the most useful first.
fn unlocks(report: &Report) -> String {
    if report.unlocks.is_empty() {
        return String::new();
    }
    let line = |unlock: &Unlock| {
        let [cases, requirements] = [amount(unlock.cases, "case"), amount(unlock.requirements.len(), "requirement")];
        format!("- {}: {cases}, {requirements} not exercised yet\n", code(&unlock.declare.join(" + ")))
    };
    let lines: String = report.unlocks.iter().take(NAMED).map(line).collect();
    format!("\n<details><summary>What the target could declare</summary>\n\n{lines}\n</details>\n")
}

/// Untrusted text as a code span, in which nothing means anything but a run of backticks as long as the one around it.
fn code(text: &str) -> String {
    let escaped = escape(text);
    let mut shown: String = escaped.chars().take(LONGEST).collect();
    if shown.len() < escaped.len() {
        shown.push('…');
    }
    if shown.trim().is_empty() {
        return "(nothing)".to_owned();
    }
    let fence = "`".repeat(longest_run(&shown) + 1);
    let blank = if shown.starts_with(['`', ' ']) || shown.ends_with(['`', ' ']) { " " } else { "" };
    format!("{fence}{blank}{shown}{blank}{fence}")
}

/// Lines without controls as a fenced block.
fn block(lines: &str) -> String {
    let fence = "`".repeat(longest_run(lines).max(2) + 1);
    format!("{fence}text\n{lines}\n{fence}")
}

fn longest_run(text: &str) -> usize {
    text.split(|character| character != '`').map(str::len).max().unwrap_or(0)
}

/// Text of a pack: every mark that Markdown knows is taken for itself, and `@` mentions nobody.
fn prose(text: &str) -> String {
    escape(text).chars().fold(String::new(), |mut prose, character| {
        if character == '@' {
            prose.push_str("@&#8203;");
        } else {
            if character.is_ascii_punctuation() && !matches!(character, ',' | ';' | '\'' | '?' | '/' | '%') {
                prose.push('\\');
            }
            prose.push(character);
        }
        prose
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_code_span_ends_where_its_text_does() {
        assert_eq!(code("a"), "`a`");
        assert_eq!(code("`` <img> @all | ```"), "```` `` <img> @all | ``` ````");
        assert_eq!(code("\n"), "`\\n`");
        assert_eq!(code(" "), "(nothing)");
        assert_eq!(code(&"é".repeat(500)).chars().count(), LONGEST + 3);
    }

    #[test]
    fn a_block_is_not_closed_by_what_it_holds() {
        assert_eq!(block("```\n<script>"), "````text\n```\n<script>\n````");
    }

    #[test]
    fn prose_holds_no_mark_and_no_mention() {
        assert_eq!(prose("*a* <b> @all www.x | [l](u)"), r"\*a\* \<b\> @&#8203;all www\.x \| \[l\]\(u\)");
    }
}
