//! One entry of a baseline, and what a run says about it.

use serde::Deserialize;
use serde::de::{Deserializer, Error as _};

use super::day::Day;
use super::signature::signature;
use super::{failures, is_excusable};
use crate::verdict::{CaseResult, Finding, Outcome, Report, Verdict};

/// One known failure, or several that globs bring together.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Entry {
    /// Glob over ids of requirements.
    pub requirement: String,
    /// Glob over ids of cases.
    pub case: String,
    /// Why it is not mended yet.
    pub reason: String,
    /// Who looks after it.
    #[serde(default)]
    pub owner: Option<String>,
    /// Where it is written about.
    #[serde(default)]
    pub link: Option<String>,
    /// The last day on which it excuses anything.
    #[serde(default)]
    pub expires: Option<Day>,
    /// What the failures look like. Empty: however they look.
    #[serde(default, deserialize_with = "one_or_several")]
    pub signature: Vec<String>,
}

/// What a run says about an entry.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum State {
    /// Every failure that it fits is one that it knows.
    Excused,
    /// A failure that it fits looks different.
    Changed,
    /// Its day has passed.
    Expired,
    /// It fits no requirement, or no case that puts the requirement to the test.
    Stale,
    /// What it excuses holds now.
    Fixed,
    /// The run put its question to nobody: it was not selected, was skipped, or could not be told.
    Unjudged,
}

impl Entry {
    /// An entry with these three.
    pub fn new(requirement: &str, case: &str, reason: &str) -> Self {
        let [requirement, case, reason] = [requirement, case, reason].map(str::to_owned);
        Self { requirement, case, reason, owner: None, link: None, expires: None, signature: Vec::new() }
    }

    /// True if it names this requirement.
    pub(super) fn names(&self, requirement: &str) -> bool {
        fits(&self.requirement, requirement)
    }

    /// True if this failure of this case is one of those that it is about.
    pub(super) fn fits(&self, finding: &Finding, case: &str) -> bool {
        self.names(&finding.requirement) && fits(&self.case, case)
    }

    pub(super) fn knows(&self, signature: &str) -> bool {
        self.signature.is_empty() || self.signature.iter().any(|known| known == signature)
    }

    pub(super) fn is_expired(&self, today: Day) -> bool {
        self.expires.is_some_and(|day| day < today)
    }

    pub(super) fn judge(&self, report: &Report, today: Day, is_whole: bool) -> State {
        let cases: Vec<_> = report.cases.iter().filter(|case| fits(&self.case, &case.id)).collect();
        let is_unfinished = report.unfinished.iter().any(|id| fits(&self.case, id));
        if self.is_expired(today) && (is_whole || !cases.is_empty()) {
            return State::Expired;
        }
        let mut met =
            cases.iter().flat_map(|case| &case.findings).filter(|finding| is_excusable(finding) && self.names(&finding.requirement));
        if let Some(first) = met.next() {
            let knows_all = std::iter::once(first).chain(met).all(|finding| self.knows(&signature(finding)));
            return if knows_all { State::Excused } else { State::Changed };
        }
        match cases.iter().flat_map(|case| self.outcomes(case)).max() {
            // It breaks, though it does not fail: it warns, or only some attempts failed.
            Some(Outcome::Violated) => State::Excused,
            _ if is_unfinished => State::Unjudged,
            Some(Outcome::Satisfied) => State::Fixed,
            _ if cases.is_empty() && !is_whole => State::Unjudged,
            _ if cases.iter().any(|case| !is_conclusive(case)) => State::Unjudged,
            _ => State::Stale,
        }
    }

    /// What is wrong with it, as expected and actual, where no failure says it already.
    pub(super) fn complaint(&self, state: State) -> Option<(&'static str, String)> {
        let because = self.because();
        match state {
            State::Excused | State::Changed | State::Unjudged => None,
            State::Expired => {
                let day = self.expires.map(|day| day.to_string()).unwrap_or_default();
                Some(("an entry whose day has not passed", format!("it expired after {day}: {because}")))
            }
            State::Stale => Some(("an entry that fits a case", format!("it fits nothing that is tested: {because}"))),
            State::Fixed => Some(("an entry whose failure still comes", format!("it passes now, so take the entry out: {because}"))),
        }
    }

    /// The entry with the signatures of this run, if they have changed.
    pub(super) fn renewed(&self, report: &Report, state: State) -> Self {
        let mut renewed = self.clone();
        if state == State::Changed {
            let met = failures(report).filter(|(case, finding)| self.fits(finding, &case.id));
            renewed.signature = met.map(|(_, finding)| signature(finding)).collect();
            renewed.signature.sort();
            renewed.signature.dedup();
        }
        renewed
    }

    /// Its reason, with who looks after it and where it is written about.
    pub(super) fn because(&self) -> String {
        let more = [&self.owner, &self.link].into_iter().flatten().map(String::as_str);
        [self.reason.as_str()].into_iter().chain(more).collect::<Vec<_>>().join(", ")
    }

    pub(super) fn to_yaml(&self) -> String {
        let text = |text: &String| serde_json::Value::from(text.as_str()).to_string();
        let mut yaml =
            format!("  - requirement: {}\n    case: {}\n    reason: {}\n", text(&self.requirement), text(&self.case), text(&self.reason));
        let signature =
            (!self.signature.is_empty()).then(|| format!("[{}]", self.signature.iter().map(text).collect::<Vec<_>>().join(", ")));
        let optional = [
            ("owner", self.owner.as_ref().map(text)),
            ("link", self.link.as_ref().map(text)),
            ("expires", self.expires.map(|day| day.to_string())),
            ("signature", signature),
        ];
        for (key, value) in optional {
            yaml.extend(value.map(|value| format!("    {key}: {value}\n")));
        }
        yaml
    }

    /// What this case says about the requirements that it names.
    fn outcomes<'a>(&'a self, case: &'a CaseResult) -> impl Iterator<Item = Outcome> + 'a {
        // A case that tells nothing satisfies nothing either.
        let ran = is_conclusive(case).then_some(&case.outcomes);
        ran.into_iter().flatten().filter(|(id, outcome)| self.names(id) && **outcome != Outcome::NotExercised).map(|(_, outcome)| *outcome)
    }
}

fn is_conclusive(case: &CaseResult) -> bool {
    matches!(case.verdict(), Verdict::Pass | Verdict::Warn | Verdict::Fail)
}

/// True if the glob fits the whole text. `*` stands for any run of characters.
fn fits(glob: &str, text: &str) -> bool {
    let mut parts = glob.split('*');
    let Some(mut rest) = parts.next().and_then(|first| text.strip_prefix(first)) else { return false };
    let mut parts: Vec<&str> = parts.collect();
    let Some(last) = parts.pop() else { return rest.is_empty() };
    for part in parts {
        let Some(at) = rest.find(part) else { return false };
        rest = &rest[at + part.len()..];
    }
    rest.ends_with(last)
}

fn one_or_several<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<String>, D::Error> {
    match serde_json::Value::deserialize(deserializer)? {
        serde_json::Value::String(one) => Ok(vec![one]),
        several => serde_json::from_value(several).map_err(D::Error::custom),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_glob_fits_whole_texts() {
        for (glob, text) in [("a", "a"), ("*", ""), ("a*", "abc"), ("*c", "abc"), ("a*b*c", "a-b-b-c"), ("a*a", "aa")] {
            assert!(fits(glob, text), "{glob} {text}");
        }
        for (glob, text) in [("a", "ab"), ("a", ""), ("a*a", "a"), ("a*b*c", "acb"), ("b*", "ab")] {
            assert!(!fits(glob, text), "{glob} {text}");
        }
    }
}
