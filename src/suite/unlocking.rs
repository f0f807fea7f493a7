//! What a target could declare, and how many requirements that would put to the test.

use std::collections::BTreeSet;

use indexmap::IndexMap;

use super::Job;
use crate::plan::Case;
use crate::verdict::{RequirementResult, Unlock};

/// A row for each set of declarations that skipped cases wait for, the one that would put most to the test first.
pub(super) fn unlocks(jobs: &[Job<'_>], requirements: &[RequirementResult]) -> Vec<Unlock> {
    let mut waiting: IndexMap<(&str, BTreeSet<String>), Vec<&Case>> = IndexMap::new();
    for case in jobs.iter().map(|job| &job.case).filter(|case| case.skipped.is_some() && !case.lacks.is_empty()) {
        let declare = case.lacks.iter().map(|lack| format!("{} {}", lack.kind, lack.name)).collect();
        waiting.entry((&case.protocol, declare)).or_default().push(case);
    }
    let open = requirements.iter().filter(|requirement| requirement.is_open());
    let open: BTreeSet<_> = open.map(|open| (open.protocol.as_str(), open.id.as_str())).collect();
    let unlock = |((protocol, declare), cases): ((&str, BTreeSet<String>), Vec<&Case>)| {
        let asked: BTreeSet<&str> = cases.iter().flat_map(|case| case.requirements()).collect();
        let requirements = asked.into_iter().filter(|id| open.contains(&(protocol, *id))).map(str::to_owned).collect();
        Unlock { protocol: protocol.to_owned(), declare: declare.into_iter().collect(), cases: cases.len(), requirements }
    };
    let mut unlocks: Vec<_> = waiting.into_iter().map(unlock).collect();
    unlocks.sort_by_key(|unlock| std::cmp::Reverse((unlock.requirements.len(), unlock.cases)));
    unlocks
}
