//! Two peers in memory and in virtual time.

use std::time::{Duration, Instant};

use framegate::peer::{Action, Input, Peer};
use framegate::runner::{Bounds, Limits, embedded};
use framegate::transcript::{Ending, Event, Frame, Mark, Opcode, Response, Role, Transcript, What};

use crate::acting::{Acting, accept, client, close, echo_server, open, send, story, story_of, text, wake};

const DEADLINE: Duration = Duration::from_secs(3600);

fn against_echo(harness: &mut dyn Peer) -> Transcript {
    embedded(harness, &mut echo_server(), Role::Server, &Bounds::new(DEADLINE))
}

fn says_hello_and_closes() -> impl Peer {
    client(|_, what| match what {
        What::Response(_) => vec![text(1, "hello")],
        What::Frame(frame) if frame.opcode == Opcode::TEXT => vec![close(1)],
        What::Ended(_) => vec![Action::Stop],
        _ => vec![],
    })
}

#[test]
fn a_conversation_is_written_down_in_order() {
    let transcript = against_echo(&mut says_hello_and_closes());
    assert_eq!(
        story(&transcript),
        [
            "client:opened",
            "client:request(/)",
            "server:response(101)",
            "client:text(hello)",
            "server:text(hello)",
            "client:close(…)",
            "server:close(…)",
            "server:finished",
        ]
    );
    assert_eq!(transcript.duration(), Duration::ZERO);
}

#[test]
fn the_server_side_is_told_of_connections_in_their_order() {
    let mut harness = Acting(|_, input: Input<'_>| match input {
        Input::Event(Event { connection, what: What::Request(request), .. }) => accept(*connection, request),
        Input::Event(Event { connection: 2, what: What::Frame(_), .. }) => vec![Action::Stop],
        _ => vec![],
    });
    let mut target = Acting(|_, input: Input<'_>| match input {
        Input::Start => vec![open(7), open(3)],
        Input::Event(Event { connection: 3, what: What::Response(_), .. }) => vec![text(3, "second")],
        _ => vec![],
    });
    let transcript = embedded(&mut harness, &mut target, Role::Client, &Bounds::new(DEADLINE));
    let opened: Vec<_> =
        transcript.events.iter().filter(|event| matches!(event.what, What::Opened { .. })).map(|event| event.connection).collect();
    assert_eq!(opened, [1, 2]);
    assert_eq!(transcript.events.last().map(|event| (event.connection, event.from)), Some((2, Role::Client)));
}

/// A server that pings every two minutes.
fn pinging_server() -> impl Peer {
    let period = Duration::from_secs(120);
    Acting(move |now, input: Input<'_>| match input {
        Input::Event(Event { connection, what: What::Request(request), .. }) => {
            [accept(*connection, request), vec![wake(now + period)]].concat()
        }
        Input::Wake(_) => vec![send(1, Frame::new(Opcode::PING, "tick")), wake(now + period)],
        _ => vec![],
    })
}

#[test]
fn a_two_minute_keepalive_is_seen_at_its_exact_virtual_time() {
    let mut harness = Acting(|_, input: Input<'_>| match input {
        Input::Start => vec![open(1), wake(Duration::from_secs(361))],
        Input::Wake(_) => vec![Action::Stop],
        _ => vec![],
    });
    let transcript = embedded(&mut harness, &mut pinging_server(), Role::Server, &Bounds::new(DEADLINE));
    let pings: Vec<_> = transcript.events.iter().filter(|event| matches!(&event.what, What::Frame(_))).map(|event| event.at).collect();
    assert_eq!(pings, [120, 240, 360].map(Duration::from_secs));
}

#[test]
fn what_the_target_does_at_an_instant_comes_before_a_timer_of_the_harness_at_the_same_instant() {
    let mut harness = Acting(|_, input: Input<'_>| match input {
        Input::Start => vec![open(1), wake(Duration::from_secs(120))],
        Input::Wake(_) => vec![Action::Mark(Mark::Finished), Action::Stop],
        _ => vec![],
    });
    let transcript = embedded(&mut harness, &mut pinging_server(), Role::Server, &Bounds::new(DEADLINE));
    assert_eq!(story(&transcript)[3..], ["server:ping(tick)", "client:Finished"]);
}

#[test]
fn the_same_peers_give_the_same_transcript_byte_for_byte() {
    let run = || {
        let mut harness = Acting(|now, input: Input<'_>| match input {
            Input::Start => vec![open(1), open(2), open(3), wake(Duration::from_secs(300))],
            Input::Event(Event { connection, what: What::Response(_), .. }) => {
                (0..20).map(|index| text(*connection, &format!("{connection}/{index}"))).collect()
            }
            Input::Event(Event { connection, what: What::Frame(frame), .. }) if frame.opcode == Opcode::PING => {
                vec![text(*connection, &format!("{now:?}"))]
            }
            Input::Wake(_) => vec![Action::Stop],
            _ => vec![],
        });
        let mut ticks = pinging_server();
        let mut echo = echo_server();
        let mut target = Acting(move |now, input: Input<'_>| match input {
            Input::Event(Event { what: What::Frame(_), .. }) => echo.step(now, input),
            _ => ticks.step(now, input),
        });
        embedded(&mut harness, &mut target, Role::Server, &Bounds::new(DEADLINE)).to_json_lines()
    };
    let first = run();
    assert!(first.lines().count() > 120, "{first}");
    for _ in 0..50 {
        assert_eq!(run(), first);
    }
}

#[test]
fn a_peer_that_never_stops_is_ended_at_its_deadline_without_waiting() {
    let begin = Instant::now();
    let transcript = against_echo(&mut client(|_, _| vec![]));
    assert_eq!(story(&transcript).last().map(String::as_str), Some("client:Deadline"));
    assert_eq!(transcript.duration(), DEADLINE);
    assert!(begin.elapsed() < DEADLINE);
}

#[test]
fn a_reset_is_told_from_an_orderly_end() {
    let end_with = |end: Action| {
        let mut target = Acting(move |_, input: Input<'_>| match input {
            Input::Event(Event { what: What::Request(request), .. }) => {
                [accept(1, request), vec![send(1, Frame::text("last")), end.clone()]].concat()
            }
            _ => vec![],
        });
        let mut harness = client(|_, what| if matches!(what, What::Ended(_)) { vec![Action::Stop] } else { vec![] });
        let transcript = embedded(&mut harness, &mut target, Role::Server, &Bounds::new(DEADLINE));
        story(&transcript).pop()
    };
    assert_eq!(end_with(Action::End(1)).as_deref(), Some("server:finished"));
    assert_eq!(end_with(Action::Finish(1)).as_deref(), Some("server:finished"));
    assert_eq!(end_with(Action::Reset(1)).as_deref(), Some("server:reset"));
}

#[test]
fn a_half_closed_stream_is_still_read() {
    let mut harness = client(|_, what| match what {
        What::Response(_) => vec![text(1, "hello"), Action::Finish(1)],
        What::Frame(_) => vec![Action::Stop],
        _ => vec![],
    });
    let mut echo = echo_server();
    let mut target = Acting(move |now, input: Input<'_>| match input {
        Input::Event(Event { what: What::Frame(_), .. }) => vec![wake(now + Duration::from_secs(60))],
        Input::Wake(_) => vec![send(1, Frame::text("late"))],
        _ => echo.step(now, input),
    });
    let transcript = embedded(&mut harness, &mut target, Role::Server, &Bounds::new(DEADLINE));
    assert_eq!(story(&transcript)[3..], ["client:text(hello)", "client:finished", "server:text(late)"]);
}

#[test]
fn a_refusal_ends_the_connection_after_its_body() {
    let mut target = Acting(|_, input: Input<'_>| match input {
        Input::Event(Event { connection, what: What::Request(_), .. }) => {
            let response = Response { body: "no token".into(), ..Response::new(401) };
            vec![Action::Respond { connection: *connection, response }]
        }
        _ => vec![],
    });
    let mut harness = client(|_, what| if matches!(what, What::Ended(_)) { vec![Action::Stop] } else { vec![] });
    let transcript = embedded(&mut harness, &mut target, Role::Server, &Bounds::new(DEADLINE));
    assert_eq!(story(&transcript)[2..], ["server:response(401)", "server:finished"]);
    assert!(matches!(&transcript.events[2].what, What::Response(response) if response.body.text() == Some("no token")));
}

#[test]
fn a_body_that_never_ends_does_not_hide_its_response() {
    let mut target = Acting(|_, input: Input<'_>| match input {
        Input::Event(Event { connection, what: What::Request(_), .. }) => {
            vec![Action::Bytes { connection: *connection, bytes: b"HTTP/1.1 401 Unauthorized\r\n\r\nno".to_vec() }]
        }
        _ => vec![],
    });
    let mut harness = client(|_, what| if matches!(what, What::Response(_)) { vec![Action::Stop] } else { vec![] });
    let transcript = embedded(&mut harness, &mut target, Role::Server, &Bounds::new(DEADLINE));
    assert_eq!(story(&transcript)[2..], ["server:response(401)"]);
    assert_eq!(transcript.duration(), Duration::from_secs(1));
}

#[test]
fn a_connection_that_is_not_read_holds_its_frames_back() {
    let mut harness = Acting(|now, input: Input<'_>| match input {
        Input::Start => vec![open(1)],
        Input::Event(Event { what: What::Response(_), .. }) => {
            vec![Action::Read { connection: 1, on: false }, text(1, "hello"), wake(now + Duration::from_secs(30))]
        }
        Input::Event(Event { what: What::Frame(_), .. }) => vec![Action::Stop],
        Input::Wake(_) => vec![Action::Read { connection: 1, on: true }],
        _ => vec![],
    });
    let transcript = against_echo(&mut harness);
    assert_eq!(story_of(Role::Server, &transcript), ["server:response(101)", "server:text(hello)"]);
    assert_eq!(transcript.duration(), Duration::from_secs(30));
}

#[test]
fn a_stimulus_reaches_the_target_and_is_noted() {
    let mut harness = Acting(|_, input: Input<'_>| match input {
        Input::Event(Event { connection, what: What::Request(request), .. }) => {
            [accept(*connection, request), vec![Action::Stimulate("chat".to_owned())]].concat()
        }
        Input::Event(Event { what: What::Frame(_), .. }) => vec![Action::Stop],
        _ => vec![],
    });
    let mut target = Acting(|_, input: Input<'_>| match input {
        Input::Start => vec![open(1)],
        Input::Stimulus(name) => vec![text(1, name)],
        _ => vec![],
    });
    let transcript = embedded(&mut harness, &mut target, Role::Client, &Bounds::new(DEADLINE));
    assert_eq!(story(&transcript)[2..], ["server:response(101)", "server:Stimulus(\"chat\")", "client:text(chat)"]);
}

#[test]
fn a_stimulus_arrives_after_what_was_sent_before_it() {
    let mut harness = Acting(|_, input: Input<'_>| match input {
        Input::Event(Event { connection, what: What::Request(request), .. }) => {
            [accept(*connection, request), vec![send(1, Frame::text("first")), Action::Stimulate("chat".to_owned())]].concat()
        }
        Input::Event(Event { what: What::Frame(frame), .. }) if frame.payload.text() == Some("chat") => vec![Action::Stop],
        _ => vec![],
    });
    let mut target = Acting(|_, input: Input<'_>| match input {
        Input::Start => vec![open(1)],
        Input::Stimulus(name) => vec![text(1, name)],
        Input::Event(Event { what: What::Frame(frame), .. }) => vec![text(1, frame.payload.text().unwrap())],
        _ => vec![],
    });
    let transcript = embedded(&mut harness, &mut target, Role::Client, &Bounds::new(DEADLINE));
    assert_eq!(story_of(Role::Client, &transcript)[2..], ["client:text(first)", "client:text(chat)"]);
}

#[test]
fn peers_that_run_in_circles_are_stopped() {
    let mut harness = client(|_, what| match what {
        What::Response(_) | What::Frame(_) => vec![text(1, "again")],
        _ => vec![],
    });
    let bounds = Bounds { deadline: DEADLINE, limits: Limits { instant: 1000, ..Limits::default() } };
    let transcript = embedded(&mut harness, &mut echo_server(), Role::Server, &bounds);
    assert!(matches!(transcript.events.last(), Some(Event { what: What::Mark(Mark::Failed(_)), .. })));
    let mut harness = Acting(|now, _: Input<'_>| vec![wake(now)]);
    let transcript = embedded(&mut harness, &mut echo_server(), Role::Server, &bounds);
    assert!(matches!(&transcript.events[..], [Event { what: What::Mark(Mark::Failed(_)), .. }]));
}

#[test]
fn a_flood_ends_its_connection_and_names_the_flooding_side() {
    let flood = vec![b'x'; 100_000];
    let mut target = Acting(|_, input: Input<'_>| match input {
        Input::Event(Event { what: What::Request(request), .. }) => {
            let frames = (0..30).map(|_| send(1, Frame::new(Opcode::BINARY, flood.clone())));
            accept(1, request).into_iter().chain(frames).collect()
        }
        _ => vec![],
    });
    let mut harness = client(|_, what| if matches!(what, What::Ended(_)) { vec![Action::Stop] } else { vec![] });
    let bounds = Bounds { deadline: DEADLINE, limits: Limits { transcript: 1_000_000, ..Limits::default() } };
    let transcript = embedded(&mut harness, &mut target, Role::Server, &bounds);
    let last = transcript.events.last().map(|event| (event.from, &event.what));
    assert!(matches!(last, Some((Role::Server, What::Ended(Ending::Overflow(_))))), "{last:?}");
    assert!(transcript.events.len() < 15);
}

#[test]
fn a_harness_that_floods_a_target_that_does_not_read_is_stopped() {
    let mut target = Acting(|_, input: Input<'_>| match input {
        Input::Event(Event { what: What::Request(request), .. }) => {
            [accept(1, request), vec![Action::Read { connection: 1, on: false }]].concat()
        }
        _ => vec![],
    });
    let mut harness = client(|_, what| match what {
        What::Response(_) => (0..30).map(|_| send(1, Frame::new(Opcode::BINARY, vec![0; 100_000]))).collect(),
        _ => vec![],
    });
    let bounds = Bounds { deadline: DEADLINE, limits: Limits { backlog: 1_000_000, ..Limits::default() } };
    let transcript = embedded(&mut harness, &mut target, Role::Server, &bounds);
    let end = transcript.events.iter().rev().nth(1).map(|event| (event.from, &event.what));
    assert!(matches!(end, Some((Role::Client, What::Ended(Ending::Overflow(_))))), "{end:?}");
}

#[test]
fn a_target_that_stops_ends_its_connections_and_takes_no_more() {
    let mut target = Acting(|_, input: Input<'_>| match input {
        Input::Event(Event { what: What::Request(request), .. }) => {
            [accept(1, request), vec![send(1, Frame::text("bye")), Action::Stop]].concat()
        }
        _ => vec![],
    });
    let mut harness = Acting(|_, input: Input<'_>| match input {
        Input::Start => vec![open(1)],
        Input::Event(Event { connection: 1, what: What::Ended(_), .. }) => vec![open(2)],
        Input::Event(Event { connection: 2, .. }) => vec![Action::Stop],
        _ => vec![],
    });
    let transcript = embedded(&mut harness, &mut target, Role::Server, &Bounds::new(DEADLINE));
    assert_eq!(story(&transcript)[2..], ["server:response(101)", "server:text(bye)", "server:finished", "server:unreachable"]);
}

#[test]
fn what_cannot_be_read_is_garbage_and_the_stream_is_followed_to_its_end() {
    let mut target = Acting(|_, input: Input<'_>| match input {
        Input::Event(Event { connection, what: What::Request(_), .. }) => {
            vec![Action::Bytes { connection: *connection, bytes: vec![b'?'; 300_000] }, Action::End(*connection)]
        }
        _ => vec![],
    });
    let mut harness = client(|_, what| if matches!(what, What::Ended(_)) { vec![Action::Stop] } else { vec![] });
    let transcript = embedded(&mut harness, &mut target, Role::Server, &Bounds::new(DEADLINE));
    assert_eq!(story(&transcript)[2..], ["server:garbage", "server:finished"]);
}
