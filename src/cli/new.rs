//! `framegate new`: the files of a pack to begin with.

use std::fs;
use std::path::{Path, PathBuf};

use framegate::pack::FORMATS;

use super::output::print;
use super::repeat::quote;
use super::{Failure, Outcome};

/// Write the files of a new pack: a protocol of two frames that passes its own tests, to be turned into yours
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// The name of the protocol: lower-case letters, digits and `-`
    name: String,
    /// The folder that holds `schemas` and `scenarios`, or will
    #[arg(long, value_name = "DIR", default_value = ".")]
    packs: PathBuf,
}

/// Paths in the folder, with `NAME` for the name, and what stands in them.
const TEMPLATES: [(&str, &str); 9] = [
    ("scenarios/NAME/pack.yaml", include_str!("new/pack.yaml")),
    ("scenarios/NAME/requirements.yaml", include_str!("new/requirements.yaml")),
    ("scenarios/NAME/machine.yaml", include_str!("new/machine.yaml")),
    ("scenarios/NAME/faults.yaml", include_str!("new/faults.yaml")),
    ("scenarios/NAME/server/ask.yaml", include_str!("new/server/ask.yaml")),
    ("scenarios/NAME/server/unknown.yaml", include_str!("new/server/unknown.yaml")),
    ("scenarios/NAME/client/ask.yaml", include_str!("new/client/ask.yaml")),
    ("schemas/NAME/ask.schema.json", include_str!("new/schemas/ask.schema.json")),
    ("schemas/NAME/answer.schema.json", include_str!("new/schemas/answer.schema.json")),
];

/// Names that mean something else: our own folders, and the words of `framegate list`.
const TAKEN: [&str; 11] = [
    "capabilities",
    "cases",
    "credentials",
    "faults",
    "framegate",
    "frames",
    "packs",
    "parameters",
    "requirements",
    "stimuli",
    "websocket",
];

/// Writes the files and says what to do with them.
pub(crate) fn run(args: &Args) -> Outcome {
    check_name(&args.name)?;
    let own = ["scenarios", "schemas"].map(|folder| args.packs.join(folder).join(&args.name));
    if let Some(path) = own.into_iter().find(|path| path.exists()) {
        return Err(Failure::Exists { path });
    }
    for (path, text) in TEMPLATES {
        let path = path.replace("NAME", &args.name);
        write(&args.packs.join(&path), &text.replace("NAME", &args.name))?;
        print(&format!("{path}\n"));
    }
    write_formats(&args.packs)?;
    print(&next_steps(args));
    Ok(0)
}

fn check_name(name: &str) -> Result<(), Failure> {
    const LONGEST: usize = 40;
    let is_plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
    let begins = name.starts_with(|first: char| first.is_ascii_lowercase());
    let is_good = begins && name.chars().all(is_plain) && !name.ends_with('-') && name.len() <= LONGEST;
    match TAKEN.contains(&name) {
        true => Err(Failure::TakenName { name: name.to_owned() }),
        false if !is_good => Err(Failure::PackName { name: name.to_owned() }),
        false => Ok(()),
    }
}

/// The schemas of our formats, which the first line of each file leads editors to. Those that are there stay as they are.
fn write_formats(folder: &Path) -> Result<(), Failure> {
    for (name, text) in FORMATS {
        let path = folder.join(format!("schemas/framegate/{name}.schema.json"));
        if !path.exists() {
            write(&path, text)?;
        }
    }
    Ok(())
}

fn write(path: &Path, text: &str) -> Result<(), Failure> {
    let failure = |source| Failure::Write { path: path.to_owned(), source };
    path.parent().map_or(Ok(()), fs::create_dir_all).map_err(failure)?;
    fs::write(path, text).map_err(failure)
}

fn next_steps(Args { name, packs }: &Args) -> String {
    let packs = quote(&packs.to_string_lossy());
    format!(
        "\nIt is a whole pack already, of a protocol with two frames:\n  \
           framegate lint {name} --packs {packs}\n  \
           framegate run {name} --packs {packs}\n  \
           framegate prove {name} --packs {packs}\n\
         Turn it into yours, file by file: docs/writing-a-pack.md goes the way, docs/pack-format.md has every key.\n"
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_a_plain_word_that_means_nothing_else() {
        for good in ["a", "tally", "chat-2"] {
            assert!(check_name(good).is_ok(), "{good}");
        }
        for wrong in ["", "2chat", "-a", "a-", "Tally", "a_b", "a/b", "..", "é", "websocket", "framegate", "frames", &"a".repeat(41)] {
            assert!(check_name(wrong).is_err(), "{wrong}");
        }
    }
}
