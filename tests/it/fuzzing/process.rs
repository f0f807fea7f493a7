//! Servers that framegate starts itself: that they crash or take ever more memory is found, they are started again, and the campaign goes on.

#![cfg(unix)]

use std::collections::VecDeque;
use std::fs;
use std::hint::black_box;
use std::io::Write as _;
use std::process::Command;
use std::time::Duration;

use framegate::fuzz::oracle;
use framegate::peer::{Action, Input, Peer, faulty};
use framegate::runner::{Prompts, ServerTarget, Stop, Tls, dial, serve};
use framegate::transcript::{Event, Role, What};
use serde_json::Value;

use super::demo;

/// Names the fault of the server that this program is when it is started for it.
const FAULT: &str = "FRAMEGATE_TEST_FAULT";
/// What sets the fault off at a server, and at a client.
const TRIGGERS: [&str; 2] = ["framegate_extra", "\"session\":null"];

/// A reference peer whose process goes wrong.
struct Sick {
    inner: Box<dyn Peer>,
    fault: String,
    hoard: VecDeque<Vec<u8>>,
}

impl Peer for Sick {
    fn step(&mut self, now: Duration, input: Input<'_>) -> Vec<Action> {
        let is_set_off = |what: &What| matches!(what, What::Frame(frame) if TRIGGERS.iter().any(|text| frame.payload.text().is_some_and(|said| said.contains(text))));
        if matches!(input, Input::Event(Event { what, .. }) if is_set_off(what)) {
            match self.fault.as_str() {
                "abort" => std::process::abort(),
                "exit" => {
                    std::io::stderr().write_all(b"cannot go on\n").unwrap();
                    std::process::exit(3)
                }
                "hoard" => self.hoard.push_back(black_box(vec![1; 96 * 1024 * 1024])),
                _ => {}
            }
        }
        self.inner.step(now, input)
    }
}

/// Not a test of its own: the server that the others start, which serves until it is killed.
#[test]
#[ignore = "the server of other tests"]
fn server() {
    let Ok(fault) = std::env::var(FAULT) else { return };
    let bound = demo();
    let inner = faulty(bound.pack.clone(), bound.settings.clone(), Role::Server, &[]).0;
    let mut ready = |address| writeln!(std::io::stdout(), "listening on ws://{address}/ws").unwrap();
    let mut sick = Sick { inner, fault, hoard: VecDeque::new() };
    serve(&mut sick, "127.0.0.1:0".parse().unwrap(), &mut ready, &Prompts::default(), &Stop::new(), &mut |_| ()).unwrap();
}

/// Where the client of other tests dials.
const ADDRESS: &str = "FRAMEGATE_TEST_URL";

/// Not a test of its own: the client that others start.
#[test]
#[ignore = "the client of other tests"]
fn client() {
    let (Ok(fault), Ok(url)) = (std::env::var(FAULT), std::env::var(ADDRESS)) else { return };
    let bound = demo();
    let inner = faulty(bound.pack.clone(), bound.settings.clone(), Role::Client, &[]).0;
    let mut sick = Sick { inner, fault, hoard: VecDeque::new() };
    let server = ServerTarget::parse(&url, &Tls::default()).unwrap();
    dial(&mut sick, &server, &Prompts::default(), &Stop::new(), &mut |_| ()).unwrap();
}

/// Fuzzes that client, a new one for each try.
fn fuzz_client(fault: &str, cases: &str, code: i32) -> String {
    let program = std::env::current_exe().unwrap();
    let client =
        format!("{ADDRESS}={{url}} {FAULT}={fault} exec '{}' --exact fuzzing::process::client --ignored --nocapture", program.display());
    let mut command = Command::new(env!("CARGO_BIN_EXE_framegate"));
    command.args(["fuzz", "demo", "--packs", concat!(env!("CARGO_MANIFEST_DIR"), "/tests/packs/demo"), "--client", &client]);
    let output = command.args(["--reference", "--jobs", "4", "--cases", cases]).output().unwrap();
    let shown = String::from_utf8(output.stdout).unwrap() + &String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(code), "{fault}: {shown}");
    shown
}

#[test]
fn a_client_command_is_started_for_each_try_and_a_good_one_breaks_nothing() {
    let shown = fuzz_client("none", "12", 0);
    assert!(shown.contains("12 tries") && shown.contains("0 causes"), "{shown}");
}

#[test]
fn a_client_that_is_ended_by_a_signal_is_found() {
    let shown = fuzz_client("abort", "40", 1);
    assert!(shown.contains(oracle::CRASH) && shown.contains("ended by signal 6"), "{shown}");
}

fn check(fault: &str, requirement: &str, said: &str) {
    let folder = tempfile::tempdir().unwrap();
    let program = std::env::current_exe().unwrap();
    let text = format!(
        "packs: {}/tests/packs/demo\ntargets:\n  sick:\n    protocol: demo\n    side: server\n    command: exec '{}' --exact fuzzing::process::server --ignored --nocapture\n    environment: {{{FAULT}: {fault}}}\n    ready: {{line: listening on}}\n    credentials: {{token: env:DEMO_TOKEN}}\n",
        env!("CARGO_MANIFEST_DIR"),
        program.display(),
    );
    fs::write(folder.path().join("framegate.yaml"), text).unwrap();
    let mut command = Command::new(env!("CARGO_BIN_EXE_framegate"));
    command.args(["fuzz", "sick", "--cases", "40", "--save", "found", "--json", "found.json"]).env("DEMO_TOKEN", "demo-token");
    let output = command.current_dir(folder.path()).output().unwrap();
    let shown = String::from_utf8(output.stdout).unwrap() + &String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(1), "{fault}: {shown}");
    assert!(shown.contains(requirement) && shown.contains(said), "{fault}: {shown}");
    let found: Value = serde_json::from_str(&fs::read_to_string(folder.path().join("found.json")).unwrap()).unwrap();
    let missed = found["summary"]["coverage"].as_array().unwrap().iter().map(|row| row["counts"]["missed"].as_u64().unwrap());
    assert_eq!((found["summary"]["tries"].as_u64(), missed.sum::<u64>() > 0), (Some(40), true), "{fault}: the campaign goes on: {shown}");
    let causes = found["summary"]["causes"].as_array().unwrap();
    let cause = causes.iter().find(|cause| cause["fingerprint"]["requirement"] == requirement).unwrap();
    let reproducer = cause["cause"]["reproducer"].as_str().unwrap();
    assert!(reproducer.contains("framegate_extra"), "{fault}: {reproducer}");
}

#[test]
fn a_server_that_is_ended_by_a_signal_is_found_and_started_again() {
    check("abort", oracle::CRASH, "ended by signal 6");
}

#[test]
fn a_server_that_exits_is_found_with_its_last_words() {
    check("exit", oracle::CRASH, "exited with code 3: cannot go on");
}

#[cfg(target_os = "linux")]
#[test]
fn a_server_that_keeps_much_memory_for_one_message_is_found() {
    check("hoard", oracle::MEMORY, "memory that stays within bounds");
}
