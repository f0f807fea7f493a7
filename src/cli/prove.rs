//! `framegate prove`: can every check fail?

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use framegate::pack::Settings;
use framegate::prove::{self, Options};
use framegate::report::{duration, proof};
use framegate::suite::Bound;
use framegate::verdict::proof::Proof;

use super::Outcome;
use super::failure::Failure;
use super::output::{print, style};
use super::packs::Source;

/// Show that every check can fail: play mutants of the reference peers, and peers that implement nothing, against every case
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// The protocols; all of them if none is named
    #[arg(value_name = "PROTOCOL")]
    protocols: Vec<String>,
    #[command(flatten)]
    source: Source,
    /// Play every case of a mutant's side, not only until one notices it
    #[arg(long)]
    all: bool,
    /// Show also what was noticed for another reason, never applied, or excused
    #[arg(long)]
    verbose: bool,
    /// Write the whole matrix as JSON to this file
    #[arg(long, value_name = "PATH")]
    json: Option<PathBuf>,
    /// Show how long it took
    #[arg(long)]
    stats: bool,
}

/// Prints the kill matrix of each pack; 1 if something survived, or a requirement or case proves nothing.
pub(crate) fn run(args: &Args) -> Outcome {
    let packs = args.source.load(&args.protocols)?;
    let proofs: Vec<Proof> = packs
        .iter()
        .map(|pack| {
            let settings = Arc::new(Settings::embedded(&pack.manifest));
            prove::prove(&Bound { pack: pack.clone(), settings }, Options { all: args.all })
        })
        .collect();
    let style = style();
    for proof in &proofs {
        let remarks = if args.verbose { proof::remarks(proof, &style) } else { String::new() };
        print(&format!("{}{remarks}", proof::problems(proof, &style)));
    }
    print(&format!("\n{}", proof::summary(&proofs, &style)));
    if args.stats {
        print(&stats(&proofs));
    }
    if let Some(path) = &args.json {
        let text = serde_json::to_string_pretty(&proofs).expect("a proof has only string keys and finite numbers");
        std::fs::write(path, text).map_err(|source| Failure::Write { path: path.clone(), source })?;
    }
    Ok(u8::from(!proofs.iter().all(Proof::holds)))
}

fn stats(proofs: &[Proof]) -> String {
    let mutants: usize = proofs.iter().map(|proof| proof.tried.len()).sum();
    let wall: Duration = proofs.iter().map(|proof| proof.wall).sum();
    let simulated: Duration = proofs.iter().map(|proof| proof.simulated).sum();
    let rate = mutants as u128 * 1000 / wall.as_millis().max(1);
    format!("{mutants} mutants in {}, {rate} a second; {} of protocol time\n", duration(wall), duration(simulated))
}
