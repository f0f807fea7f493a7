//! A credential is shown nowhere, whatever a target does with it and wherever a run comes to grief.

use std::fs;
use std::io::{Read as _, Write as _};
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::path::Path;
use std::process::{Command, Output};
use std::thread;

use super::folder::copy;

const PROGRAM: &str = env!("CARGO_BIN_EXE_framegate");
const PACKS: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/packs/demo");
const CANARY: &str = "c4n4ry/t0ken+x";
const FORMATS: [(&str, &str); 7] = [
    ("console", "console"),
    ("github", "github"),
    ("html", "html"),
    ("json", "json"),
    ("junit", "xml"),
    ("markdown", "md"),
    ("tap", "tap"),
];

/// Runs the program and gives everything that it wrote, to its streams and to a report of every format.
fn everything(arguments: &[&str]) -> String {
    written(arguments).into_iter().map(|(_, text)| text).collect::<Vec<_>>().join("\n")
}

/// Everything that the program wrote, each with the stream or the file.
fn written(arguments: &[&str]) -> Vec<(String, String)> {
    let folder = tempfile::tempdir().unwrap();
    let mut command = Command::new(PROGRAM);
    command.args(arguments).current_dir(folder.path()).env("FRAMEGATE_CREDENTIAL_TOKEN", CANARY).env("CANARY", CANARY);
    if arguments[0] == "run" {
        for (format, ending) in FORMATS {
            command.args(["--report", &format!("{format}={}", folder.path().join(format!("report.{ending}")).display())]);
        }
        command.args(["--transcripts", "--stats"]);
    }
    fs::write(folder.path().join("framegate.yaml"), CONFIG.replace("PACKS", PACKS).replace("LITERAL", CANARY)).unwrap();
    let Output { stdout, stderr, .. } = command.output().unwrap();
    fs::remove_file(folder.path().join("framegate.yaml")).unwrap();
    let streams = [("stdout", stdout), ("stderr", stderr)];
    let mut written: Vec<_> = streams.map(|(name, text)| (name.to_owned(), String::from_utf8_lossy(&text).into_owned())).into();
    gather(folder.path(), &mut written);
    written
}

fn gather(folder: &Path, written: &mut Vec<(String, String)>) {
    for entry in fs::read_dir(folder).unwrap().flatten() {
        if entry.path().is_dir() {
            gather(&entry.path(), written);
        } else {
            written.push((entry.file_name().to_string_lossy().into_owned(), fs::read_to_string(entry.path()).unwrap()));
        }
    }
}

const CONFIG: &str = "
packs: PACKS
targets:
  literal: {protocol: demo, side: server, url: 'ws://127.0.0.1:1', credentials: {token: LITERAL}}
  talks: {protocol: demo, side: server, command: 'echo {token}; echo $CANARY >&2; exit 1', ready: {line: never}, credentials: {token: env:CANARY}}
  prints: {protocol: demo, side: server, command: 'echo no address but {token}; exec sleep 1000', ready: {line: no address}, stop: 100ms, credentials: {token: env:CANARY}}
";

/// How the canary may be written.
fn forms() -> [&'static str; 4] {
    [CANARY, "c4n4ry%2Ft0ken%2Bx", "c4n4ry%2ft0ken%2bx", "c4n4ry\\/t0ken+x"]
}

#[track_caller]
fn check(arguments: &[&str], is_reached: &str) {
    let shown = everything(arguments);
    assert!(shown.contains(is_reached), "{is_reached}: {shown}");
    let leaks: Vec<_> = shown.lines().filter(|line| forms().iter().any(|form| line.contains(form))).collect();
    assert!(leaks.is_empty(), "{}", leaks.join("\n"));
}

/// A server that gives the token back in another place at each connection, for as long as the test runs.
fn parrot() -> u16 {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    let port = listener.local_addr().unwrap().port();
    thread::spawn(move || {
        for (turn, stream) in listener.incoming().flatten().enumerate() {
            thread::spawn(move || answer(stream, turn));
        }
    });
    port
}

fn answer(mut stream: TcpStream, turn: usize) {
    let mut head = Vec::new();
    let mut byte = [0];
    while !head.ends_with(b"\r\n\r\n") && stream.read(&mut byte).is_ok_and(|count| count == 1) {
        head.push(byte[0]);
    }
    let head = String::from_utf8_lossy(&head).into_owned();
    let key = head.lines().find_map(|line| line.strip_prefix("Sec-WebSocket-Key: ")).unwrap_or_default().to_owned();
    let accept = tokio_tungstenite::tungstenite::handshake::derive_accept_key(key.as_bytes());
    let switching = format!(
        "HTTP/1.1 101 {CANARY}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nX-Token: {CANARY}\r\nSec-WebSocket-Accept: {accept}\r\n\r\n"
    );
    let frame = |opcode: u8, payload: &[u8]| [&[0x80 | opcode, u8::try_from(payload.len()).unwrap()], payload].concat();
    let half = CANARY.len() / 2;
    let fragments = [&[0x01, u8::try_from(half).unwrap()], &CANARY.as_bytes()[..half], &frame(0, &CANARY.as_bytes()[half..])].concat();
    let said = match turn % 7 {
        0 => {
            format!("HTTP/1.1 401 {CANARY}\r\nWWW-Authenticate: {CANARY}\r\nContent-Length: {}\r\n\r\n{CANARY}", CANARY.len()).into_bytes()
        }
        1 => [switching.as_bytes(), &frame(1, CANARY.as_bytes())].concat(),
        2 => [switching.as_bytes(), &frame(1, format!("{{\"type\":\"res\",\"id\":\"{CANARY}\",\"ok\":true}}").as_bytes())].concat(),
        3 => [switching.as_bytes(), &frame(8, format!("\u{3}\u{f0}{CANARY}").as_bytes())].concat(),
        4 => [switching.as_bytes(), &fragments].concat(),
        5 => [switching.as_bytes(), &frame(9, CANARY.as_bytes()), &frame(0x0b, CANARY.as_bytes())].concat(),
        _ => format!("what is {CANARY}?\r\n").into_bytes(),
    };
    let _ = stream.write_all(&said);
}

#[test]
fn no_output_shows_a_credential_that_a_server_gives_back() {
    let url = format!("ws://127.0.0.1:{}/ws?access_token={CANARY}", parrot());
    check(&["run", "demo", "--packs", PACKS, "--server", &url, "--time-scale", "0.1", "--retries", "1"], "<credential token>");
    check(&["run", "demo", "--packs", PACKS, "--server", &url, "--dry-run", "--set", &format!("credential.token={CANARY}")], "cases");
}

#[test]
fn no_file_beside_the_reports_shows_a_credential() {
    let url = format!("ws://127.0.0.1:{}/ws?access_token={CANARY}", parrot());
    let scaled = ["--packs", PACKS, "--time-scale", "0.05", "--server", &url];
    let baseline = [&["baseline", "update", "known.yaml", "demo"][..], &scaled, &["--only", "demo/server/hello-good"]].concat();
    check(&baseline, "known.yaml: ");
    let fuzz = ["fuzz", "demo", "--cases", "20", "--seed", "1", "--save", "findings", "--resume", "journal", "--report", "html=found.html"];
    check(&[&fuzz[..], &scaled].concat(), "20 unreachable");
    check(&["init", "demo", "--output", "init.yaml", "--packs", PACKS, "--server", &url], "the address holds a secret");
    check(
        &["init", "demo", "--output", "init.yaml", "--packs", PACKS, "--server", &format!("ws://127.0.0.1:{}", parrot())],
        "refused with status 401",
    );
}

#[test]
fn no_word_about_a_server_that_cannot_be_reached_shows_a_credential() {
    for scheme in ["ws", "wss"] {
        let nobody = format!("{scheme}://127.0.0.1:1/ws?token={CANARY}");
        check(&["run", "demo", "--packs", PACKS, "--server", &nobody], "cannot be reached");
    }
    let plain = format!("wss://127.0.0.1:{}/ws?token={CANARY}", parrot());
    check(&["run", "demo", "--packs", PACKS, "--server", &plain], "TLS");
}

/// What is no secret is not taken out: the same run shows that each kind of output would have shown one.
#[test]
fn every_output_would_show_a_credential_that_is_not_taken_out() {
    let folder = tempfile::tempdir().unwrap();
    let packs = folder.path().display().to_string();
    for part in ["scenarios", "schemas"] {
        copy(&Path::new(PACKS).join(part), &folder.path().join(part));
    }
    let manifest = folder.path().join("scenarios/demo/pack.yaml");
    let text = fs::read_to_string(&manifest).unwrap();
    let public = text.replacen("credentials:\n  token: {", "credentials:\n  token: {public: true, ", 1);
    assert_ne!(public, text);
    fs::write(&manifest, public).unwrap();
    let url = format!("ws://127.0.0.1:{}", parrot());
    for (name, text) in written(&["run", "demo", "--packs", &packs, "--server", &url, "--time-scale", "0.1"]) {
        assert!(name == "stderr" || forms().iter().any(|form| text.contains(form)), "{name} shows nothing: {text}");
    }
}

#[cfg(unix)]
#[test]
fn no_output_shows_a_credential_that_a_client_prints() {
    let client = format!("echo $FRAMEGATE_CREDENTIAL_TOKEN {CANARY} '{{token}}' >&2; exit 3");
    check(&["run", "demo", "--packs", PACKS, "--client", &client, "--time-scale", "0.05"], "<credential token>");
}

#[cfg(unix)]
#[test]
fn no_mistake_shows_a_credential() {
    check(&["run", "literal"], "never the credential itself");
    check(&["run", "talks"], "<credential token>");
    check(&["run", "prints"], "holds no ws:// address");
    check(&["run", "demo", "--packs", PACKS, "--set", &format!("token={CANARY}")], "`--set` needs KEY=VALUE");
    check(&["run", "demo", "--packs", PACKS, "--set", &format!("credential.tokn={CANARY}")], "no credential `tokn`");
    check(&["run", "demo", "--packs", PACKS, "--server", &format!("ws://user:{CANARY}@h/")], "credentials do not stand in the URL");
}
