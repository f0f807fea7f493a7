//! `framegate run`: tests a server, a client, or the embedded reference peers.

use std::num::NonZeroUsize;
use std::path::PathBuf;
use std::sync::Arc;

use framegate::pack::{Pack, Settings};
use framegate::plan::{Case, Selection};
use framegate::report::console::{Clock, sides, statistics};
use framegate::report::json::Transcripts;
use framegate::report::{Table, amount, duration};
use framegate::runner::Stop;
use framegate::suite::{self, Bound, Options, Subject};
use framegate::transcript::{Redaction, Role};

use super::declaration::{Declaration, declare, from_environment};
use super::interrupt::stop_on_signal;
use super::output::{Destination, Outputs, note, print, style};
use super::packs::Source;
use super::progress::{Lines, Progress};
use super::{Failure, Outcome, repeat, target};

/// Test a server, a client, or, without a target, both sides of the embedded reference peers
#[derive(Debug, Default, clap::Args)]
#[expect(clippy::struct_excessive_bools, reason = "each is a flag of its own on the command line")]
pub(crate) struct Args {
    /// The protocols; a live target speaks one, the embedded peers speak all if none is named
    #[arg(value_name = "PROTOCOL")]
    pub(crate) protocols: Vec<String>,
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
    /// Multiply every duration of the pack, for a target whose timers are scaled too
    #[arg(long, value_name = "FACTOR", value_parser = factor)]
    pub(crate) time_scale: Option<f64>,
    /// Cases at a time
    #[arg(long, value_name = "N")]
    pub(crate) jobs: Option<NonZeroUsize>,
    /// Trust the certificates of this PEM file too
    #[arg(long, value_name = "FILE", requires = "server")]
    pub(crate) ca: Option<PathBuf>,
    /// Accept any certificate
    #[arg(long, requires = "server")]
    pub(crate) insecure: bool,
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
pub(crate) fn run(args: &Args) -> Outcome {
    let packs = args.packs()?;
    let declarations = Declaration::parse_all(&args.set)?;
    let mut bounds = args.bind(&packs, &declarations)?;
    let subject = target::subject(args, &mut bounds)?;
    let selection = args.selection(&packs, &subject)?;
    let cases: Vec<Case> = bounds.iter().flat_map(|bound| suite::cases(bound, &selection, &subject)).collect();
    if cases.is_empty() {
        return Err(Failure::NothingSelected);
    }
    if args.dry_run {
        print_plan(&cases);
        return Ok(0);
    }
    let outputs = Outputs::open(&args.report, if args.transcripts { Transcripts::All } else { Transcripts::Broken })?;
    let options = args.options(&bounds, &declarations);
    let progress = args.progress(outputs.is_console());
    let stop = Stop::default();
    stop_on_signal(&stop, "\ninterrupted: writing what there is; once more to leave at once\n")?;
    let report = suite::run(&bounds, &selection, &subject, &options, &progress, &stop);
    progress.finish();
    let is_console = outputs.is_console();
    if is_console && !args.is_live() {
        print(&(sides(&report, &style()) + "\n"));
    }
    outputs.write(&report)?;
    if args.stats {
        // Beside a report for a machine, for the person who started it.
        let show = if is_console { print } else { note };
        show(&format!("\n{}", statistics(&report, &style())));
    }
    Ok(report.exit_code())
}

impl Args {
    pub(crate) fn is_live(&self) -> bool {
        self.server.is_some() || self.client.is_some()
    }

    /// True if the target is none of ours.
    fn is_foreign(&self) -> bool {
        self.is_live() && !self.reference
    }

    pub(crate) fn packs(&self) -> Result<Vec<Arc<Pack>>, Failure> {
        let packs = self.source.load(&self.protocols)?;
        let what = if self.is_live() { "a live target" } else { "--fault" };
        if packs.len() != 1 && (self.is_live() || self.fault.is_some()) {
            return Err(Failure::OneProtocol { what, known: self.source.library()?.ids() });
        }
        Ok(packs)
    }

    /// Each pack with what the target declares.
    pub(crate) fn bind(&self, packs: &[Arc<Pack>], declarations: &[Declaration]) -> Result<Vec<Bound>, Failure> {
        let settings = |pack: &Pack| if self.is_foreign() { Settings::live(&pack.manifest) } else { Settings::embedded(&pack.manifest) };
        let mut bound: Vec<_> = packs.iter().map(|pack| (&**pack, settings(pack))).collect();
        let mut targets: Vec<_> = bound.iter_mut().map(|(pack, settings)| (*pack, settings)).collect();
        let held = packs.iter().filter(|_| self.is_foreign()).flat_map(|pack| from_environment(pack));
        // The command line has the last word.
        let all: Vec<_> = held.chain(declarations.iter().cloned()).collect();
        declare(&all, &mut targets)?;
        let scaled = |settings: Settings| Settings { time_scale: self.time_scale.unwrap_or(1.0), ..settings };
        let settings = bound.into_iter().map(|(_, settings)| Arc::new(scaled(settings)));
        Ok(packs.iter().cloned().zip(settings).map(|(pack, settings)| Bound { pack, settings }).collect())
    }

    fn selection(&self, packs: &[Arc<Pack>], subject: &Subject) -> Result<Selection, Failure> {
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

    pub(crate) fn options(&self, bounds: &[Bound], declarations: &[Declaration]) -> Options {
        let redaction = self.redaction(bounds);
        Options {
            jobs: self.jobs,
            target: redaction.text(&target::name(self)),
            repeat: redaction.text(&repeat::command(self, declarations)),
            redaction,
        }
    }

    /// Every credential that is not the pack's own, nor public.
    fn redaction(&self, bounds: &[Bound]) -> Redaction {
        let secrets = bounds.iter().flat_map(|Bound { pack, settings }| {
            let own = &pack.manifest.credentials;
            let is_secret =
                |name: &str, value: &str| own.get(name).is_none_or(|own| !own.public && (self.is_foreign() || own.value != value));
            settings.credentials.iter().filter(move |(name, value)| is_secret(name, value))
        });
        let in_url = self.server.as_deref().map(target::secrets).unwrap_or_default();
        Redaction::new(secrets.map(|(name, value)| (name.as_str(), value.as_str())).chain(in_url))
    }

    fn progress(&self, is_console: bool) -> Progress {
        let lines = match (is_console, self.is_live() || self.verbose) {
            (false, _) => Lines::None,
            (true, true) => Lines::All,
            (true, false) => Lines::Broken,
        };
        Progress::new(lines, if self.is_live() { Clock::Wall } else { Clock::Virtual }, style())
    }
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
