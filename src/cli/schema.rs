//! `framegate schema`: the JSON Schemas of our own file formats.

use framegate::pack::FORMATS;
use framegate::report::Table;

use super::output::{print, style};
use super::{Failure, Outcome};

/// The report is no pack file, so the library does not hold its schema.
const REPORT: (&str, &str) = ("report", include_str!("../../schemas/framegate/report.schema.json"));

/// Print the JSON Schema of a file format: of a pack's files, or of the JSON report
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// The format; without it the formats are listed
    name: Option<String>,
}

/// Prints one schema, or the names of all.
pub(crate) fn run(args: &Args) -> Outcome {
    let formats = || FORMATS.iter().copied().chain([REPORT]);
    let Some(name) = &args.name else {
        let mut table = Table::new(&["format", "what"]);
        formats().for_each(|(name, text)| table.row([name, &description(text)]));
        print(&table.render(&style()));
        return Ok(0);
    };
    let known = || formats().map(|(name, _)| name.to_owned()).collect();
    let format = formats().find(|(known, _)| known == name);
    let (_, text) = format.ok_or_else(|| Failure::Unknown { kind: "file format", name: name.clone(), known: known() })?;
    print(text);
    Ok(0)
}

fn description(schema: &str) -> String {
    let schema: serde_json::Value = serde_json::from_str(schema).unwrap_or_default();
    schema["description"].as_str().unwrap_or_default().to_owned()
}
