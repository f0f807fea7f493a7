//! What is tested, from the command line: the embedded peers, a server's address or a client's command.

use framegate::pack::Pack;
use framegate::pack::fault::Change;
use framegate::suite::{Bound, Subject};
use framegate::transcript::Role;

use super::Failure;
use super::run::Args;

/// What the arguments name.
pub(crate) fn subject(args: &Args, bounds: &[Bound]) -> Result<Subject, Failure> {
    match (&args.server, &args.client, bounds) {
        (Some(_), _, _) | (_, Some(_), _) => Err(Failure::Target("live targets are not wired up yet".to_owned())),
        (None, None, [bound, ..]) => {
            Ok(Subject::Embedded { changes: args.fault.as_deref().map(|id| changes(&bound.pack, id)).transpose()? })
        }
        (None, None, []) => Ok(Subject::Embedded { changes: None }),
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
    let fault = pack.faults.faults.iter().find(|fault| fault.id == id).map(|fault| (fault.side, vec![fault.change.clone()]));
    let variant = || pack.faults.variants.iter().find(|variant| variant.id == id).map(|variant| (variant.side, variant.changes.clone()));
    let ids = || {
        let faults = pack.faults.faults.iter().map(|fault| fault.id.clone());
        faults.chain(pack.faults.variants.iter().map(|variant| variant.id.clone())).collect()
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
