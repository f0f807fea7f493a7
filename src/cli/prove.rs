//! `framegate prove`: can every check fail?

use std::sync::Arc;
use std::time::Duration;

use framegate::pack::Settings;
use framegate::prove::{self, Options};
use framegate::report::{Style, duration, html, proof};
use framegate::suite::Bound;
use framegate::verdict::proof::Proof;

use super::Outcome;
use super::output::{Destination, Format, Outputs, pictured};
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
    /// Write the whole matrix, to standard output or to a file: console, html or json
    #[arg(long, value_name = "FORMAT[=PATH]", value_parser = pictured)]
    report: Vec<Destination>,
    /// Show how long it took
    #[arg(long)]
    stats: bool,
}

/// Prints the kill matrix of each pack; 1 if something survived, or a requirement or case proves nothing.
pub(crate) fn run(args: &Args) -> Outcome {
    let packs = args.source.load(&args.protocols)?;
    let outputs = Outputs::open(&args.report)?;
    let proofs: Vec<Proof> = packs
        .iter()
        .map(|pack| {
            let settings = Arc::new(Settings::embedded(&pack.manifest));
            prove::prove(&Bound { pack: pack.clone(), settings }, Options { all: args.all })
        })
        .collect();
    outputs.write_each(|format, style| match format {
        Format::Html => html::proof::render(&proofs),
        Format::Json => proof::json(&proofs),
        _ => args.console(&proofs, style),
    })?;
    Ok(u8::from(!proofs.iter().all(Proof::holds)))
}

impl Args {
    fn console(&self, proofs: &[Proof], style: &Style) -> String {
        let of = |one: &Proof| {
            let remarks = if self.verbose { proof::remarks(one, style) } else { String::new() };
            format!("{}{remarks}", proof::problems(one, style))
        };
        let stats = if self.stats { stats(proofs) } else { String::new() };
        format!("{}\n{}{stats}", proofs.iter().map(of).collect::<String>(), proof::summary(proofs, style))
    }
}

fn stats(proofs: &[Proof]) -> String {
    let mutants: usize = proofs.iter().map(|proof| proof.tried.len()).sum();
    let wall: Duration = proofs.iter().map(|proof| proof.wall).sum();
    let simulated: Duration = proofs.iter().map(|proof| proof.simulated).sum();
    let rate = mutants as u128 * 1000 / wall.as_millis().max(1);
    format!("{mutants} mutants in {}, {rate} a second; {} of protocol time\n", duration(wall), duration(simulated))
}
