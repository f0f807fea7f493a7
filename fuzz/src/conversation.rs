//! Targets that play: whole conversations, peers alone, and the search for shorter ones.

use std::collections::BTreeSet;
use std::hash::{DefaultHasher, Hash as _, Hasher as _};
use std::sync::LazyLock;

use framegate::fuzz::arena::Reference;
use framegate::fuzz::{Probes, Tries, Try, frames, minimize, oracle, replay, scenario_file};
use framegate::pack::scenario::{Raw, Scenario, Step};
use framegate::plan;
use framegate::transcript::Role;
use framegate::verdict::Severity;

use crate::BOUND;

/// The tries of campaigns against both sides of the pack. The seed does not matter: the input is what chance would be.
static TRIES: LazyLock<Tries> = LazyLock::new(|| tries(1));

/// The tries of a campaign of this seed.
pub(crate) fn tries(seed: u64) -> Tries {
    Tries::new(&BOUND.pack, &BOUND.settings, &[Role::Server, Role::Client], seed)
}

/// The try that these bytes mean, in a campaign as here, with the conversation in which it is made.
pub fn scenario(data: &[u8]) -> Option<(Try, Scenario)> {
    let one = TRIES.of_input(data)?;
    let front = TRIES.fronts().iter().find(|front| front.side == one.side)?;
    let probes = Probes { canary: false, fresh: one.side == Role::Server };
    let scenario = one.scenario(&BOUND.pack, front, probes)?;
    Some((one, scenario))
}

/// The input is a try of a campaign: whatever is wrong in it, the reference peers live and say nothing that is not documented.
pub fn conversation(data: &[u8]) {
    if let Some((one, scenario)) = scenario(data) {
        judge(one.side, &scenario);
    }
}

/// Messages of any bytes, a line each, leave a reference server alive and well behaved.
pub fn messages(data: &[u8]) {
    let hex = |line: &[u8]| line.iter().map(|byte| format!("{byte:02x}")).collect::<String>();
    let message = |line: &[u8]| Step::Message(Raw { hex: Some(hex(line)), ..Raw::default() });
    let mut steps = vec![Step::Include("connected".to_owned()), Step::Mark("violation".to_owned())];
    steps.extend(data.split(|byte| *byte == b'\n').take(16).map(message));
    steps.push(Step::Ping(framegate::pack::scenario::Control::default()));
    judge(Role::Server, &Scenario::new("input", steps));
}

fn judge(side: Role, scenario: &Scenario) {
    let own = [oracle::ALIVE, oracle::ANSWERS, oracle::DOCUMENTED_FRAMES, oracle::DOCUMENTED_CLOSES, oracle::BOUNDED];
    for result in replay(&BOUND, side, "input", scenario, &Reference) {
        let broken =
            result.findings.iter().find(|finding| own.contains(&finding.requirement.as_str()) || finding.severity == Severity::Error);
        if let Some(broken) = broken {
            let expected = &broken.expected;
            panic!("{}: expected {expected}; {}\n{}", broken.requirement, broken.actual, scenario_file(&[], scenario));
        }
    }
}

/// Whatever decides that a conversation fails, the shortest one that is found fails too, is negative still, and is no longer. The first byte
/// makes the decision, the others are a try.
pub fn minimizer(data: &[u8]) {
    let Some((salt, input)) = data.split_first() else { return };
    let Some((one, scenario)) = scenario(input) else { return };
    let fails = |scenario: &Scenario| decide(one.side, scenario, u64::from(*salt));
    if !fails(&scenario) {
        return;
    }
    let claims: BTreeSet<_> = one.violations.iter().map(|violation| violation.steps.len()).collect();
    let negative = |steps: &[Step]| claims.contains(&0) || !steps.is_empty();
    let shortest = minimize(&BOUND.pack, one.side, &scenario, &negative, &mut |scenario| fails(scenario));
    assert!(fails(&shortest), "it does not fail any more:\n{}", scenario_file(&[], &shortest));
    assert!(negative(&shortest.steps));
    let count = |scenario: &Scenario| frames(&BOUND.pack, one.side, &scenario.steps);
    assert!(count(&shortest) <= count(&scenario), "it is longer than before");
}

/// A decision that knows no reason, of what is said in the end: three in four conversations fail.
fn decide(side: Role, scenario: &Scenario, salt: u64) -> bool {
    let mut hasher = DefaultHasher::new();
    for case in plan::bind(&BOUND.pack, &BOUND.settings, side, "input", scenario) {
        for step in &case.steps {
            serde_json::to_string(step).unwrap_or_default().hash(&mut hasher);
        }
    }
    !(hasher.finish() ^ salt).is_multiple_of(4)
}
