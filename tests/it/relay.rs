//! Good conversations of every pack through tokio-tungstenite: it takes what the harness says and passes it on to a reference server, and the
//! same back. What both codecs of this program would get wrong together, it does not let through.

use std::net::{Ipv4Addr, SocketAddr};
use std::num::NonZeroUsize;
use std::sync::{Arc, mpsc};
use std::thread;
use std::time::Duration;

use framegate::pack::{Library, Settings};
use framegate::peer;
use framegate::plan::{Selection, plan};
use framegate::runner::{Prompts, ServerTarget, Stop, Target, Tls, serve};
use framegate::suite::{self, Bound, Options, Silent, Subject};
use framegate::transcript::{Mark, Opcode, Role, Transcript, What};
use framegate::verdict::Verdict;
use futures_util::{SinkExt as _, StreamExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio_tungstenite::tungstenite::handshake::server::{Request, Response};
use tokio_tungstenite::tungstenite::http::HeaderValue;
use tokio_tungstenite::tungstenite::{Message, client::IntoClientRequest as _};
use tokio_tungstenite::{WebSocketStream, accept_hdr_async, client_async};

/// Cases of each pack: those in which the most is said.
const CASES: usize = 10;

/// Only so many of a pack's cases are looked at: every third.
const EVERY: usize = 3;

/// How long such a case takes at most, in virtual time.
const SOON: Duration = Duration::from_millis(1500);

const SUBPROTOCOL: &str = "sec-websocket-protocol";

/// What a client asked for that its server must hear too.
struct Asked {
    target: String,
    headers: Vec<(&'static str, HeaderValue)>,
}

#[test]
fn good_conversations_survive_another_codec() {
    for id in Library::builtin().ids() {
        let pack = Arc::new(Library::builtin().load(&id).unwrap());
        let bound = Bound { settings: Arc::new(Settings::embedded(&pack.manifest)), pack };
        let stop = Stop::new();
        let server = play_server(&bound, &stop);
        let url = format!("ws://{}{}", relay(server), bound.pack.manifest.endpoint.path);
        let target = Target::Server(ServerTarget::parse(&url, &Tls::default()).unwrap());
        let selection = Selection { side: Some(Role::Server), only: plain_cases(&bound), ..Selection::default() };
        let options = Options { jobs: NonZeroUsize::new(1), ..Options::default() };
        let report = suite::run(&[bound], &selection, &Subject::Live(target), &options, &Silent, &Stop::new());
        stop.request();
        assert_eq!(report.cases.len(), CASES, "{id}");
        for case in &report.cases {
            assert_eq!(case.verdict(), Verdict::Pass, "{}: {:?}", case.id, case.findings);
        }
    }
}

/// Cases that pass in memory, soon, and with nothing but good text messages.
fn plain_cases(bound: &Bound) -> Vec<String> {
    let selection = Selection { side: Some(Role::Server), ..Selection::default() };
    let planned = plan(&bound.pack, &bound.settings, &selection).into_iter().filter(|case| case.group == "protocol");
    let selection = Selection { only: planned.step_by(EVERY).map(|case| case.id).collect(), ..selection };
    let subject = Subject::Embedded { changes: None };
    let report = suite::run(std::slice::from_ref(bound), &selection, &subject, &Options::default(), &Silent, &Stop::new());
    let is_plain = |transcript: &Transcript| transcript.duration() < SOON && transcript.events.iter().all(|event| is_good(&event.what));
    let says = |transcript: &Transcript| transcript.events.iter().filter(|event| matches!(event.what, What::Frame(_))).count();
    let passed = report.cases.iter().filter(|case| case.verdict() == Verdict::Pass);
    let mut plain: Vec<_> = passed.filter(|case| is_plain(&case.transcript)).collect();
    plain.sort_by_key(|case| std::cmp::Reverse(says(&case.transcript)));
    plain.into_iter().take(CASES).map(|case| case.id.clone()).collect()
}

fn is_good(what: &What) -> bool {
    match what {
        What::Frame(frame) if frame.opcode == Opcode::TEXT => frame.fin && std::str::from_utf8(&frame.payload).is_ok(),
        What::Frame(frame) => frame.opcode == Opcode::CLOSE,
        What::Request(request) => request.headers.iter().any(|(name, _)| name.eq_ignore_ascii_case("upgrade")),
        What::Response(response) => response.status == 101,
        What::Garbage { .. } | What::Mark(Mark::Stimulus(_)) => false,
        _ => true,
    }
}

/// A reference server on a port of its own, until it is stopped.
fn play_server(bound: &Bound, stop: &Stop) -> SocketAddr {
    let (sent, received) = mpsc::channel();
    let (bound, stop) = (bound.clone(), stop.clone());
    thread::spawn(move || {
        let mut server = peer::faulty(bound.pack, bound.settings, Role::Server, &[]).0;
        let mut on_ready = |address| sent.send(address).unwrap();
        serve(&mut *server, (Ipv4Addr::LOCALHOST, 0).into(), &mut on_ready, &Prompts::default(), &stop, &mut |_| {}).unwrap();
    });
    received.recv().unwrap()
}

/// Listens, and passes everything on to the server. Ends with the test's process.
fn relay(server: SocketAddr) -> SocketAddr {
    let (sent, received) = mpsc::channel();
    thread::spawn(move || {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
            sent.send(listener.local_addr().unwrap()).unwrap();
            while let Ok((stream, _)) = listener.accept().await {
                tokio::spawn(pass_on(stream, server));
            }
        });
    });
    received.recv().unwrap()
}

/// One connection. What either codec refuses ends it, and so the case that needed it.
#[expect(clippy::result_large_err, reason = "the type of the closure is that of the library")]
async fn pass_on(stream: TcpStream, server: SocketAddr) {
    let mut asked = None;
    let Ok(mut client) = accept_hdr_async(stream, |request: &Request, response| Ok(hear(request, response, &mut asked))).await else {
        return;
    };
    let Some(Asked { target, headers }) = asked else { return };
    let mut request = format!("ws://{server}{target}").into_client_request().unwrap();
    for (name, value) in headers {
        request.headers_mut().insert(name, value);
    }
    let Ok((mut server, _)) = client_async(request, TcpStream::connect(server).await.unwrap()).await else { return };
    loop {
        let is_over = tokio::select! {
            said = client.next() => forward(said, &mut server).await,
            said = server.next() => forward(said, &mut client).await,
        };
        if is_over {
            tokio::join!(drain(&mut client), drain(&mut server));
            return;
        }
    }
}

/// Sees a closing handshake through.
async fn drain(socket: &mut WebSocketStream<TcpStream>) {
    let _ = socket.close(None).await;
    while let Some(Ok(_)) = socket.next().await {}
}

/// Answers as the server will: with the first subprotocol that is offered.
fn hear(request: &Request, mut response: Response, asked: &mut Option<Asked>) -> Response {
    let headers = ["authorization", SUBPROTOCOL].into_iter().filter_map(|name| Some((name, request.headers().get(name)?.clone())));
    let offered = request.headers().get(SUBPROTOCOL).and_then(|value| value.to_str().ok()?.split(',').next());
    if let Some(first) = offered {
        response.headers_mut().insert(SUBPROTOCOL, first.trim().parse().unwrap());
    }
    *asked = Some(Asked { target: request.uri().to_string(), headers: headers.collect() });
    response
}

/// Passes one message on; true if it was the last.
async fn forward<E>(said: Option<Result<Message, E>>, to: &mut (impl futures_util::Sink<Message> + Unpin)) -> bool {
    match said {
        Some(Ok(message @ (Message::Text(_) | Message::Binary(_)))) => to.send(message).await.is_err(),
        Some(Ok(Message::Close(close))) => {
            let _ = to.send(Message::Close(close)).await;
            true
        }
        // Each hop answers its own pings.
        Some(Ok(_)) => false,
        Some(Err(_)) | None => true,
    }
}
