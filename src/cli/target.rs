//! What is tested, from the command line: the embedded peers, a server's address or a client's command.

use std::sync::Arc;

use framegate::pack::Pack;
use framegate::pack::fault::Change;
use framegate::runner::{ClientTarget, ServerTarget, Target, Tls};
use framegate::suite::{Bound, Subject};
use framegate::transcript::{Redaction, Role};

use super::Failure;
use super::config::Named;
use super::run::Args;

/// What the arguments name. A path in a server's address becomes that of the pack's endpoint.
pub(crate) fn subject(args: &Args, named: Option<&Named>, bounds: &mut [Bound]) -> Result<Subject, Failure> {
    match (&args.server, &args.client, bounds) {
        (Some(url), _, [bound, ..]) => {
            let server = server(url, &args.trust.tls())?;
            reach(Arc::make_mut(&mut bound.pack), server.path());
            Ok(Subject::Live(Target::Server(server.with_hooks(named.map(Named::hooks).unwrap_or_default()))))
        }
        (_, Some(command), [bound, ..]) => Ok(Subject::Live(Target::Client(client(command, named, bound)))),
        (None, None, [bound, ..]) => {
            Ok(Subject::Embedded { changes: args.fault.as_deref().map(|id| changes(&bound.pack, id)).transpose()? })
        }
        (.., []) => Ok(Subject::Embedded { changes: None }),
    }
}

/// The server at this address.
pub(crate) fn server(url: &str, tls: &Tls) -> Result<ServerTarget, Failure> {
    ServerTarget::parse(url, tls).map_err(|error| Failure::Target(Redaction::new(secrets(url)).text(&error.to_string())))
}

/// Makes a client of this pack connect to this path and query, if there is one; queries of the pack stay beside it.
pub(crate) fn reach(pack: &mut Pack, target: &str) {
    if target.is_empty() {
        return;
    }
    let endpoint = &mut pack.manifest.endpoint;
    let (path, query) = target.split_once('?').unwrap_or((target, ""));
    path.clone_into(&mut endpoint.path);
    let request = framegate::transcript::Request::upgrade("", &format!("?{query}"), "");
    // `$${` is a literal `${` of a template.
    endpoint.query.extend(request.query().into_iter().map(|(name, value)| (name, value.replace("${", "$${"))));
}

fn client(command: &str, named: Option<&Named>, bound: &Bound) -> ClientTarget {
    let Bound { pack, settings } = bound;
    ClientTarget {
        command: command.to_owned(),
        tokens: settings.credentials.clone(),
        stimuli: settings.stimuli.clone(),
        path: pack.manifest.endpoint.path.clone(),
        environment: named.map(Named::environment).unwrap_or_default(),
        directory: named.map(Named::directory),
    }
}

/// How the report names the target, credentials not yet taken out.
pub(crate) fn name(args: &Args) -> String {
    match (&args.server, &args.client, &args.fault) {
        (Some(target), ..) | (_, Some(target), _) => target.clone(),
        (.., Some(fault)) => format!("embedded, with {fault}"),
        _ => "embedded".to_owned(),
    }
}

/// The side that deviates, and how, under this id of `faults.yaml`.
pub(crate) fn changes(pack: &Pack, id: &str) -> Result<(Role, Vec<Change>), Failure> {
    let fault = pack.faults().find(|fault| fault.id == id).map(|fault| (fault.side, vec![fault.change.clone()]));
    let variant = || pack.variants().find(|variant| variant.id == id).map(|variant| (variant.side, variant.changes.clone()));
    let ids = || {
        let faults = pack.faults().map(|fault| fault.id.clone());
        faults.chain(pack.variants().map(|variant| variant.id.clone())).collect()
    };
    fault.or_else(variant).ok_or_else(|| Failure::Unknown { kind: "fault", name: id.to_owned(), known: ids() })
}

/// Parts of an address that look like secrets, with a name each: what stands before an `@`, and query values whose name says so.
pub(crate) fn secrets(url: &str) -> Vec<(&str, &str)> {
    const TELLING: [&str; 6] = ["token", "key", "secret", "password", "auth", "ticket"];
    let (before, query) = url.split_once('?').unwrap_or((url, ""));
    let authority = before.split_once("://").map_or(before, |(_, rest)| rest).split('/').next().unwrap_or_default();
    let user = authority.rsplit_once('@').map(|(user, _)| ("of the address", user));
    let pairs = query.split(['&', '#']).filter_map(|pair| pair.split_once('='));
    let telling = pairs.filter(|(name, _)| TELLING.iter().any(|word| name.to_ascii_lowercase().contains(word)));
    user.into_iter().chain(telling).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn secrets_of_an_address_are_found_by_their_place_and_name() {
        assert_eq!(secrets("ws://h:80/ws?v=1&access_token=abcd#x"), [("access_token", "abcd")]);
        assert_eq!(secrets("wss://ann:pass@h/ws"), [("of the address", "ann:pass")]);
        assert_eq!(secrets("ws://h/a@b"), []);
    }
}
