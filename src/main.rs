//! The `framegate` program. It parses the command line and dispatches; each command is a file of `cli`.

mod cli;

use std::process::ExitCode;

use clap::Parser as _;

fn main() -> ExitCode {
    cli::Cli::parse().run()
}
