//! `framegate peer`: plays a reference peer on a real socket.

use super::{Failure, Outcome};

/// Play the reference peer of one side on a real socket
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// The protocol
    protocol: String,
}

/// Plays until it is interrupted.
pub(crate) fn run(args: &Args) -> Outcome {
    Err(Failure::Target(format!("{}: live peers are not wired up yet", args.protocol)))
}
