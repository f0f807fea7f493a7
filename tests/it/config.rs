//! Targets of `framegate.yaml`, run by the program: started, waited for, tested, ended.

#![cfg(unix)]

use std::fs;
use std::path::Path;
use std::process::{Command, Output};

use tempfile::TempDir;

use super::folder::copy;

const PROGRAM: &str = env!("CARGO_BIN_EXE_framegate");
const PACKS: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/packs/demo");
const QUICK: [&str; 2] = ["--only", "demo/server/hello-good"];

/// A folder with this `framegate.yaml`, in which PEER stands for a reference peer of the demo pack.
fn folder(targets: &str) -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    let peer = format!("exec '{PROGRAM}' peer demo");
    let text = format!("packs: {PACKS}\ntargets:\n{}", targets.replace("PEER", &peer).replace("SUFFIX", &format!("--packs {PACKS}")));
    fs::write(folder.path().join("framegate.yaml"), text).unwrap();
    folder
}

fn run(folder: &Path, arguments: &[&str], code: i32) -> String {
    let mut command = Command::new(PROGRAM);
    command.arg("run").args(arguments).current_dir(folder).env("COLUMNS", "200").env("NO_COLOR", "1");
    command.env_remove("FRAMEGATE_CREDENTIAL_TOKEN").env("DEMO_TOKEN", "demo-token");
    let Output { status, stdout, stderr } = command.output().unwrap();
    let shown = String::from_utf8(stdout).unwrap() + &String::from_utf8(stderr).unwrap();
    assert_eq!(status.code(), Some(code), "{shown}");
    shown
}

const SERVER: &str = "
  gateway:
    protocol: demo
    side: server
    command: PEER server SUFFIX
    ready: {line: listening on}
    credentials: {token: env:DEMO_TOKEN}
";

#[test]
fn a_server_is_started_and_its_address_is_read_from_what_it_prints() {
    let folder = folder(SERVER);
    let inside = folder.path().join("a/b");
    fs::create_dir_all(&inside).unwrap();
    for place in [folder.path(), &inside] {
        let shown = run(place, &[&["gateway"][..], &QUICK].concat(), 0);
        assert!(shown.contains("1 passed") && shown.contains("s, gateway\n"), "{shown}");
    }
}

#[test]
fn a_server_is_given_a_port_and_waited_for() {
    let targets = SERVER.replace("PEER server", "PEER server --listen 127.0.0.1:{port}");
    let targets = targets.replace("ready: {line: listening on}", "url: ws://127.0.0.1:{port}/ws");
    assert!(run(folder(&targets).path(), &[&["gateway"][..], &QUICK].concat(), 0).contains("1 passed"));
}

#[test]
fn a_client_gets_its_environment_and_its_stimuli() {
    let targets = "
  agent:
    protocol: demo
    side: client
    command: test \"$WORD\" = hello && PEER client --connect {url} SUFFIX
    environment: {WORD: hello}
    credentials: {token: env:DEMO_TOKEN}
    stimuli: {ask: ask}
";
    let shown = run(folder(targets).path(), &["agent", "--only", "demo/client/calls"], 0);
    assert!(shown.contains("1 passed"), "{shown}");
}

#[test]
fn a_server_that_ends_or_never_listens_is_unreachable_and_what_it_printed_is_shown() {
    let ends = "
  ends: {protocol: demo, side: server, command: 'echo broken by design >&2; exit 7', ready: {line: never}}
  silent: {protocol: demo, side: server, url: 'ws://127.0.0.1:{port}', command: exec sleep 1000, ready: {within: 300ms}, stop: 100ms}
";
    let folder = folder(ends);
    let shown = run(folder.path(), &["ends"], 3);
    assert!(shown.contains("exit status: 7") && shown.contains("broken by design"), "{shown}");
    let shown = run(folder.path(), &["silent"], 3);
    assert!(shown.contains("not ready within 300ms: nothing listens on 127.0.0.1:"), "{shown}");
}

#[test]
fn a_server_that_falls_over_in_the_middle_does_not_pass() {
    // It ends with the first connection.
    let listen = "import socket; s = socket.create_server((\"127.0.0.1\", 0))";
    let print = "print(\"ws://127.0.0.1:%d\" % s.getsockname()[1], flush=True); s.accept()";
    let targets =
        SERVER.replace("PEER server SUFFIX", &format!("|-\n      exec python3 -c '{listen}; {print}'")).replace("listening on", "ws://");
    let shown = run(folder(&targets).path(), &[&["gateway"][..], &QUICK].concat(), 1);
    assert!(shown.contains("the server under test ended during the run"), "{shown}");
}

#[test]
fn a_server_is_asked_to_end_before_it_is_killed() {
    let folder = folder(&SERVER.replace("PEER server SUFFIX", "trap 'echo done > ended; exit 0' TERM; PEER server SUFFIX & wait"));
    run(folder.path(), &[&["gateway"][..], &QUICK].concat(), 0);
    assert!(folder.path().join("ended").exists());
}

#[test]
fn what_a_server_started_is_gone_after_the_run() {
    let folder = folder(&SERVER.replace("PEER server", "echo $$ > pids; sleep 1000 & echo $! >> pids; PEER server"));
    run(folder.path(), &[&["gateway"][..], &QUICK].concat(), 0);
    for pid in fs::read_to_string(folder.path().join("pids")).unwrap().lines() {
        let status = fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
        assert!(status.is_empty() || status.contains(") Z "), "process {pid} is left over: {status}");
    }
}

#[test]
fn mistakes_have_their_places_and_a_credential_is_never_shown() {
    let targets = "
  gateway:
    protocol: demo
    side: server
    url: ws://example.org/ws
    credentials: {token: s3cret-token}
    parameters: {reply_tim: 3s}
";
    let shown = run(folder(targets).path(), &["gateway"], 2);
    for part in ["framegate.yaml:7:", "allow: [remote]", "did you mean `reply_time`?", "framegate.yaml:8", "expected env:NAME or file:PATH"]
    {
        assert!(shown.contains(part), "{part}: {shown}");
    }
    assert!(!shown.contains("s3cret"), "{shown}");
    let shown = run(folder(&SERVER.replace("side", "sdie")).path(), &["gateway"], 2);
    assert!(shown.contains("unknown key `sdie`") && shown.contains("did you mean `side`?"), "{shown}");
    let shown = run(folder(&SERVER.replace("DEMO_TOKEN", "NO_SUCH_VARIABLE")).path(), &["gateway"], 2);
    assert!(shown.contains("the variable NO_SUCH_VARIABLE is not set"), "{shown}");
}

#[test]
fn a_name_that_is_no_target_comes_with_those_that_are() {
    let folder = folder(SERVER);
    assert!(run(folder.path(), &["gatewy"], 2).contains("no target `gatewy`; did you mean `gateway`?"));
    assert!(run(folder.path(), &["gateway", "gateway"], 2).contains("a target is run alone"));
    assert!(run(folder.path(), &["--config", "framegate.yaml"], 2).contains("known: gateway"));
    assert!(run(folder.path(), &["--config", "none.yaml", "gateway"], 2).contains("failed to read none.yaml"));
}

#[test]
fn a_known_failure_passes_and_one_that_is_fixed_does_not() {
    let faulty = SERVER.replace("PEER server", "PEER server --fault FAULT") + "    baseline: known.yaml\n";
    let folder = folder(&faulty.replace("FAULT", "answer-twice"));
    let only = ["--only", "demo/server/unknown-method", "--only", "demo/server/hello-good"];
    let update = |arguments: &[&str]| {
        let mut command = Command::new(PROGRAM);
        command.args(["baseline", "update", "known.yaml"]).args(arguments).current_dir(folder.path()).env("DEMO_TOKEN", "demo-token");
        let output = command.output().unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8(output.stdout).unwrap()
    };
    let shown = update(&[&["gateway"][..], &only].concat());
    assert!(shown.contains("new, give it a reason"), "{shown}");
    let shown = run(folder.path(), &[&["gateway"][..], &only].concat(), 0);
    assert!(shown.contains("known: not explained yet") && shown.contains("0 failed"), "{shown}");
    let path = folder.path().join("framegate.yaml");
    let mended = fs::read_to_string(&path).unwrap().replace("--fault answer-twice", "");
    fs::write(&path, mended).unwrap();
    let shown = run(folder.path(), &[&["gateway"][..], &only].concat(), 1);
    assert!(shown.contains("passes now"), "{shown}");
}

#[test]
fn a_case_that_fails_once_is_a_flake_and_keeps_both_transcripts() {
    let targets = "
  agent:
    protocol: demo
    side: client
    command: if [ -e seen ]; then PEER client --connect {url} SUFFIX; else touch seen; PEER client --fault FAULT --connect {url} SUFFIX; fi
    credentials: {token: env:DEMO_TOKEN}
    stimuli: {ask: ask}
";
    let folder = folder(&targets.replace("FAULT", "call-before-hello"));
    let arguments = ["agent", "--only", "demo/client/hello-good", "--report", "json", "--retries", "2"];
    let shown = run(folder.path(), &arguments, 0);
    let report: serde_json::Value = serde_json::from_str(&shown).unwrap();
    let case = &report["cases"][0];
    assert_eq!((&case["verdict"], &case["attempts"][0]["verdict"]), (&"warn".into(), &"fail".into()), "{shown}");
    assert_eq!(case["findings"][0]["requirement"], "framegate-flake");
    assert!(!case["attempts"][0]["transcript"].as_array().unwrap().is_empty());
    fs::remove_file(folder.path().join("seen")).unwrap();
    run(folder.path(), &arguments[..arguments.len() - 2], 1);
}

#[test]
fn what_a_target_could_declare_is_counted() {
    let targets = "
  gateway:
    protocol: goclaw
    side: server
    command: exec 'PROGRAM' peer goclaw server
    ready: {line: listening on}
";
    let folder = folder(&targets.replace("PROGRAM", PROGRAM));
    let path = folder.path().join("framegate.yaml");
    let builtin = fs::read_to_string(&path).unwrap().replace(&format!("packs: {PACKS}\n"), "");
    fs::write(&path, builtin).unwrap();
    let reports = ["--report", "json=run.json", "--report", "html=run.html", "--report", "console"];
    let arguments: Vec<&str> = ["gateway", "--only", "goclaw/server/chat*"].into_iter().chain(reports).collect();
    let shown = run(folder.path(), &arguments, 4);
    assert!(shown.contains("what the target could declare") && shown.contains("credential gateway_token"), "{shown}");
    let report: serde_json::Value = serde_json::from_str(&fs::read_to_string(folder.path().join("run.json")).unwrap()).unwrap();
    let unlocks = report["unlocks"].as_array().unwrap();
    let cases = report["cases"].as_array().unwrap();
    assert_eq!(unlocks.iter().map(|unlock| unlock["cases"].as_u64().unwrap()).sum::<u64>(), cases.len() as u64, "{unlocks:?}");
    let best = &unlocks[0];
    assert!(best["declare"].as_array().unwrap().contains(&"credential gateway_token".into()), "{best}");
    let page = fs::read_to_string(folder.path().join("run.html")).unwrap();
    let requirements = best["requirements"].as_array().unwrap();
    assert!(
        !requirements.is_empty() && requirements.iter().all(|id| page.contains(&format!("<code>{}</code></a></li>", id.as_str().unwrap())))
    );
}

/// Runs the program until it has printed its first line, sends it signals, and gives its exit code and what it wrote.
fn interrupted(folder: &Path, signals: &[&str]) -> (Option<i32>, String) {
    use std::io::{BufRead as _, BufReader, Read as _};
    use std::process::Stdio;
    let mut command = Command::new(PROGRAM);
    command.args(["run", "gateway", "--jobs", "2"]).current_dir(folder).env("DEMO_TOKEN", "demo-token").env("NO_COLOR", "1");
    let mut child = command.stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap();
    let mut stdout = BufReader::new(child.stdout.take().unwrap());
    let mut shown = String::new();
    stdout.read_line(&mut shown).unwrap();
    for signal in signals {
        Command::new("kill").args([*signal, &child.id().to_string()]).status().unwrap();
    }
    stdout.read_to_string(&mut shown).unwrap();
    (child.wait().unwrap().code(), shown)
}

#[test]
fn an_interrupted_run_judges_no_case_by_half_and_leaves_nothing_behind() {
    let folder = folder(&SERVER.replace("PEER server", "echo $$ > pids; sleep 1000 & echo $! >> pids; PEER server"));
    let (code, shown) = interrupted(folder.path(), &["-TERM"]);
    assert_eq!(code, Some(3), "{shown}");
    assert!(shown.contains("interrupted: ") && shown.contains("0 failed · 0 inconclusive"), "{shown}");
    for pid in fs::read_to_string(folder.path().join("pids")).unwrap().lines() {
        let status = fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
        assert!(status.is_empty() || status.contains(") Z "), "process {pid} is left over: {status}");
    }
}

fn init(folder: &Path, arguments: &[&str]) -> Output {
    let mut command = Command::new(PROGRAM);
    command.arg("init").args(arguments).args(["--packs", PACKS]).current_dir(folder).env("FRAMEGATE_CREDENTIAL_TOKEN", "demo-token");
    command.output().unwrap()
}

#[test]
fn init_asks_a_server_and_writes_a_file_that_runs() {
    use std::io::BufRead as _;
    let mut server = Command::new(PROGRAM);
    server.args(["peer", "demo", "server", "--packs", PACKS]).stdin(std::process::Stdio::null()).stdout(std::process::Stdio::piped());
    let mut server = server.spawn().unwrap();
    let mut line = String::new();
    std::io::BufReader::new(server.stdout.take().unwrap()).read_line(&mut line).unwrap();
    let url = line.trim_end().strip_prefix("listening on ").unwrap();
    let folder = tempfile::tempdir().unwrap();
    let Output { status, stdout, stderr } = init(folder.path(), &["--server", url]);
    assert!(status.success(), "{}", String::from_utf8_lossy(&stderr));
    assert!(String::from_utf8(stdout).unwrap().contains("accepted with status 101"));
    let mut command = Command::new(PROGRAM);
    command.args(["run", "local", "--packs", PACKS]).args(QUICK).current_dir(folder.path()).env("FRAMEGATE_CREDENTIAL_TOKEN", "demo-token");
    let output = command.output().unwrap();
    server.kill().unwrap();
    server.wait().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stdout));
    let again = init(folder.path(), &["--server", url]);
    assert_eq!(again.status.code(), Some(2), "a file that is there is not written over");
    assert_eq!(init(folder.path(), &["--server", "ws://127.0.0.1:1", "--force"]).status.code(), Some(3));
}

#[test]
fn completions_and_manual_pages_know_every_command() {
    let given = |arguments: &[&str]| String::from_utf8(Command::new(PROGRAM).args(arguments).output().unwrap().stdout).unwrap();
    let page = given(&["man"]);
    for shell in ["bash", "fish", "zsh"] {
        assert!(given(&["completions", shell]).contains("baseline"), "{shell}");
    }
    assert!(page.starts_with(".ie") && page.contains("framegate\\-baseline"), "{page}");
    let folder = tempfile::tempdir().unwrap();
    given(&["man", "--output", &folder.path().display().to_string()]);
    assert!(folder.path().join("framegate-run.1").exists());
}

#[test]
fn a_target_is_damaged_only_where_that_is_allowed() {
    let folder = folder(SERVER);
    let pack = folder.path().join("packs");
    for side in ["scenarios", "schemas"] {
        copy(&Path::new(PACKS).join(side).join("demo"), &pack.join(side).join("demo"));
    }
    let scenario = pack.join("scenarios/demo/server/hello-good.yaml");
    let text = fs::read_to_string(&scenario).unwrap();
    fs::write(&scenario, text.replacen("steps:", "destructive: true\nsteps:", 1)).unwrap();
    let file = folder.path().join("framegate.yaml");
    let here = fs::read_to_string(&file).unwrap().replacen(&format!("packs: {PACKS}"), "packs: packs", 1);
    fs::write(&file, &here).unwrap();
    let arguments = [&["gateway"][..], &QUICK].concat();
    let shown = run(folder.path(), &arguments, 4);
    assert!(shown.contains("allow: [destructive]") && shown.contains("allow destructive") && shown.contains("1 skipped"), "{shown}");
    assert!(run(folder.path(), &[&arguments[..], &["--allow", "destructive"]].concat(), 0).contains("1 passed"));
    fs::write(&file, here + "    allow: [destructive]\n").unwrap();
    assert!(run(folder.path(), &arguments, 0).contains("1 passed"));
}

#[test]
fn a_dialect_puts_files_of_its_own_in_place_of_those_of_the_pack() {
    let folder = folder(&SERVER.replace("PEER server", "PEER server --fault answer-twice"));
    let pack = folder.path().join("packs");
    for part in ["scenarios", "schemas"] {
        copy(&Path::new(PACKS).join(part), &pack.join(part));
    }
    let relaxed = pack.join("scenarios/demo/dialects/relaxed");
    fs::create_dir_all(&relaxed).unwrap();
    let text = fs::read_to_string(pack.join("scenarios/demo/requirements.yaml")).unwrap();
    let softened = text.replacen("- id: demo-call-answered\n    level: must", "- id: demo-call-answered\n    level: should", 1);
    assert_ne!(softened, text);
    fs::write(relaxed.join("requirements.yaml"), &softened).unwrap();
    let file = folder.path().join("framegate.yaml");
    let here = fs::read_to_string(&file).unwrap().replacen(&format!("packs: {PACKS}"), "packs: packs", 1);
    fs::write(&file, &here).unwrap();
    let arguments = ["gateway", "--only", "demo/server/unknown-method"];
    run(folder.path(), &arguments, 1);
    let shown = run(folder.path(), &[&arguments[..], &["--dialect", "relaxed"]].concat(), 0);
    assert!(shown.contains("1 warned") && shown.contains("gateway, dialect relaxed"), "{shown}");
    assert!(
        run(folder.path(), &[&arguments[..], &["--dialect", "relaxd"]].concat(), 2)
            .contains("did you mean `relaxed`? (known: documented, relaxed)")
    );
    fs::write(&file, here.replacen("side: server", "side: server\n    dialect: relaxed", 1)).unwrap();
    run(folder.path(), &arguments, 0);

    fs::write(relaxed.join("requirements.yaml"), softened.replacen("level: should", "level: shuold", 1)).unwrap();
    let Output { status, stderr, .. } = Command::new(PROGRAM).args(["lint", "--packs"]).arg(&pack).output().unwrap();
    let shown = String::from_utf8(stderr).unwrap();
    assert_eq!(status.code(), Some(2), "{shown}");
    assert!(shown.contains("scenarios/demo/dialects/relaxed/requirements.yaml:"), "{shown}");
}
