//! A try as an ordinary scenario: the way to a state, the violation, and what proves that the target lives and others are not disturbed.
//!
//! The names of marks and connections are all that the oracle needs to read such a conversation, so that a reproducer on disk is judged as
//! the try was.

use serde_json::json;

use super::generator::State;
use super::generator::state::{CONNECTED, EXCHANGE, unrolled};
use super::violation::{Aftermath, Violation};
use crate::pack::Pack;
use crate::pack::parameter::Span;
use crate::pack::pattern::Names;
use crate::pack::scenario::{Alternative, Control, Expect, Meaning, On, Scenario, Step};
use crate::transcript::Role;

/// The mark before the violation.
pub(super) const VIOLATION: &str = "violation";
/// A second, well-behaved connection that lasts through the violation.
pub(super) const CANARY: &str = "canary";
/// A connection that is opened after the violation.
pub(super) const FRESH: &str = "fresh";
/// The payload of the ping before the violation.
pub(super) const BEFORE: &str = "framegate before";
/// The payload of the ping after the violation.
pub(super) const AFTER: &str = "framegate after";

/// How long a server that takes one conversation at a time may take to let go of it. Common libraries wait 10 s for a close.
const PARTING: &str = "15s";

/// What a conversation proves beside its violation. Which of it a target is capable of, a good conversation shows.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Probes {
    /// A second connection lasts through the violation.
    pub canary: bool,
    /// A connection is opened after the violation.
    pub fresh: bool,
}

impl Probes {
    /// All combinations, the most telling first.
    pub(super) const ALL: [Self; 4] = [
        Self { canary: true, fresh: true },
        Self { canary: false, fresh: true },
        Self { canary: true, fresh: false },
        Self { canary: false, fresh: false },
    ];
}

/// The conversation in which these violations are committed one after another in this state. Without any it is a good one.
pub(super) fn scenario(pack: &Pack, side: Role, state: &State, violations: &[&Violation], probes: Probes) -> Scenario {
    let phase = |name: &str| unrolled(pack, side, &[Step::Include(name.to_owned())]);
    let mut steps = Vec::new();
    if probes.canary {
        steps.extend(on(CANARY, phase(CONNECTED)));
    }
    steps.extend(state.steps.clone());
    steps.extend([ping(BEFORE), pong(BEFORE, Vec::new()), Step::Mark(VIOLATION.to_owned())]);
    steps.extend(violations.iter().flat_map(|violation| violation.steps.clone()));
    let is_over = violations.iter().any(|violation| violation.aftermath == Aftermath::Over);
    steps.extend(if is_over { vec![last_word()] } else { proof_of_life(state, phase(EXCHANGE)) });
    if probes.fresh {
        steps.extend(leaving(pack, side));
        steps.extend(on(FRESH, [phase(CONNECTED), vec![ping(BEFORE), pong(BEFORE, Vec::new())], phase(EXCHANGE)].concat()));
    }
    // Last: whoever serves nobody any more is told apart from whoever disturbs others alone.
    if probes.canary {
        steps.extend(on(CANARY, phase(EXCHANGE)));
    }
    if is_exclusive(pack, side) {
        let last = leaving(pack, side);
        steps.extend(if probes.fresh { on(FRESH, last) } else { last });
    }
    Scenario::new(title(state, violations), steps)
}

/// The same conversation, in which the good request after the violations must be answered: for violations each of which is known to leave
/// the connection in order.
pub(super) fn insisting(mut scenario: Scenario) -> Scenario {
    let mark = scenario.steps.iter().position(|step| matches!(step, Step::Mark(name) if name == VIOLATION)).unwrap_or_default();
    for step in &mut scenario.steps[mark..] {
        let is_main = connection(step) == "main";
        if let Step::Expect(expect) = step {
            expect.optional &= !is_main;
        }
    }
    scenario
}

fn title(state: &State, violations: &[&Violation]) -> String {
    let one = |violation: &&Violation| {
        let place = [violation.frame.as_str(), violation.at.as_str()].into_iter().filter(|part| !part.is_empty());
        let what = place.chain([violation.operator.as_str()]).collect::<Vec<_>>().join(" ");
        format!("{} ({})", what, violation.class)
    };
    match violations {
        [] => format!("Nothing is wrong in the state {}", state.name),
        several => format!("In the state {}: {}", state.name, several.iter().map(one).collect::<Vec<_>>().join(", then ")),
    }
}

/// A ping that must be answered if the connection still stands, then a good exchange that need not be: the document may say otherwise.
fn proof_of_life(state: &State, exchange: Vec<Step>) -> Vec<Step> {
    let gone = Alternative {
        is: Names(vec!["close".to_owned(), "end".to_owned()]),
        tree: None,
        means: Meaning::Pass,
        because: "closing is a graceful answer".to_owned(),
    };
    let mut steps = vec![ping(AFTER), pong(AFTER, vec![gone])];
    if state.is_ready {
        let length = exchange.iter().position(|step| matches!(step, Step::Expect(_))).map_or(0, |at| at + 1);
        let optional = |step: Step| match step {
            Step::Expect(expect) => Step::Expect(Expect { optional: true, proves: Vec::new(), or: ends(), ..expect }),
            other => other,
        };
        steps.extend(exchange.into_iter().take(length).map(optional));
    }
    steps
}

fn ends() -> Vec<Alternative> {
    let is = Names(vec!["close".to_owned(), "end".to_owned()]);
    vec![Alternative { is, tree: None, means: Meaning::Pass, because: "the conversation is over".to_owned() }]
}

/// True if a server takes one conversation of these at a time.
pub(super) fn is_exclusive(pack: &Pack, side: Role) -> bool {
    pack.manifest.exclusive && side == Role::Server
}

/// Ends the connection. A server that takes one conversation at a time is given the time to end it too: it may refuse the next one before.
fn leaving(pack: &Pack, side: Role) -> Vec<Step> {
    let mut steps = vec![Step::End(On::default())];
    if is_exclusive(pack, side) {
        steps.push(wait_for(&["end"], PARTING));
    }
    steps
}

/// Waits a moment for how the target takes the end.
fn last_word() -> Step {
    wait_for(&["close", "end"], "1s")
}

/// Waits so long for one of these, which need not come.
fn wait_for(names: &[&str], within: &str) -> Step {
    let is = Names(names.iter().map(|name| (*name).to_owned()).collect());
    Step::Expect(Expect { optional: true, within: Some(Span(within.to_owned())), ..expecting(is) })
}

fn ping(text: &str) -> Step {
    Step::Ping(Control { text: Some(text.to_owned()), ..Control::default() })
}

fn pong(text: &str, or: Vec<Alternative>) -> Step {
    let expect = expecting(Names(vec!["pong".to_owned()]));
    Step::Expect(Expect { tree: Some(json!({ "payload": text })), or, ..expect })
}

fn expecting(is: Names) -> Expect {
    Expect {
        is,
        tree: None,
        within: None,
        or: Vec::new(),
        proves: Vec::new(),
        optional: false,
        next: false,
        since: None,
        name: None,
        connection: None,
    }
}

/// The steps on another connection. They prove no requirement there, so that only the oracle speaks of it.
fn on(connection: &str, steps: Vec<Step>) -> Vec<Step> {
    steps.into_iter().map(|step| moved(step, connection)).collect()
}

fn moved(mut step: Step, to: &str) -> Step {
    match &mut step {
        Step::Expect(expect) => expect.proves.clear(),
        Step::Absent(absent) => absent.proves.clear(),
        Step::Repeat(repeat) => repeat.steps = on(to, std::mem::take(&mut repeat.steps)),
        _ => {}
    }
    if let Some(connection) = connection_mut(&mut step)
        && connection.as_deref().is_none_or(|name| name == "main")
    {
        *connection = Some(to.to_owned());
    }
    step
}

/// Where a step names its connection.
fn connection_mut(step: &mut Step) -> Option<&mut Option<String>> {
    Some(match step {
        Step::Open(step) => &mut step.connection,
        Step::Accept(step) => &mut step.connection,
        Step::Refuse(step) => &mut step.connection,
        Step::Send(step) => &mut step.connection,
        Step::Message(step) => &mut step.connection,
        Step::Bytes(step) => &mut step.connection,
        Step::Frame(step) => &mut step.connection,
        Step::Ping(step) | Step::Pong(step) => &mut step.connection,
        Step::Close(step) => &mut step.connection,
        Step::Finish(step) | Step::End(step) | Step::Reset(step) => &mut step.connection,
        Step::Expect(step) => &mut step.connection,
        Step::Absent(step) => &mut step.connection,
        Step::Policy(step) => &mut step.connection,
        Step::Play(step) => &mut step.connection,
        Step::Wait(_) | Step::Mark(_) | Step::Stimulus(_) | Step::Include(_) | Step::Repeat(_) => return None,
    })
}

/// The connection that a step is about; `main` if it names none.
pub(super) fn connection(step: &Step) -> &str {
    let name = match step {
        Step::Open(step) => &step.connection,
        Step::Accept(step) => &step.connection,
        Step::Refuse(step) => &step.connection,
        Step::Send(step) => &step.connection,
        Step::Message(step) => &step.connection,
        Step::Bytes(step) => &step.connection,
        Step::Frame(step) => &step.connection,
        Step::Ping(step) | Step::Pong(step) => &step.connection,
        Step::Close(step) => &step.connection,
        Step::Finish(step) | Step::End(step) | Step::Reset(step) => &step.connection,
        Step::Expect(step) => &step.connection,
        Step::Absent(step) => &step.connection,
        Step::Policy(step) => &step.connection,
        Step::Play(step) => &step.connection,
        Step::Wait(_) | Step::Mark(_) | Step::Stimulus(_) | Step::Include(_) | Step::Repeat(_) => &None,
    };
    name.as_deref().unwrap_or("main")
}
