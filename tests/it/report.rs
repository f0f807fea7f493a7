//! The reports of one made-up run: what a person reads, and what a machine reads.

use std::path::Path;
use std::time::Duration;

use framegate::pack::Schema;
use framegate::report::console::{Clock, case_line, counts_line, render, statistics, summary};
use framegate::report::{Style, json};
use framegate::transcript::{Close, Ending, Event, Frame, Mark, Opcode, Process, Request, Response, Role, Transcript, What};
use framegate::verdict::{CaseResult, Finding, Level, Origin, Outcome, Report, RequirementResult, Severity, Unlock, Verdict};

const KEY: [u8; 4] = [1, 2, 3, 4];

fn event(at: u64, connection: u32, from: Role, what: What) -> Event {
    Event { at: Duration::from_millis(at), connection, from, what }
}

fn text(from: Role, text: &str) -> What {
    What::Frame(Frame::text(text).masked_for(from, KEY))
}

/// A hello, a request, an answer with hostile text, a ping, a pong and a close handshake.
fn conversation() -> Transcript {
    use Role::{Client, Server};
    let request = Request::upgrade("localhost", "/ws?version=1", "dGhlIHNhbXBsZSBub25jZQ==");
    let close = |from: Role| What::Frame(Frame::close(Some(&Close { code: 1000, reason: "bye".into() })).masked_for(from, KEY));
    let hostile = "{\"type\":\"result\",\"id\":\"1\",\"value\":\"\u{1b}[2J\u{9b}\u{202e} and a text that goes on long enough to be shortened in its row of the picture\"}";
    Transcript {
        events: vec![
            event(0, 0, Client, What::Mark(Mark::Step(0))),
            event(0, 1, Client, What::Opened { session: "main".into() }),
            event(0, 1, Client, What::Request(request.clone())),
            event(1, 1, Server, What::Response(Response::switching(&request))),
            event(1, 1, Client, text(Client, r#"{"type": "hello", "name": "ann"}"#)),
            event(2, 1, Server, text(Server, hostile)),
            event(30_002, 1, Server, What::Frame(Frame::new(Opcode::PING, "p"))),
            event(30_002, 1, Client, What::Frame(Frame::new(Opcode::PONG, "p").masked(KEY))),
            event(30_003, 1, Client, close(Client)),
            event(30_003, 1, Server, close(Server)),
            event(30_003, 1, Server, What::Ended(Ending::Finished)),
            event(30_003, 0, Client, What::Mark(Mark::Finished)),
        ],
    }
}

fn finding(requirement: &str, level: Level, severity: Severity, event: Option<usize>) -> Finding {
    Finding {
        requirement: requirement.to_owned(),
        level,
        severity,
        text: "A server answers nothing before hello was welcomed.".to_owned(),
        source: "page, Handshake".to_owned(),
        event,
        step: Some(2),
        expected: "no `result` before `welcome`".to_owned(),
        actual: "`result` as the first message".to_owned(),
        twin: None,
    }
}

fn case(name: &str, findings: Vec<Finding>) -> CaseResult {
    CaseResult {
        id: format!("demo/server/{name}"),
        title: "A request before hello is refused".to_owned(),
        protocol: "demo".to_owned(),
        side: Role::Server,
        skipped: None,
        group: "protocol".to_owned(),
        origin: Some(Origin { path: "scenarios/demo/server/early.yaml".to_owned(), lines: vec![7, 8, 11] }),
        findings,
        outcomes: [("demo-hello-first".to_owned(), Outcome::Violated)].into(),
        transcript: conversation(),
        attempts: Vec::new(),
        wall: Duration::from_micros(1234),
        longest_wait: Duration::from_secs(30),
        exclusive: false,
        repeat: format!("framegate run demo --only 'demo/server/{name}'"),
    }
}

fn requirement(id: &str, level: Level, outcome: Outcome, excluded: Option<&str>) -> RequirementResult {
    RequirementResult {
        id: id.to_owned(),
        protocol: "demo".to_owned(),
        level,
        side: Role::Server,
        text: "A sentence.".to_owned(),
        source: "page, Handshake".to_owned(),
        group: "protocol".to_owned(),
        inferred: false,
        excluded: excluded.map(ToOwned::to_owned),
        outcome,
        broken_by: Vec::new(),
    }
}

pub(crate) fn report() -> Report {
    let first = |event| finding("demo-hello-first", Level::Must, Severity::Fail, event);
    let slow = Finding {
        text: "A reply should come within a second.".to_owned(),
        expected: "a reply within 1s".to_owned(),
        actual: "nothing".to_owned(),
        ..finding("demo-reply-time", Level::Should, Severity::Warn, None)
    };
    let dead = Process { code: Some(101), signal: None, killed: false, stderr: vec!["thread 'main' panicked\u{1b}[0m".to_owned()] };
    let crashed = Transcript { events: vec![event(5, 0, Role::Server, What::Exited(dead))] };
    let unsure = Finding::harness(Severity::Inconclusive, "a connection", "the target ended before it listened");
    Report {
        version: "0.1.0".to_owned(),
        target: "embedded".to_owned(),
        cases: vec![
            CaseResult { outcomes: [("demo-hello-first".to_owned(), Outcome::Satisfied)].into(), ..case("good", Vec::new()) },
            case("early#object", vec![first(Some(5)), slow.clone()]),
            case("early#array", vec![first(Some(5))]),
            case("slow", vec![slow]),
            CaseResult { transcript: crashed.clone(), ..case("gone", vec![unsure.clone()]) },
            CaseResult { transcript: crashed, ..case("gone-too", vec![unsure]) },
            CaseResult {
                skipped: Some("stimulus `chat` is not declared (--set stimulus.chat=TEXT)".to_owned()),
                transcript: Transcript::default(),
                outcomes: [].into(),
                ..case("chat", Vec::new())
            },
        ],
        requirements: vec![
            requirement("demo-hello-first", Level::Must, Outcome::Violated, None),
            requirement("demo-chat-end", Level::Must, Outcome::NotExercised, None),
            requirement("demo-log", Level::Must, Outcome::NotExercised, Some("not visible on the wire")),
            requirement("demo-reply-time", Level::Should, Outcome::Violated, None),
        ],
        wall: Duration::from_millis(12),
        interrupted: false,
        unfinished: Vec::new(),
        unlocks: vec![Unlock {
            protocol: "demo".to_owned(),
            declare: vec!["stimulus chat".to_owned()],
            cases: 1,
            requirements: vec!["demo-chat-end".to_owned()],
        }],
    }
}

/// Compares with a file of `tests/golden`, or writes it if `FRAMEGATE_BLESS` is set.
pub(crate) fn check_golden(name: &str, text: &str) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden").join(name);
    if std::env::var_os("FRAMEGATE_BLESS").is_some() {
        std::fs::write(&path, text).unwrap();
    }
    let golden = std::fs::read_to_string(&path).unwrap().replace("\r\n", "\n");
    assert_eq!(text, golden, "{} differs; FRAMEGATE_BLESS=1 writes it anew", path.display());
}

#[test]
fn the_console_report_shows_what_broke_and_then_counts() {
    check_golden("console.txt", &render(&report(), &Style::plain(100)));
}

#[test]
fn no_line_of_the_console_report_is_wider_than_asked_but_the_command_and_the_counts() {
    for width in [80, 100, 160] {
        let text = render(&report(), &Style::plain(width));
        let is_whole = |line: &str| line.starts_with("  repeat: ") || line.contains(" selected · ");
        let wide = text.lines().filter(|line| line.chars().count() > width && !is_whole(line));
        assert_eq!(wide.collect::<Vec<_>>(), Vec::<&str>::new(), "{width}");
    }
}

#[test]
fn hostile_text_reaches_no_terminal() {
    let report = report();
    let plain = render(&report, &Style::plain(100));
    let json = json::render(&report, json::Transcripts::All);
    for text in [plain, json] {
        assert!(text.chars().all(|c| c == '\n' || !(c.is_control() || c == '\u{202e}')), "{text:?}");
    }
}

#[test]
fn a_case_is_one_line_with_verdict_id_time_and_reason() {
    let report = report();
    let lines: Vec<_> = report.cases.iter().map(|case| case_line(case, Clock::Virtual, &Style::plain(120))).collect();
    check_golden("cases.txt", &(lines.join("\n") + "\n"));
    let wall = case_line(&report.cases[0], Clock::Wall, &Style::plain(120));
    assert!(wall.ends_with("1.23 ms"), "{wall}");
}

#[test]
fn the_counts_line_names_every_count() {
    let line = "7 selected · 6 run · 1 passed · 1 warned · 2 failed · 2 inconclusive · 1 skipped · 0 errors · 1 not exercised";
    assert_eq!(counts_line(&report().counts()), line);
}

#[test]
fn an_interrupted_run_says_so() {
    let report = Report { interrupted: true, unfinished: vec!["demo/server/late".to_owned()], ..report() };
    let text = summary(&report, &Style::plain(100));
    assert!(text.contains("interrupted: 1 case did not begin\n8 selected"), "{text}");
}

#[test]
fn statistics_compare_the_clocks() {
    let text = statistics(&report(), &Style::plain(100));
    assert!(text.contains("protocol time   2 min 0 s"), "{text}");
    assert!(text.contains("critical path      30.0 s"), "{text}");
}

#[test]
fn the_json_report_fits_its_schema_and_holds_the_verdicts() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("schemas/framegate/report.schema.json");
    let schema = serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap();
    let schema = Schema::compile(&schema, &[]).unwrap();
    for transcripts in [json::Transcripts::Broken, json::Transcripts::All] {
        let value: serde_json::Value = serde_json::from_str(&json::render(&report(), transcripts)).unwrap();
        assert_eq!(schema.breaches(&value), []);
        assert_eq!(value["exit_code"], 1);
        assert_eq!(value["counts"]["failed"], 2);
        assert_eq!(value["cases"][1]["verdict"], Verdict::Fail.as_str());
        assert_eq!(value["cases"][0]["transcript"].is_array(), transcripts == json::Transcripts::All);
        assert!(value["cases"][1]["transcript"].is_array() && value["cases"][6].get("transcript").is_none());
    }
}
