//! `framegate run`: tests a server, a client, or the embedded reference peers.

use std::num::NonZeroUsize;
use std::path::PathBuf;
use std::sync::Arc;

use framegate::pack::Pack;
use framegate::plan::{Case, Selection};
use framegate::report::console::{Clock, sides, statistics};
use framegate::report::json::Transcripts;
use framegate::report::{Table, amount, duration};
use framegate::suite::Subject;
use framegate::transcript::Role;

use super::output::{Destination, Outputs, note, print, style};
use super::packs::Source;
use super::prepared::{Done, Prepared};
use super::progress::{Lines, Progress};
use super::trust::Trust;
use super::{Failure, Outcome, baseline};

/// The five most common uses; the README shows what each prints.
const EXAMPLES: &str = "\
Examples:
  A server:
    framegate run PROTOCOL --server ws://127.0.0.1:8080 --set capability.chat=true
  A client, started for each case:
    framegate run PROTOCOL --client './my-client {url}' --set stimulus.chat='say hello'
  A gate in CI, from framegate.yaml:
    framegate run gateway --baseline known.yaml --report github --report junit=junit.xml
  One failing case, with its picture:
    framegate run gateway --only PROTOCOL/server/CASE --report html=case.html
  Everything that is wrong, at length:
    framegate fuzz PROTOCOL --server ws://127.0.0.1:8080 --for 10m --save findings/

`framegate list PROTOCOL` says what there is to run and to declare. Exit codes: 0 passed, 1 a
requirement is broken, 2 wrong usage, 3 the target could not be reached or something could not be
told, 4 no case ran, 70 the harness failed";

/// Test a server, a client, or, without a target, both sides of the embedded reference peers
#[derive(Clone, Debug, Default, clap::Args)]
#[command(after_help = EXAMPLES)]
#[expect(clippy::struct_excessive_bools, reason = "each is a flag of its own on the command line")]
pub(crate) struct Args {
    /// A target of framegate.yaml, or protocols; a target goes before a protocol of the same name. A live target speaks one protocol, the
    /// embedded peers speak all if none is named
    #[arg(value_name = "TARGET|PROTOCOL")]
    pub(crate) protocols: Vec<String>,
    /// Read targets from this file; without it, from the nearest framegate.yaml, from the working directory upwards
    #[arg(long, value_name = "FILE", conflicts_with_all = ["server", "client", "fault"])]
    pub(crate) config: Option<PathBuf>,
    /// Test the server at this ws:// or wss:// address
    #[arg(long, value_name = "URL", conflicts_with_all = ["client", "fault"])]
    pub(crate) server: Option<String>,
    /// Test the client that this command starts; {url}, {port} and {CREDENTIAL} are replaced
    #[arg(long, value_name = "CMD", conflicts_with = "fault")]
    pub(crate) client: Option<String>,
    /// Test only this side of the embedded peers
    #[arg(long, value_parser = side)]
    pub(crate) side: Option<Role>,
    /// Run only cases whose id fits; `*` stands for anything
    #[arg(long, value_name = "GLOB")]
    pub(crate) only: Vec<String>,
    /// Run only cases that put this requirement to the test
    #[arg(long, value_name = "ID")]
    pub(crate) requirement: Vec<String>,
    /// Write a report, to standard output or to a file: console, github, html, json, junit, markdown or tap
    #[arg(long, value_name = "FORMAT[=PATH]")]
    pub(crate) report: Vec<Destination>,
    #[command(flatten)]
    pub(crate) source: Source,
    /// Declare something about the target: credential.NAME=TEXT, stimulus.NAME=TEXT, parameter.NAME=QUANTITY or capability.NAME=true|false.
    /// Credentials are better kept in `FRAMEGATE_CREDENTIAL_NAME`
    #[arg(long, value_name = "KEY=VALUE")]
    pub(crate) set: Vec<String>,
    /// Let what is usually not done: `destructive` for cases by which a target that is wrong may be damaged
    #[arg(long, value_name = "WHAT", value_parser = ["destructive"])]
    pub(crate) allow: Vec<String>,
    /// Multiply every duration of the pack, for a target whose timers are scaled too
    #[arg(long, value_name = "FACTOR", value_parser = factor)]
    pub(crate) time_scale: Option<f64>,
    /// Cases at a time
    #[arg(long, value_name = "N")]
    pub(crate) jobs: Option<NonZeroUsize>,
    /// Try each case of a live target that fails again, alone, up to N times; one that passes then is a flake, and warns
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(..=10))]
    pub(crate) retries: Option<u32>,
    /// Excuse the known failures of this file; one that looks different, has expired, fits nothing or passes now fails the run
    #[arg(long, value_name = "FILE")]
    pub(crate) baseline: Option<PathBuf>,
    #[command(flatten)]
    pub(crate) trust: Trust,
    /// The target is a peer of `framegate peer`: it has the pack's own credentials, stimuli and capabilities
    #[arg(long)]
    pub(crate) reference: bool,
    /// Let the reference peer play this fault or variant of the pack
    #[arg(long, value_name = "ID")]
    pub(crate) fault: Option<String>,
    /// Print where the time went
    #[arg(long)]
    pub(crate) stats: bool,
    /// Write the transcripts of cases that passed, too
    #[arg(long)]
    pub(crate) transcripts: bool,
    /// Print the cases that would run, and run none
    #[arg(long)]
    pub(crate) dry_run: bool,
    /// Print a line for every case of the embedded peers, not only for those that do not pass
    #[arg(long, short)]
    pub(crate) verbose: bool,
}

/// Runs the cases and writes the reports; the exit code is the report's.
pub(crate) fn run(given: &Args) -> Outcome {
    let mut prepared = Prepared::new(given)?;
    let args = prepared.args.clone();
    if args.dry_run {
        print_plan(&prepared.cases);
        return Ok(0);
    }
    if let Some(file) = &args.baseline {
        // A file with mistakes is noticed before the run.
        baseline::read(file)?;
    }
    let outputs = Outputs::open(&args.report)?;
    let progress = args.progress(outputs.is_console());
    let Done { mut report, is_crashed } = match prepared.perform(&progress) {
        Ok(done) => done,
        Err(failure) => {
            outputs.discard();
            return Err(failure);
        }
    };
    progress.finish();
    if let Some(file) = &args.baseline {
        baseline::apply(file, &mut report, prepared.is_whole())?;
    }
    let is_console = outputs.is_console();
    if is_console && !args.is_live() {
        print(&(sides(&report, &style()) + "\n"));
    }
    outputs.write(&report, if args.transcripts { Transcripts::All } else { Transcripts::Broken })?;
    if args.stats {
        // Beside a report for a machine, for the person who started it.
        let show = if is_console { print } else { note };
        let way = prepared
            .round_trip()
            .map(|time| format!("the way to the server and back took {}; windows are that much wider\n", duration(time)));
        show(&format!("\n{}{}{}", statistics(&report, &style()), way.unwrap_or_default(), most_memory().unwrap_or_default()));
    }
    // A server that fell over was not up to it, whatever its cases say.
    Ok(if is_crashed && matches!(report.exit_code(), 0 | 3) { 1 } else { report.exit_code() })
}

impl Args {
    pub(crate) fn is_live(&self) -> bool {
        self.server.is_some() || self.client.is_some()
    }

    /// True if every case is selected.
    pub(crate) fn is_whole(&self) -> bool {
        self.only.is_empty() && self.requirement.is_empty() && self.side.is_none()
    }

    /// True if the target is none of ours.
    pub(crate) fn is_foreign(&self) -> bool {
        self.is_live() && !self.reference
    }

    /// The packs of the protocols.
    pub(crate) fn packs(&self) -> Result<Vec<Arc<Pack>>, Failure> {
        let packs = self.source.load(&self.protocols)?;
        let what = if self.is_live() { "a live target" } else { "--fault" };
        if packs.len() != 1 && (self.is_live() || self.fault.is_some()) {
            return Err(Failure::OneProtocol { what, known: self.source.library()?.ids() });
        }
        Ok(packs)
    }

    /// Which cases are wanted, if what they are wanted by exists.
    pub(crate) fn selection(&self, packs: &[Arc<Pack>], subject: &Subject) -> Result<Selection, Failure> {
        let known = |id: &String| packs.iter().any(|pack| pack.requirement(id).is_some());
        if let Some(name) = self.requirement.iter().find(|id| !known(id)) {
            let known = packs.iter().flat_map(|pack| pack.requirements().map(|(_, requirement)| requirement.id.clone())).collect();
            return Err(Failure::Unknown { kind: "requirement", name: name.clone(), known });
        }
        match (subject.side(), self.side) {
            (Some(tested), Some(side)) if tested != side => Err(Failure::Side { flag: tested.as_str(), side: side.as_str() }),
            (tested, side) => Ok(Selection { side: tested.or(side), only: self.only.clone(), requirements: self.requirement.clone() }),
        }
    }

    /// Follows a run of these arguments.
    pub(crate) fn progress(&self, is_console: bool) -> Progress {
        let lines = match (is_console, self.is_live() || self.verbose) {
            (false, _) => Lines::None,
            (true, true) => Lines::All,
            (true, false) => Lines::Broken,
        };
        Progress::new(lines, if self.is_live() { Clock::Wall } else { Clock::Virtual }, style())
    }
}

/// A line with the most memory that the program has held, where the system says so.
fn most_memory() -> Option<String> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let most = status.lines().find_map(|line| line.strip_prefix("VmHWM:")?.trim().strip_suffix(" kB")?.parse::<u64>().ok())?;
    Some(format!("memory at most {} MiB\n", most.div_ceil(1024)))
}

fn print_plan(cases: &[Case]) {
    let mut table = Table::new(&["case", "waits", "what"]).right(&[1]);
    for case in cases {
        let what = case.skipped.as_ref().map_or_else(|| case.title.clone(), |reason| format!("skipped: {reason}"));
        table.row([&case.id, &duration(case.longest_wait), &what]);
    }
    let skipped = cases.iter().filter(|case| case.skipped.is_some()).count();
    let longest = cases.iter().map(|case| case.longest_wait).max().unwrap_or_default();
    let sum = format!("{} · {skipped} skipped · longest wait {}", amount(cases.len(), "case"), duration(longest));
    print(&format!("{}{sum}\n", table.render(&style())));
}

/// `server` or `client`.
pub(crate) fn side(text: &str) -> Result<Role, String> {
    [Role::Server, Role::Client].into_iter().find(|role| role.as_str() == text).ok_or_else(|| "expected server or client".to_owned())
}

pub(crate) fn factor(text: &str) -> Result<f64, String> {
    let factor = text.parse().ok().filter(|factor: &f64| factor.is_finite() && *factor > 0.0 && *factor <= 1e6);
    factor.ok_or_else(|| "expected a number above 0, such as 0.1".to_owned())
}
