//! Tries a second of a fuzz campaign with every oracle on, beside a bare tungstenite client that sends the same frames to the same server,
//! and the memory of a million tries. `cargo bench --bench fuzz_throughput` prints the table.

#![expect(clippy::unwrap_used, reason = "a measurement that cannot go on ends")]

use std::io::Write as _;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use framegate::fuzz::Summary;
use framegate::fuzz::arena::{Arena as _, Lane};
use framegate::fuzz::batch::{Route, Shot, Worker};
use framegate::fuzz::campaign::{Orders, Range};
use framegate::pack::{Library, Settings};
use framegate::runner::{ServerTarget, Stop, Target, Tls, memory};
use framegate::suite::{Bound, Options, Subject};
use framegate::transcript::{Role, What};
use futures_util::{SinkExt as _, StreamExt as _};
use serde_json::{Value, json};
use tokio::net::{TcpListener, TcpStream};
use tokio::runtime::{Builder, Runtime};
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::Message;

/// How long each measurement takes, and how often it is repeated; the best of each counts, as other programs only ever slow it down.
const SPAN: Duration = Duration::from_millis(1500);
const REPEATS: usize = 5;

fn main() {
    let server = start();
    let bound = bound();
    let subject = Subject::Live(Target::Server(ServerTarget::parse(&format!("ws://{server}/ws"), &Tls::default()).unwrap()));
    let lane = Lane::new(subject, Options::default(), Stop::default());
    assert!(lane.server().is_some());
    let mut out = std::io::stdout().lock();
    writeln!(out, "{:<26} {:>12} {:>12} {:>7} {:>7}", "", "framegate/s", "bare/s", "ratio", "target").unwrap();
    for (name, depth, route, target) in [
        ("one out, one in", 1, Route::Shared, 0.85),
        ("64 on their way", 64, Route::Shared, 0.8),
        ("a connection for each try", 1, Route::Own, 0.7),
    ] {
        let (ours, bare) = compare(&bound, &lane, server, depth, route);
        writeln!(out, "{name:<26} {ours:>12.0} {bare:>12.0} {:>7.2} {target:>7.2}", ours / bare).unwrap();
    }
    million(&bound, &lane, &mut out);
}

/// The best of several measurements of each, taken in turn.
fn compare(bound: &Bound, lane: &Lane, server: SocketAddr, depth: usize, route: Route) -> (f64, f64) {
    let orders = orders(depth, None);
    let range = Range::new(bound, &orders, lane);
    let stock = range.stock(bound, &orders, lane).expect("a server on a plain socket");
    let mut worker = Worker::new(&stock, 1);
    let shots = shots(&range, &mut worker, route);
    let texts: Vec<Vec<Message>> = shots.iter().map(messages).collect();
    let mut best = (0.0_f64, 0.0_f64);
    for _ in 0..REPEATS {
        best.1 = best.1.max(bare(server, &texts, depth, route));
        best.0 = best.0.max(ours(&mut worker, &shots));
    }
    best
}

/// Tries of the state `connected` that the bare server answers with one message each.
fn shots(range: &Range, worker: &mut Worker<'_>, route: Route) -> Vec<Shot> {
    let state = range.states().iter().position(|name| *name == "connected").unwrap();
    let tries = (0..range.tries().systematic()).filter_map(|number| range.tries().get(number)).filter(|one| one.state == state);
    let mut shots: Vec<Shot> = tries.filter_map(|one| worker.shot(&one)).filter(|shot| shot.route == Route::Shared).collect();
    shots.retain(|shot| matches!(messages(shot).as_slice(), [Message::Text(text)] if text.len() < 2048));
    shots.truncate(512);
    if route == Route::Own {
        for shot in &mut shots {
            shot.route = Route::Own;
        }
    }
    // What is new to it is judged in full; what is measured is a campaign that has got going.
    assert_eq!(worker.volley(&shots), shots.len(), "every shot is told without a try of its own");
    shots
}

/// Shots that are fired before others are looked after.
const ROUND: usize = 4096;

fn messages(shot: &Shot) -> Vec<Message> {
    let said = |what| match what {
        What::Frame(frame) => String::from_utf8(frame.payload.0).ok().map(|text| Message::Text(text.into())),
        _ => None,
    };
    shot.frames().into_iter().filter_map(said).collect()
}

fn ours(worker: &mut Worker<'_>, shots: &[Shot]) -> f64 {
    let shots: Vec<Shot> = shots.iter().cycle().take(ROUND).cloned().collect();
    let begun = Instant::now();
    let mut tries = 0;
    let mut summary = Summary::default();
    while begun.elapsed() < SPAN {
        assert_eq!(worker.volley(&shots), shots.len());
        worker.drain(&mut summary);
        tries += shots.len();
    }
    rate(tries, begun)
}

/// The same frames from a client that looks at nothing.
fn bare(server: SocketAddr, texts: &[Vec<Message>], depth: usize, route: Route) -> f64 {
    runtime().block_on(async {
        let begun = Instant::now();
        let mut tries = 0;
        if route == Route::Own {
            'all: loop {
                for messages in texts {
                    if begun.elapsed() >= SPAN {
                        break 'all;
                    }
                    let mut socket = connected(server).await;
                    exchange(&mut socket, std::slice::from_ref(messages)).await;
                    socket.close(None).await.unwrap();
                    while socket.next().await.is_some() {}
                    tries += 1;
                }
            }
            return rate(tries, begun);
        }
        let mut socket = connected(server).await;
        while begun.elapsed() < SPAN {
            for batch in texts.chunks(depth) {
                exchange(&mut socket, batch).await;
            }
            tries += texts.len();
        }
        rate(tries, begun)
    })
}

async fn exchange(socket: &mut WebSocketStream<TcpStream>, batch: &[Vec<Message>]) {
    for message in batch.iter().flatten() {
        socket.feed(message.clone()).await.unwrap();
    }
    socket.flush().await.unwrap();
    for _ in batch {
        socket.next().await.unwrap().unwrap();
    }
}

/// A connection in the state `connected`.
async fn connected(server: SocketAddr) -> WebSocketStream<TcpStream> {
    let stream = TcpStream::connect(server).await.unwrap();
    stream.set_nodelay(true).unwrap();
    let mut socket = tokio_tungstenite::client_async(format!("ws://{server}/ws"), stream).await.unwrap().0;
    let connect = json!({"type": "req", "id": "1", "method": "connect", "params": {"token": "t", "user_id": "u"}});
    socket.send(Message::Text(connect.to_string().into())).await.unwrap();
    socket.next().await.unwrap().unwrap();
    socket
}

#[expect(clippy::cast_precision_loss, reason = "a rate needs no 52 bits")]
fn rate(tries: usize, begun: Instant) -> f64 {
    tries as f64 / begun.elapsed().as_secs_f64()
}

/// A whole campaign, tries made, sent and judged: its pace, and what it holds in memory.
fn million(bound: &Bound, lane: &Lane, out: &mut impl std::io::Write) {
    struct Watch {
        begun: Instant,
        /// When, how many tries, and how many bytes.
        seen: std::sync::Mutex<Vec<(Duration, u64, u64)>>,
    }
    impl framegate::fuzz::campaign::Watcher for Watch {
        fn checkpoint(&self, next: u64, _: &Summary) {
            let mut seen = self.seen.lock().unwrap();
            seen.push((self.begun.elapsed(), next, memory::resident().unwrap_or_default()));
        }

        fn is_due(&self) -> bool {
            let last = self.seen.lock().unwrap().last().map_or(Duration::ZERO, |(at, ..)| *at);
            self.begun.elapsed() >= last + Duration::from_secs(1)
        }
    }
    let tries = std::env::var("TRIES").ok().and_then(|tries| tries.parse().ok()).unwrap_or(1_000_000);
    let watch = Watch { begun: Instant::now(), seen: std::sync::Mutex::default() };
    let summary =
        framegate::fuzz::campaign::run(bound, &orders(64, Some(tries)), lane, framegate::fuzz::campaign::Progress::default(), &watch);
    let seconds = watch.begun.elapsed().as_secs_f64();
    let seen = watch.seen.into_inner().unwrap();
    let at = |tries: u64| seen.iter().find(|(_, next, _)| *next >= tries).map_or(0, |(.., bytes)| *bytes);
    let (tenth, end) = (at(tries / 10), seen.last().map_or(0, |(.., bytes)| *bytes));
    #[expect(clippy::cast_precision_loss, reason = "figures for people")]
    writeln!(
        out,
        "a campaign of {} tries: {:.0} a second, {:.1} MiB after a tenth, {:.1} MiB at the end ({:+.1} %), {} causes",
        summary.tries,
        summary.tries as f64 / seconds,
        tenth as f64 / 1_048_576.0,
        end as f64 / 1_048_576.0,
        (end as f64 / tenth as f64 - 1.0) * 100.0,
        summary.broken().count()
    )
    .unwrap();
}

fn orders(depth: usize, tries: Option<u64>) -> Orders {
    Orders { sides: vec![Role::Server], seed: 1, tries, part: (0, 1), jobs: 1, depth, enough: None }
}

fn bound() -> Bound {
    let pack = Library::builtin().load("goclaw").unwrap();
    let settings = Settings::embedded(&pack.manifest);
    Bound { pack: Arc::new(pack), settings: Arc::new(settings) }
}

fn runtime() -> Runtime {
    Builder::new_current_thread().enable_all().build().unwrap()
}

/// A server that parses each message and answers it, on a thread of its own.
fn start() -> SocketAddr {
    let (sender, receiver) = std::sync::mpsc::channel();
    std::thread::spawn(move || {
        runtime().block_on(async {
            let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
            sender.send(listener.local_addr().unwrap()).unwrap();
            while let Ok((stream, _)) = listener.accept().await {
                tokio::spawn(serve(stream));
            }
        });
    });
    receiver.recv().unwrap()
}

async fn serve(stream: TcpStream) {
    stream.set_nodelay(true).unwrap();
    let Ok(mut socket) = tokio_tungstenite::accept_async(stream).await else { return };
    while let Some(Ok(message)) = socket.next().await {
        let sent = match message {
            Message::Text(text) => socket.send(Message::Text(answer(&text).into())).await,
            Message::Binary(_) => socket.send(Message::Text(error("").into())).await,
            _ => continue,
        };
        if sent.is_err() {
            return;
        }
    }
}

fn answer(text: &str) -> String {
    let Ok(request) = serde_json::from_str::<Value>(text) else { return error("") };
    let id = request["id"].as_str().unwrap_or_default();
    let params = &request["params"];
    match (request["type"].as_str(), request["method"].as_str(), params["user_id"].as_str()) {
        (Some("req"), Some("connect"), Some(user)) if !id.is_empty() && !user.is_empty() && params["token"].as_str().is_some() => {
            let payload = json!({"protocol": 3, "role": "admin", "user_id": user});
            json!({"type": "res", "id": id, "ok": true, "payload": payload}).to_string()
        }
        _ => error(id),
    }
}

fn error(id: &str) -> String {
    let error = json!({"code": "INVALID_REQUEST", "message": "this server answers nothing"});
    json!({"type": "res", "id": id, "ok": false, "error": error}).to_string()
}
