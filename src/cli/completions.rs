//! `framegate completions`: what a shell needs to complete our command line.

use clap::CommandFactory as _;
use clap_complete::{Shell, generate};

use super::Cli;
use super::output::print;

/// Print completions for a shell
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// The shell
    shell: Shell,
}

/// Prints the script.
pub(crate) fn run(args: &Args) -> u8 {
    let mut script = Vec::new();
    generate(args.shell, &mut Cli::command(), "framegate", &mut script);
    print(&String::from_utf8_lossy(&script));
    0
}
