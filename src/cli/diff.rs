//! `framegate diff`: what changed between two runs.

use std::fs;
use std::path::{Path, PathBuf};

use framegate::report::diff::{Difference, Run};

use super::output::{print, style};
use super::{Failure, Outcome};

/// Say what changed between two runs, read from their JSON reports
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// The report of the earlier run
    #[arg(value_name = "BEFORE.json")]
    before: PathBuf,
    /// The report of the later run
    #[arg(value_name = "AFTER.json")]
    after: PathBuf,
}

/// Prints the changes; 1 if something got worse.
pub(crate) fn run(args: &Args) -> Outcome {
    let (before, after) = (read(&args.before)?, read(&args.after)?);
    let difference = Difference::new(&before, &after);
    print(&difference.render(&style()));
    Ok(u8::from(difference.is_worse()))
}

fn read(path: &Path) -> Result<Run, Failure> {
    let text = fs::read_to_string(path).map_err(|source| Failure::Read { path: path.to_owned(), source })?;
    Run::from_json(&text).map_err(|source| Failure::Report { path: path.to_owned(), source })
}
