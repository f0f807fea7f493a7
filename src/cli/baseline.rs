//! `--baseline FILE` and `framegate baseline update`: known failures, read from a file and written back.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::{SystemTime, UNIX_EPOCH};

use framegate::baseline::{Baseline, Day, State};
use framegate::pack::Form;
use framegate::report::{Table, amount};
use framegate::verdict::Report;

use super::output::{print, style};
use super::prepared::Prepared;
use super::run;
use super::{Failure, Outcome};

/// Keep a file of known failures
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, clap::Subcommand)]
enum Command {
    /// Run the cases and write down what fails. Reasons are kept, entries that are fixed or fit nothing go, new failures come without a reason
    Update {
        /// The baseline; it is made if it is not there
        file: PathBuf,
        #[command(flatten)]
        run: Box<run::Args>,
    },
}

/// Runs the cases and writes the file. 0 if it was written: that there are failures is what it is for.
pub(crate) fn run(args: &Args) -> Outcome {
    let Command::Update { file, run } = &args.command;
    let old = if file.exists() { read(file)? } else { Baseline::default() };
    let mut prepared = Prepared::new(run)?;
    let progress = prepared.args.progress(true);
    let done = prepared.perform(&progress)?;
    progress.finish();
    if done.report.interrupted {
        return Err(Failure::Target("interrupted: the baseline stays as it was".to_owned()));
    }
    let is_whole = prepared.is_whole();
    let new = old.update(&done.report, today(), is_whole);
    fs::write(file, new.to_yaml()).map_err(|source| Failure::Write { path: file.clone(), source })?;
    print(&changes(&old, &new, &old.judge(&done.report, today(), is_whole), file));
    Ok(0)
}

/// Excuses what the file knows, and shows what no longer holds.
pub(crate) fn apply(file: &Path, report: &mut Report, is_whole: bool) -> Result<(), Failure> {
    read(file)?.apply(report, today(), is_whole && !report.interrupted);
    Ok(())
}

/// The baseline of this file.
pub(crate) fn read(file: &Path) -> Result<Baseline, Failure> {
    let text = fs::read_to_string(file).map_err(|source| Failure::Read { path: file.to_owned(), source })?;
    let form = Form::read(&file.display().to_string(), &text, "baseline").map_err(Failure::Mistakes)?;
    Ok(form.value)
}

fn today() -> Day {
    Day::of(SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default())
}

fn changes(old: &Baseline, new: &Baseline, states: &[State], file: &Path) -> String {
    let mut table = Table::new(&["", "requirement", "case"]);
    for (entry, state) in old.entries.iter().zip(states) {
        let change = match state {
            State::Excused | State::Unjudged => continue,
            State::Changed => "changed",
            State::Expired => "expired, and kept",
            State::Stale => "taken out: it fits nothing",
            State::Fixed => "taken out: it is fixed",
        };
        table.row([change, &entry.requirement, &entry.case]);
    }
    let known = |requirement: &str, case: &str| old.entries.iter().any(|entry| entry.requirement == requirement && entry.case == case);
    for entry in new.entries.iter().filter(|entry| !known(&entry.requirement, &entry.case)) {
        table.row(["new, give it a reason", &entry.requirement, &entry.case]);
    }
    let table = if table.is_empty() { String::new() } else { table.render(&style()) };
    format!("{table}{}: {}\n", file.display(), amount(new.entries.len(), "known failure"))
}
