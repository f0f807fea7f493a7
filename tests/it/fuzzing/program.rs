//! The program: campaigns from the command line, on peers in memory and on a socket.

use std::fs;
use std::io::{BufRead as _, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};

use serde_json::Value;

fn framegate(arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_framegate"));
    command.args(arguments).args(["--packs", "tests/packs/demo"]).current_dir(env!("CARGO_MANIFEST_DIR")).env("COLUMNS", "120");
    command
}

#[track_caller]
fn check(command: &mut Command, code: i32) -> String {
    let output = command.output().unwrap();
    let text = String::from_utf8(output.stdout).unwrap() + &String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(code), "{text}");
    text
}

fn summary(folder: &Path) -> Value {
    let mut found: Value = serde_json::from_str(&fs::read_to_string(folder.join("summary.json")).unwrap()).unwrap();
    found["campaign"]["part"].take();
    found
}

/// A program that ends with its test, whatever becomes of it.
struct Running(Child);

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

#[test]
fn a_target_on_another_machine_is_refused_with_how_to_allow_it() {
    let text = check(&mut framegate(&["fuzz", "demo", "--server", "ws://192.0.2.1:9/ws"]), 2);
    assert!(text.contains("192.0.2.1:9 is not on this machine") && text.contains("--allow remote"), "{text}");
}

#[test]
fn a_server_on_a_socket_is_fuzzed() {
    let mut command = framegate(&["peer", "demo", "server"]);
    let mut running = Running(command.stdin(Stdio::null()).stdout(Stdio::piped()).spawn().unwrap());
    let mut line = String::new();
    BufReader::new(running.0.stdout.take().unwrap()).read_line(&mut line).unwrap();
    let url = line.trim_end().strip_prefix("listening on ").unwrap();
    let text = check(&mut framegate(&["fuzz", "demo", "--server", url, "--reference", "--cases", "60"]), 0);
    assert!(text.contains("60 tries") && text.contains("0 causes"), "{text}");
    let folder = tempfile::tempdir().unwrap();
    let file = |name: &str| folder.path().join(name).display().to_string();
    let (inputs, outputs) = (file("in"), file("out"));
    fs::create_dir(&inputs).unwrap();
    let wish = ["--input_dir", &inputs, "--output_dir", &outputs, "--no_of_files", "1", "--seed", "1"];
    check(framegate(&["fuzz", "demo", "--side", "server"]).args(wish), 0);
    let play = |target: &[&str], code: i32| {
        check(framegate(&["replay", &file("out/fuzz-0.yaml")]).args(target).env("DEMO_TOKEN", "demo-token"), code)
    };
    let text = play(&["--server", url, "--reference", "--report", "json"], 0);
    assert!(
        text.contains(&format!("framegate replay --protocol demo --side server --server {url}")) && text.contains("--reference"),
        "{text}"
    );
    let targets = file("framegate.yaml");
    let entry = |protocol: &str| {
        format!("targets:\n  here: {{protocol: {protocol}, side: server, url: \"{url}\", credentials: {{token: \"env:DEMO_TOKEN\"}}}}\n")
    };
    fs::write(&targets, entry("demo")).unwrap();
    let text = play(&["--target", "here", "--config", &targets, "--report", "json"], 0);
    assert!(text.contains("--target here --config"), "{text}");
    fs::write(&targets, "targets:\n  here: {protocol: other, side: server, url: \"ws://127.0.0.1:1\"}\n").unwrap();
    play(&["--target", "here", "--config", &targets], 2);
}

#[test]
fn parts_are_merged_to_the_whole() {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name).display().to_string();
    for (name, partition) in [("whole", "0/1"), ("first", "0/2"), ("second", "1/2")] {
        let folder = path(name);
        check(&mut framegate(&["fuzz", "demo", "--side", "server", "--cases", "80", "--partition", partition, "--resume", &folder]), 0);
    }
    let (first, second, merged) = (path("first"), path("second"), path("merged"));
    let mut merge = Command::new(env!("CARGO_BIN_EXE_framegate"));
    check(merge.args(["merge", &second, &first, "--into", &merged]), 0);
    assert_eq!(summary(&folder.path().join("merged")), summary(&folder.path().join("whole")));
    let mut twice = Command::new(env!("CARGO_BIN_EXE_framegate"));
    let text = check(twice.args(["merge", &first, &first]), 2);
    assert!(text.contains("another folder holds the same part"), "{text}");
}

#[test]
fn a_journal_is_gone_on_with_and_that_of_another_campaign_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().display().to_string();
    let run = |cases: &str, seed: &str, code: i32| {
        check(&mut framegate(&["fuzz", "demo", "--side", "server", "--cases", cases, "--seed", seed, "--resume", &path]), code)
    };
    run("64", "1", 0);
    let text = run("128", "1", 0);
    assert!(text.contains("128 tries"), "{text}");
    assert!(run("128", "2", 2).contains("another campaign"));
}

#[test]
fn a_reproducer_that_was_saved_is_replayed_with_the_same_finding() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().display().to_string();
    // The demo server answers calls with ids that its own schema forbids.
    let text = check(&mut framegate(&["fuzz", "demo", "--side", "server", "--enough", "1", "--save", &path]), 1);
    assert!(text.contains("demo-frames-server"), "{text}");
    let saved: Vec<_> =
        fs::read_dir(folder.path().join("server")).unwrap().map(|entry| entry.unwrap().path().display().to_string()).collect();
    let file = saved.iter().find(|file| file.contains("demo-frames-server")).unwrap();
    let text = check(&mut framegate(&["replay", "--protocol", "demo", "--side", "server", file]), 1);
    assert!(text.contains("demo-frames-server"), "{text}");
}
