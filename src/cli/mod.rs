//! The command line: one file a command, each with its `Args` and its `run`. Only here is anything printed, and the environment read.

mod baseline;
mod campaign_page;
mod campaign_report;
mod completions;
mod config;
mod coverage;
mod declaration;
mod diff;
mod failure;
mod fuzz;
mod generate;
mod init;
mod interrupt;
mod lint;
mod list;
mod man;
mod merge;
mod new;
mod output;
mod packs;
mod peer;
mod prepared;
mod progress;
mod prove;
mod recording;
mod repeat;
mod replay;
mod run;
mod schema;
mod target;
mod trust;

use std::process::ExitCode;

use clap::{Parser, Subcommand};

use failure::Failure;

/// Tests implementations of JSON-over-WebSocket protocols: plays the client against a server under test, or the server against a client
/// under test, and says which documented requirement broke, and on which frame.
#[derive(Debug, Parser)]
#[command(name = "framegate", version, max_term_width = 120, after_help = EXIT_CODES)]
pub(crate) struct Cli {
    #[command(subcommand)]
    command: Command,
}

const EXIT_CODES: &str = "\
Exit codes:
  0   passed
  1   a requirement is broken
  2   wrong usage, or a file with mistakes
  3   the target could not be reached, or nothing could be told
  4   no case ran
  70  the harness failed";

#[derive(Debug, Subcommand)]
enum Command {
    Run(Box<run::Args>),
    Baseline(baseline::Args),
    Init(init::Args),
    List(list::Args),
    Coverage(coverage::Args),
    Diff(diff::Args),
    Lint(lint::Args),
    New(new::Args),
    Prove(prove::Args),
    Fuzz(Box<fuzz::Args>),
    Merge(merge::Args),
    Peer(peer::Args),
    Replay(replay::Args),
    Schema(schema::Args),
    Completions(completions::Args),
    Man(man::Args),
}

impl Cli {
    /// Runs the command; a failure is one line on standard error.
    pub(crate) fn run(self) -> ExitCode {
        let outcome = match self.command {
            Command::Run(args) => run::run(&args),
            Command::Baseline(args) => baseline::run(&args),
            Command::Init(args) => init::run(&args),
            Command::List(args) => list::run(&args),
            Command::Coverage(args) => coverage::run(&args),
            Command::Diff(args) => diff::run(&args),
            Command::Lint(args) => lint::run(&args),
            Command::New(args) => new::run(&args),
            Command::Prove(args) => prove::run(&args),
            Command::Fuzz(args) => fuzz::run(&args),
            Command::Merge(args) => merge::run(&args),
            Command::Peer(args) => peer::run(&args),
            Command::Replay(args) => replay::run(&args),
            Command::Schema(args) => schema::run(&args),
            Command::Completions(args) => Ok(completions::run(&args)),
            Command::Man(args) => man::run(&args),
        };
        let code = outcome.unwrap_or_else(|failure| {
            output::complain(&failure);
            failure.exit_code()
        });
        ExitCode::from(code)
    }
}

/// What a command gives back: an exit code, or why it could not do its work.
type Outcome = Result<u8, Failure>;

#[cfg(test)]
mod tests {
    use clap::CommandFactory as _;

    use super::*;

    #[test]
    fn the_command_line_is_sound() {
        Cli::command().debug_assert();
    }
}
