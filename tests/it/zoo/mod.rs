//! Runs against servers that flood, stall, reset and send garbage: the program comes to its end, in bounded memory, and accounts for every case.

mod animals;

use std::collections::BTreeMap;
use std::io::{Read as _, Write as _};
use std::net::{Ipv4Addr, TcpListener};
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::{RecvTimeoutError, channel};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::{Duration, Instant};

use framegate::pack::{Library, Settings};
use framegate::plan::{Selection, plan};
use framegate::suite::LIVE_JOBS;
use framegate::transcript::Role;
use serde_json::Value;

use animals::{ANIMALS, Act};

/// A run that takes longer hangs.
const PATIENCE: Duration = Duration::from_secs(120);

/// More memory than this is too much.
const MOST_MEMORY: u64 = 200;

/// A server on a port of its own, for one run.
fn keep(act: Act) -> String {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    let port = listener.local_addr().unwrap().port();
    // It ends with the tests: nobody can end the wait for a connection.
    thread::spawn(move || {
        for mut stream in listener.incoming().flatten() {
            thread::spawn(move || act(&mut stream));
        }
    });
    format!("ws://127.0.0.1:{port}")
}

/// What a run came to.
struct Visit {
    /// MiB that it held at most.
    memory: u64,
    cases: u64,
    counts: Value,
}

/// One run of the program with these arguments. Whatever does not hold of every run is a panic that says so.
fn visit(animal: &str, act: Act, program: &str, arguments: &[String]) -> Visit {
    let url = keep(act);
    let mut command = Command::new(program);
    command.arg("run").args(arguments).args(["--server", &url, "--report", "json", "--stats"]);
    let (code, stdout, stderr) = run(command);
    let place = format!("{animal}: {}", arguments.join(" "));
    assert!(matches!(code, Some(0 | 1 | 3)), "{place}: exit code {code:?}\n{stderr}");
    assert!(!stderr.contains("panicked"), "{place}\n{stderr}");
    let report: Value = serde_json::from_str(&stdout).unwrap_or_else(|error| panic!("{place}: {error}\n{stderr}"));
    let count = |name: &str| report["counts"][name].as_u64().unwrap();
    let told: u64 = ["passed", "warned", "failed", "inconclusive", "errors"].map(count).iter().sum();
    assert_eq!((told, told + count("skipped")), (count("run"), count("selected")), "{place}: {}", report["counts"]);
    let cases = report["cases"].as_array().unwrap();
    assert_eq!((cases.len() as u64, &report["unfinished"]), (count("selected"), &serde_json::json!([])), "{place}");
    assert_eq!(count("errors"), 0, "{place}: {cases:#?}");
    let memory = stderr.lines().find_map(|line| line.strip_prefix("memory at most ")?.strip_suffix(" MiB")?.parse().ok());
    Visit { memory: memory.unwrap_or(0), cases: count("selected"), counts: report["counts"].clone() }
}

/// Runs it to its end, or ends it where it has none.
fn run(mut command: Command) -> (Option<i32>, String, String) {
    let mut child = command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let (mut stdout, mut stderr) = (child.stdout.take().unwrap(), child.stderr.take().unwrap());
    let child = Arc::new(Mutex::new(child));
    let (done, is_done) = channel::<()>();
    let watched = Arc::clone(&child);
    let watch = thread::spawn(move || {
        let hangs = is_done.recv_timeout(PATIENCE) == Err(RecvTimeoutError::Timeout);
        hangs.then(|| watched.lock().unwrap().kill());
        hangs
    });
    let errors = thread::spawn(move || {
        let mut text = String::new();
        stderr.read_to_string(&mut text).map(|_| text)
    });
    let mut text = String::new();
    stdout.read_to_string(&mut text).unwrap();
    drop(done);
    assert!(!watch.join().unwrap(), "{command:?} hangs");
    let code = child.lock().unwrap().wait().unwrap().code();
    (code, text, errors.join().unwrap().unwrap())
}

#[test]
fn no_server_however_wild_holds_up_a_run_or_loses_a_case() {
    let packs = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/packs/demo");
    let cases = ["hello-good", "bad-token", "unknown-method", "websocket/ping#text"].map(|case| format!("--only=demo/server/{case}"));
    let arguments = [&["demo", "--reference", "--packs", packs, "--time-scale", "0.05"].map(str::to_owned)[..], &cases].concat();
    let next = AtomicUsize::new(0);
    thread::scope(|scope| {
        for _ in 0..8 {
            scope.spawn(|| {
                while let Some((animal, act)) = ANIMALS.get(next.fetch_add(1, Ordering::Relaxed)) {
                    let visit = visit(animal, *act, env!("CARGO_BIN_EXE_framegate"), &arguments);
                    assert_eq!(visit.cases, 4, "{animal}");
                    assert!(visit.memory < MOST_MEMORY, "{animal}: {} MiB", visit.memory);
                }
            });
        }
    });
}

#[test]
#[cfg(target_os = "linux")]
fn a_connection_that_nobody_takes_from_the_queue_holds_up_nothing() {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    let url = format!("ws://{}", listener.local_addr().unwrap());
    let mut command = Command::new(env!("CARGO_BIN_EXE_framegate"));
    command.args(["run", "demo", "--reference", "--packs", concat!(env!("CARGO_MANIFEST_DIR"), "/tests/packs/demo"), "--server", &url]);
    command.args(["--time-scale", "0.05", "--only", "demo/server/hello-good", "--report", "json"]);
    let (code, stdout, stderr) = run(command);
    assert!(matches!(code, Some(1 | 3)), "{stdout}{stderr}");
}

/// Five hundred runs, each with a few cases of one of the packs and one server, so that every case meets many servers.
/// `FRAMEGATE` names the program, `ZOO_RUNS` another number.
#[test]
#[ignore = "takes a minute; `.ci/zoo` runs it"]
#[expect(clippy::print_stdout, reason = "its figures are what it is run for")]
fn five_hundred_runs_in_the_zoo() {
    let program = std::env::var("FRAMEGATE").unwrap_or_else(|_| env!("CARGO_BIN_EXE_framegate").to_owned());
    let runs = std::env::var("ZOO_RUNS").map_or(500, |runs| runs.parse().unwrap());
    let ids = server_cases();
    let begun = Instant::now();
    let next = AtomicUsize::new(0);
    let visits = Mutex::new(BTreeMap::<&str, Vec<Visit>>::new());
    thread::scope(|scope| {
        for _ in 0..8 {
            scope.spawn(|| {
                loop {
                    let index = next.fetch_add(1, Ordering::Relaxed);
                    if index >= runs {
                        return;
                    }
                    let (animal, act) = ANIMALS[index % ANIMALS.len()];
                    let visit = visit(animal, act, &program, &some_cases(&ids, index));
                    visits.lock().unwrap().entry(animal).or_default().push(visit);
                }
            });
        }
    });
    let visits = visits.into_inner().unwrap();
    let mut most = 0;
    for (animal, visits) in &visits {
        let memory = visits.iter().map(|visit| visit.memory).max().unwrap_or(0);
        most = most.max(memory);
        let sum = |name: &str| visits.iter().map(|visit| visit.counts[name].as_u64().unwrap()).sum::<u64>();
        let told = ["selected", "passed", "warned", "failed", "inconclusive", "skipped"].map(|name| format!("{name} {}", sum(name)));
        println!("{animal:<42} {:>3} runs, {}, {memory} MiB", visits.len(), told.join(", "));
    }
    let cases: u64 = visits.values().flatten().map(|visit| visit.cases).sum();
    println!("zoo: {runs} runs, {cases} cases, every one accounted for; {most} MiB at most; {} s", begun.elapsed().as_secs());
    assert!(most < MOST_MEMORY, "{most} MiB");
}

/// The cases of each pack that test a server.
fn server_cases() -> Vec<(String, Vec<String>)> {
    let library = Library::builtin();
    let cases = |id: &String| {
        let pack = library.load(id).unwrap_or_else(|error| panic!("{error}"));
        let selection = Selection { side: Some(Role::Server), ..Selection::default() };
        let cases = plan(&pack, &Settings::embedded(&pack.manifest), &selection);
        (id.clone(), cases.into_iter().map(|case| case.id).collect())
    };
    library.ids().iter().map(cases).collect()
}

/// Six cases of one pack, others at each index; with those that flood, once as many as run beside each other.
fn some_cases(ids: &[(String, Vec<String>)], index: usize) -> Vec<String> {
    let round = index / ANIMALS.len();
    let (pack, cases) = &ids[round % ids.len()];
    let many = if round == FLOODED && ANIMALS[index % ANIMALS.len()].0.ends_with("without end") { LIVE_JOBS } else { 6 };
    let mut arguments = [pack.as_str(), "--reference", "--time-scale", "0.02"].map(str::to_owned).to_vec();
    arguments.extend((0..many).map(|turn| format!("--only={}", cases[(index * 7 + turn * 11) % cases.len()])));
    arguments
}

/// The round, of the pack of this place, in which those that flood are asked for much.
const FLOODED: usize = 2;

#[test]
fn what_keeps_a_conversation_from_beginning_is_said_and_the_exit_code_tells_it_apart() {
    let packs = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/packs/demo");
    let tell = |url: &str, code: i32, words: &str| {
        let mut command = Command::new(env!("CARGO_BIN_EXE_framegate"));
        command.args(["run", "demo", "--reference", "--packs", packs, "--server", url, "--time-scale", "0.05"]);
        command.args(["--only", "demo/server/hello-good"]);
        let (found, stdout, stderr) = run(command);
        assert_eq!(found, Some(code), "{url}: {stdout}{stderr}");
        assert!(format!("{stdout}{stderr}").contains(words), "{url}: {words}: {stdout}{stderr}");
    };
    let secure = |url: String| url.replacen("ws", "wss", 1);
    tell("http://127.0.0.1:1", 2, "is no WebSocket URL; one begins with ws:// or wss://");
    tell("ws://127.0.0.1:1", 3, "127.0.0.1:1 refused the connection");
    tell("ws://no..name", 3, "no..name cannot be reached");
    tell(&secure(keep(|stream| stream.write_all(b"HTTP/1.1 400 Bad Request\r\n\r\n"))), 3, "does not seem to speak TLS");
    tell(&keep(|stream| animals::says(stream, b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n")), 3, "404");
    tell(&keep(animals::wait), 3, "nothing came");
}
