//! A target of `framegate.yaml` that is to be run: as arguments, as declarations, and as a server that is started.

use std::net::{Ipv4Addr, TcpListener};
use std::path::PathBuf;
use std::time::Duration;

use framegate::pack::Pack;
use framegate::report::escape;
use framegate::runner::{Hooks, Probe, ServerTarget, Service, ServiceTarget, Stop, Tls, fill};
use framegate::transcript::Role;

use super::super::declaration::{self, Declaration, Kind};
use super::super::failure::Failure;
use super::super::packs::Source;
use super::super::run::Args;
use super::super::trust::Trust;
use super::file::{Allowance, Ready, Target};
use super::held::Held;
use super::{Found, check};

/// How long a server may take to come up, and to end, where the file does not say.
const WITHIN: Duration = Duration::from_secs(30);
const GRACE: Duration = Duration::from_secs(5);

/// Stands for the address that a server is going to print, as long as it does not run.
const UNKNOWN: &str = "ws://127.0.0.1:1";

/// A target that has a name.
#[derive(Debug)]
pub(crate) struct Named {
    name: String,
    target: Target,
    at: String,
    port: u16,
    packs: Option<PathBuf>,
    found: Found,
}

impl Named {
    /// The target that the arguments name, if they name one. The name of a target goes before that of a protocol.
    pub(crate) fn find(args: &Args) -> Result<Option<Self>, Failure> {
        if args.is_live() || args.fault.is_some() || (args.protocols.is_empty() && args.config.is_none()) {
            return Ok(None);
        }
        let Some(found) = Found::look(args.config.as_deref())? else { return Ok(None) };
        let targets = &found.form.value.targets;
        let known = || targets.keys().cloned().collect::<Vec<_>>();
        match &args.protocols[..] {
            [] => Err(Failure::OneTarget { known: known() }),
            [name] if targets.contains_key(name) => Self::new(&name.clone(), found).map(Some),
            names if names.iter().any(|name| targets.contains_key(name)) => Err(Failure::OneTarget { known: known() }),
            names => {
                let protocols = args.source.library()?.ids();
                match names.iter().find(|name| !protocols.contains(name)) {
                    Some(name) => Err(Failure::Unknown { kind: "target", name: name.clone(), known: [known(), protocols].concat() }),
                    None => Ok(None),
                }
            }
        }
    }

    fn new(name: &str, found: Found) -> Result<Self, Failure> {
        let target = found.form.value.targets[name].clone();
        let packs = found.form.value.packs.as_ref().map(|packs| found.folder().join(packs));
        let port = if target.command.is_some() { free_port()? } else { 0 };
        let at = format!("/targets/{}", name.replace('~', "~0").replace('/', "~1"));
        Ok(Self { name: name.to_owned(), target, at, port, packs, found })
    }

    /// The arguments with what the target says, wherever they do not say it themselves. A server that is not started yet has no address of
    /// its own.
    pub(crate) fn args(&self, args: &Args) -> Args {
        let path = |path: &PathBuf| self.found.folder().join(path);
        let target = &self.target;
        let is_client = target.side == Role::Client;
        Args {
            protocols: vec![target.protocol.clone()],
            server: (!is_client).then(|| self.url().unwrap_or_else(|| UNKNOWN.to_owned())),
            client: target.command.clone().filter(|_| is_client),
            source: Source {
                packs: args.source.packs.clone().or_else(|| self.packs.clone()),
                dialect: args.source.dialect.clone().or_else(|| target.dialect.clone()),
            },
            trust: Trust { ca: target.ca.as_ref().map(path), insecure: target.insecure },
            allow: if target.allow.contains(&Allowance::Destructive) { vec!["destructive".to_owned()] } else { args.allow.clone() },
            time_scale: args.time_scale.or(target.time_scale),
            jobs: args.jobs.or(target.jobs),
            retries: args.retries.or(target.retries),
            baseline: args.baseline.clone().or_else(|| target.baseline.as_ref().map(path)),
            ..args.clone()
        }
    }

    /// What the target declares, if it fits its pack.
    pub(crate) fn declarations(&self, pack: &Pack) -> Result<Vec<Declaration>, Failure> {
        let remarks = check::remarks(&self.target, &self.at, pack, self.found.folder());
        if !remarks.is_empty() {
            return Err(Failure::Mistakes(self.found.form.mistakes(&remarks)));
        }
        let declare = |kind: Kind, name: &String, value: String| Declaration { kind, name: name.clone(), value };
        let target = &self.target;
        let credentials = target.credentials.iter().filter_map(|(name, value)| {
            let value = Held::parse(value)?.value(self.found.folder()).ok()?;
            Some(declare(Kind::Credential, name, value))
        });
        let stimuli = target.stimuli.iter().chain(&target.hooks).map(|(name, text)| declare(Kind::Stimulus, name, text.clone()));
        let capabilities = target.capabilities.iter().map(|(name, has)| declare(Kind::Capability, name, has.to_string()));
        let parameters = target.parameters.iter().map(|(name, value)| declare(Kind::Parameter, name, declaration::text(value)));
        Ok(credentials.chain(stimuli).chain(capabilities).chain(parameters).collect())
    }

    /// Starts the server, if a command does, and waits for it; gives its address too. `credentials` are replaced in the command.
    pub(crate) fn start(&self, credentials: &[(String, String)], stop: &Stop) -> Result<(Option<Service>, Option<String>), Failure> {
        let target = &self.target;
        let Some(command) = target.command.as_ref().filter(|_| target.side == Role::Server) else { return Ok((None, self.url())) };
        let value = |name: &str| match name {
            "port" => Some(self.port.to_string()),
            _ => credentials.iter().find(|(known, _)| known == name).map(|(_, value)| value.clone()),
        };
        let ready = target.ready.clone().unwrap_or_default();
        let service = ServiceTarget {
            command: fill(command, value),
            environment: self.environment(),
            directory: Some(self.directory()),
            ready: self.probes(&ready)?,
            within: ready.within.map_or(WITHIN, |time| time.0),
            grace: target.stop.map_or(GRACE, |time| time.0),
        };
        let service = Service::start(&service, stop).map_err(|error| Failure::Unreachable(shown(&error.to_string())))?;
        let url = self.url().or_else(|| service.line().and_then(|line| address_in(&line)));
        let url = url.ok_or_else(|| {
            let line = service.line().unwrap_or_default();
            Failure::Target(format!("the line `{}` of the server holds no ws:// address, and the target has no `url`", escape(&line)))
        })?;
        Ok((Some(service), Some(url)))
    }

    /// What makes the server do what the protocol cannot ask of it.
    pub(crate) fn hooks(&self) -> Hooks {
        let filled = |command: &String| fill(command, |name| (name == "port").then(|| self.port.to_string()));
        let commands = self.target.hooks.iter().map(|(name, command)| (name.clone(), filled(command))).collect();
        Hooks { commands, environment: self.environment(), directory: Some(self.directory()) }
    }

    /// How a report names it: the same each time, so without a port that was free.
    pub(crate) fn title(&self) -> String {
        let place = self.target.url.as_ref().or(self.target.command.as_ref().filter(|_| self.target.side == Role::Client));
        place.map_or_else(|| self.name.clone(), |place| format!("{} ({place})", self.name))
    }

    /// Variables for its commands.
    pub(crate) fn environment(&self) -> Vec<(String, String)> {
        self.target.environment.iter().map(|(name, value)| (name.clone(), value.clone())).collect()
    }

    /// Where its commands run.
    pub(crate) fn directory(&self) -> PathBuf {
        let folder = self.found.folder();
        self.target.directory.as_ref().map_or_else(|| folder.to_owned(), |directory| folder.join(directory))
    }

    /// True if a hook may end the server and start it again.
    pub(crate) fn has_hooks(&self) -> bool {
        !self.target.hooks.is_empty()
    }

    fn url(&self) -> Option<String> {
        let url = self.target.url.as_ref()?;
        Some(fill(url, |name| (name == "port").then(|| self.port.to_string())))
    }

    fn probes(&self, ready: &Ready) -> Result<Vec<Probe>, Failure> {
        let line = ready.line.clone().map(Probe::Line);
        let Some(url) = self.url() else { return Ok(line.into_iter().collect()) };
        let server = ServerTarget::parse(&url, &Tls { ca: None, insecure: true }).map_err(|error| Failure::Target(error.to_string()))?;
        let (host, port) = (server.host().to_owned(), server.port());
        let http = ready.http.clone().map(|path| Probe::Http { host: host.clone(), port, path });
        let port = (line.is_none() && http.is_none()).then_some(Probe::Port { host, port });
        Ok(line.into_iter().chain(http).chain(port).collect())
    }
}

/// Several lines, some of them a server's own, for a terminal.
fn shown(text: &str) -> String {
    text.lines().map(escape).collect::<Vec<_>>().join("\n")
}

fn free_port() -> Result<u16, Failure> {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).and_then(|listener| listener.local_addr());
    listener.map(|address| address.port()).map_err(|error| Failure::Target(format!("no free port: {error}")))
}

/// The first WebSocket address in a line.
fn address_in(line: &str) -> Option<String> {
    let start = [line.find("ws://"), line.find("wss://")].into_iter().flatten().min()?;
    let is_end = |c: char| c.is_whitespace() || "\"'`,;)>]}".contains(c);
    let address = line[start..].split(is_end).next().unwrap_or_default();
    Some(address.trim_end_matches('.').to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_is_found_in_what_a_server_prints() {
        assert_eq!(address_in("listening on ws://127.0.0.1:80/ws.").as_deref(), Some("ws://127.0.0.1:80/ws"));
        assert_eq!(address_in("{\"url\": \"wss://h/x?y=1\"}").as_deref(), Some("wss://h/x?y=1"));
        assert_eq!(address_in("listening on 80"), None);
    }
}
