//! `framegate man`: our manual pages, made from the same words as `--help`.

use std::fs;
use std::path::PathBuf;

use clap::CommandFactory as _;
use clap_mangen::{Man, generate_to};

use super::output::print;
use super::{Cli, Failure, Outcome};

/// Print the manual page, or write one for every command
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// Write the pages of all commands into this folder
    #[arg(long, short, value_name = "DIR")]
    output: Option<PathBuf>,
}

/// Prints the page of the program, or writes all pages.
pub(crate) fn run(args: &Args) -> Outcome {
    let Some(folder) = &args.output else {
        let mut page = Vec::new();
        let rendered = Man::new(Cli::command()).render(&mut page);
        rendered.map_err(|source| Failure::Write { path: PathBuf::from("framegate.1"), source })?;
        print(&String::from_utf8_lossy(&page));
        return Ok(0);
    };
    let written = fs::create_dir_all(folder).and_then(|()| generate_to(Cli::command(), folder));
    written.map_err(|source| Failure::Write { path: folder.clone(), source })?;
    Ok(0)
}
