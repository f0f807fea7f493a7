//! A scenario file played once more and judged as the campaign judged it.

use super::arena::Arena;
use super::oracle;
use crate::pack::scenario::Scenario;
use crate::plan;
use crate::suite::Bound;
use crate::transcript::Role;
use crate::verdict::{CaseResult, Severity};

/// Plays the cases of a scenario; to what the pack's rules find comes what the oracle finds.
pub fn replay(bound: &Bound, side: Role, name: &str, scenario: &Scenario, arena: &dyn Arena) -> Vec<CaseResult> {
    let cases = plan::bind(&bound.pack, &bound.settings, side, name, scenario);
    cases
        .iter()
        .map(|case| {
            let mut result = arena.play(bound, case);
            if result.skipped.is_none() {
                let sighting = oracle::judge(bound, case, &result);
                result.findings.retain(|finding| finding.severity < Severity::Fail);
                result.findings.splice(0..0, sighting.findings);
            }
            result
        })
        .collect()
}
