//! Clients under test: commands that are started, told what to do, heard, and ended.

use std::path::Path;
use std::time::Duration;

use framegate::peer::{Action, Input, Peer};
use framegate::runner::{Bounds, ClientTarget, Hooks, ServerTarget, Stop, Target, Tls, live};
use framegate::transcript::{Event, Mark, Role, Transcript, What};
use tokio_tungstenite::tungstenite::{self, Message};

use crate::acting::{Acting, echo_server, story_of, wake};

/// Far more than any of these takes: to reach it is to fail.
const PLENTY: Duration = Duration::from_secs(60);

fn play(harness: &mut dyn Peer, target: ClientTarget) -> Transcript {
    live(harness, &Target::Client(target), &Bounds::new(PLENTY), &Stop::new())
}

fn command(command: &str) -> ClientTarget {
    ClientTarget { command: command.to_owned(), path: "/ws".to_owned(), ..ClientTarget::default() }
}

/// A server that stops when the client's process has ended.
fn patient_server() -> impl Peer {
    let mut echo = echo_server();
    Acting(move |now, input: Input<'_>| match input {
        Input::Event(Event { what: What::Exited(_), .. }) => vec![Action::Stop],
        _ => echo.step(now, input),
    })
}

fn exit_of(transcript: &Transcript) -> &framegate::transcript::Process {
    let Some(What::Exited(process)) = transcript.events.last().map(|event| &event.what) else { panic!("{transcript:?}") };
    process
}

/// Not a test of its own: the process that is under test in the next one.
#[test]
#[ignore = "the client process of another test"]
fn a_client_process() {
    let Ok(url) = std::env::var("CLIENT_PROCESS_URL") else { return };
    let mut line = String::new();
    std::io::stdin().read_line(&mut line).unwrap();
    let (mut socket, _) = tungstenite::connect(url).unwrap();
    socket.send(Message::text(line.trim())).unwrap();
    socket.read().unwrap();
    socket.close(None).unwrap();
    while socket.read().is_ok() {}
}

#[test]
fn a_client_command_is_started_told_what_to_do_and_heard() {
    let program = std::env::current_exe().unwrap();
    let line = format!("CLIENT_PROCESS_URL={{url}} exec '{}' --ignored --exact command::a_client_process", program.display());
    let mut target = command(&line);
    target.stimuli.insert("chat".to_owned(), "say hello".to_owned());
    let mut server = patient_server();
    let mut harness = Acting(move |now, input: Input<'_>| match input {
        Input::Start => vec![Action::Stimulate("chat".to_owned())],
        _ => server.step(now, input),
    });
    let transcript = play(&mut harness, target);
    let said = story_of(Role::Client, &transcript);
    assert_eq!(said[..3], ["client:opened", "client:request(/ws)", "client:text(say hello)"]);
    assert_eq!(exit_of(&transcript).code, Some(0));
}

#[test]
fn the_end_of_a_client_command_is_written_down_with_its_last_words() {
    let target = command("for i in $(seq 30); do echo \"line $i\" >&2; done; echo noise; exit 3");
    let transcript = play(&mut patient_server(), target);
    let process = exit_of(&transcript);
    assert_eq!((process.code, process.killed), (Some(3), false));
    assert_eq!((process.stderr.len(), process.stderr.last().map(String::as_str)), (20, Some("line 30")));
}

#[test]
fn settings_reach_the_command() {
    let mut target = command("echo \"{port} {token} $WORD $PWD\" >&2; echo '{url}' >&2");
    target.tokens.insert("token".to_owned(), "secret".to_owned());
    target.environment.push(("WORD".to_owned(), "word".to_owned()));
    target.directory = Some("/".into());
    let transcript = play(&mut patient_server(), target);
    let [first, url] = &exit_of(&transcript).stderr[..] else { panic!("{transcript:?}") };
    let port = first.strip_suffix(" secret word /").unwrap();
    assert_eq!(url, &format!("ws://127.0.0.1:{port}/ws"));
}

#[test]
#[cfg(target_os = "linux")]
fn the_whole_process_group_is_killed_at_the_end_of_the_case() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("pids");
    let target = command(&format!("sleep 1000 & echo $! > '{0}'; echo $$ >> '{0}'; wait", file.display()));
    let written = file.clone();
    let mut harness = Acting(move |now, _: Input<'_>| match std::fs::read_to_string(&written) {
        Ok(pids) if pids.lines().count() == 2 => vec![Action::Stop],
        _ => vec![wake(now + Duration::from_millis(10))],
    });
    let transcript = play(&mut harness, target);
    assert_eq!((exit_of(&transcript).killed, exit_of(&transcript).signal), (true, Some(9)));
    let pids = std::fs::read_to_string(&file).unwrap();
    for pid in pids.lines() {
        assert!(is_gone(pid), "process {pid} is left over");
    }
}

/// True if the process does nothing any more, at most a moment after it was killed. One that waits to be reaped does nothing.
#[cfg(target_os = "linux")]
fn is_gone(pid: &str) -> bool {
    (0..100_000).any(|_| {
        let status = std::fs::read_to_string(Path::new("/proc").join(pid).join("stat")).unwrap_or_default();
        status.is_empty() || status.contains(") Z ")
    })
}

#[test]
#[cfg(target_os = "linux")]
fn what_a_command_leaves_behind_is_killed_too() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("pid");
    let target = command(&format!("sleep 1000 & echo $! > '{}'", file.display()));
    let transcript = play(&mut patient_server(), target);
    assert_eq!(exit_of(&transcript).code, Some(0));
    assert!(is_gone(std::fs::read_to_string(&file).unwrap().trim()));
}

#[test]
fn a_stimulus_without_a_text_is_a_failure_of_the_harness() {
    let mut harness = Acting(|_, input: Input<'_>| match input {
        Input::Start => vec![Action::Stimulate("dance".to_owned()), Action::Stop],
        _ => vec![],
    });
    let transcript = play(&mut harness, command("cat"));
    assert!(matches!(&transcript.events[1].what, What::Mark(Mark::Failed(problem)) if problem.contains("dance")));
}

/// A client that asks for the hook, and stops when its connection ends.
fn asks(name: &str) -> impl Peer {
    let name = name.to_owned();
    Acting(move |_, input: Input<'_>| match input {
        Input::Start => vec![Action::Stimulate(name.clone()), crate::acting::open(1)],
        Input::Event(Event { what: What::Ended(_), .. }) => vec![Action::Stop],
        _ => vec![],
    })
}

/// What comes of a case against a server that ends each connection as soon as this file is there.
fn hooked(hook: &str, file: &Path, deadline: Duration) -> Transcript {
    let listener = std::net::TcpListener::bind((std::net::Ipv4Addr::LOCALHOST, 0)).unwrap();
    let url = format!("ws://{}", listener.local_addr().unwrap());
    let awaited = file.to_owned();
    std::thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            while !awaited.exists() {
                std::thread::yield_now();
            }
            drop(stream);
        }
    });
    let hooks = Hooks { commands: [("revoke".to_owned(), hook.to_owned())].into(), ..Hooks::default() };
    let server = ServerTarget::parse(&url, &Tls::default()).unwrap().with_hooks(hooks);
    live(&mut asks("revoke"), &Target::Server(server), &Bounds::new(deadline), &Stop::new())
}

#[test]
fn a_hook_makes_a_server_do_what_the_protocol_cannot_ask_of_it() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("revoked");
    let transcript = hooked(&format!("touch '{}'", file.display()), &file, PLENTY);
    assert!(file.exists());
    assert!(!transcript.events.iter().any(|event| matches!(event.what, What::Mark(Mark::Failed(_) | Mark::Deadline))), "{transcript:?}");
}

#[test]
fn a_hook_that_fails_is_a_failure_of_the_harness() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("revoked");
    let transcript = hooked("echo no such token >&2; exit 5", &file, Duration::from_secs(3));
    let is_said = |event: &Event| matches!(&event.what, What::Mark(Mark::Failed(problem)) if problem == "the hook revoke failed: exit status: 5 no such token");
    assert!(transcript.events.iter().any(is_said), "{transcript:?}");
}
