//! `framegate coverage`: is every requirement judged, and does the embedded run put it to the test?

use std::sync::Arc;

use framegate::pack::{Pack, Settings};
use framegate::plan::{Selection, plan};
use framegate::report::{Ink, Table, amount};
use framegate::runner::Stop;
use framegate::suite::{self, Bound, Options, Silent, Subject};
use framegate::verdict::{Level, Outcome as Exercised, Report, RequirementResult};

use super::Outcome;
use super::list::Judged;
use super::output::{print, style};
use super::packs::Source;

/// Show how each requirement is judged, and whether the embedded run puts it to the test
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// The protocols; all of them if none is named
    #[arg(value_name = "PROTOCOL")]
    protocols: Vec<String>,
    #[command(flatten)]
    source: Source,
    /// Show instead where documents can be read in more than one way, and what shows that each reading passes
    #[arg(long)]
    ambiguities: bool,
}

/// Prints a table a pack; 1 if a requirement is judged by nothing, or a MUST is not put to the test.
pub(crate) fn run(args: &Args) -> Outcome {
    let packs = args.source.load(&args.protocols)?;
    if args.ambiguities {
        let shown: Vec<_> = packs.iter().map(|pack| ambiguities(pack)).collect();
        print(&shown.join("\n"));
        return Ok(0);
    }
    let coverages: Vec<_> = packs.iter().map(Coverage::new).collect();
    let shown: Vec<_> = coverages.iter().map(Coverage::render).collect();
    print(&shown.join("\n"));
    Ok(u8::from(coverages.iter().any(|coverage| coverage.holes() > 0)))
}

struct Coverage {
    pack: Arc<Pack>,
    rows: Vec<(Judged, RequirementResult)>,
}

impl Coverage {
    fn new(pack: &Arc<Pack>) -> Self {
        let settings = Settings::embedded(&pack.manifest);
        let cases = plan(pack, &settings, &Selection::default());
        let report = embedded(pack, settings);
        let rows = report.requirements.into_iter().filter_map(|result| {
            let judged = Judged::new(pack.requirement(&result.id)?, &cases);
            Some((judged, result))
        });
        Self { rows: rows.collect(), pack: pack.clone() }
    }

    fn holes(&self) -> usize {
        self.rows.iter().filter(|(judged, result)| is_hole(*judged, result)).count()
    }

    fn render(&self) -> String {
        let style = style();
        let mut table = Table::new(&["requirement", "level", "side", "judged by", "embedded run", "reason"]);
        for (judged, result) in &self.rows {
            let (outcome, ink) = exercised(result);
            let ink = if is_hole(*judged, result) { Ink::Bad } else { ink };
            table.painted([
                (result.id.as_str(), None),
                (result.level.as_str(), None),
                (result.side.as_str(), None),
                (judged.as_str(), (*judged == Judged::Nothing).then_some(Ink::Bad)),
                (outcome, Some(ink)),
                (result.excluded.as_deref().unwrap_or_default(), None),
            ]);
        }
        let title = style.paint(Ink::Strong, &self.pack.manifest.title);
        format!("{title}\n{}{}\n", table.render(&style), self.sum())
    }

    fn sum(&self) -> String {
        let count = |is: fn(&RequirementResult) -> bool| self.rows.iter().filter(|(_, result)| is(result)).count();
        let excluded = count(|result| result.excluded.is_some());
        let open = count(RequirementResult::is_open);
        let total = self.rows.len();
        let put = total - excluded - open;
        format!(
            "{}: {put} put to the test · {open} not exercised · {excluded} excluded · {} to fill",
            amount(total, "requirement"),
            amount(self.holes(), "hole")
        )
    }
}

fn is_hole(judged: Judged, result: &RequirementResult) -> bool {
    let is_open = result.is_open();
    judged == Judged::Nothing || is_open && result.level == Level::Must
}

fn exercised(result: &RequirementResult) -> (&'static str, Ink) {
    match (&result.excluded, result.outcome) {
        (Some(_), _) => ("", Ink::Faint),
        (None, Exercised::Satisfied) => ("satisfied", Ink::Good),
        (None, Exercised::Violated) => ("violated", Ink::Bad),
        (None, Exercised::NotExercised) => ("not exercised", Ink::Unsure),
    }
}

fn embedded(pack: &Arc<Pack>, settings: Settings) -> Report {
    let bound = Bound { pack: pack.clone(), settings: Arc::new(settings) };
    let subject = Subject::Embedded { changes: None };
    suite::run(&[bound], &Selection::default(), &subject, &Options::default(), &Silent, &Stop::default())
}

fn ambiguities(pack: &Pack) -> String {
    let style = style();
    let title = style.paint(Ink::Strong, &pack.manifest.title);
    let mut text = format!("{title}\n");
    for ambiguity in &pack.manifest.ambiguities {
        let mut table = Table::new(&["", "", ""]);
        for reading in &ambiguity.readings {
            table.row([" ", &reading.shown, &reading.reading]);
        }
        text.extend([&ambiguity.id, ": ", &ambiguity.question, "\n", &table.render(&style)]);
    }
    text
}
