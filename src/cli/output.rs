//! Text to the terminal and reports to their files. Colours are taken out where the other end is no terminal, or `NO_COLOR` is set.

use std::fmt::Display;
use std::fs::{self, File};
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};
use std::str::FromStr;

use framegate::report::json::Transcripts;
use framegate::report::{Ink, Style, console, github, html, json, junit, markdown, tap};
use framegate::verdict::Report;

use super::Failure;

/// Columns where the environment does not say, and the fewest that a table of a report needs.
const COLUMNS: usize = 100;
const FEWEST: usize = 80;

/// How text for the terminal is laid out: `COLUMNS` wide.
pub(crate) fn style() -> Style {
    let columns = std::env::var("COLUMNS").ok().and_then(|columns| columns.parse().ok());
    Style { colour: true, width: columns.unwrap_or(COLUMNS).max(FEWEST) }
}

/// Prints as it is.
pub(crate) fn print(text: &str) {
    let _ = put(text);
}

/// Prints as it is, and says if that could not be done, such as on a full disk. A reader that went away is nobody's mistake.
fn put(text: &str) -> io::Result<()> {
    let mut stdout = anstream::stdout().lock();
    let written = stdout.write_all(text.as_bytes()).and_then(|()| stdout.flush());
    written.or_else(|error| if error.kind() == io::ErrorKind::BrokenPipe { Ok(()) } else { Err(error) })
}

/// Prints on standard error as it is.
pub(crate) fn note(text: &str) {
    let mut stderr = anstream::stderr().lock();
    let _ = stderr.write_all(text.as_bytes()).and_then(|()| stderr.flush());
}

/// Prints `error: …` on standard error.
pub(crate) fn complain(problem: &impl Display) {
    note(&format!("{} {problem}\n", style().paint(Ink::Bad, "error:")));
}

/// `FORMAT` or `FORMAT=PATH` of `--report`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Destination {
    format: Format,
    path: Option<PathBuf>,
}

/// A format of reports.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Format {
    Console,
    Github,
    Html,
    Json,
    Junit,
    Markdown,
    Tap,
}

impl Format {
    const ALL: [(&str, Self); 7] = [
        ("console", Self::Console),
        ("github", Self::Github),
        ("html", Self::Html),
        ("json", Self::Json),
        ("junit", Self::Junit),
        ("markdown", Self::Markdown),
        ("tap", Self::Tap),
    ];

    fn render(self, report: &Report, transcripts: Transcripts, style: &Style) -> String {
        match self {
            Self::Console => console::render(report, style),
            Self::Github => github::render(report),
            Self::Html => html::render(report),
            Self::Json => json::render(report, transcripts),
            Self::Junit => junit::render(report),
            Self::Markdown => markdown::render(report),
            Self::Tap => tap::render(report),
        }
    }
}

impl FromStr for Destination {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let (format, path) = text.split_once('=').map_or((text, None), |(format, path)| (format, Some(path)));
        let Some((_, format)) = Format::ALL.into_iter().find(|(name, _)| *name == format) else {
            let known = Format::ALL.map(|(name, _)| name).join(", ");
            return Err(format!("no report format `{format}`; expected one of {known}, with =PATH for a file"));
        };
        if path == Some("") {
            return Err("the path after `=` is empty".to_owned());
        }
        Ok(Self { format, path: path.map(PathBuf::from) })
    }
}

/// A destination of what is no run: a proof of the checks, or a campaign.
pub(crate) fn pictured(text: &str) -> Result<Destination, String> {
    let destination: Destination = text.parse()?;
    match destination.format {
        Format::Console | Format::Html | Format::Json => Ok(destination),
        _ => Err(format!("there is no report `{text}` of this; expected console, html or json, with =PATH for a file")),
    }
}

/// The reports of a command, with their files already open, so that a run is not made for nothing.
#[derive(Debug)]
pub(crate) struct Outputs {
    files: Vec<(Format, PathBuf, File)>,
    /// What goes to standard output.
    printed: Format,
}

impl Outputs {
    /// Opens the files. Standard output gets the console report unless it is asked to get another.
    pub(crate) fn open(destinations: &[Destination]) -> Result<Self, Failure> {
        let printed = destinations.iter().find(|destination| destination.path.is_none()).map_or(Format::Console, |first| first.format);
        let mut files = Vec::new();
        for Destination { format, path } in destinations {
            if let Some(path) = path {
                files.push((*format, path.clone(), create(path).map_err(|source| Failure::Write { path: path.clone(), source })?));
            }
        }
        Ok(Self { files, printed })
    }

    /// True if people read standard output.
    pub(crate) fn is_console(&self) -> bool {
        self.printed == Format::Console
    }

    /// Writes every report of a run.
    pub(crate) fn write(self, report: &Report, transcripts: Transcripts) -> Result<(), Failure> {
        self.write_each(|format, style| format.render(report, transcripts, style))
    }

    /// Writes what this makes of each format, also after one that could not be written.
    pub(crate) fn write_each(self, render: impl Fn(Format, &Style) -> String) -> Result<(), Failure> {
        let Self { files, printed } = self;
        let lost = |path: &Path, written: io::Result<()>| written.map_err(|source| Failure::Lost { path: path.to_owned(), source });
        let mut written = vec![lost(Path::new("standard output"), put(&render(printed, &style())))];
        for (format, path, mut file) in files {
            let text = render(format, &Style::plain(COLUMNS));
            written.push(lost(&path, file.write_all(text.as_bytes())));
        }
        written.into_iter().collect()
    }

    /// Takes away the files of a run that never began: an empty one would be read as a report.
    pub(crate) fn discard(self) {
        for (_, path, _) in self.files {
            // One that cannot be taken away, such as a device, stays.
            let _ = fs::metadata(&path).is_ok_and(|file| file.is_file()).then(|| fs::remove_file(&path));
        }
    }
}

fn create(path: &PathBuf) -> io::Result<File> {
    if let Some(folder) = path.parent().filter(|folder| !folder.as_os_str().is_empty()) {
        fs::create_dir_all(folder)?;
    }
    File::create(path)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_destination_is_a_format_with_or_without_a_path() {
        assert_eq!("json=a=b.json".parse(), Ok(Destination { format: Format::Json, path: Some(PathBuf::from("a=b.json")) }));
        assert_eq!("console".parse(), Ok(Destination { format: Format::Console, path: None }));
        for wrong in ["", "xml", "json="] {
            assert!(wrong.parse::<Destination>().is_err(), "{wrong}");
        }
    }

    #[test]
    fn what_is_no_run_has_three_formats() {
        assert!(["console", "json", "html=a.html"].iter().all(|text| pictured(text).is_ok()));
        assert!(["junit", "tap=x", "xml"].iter().all(|text| pictured(text).is_err()));
    }

    #[test]
    fn standard_output_gets_the_console_report_unless_it_is_asked_for_another() {
        let printed = |texts: &[&str]| {
            let destinations: Vec<_> = texts.iter().map(|text| text.parse().unwrap()).collect();
            Outputs::open(&destinations).unwrap().printed
        };
        assert_eq!(printed(&[]), Format::Console);
        assert_eq!(printed(&["json"]), Format::Json);
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("deep/report.json");
        assert_eq!(printed(&[&format!("json={}", path.display())]), Format::Console);
        assert!(path.exists());
    }
}
