//! `framegate lint`: are the packs sound?

use framegate::report::amount;

use super::Outcome;
use super::output::{note, print};
use super::packs::{Source, choose};

/// Check packs: every mistake with its place in the file
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// The protocols; all of them if none is named
    #[arg(value_name = "PROTOCOL")]
    protocols: Vec<String>,
    #[command(flatten)]
    source: Source,
}

/// Prints the mistakes of every pack; 2 if there are any.
pub(crate) fn run(args: &Args) -> Outcome {
    let library = args.source.library()?;
    let names = choose(&library, &args.protocols)?;
    let broken: Vec<_> = names.iter().map(|name| library.lint(name)).filter(|mistakes| !mistakes.is_empty()).collect();
    for mistakes in &broken {
        note(&format!("{}\n\n", mistakes.render(true)));
    }
    let mistakes = broken.iter().map(framegate::pack::Mistakes::len).sum();
    let wrong = if broken.is_empty() { String::new() } else { format!(", {}", amount(mistakes, "mistake")) };
    print(&format!("{} sound{wrong}\n", amount(names.len() - broken.len(), "pack")));
    Ok(if broken.is_empty() { 0 } else { 2 })
}
