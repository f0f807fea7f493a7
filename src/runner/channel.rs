//! One connection to a live server, driven by the thread that owns it: a peer plays on it until it asks for a stimulus, and from there on
//! whoever owns it writes and reads frames itself, until the peer is let go on.
//!
//! For very many short exchanges: no task and no runtime stand between the owner and the socket. It does what [`super::live`] does with one
//! connection without TLS, and judges as little.

use std::io::{self, ErrorKind, Read as _, Write as _};
use std::net::{SocketAddr, TcpStream, ToSocketAddrs as _};
use std::time::{Duration, Instant};

use super::clock::Timers;
use super::incoming::Incoming;
use super::target::ServerTarget;
use super::{Stop, http, wire};
use crate::peer::{Action, Input, Peer};
use crate::transcript::{ConnectionId, Ending, Event, Request, Role, What};

/// How long a server may take to answer a SYN, and to take bytes.
const CONNECT: Duration = Duration::from_secs(10);
/// How long one read waits before timers and the request to end are looked at.
const TICK: Duration = Duration::from_millis(10);
/// Bytes that are read at once.
const CHUNK: usize = 64 * 1024;
/// The most that may wait to be taken: a longer frame is for [`super::live`].
const MOST: usize = 4 * 1024 * 1024;
/// The only connection.
const ONLY: ConnectionId = 1;

/// A connection and the peer that plays on it.
pub struct Channel {
    peer: Box<dyn Peer>,
    host: String,
    address: Vec<SocketAddr>,
    stop: Stop,
    begun: Instant,
    stream: Option<TcpStream>,
    incoming: Incoming,
    speaks_frames: bool,
    read: Vec<u8>,
    begin: usize,
    end: usize,
    written: Vec<u8>,
    timers: Timers,
    events: Vec<Event>,
    stage: Stage,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Stage {
    New,
    Playing,
    Asked,
    Over,
}

/// How a peer's part ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Pause {
    /// It asks for a stimulus: the owner's turn.
    Asked,
    /// It has stopped, or cannot go on: the connection is of no more use.
    Over,
}

/// What one look at the stream has brought.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Tide {
    /// More bytes.
    Bytes,
    /// Nothing for now.
    Nothing,
    /// The server has ended the stream.
    Finished,
    /// The stream was aborted.
    Reset,
    /// A frame that is longer than a channel takes.
    Flood,
}

/// A whole frame as it came.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Piece<'a> {
    /// The frame with its header.
    pub whole: &'a [u8],
    /// Where its payload begins.
    pub header: usize,
}

impl<'a> Piece<'a> {
    /// The payload, masked if the frame is.
    pub fn payload(&self) -> &'a [u8] {
        &self.whole[self.header..]
    }

    /// The lower four bits of the first byte.
    pub fn opcode(&self) -> u8 {
        self.whole[0] & 0xF
    }

    /// True for the last frame of a message that is no control frame.
    pub fn ends_message(&self) -> bool {
        self.whole[0] & 0x88 == 0x80
    }

    /// The frame at the beginning of these bytes; nothing if it is not whole yet, an error if it is longer than a channel takes.
    fn first(bytes: &'a [u8]) -> Result<Option<Self>, ()> {
        let header = wire::header_length(bytes);
        let Some(head) = bytes.get(..header) else { return Ok(None) };
        let length = usize::try_from(wire::payload_length(head)).ok().filter(|length| *length <= MOST - 16).ok_or(())?;
        Ok(bytes.get(..header + length).map(|whole| Self { whole, header }))
    }
}

impl Channel {
    /// A connection to this server that the peer will open. Nothing if the server's name means nothing, or it wants TLS.
    pub fn new(peer: Box<dyn Peer>, server: &ServerTarget, stop: &Stop) -> Option<Self> {
        if server.is_secure() {
            return None;
        }
        let address = (server.host(), server.port()).to_socket_addrs().ok()?.collect();
        Some(Self {
            peer,
            host: server.host_header(),
            address,
            stop: stop.clone(),
            begun: Instant::now(),
            stream: None,
            incoming: Incoming::new(Role::Server, MOST),
            speaks_frames: false,
            read: vec![0; CHUNK],
            begin: 0,
            end: 0,
            written: Vec::new(),
            timers: Timers::default(),
            events: Vec::new(),
            stage: Stage::New,
        })
    }

    /// The time since it was made.
    pub fn now(&self) -> Duration {
        self.begun.elapsed()
    }

    /// What was said while the peer played, and takes it away.
    pub fn take_events(&mut self) -> Vec<Event> {
        std::mem::take(&mut self.events)
    }

    /// Lets the peer play on until it asks, it stops, or this time is over.
    pub fn play(&mut self, within: Duration) -> Pause {
        let until = self.now() + within;
        match self.stage {
            Stage::Over => return Pause::Over,
            Stage::New => {
                self.stage = Stage::Playing;
                self.tell(Input::Start);
            }
            Stage::Playing | Stage::Asked => self.stage = Stage::Playing,
        }
        while self.stage == Stage::Playing {
            self.turn(until);
        }
        if self.flush().is_err() {
            self.stage = Stage::Over;
        }
        if self.stage == Stage::Asked { Pause::Asked } else { Pause::Over }
    }

    /// Writes these bytes.
    pub fn write(&mut self, bytes: &[u8]) -> io::Result<()> {
        let Some(stream) = &mut self.stream else { return Err(ErrorKind::NotConnected.into()) };
        stream.write_all(bytes)
    }

    /// Reads once, and waits a moment for something to come.
    pub fn read(&mut self) -> Tide {
        if self.begin == self.end {
            (self.begin, self.end) = (0, 0);
        } else if self.read.len() - self.end < CHUNK / 2 {
            self.read.copy_within(self.begin..self.end, 0);
            (self.begin, self.end) = (0, self.end - self.begin);
            if self.end >= MOST {
                return Tide::Flood;
            }
            self.read.resize((self.end * 2).max(CHUNK), 0);
        }
        let Some(stream) = &mut self.stream else { return Tide::Finished };
        match stream.read(&mut self.read[self.end..]) {
            Ok(0) => Tide::Finished,
            Ok(count) => {
                self.end += count;
                Tide::Bytes
            }
            Err(error) if matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut | ErrorKind::Interrupted) => Tide::Nothing,
            Err(_) => Tide::Reset,
        }
    }

    /// Reads what is there already, without waiting.
    pub fn peek(&mut self) -> Tide {
        let block = |stream: &Option<TcpStream>, on: bool| stream.as_ref().is_some_and(|stream| stream.set_nonblocking(!on).is_ok());
        if !block(&self.stream, false) {
            return Tide::Finished;
        }
        let tide = self.read();
        if block(&self.stream, true) { tide } else { Tide::Reset }
    }

    /// The next whole frame of what was read. Nothing if it is not whole; [`Tide::Flood`] if it is longer than a channel takes.
    pub fn take_frame(&mut self) -> Result<Option<Piece<'_>>, Tide> {
        let piece = Piece::first(&self.read[self.begin..self.end]).map_err(|()| Tide::Flood)?;
        self.begin += piece.map_or(0, |piece| piece.whole.len());
        Ok(piece)
    }

    /// True if the run is to end.
    pub fn is_stopped(&self) -> bool {
        self.stop.is_stopped()
    }

    fn turn(&mut self, until: Duration) {
        if let Some(what) = self.next_event() {
            return self.observe(what);
        }
        let now = self.now();
        if let Some(token) = self.timers.pop(now) {
            return self.tell(Input::Wake(token));
        }
        if now >= until || self.stop.is_stopped() || self.stream.is_none() || self.flush().is_err() {
            self.stage = Stage::Over;
            return;
        }
        match self.read() {
            Tide::Bytes | Tide::Nothing => {}
            Tide::Finished => self.ended(Ending::Finished),
            Tide::Reset => self.ended(Ending::Reset),
            Tide::Flood => self.ended(Ending::Overflow(format!("more than {MOST} bytes at once"))),
        }
    }

    fn ended(&mut self, ending: Ending) {
        self.stream = None;
        if let Some(what) = self.incoming.finish() {
            self.observe(what);
        }
        self.observe(What::Ended(ending));
    }

    fn next_event(&mut self) -> Option<What> {
        let mut input = &self.read[self.begin..self.end];
        if self.speaks_frames {
            let piece = Piece::first(input).unwrap_or_default()?;
            self.begin += piece.whole.len();
            input = piece.whole;
            return self.incoming.next(&mut input);
        }
        let before = input.len();
        let what = self.incoming.next(&mut input);
        self.begin += before - input.len();
        self.speaks_frames = matches!(&what, Some(What::Response(response)) if response.status == 101);
        what
    }

    fn tell(&mut self, input: Input<'_>) {
        let actions = self.peer.step(self.begun.elapsed(), input);
        self.act(actions);
    }

    fn observe(&mut self, what: What) {
        let event = Event { at: self.now(), connection: ONLY, from: Role::Server, what };
        let actions = self.peer.step(event.at, Input::Event(&event));
        self.events.push(event);
        self.act(actions);
    }

    fn record(&mut self, connection: ConnectionId, what: What) {
        self.events.push(Event { at: self.now(), connection, from: Role::Client, what });
    }

    fn act(&mut self, actions: Vec<Action>) {
        for action in actions {
            match action {
                Action::Open { connection: ONLY, session, request } if self.stream.is_none() => self.open(session, request),
                Action::Send { frame, .. } => {
                    wire::encode(&frame, &mut self.written);
                    self.record(ONLY, What::Frame(frame));
                }
                Action::Bytes { bytes, .. } => {
                    self.written.extend_from_slice(&bytes);
                    self.record(ONLY, What::raw(bytes));
                }
                Action::Wake { at, token } => self.timers.insert(at, token),
                Action::Mark(mark) => self.record(0, What::Mark(mark)),
                Action::Stimulate(_) => self.stage = Stage::Asked,
                Action::Read { .. } => {}
                // A second connection is for `super::live`.
                Action::Open { .. } | Action::Respond { .. } | Action::Finish(_) | Action::End(_) | Action::Reset(_) | Action::Stop => {
                    self.stage = Stage::Over;
                }
            }
        }
    }

    fn open(&mut self, session: String, mut request: Request) {
        request.name_host(&self.host);
        match self.connect() {
            Ok(stream) => {
                self.stream = Some(stream);
                self.record(ONLY, What::Opened { session });
                self.written.extend(http::encode_request(&request));
                self.record(ONLY, What::Request(request));
            }
            Err(error) => self.ended(Ending::Unreachable(format!("{} cannot be reached: {error}", self.host))),
        }
    }

    fn connect(&self) -> io::Result<TcpStream> {
        let mut result = Err(ErrorKind::AddrNotAvailable.into());
        for address in &self.address {
            result = TcpStream::connect_timeout(address, CONNECT);
            if result.is_ok() {
                break;
            }
        }
        let stream = result?;
        stream.set_nodelay(true)?;
        stream.set_read_timeout(Some(TICK))?;
        stream.set_write_timeout(Some(CONNECT))?;
        Ok(stream)
    }

    fn flush(&mut self) -> io::Result<()> {
        if self.written.is_empty() {
            return Ok(());
        }
        let Some(stream) = &mut self.stream else { return Err(ErrorKind::NotConnected.into()) };
        stream.write_all(&self.written)?;
        self.written.clear();
        Ok(())
    }
}

impl std::fmt::Debug for Channel {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("Channel").field("host", &self.host).field("stage", &self.stage).finish_non_exhaustive()
    }
}
