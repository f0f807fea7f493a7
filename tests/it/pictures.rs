//! The kill matrix and the heat map of a campaign: all of it in the JSON, all of it in the page, and nothing of it a script.

use std::fs;
use std::path::Path;
use std::process::{Command, Output};

use serde_json::Value;

fn framegate(arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_framegate")).args(arguments).env("NO_COLOR", "1").output().unwrap()
}

fn demo() -> String {
    format!("{}/tests/packs/demo", env!("CARGO_MANIFEST_DIR"))
}

/// Runs a command with both reports; gives the JSON, the page and the exit code.
fn reported(arguments: &[&str], folder: &Path) -> (Value, String, i32) {
    let path = |name: &str| folder.join(name);
    let destinations = [format!("json={}", path("report.json").display()), format!("html={}", path("report.html").display())];
    let mut all = arguments.to_vec();
    all.extend(destinations.iter().flat_map(|destination| ["--report", destination.as_str()]));
    let output = framegate(&all);
    let json = fs::read_to_string(path("report.json")).unwrap_or_else(|_| panic!("{}", String::from_utf8_lossy(&output.stderr)));
    (serde_json::from_str(&json).unwrap(), fs::read_to_string(path("report.html")).unwrap(), output.status.code().unwrap())
}

fn texts<'a>(values: &'a Value, key: &'a str) -> impl Iterator<Item = &'a str> {
    values.as_array().unwrap().iter().map(move |value| value[key].as_str().unwrap())
}

#[test]
fn every_mutant_case_and_check_is_in_both_reports_of_a_proof() {
    let folder = tempfile::tempdir().unwrap();
    let (json, page, code) = reported(&["prove", "demo", "--packs", &demo()], folder.path());
    let proof = &json["proofs"][0];
    assert_eq!(json["holds"], Value::from(code == 0));
    assert!(proof["tried"].as_array().unwrap().len() > 50);
    for id in texts(&proof["tried"], "id").chain(texts(&proof["checks"], "id")) {
        assert!(page.contains(&format!("<title>{id}")), "{id}");
    }
    for case in proof["cases"].as_array().unwrap() {
        assert!(page.contains(&format!("<title>{}", case.as_str().unwrap())), "{case}");
    }
    for tried in proof["tried"].as_array().unwrap() {
        let killed = tried["state"]["killed"]["requirement"].as_str();
        assert!(killed.is_none_or(|requirement| tried["broke"][requirement].is_string()), "{tried}");
    }
}

#[test]
fn a_campaign_has_a_heat_map_with_each_cause_and_its_reproducer() {
    let folder = tempfile::tempdir().unwrap();
    let (json, page, code) = reported(&["fuzz", "demo", "--packs", &demo(), "--side", "server", "--cases", "400"], folder.path());
    let causes = json["summary"]["causes"].as_array().unwrap();
    let baseline = json["summary"]["baseline"].as_array().unwrap();
    assert_eq!(i32::from(!(causes.is_empty() && baseline.is_empty())), code);
    for row in json["summary"]["coverage"].as_array().unwrap() {
        let state = row["place"]["state"].as_str().unwrap();
        assert!(page.contains(&format!(">{state} · ")), "{state}");
    }
    for entry in causes {
        assert!(page.contains(&format!("{}: the server", entry["fingerprint"]["requirement"].as_str().unwrap())), "{entry}");
    }
    assert!(causes.is_empty() || page.contains("steps:"));
}

#[test]
fn what_a_pack_says_is_text_in_the_page() {
    let folder = tempfile::tempdir().unwrap();
    assert!(framegate(&["new", "play", "--packs", &folder.path().display().to_string()]).status.success());
    let file = folder.path().join("scenarios/play/faults.yaml");
    let text = fs::read_to_string(&file).unwrap();
    let hostile = "</title></svg><script>alert(1)</script>";
    fs::write(&file, text.replace("It closes as if all were well.", hostile)).unwrap();
    let (json, page, _) = reported(&["prove", "play", "--packs", &folder.path().display().to_string()], folder.path());
    assert!(texts(&json["proofs"][0]["tried"], "what").any(|what| what == hostile));
    assert!(!page.contains(hostile) && page.contains("&lt;script&gt;alert(1)&lt;/script&gt;"));
    assert_eq!(page.matches("<script").count(), 1);
}

#[test]
fn a_format_that_shows_no_matrix_is_refused() {
    for arguments in [&["prove", "demo", "--report", "junit"][..], &["fuzz", "demo", "--report", "tap=x"]] {
        let output = framegate(arguments);
        assert_eq!(output.status.code(), Some(2));
        assert!(String::from_utf8_lossy(&output.stderr).contains("expected console, html or json"));
    }
}
