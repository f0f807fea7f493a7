//! Peers against real sockets and processes. Every wait is a deadline of the session itself.

use std::io::{Read, Write};
use std::net::{Ipv4Addr, Shutdown, SocketAddr, TcpListener, TcpStream};
use std::thread;
use std::time::Duration;

use framegate::peer::{Action, Input, Peer};
use framegate::runner::{Bounds, Limits, Prompts, ServerTarget, Stop, Target, Tls, live, serve};
use framegate::transcript::{Ending, Event, Frame, Mark, Opcode, Role, Transcript, What};
use tokio_tungstenite::tungstenite::{self, Message};

use crate::acting::{Acting, client, close, echo_server, open, send, story, story_of, text, wake};

/// Far more than any of these takes: to reach it is to fail.
const PLENTY: Duration = Duration::from_secs(60);

/// For targets that never do anything.
const SHORT: Duration = Duration::from_millis(300);

/// A listener on a free port, served by a thread that takes one connection after the other for as long as the test runs.
fn listen(mut serve: impl FnMut(TcpStream) + Send + 'static) -> Target {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    let port = listener.local_addr().unwrap().port();
    thread::spawn(move || listener.incoming().flatten().for_each(&mut serve));
    server_on(port)
}

fn server_on(port: u16) -> Target {
    Target::Server(ServerTarget::parse(&format!("ws://127.0.0.1:{port}"), &Tls::default()).unwrap())
}

fn read_head(stream: &mut TcpStream) -> Vec<u8> {
    let mut head = Vec::new();
    let mut byte = [0];
    while !head.ends_with(b"\r\n\r\n") && stream.read(&mut byte).is_ok_and(|count| count == 1) {
        head.push(byte[0]);
    }
    head
}

fn play(harness: &mut dyn Peer, target: &Target, deadline: Duration) -> Transcript {
    live(harness, target, &Bounds::new(deadline), &Stop::new())
}

/// A client that waits for the end of its connection.
fn listener() -> impl Peer {
    client(|_, what| if matches!(what, What::Ended(_)) { vec![Action::Stop] } else { vec![] })
}

/// A client that stops at the first answer.
fn caller() -> impl Peer {
    client(|_, what| if matches!(what, What::Response(_) | What::Garbage { .. } | What::Ended(_)) { vec![Action::Stop] } else { vec![] })
}

fn reads_as(target: &Target, expected: &[&str]) {
    let transcript = play(&mut listener(), target, PLENTY);
    assert_eq!(story_of(Role::Server, &transcript), expected);
}

#[test]
fn a_tungstenite_server_is_talked_to() {
    let target = listen(|stream| {
        let mut socket = tungstenite::accept(stream).unwrap();
        while let Ok(message) = socket.read() {
            if message.is_text() && socket.send(message).is_err() {
                return;
            }
        }
    });
    let mut harness = client(|_, what| match what {
        What::Response(_) => vec![text(1, "hello"), send(1, Frame::new(Opcode::PING, "p").masked([7; 4]))],
        What::Frame(frame) if frame.opcode == Opcode::PONG => vec![close(1)],
        What::Ended(_) => vec![Action::Stop],
        _ => vec![],
    });
    let transcript = play(&mut harness, &target, PLENTY);
    assert_eq!(
        story_of(Role::Server, &transcript),
        ["response(101)", "text(hello)", "pong(p)", "close(…)", "finished"].map(|word| format!("server:{word}"))
    );
}

#[test]
fn a_tungstenite_client_is_served_until_somebody_ends_it() {
    let stop = Stop::new();
    let (sent, received) = std::sync::mpsc::channel();
    let mut on_ready = |address: SocketAddr| {
        let (stop, sent) = (stop.clone(), sent.clone());
        thread::spawn(move || {
            let (mut socket, _) = tungstenite::connect(format!("ws://{address}/")).unwrap();
            socket.send(Message::text("hello")).unwrap();
            let echo = socket.read();
            socket.close(None).unwrap();
            while socket.read().is_ok() {}
            sent.send(echo.unwrap()).unwrap();
            stop.request();
        });
    };
    let mut seen = Transcript::default();
    serve(&mut echo_server(), (Ipv4Addr::LOCALHOST, 0).into(), &mut on_ready, &Prompts::default(), &stop, &mut |event| {
        seen.events.push(event.clone());
    })
    .unwrap();
    assert_eq!(received.recv().unwrap(), Message::text("hello"));
    assert_eq!(story_of(Role::Client, &seen)[..3], ["client:opened", "client:request(/)", "client:text(hello)"]);
}

#[test]
fn a_peer_dials_a_peer_that_serves() {
    let stop = Stop::new();
    let mut on_ready = |address: SocketAddr| {
        let stop = stop.clone();
        thread::spawn(move || {
            let server = ServerTarget::parse(&format!("ws://{address}"), &Tls::default()).unwrap();
            let mut harness = client(|_, what| match what {
                What::Response(_) => vec![close(1)],
                What::Ended(_) => vec![Action::Stop],
                _ => vec![],
            });
            framegate::runner::dial(&mut harness, &server, &Prompts::default(), &Stop::new(), &mut |_| {}).unwrap();
            stop.request();
        });
    };
    let mut ends = 0;
    let mut count = |event: &Event| ends += usize::from(matches!(event.what, What::Ended(_)));
    serve(&mut echo_server(), (Ipv4Addr::LOCALHOST, 0).into(), &mut on_ready, &Prompts::default(), &stop, &mut count).unwrap();
    assert!(ends > 0);
}

#[test]
fn an_address_that_is_taken_is_an_error() {
    let taken = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    let address = taken.local_addr().unwrap();
    let error = serve(&mut echo_server(), address, &mut |_| {}, &Prompts::default(), &Stop::new(), &mut |_| {}).unwrap_err();
    assert!(error.to_string().starts_with(&format!("cannot listen on {address}")), "{error}");
}

#[test]
fn a_port_where_nobody_listens_is_unreachable() {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    let port = listener.local_addr().unwrap().port();
    drop(listener);
    let transcript = play(&mut self::listener(), &server_on(port), PLENTY);
    let [Event { from: Role::Server, connection: 1, what: What::Ended(Ending::Unreachable(why)), .. }] = &transcript.events[..] else {
        panic!("{transcript:?}")
    };
    assert_eq!(why, &format!("127.0.0.1:{port} refused the connection"));
}

#[test]
fn a_host_that_does_not_exist_is_unreachable() {
    // An empty label is no name: no name server is asked.
    let target = Target::Server(ServerTarget::parse("ws://no..name", &Tls::default()).unwrap());
    let transcript = play(&mut listener(), &target, PLENTY);
    assert_eq!(story(&transcript), ["server:unreachable"]);
}

#[test]
fn a_server_that_never_answers_is_ended_at_the_deadline() {
    let mut kept = Vec::new();
    let target = listen(move |stream| kept.push(stream));
    let transcript = play(&mut listener(), &target, SHORT);
    assert_eq!(story(&transcript), ["client:opened", "client:request(/)", "client:Deadline"]);
}

#[test]
fn garbage_instead_of_http_is_seen_at_once() {
    let mut kept = Vec::new();
    let target = listen(move |mut stream| {
        read_head(&mut stream);
        let _ = stream.write_all(b"SSH-2.0-OpenSSH_9.6\r\n");
        kept.push(stream);
    });
    let transcript = play(&mut caller(), &target, PLENTY);
    assert_eq!(story_of(Role::Server, &transcript), ["server:garbage"]);
}

#[test]
fn a_refusal_in_two_segments_is_read_to_its_end() {
    let target = listen(|mut stream| {
        read_head(&mut stream);
        let _ = stream.write_all(b"HTTP/1.1 404 Not Found\r\nContent-Length: 9\r\n\r\nnot ");
        let _ = stream.flush();
        thread::yield_now();
        let _ = stream.write_all(b"found");
    });
    let transcript = play(&mut caller(), &target, PLENTY);
    let bodies = transcript.events.iter().filter_map(|event| match &event.what {
        What::Response(response) => response.body.text(),
        _ => None,
    });
    assert_eq!(bodies.collect::<Vec<_>>(), ["not found"]);
}

#[test]
fn an_endless_stream_is_cut_off_in_bounded_memory() {
    let target = listen(|mut stream| {
        read_head(&mut stream);
        let flood = vec![b'x'; 65_536];
        while stream.write_all(&flood).is_ok() {}
    });
    let bounds = Bounds { deadline: PLENTY, limits: Limits { transcript: 4_000_000, ..Limits::default() } };
    let transcript = live(&mut listener(), &target, &bounds, &Stop::new());
    assert_eq!(story_of(Role::Server, &transcript), ["server:garbage", "server:overflow"]);
}

#[test]
fn a_frame_without_end_is_cut_off_in_bounded_memory() {
    let target = listen(|stream| {
        let mut socket = tungstenite::accept(stream).unwrap();
        let stream = socket.get_mut();
        let _ = stream.write_all(&[0x82, 127, 0x7F, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF]);
        let flood = vec![b'x'; 65_536];
        while stream.write_all(&flood).is_ok() {}
    });
    let limits = Limits { frame: 1000, transcript: 4_000_000, ..Limits::default() };
    let transcript = live(&mut listener(), &target, &Bounds { deadline: PLENTY, limits }, &Stop::new());
    let frames = transcript.events.iter().filter_map(|event| match &event.what {
        What::Frame(frame) => Some((frame.payload.len(), frame.arrived > 4_000_000, frame.is_whole())),
        _ => None,
    });
    assert_eq!(frames.collect::<Vec<_>>(), [(1000, true, false)]);
    assert_eq!(story_of(Role::Server, &transcript).pop().as_deref(), Some("server:overflow"));
}

#[test]
#[cfg(target_os = "linux")]
fn a_reset_of_the_target_is_told_from_an_orderly_end() {
    reads_as(
        &listen(|mut stream| {
            read_head(&mut stream);
        }),
        &["server:finished"],
    );
    // Closing a socket that holds unread bytes resets the connection.
    reads_as(
        &listen(|mut stream| {
            let _ = stream.read(&mut [0]);
        }),
        &["server:reset"],
    );
}

#[test]
fn a_half_closed_connection_still_takes_what_is_sent() {
    let (sent, received) = std::sync::mpsc::channel();
    let target = listen(move |stream| {
        let mut socket = tungstenite::accept(stream).unwrap();
        socket.get_mut().shutdown(Shutdown::Write).unwrap();
        let _ = sent.send(socket.read());
    });
    let mut harness = client(|_, what| if matches!(what, What::Ended(_)) { vec![text(1, "late"), Action::Stop] } else { vec![] });
    let transcript = play(&mut harness, &target, PLENTY);
    assert_eq!(story(&transcript)[3..], ["server:finished", "client:text(late)"]);
    assert_eq!(received.recv().unwrap().unwrap(), Message::text("late"));
}

#[test]
fn a_reset_by_the_harness_reaches_the_target_as_one() {
    let (sent, received) = std::sync::mpsc::channel();
    let target = listen(move |mut stream| {
        read_head(&mut stream);
        let _ = stream.write_all(b"HTTP/1.1 101 Switching Protocols\r\n\r\n");
        let _ = sent.send(stream.read(&mut [0]).map_err(|error| error.kind()));
    });
    let mut harness = client(|_, what| if matches!(what, What::Response(_)) { vec![Action::Reset(1), Action::Stop] } else { vec![] });
    let transcript = play(&mut harness, &target, PLENTY);
    assert_eq!(story(&transcript).pop().as_deref(), Some("client:reset"));
    assert_eq!(received.recv().unwrap(), Err(std::io::ErrorKind::ConnectionReset));
}

#[test]
fn a_target_that_does_not_read_blocks_nobody() {
    let mut kept = Vec::new();
    let target = listen(move |stream| kept.push(tungstenite::accept(stream).unwrap()));
    let mut harness = client(|_, what| match what {
        What::Response(_) => (0..40).map(|_| send(1, Frame::new(Opcode::BINARY, vec![0; 1_000_000]))).chain([Action::Stop]).collect(),
        _ => vec![],
    });
    let transcript = play(&mut harness, &target, PLENTY);
    assert_eq!(transcript.events.len(), 3 + 40);
}

#[test]
fn a_flood_of_small_frames_does_not_stop_the_clock_of_the_harness() {
    let target = listen(|stream| {
        let mut socket = tungstenite::accept(stream).unwrap();
        let flood = [0x81, 1, b'x'].repeat(10_000);
        while socket.get_mut().write_all(&flood).is_ok() {}
    });
    let mut harness = client(|now, what| match what {
        What::Response(_) => vec![wake(now + Duration::from_millis(20))],
        What::Ended(_) => vec![Action::Mark(Mark::Finished)],
        _ => vec![],
    });
    let bounds = Bounds { deadline: PLENTY, limits: Limits { transcript: usize::MAX, ..Limits::default() } };
    let transcript = live(&mut harness, &target, &bounds, &Stop::new());
    assert!(!transcript.events.iter().any(|event| matches!(event.what, What::Mark(Mark::Deadline | Mark::Finished))));
}

#[test]
fn a_stop_from_outside_ends_a_session() {
    let mut kept = Vec::new();
    let target = listen(move |stream| kept.push(stream));
    let stop = Stop::new();
    let outside = stop.clone();
    let mut harness = Acting(move |_, input: Input<'_>| match input {
        Input::Start => {
            let outside = outside.clone();
            thread::spawn(move || outside.request());
            vec![open(1)]
        }
        _ => vec![],
    });
    let transcript = live(&mut harness, &target, &Bounds::new(PLENTY), &stop);
    assert!(!transcript.events.iter().any(|event| event.what == What::Mark(Mark::Deadline)));
}

#[test]
fn a_client_that_does_not_speak_http_is_garbage() {
    let mut harness = Acting(|_, input: Input<'_>| match input {
        Input::Event(Event { what: What::Garbage { .. }, .. }) => vec![Action::Stop],
        _ => vec![],
    });
    let mut on_ready = |address: SocketAddr| {
        thread::spawn(move || {
            let mut stream = TcpStream::connect(address).unwrap();
            stream.write_all(b"what is this\n").unwrap();
            let _ = stream.read(&mut [0]);
        });
    };
    let mut seen = Transcript::default();
    let mut observer = |event: &Event| seen.events.push(event.clone());
    serve(&mut harness, (Ipv4Addr::LOCALHOST, 0).into(), &mut on_ready, &Prompts::default(), &Stop::new(), &mut observer).unwrap();
    assert_eq!(story(&seen), ["client:opened", "client:garbage"]);
}
