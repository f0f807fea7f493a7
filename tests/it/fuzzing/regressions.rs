//! What a campaign has saved into a pack is part of every later run: it fails on the peer that it was found on, and on no good one.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::Value;

/// The program on the packs of this folder.
#[track_caller]
fn check(folder: &Path, arguments: &[&str], code: i32) -> String {
    let mut command = Command::new(env!("CARGO_BIN_EXE_framegate"));
    let output = command.args(arguments).arg("--packs").arg(folder).env("COLUMNS", "160").env("NO_COLOR", "1").output().unwrap();
    let text = String::from_utf8(output.stdout).unwrap() + &String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(code), "{arguments:?}\n{text}");
    text
}

/// A small pack with a server that can be made to close with a code that nobody has documented, or to go on talking then.
fn play(folder: &Path) {
    check(folder, &["new", "play"], 0);
    let faults = folder.join("scenarios/play/faults.yaml");
    let fault = |id: &str, change: &str| {
        format!("  - {{id: {id}, side: server, what: It is odd., trips: play-unknown-refused, change: {{{change}}}}}\n")
    };
    let strange = fault("strange-code", "set: {of: {is: close}, tree: {code: 4242}}")
        + &fault("talkative", "add: {of: {is: close}, with: {text: bye}}");
    let text = fs::read_to_string(&faults).unwrap();
    fs::write(&faults, text.replacen("variants:", &(strange + "variants:"), 1)).unwrap();
}

fn save(folder: &Path, fault: &str) -> Vec<PathBuf> {
    let regressions = folder.join("scenarios/play/regressions");
    check(
        folder,
        &["fuzz", "play", "--side", "server", "--fault", fault, "--enough", "1", "--save", &regressions.display().to_string()],
        1,
    );
    let mut files: Vec<_> = fs::read_dir(regressions.join("server")).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.sort();
    files
}

/// The verdict and the broken requirements of each saved case.
fn results(folder: &Path, arguments: &[&str], code: i32) -> Vec<(String, Vec<String>)> {
    let path = folder.join("report.json");
    let report = format!("json={}", path.display());
    check(folder, &[arguments, &["--only", "*/regressions/*", "--report", &report]].concat(), code);
    let report: Value = serde_json::from_str(&fs::read_to_string(path).unwrap()).unwrap();
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    let broken = |case: &Value| case["findings"].as_array().unwrap().iter().map(|finding| text(&finding["requirement"])).collect();
    report["cases"].as_array().unwrap().iter().map(|case| (text(&case["verdict"]), broken(case))).collect()
}

#[test]
fn what_was_saved_fails_on_the_faulty_peer_and_passes_on_the_good_one() {
    for (fault, requirement) in [("talkative", "websocket-server-quiet-after-close"), ("strange-code", "framegate-documented-closes")] {
        let folder = tempfile::tempdir().unwrap();
        play(folder.path());
        let saved = save(folder.path(), fault);
        check(folder.path(), &["lint", "play"], 0);
        let faulty = results(folder.path(), &["run", "play", "--fault", fault], 1);
        assert_eq!(faulty.len(), saved.len());
        assert!(faulty.iter().all(|(verdict, _)| verdict == "fail"), "{faulty:?}");
        assert!(faulty.iter().any(|(_, broken)| broken.iter().any(|id| id == requirement)), "{faulty:?}");
        let good = results(folder.path(), &["run", "play"], 0);
        assert!(good.iter().all(|(verdict, broken)| verdict == "pass" && broken.is_empty()), "{good:?}");
        let all = check(folder.path(), &["run", "play", "--verbose"], 0);
        assert!(all.contains("play/server/regressions/"), "{all}");
    }
}

#[test]
fn a_saved_reproducer_is_no_vacuous_case_of_a_proof() {
    let folder = tempfile::tempdir().unwrap();
    play(folder.path());
    save(folder.path(), "strange-code");
    check(folder.path(), &["prove", "play"], 0);
}

#[test]
fn a_folder_may_hold_nothing_but_the_regressions_of_a_built_in_pack() {
    let folder = tempfile::tempdir().unwrap();
    let regressions = folder.path().join("scenarios/goclaw/regressions");
    let arguments = ["fuzz", "goclaw", "--side", "server", "--fault", "error-is-text", "--enough", "1", "--save"];
    let mut fuzz = Command::new(env!("CARGO_BIN_EXE_framegate"));
    assert_eq!(fuzz.args(arguments).arg(&regressions).output().unwrap().status.code(), Some(1));
    let faulty = results(folder.path(), &["run", "goclaw", "--fault", "error-is-text"], 1);
    assert!(!faulty.is_empty() && faulty.iter().all(|(verdict, _)| verdict == "fail"), "{faulty:?}");
    let good = results(folder.path(), &["run", "goclaw"], 0);
    assert!(good.iter().all(|(verdict, _)| verdict == "pass"), "{good:?}");
    assert!(check(folder.path(), &["list", "cases"], 0).contains("goclaw/server/connect"), "the rest is the built-in pack");
    // A mistake in it is reported with its place.
    fs::write(regressions.join("server/wrong.yaml"), "title: 1\n").unwrap();
    let text = check(folder.path(), &["lint", "goclaw"], 2);
    assert!(text.contains(&regressions.join("server/wrong.yaml").display().to_string()), "{text}");
}

#[test]
fn a_conversation_is_not_made_so_short_that_a_good_peer_fails_it() {
    let folder = tempfile::tempdir().unwrap();
    let regressions = folder.path().join("scenarios/z4j/regressions");
    let arguments = ["fuzz", "z4j", "--side", "server", "--fault", "strange-type", "--cases", "1", "--save"];
    let mut fuzz = Command::new(env!("CARGO_BIN_EXE_framegate"));
    assert_eq!(fuzz.args(arguments).arg(&regressions).output().unwrap().status.code(), Some(1));
    let good = results(folder.path(), &["run", "z4j"], 0);
    assert!(!good.is_empty() && good.iter().all(|(verdict, _)| verdict == "pass"), "{good:?}");
}
