//! `framegate list`: what is there.

use std::sync::Arc;

use framegate::pack::manifest::Carrier;
use framegate::pack::parameter::Quantity;
use framegate::pack::requirement::Requirement;
use framegate::pack::{Pack, Settings};
use framegate::plan::{Case, Selection, plan, proves};
use framegate::report::{Ink, Table, amount, duration};
use framegate::verdict::Level;

use super::Outcome;
use super::output::{print, style};
use super::packs::Source;

/// List packs, cases, frames, requirements, parameters, stimuli, credentials, capabilities or faults
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// Protocols, and what to list of them: packs (the default), cases, frames, requirements, parameters, stimuli, credentials, capabilities or faults
    #[arg(value_name = "PROTOCOL|WHAT")]
    words: Vec<String>,
    #[command(flatten)]
    source: Source,
}

#[derive(Clone, Copy)]
enum What {
    Cases,
    Frames,
    Requirements,
    Parameters,
    Stimuli,
    Credentials,
    Capabilities,
    Faults,
    Packs,
}

impl What {
    fn parse(word: &str) -> Option<Self> {
        Some(match word {
            "cases" => Self::Cases,
            "frames" => Self::Frames,
            "requirements" => Self::Requirements,
            "parameters" => Self::Parameters,
            "stimuli" => Self::Stimuli,
            "credentials" => Self::Credentials,
            "capabilities" => Self::Capabilities,
            "faults" => Self::Faults,
            "packs" => Self::Packs,
            _ => return None,
        })
    }

    fn table(self, pack: &Pack) -> Table {
        match self {
            Self::Cases => cases(pack),
            Self::Frames => frames(pack),
            Self::Requirements => requirements(pack),
            Self::Parameters => parameters(pack),
            Self::Stimuli => stimuli(pack),
            Self::Credentials => credentials(pack),
            Self::Capabilities => capabilities(pack),
            Self::Faults => faults(pack),
            Self::Packs => about(pack),
        }
    }
}

/// Prints one table a pack, or one of all packs.
pub(crate) fn run(args: &Args) -> Outcome {
    let is_what = |word: &&String| What::parse(word).is_some();
    let kinds: Vec<_> = args.words.iter().filter_map(|word| What::parse(word)).collect();
    let protocols: Vec<_> = args.words.iter().filter(|word| !is_what(word)).cloned().collect();
    let packs = args.source.load(&protocols)?;
    if kinds.is_empty() && protocols.is_empty() || matches!(kinds[..], [What::Packs]) {
        print(&overview(&packs).render(&style()));
        return Ok(0);
    }
    let kinds = if kinds.is_empty() { vec![What::Packs] } else { kinds };
    let tables: Vec<_> = packs.iter().flat_map(|pack| kinds.iter().map(|kind| titled(pack, *kind))).collect();
    print(&tables.join("\n"));
    Ok(0)
}

fn titled(pack: &Pack, what: What) -> String {
    let title = style().paint(Ink::Strong, &pack.manifest.title);
    let table = what.table(pack);
    if table.is_empty() { format!("{title}\nnone\n") } else { format!("{title}\n{}", table.render(&style())) }
}

fn overview(packs: &[Arc<Pack>]) -> Table {
    let titles = ["pack", "frames", "musts", "shoulds", "mays", "server cases", "client cases", "title"];
    let mut table = Table::new(&titles).right(&[1, 2, 3, 4, 5, 6]);
    for pack in packs {
        let of_level = |level| pack.requirements().filter(|(_, requirement)| requirement.level == level).count();
        let cases = all_cases(pack);
        let of_side = |side| cases.iter().filter(|case| case.side == side).count();
        let counts = [
            pack.manifest.frames.len(),
            of_level(Level::Must),
            of_level(Level::Should),
            of_level(Level::May),
            of_side(framegate::transcript::Role::Server),
            of_side(framegate::transcript::Role::Client),
        ];
        let title = format!("{} {}", pack.manifest.title, pack.manifest.version);
        table.row([pack.id().to_owned()].into_iter().chain(counts.map(|count| count.to_string())).chain([title]));
    }
    table
}

fn about(pack: &Pack) -> Table {
    let manifest = &pack.manifest;
    let mut table = Table::new(&["", ""]);
    table.row(["version", &manifest.version]);
    for (id, document) in &manifest.documents {
        table.row(["document", &format!("{id}: {} {}", document.title, document.url.as_deref().unwrap_or_default())]);
    }
    table.row(["endpoint", &manifest.endpoint.path]);
    for way in &manifest.authentication {
        table.row(["authentication", &format!("{}: {}", carrier(way.carried), way.what)]);
    }
    table.row(["told apart by", &manifest.discriminator.join(", ")]);
    for (code, meaning) in &manifest.closes {
        table.row(["close code", &format!("{code}: {meaning}")]);
    }
    table.row(["frames", &manifest.frames.len().to_string()]);
    table.row(["requirements", &pack.requirements().count().to_string()]);
    table.row(["cases", &all_cases(pack).len().to_string()]);
    table.row(["faults", &format!("{}, and {}", pack.faults().count(), amount(pack.variants().count(), "legal variant"))]);
    table
}

fn carrier(carrier: Carrier) -> &'static str {
    match carrier {
        Carrier::Frame => "in a frame",
        Carrier::Header => "in a header field",
        Carrier::Query => "in the query",
        Carrier::Subprotocol => "as a subprotocol",
        Carrier::None => "none",
    }
}

fn cases(pack: &Pack) -> Table {
    let mut table = Table::new(&["case", "waits", "title"]).right(&[1]);
    for case in all_cases(pack) {
        table.row([case.id, duration(case.longest_wait), case.title]);
    }
    table
}

fn frames(pack: &Pack) -> Table {
    let mut table = Table::new(&["frame", "from", "schema", "what"]);
    for (name, kind) in &pack.manifest.frames {
        table.row([name.as_str(), kind.from.as_str(), &kind.schema, &kind.what]);
    }
    table
}

fn requirements(pack: &Pack) -> Table {
    let cases = all_cases(pack);
    let mut table = Table::new(&["requirement", "level", "side", "judged by", "text"]);
    for (_, requirement) in pack.requirements() {
        let judged_by = Judged::new(requirement, &cases).as_str();
        table.row([&requirement.id, requirement.level.as_str(), requirement.side.as_str(), judged_by, &requirement.text]);
    }
    table
}

fn parameters(pack: &Pack) -> Table {
    let mut table = Table::new(&["parameter", "value", "passes", "warns", "what"]);
    let band = |band: Option<[Quantity; 2]>| band.map(|[low, high]| format!("{low} – {high}")).unwrap_or_default();
    for (name, parameter) in &pack.manifest.parameters {
        table.row([name, &parameter.value.to_string(), &band(parameter.pass), &band(parameter.warn), &parameter.what]);
    }
    table
}

fn stimuli(pack: &Pack) -> Table {
    let mut table = Table::new(&["stimulus", "side", "text for the reference peer", "what"]);
    for (name, stimulus) in &pack.manifest.stimuli {
        table.row([name, stimulus.side.as_str(), &stimulus.text, &stimulus.what]);
    }
    table
}

fn credentials(pack: &Pack) -> Table {
    let mut table = Table::new(&["credential", "variable", "without it", "what"]);
    for (name, credential) in &pack.manifest.credentials {
        let without = if credential.public { format!("`{}`", credential.value) } else { "skips what needs it".to_owned() };
        table.row([name, &super::declaration::variable(name), &without, &credential.what]);
    }
    table
}

fn capabilities(pack: &Pack) -> Table {
    let mut table = Table::new(&["capability", "unless declared", "what"]);
    for (name, capability) in &pack.manifest.capabilities {
        table.row([name.as_str(), if capability.default { "true" } else { "false" }, &capability.what]);
    }
    table
}

fn faults(pack: &Pack) -> Table {
    let mut table = Table::new(&["fault", "side", "trips", "what"]);
    for fault in pack.faults() {
        table.row([&fault.id, fault.side.as_str(), &fault.trips.0.join(", "), &fault.what]);
    }
    for variant in pack.variants() {
        table.row([&variant.id, variant.side.as_str(), "nothing: it is legal", &variant.what]);
    }
    table
}

fn all_cases(pack: &Pack) -> Vec<Case> {
    plan(pack, &Settings::embedded(&pack.manifest), &Selection::default())
}

/// How a requirement is judged.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Judged {
    /// By a rule over every transcript.
    Rule,
    /// By steps of scenarios.
    Steps,
    /// By both.
    Both,
    /// Not at all, with a reason.
    Excluded,
    /// Not at all, without one: a hole.
    Nothing,
}

impl Judged {
    /// How this requirement is judged, given all cases of its pack.
    pub(crate) fn new(requirement: &Requirement, cases: &[Case]) -> Self {
        let is_proved = || cases.iter().flat_map(|case| &case.steps).flat_map(proves).any(|id| *id == requirement.id);
        match (&requirement.excluded, &requirement.rule) {
            (Some(_), _) => Self::Excluded,
            (None, Some(_)) if is_proved() => Self::Both,
            (None, Some(_)) => Self::Rule,
            (None, None) if is_proved() => Self::Steps,
            (None, None) => Self::Nothing,
        }
    }

    /// As it stands in tables.
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::Rule => "rule",
            Self::Steps => "steps",
            Self::Both => "rule, steps",
            Self::Excluded => "excluded",
            Self::Nothing => "NOTHING",
        }
    }
}
