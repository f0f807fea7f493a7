//! The command that repeats a run, without its credentials.

use std::fmt::Write as _;

use super::declaration::{Declaration, Kind, variable};
use super::run::Args;

/// The command of this run, quoted for a shell. A credential is read from its variable.
pub(crate) fn command(args: &Args, declarations: &[Declaration]) -> String {
    let protocols = args.protocols.iter().map(|protocol| format!(" {}", quote(protocol)));
    format!("framegate run{}{}", protocols.collect::<String>(), options(args, declarations))
}

/// What a command says of its target and its packs, each option with a blank before it.
pub(crate) fn options(args: &Args, declarations: &[Declaration]) -> String {
    let mut command = String::new();
    let mut option = |name: &str, value: Option<String>| {
        if let Some(value) = value {
            let _ = write!(command, " --{name} {}", quote(&value));
        }
    };
    let path = |path: &std::path::PathBuf| path.display().to_string();
    option("config", args.config.as_ref().map(path));
    option("server", args.server.clone());
    option("client", args.client.clone());
    option("packs", args.source.packs.as_ref().map(path));
    option("dialect", args.source.dialect.clone());
    option("ca", args.trust.ca.as_ref().map(path));
    option("fault", args.fault.clone());
    option("time-scale", args.time_scale.map(|scale| scale.to_string()));
    for (is_given, flag) in [(args.trust.insecure, " --insecure"), (args.reference, " --reference")] {
        command.push_str(if is_given { flag } else { "" });
    }
    for declaration in declarations {
        let key = format!("{}.{}", declaration.kind.as_str(), declaration.name);
        let _ = match declaration.kind {
            Kind::Credential => write!(command, " --set {key}=\"${}\"", variable(&declaration.name)),
            _ => write!(command, " --set {}", quote(&format!("{key}={}", declaration.value))),
        };
    }
    command
}

/// The word as a shell reads it back.
pub(crate) fn quote(word: &str) -> String {
    let is_plain = |c: char| c.is_ascii_alphanumeric() || "-_./:=,@%+".contains(c);
    if !word.is_empty() && word.chars().all(is_plain) { word.to_owned() } else { format!("'{}'", word.replace('\'', "'\\''")) }
}

#[cfg(test)]
mod tests {
    use clap::Parser as _;

    use super::*;

    #[derive(clap::Parser)]
    struct Line {
        #[command(flatten)]
        args: Args,
    }

    fn check(line: &[&str], expected: &str) {
        let args = Line::parse_from(["run"].iter().chain(line)).args;
        let declarations = Declaration::parse_all(&args.set).unwrap();
        assert_eq!(command(&args, &declarations), expected);
    }

    #[test]
    fn a_command_is_quoted_for_a_shell() {
        check(&["demo", "--client", "node it's.js {url}", "--insecure"], "framegate run demo --client 'node it'\\''s.js {url}' --insecure");
        check(&["--fault", "late-reply", "--time-scale", "0.5"], "framegate run --fault late-reply --time-scale 0.5");
    }

    #[test]
    fn a_credential_is_named_and_not_shown() {
        let line = ["demo", "--server", "ws://h/ws", "--set", "credential.token=s3cret", "--set", "stimulus.chat=say hi"];
        let expected =
            "framegate run demo --server ws://h/ws --set credential.token=\"$FRAMEGATE_CREDENTIAL_TOKEN\" --set 'stimulus.chat=say hi'";
        check(&line, expected);
    }
}
