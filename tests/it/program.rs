//! The program against itself: a peer played on a real socket is a target like any other.

use std::fs;
use std::io::{BufRead as _, BufReader};
use std::path::PathBuf;
use std::process::{Child, Command, Output, Stdio};

const PROGRAM: &str = env!("CARGO_BIN_EXE_framegate");
const PACKS: [&str; 2] = ["--packs", "tests/packs/demo"];

fn framegate(arguments: &[&str]) -> Command {
    let mut command = Command::new(PROGRAM);
    command.args(arguments).args(PACKS).current_dir(env!("CARGO_MANIFEST_DIR"));
    command.env("COLUMNS", "100").env_remove("FRAMEGATE_CREDENTIAL_TOKEN");
    command
}

fn check(command: &mut Command, code: i32) -> String {
    let Output { status, stdout, stderr } = command.output().unwrap();
    let (stdout, stderr) = (String::from_utf8(stdout).unwrap(), String::from_utf8(stderr).unwrap());
    assert_eq!(status.code(), Some(code), "{stdout}\n{stderr}");
    stdout + &stderr
}

/// A program that ends with its test, whatever becomes of it.
struct Running(Child);

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// A reference server on a port of its own.
struct Server {
    _running: Running,
    url: String,
}

impl Server {
    fn play(arguments: &[&str]) -> Self {
        let mut command = framegate(&["peer", "demo", "server"]);
        let mut running = Running(command.args(arguments).stdin(Stdio::null()).stdout(Stdio::piped()).spawn().unwrap());
        let mut line = String::new();
        BufReader::new(running.0.stdout.take().unwrap()).read_line(&mut line).unwrap();
        let url = line.trim_end().strip_prefix("listening on ").unwrap().to_owned();
        Self { _running: running, url }
    }
}

#[test]
fn a_played_server_passes_and_what_it_was_given_is_shown_nowhere() {
    let server = Server::play(&["--set", "credential.token=s3cret-token"]);
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("report.json");
    let report = format!("json={}", path.display());
    let only = ["--only", "demo/server/hello-good", "--only", "demo/server/bad-token", "--only", "demo/server/unknown-method"];
    let mut command = framegate(&["run", "demo", "--server", &server.url, "--report", &report, "--transcripts", "--stats"]);
    let shown = check(command.args(only).env("FRAMEGATE_CREDENTIAL_TOKEN", "s3cret-token"), 0);
    assert!(shown.contains("3 selected · 3 run · 3 passed"), "{shown}");
    let written = fs::read_to_string(path).unwrap();
    assert!(written.contains("<credential token>") && !written.contains("s3cret"), "{written}");
    assert!(!shown.contains("s3cret"), "{shown}");
}

#[test]
fn a_server_that_refuses_a_credential_fails_and_the_credential_is_still_shown_nowhere() {
    let server = Server::play(&[]);
    let set = "credential.token=wr0ng-token";
    let arguments = ["run", "demo", "--server", &server.url, "--set", set, "--only", "demo/server/hello-good", "--report", "json"];
    let json = check(&mut framegate(&arguments), 1);
    let console = check(&mut framegate(&arguments[..arguments.len() - 2]), 1);
    assert!(serde_json::from_str::<serde_json::Value>(&json).unwrap()["cases"][0]["verdict"] == "fail", "{json}");
    assert!(console.contains("--set credential.token=\"$FRAMEGATE_CREDENTIAL_TOKEN\""), "{console}");
    assert!(!json.contains("wr0ng") && !console.contains("wr0ng"), "{json}\n{console}");
}

#[test]
fn a_server_that_nobody_plays_is_unreachable_in_one_line_and_leaves_no_empty_report() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("report.xml");
    let report = format!("junit={}", path.display());
    let run = ["run", "demo", "--server", "ws://127.0.0.1:1", "--set", "credential.token=abcd", "--report", &report];
    let shown = check(&mut framegate(&run), 3);
    assert_eq!(shown, "error: the server cannot be reached, so nothing was tested: 127.0.0.1:1 refused the connection\n");
    assert!(!path.exists());
}

#[cfg(unix)]
#[test]
fn a_played_client_passes_and_does_what_it_is_told_on_its_standard_input() {
    let client = format!("{PROGRAM} peer demo client --connect {{url}} {}", PACKS.join(" "));
    let arguments = ["run", "demo", "--client", &client, "--set", "stimulus.ask=ask", "--only", "demo/client/calls"];
    let shown = check(framegate(&arguments).env("FRAMEGATE_CREDENTIAL_TOKEN", "demo-token"), 0);
    assert!(shown.contains("1 selected · 1 run · 1 passed"), "{shown}");
}

#[test]
fn what_a_played_peer_writes_down_can_be_judged_and_names_no_credential() {
    let server = Server::play(&["--set", "credential.token=s3cret-token"]);
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("said.jsonl").display().to_string();
    let mut client = framegate(&["peer", "demo", "client", "--connect", &server.url, "--record", &path, "--verbose"]);
    client.env("FRAMEGATE_CREDENTIAL_TOKEN", "s3cret-token").stdin(Stdio::null()).stderr(Stdio::piped());
    let mut client = Running(client.spawn().unwrap());
    // An event is on the disk before it is printed.
    let printed = BufReader::new(client.0.stderr.take().unwrap()).lines().map(Result::unwrap);
    assert!(
        printed
            .inspect(|line| assert!(!line.contains("refused") && !line.contains("s3cret"), "{line}"))
            .any(|line| line.contains("server  text"))
    );
    drop(client);
    let said = fs::read_to_string(&path).unwrap();
    assert!(said.contains("<credential token>") && !said.contains("s3cret"), "{said}");
    let judged = check(&mut framegate(&["replay", &path, "--protocol", "demo", "--side", "server"]), 0);
    assert!(judged.contains("1 passed"), "{judged}");
}

#[test]
fn a_recorded_conversation_is_judged_again() {
    let folder = tempfile::tempdir().unwrap();
    let report = check(&mut framegate(&["run", "--only", "demo/server/hello-good", "--transcripts", "--report", "json"]), 0);
    let report: serde_json::Value = serde_json::from_str(&report).unwrap();
    let events = report["cases"][0]["transcript"].as_array().unwrap();
    let write = |name: &str, times: usize| {
        let is_result = |line: &str| line.contains("\\\"type\\\":\\\"res\\\"");
        let lines: Vec<_> =
            events.iter().map(ToString::to_string).flat_map(|line| vec![line.clone(); if is_result(&line) { times } else { 1 }]).collect();
        let path = folder.path().join(name);
        fs::write(&path, lines.join("\n")).unwrap();
        path
    };
    let replay = |path: &PathBuf, code| {
        check(&mut framegate(&["replay", &path.display().to_string(), "--protocol", "demo", "--side", "server"]), code)
    };
    assert!(replay(&write("good.jsonl", 1), 0).contains("1 passed"));
    let broken = replay(&write("twice.jsonl", 2), 1);
    assert!(broken.contains("fail  demo-call-answered"), "{broken}");
    let empty = folder.path().join("empty.jsonl");
    fs::write(&empty, "").unwrap();
    assert!(replay(&empty, 3).contains("1 inconclusive"));
}

#[cfg(unix)]
#[test]
fn an_interrupted_run_writes_what_it_has_and_does_not_pass() {
    let server = Server::play(&[]);
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("report.json");
    let report = format!("json={}", path.display());
    // One of two jobs takes a minute and a half, so that the run is still going on when the first line is there.
    let mut command = framegate(&["run", "demo", "--server", &server.url, "--jobs", "2", "--report", &report]);
    command.env("FRAMEGATE_CREDENTIAL_TOKEN", "demo-token").stdout(Stdio::piped()).stderr(Stdio::null());
    let mut run = Running(command.spawn().unwrap());
    let mut lines = BufReader::new(run.0.stdout.take().unwrap()).lines();
    assert!(lines.next().unwrap().unwrap().starts_with("pass "));
    assert!(Command::new("kill").args(["-INT", &run.0.id().to_string()]).status().unwrap().success());
    assert!(lines.map(Result::unwrap).any(|line| line.starts_with("interrupted")));
    assert_eq!(run.0.wait().unwrap().code(), Some(3));
    let report: serde_json::Value = serde_json::from_str(&fs::read_to_string(path).unwrap()).unwrap();
    assert_eq!(report["interrupted"], true);
    let named: Vec<_> = report["unfinished"].as_array().unwrap().iter().map(|id| id.as_str().unwrap()).collect();
    let told: Vec<_> = report["cases"].as_array().unwrap().iter().map(|case| case["id"].as_str().unwrap()).collect();
    assert!(named.contains(&"demo/server/keepalive") && !told.is_empty(), "{named:?} {told:?}");
    assert!(named.iter().all(|id| !told.contains(id)), "{named:?} {told:?}");
    assert_eq!((named.len() + told.len()) as u64, report["counts"]["selected"].as_u64().unwrap());
}

#[cfg(target_os = "linux")]
#[test]
fn a_full_disk_loses_one_report_and_not_the_others() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("report.json");
    let whole = format!("json={}", path.display());
    let shown = check(&mut framegate(&["run", "demo", "--report", "junit=/dev/full", "--report", &whole]), 70);
    assert!(shown.contains("failed to write /dev/full: No space left on device"), "{shown}");
    assert!(shown.contains(" 0 failed · "), "the console's is whole: {shown}");
    let report: serde_json::Value = serde_json::from_str(&fs::read_to_string(path).unwrap()).unwrap();
    assert_eq!(report["exit_code"], 0);

    let full = fs::File::options().write(true).open("/dev/full").unwrap();
    let Output { status, stderr, .. } = framegate(&["run", "demo"]).stdout(full).output().unwrap();
    assert_eq!(status.code(), Some(70), "{}", String::from_utf8_lossy(&stderr));
}
