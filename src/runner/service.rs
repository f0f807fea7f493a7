//! A server under test that we start ourselves, once for a whole run: brought up, waited for, and ended in order.
//!
//! It knows nothing of cases; they reach the server by its address like any other.

use std::collections::VecDeque;
use std::io::{self, Read, Write as _};
use std::net::{TcpStream, ToSocketAddrs as _};
use std::path::PathBuf;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use super::Stop;
use super::group::Group;
use super::memory::Census;
use crate::transcript::Process;

/// How many lines of what it prints are kept, and how much of each.
const LINES: usize = 20;
const LINE: usize = 2000;

/// How often a server that is on its way is asked again. Nothing tells when a port opens.
const POLL: Duration = Duration::from_millis(25);

/// How long one question about a port may take.
const PROBE: Duration = Duration::from_secs(1);

/// What starts a server, and how to see that it takes connections.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ServiceTarget {
    /// The command. It runs under `sh -c`, in a process group of its own, and stays in the foreground.
    pub command: String,
    /// Variables that are added to the environment.
    pub environment: Vec<(String, String)>,
    /// Where it runs.
    pub directory: Option<PathBuf>,
    /// When it takes connections: each of these must hold.
    pub ready: Vec<Probe>,
    /// How long that may take.
    pub within: Duration,
    /// How long it may take to end when it is asked to.
    pub grace: Duration,
}

/// One sign that a server takes connections.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Probe {
    /// A GET of this path is answered with a status from 200 to 299.
    Http {
        /// The host.
        host: String,
        /// The port.
        port: u16,
        /// Path and query.
        path: String,
    },
    /// It prints a line that holds this text, on standard output or standard error.
    Line(String),
    /// This port is open.
    Port {
        /// The host.
        host: String,
        /// The port.
        port: u16,
    },
}

/// Why a server did not come up.
#[derive(Debug, thiserror::Error)]
pub enum ServiceError {
    /// There is no shell, or no such folder.
    #[error("the server's command cannot be started: {0}")]
    Spawn(#[source] io::Error),
    /// Somebody else listens there, and would be tested in its place.
    #[error("something listens on {0} already, before the server's command was started")]
    Taken(String),
    /// It ended before it was ready.
    #[error("the server ended before it took connections ({status}){}", said(lines))]
    Ended {
        /// How.
        status: ExitStatus,
        /// What it printed last.
        lines: Vec<String>,
    },
    /// It was not ready in time.
    #[error("the server was not ready within {within:?}: {missing}{}", said(lines))]
    NotReady {
        /// The time it had.
        within: Duration,
        /// What did not hold.
        missing: String,
        /// What it printed last.
        lines: Vec<String>,
    },
    /// Somebody ended the wait.
    #[error("interrupted while the server came up")]
    Interrupted,
}

fn said(lines: &[String]) -> String {
    if lines.is_empty() { "; it printed nothing".to_owned() } else { format!("; it printed:\n  {}", lines.join("\n  ")) }
}

/// A server that runs. Dropping it ends it, and everything that it started.
#[derive(Debug)]
pub struct Service {
    child: Child,
    group: Group,
    output: Output,
    census: Census,
    grace: Duration,
    is_over: bool,
}

impl Service {
    /// Starts it and waits until it takes connections.
    pub fn start(target: &ServiceTarget, stop: &Stop) -> Result<Self, ServiceError> {
        if let Some(place) = target.ready.iter().find_map(Probe::taken) {
            return Err(ServiceError::Taken(place));
        }
        let mut command = Command::new("sh");
        command.arg("-c").arg(&target.command).envs(target.environment.iter().map(|(name, value)| (name, value)));
        if let Some(directory) = &target.directory {
            command.current_dir(directory);
        }
        #[cfg(unix)]
        std::os::unix::process::CommandExt::process_group(&mut command, 0);
        let spawned = command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn();
        let mut child = spawned.map_err(ServiceError::Spawn)?;
        let group = Group::new(Some(child.id()));
        let output = Output::follow(&mut child, target);
        let mut service = Self { child, group, output, census: Census::default(), grace: target.grace, is_over: false };
        service.wait(target, stop)?;
        Ok(service)
    }

    /// The line that a [`Probe::Line`] waited for.
    pub fn line(&self) -> Option<String> {
        self.output.state().found.clone()
    }

    /// How it ended, if it has, and what it printed last.
    pub fn ended(&mut self) -> Option<(ExitStatus, Vec<String>)> {
        let status = self.child.try_wait().ok().flatten()?;
        self.output.drain();
        Some((status, self.output.lines()))
    }

    /// How it ended, if it does so within this time.
    pub fn ends_within(&mut self, time: Duration) -> Option<(ExitStatus, Vec<String>)> {
        let begun = Instant::now();
        loop {
            let ended = self.ended();
            if ended.is_some() || begun.elapsed() >= time {
                return ended;
            }
            thread::sleep(POLL);
        }
    }

    /// How its process ended, if it does so within this time, in the words of a transcript.
    pub fn exit(&mut self, time: Duration) -> Option<Process> {
        let (status, lines) = self.ends_within(time)?;
        #[cfg(unix)]
        let signal = std::os::unix::process::ExitStatusExt::signal(&status);
        #[cfg(not(unix))]
        let signal = None;
        Some(Process { code: status.code(), signal, killed: false, stderr: lines })
    }

    /// Bytes of memory that it and all that it started hold, where the system tells.
    pub fn memory(&mut self) -> Option<u64> {
        self.census.count(self.child.id())
    }

    /// Asks it to end, and kills it if it does not.
    pub fn stop(mut self) {
        self.end();
    }

    fn wait(&mut self, target: &ServiceTarget, stop: &Stop) -> Result<(), ServiceError> {
        let begun = Instant::now();
        let mut open: Vec<&Probe> = target.ready.iter().collect();
        loop {
            open.retain(|probe| !probe.holds(&self.output));
            let ended = self.ended();
            if let Some((status, lines)) = ended {
                return Err(ServiceError::Ended { status, lines });
            }
            let Some(missing) = open.first() else { return Ok(()) };
            if stop.is_stopped() {
                return Err(ServiceError::Interrupted);
            }
            if begun.elapsed() >= target.within {
                let missing = missing.missing();
                return Err(ServiceError::NotReady { within: target.within, missing, lines: self.output.lines() });
            }
            thread::sleep(POLL);
        }
    }

    fn end(&mut self) {
        if std::mem::replace(&mut self.is_over, true) {
            return;
        }
        self.group.terminate();
        let asked = Instant::now();
        // The shell may be gone before what it started.
        while asked.elapsed() < self.grace && (matches!(self.child.try_wait(), Ok(None)) || !self.group.is_gone()) {
            thread::sleep(POLL);
        }
        // One that has ended already needs no killing.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Drop for Service {
    fn drop(&mut self) {
        self.end();
    }
}

impl Probe {
    fn holds(&self, output: &Output) -> bool {
        match self {
            Self::Http { host, port, path } => answers(host, *port, path),
            Self::Line(_) => output.state().found.is_some(),
            Self::Port { host, port } => connect(host, *port).is_some(),
        }
    }

    /// Where somebody listens, if somebody does.
    fn taken(&self) -> Option<String> {
        match self {
            Self::Line(_) => None,
            Self::Http { host, port, .. } | Self::Port { host, port } => connect(host, *port).map(|_| format!("{host}:{port}")),
        }
    }

    fn missing(&self) -> String {
        match self {
            Self::Http { host, port, path } => format!("no good answer to GET http://{host}:{port}{path}"),
            Self::Line(text) => format!("no line with `{text}`"),
            Self::Port { host, port } => format!("nothing listens on {host}:{port}"),
        }
    }
}

fn connect(host: &str, port: u16) -> Option<TcpStream> {
    let mut addresses = (host, port).to_socket_addrs().ok()?;
    addresses.find_map(|address| TcpStream::connect_timeout(&address, PROBE).ok())
}

fn answers(host: &str, port: u16, path: &str) -> bool {
    let Some(mut stream) = connect(host, port) else { return false };
    let bounded = stream.set_read_timeout(Some(PROBE)).and_then(|()| stream.set_write_timeout(Some(PROBE)));
    let request = format!("GET {path} HTTP/1.1\r\nHost: {host}:{port}\r\nConnection: close\r\n\r\n");
    let mut head = [0; 12];
    bounded.and_then(|()| stream.write_all(request.as_bytes())).and_then(|()| stream.read_exact(&mut head)).is_ok()
        && head.starts_with(b"HTTP/1.")
        && head[9] == b'2'
}

/// What it prints. It is read to the end, so that no full pipe ever holds it up.
#[derive(Clone, Debug)]
struct Output {
    printed: Arc<Mutex<Printed>>,
    /// Disconnected once nobody reads any more: the pipes are at their end.
    readers: Arc<Mutex<Receiver<()>>>,
}

/// How long what an ended process printed is waited for; a process that it left behind may hold the pipe open.
const DRAIN: Duration = Duration::from_millis(500);

#[derive(Debug, Default)]
struct Printed {
    last: VecDeque<String>,
    /// The text that is waited for, and the first line that held it.
    wanted: Option<String>,
    found: Option<String>,
}

impl Output {
    fn follow(child: &mut Child, target: &ServiceTarget) -> Self {
        let wanted = target.ready.iter().find_map(|probe| if let Probe::Line(text) = probe { Some(text.clone()) } else { None });
        let (alive, readers) = channel();
        let printed = Arc::new(Mutex::new(Printed { wanted, ..Printed::default() }));
        let output = Self { printed, readers: Arc::new(Mutex::new(readers)) };
        let pipes: [Option<Box<dyn Read + Send>>; 2] =
            [child.stdout.take().map(|pipe| Box::new(pipe) as _), child.stderr.take().map(|pipe| Box::new(pipe) as _)];
        for pipe in pipes.into_iter().flatten() {
            let (output, alive): (_, Sender<()>) = (output.clone(), alive.clone());
            thread::spawn(move || {
                output.read(pipe);
                drop(alive);
            });
        }
        output
    }

    fn read(&self, mut pipe: impl Read) {
        let mut chunk = vec![0; 4096];
        let mut line = Vec::new();
        while let Ok(count @ 1..) = pipe.read(&mut chunk) {
            for byte in &chunk[..count] {
                match byte {
                    b'\n' => self.state().take(&std::mem::take(&mut line)),
                    _ if line.len() < LINE => line.push(*byte),
                    _ => {}
                }
            }
        }
        if !line.is_empty() {
            self.state().take(&line);
        }
    }

    /// Waits until all that was printed is read.
    fn drain(&self) {
        let readers = self.readers.lock().unwrap_or_else(PoisonError::into_inner);
        // Nothing is ever sent: it ends with the readers, or with the time.
        let _ = readers.recv_timeout(DRAIN);
    }

    fn lines(&self) -> Vec<String> {
        self.state().last.iter().cloned().collect()
    }

    fn state(&self) -> std::sync::MutexGuard<'_, Printed> {
        self.printed.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Printed {
    fn take(&mut self, line: &[u8]) {
        let line = String::from_utf8_lossy(line.trim_ascii_end()).into_owned();
        if self.found.is_none() && self.wanted.as_ref().is_some_and(|wanted| line.contains(wanted)) {
            self.found = Some(line.clone());
        }
        if self.last.len() == LINES {
            self.last.pop_front();
        }
        self.last.push_back(line);
    }
}
