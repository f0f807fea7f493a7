//! What is wrong with a target of `framegate.yaml` beyond its format: keys that do not go together, names that its pack does not have.

use std::path::Path;

use framegate::pack::{Pack, Remark};
use framegate::runner::{ServerTarget, Tls, fill};
use framegate::transcript::Role;

use super::super::declaration;
use super::super::failure::nearest;
use super::file::{Allowance, Target};
use super::held::Held;

/// Everything that is wrong with the target at this JSON Pointer.
pub(super) fn remarks(target: &Target, at: &str, pack: &Pack, folder: &Path) -> Vec<Remark> {
    let mut remarks = Vec::new();
    match target.side {
        Role::Server => server(target, at, &mut remarks),
        Role::Client => client(target, at, &mut remarks),
    }
    names(target, at, pack, &mut remarks);
    values(target, at, pack, &mut remarks);
    credentials(target, at, folder, &mut remarks);
    remarks
}

fn server(target: &Target, at: &str, remarks: &mut Vec<Remark>) {
    let prints_url = target.command.is_some() && target.ready.as_ref().is_some_and(|ready| ready.line.is_some());
    if target.url.is_none() && !prints_url {
        let help = "`url: ws://127.0.0.1:{port}/ws` with a `command`, or a `ready.line` in which the server prints its address";
        remarks.push(Remark::new(at, "nothing says where the server is", "this needs `url`").help(help));
    }
    if target.command.is_none() && target.stop.is_some() {
        remarks.push(Remark::new(format!("{at}/stop"), "only a server that a `command` starts is stopped", "no `command` here"));
    }
    if target.command.is_none() && target.ready.as_ref().is_some_and(|ready| ready.line.is_some()) {
        remarks.push(Remark::new(format!("{at}/ready/line"), "only what a `command` prints is read", "no `command` here"));
    }
    if let Some(url) = &target.url {
        address(target, url, at, remarks);
    }
}

fn address(target: &Target, url: &str, at: &str, remarks: &mut Vec<Remark>) {
    let remark = |title: String, label: &str| Remark::new(format!("{at}/url"), title, label);
    let has_port = url.contains("{port}");
    if has_port && target.command.is_none() {
        remarks.push(remark("{port} is the port that a `command` is given".to_owned(), "no `command` here"));
        return;
    }
    let url = fill(url, |name| (name == "port").then(|| "1".to_owned()));
    // The certificate is looked at when the run begins.
    match ServerTarget::parse(&url, &Tls { ca: None, insecure: true }) {
        Err(error) => remarks.push(remark("this is no address of a server".to_owned(), &error.to_string()).secret()),
        Ok(server) if !server.is_loopback() && !target.allow.contains(&Allowance::Remote) => {
            let help = "it will be sent broken frames; if that is meant, write `allow: [remote]`";
            remarks.push(remark("this server is not on this machine".to_owned(), "another machine").help(help));
        }
        Ok(_) => {}
    }
}

fn client(target: &Target, at: &str, remarks: &mut Vec<Remark>) {
    if target.command.is_none() {
        remarks.push(Remark::new(at, "nothing starts the client", "this needs `command`").help("`command: ./client {url}`"));
    }
    let only_servers = [
        ("url", target.url.is_some()),
        ("ready", target.ready.is_some()),
        ("stop", target.stop.is_some()),
        ("ca", target.ca.is_some()),
        ("insecure", target.insecure),
        ("hooks", !target.hooks.is_empty()),
    ];
    for (key, _) in only_servers.into_iter().filter(|(_, is_given)| *is_given) {
        remarks.push(Remark::new(format!("{at}/{key}"), format!("`{key}` is for servers"), "this tests a client"));
    }
}

/// Names that the pack does not have.
fn names(target: &Target, at: &str, pack: &Pack, remarks: &mut Vec<Remark>) {
    let manifest = &pack.manifest;
    let known = |names: indexmap::map::Keys<'_, String, _>| names.cloned().collect::<Vec<String>>();
    let (credentials, capabilities) = (known_of(&manifest.credentials), known_of(&manifest.capabilities));
    let (stimuli, parameters) = (known_of(&manifest.stimuli), known(manifest.parameters.keys()));
    let mut check = |key: &str, kind: &str, given: Vec<&String>, known: &[String]| {
        for name in given.into_iter().filter(|name| !known.contains(name)) {
            let place = format!("{at}/{key}/{}", name.replace('~', "~0").replace('/', "~1"));
            let remark = Remark::new(place, format!("{} has no {kind} `{name}`", pack.id()), format!("no such {kind}")).key();
            let help = nearest(name, known).map(|near| format!("did you mean `{near}`?"));
            let help = help.unwrap_or_else(|| format!("known: {}", if known.is_empty() { "none".to_owned() } else { known.join(", ") }));
            remarks.push(if key == "credentials" { remark.help(help).secret() } else { remark.help(help) });
        }
    };
    check("credentials", "credential", target.credentials.keys().collect(), &credentials);
    check("capabilities", "capability", target.capabilities.keys().collect(), &capabilities);
    check("stimuli", "stimulus", target.stimuli.keys().collect(), &stimuli);
    check("hooks", "stimulus", target.hooks.keys().collect(), &stimuli);
    check("parameters", "parameter", target.parameters.keys().collect(), &parameters);
}

fn known_of<T>(map: &indexmap::IndexMap<String, T>) -> Vec<String> {
    map.keys().cloned().collect()
}

/// Parameters that do not fit the pack's.
fn values(target: &Target, at: &str, pack: &Pack, remarks: &mut Vec<Remark>) {
    for (name, value) in &target.parameters {
        let Some(parameter) = pack.manifest.parameters.get(name) else { continue };
        if let Err(problem) = declaration::parameter(parameter, &declaration::text(value)) {
            remarks.push(Remark::new(format!("{at}/parameters/{name}"), format!("`{name}` cannot be this"), problem));
        }
    }
}

/// Credentials that are kept nowhere, or not to be had. What stands there is never shown: it may be the credential.
fn credentials(target: &Target, at: &str, folder: &Path, remarks: &mut Vec<Remark>) {
    for (name, value) in &target.credentials {
        let place = format!("{at}/credentials/{name}");
        let problem = match Held::parse(value) {
            None => "expected env:NAME or file:PATH, never the credential itself".to_owned(),
            Some(held) => match held.value(folder) {
                Ok(_) => continue,
                Err(problem) => format!("{problem}; take the line out to skip what needs it"),
            },
        };
        remarks.push(Remark::new(place, format!("the credential `{name}` is not to be had"), problem).secret());
    }
}
