//! `framegate replay`: judges recorded transcripts again.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use framegate::pack::Settings;
use framegate::report::json::Transcripts;
use framegate::suite::{Bound, Options, judge_recorded};
use framegate::transcript::{Role, Transcript};

use super::output::{Destination, Outputs};
use super::packs::Source;
use super::run::side;
use super::{Failure, Outcome};

/// Judge recorded transcripts (JSON Lines, one event a line) by the rules of a protocol
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// The transcripts
    #[arg(value_name = "FILE", required = true)]
    files: Vec<PathBuf>,
    /// The protocol that they speak
    #[arg(long)]
    protocol: String,
    /// The side that is judged
    #[arg(long, value_parser = side)]
    side: Role,
    /// Write a report, to standard output or to a file: console, github, json, junit, markdown or tap
    #[arg(long, value_name = "FORMAT[=PATH]")]
    report: Vec<Destination>,
    #[command(flatten)]
    source: Source,
}

/// Judges every file as a case of its own; the exit code is the report's.
pub(crate) fn run(args: &Args) -> Outcome {
    let pack = args.source.load_one(&args.protocol)?;
    let settings = Arc::new(Settings::embedded(&pack.manifest));
    let recorded = args.files.iter().map(|path| Ok((path.display().to_string(), read(path)?))).collect::<Result<Vec<_>, Failure>>()?;
    let options = Options {
        target: "recorded transcripts".to_owned(),
        repeat: format!("framegate replay --protocol {} --side {}", args.protocol, args.side),
        ..Options::default()
    };
    let outputs = Outputs::open(&args.report, Transcripts::Broken)?;
    let report = judge_recorded(&Bound { pack, settings }, args.side, recorded, &options);
    outputs.write(&report)?;
    Ok(report.exit_code())
}

fn read(path: &Path) -> Result<Transcript, Failure> {
    let text = fs::read_to_string(path).map_err(|source| Failure::Read { path: path.to_owned(), source })?;
    Transcript::from_json_lines(&text).map_err(|source| Failure::Transcript { path: path.to_owned(), source })
}
