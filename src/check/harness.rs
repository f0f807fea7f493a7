//! Is the harness itself honest, and was there a target at all? What is found here speaks of neither side's requirements.

use crate::pack::scenario::Step;
use crate::pack::{Breach, Observation, Pack};
use crate::plan::Case;
use crate::transcript::Process;
use crate::verdict::{Finding, Severity};

use super::finding::{TARGET, about};
use super::phrase;
use super::reading::Reading;

/// What the harness says it failed to do, and the frames that it sent against its own schemas without a step that says so.
pub(super) fn judge(pack: &Pack, case: Option<&Case>, reading: &Reading) -> Vec<Finding> {
    let failures = reading
        .script
        .failures
        .iter()
        .map(|(event, what)| Finding { event: Some(*event), ..Finding::harness(Severity::Error, "that the harness does its work", what) });
    failures.chain(case.into_iter().flat_map(|case| dishonest(pack, case, reading))).collect()
}

fn dishonest(pack: &Pack, case: &Case, reading: &Reading) -> Vec<Finding> {
    let harness = case.side.other();
    let mut steps: Vec<_> = reading.script.steps.iter().map(|(step, moment)| (moment.event, *step)).collect();
    steps.sort_unstable();
    let step_of = |event: usize| steps[..steps.partition_point(|(begin, _)| *begin <= event)].last().map(|(_, step)| *step);
    let sent = reading.judged().iter().filter(|seen| seen.from == harness && seen.is_message());
    sent.filter_map(|seen| {
        let step = step_of(seen.event)?;
        let (frame, breach) = first_breach(pack, case.steps.get(step)?, seen)?;
        let expected = format!("a `{frame}` that its schema accepts, or `invalid: true` in step {step}: {}", breach.expected);
        let actual = format!("the harness sent {} at `{}`", phrase::observation(seen), breach.at);
        Some(Finding { event: Some(seen.event), step: Some(step), ..Finding::harness(Severity::Error, &expected, &actual) })
    })
    .collect()
}

/// What the schema of the frame that this step sends finds wrong with what was sent. Raw steps are free to send anything.
fn first_breach(pack: &Pack, step: &Step, seen: &Observation) -> Option<(String, Breach)> {
    let frame = match step {
        Step::Send(send) if !send.invalid => &send.frame,
        Step::Play(_) => &seen.name,
        _ => return None,
    };
    let breach = pack.schemas.get(frame).and_then(|schema| schema.breaches(&seen.value).into_iter().next())?;
    Some((frame.clone(), breach))
}

/// Why there was no target to judge, if there was none.
pub(super) fn missing_target(reading: &Reading) -> Option<Finding> {
    let refused = || reading.connections.values().next().and_then(|connection| connection.unreachable.as_ref());
    let expected = "a target that can be reached";
    if let Some(why) = refused() {
        return Some(about(TARGET, Severity::Inconclusive, expected, format!("the connection failed, {why}")));
    }
    let exited = reading.process.as_ref().filter(|process| is_failure(process) && reading.connections.is_empty());
    exited.map(|process| {
        let actual = format!("{} before it opened a connection", exit(process));
        about(TARGET, Severity::Inconclusive, expected, actual)
    })
}

/// How a process ended, with its last word: ``the process exited with code 1 (`no such file`)``.
pub(super) fn exit(process: &Process) -> String {
    let how = match (process.code, process.signal) {
        (Some(code), _) => format!("the process exited with code {code}"),
        (None, Some(signal)) => format!("the process was ended by signal {signal}"),
        (None, None) => "the process ended".to_owned(),
    };
    let last = process.stderr.iter().rev().find(|line| !line.trim().is_empty());
    last.map(|line| format!("{how} (`{}`)", line.trim().chars().take(200).collect::<String>())).unwrap_or(how)
}

fn is_failure(process: &Process) -> bool {
    !process.killed && (process.code.is_some_and(|code| code != 0) || process.signal.is_some())
}
