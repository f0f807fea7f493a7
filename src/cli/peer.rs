//! `framegate peer`: plays a reference peer on a real socket.

use std::io;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::thread;

use framegate::pack::fault::Change;
use framegate::pack::{Pack, Settings};
use framegate::peer;
use framegate::report::escape;
use framegate::runner::{self, Prompts, ServeError, Stop, Tls};
use framegate::transcript::{Event, Redaction, Role};

use super::declaration::{Declaration, declare, from_environment};
use super::interrupt::stop_on_signal;
use super::output::{note, print};
use super::packs::Source;
use super::recording::Recording;
use super::{Failure, Outcome, target};

/// Play the reference peer of one side on a real socket, until Ctrl-C. A line on standard input that is the text or the name of a stimulus makes
/// it act
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// The protocol
    protocol: String,
    #[command(subcommand)]
    place: Place,
}

#[derive(Debug, clap::Subcommand)]
enum Place {
    /// Play a server; the first line on standard output is the address to connect to
    Server {
        /// Where to listen; port 0 takes a free one
        #[arg(long, value_name = "ADDR", default_value = "127.0.0.1:0")]
        listen: SocketAddr,
        #[command(flatten)]
        behaviour: Behaviour,
    },
    /// Play a client of the server at a ws:// or wss:// address
    Client {
        /// The server
        #[arg(long, value_name = "URL")]
        connect: String,
        /// Trust the certificates of this PEM file
        #[arg(long, value_name = "FILE")]
        ca: Option<PathBuf>,
        /// Accept any certificate
        #[arg(long)]
        insecure: bool,
        #[command(flatten)]
        behaviour: Behaviour,
    },
}

#[derive(Debug, clap::Args)]
struct Behaviour {
    /// Play this fault or variant of the pack
    #[arg(long, value_name = "ID")]
    fault: Option<String>,
    /// Change what the peer uses: credential.NAME=TEXT, stimulus.NAME=TEXT or parameter.NAME=QUANTITY
    #[arg(long, value_name = "KEY=VALUE")]
    set: Vec<String>,
    /// Print every event on standard error
    #[arg(long, short)]
    verbose: bool,
    /// Write the conversation into this file while it goes on; `framegate replay` judges it
    #[arg(long, value_name = "FILE")]
    record: Option<PathBuf>,
    #[command(flatten)]
    source: Source,
}

/// Plays until it is interrupted, or the peer has nothing more to do.
pub(crate) fn run(args: &Args) -> Outcome {
    let stop = Stop::default();
    stop_on_signal(&stop, "")?;
    match &args.place {
        Place::Server { listen, behaviour } => serve(*listen, &Cast::new(&args.protocol, behaviour, Role::Server)?, &stop),
        Place::Client { connect, ca, insecure, behaviour } => {
            let tls = Tls { ca: ca.clone(), insecure: *insecure };
            dial(connect, &tls, Cast::new(&args.protocol, behaviour, Role::Client)?, &stop)
        }
    }
}

/// Who plays, and how.
struct Cast {
    pack: Arc<Pack>,
    settings: Arc<Settings>,
    side: Role,
    changes: Vec<Change>,
    is_verbose: bool,
    record: Option<PathBuf>,
}

impl Cast {
    fn new(protocol: &str, behaviour: &Behaviour, side: Role) -> Result<Self, Failure> {
        let pack = behaviour.source.load_one(protocol)?;
        let mut settings = Settings::embedded(&pack.manifest);
        let declarations = from_environment(&pack).into_iter().chain(Declaration::parse_all(&behaviour.set)?);
        declare(&declarations.collect::<Vec<_>>(), &mut [(&pack, &mut settings)])?;
        let changes = match &behaviour.fault {
            Some(id) => of_side(side, id, target::changes(&pack, id)?)?,
            None => Vec::new(),
        };
        Ok(Self { pack, settings: Arc::new(settings), side, changes, is_verbose: behaviour.verbose, record: behaviour.record.clone() })
    }

    fn peer(&self) -> Box<dyn peer::Peer> {
        peer::faulty(self.pack.clone(), self.settings.clone(), self.side, &self.changes).0
    }

    /// Each line of standard input is the text of a stimulus, or its name.
    fn prompts(&self) -> Prompts {
        let prompts = Prompts::default();
        let (given, settings) = (prompts.clone(), self.settings.clone());
        // Ends with the program: a read from standard input cannot be called off.
        thread::spawn(move || {
            for line in io::stdin().lines().map_while(Result::ok) {
                match stimulus(&settings, &line) {
                    Some(name) => given.give(name),
                    None => note(&format!("no stimulus has the text `{}`\n", escape(&line))),
                }
            }
        });
        prompts
    }

    /// Where the conversation goes, without the credentials that were given.
    fn recording(&self) -> Result<Recording, Failure> {
        let own = &self.pack.manifest.credentials;
        let is_secret = |name: &str, value: &str| own.get(name).is_none_or(|own| !own.public && own.value != value);
        let secrets = self.settings.credentials.iter().map(|(name, value)| (name.as_str(), value.as_str()));
        let redaction = Redaction::new(secrets.filter(|(name, value)| is_secret(name, value)));
        Recording::new(redaction, self.record.as_deref(), self.is_verbose)
    }
}

/// The stimulus with this text, or else of this name.
fn stimulus<'a>(settings: &'a Settings, line: &str) -> Option<&'a str> {
    let has_text = settings.stimuli.iter().find(|(_, text)| *text == line);
    has_text.or_else(|| settings.stimuli.get_key_value(line)).map(|(name, _)| name.as_str())
}

fn of_side(side: Role, id: &str, deviation: (Role, Vec<Change>)) -> Result<Vec<Change>, Failure> {
    match deviation {
        (deviating, changes) if deviating == side => Ok(changes),
        (other, _) => Err(Failure::Target(format!("`{id}` is a fault of the {other}, and the {side} is played; name another fault"))),
    }
}

fn serve(listen: SocketAddr, cast: &Cast, stop: &Stop) -> Outcome {
    let path = &cast.pack.manifest.endpoint.path;
    let mut on_ready = |address: SocketAddr| print(&format!("listening on ws://{address}{path}\n"));
    let mut recording = cast.recording()?;
    let mut observe = |event: &Event| recording.event(event);
    runner::serve(&mut *cast.peer(), listen, &mut on_ready, &cast.prompts(), stop, &mut observe).map_err(|error| failure(&error))?;
    recording.finish().map(|()| 0)
}

fn dial(url: &str, tls: &Tls, mut cast: Cast, stop: &Stop) -> Outcome {
    let server = target::server(url, tls)?;
    target::reach(Arc::make_mut(&mut cast.pack), server.path());
    let mut unreachable = None;
    let mut recording = cast.recording()?;
    let mut observe = |event: &Event| {
        recording.event(event);
        if let framegate::transcript::What::Ended(framegate::transcript::Ending::Unreachable(why)) = &event.what {
            unreachable = Some(why.clone());
        }
    };
    runner::dial(&mut *cast.peer(), &server, &cast.prompts(), stop, &mut observe).map_err(|error| failure(&error))?;
    recording.finish()?;
    unreachable.map_or(Ok(0), |why| Err(Failure::Unreachable(why)))
}

fn failure(error: &ServeError) -> Failure {
    Failure::Target(error.to_string())
}
