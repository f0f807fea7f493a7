//! What a campaign has found, for people and as files.

use std::fmt::Write as _;
use std::fs;
use std::path::Path;
use std::time::Duration;

use framegate::fuzz::journal::Header;
use framegate::fuzz::{Cause, Fingerprint, Summary};
use framegate::report::{Table, amount, duration, escape};
use serde::{Deserialize, Serialize};

use super::output::{Format, style};
use super::{Failure, campaign_page};

/// Name of the summary in the folder of a campaign.
pub(crate) const SUMMARY: &str = "summary.json";
/// How many reasons of a kind are listed.
const REASONS: usize = 12;

/// A summary with the campaign that it is of.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Found {
    /// The campaign, or the first of its parts.
    pub(crate) campaign: Header,
    /// What was found.
    pub(crate) summary: Summary,
}

/// The summary as JSON.
pub(crate) fn json(header: &Header, summary: &Summary) -> String {
    let found = Found { campaign: header.clone(), summary: summary.clone() };
    serde_json::to_string_pretty(&found).expect("a summary has only string keys and finite numbers") + "\n"
}

/// What was found in this format.
pub(crate) fn of_format(format: Format, header: &Header, summary: &Summary, wall: Duration) -> String {
    match format {
        Format::Html => campaign_page::render(header, summary),
        Format::Json => json(header, summary),
        _ => render(summary, wall),
    }
}

/// Writes the shortest conversations, each as a scenario file in the folder of its side, as the `regressions` of a pack have them.
pub(crate) fn save(folder: &Path, summary: &Summary) -> Result<(), Failure> {
    for (fingerprint, cause) in summary.broken() {
        let Some(text) = &cause.reproducer else { continue };
        let folder = folder.join(fingerprint.side.as_str());
        let path = folder.join(file_name(fingerprint));
        let written = fs::create_dir_all(&folder).and_then(|()| fs::write(&path, text));
        written.map_err(|source| Failure::Write { path, source })?;
    }
    Ok(())
}

fn file_name(fingerprint: &Fingerprint) -> String {
    let name = format!("{} {}", fingerprint.requirement, fingerprint.reaction);
    let plain: String = name.chars().map(|c| if c.is_ascii_alphanumeric() { c.to_ascii_lowercase() } else { ' ' }).collect();
    format!("{}.yaml", plain.split_whitespace().collect::<Vec<_>>().join("-"))
}

/// The coverage table, the causes, and one line that says it all.
fn render(summary: &Summary, wall: Duration) -> String {
    let mut text = table(summary);
    for (fingerprint, cause) in summary.broken() {
        text.push_str(&finding(fingerprint, cause));
    }
    text.push_str(&reasons(summary));
    for sentence in &summary.diagnosis {
        let _ = writeln!(text, "note: {}", escape(sentence));
    }
    text.push_str(&last_line(summary, wall));
    text
}

fn table(summary: &Summary) -> String {
    let mut table = Table::new(&["side", "state", "class", "hit", "masked", "unreachable", "missed", "reactions"]).right(&[3, 4, 5, 6]);
    for ((side, state, class), cell) in summary.coverage.by_class() {
        let mut reactions: Vec<_> = cell.reactions.iter().collect();
        reactions.sort_by_key(|(name, count)| (std::cmp::Reverse(**count), (*name).clone()));
        let shown: Vec<_> = reactions.iter().take(2).map(|(name, count)| format!("{name} {count}")).collect();
        let rest = if reactions.len() > 2 { format!(", {} more", reactions.len() - 2) } else { String::new() };
        let numbers = [cell.hit, cell.masked, cell.unreachable, cell.missed].map(|number| number.to_string());
        let [hit, masked, unreachable, missed] = &numbers;
        table.row([side.as_str(), &state, class.as_str(), hit, masked, unreachable, missed, &format!("{}{rest}", shown.join(", "))]);
    }
    if table.is_empty() { String::new() } else { table.render(&style()) + "\n" }
}

fn finding(fingerprint: &Fingerprint, cause: &Cause) -> String {
    let Fingerprint { side, requirement, reaction } = fingerprint;
    let mut text = format!("{requirement}: the {side} {reaction} ({})\n", tries(cause.count));
    let _ = writeln!(text, "  {}", escape(&cause.finding.text));
    let _ = writeln!(text, "  expected  {}", escape(&cause.finding.expected));
    let _ = writeln!(text, "  actual    {}", escape(&cause.finding.actual));
    for way in cause.ways.keys().take(3) {
        let _ = writeln!(text, "  by        {}", escape(way));
    }
    if cause.ways.len() > 3 {
        let _ = writeln!(text, "            and {} more", cause.ways.len() - 3);
    }
    for line in cause.reproducer.iter().flat_map(|text| text.lines().skip(1)) {
        let shown: String = line.chars().take(160).collect();
        let _ = writeln!(text, "  | {}", escape(&shown));
    }
    text + "\n"
}

pub(crate) fn tries(count: u64) -> String {
    if count == 1 { "1 try".to_owned() } else { format!("{count} tries") }
}

fn reasons(summary: &Summary) -> String {
    let mut text = String::new();
    for (reason, count) in summary.coverage.reasons.iter().take(REASONS) {
        let _ = writeln!(text, "{count:>6}  {}", escape(reason));
    }
    if summary.coverage.reasons.len() > REASONS {
        let _ = writeln!(text, "        and {} more reasons", summary.coverage.reasons.len() - REASONS);
    }
    text
}

fn last_line(summary: &Summary, wall: Duration) -> String {
    let total = summary.coverage.total();
    let reachable = total.hit + total.missed;
    let percent = (total.hit * 100).checked_div(reachable).unwrap_or(0);
    let causes = summary.broken().count();
    format!(
        "{} · {percent} % of {reachable} reachable violations · {} masked · {} unreachable · {} missed · {} · {}\n",
        tries(summary.tries),
        total.masked,
        total.unreachable,
        total.missed,
        amount(causes, "cause"),
        duration(wall),
    )
}
