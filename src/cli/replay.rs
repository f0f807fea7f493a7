//! `framegate replay`: judges recorded transcripts again, and plays scenario files such as the reproducers of `framegate fuzz`.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use framegate::fuzz::{self, arena::Lane};
use framegate::pack::Library;
use framegate::pack::scenario::Scenario;
use framegate::report::json::Transcripts;
use framegate::runner::{Service, Stop};
use framegate::suite::{Bound, Options, judge_recorded, requirements};
use framegate::transcript::{Role, Transcript};
use framegate::verdict::Report;

use super::declaration::Declaration;
use super::output::{Destination, Outputs};
use super::packs::Source;
use super::prepared::Prepared;
use super::repeat::{options, quote};
use super::run::{factor, side};
use super::trust::Trust;
use super::{Failure, Outcome, run as plain};

/// Judge recorded transcripts (JSON Lines) by the rules of a protocol, or play scenario files (YAML) against a target or the embedded peer
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// The transcripts, or the scenario files
    #[arg(value_name = "FILE", required = true)]
    files: Vec<PathBuf>,
    /// The protocol that they speak; a file that `framegate fuzz` has written says it itself
    #[arg(long)]
    protocol: Option<String>,
    /// The side that is judged; a file that `framegate fuzz` has written says it itself
    #[arg(long, value_parser = side)]
    side: Option<Role>,
    /// Write a report, to standard output or to a file: console, github, html, json, junit, markdown or tap
    #[arg(long, value_name = "FORMAT[=PATH]")]
    report: Vec<Destination>,
    #[command(flatten)]
    source: Source,
    /// Play scenario files against the server at this address
    #[arg(long, value_name = "URL", conflicts_with_all = ["client", "fault"])]
    server: Option<String>,
    /// Play scenario files against the client that this command starts
    #[arg(long, value_name = "CMD", conflicts_with = "fault")]
    client: Option<String>,
    /// Play scenario files against this target of framegate.yaml
    #[arg(long, value_name = "NAME", conflicts_with_all = ["server", "client", "fault"])]
    target: Option<String>,
    /// Read targets from this file; without it, from the nearest framegate.yaml, from the working directory upwards
    #[arg(long, value_name = "FILE", requires = "target")]
    config: Option<PathBuf>,
    #[command(flatten)]
    trust: Trust,
    /// The target is a peer of `framegate peer`: it has the pack's own credentials, stimuli and capabilities
    #[arg(long)]
    reference: bool,
    /// Multiply every duration of the pack, for a target whose timers are scaled too
    #[arg(long, value_name = "FACTOR", value_parser = factor)]
    time_scale: Option<f64>,
    /// Declare something about the target, as for `run`
    #[arg(long, value_name = "KEY=VALUE")]
    set: Vec<String>,
    /// Let the embedded peer play this fault or variant of the pack
    #[arg(long, value_name = "ID")]
    fault: Option<String>,
}

/// Judges every file as a case of its own; the exit code is the report's.
pub(crate) fn run(args: &Args) -> Outcome {
    let Said { protocol, side } = args.said()?;
    let mut prepared = Prepared::new(&args.as_run(&protocol))?;
    if let Some(tested) = prepared.side().filter(|tested| *tested != side) {
        return Err(Failure::Side { flag: tested.as_str(), side: side.as_str() });
    }
    if let Some((name, speaks)) = args.target.clone().zip(prepared.protocol()).filter(|(_, speaks)| *speaks != protocol) {
        return Err(Failure::Speaks { name, speaks: speaks.to_owned(), protocol });
    }
    let (scenarios, transcripts): (Vec<_>, Vec<_>) = args.files.iter().partition(|path| is_yaml(path));
    let recorded =
        transcripts.into_iter().map(|path| Ok((path.display().to_string(), read(path)?))).collect::<Result<Vec<_>, Failure>>()?;
    let scripted =
        scenarios.into_iter().map(|path| Ok((path.display().to_string(), scenario(path)?))).collect::<Result<Vec<_>, Failure>>()?;
    let outputs = Outputs::open(&args.report)?;
    let (bound, lane, service) = prepared.lane(&Stop::default())?;
    let repeat = lane.options.redaction.text(&args.repeat(&protocol, side)?);
    let target = if scripted.is_empty() { "recorded transcripts".to_owned() } else { lane.options.target.clone() };
    let mut report = judge_recorded(&bound, side, recorded, &Options { target, repeat: repeat.clone(), ..Options::default() });
    play(&bound, side, &scripted, &lane, &repeat, &mut report);
    service.into_iter().for_each(Service::stop);
    outputs.write(&report, Transcripts::Broken)?;
    Ok(report.exit_code())
}

impl Args {
    /// The protocol and the side, from the command line or else from the first file.
    fn said(&self) -> Result<Said, Failure> {
        let written = || self.files.first().filter(|path| is_yaml(path)).and_then(|path| said(&fs::read_to_string(path).ok()?));
        match (&self.protocol, self.side) {
            (Some(protocol), Some(side)) => Ok(Said { protocol: protocol.clone(), side }),
            (protocol, side) => {
                let Some(written) = written() else { return Err(Failure::Unsaid) };
                Ok(Said { protocol: protocol.clone().unwrap_or(written.protocol), side: side.unwrap_or(written.side) })
            }
        }
    }

    /// The command that judges a file again, but for the file.
    fn repeat(&self, protocol: &str, side: Role) -> Result<String, Failure> {
        let target = self.target.as_ref().map_or_else(String::new, |name| format!(" --target {}", quote(name)));
        let options = options(&self.as_run(protocol), &Declaration::parse_all(&self.set)?);
        Ok(format!("{}{target}{options}", header(protocol, side)))
    }

    fn as_run(&self, protocol: &str) -> plain::Args {
        plain::Args {
            protocols: vec![self.target.clone().unwrap_or_else(|| protocol.to_owned())],
            config: self.config.clone(),
            server: self.server.clone(),
            client: self.client.clone(),
            source: self.source.clone(),
            set: self.set.clone(),
            trust: self.trust.clone(),
            reference: self.reference,
            time_scale: self.time_scale,
            fault: self.fault.clone(),
            ..plain::Args::default()
        }
    }
}

/// What a file is of.
struct Said {
    protocol: String,
    side: Role,
}

/// The command that plays a file of this protocol and side, but for the file.
pub(crate) fn header(protocol: &str, side: Role) -> String {
    format!("framegate replay --protocol {protocol} --side {side}")
}

/// Reads the comment that names the command.
fn said(text: &str) -> Option<Said> {
    let mut comments = text.lines().map_while(|line| line.strip_prefix("# "));
    let words: Vec<&str> = comments.find_map(|line| line.strip_prefix("framegate replay "))?.split(' ').collect();
    match words[..] {
        ["--protocol", protocol, "--side", tested, ..] => Some(Said { protocol: protocol.to_owned(), side: side(tested).ok()? }),
        _ => None,
    }
}

/// Plays scenario files and adds what comes of them to the report.
fn play(bound: &Bound, side: Role, scripted: &[(String, Scenario)], lane: &Lane, repeat: &str, report: &mut Report) {
    let begun = Instant::now();
    for (name, scenario) in scripted {
        for mut result in fuzz::replay(bound, side, name, scenario, lane) {
            result.id.clone_from(name);
            result.repeat = format!("{repeat} '{name}'");
            report.cases.push(result);
        }
    }
    report.requirements = requirements(bound, side, &report.cases);
    report.wall += if scripted.is_empty() { Duration::ZERO } else { begun.elapsed() };
}

fn is_yaml(path: &Path) -> bool {
    path.extension().is_some_and(|extension| extension == "yaml" || extension == "yml")
}

fn read(path: &Path) -> Result<Transcript, Failure> {
    let text = text(path)?;
    Transcript::from_json_lines(&text).map_err(|source| Failure::Transcript { path: path.to_owned(), source })
}

fn scenario(path: &Path) -> Result<Scenario, Failure> {
    Library::scenario(&path.display().to_string(), &text(path)?).map_err(Failure::Packs)
}

fn text(path: &Path) -> Result<String, Failure> {
    fs::read_to_string(path).map_err(|source| Failure::Read { path: path.to_owned(), source })
}
