//! Why a command could not do its work, in one line that says what was expected and what to do.

use std::io;
use std::path::PathBuf;

use framegate::pack::{LoadError, Mistakes};
use framegate::suite::Misfit;
use framegate::transcript::{ReadError, Redaction};

/// Why a command could not do its work.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Failure {
    /// A name that nothing has.
    #[error("no {kind} `{name}`{}{}", suggestion(name, known), listing(kind, known))]
    Unknown {
        /// What was looked for: `protocol`, `requirement`, ….
        kind: &'static str,
        /// The name.
        name: String,
        /// The names that there are.
        known: Vec<String>,
    },
    /// Packs with mistakes; the diagnostics have many lines.
    #[error("a pack has mistakes; correct them, `framegate lint` checks again\n{0}")]
    Packs(#[source] LoadError),
    /// A folder without packs.
    #[error("failed to read packs from {path}: {source}")]
    Library {
        /// The folder.
        path: PathBuf,
        /// Why.
        #[source]
        source: LoadError,
    },
    /// Several protocols where one is needed.
    #[error("{what} needs exactly one protocol; name it{}", listing("protocol", known))]
    OneProtocol {
        /// What needs it.
        what: &'static str,
        /// The names that there are.
        known: Vec<String>,
    },
    /// A folder that holds no packs.
    #[error("{path} holds no packs; expected a folder with `scenarios` and `schemas` in it")]
    NoPacks {
        /// The folder.
        path: PathBuf,
    },
    /// A name that no pack can have.
    #[error("`{name}` cannot name a pack; expected at most 40 lower-case letters, digits and `-`, a letter first")]
    PackName {
        /// The name.
        name: String,
    },
    /// A name that means something else.
    #[error("`{name}` cannot name a pack: the word has a meaning of its own here; choose another")]
    TakenName {
        /// The name.
        name: String,
    },
    /// A pack that is there already.
    #[error("{path} is there already; choose another name, or another folder with `--packs`")]
    Exists {
        /// The folder.
        path: PathBuf,
    },
    /// A file that is there already.
    #[error("{path} is there already; `--force` writes over it")]
    Written {
        /// The file.
        path: PathBuf,
    },
    /// A `--set` that cannot be read. It is not repeated, since it may hold a credential.
    #[error("`--set` needs KEY=VALUE: credential.NAME=TEXT, stimulus.NAME=TEXT, parameter.NAME=QUANTITY or capability.NAME=true|false")]
    Declaration,
    /// A declared value that does not fit.
    #[error("`--set {key}={value}`: {problem}")]
    Value {
        /// The key.
        key: String,
        /// The value.
        value: String,
        /// What was expected.
        problem: String,
    },
    /// A declared value that is not what the protocol has. It is not repeated, since it may be a credential.
    #[error(
        "{} `{}` as declared does not fit the protocol: expected {} at `{}` of `{}`; declare another",
        .0.kind, .0.name, .0.breach.expected, .0.breach.at, .0.frame
    )]
    Misfit(Box<Misfit>),
    /// A file of ours with mistakes; the diagnostics have many lines.
    #[error("a file has mistakes\n{}", .0.render(false))]
    Mistakes(Mistakes),
    /// No target, or several, where one is needed.
    #[error("a target is run alone; name one{}", listing("target", known))]
    OneTarget {
        /// The names that there are.
        known: Vec<String>,
    },
    /// A side that the target does not have.
    #[error("`--{flag}` tests a {flag}; leave `--side {side}` out")]
    Side {
        /// The flag that names the target.
        flag: &'static str,
        /// The side that was asked for.
        side: &'static str,
    },
    /// A target of another protocol than the files.
    #[error("the target {name} speaks {speaks}, and the files are of {protocol}; name another target with `--target`")]
    Speaks {
        /// The target.
        name: String,
        /// Its protocol.
        speaks: String,
        /// The protocol of the files.
        protocol: String,
    },
    /// A target that cannot be understood or brought up.
    #[error("{0}")]
    Target(String),
    /// A server that does not answer.
    #[error("{0}")]
    Unreachable(String),
    /// A file to replay that does not say what it is of.
    #[error(
        "name what the files are of: --protocol PROTOCOL --side server|client; only a file that `framegate fuzz` has written says so itself"
    )]
    Unsaid,
    /// A selection that selects nothing.
    #[error("no case is selected; `framegate list cases` names them")]
    NothingSelected,
    /// A file that cannot be read.
    #[error("failed to read {path}: {source}")]
    Read {
        /// The file.
        path: PathBuf,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// A file that cannot be written.
    #[error("failed to write {path}: {source}")]
    Write {
        /// The file.
        path: PathBuf,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// A report of a run that was made, and cannot be kept.
    #[error("failed to write {path}: {source}; the other reports are whole")]
    Lost {
        /// Where.
        path: PathBuf,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// A file that is no transcript.
    #[error("{path} is no transcript: {source}; expected the JSON Lines of a transcript, one event a line")]
    Transcript {
        /// The file.
        path: PathBuf,
        /// Why.
        #[source]
        source: ReadError,
    },
    /// A folder of a campaign that cannot be used.
    #[error("{path}: {problem}")]
    Campaign {
        /// The file.
        path: PathBuf,
        /// Why.
        problem: String,
    },
    /// A target on another machine.
    #[error(
        "{target} is not on this machine, and malformed frames may bring a server down; with the consent of whoever runs it, add `--allow remote`"
    )]
    Remote {
        /// The target.
        target: String,
    },
    /// A file that is no report.
    #[error("{path} is no report: {source}; expected what `framegate run --report json=FILE` writes")]
    Report {
        /// The file.
        path: PathBuf,
        /// Why.
        #[source]
        source: serde_json::Error,
    },
    /// Signals cannot be awaited.
    #[error("failed to listen for signals: {0}")]
    Signals(#[source] io::Error),
}

impl Failure {
    /// Without credentials, where they may stand in what was said.
    pub(crate) fn redacted(self, redaction: &Redaction) -> Self {
        match self {
            Self::Target(said) => Self::Target(redaction.text(&said)),
            Self::Unreachable(said) => Self::Unreachable(redaction.text(&said)),
            failure => failure,
        }
    }

    /// 3 for what cannot be reached, 4 where nothing was selected, 70 where the harness is at fault, else 2.
    pub(crate) fn exit_code(&self) -> u8 {
        match self {
            Self::Unreachable(_) => 3,
            Self::NothingSelected => 4,
            Self::Lost { .. } | Self::Signals(_) => 70,
            _ => 2,
        }
    }
}

fn suggestion(name: &str, known: &[String]) -> String {
    nearest(name, known).map(|near| format!("; did you mean `{near}`?")).unwrap_or_default()
}

fn listing(kind: &str, known: &[String]) -> String {
    const MOST: usize = 12;
    match known.len() {
        0 => String::new(),
        count if count > MOST => format!(" ({count} are known: `framegate list {}`)", plural(kind)),
        _ => format!(" (known: {})", known.join(", ")),
    }
}

/// What `list` calls it.
fn plural(kind: &str) -> String {
    match kind {
        "protocol" => "packs".to_owned(),
        "stimulus" => "stimuli".to_owned(),
        "capability" => "capabilities".to_owned(),
        _ => format!("{kind}s"),
    }
}

pub(crate) fn nearest<'a>(name: &str, known: &'a [String]) -> Option<&'a String> {
    let distance = |other: &&String| strsim::damerau_levenshtein(name, other);
    known.iter().filter(|other| distance(other) <= (name.chars().count() / 3).max(2)).min_by_key(distance)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_unknown_name_comes_with_the_nearest_and_with_all() {
        let known = ["aether", "aius"].map(ToOwned::to_owned).to_vec();
        let failure = |name: &str| Failure::Unknown { kind: "protocol", name: name.to_owned(), known: known.clone() }.to_string();
        assert_eq!(failure("aiu"), "no protocol `aiu`; did you mean `aius`? (known: aether, aius)");
        assert_eq!(failure("socket.io"), "no protocol `socket.io` (known: aether, aius)");
    }
}
