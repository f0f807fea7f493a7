//! `framegate merge`: the parts of a campaign as one.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use framegate::fuzz::Summary;

use super::campaign_report::{self, Found, SUMMARY};
use super::output::{Destination, Outputs, pictured};
use super::{Failure, Outcome};

/// Join what the parts of a fuzz campaign have found (`framegate fuzz --partition I/N --resume DIR`)
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// The folders of the parts
    #[arg(value_name = "DIR", required = true)]
    folders: Vec<PathBuf>,
    /// Write the whole into this folder
    #[arg(long, value_name = "DIR")]
    into: Option<PathBuf>,
    /// Write the whole, to standard output or to a file: console, html or json
    #[arg(long, value_name = "FORMAT[=PATH]", value_parser = pictured)]
    report: Vec<Destination>,
}

/// Prints the whole; the exit code is that of one campaign that had made all tries.
pub(crate) fn run(args: &Args) -> Outcome {
    let outputs = Outputs::open(&args.report)?;
    let parts = args.folders.iter().map(|folder| read(folder)).collect::<Result<Vec<_>, _>>()?;
    let Some(first) = parts.first() else { return Err(Failure::NothingSelected) };
    let mut seen = BTreeSet::new();
    for (part, folder) in parts.iter().zip(&args.folders) {
        let problem = if !part.campaign.is_sibling(&first.campaign) {
            "it is part of another campaign than the first folder"
        } else if !seen.insert(part.campaign.part) {
            "another folder holds the same part"
        } else {
            continue;
        };
        return Err(Failure::Campaign { path: folder.join(SUMMARY), problem: problem.to_owned() });
    }
    let mut campaign = first.campaign.clone();
    let mut whole = Summary::default();
    for part in &parts {
        whole.merge(part.summary.clone());
    }
    let count = campaign.part.1;
    if seen.len() as u64 == count {
        campaign.part = (0, 1);
    } else {
        whole.diagnosis.push(format!("only {} of {count} parts are here", seen.len()));
    }
    if let Some(folder) = &args.into {
        let path = folder.join(SUMMARY);
        let written = fs::create_dir_all(folder).and_then(|()| fs::write(&path, campaign_report::json(&campaign, &whole)));
        written.map_err(|source| Failure::Write { path, source })?;
        campaign_report::save(&folder.join("findings"), &whole)?;
    }
    outputs.write_each(|format, _| campaign_report::of_format(format, &campaign, &whole, Duration::ZERO))?;
    Ok(whole.exit_code())
}

fn read(folder: &Path) -> Result<Found, Failure> {
    let path = folder.join(SUMMARY);
    let text = fs::read_to_string(&path).map_err(|source| Failure::Read { path: path.clone(), source })?;
    serde_json::from_str(&text).map_err(|error| Failure::Campaign { path, problem: format!("it is no summary of a campaign: {error}") })
}
