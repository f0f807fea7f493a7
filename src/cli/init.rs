//! `framegate init`: a `framegate.yaml` to begin with, from what a server answers to a few upgrades and from what its pack lets a target declare.

use std::fmt::Write as _;
use std::fs;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use framegate::pack::template::{self, Scope};
use framegate::pack::{Form, Pack};
use framegate::peer::{Action, Input, Peer};
use framegate::report::escape;
use framegate::runner::{Bounds, ServerTarget, Stop, Target, Tls, live};
use framegate::transcript::{Ending, Event, Redaction, Request, Response, Role, What};
use indexmap::IndexMap;
use serde_json::Value;

use super::config::FILE;
use super::declaration::{from_environment, variable};
use super::output::print;
use super::packs::Source;
use super::{Failure, Outcome, target};

/// Write a framegate.yaml with comments, after asking the server a few questions. Without PROTOCOL every one is asked about
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// The protocol that the target speaks
    protocol: Option<String>,
    /// The server at this ws:// or wss:// address
    #[arg(long, value_name = "URL", required_unless_present = "client", conflicts_with = "client")]
    server: Option<String>,
    /// The command that starts the client; {url}, {port} and {CREDENTIAL} are replaced
    #[arg(long, value_name = "CMD", requires = "protocol")]
    client: Option<String>,
    /// The name of the target
    #[arg(long, default_value = "local")]
    name: String,
    /// The file to write
    #[arg(long, short, value_name = "FILE", default_value = FILE)]
    output: PathBuf,
    /// Write over a file that is there
    #[arg(long)]
    force: bool,
    #[command(flatten)]
    source: Source,
}

/// How long a server may take to answer an upgrade.
const PATIENCE: Duration = Duration::from_secs(10);

/// Asks, says what was answered, and writes the file.
pub(crate) fn run(args: &Args) -> Outcome {
    if args.output.exists() && !args.force {
        return Err(Failure::Written { path: args.output.clone() });
    }
    let packs = args.source.load(args.protocol.as_slice())?;
    let (pack, answers) = match &args.server {
        Some(url) => ask(url, &packs)?,
        None => (packs.first().cloned().ok_or(Failure::NothingSelected)?, Vec::new()),
    };
    let text = file(args, &pack, &answers);
    // What is written must be readable, whatever stood in the arguments.
    Form::<Value>::read(&args.output.display().to_string(), &text, "config").map_err(Failure::Mistakes)?;
    fs::write(&args.output, text).map_err(|source| Failure::Write { path: args.output.clone(), source })?;
    print(&format!("wrote {}: `framegate run {}` tests it\n", args.output.display(), args.name));
    Ok(0)
}

/// A question and what came of it, for a comment in the file.
struct Answer {
    question: String,
    said: String,
    is_accepted: bool,
}

/// Asks about each pack; the one whose upgrade is accepted, or the only one.
fn ask(url: &str, packs: &[Arc<Pack>]) -> Result<(Arc<Pack>, Vec<Answer>), Failure> {
    let server = target::server(url, &Tls::default())?;
    if let [(name, _), ..] = target::secrets(url)[..] {
        return Err(Failure::Target(format!("the address holds a secret (`{name}`), and framegate.yaml keeps none; leave it out")));
    }
    let mut accepted = Vec::new();
    let mut last = Vec::new();
    for pack in packs {
        let answers = questions(pack, &server)?;
        for Answer { question, said, .. } in &answers {
            print(&format!("{}: {question}: {said}\n", pack.id()));
        }
        if packs.len() == 1 || answers.iter().any(|answer| answer.is_accepted) {
            accepted.push(pack.clone());
            last = answers;
        }
    }
    match &accepted[..] {
        [pack] => Ok((pack.clone(), last)),
        several => {
            let known = if several.is_empty() { packs } else { several };
            Err(Failure::OneProtocol { what: "init", known: known.iter().map(|pack| pack.id().to_owned()).collect() })
        }
    }
}

/// An upgrade without any credential and, if the environment holds what the pack's own needs, one with it.
fn questions(pack: &Pack, server: &ServerTarget) -> Result<Vec<Answer>, Failure> {
    let path = if server.path().is_empty() { pack.manifest.endpoint.path.clone() } else { server.path().to_owned() };
    let bare = Request::upgrade("", &path, KEY);
    let shown = path.split('?').next().unwrap_or_default();
    let mut answers = vec![question(format!("an upgrade of {shown} without credentials"), bare.clone(), server)?];
    let endpoint = &pack.manifest.endpoint;
    let held: IndexMap<String, String> = from_environment(pack).into_iter().map(|held| (held.name, held.value)).collect();
    if let Some(own) =
        with_own(bare, &endpoint.headers, &endpoint.query, &held).filter(|_| !endpoint.headers.is_empty() || !endpoint.query.is_empty())
    {
        let mut answer = question(format!("an upgrade of {shown} as the pack has it"), own, server)?;
        let redaction = Redaction::new(held.iter().map(|(name, value)| (name.as_str(), value.as_str())));
        answer.said = redaction.text(&answer.said);
        answers.push(answer);
    }
    Ok(answers)
}

/// The key of RFC 6455 § 1.3; nothing is said after the answer.
const KEY: &str = "dGhlIHNhbXBsZSBub25jZQ==";

/// The request with the pack's own headers and query, if all that stands in them is known.
fn with_own(
    mut request: Request,
    headers: &IndexMap<String, String>,
    query: &IndexMap<String, String>,
    held: &IndexMap<String, String>,
) -> Option<Request> {
    struct Held<'a>(&'a IndexMap<String, String>);
    impl Scope for Held<'_> {
        fn lookup(&mut self, path: &str) -> Option<Value> {
            self.0.get(path.strip_prefix("credential.")?).cloned().map(Value::from)
        }
    }
    for (name, value) in headers {
        request.headers.push((name.clone(), template::render_text(value, &mut Held(held)).ok()?));
    }
    for (name, value) in query {
        let value = template::render_text(value, &mut Held(held)).ok()?;
        let sign = if request.target.contains('?') { '&' } else { '?' };
        let plain = value.chars().all(|c| c.is_ascii_alphanumeric() || "-._~".contains(c));
        // One that would have to be encoded is left for the run, which does it.
        let _ = plain.then(|| write!(request.target, "{sign}{name}={value}"))?;
    }
    Some(request)
}

fn question(question: String, request: Request, server: &ServerTarget) -> Result<Answer, Failure> {
    let mut asker = Asker { request: Some(request), answer: None };
    live(&mut asker, &Target::Server(server.clone()), &Bounds::new(PATIENCE), &Stop::default());
    let (said, is_accepted) = match asker.answer {
        Some(What::Response(response)) => (told(&response), response.status == 101),
        Some(What::Ended(Ending::Unreachable(why) | Ending::Tls(why))) => return Err(Failure::Unreachable(escape(&why))),
        Some(What::Ended(_)) => ("the server ended the connection without an answer".to_owned(), false),
        Some(_) => ("the server answered with something that is no HTTP".to_owned(), false),
        None => ("no answer".to_owned(), false),
    };
    Ok(Answer { question, said, is_accepted })
}

fn told(response: &Response) -> String {
    let subprotocol = response.header("Sec-WebSocket-Protocol").map(|name| format!(", subprotocol `{}`", escape(name)));
    let word = if response.status == 101 { "accepted" } else { "refused" };
    format!("{word} with status {}{}", response.status, subprotocol.unwrap_or_default())
}

/// Sends one request and keeps the first thing that comes back.
struct Asker {
    request: Option<Request>,
    answer: Option<What>,
}

impl Peer for Asker {
    fn step(&mut self, _: Duration, input: Input<'_>) -> Vec<Action> {
        match input {
            Input::Start => {
                let request = self.request.take();
                request.map(|request| Action::Open { connection: 1, session: "main".to_owned(), request }).into_iter().collect()
            }
            Input::Event(Event {
                from: Role::Server, what: what @ (What::Response(_) | What::Garbage { .. } | What::Ended(_)), ..
            }) => {
                self.answer.get_or_insert_with(|| what.clone());
                vec![Action::Stop]
            }
            _ => Vec::new(),
        }
    }
}

fn file(args: &Args, pack: &Pack, answers: &[Answer]) -> String {
    let quoted = |text: &str| Value::from(text).to_string();
    let mut text = "# Targets of `framegate run NAME`. `framegate schema config` has a sentence on every key.\ntargets:\n".to_owned();
    let _ = writeln!(text, "  {}:\n    protocol: {}", quoted(&args.name), pack.id());
    for Answer { question, said, .. } in answers {
        let _ = writeln!(text, "    # Asked for {question}: {said}.");
    }
    match (&args.server, &args.client) {
        (Some(url), _) => {
            let _ = writeln!(text, "    side: server\n    url: {}", quoted(url));
            text.push_str("    # With a command, framegate starts and ends the server itself; {port} is a free port, in `url` too.\n");
            text.push_str("    # command: ./server --port {port}\n    # ready: {http: /health, within: 30s}\n");
            if target::server(url, &Tls::default()).is_ok_and(|server| !server.is_loopback()) {
                text.push_str("    # It is not on this machine, and gets broken frames all the same.\n    allow: [remote]\n");
            }
        }
        (None, command) => {
            let _ = writeln!(text, "    side: client\n    command: {}", quoted(command.as_deref().unwrap_or_default()));
        }
    }
    let side = if args.server.is_some() { Role::Server } else { Role::Client };
    text + &declarations(pack, side)
}

/// What the target can declare, each with its sentence, and commented out until somebody knows that it is so.
fn declarations(pack: &Pack, side: Role) -> String {
    let manifest = &pack.manifest;
    let mut text = String::new();
    let mut section = |title: &str, lines: Vec<(String, String)>| {
        let is_set = lines.iter().any(|(line, _)| !line.starts_with('#'));
        if !lines.is_empty() {
            let _ = writeln!(text, "    {}{title}:", if is_set { "" } else { "# " });
        }
        for (line, what) in lines {
            let _ = writeln!(text, "      {line}  # {}", what.lines().next().unwrap_or_default());
        }
    };
    let is_set = |name: &String| std::env::var_os(variable(name)).is_some();
    let credentials = manifest.credentials.iter().map(|(name, credential)| {
        let line = format!("{}{name}: env:{}", if is_set(name) { "" } else { "# " }, variable(name));
        (line, credential.what.clone())
    });
    section("credentials", credentials.collect());
    let capabilities = manifest.capabilities.iter().map(|(name, capability)| (format!("# {name}: true"), capability.what.clone()));
    section("capabilities", capabilities.collect());
    let stimuli = manifest.stimuli.iter().filter(|(_, stimulus)| stimulus.side == side);
    section(
        "stimuli",
        stimuli.map(|(name, stimulus)| (format!("# {name}: {}", Value::from(stimulus.text.as_str())), stimulus.what.clone())).collect(),
    );
    let parameters = manifest.parameters.iter();
    section(
        "parameters",
        parameters.map(|(name, parameter)| (format!("# {name}: {}", plain(&parameter.value)), parameter.what.clone())).collect(),
    );
    text
}

/// A quantity as the file takes it.
fn plain(value: &framegate::pack::parameter::Quantity) -> String {
    serde_json::to_value(value).map(|value| super::declaration::text(&value)).unwrap_or_default()
}
