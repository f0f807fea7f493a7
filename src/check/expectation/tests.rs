//! What the steps of a case make of a transcript.

use serde_json::{Value, json};

use crate::check::sample::{Client, Server, Talk, only};
use crate::check::{Judgement, PREREQUISITE, TARGET};
use crate::transcript::{Ending, Mark, What};
use crate::verdict::Outcome::{self, NotExercised, Satisfied, Violated};
use crate::verdict::{Finding, Severity};

const ID: &str = "demo-reply";

/// The talk as a case that opens a connection, asks, and goes on with these steps from step 3 on.
fn judged(talk: &Talk, steps: &[Value]) -> Judgement {
    let mut all = vec![json!({"open": {}}), json!({"expect": {"is": "accept"}}), json!({"send": {"frame": "ask", "as": "asked"}})];
    all.extend(steps.iter().cloned());
    talk.judged_as(&json!([{"id": ID}]), &[], &json!(all))
}

/// A server that was asked with id 7; step 3 has begun.
fn asked() -> Talk {
    Talk::testing(Server).step(0).open(1).step(1).answer(1, 101).step(2).ask(7).step(3)
}

fn expect(more: &Value) -> Value {
    let mut expect = json!({"is": "reply", "match": {"id": "${saved.asked.id}"}, "proves": [ID]});
    expect.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    json!({ "expect": expect })
}

#[track_caller]
fn check(talk: &Talk, steps: &[Value], outcome: Outcome, severity: Option<Severity>) -> Judgement {
    let judgement = judged(talk, steps);
    assert_eq!(judgement.outcomes[ID], outcome, "{:?}", judgement.findings);
    assert_eq!(judgement.findings.first().map(|finding| finding.severity), severity, "{:?}", judgement.findings);
    judgement
}

#[test]
fn an_expectation_is_met_by_what_fits_in_time() {
    check(&asked().at(5000).reply(7).finish(), &[expect(&json!({}))], Satisfied, None);
    check(&asked().tick(1).reply(6).reply(7).finish(), &[expect(&json!({}))], Satisfied, None);
    let late = check(&asked().at(5001).reply(7).finish(), &[expect(&json!({}))], Violated, Some(Severity::Fail));
    assert_eq!(only(&late).actual, "`reply` came after 5.001s");
    check(&asked().at(1999).reply(7).finish(), &[expect(&json!({"within": "2s"}))], Satisfied, None);
}

#[test]
fn what_came_before_the_step_counts_too() {
    let talk = Talk::testing(Server).step(0).open(1).step(1).answer(1, 101).step(2).ask(7).reply(7).at(60_000).step(3).finish();
    check(&talk, &[expect(&json!({}))], Satisfied, None);
}

#[test]
fn silence_is_told_from_a_wrong_reply_and_from_an_end() {
    let unmet = |talk: Talk| {
        let talk = talk.at(5000).mark(Mark::Stopped(3));
        only(&check(&talk, &[expect(&json!({}))], Violated, Some(Severity::Fail))).clone()
    };
    let silence = unmet(asked());
    assert_eq!(silence.actual, "nothing came in 5s");
    assert_eq!(silence.expected, "`reply` from the server that fits {\"id\":7} within 5s");
    assert_eq!((silence.step, silence.requirement.as_str()), (Some(3), ID));
    assert_eq!(unmet(asked().reply(8)).actual, "`reply` came with 8 at `/id` instead of 7");
    assert_eq!(unmet(asked().reply(8)).event, Some(8));
    assert_eq!(unmet(asked().tick(1)).actual, r#"`tick` {"type":"tick","seq":1} came instead"#);
    assert_eq!(unmet(asked().close(Server, 1011).end(Server)).actual, "the server closed with code 1011");
    let both = unmet(asked().tick(1).close(Server, 1011));
    assert_eq!(both.actual, r#"`tick` {"type":"tick","seq":1} came instead, and the server closed with code 1011"#);
}

#[test]
fn an_end_of_the_connection_decides_before_the_time_is_up() {
    check(&asked().end(Server).mark(Mark::Stopped(3)), &[expect(&json!({}))], Violated, Some(Severity::Fail));
    check(&asked().at(100).mark(Mark::Stopped(3)), &[expect(&json!({}))], NotExercised, Some(Severity::Inconclusive));
}

#[test]
fn a_case_that_was_cut_short_proves_nothing() {
    let deadline = check(&asked().at(100).mark(Mark::Deadline), &[expect(&json!({}))], NotExercised, Some(Severity::Inconclusive));
    assert!(only(&deadline).actual.contains("the case was over after 100ms"), "{:?}", deadline.findings);
    check(&asked().at(100), &[expect(&json!({}))], NotExercised, Some(Severity::Inconclusive));
}

#[test]
fn what_follows_the_end_of_the_script_is_not_taken() {
    let talk = asked().at(5000).mark(Mark::Stopped(3)).reply(7);
    check(&talk, &[expect(&json!({}))], Violated, Some(Severity::Fail));
}

#[test]
fn each_observation_is_taken_once() {
    let twice = [expect(&json!({})), expect(&json!({}))];
    check(&asked().reply(7).step(4).reply(7).finish(), &twice, Satisfied, None);
    check(&asked().reply(7).step(4).at(5000).mark(Mark::Stopped(4)), &twice, Violated, Some(Severity::Fail));
}

#[test]
fn replies_may_come_out_of_order() {
    let talk = asked().ask(8).reply(8).reply(7).step(4).finish();
    let eight = json!({"expect": {"is": "reply", "match": {"id": 8}, "proves": [ID]}});
    check(&talk, &[expect(&json!({})), eight], Satisfied, None);
}

#[test]
fn alternatives_end_the_wait_with_what_they_mean() {
    let or = |means: &str| expect(&json!({"or": [{"is": "bye", "means": means, "because": "the page is silent"}]}));
    let bye = || asked().server(1, &json!({"type": "bye"})).reply(7).finish();
    check(&bye(), &[or("pass")], Satisfied, None);
    let warned = check(&bye(), &[or("warn")], Satisfied, Some(Severity::Warn));
    assert_eq!(only(&warned).actual, r#"`bye` {"type":"bye"}: the page is silent"#);
    check(&bye(), &[or("fail")], Violated, Some(Severity::Fail));
    check(&asked().reply(7).server(1, &json!({"type": "bye"})).finish(), &[or("fail")], Satisfied, None);
}

#[test]
fn an_optional_step_proves_or_passes_by() {
    let optional = expect(&json!({"optional": true}));
    check(&asked().reply(7).finish(), std::slice::from_ref(&optional), Satisfied, None);
    check(&asked().at(5000).finish(), &[optional], NotExercised, None);
}

#[test]
fn next_demands_the_very_next_message() {
    let next = expect(&json!({"next": true}));
    check(&asked().ping(Server).reply(7).finish(), std::slice::from_ref(&next), Satisfied, None);
    let passed_over = check(&asked().tick(1).reply(7).mark(Mark::Stopped(3)), &[next], Violated, Some(Severity::Fail));
    assert_eq!(only(&passed_over).actual, r#"`tick` {"type":"tick","seq":1} came next"#);
    let since = expect(&json!({"next": true, "since": "here"}));
    let steps = [json!({"mark": "here"}), since];
    check(&asked().step(4).reply(7).finish(), &steps, Satisfied, None);
    let before = Talk::testing(Server).step(0).open(1).step(1).answer(1, 101).step(2).ask(7).tick(1).step(3).step(4).reply(7).finish();
    check(&before, &steps, Satisfied, None);
}

#[test]
fn since_looks_only_at_what_came_after_the_mark() {
    let steps = [json!({"mark": "here"}), expect(&json!({"since": "here"}))];
    let before = Talk::testing(Server).step(0).open(1).step(1).answer(1, 101).step(2).ask(7).reply(7).step(3).step(4);
    check(&before.clone().at(5000).mark(Mark::Stopped(4)), &steps, Violated, Some(Severity::Fail));
    check(&before.reply(7).finish(), &steps, Satisfied, None);
}

#[test]
fn absent_is_broken_by_what_came_between_the_mark_and_the_step() {
    let steps =
        [json!({"mark": "here"}), json!({"wait": {"for": "1s"}}), json!({"absent": {"is": "tick", "since": "here", "proves": [ID]}})];
    let talk = |inside: bool| {
        let talk = Talk::testing(Server).step(0).open(1).step(1).answer(1, 101).tick(0).step(2).ask(7).step(3).step(4).at(500);
        let talk = if inside { talk.tick(1) } else { talk };
        talk.at(1000).step(5).tick(2).finish()
    };
    check(&talk(false), &steps, Satisfied, None);
    let broken = check(&talk(true), &steps, Violated, Some(Severity::Fail));
    assert_eq!(only(&broken).actual, r#"`tick` {"type":"tick","seq":1}"#);
    let unproved = [json!({"absent": {"is": "accept"}})];
    let judgement = judged(&asked().finish(), &unproved);
    assert_eq!((only(&judgement).severity, only(&judgement).requirement.as_str()), (Severity::Inconclusive, PREREQUISITE));
}

#[test]
fn a_prerequisite_that_is_not_met_makes_what_follows_inconclusive() {
    let steps = [json!({"expect": {"is": "tick"}}), expect(&json!({}))];
    let talk = asked().server(1, &json!({"type": "bye"})).at(5000).mark(Mark::Stopped(3));
    let judgement = check(&talk, &steps, NotExercised, Some(Severity::Inconclusive));
    let finding = only(&judgement);
    assert_eq!((finding.requirement.as_str(), finding.step), (ID, Some(3)));
    assert_eq!(finding.actual, r#"step 3 expected `tick` from the server within 5s; `bye` {"type":"bye"} came instead"#);
}

#[test]
fn a_prerequisite_at_the_end_is_not_forgotten() {
    let steps = [expect(&json!({})), json!({"expect": {"is": "tick"}})];
    let talk = asked().reply(7).step(4).at(5000).mark(Mark::Stopped(4));
    let judgement = check(&talk, &steps, Satisfied, Some(Severity::Inconclusive));
    assert_eq!(only(&judgement).requirement, PREREQUISITE);
}

#[test]
fn a_covered_requirement_that_is_not_exercised_is_inconclusive() {
    let requirements = json!([{"id": "demo-rule", "rule": {"once": {"of": {"is": "tick"}}}}]);
    let steps = json!([{"open": {}}, {"expect": {"is": "accept"}}]);
    let talk = || Talk::testing(Server).step(0).open(1).step(1).answer(1, 101);
    let without = talk().finish().judged_as(&requirements, &["demo-rule"], &steps);
    assert_eq!((only(&without).severity, without.outcomes["demo-rule"]), (Severity::Inconclusive, NotExercised));
    let with = talk().tick(1).finish().judged_as(&requirements, &["demo-rule"], &steps);
    assert_eq!((with.findings.len(), with.outcomes["demo-rule"]), (0, Satisfied));
}

#[test]
fn a_level_and_an_inference_soften_the_finding() {
    let severity = |more: &Value| {
        let mut requirement = json!({"id": ID});
        requirement.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        let steps = json!([{"open": {}}, {"expect": {"is": "accept", "proves": [ID]}}]);
        let talk = Talk::testing(Server).step(0).open(1).step(1).answer(1, 500).end(Server).mark(Mark::Stopped(1));
        only(&talk.judged_as(&json!([requirement]), &[], &steps)).severity
    };
    assert_eq!(severity(&json!({})), Severity::Fail);
    assert_eq!(severity(&json!({"inferred": true})), Severity::Warn);
    assert_eq!(severity(&json!({"level": "should"})), Severity::Warn);
    assert_eq!(severity(&json!({"level": "may"})), Severity::Info);
}

#[test]
fn a_time_at_the_edge_of_the_band_warns() {
    let slow = expect(&json!({"within": "beat"}));
    check(&asked().at(11_000).reply(7).finish(), std::slice::from_ref(&slow), Satisfied, None);
    check(&asked().at(11_500).reply(7).finish(), std::slice::from_ref(&slow), Satisfied, Some(Severity::Warn));
    check(&asked().at(12_001).reply(7).finish(), &[slow], Violated, Some(Severity::Fail));
}

#[test]
fn a_harness_that_was_late_itself_blames_nobody() {
    check(&asked().at(5500).late(800).reply(7).finish(), &[expect(&json!({}))], NotExercised, Some(Severity::Inconclusive));
    let talk = asked().at(2000).late(1900).at(5000).mark(Mark::Stopped(3));
    check(&talk, &[expect(&json!({}))], NotExercised, Some(Severity::Inconclusive));
}

#[test]
fn names_of_connections_follow_the_steps_that_open_them() {
    let steps = json!([
        {"open": {"connection": "a"}}, {"open": {"connection": "b"}},
        {"expect": {"is": "tick", "match": {"seq": 2}, "connection": "b", "proves": [ID]}},
    ]);
    let talk = |first: u32, second: u32| {
        let talk = Talk::testing(Server).step(0).step(1).connect(2).connect(1).step(2);
        let talk = talk.server(first, &json!({"type": "tick", "seq": 1})).server(second, &json!({"type": "tick", "seq": 2}));
        talk.at(5000).mark(Mark::Stopped(2)).judged_as(&json!([{"id": ID}]), &[], &steps).outcomes[ID]
    };
    assert_eq!(talk(1, 2), Satisfied);
    assert_eq!(talk(2, 1), Violated);
}

#[test]
fn a_name_that_is_opened_anew_means_the_new_connection() {
    let steps = json!([{"open": {}}, {"end": {}}, {"open": {}}, {"expect": {"is": "tick", "proves": [ID]}}]);
    let talk = Talk::testing(Server).step(0).connect(1).tick(1).step(1).end(Client).step(2).connect(2).step(3);
    let old = talk.clone().at(5000).mark(Mark::Stopped(3)).judged_as(&json!([{"id": ID}]), &[], &steps);
    let new = talk.server(2, &json!({"type": "tick"})).finish().judged_as(&json!([{"id": ID}]), &[], &steps);
    assert_eq!((old.outcomes[ID], new.outcomes[ID]), (Violated, Satisfied));
}

#[test]
fn a_client_that_dials_again_is_met_under_a_new_name() {
    let steps = json!([
        {"accept": {}}, {"expect": {"is": "hello"}}, {"end": {}},
        {"accept": {"connection": "again"}}, {"expect": {"is": "hello", "connection": "again", "proves": [ID]}},
        {"absent": {"is": "upgrade", "connection": "third", "proves": [ID]}},
    ]);
    let hello = json!({"type": "hello", "name": "a"});
    let talk = Talk::testing(Client).step(0).connect(1).step(1).client(1, &hello).step(2).end(Server).step(3).at(1000).connect(2).step(4);
    let judged = |talk: Talk| talk.judged_as(&json!([{"id": ID}]), &[], &steps);
    let good = judged(talk.clone().client(2, &hello).step(5).finish());
    assert_eq!((good.outcomes[ID], good.findings.len()), (Satisfied, 0));
    let silent = judged(talk.clone().at(6000).mark(Mark::Stopped(4)));
    assert_eq!(silent.outcomes[ID], Violated);
    let third = judged(talk.client(2, &hello).connect(3).step(5).finish());
    assert_eq!(third.outcomes[ID], Violated);
}

#[test]
fn a_client_that_never_dials_is_a_missed_prerequisite() {
    let steps = json!([{"accept": {}}, {"expect": {"is": "hello", "proves": [ID]}}]);
    let judgement = Talk::testing(Client).step(0).at(10_000).mark(Mark::Stopped(0)).judged_as(&json!([{"id": ID}]), &[], &steps);
    let finding = only(&judgement);
    assert_eq!((finding.severity, judgement.outcomes[ID]), (Severity::Inconclusive, NotExercised));
    assert!(finding.actual.ends_with("opens a connection and asks for the upgrade; none came"), "{}", finding.actual);
}

#[test]
fn any_connection_will_do_where_the_step_says_so() {
    let steps = json!([{"open": {}}, {"expect": {"is": "tick", "connection": "any", "proves": [ID]}}]);
    let talk = Talk::testing(Server).step(0).connect(1).connect(2).step(1).server(2, &json!({"type": "tick"})).finish();
    assert_eq!(talk.judged_as(&json!([{"id": ID}]), &[], &steps).outcomes[ID], Satisfied);
}

#[test]
fn a_target_that_cannot_be_reached_is_said_once() {
    let refused = What::Ended(Ending::Unreachable("connection refused".to_owned()));
    let talk = Talk::testing(Server).step(0).add(1, Client, refused).step(1).mark(Mark::Stopped(1));
    let judgement = judged(&talk, &[expect(&json!({}))]);
    assert_eq!((only(&judgement).requirement.as_str(), only(&judgement).severity), (TARGET, Severity::Inconclusive));
    assert_eq!(only(&judgement).actual, "the connection failed, unreachable: connection refused");
    assert_eq!(judgement.outcomes[ID], NotExercised);
}

#[test]
fn nobody_is_blamed_where_nobody_could_be_reached() {
    let refused = What::Ended(Ending::Unreachable("connection refused".to_owned()));
    let talk = Talk::testing(Server).step(0).add(1, Server, refused).step(1).mark(Mark::Stopped(1));
    let ends = json!({"is": "accept", "or": [{"is": "end", "means": "warn", "because": "it may"}], "proves": [ID]});
    for expect in [ends, json!({"is": "accept", "proves": [ID]})] {
        let judgement = talk.judged_as(&json!([{"id": ID}]), &[], &json!([{"open": {}}, {"expect": expect}]));
        assert_eq!((only(&judgement).requirement.as_str(), judgement.outcomes[ID]), (TARGET, NotExercised), "{expect}");
    }
}

#[test]
fn a_process_that_fails_before_it_dials_is_quoted() {
    let steps = json!([{"accept": {}}, {"expect": {"is": "hello", "proves": [ID]}}]);
    let talk = Talk::testing(Client).step(0).exit(2, "error: no such option").at(9000).mark(Mark::Stopped(0));
    let judgement = talk.judged_as(&json!([{"id": ID}]), &[], &steps);
    let actual = "the process exited with code 2 (`error: no such option`) before it opened a connection";
    assert_eq!((only(&judgement).requirement.as_str(), only(&judgement).actual.as_str()), (TARGET, actual));
}

#[test]
fn a_process_that_has_ended_leaves_no_doubt_that_nothing_comes() {
    let again = json!({"is": "upgrade", "connection": "again", "within": "9s", "proves": [ID]});
    let steps = json!([{"accept": {}}, {"end": {}}, {"expect": again}]);
    let talk = Talk::testing(Client).step(0).connect(1).step(1).end(Server).step(2).at(200);
    let judged = |talk: Talk| talk.mark(Mark::Stopped(2)).judged_as(&json!([{"id": ID}]), &[], &steps);
    assert_eq!(judged(talk.clone()).outcomes[ID], NotExercised, "it was not waited for to the end");
    let gone = judged(talk.exit(1, "it broke"));
    assert_eq!(gone.outcomes[ID], Violated);
    assert!(only(&gone).actual.contains("exited with code 1 (`it broke`)"), "{}", only(&gone).actual);
}

#[test]
fn a_failing_harness_is_an_error() {
    let talk = asked().reply(7).mark(Mark::Failed("no port is free".to_owned()));
    let judgement = judged(&talk, &[expect(&json!({}))]);
    assert_eq!((judgement.findings[0].severity, judgement.findings[0].requirement.as_str()), (Severity::Error, Finding::HARNESS));
}

#[test]
fn a_harness_that_breaks_its_own_schema_must_have_said_so() {
    let wrong = json!({"type": "ask"});
    let sent = |step: &Value| {
        let steps = json!([{"open": {}}, {"expect": {"is": "accept"}}, step]);
        let talk = Talk::testing(Server).step(0).open(1).step(1).answer(1, 101).step(2).client(1, &wrong).finish();
        talk.judged_as(&json!([]), &[], &steps).findings
    };
    let unsaid = sent(&json!({"send": {"frame": "ask", "unset": ["/id"]}}));
    assert_eq!(
        unsaid.iter().map(|finding| (finding.requirement.as_str(), finding.severity)).collect::<Vec<_>>(),
        [(Finding::HARNESS, Severity::Error)]
    );
    assert_eq!(unsaid[0].step, Some(2));
    assert_eq!(sent(&json!({"send": {"frame": "ask", "unset": ["/id"], "invalid": true}})), []);
    assert_eq!(sent(&json!({"message": {"json": wrong}})), []);
}

#[test]
fn findings_come_with_the_most_severe_first() {
    let requirements = json!([
        {"id": "demo-a", "level": "should", "rule": {"never": {"of": {"is": "tick"}}}},
        {"id": "demo-b", "rule": {"never": {"of": {"is": "bye"}}}},
    ]);
    let judgement = Talk::with_server().tick(1).tick(2).tick(3).tick(4).server(1, &json!({"type": "bye"})).judged_by(&requirements);
    let told: Vec<_> = judgement.findings.iter().map(|finding| (finding.requirement.as_str(), finding.severity)).collect();
    let tick = ("demo-a", Severity::Warn);
    assert_eq!(told, [("demo-b", Severity::Fail), tick, tick, tick], "and no more than three of one requirement");
}
