//! A pack and a selection into ordered cases. Pure: what `list` and `--dry-run` print is what runs.

use std::time::Duration;

use regex::Regex;
use serde_json::{Map, Value};

use crate::pack::parameter::Span;
use crate::pack::scenario::{Needs, Row, Scenario, Step};
use crate::pack::template::{self, Scope};
use crate::pack::{Lack, Layer, Origin, Pack, Settings};
use crate::transcript::Role;

/// Which cases are wanted. Empty lists mean all.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Selection {
    /// The side under test, if only one is wanted.
    pub side: Option<Role>,
    /// Globs over case ids; `*` stands for any run of characters. A glob also selects what it is the beginning of, up to a `/` or `#`.
    pub only: Vec<String>,
    /// Ids of requirements; a case is wanted if it proves or covers one of them.
    pub requirements: Vec<String>,
}

/// A scenario bound to a side, a row and a target's settings.
#[derive(Clone, Debug, PartialEq)]
pub struct Case {
    /// `<protocol>/<side under test>/<scenario>`, with `#<row>` where the scenario has rows. A shared layer's scenarios stand under their
    /// group: `<protocol>/<side>/websocket/<scenario>`.
    pub id: String,
    /// The scenario's title.
    pub title: String,
    /// Id of the pack.
    pub protocol: String,
    /// `protocol`, or the layer: `websocket`.
    pub group: String,
    /// Name of the scenario.
    pub scenario: String,
    /// Where the scenario stands, with the line of every step below.
    pub origin: Option<Origin>,
    /// The side under test.
    pub side: Role,
    /// Requirements with a rule that must be exercised.
    pub covers: Vec<String>,
    /// Requirements that an unmet prerequisite breaks.
    pub blames: Vec<String>,
    /// Id of the case, or of the case's scenario, that must pass for this one to mean anything.
    pub twin: Option<String>,
    /// Why it cannot be run against this target, if it cannot.
    pub skipped: Option<String>,
    /// What the target would have to declare for it to run.
    pub lacks: Vec<Lack>,
    /// True if it must run alone.
    pub exclusive: bool,
    /// The steps: includes and repeats unrolled, `${row.…}`, `${index}`, `${parameter.…}`, `${credential.…}` and `${stimulus.…}` filled.
    pub steps: Vec<Step>,
    /// The sum of the waits that it must sit out by design.
    pub longest_wait: Duration,
    /// When the runner ends it whatever happens.
    pub deadline: Duration,
}

/// What the runner allows a case beyond its own waits.
const GRACE: Duration = Duration::from_secs(10);

impl Case {
    /// True if its id is this one, or that of one of this scenario's rows.
    pub fn is_of(&self, scenario: &str) -> bool {
        is_case_of(&self.id, scenario)
    }

    /// True if a campaign has saved it: the campaign's oracle judges it too.
    pub fn is_regression(&self) -> bool {
        self.scenario.starts_with("regressions/")
    }

    /// Requirements that a step of it proves, or that it covers, once each.
    pub fn requirements(&self) -> Vec<&str> {
        let mut requirements: Vec<&str> = Vec::new();
        let proved = self.steps.iter().flat_map(proves);
        for id in self.covers.iter().chain(&self.blames).chain(proved) {
            if !requirements.contains(&id.as_str()) {
                requirements.push(id);
            }
        }
        requirements
    }
}

/// The requirements that a step proves.
pub fn proves(step: &Step) -> &[String] {
    match step {
        Step::Expect(expect) => &expect.proves,
        Step::Absent(absent) => &absent.proves,
        _ => &[],
    }
}

/// The cases of this pack that the selection wants, in the order of their files, the skipped ones included.
pub fn plan(pack: &Pack, settings: &Settings, selection: &Selection) -> Vec<Case> {
    let wanted = Wanted::new(selection);
    let sides = [Role::Server, Role::Client].into_iter().filter(|side| selection.side.is_none_or(|wanted| wanted == *side));
    let mut cases: Vec<Case> = sides
        .flat_map(|side| pack.layers.iter().map(move |layer| (side, layer)))
        .flat_map(|(side, layer)| Planner { pack, settings, side, layer }.cases())
        .collect();
    skip_without_twin(&mut cases);
    cases.retain(|case| wanted.holds(case));
    cases
}

/// Skips each case whose twin is skipped, or the twin of that: it would prove nothing.
fn skip_without_twin(cases: &mut [Case]) {
    if cases.iter().all(|case| case.skipped.is_none()) {
        return;
    }
    let all: Vec<&Case> = cases.iter().collect();
    let idle = |twin: &str| {
        let mut rows = all.iter().filter(|other| other.is_of(twin));
        let first = rows.next()?;
        (first.skipped.is_some() && rows.all(|other| other.skipped.is_some())).then(|| (first.scenario.clone(), first.lacks.clone()))
    };
    let twin = |case| foundations(&all, case).find_map(idle);
    let lone: Vec<_> = all.iter().map(|case| if case.skipped.is_none() { twin(case) } else { None }).collect();
    for (case, twin) in cases.iter_mut().zip(lone) {
        let Some((scenario, lacks)) = twin else { continue };
        case.skipped = Some(format!("it proves nothing without its twin `{scenario}`, which is skipped"));
        case.lacks = lacks;
    }
}

/// What a case stands on: the id of its twin, then that of the twin's twin, and so on.
pub fn foundations<'a>(cases: &[&'a Case], case: &'a Case) -> impl Iterator<Item = &'a str> {
    let twin_of = |twin: &&'a str| cases.iter().find(|other| other.is_of(twin))?.twin.as_deref();
    std::iter::successors(case.twin.as_deref(), twin_of).take(cases.len())
}

/// True if the id is that of the scenario's case, or of one of its rows.
pub fn is_case_of(id: &str, scenario: &str) -> bool {
    id.strip_prefix(scenario).is_some_and(|rest| rest.is_empty() || rest.starts_with('#'))
}

/// The cases of a scenario that is not in the pack's folders, such as a reproducer: one, or one a row.
pub fn bind(pack: &Pack, settings: &Settings, side: Role, name: &str, scenario: &Scenario) -> Vec<Case> {
    let Some(layer) = pack.layers.first() else { return Vec::new() };
    Planner { pack, settings, side, layer }.cases_of(name, scenario)
}

/// A selection with its globs compiled.
struct Wanted<'a> {
    only: Vec<Regex>,
    requirements: &'a [String],
}

impl<'a> Wanted<'a> {
    fn new(selection: &'a Selection) -> Self {
        let compile = |glob: &String| {
            let parts: Vec<_> = glob.split('*').map(regex::escape).collect();
            Regex::new(&format!("^{}(?:$|[/#])", parts.join(".*"))).expect("an escaped glob is a regular expression")
        };
        Self { only: selection.only.iter().map(compile).collect(), requirements: &selection.requirements }
    }

    fn holds(&self, case: &Case) -> bool {
        let by_id = self.only.is_empty() || self.only.iter().any(|glob| glob.is_match(&case.id));
        let by_requirement =
            self.requirements.is_empty() || case.requirements().iter().any(|id| self.requirements.iter().any(|wanted| wanted == id));
        by_id && by_requirement
    }
}

/// Makes the cases of one layer and side.
struct Planner<'a> {
    pack: &'a Pack,
    settings: &'a Settings,
    side: Role,
    layer: &'a Layer,
}

impl Planner<'_> {
    fn cases(&self) -> Vec<Case> {
        self.layer.scenarios(self.side).iter().flat_map(|(name, scenario)| self.cases_of(name, scenario)).collect()
    }

    fn cases_of(&self, name: &str, scenario: &Scenario) -> Vec<Case> {
        let lone = [Row { name: String::new(), values: Map::new() }];
        let rows = if scenario.rows.is_empty() { &lone[..] } else { &scenario.rows };
        rows.iter().map(|row| self.case(name, scenario, row)).collect()
    }

    fn case(&self, name: &str, scenario: &Scenario, row: &Row) -> Case {
        let (concrete, unfilled) = match self.concrete(&scenario.steps, row) {
            Ok(steps) => (steps, None),
            Err(error) => (Vec::new(), Some(error)),
        };
        let (written, steps): (Vec<usize>, Vec<Step>) = concrete.into_iter().unzip();
        let waits: Vec<_> = steps.iter().map(|step| self.waits(step)).collect();
        let needs = self.needs(scenario, &steps);
        let is_barred = scenario.destructive && !self.settings.destructive;
        Case {
            id: format!("{}{}", self.scenario_id(name), if row.name.is_empty() { String::new() } else { format!("#{}", row.name) }),
            title: scenario.title.clone(),
            protocol: self.pack.id().to_owned(),
            group: self.layer.group.clone(),
            scenario: name.to_owned(),
            origin: self.layer.origin(self.side, name).map(|origin| origin_of(&written, origin)),
            side: self.side,
            covers: scenario.covers.clone(),
            blames: scenario.blames.clone(),
            twin: scenario.twin.as_deref().map(|twin| self.scenario_id(twin)),
            skipped: self.settings.missing(&needs).or(unfilled).or_else(|| is_barred.then(|| BARRED.to_owned())),
            lacks: self.settings.lacks(&needs).into_iter().chain(is_barred.then(barred)).collect(),
            exclusive: scenario.exclusive || self.pack.manifest.exclusive && self.side == Role::Server,
            steps,
            longest_wait: waits.iter().map(|(least, _)| *least).sum(),
            deadline: waits.iter().map(|(_, most)| *most).sum::<Duration>() + GRACE,
        }
    }

    /// What the scenario says that it needs, the stimuli that its steps give, and the credentials and stimuli whose placeholders they still hold.
    fn needs(&self, scenario: &Scenario, steps: &[Step]) -> Needs {
        let mut needs = scenario.needs.clone();
        let add = |names: &mut Vec<String>, name: &str| {
            if !names.iter().any(|known| known == name) {
                names.push(name.to_owned());
            }
        };
        for step in steps {
            for path in self.placeholders(step) {
                match path.split_once('.') {
                    Some(("credential", name)) => add(&mut needs.credentials, name),
                    Some(("stimulus", name)) => add(&mut needs.stimuli, name),
                    _ => {}
                }
            }
            if let Step::Stimulus(name) = step {
                add(&mut needs.stimuli, name);
            }
        }
        needs
    }

    /// Paths of the placeholders that the step is left with; those of the endpoint are the step's that opens a connection to it.
    fn placeholders(&self, step: &Step) -> Vec<String> {
        let mut written = vec![serde_json::to_value(step)];
        if let Step::Open(open) = step {
            written.push(serde_json::to_value(open.fields(&self.pack.manifest.endpoint)));
        }
        written.into_iter().flatten().filter_map(|value| template::paths(&value).ok()).flatten().collect()
    }

    fn scenario_id(&self, name: &str) -> String {
        let group = if self.layer.group == "protocol" { String::new() } else { format!("{}/", self.layer.group) };
        format!("{}/{}/{group}{name}", self.pack.id(), self.side)
    }

    /// Unrolls and fills steps, each with the index of the written step that it comes from. The error says what could not be filled; `lint` excludes it for sound packs.
    fn concrete(&self, steps: &[Step], row: &Row) -> Result<Vec<(usize, Step)>, String> {
        let mut scope = CaseScope { settings: self.settings, row: &row.values, index: None };
        let mut concrete = Vec::new();
        for (index, step) in steps.iter().enumerate() {
            let mut filled = Vec::new();
            self.unroll(std::slice::from_ref(step), &mut scope, 0, &mut filled)?;
            concrete.extend(filled.into_iter().map(|step| (index, step)));
        }
        Ok(concrete)
    }

    fn unroll(&self, steps: &[Step], scope: &mut CaseScope<'_>, depth: usize, filled: &mut Vec<Step>) -> Result<(), String> {
        if depth > 16 {
            return Err("phases include each other without end".to_owned());
        }
        for step in steps {
            match step {
                Step::Include(phase) => {
                    let steps = self.pack.manifest.phases.of(self.side).get(phase).ok_or_else(|| format!("no phase `{phase}`"))?;
                    self.unroll(steps, scope, depth + 1, filled)?;
                }
                Step::Repeat(repeat) => {
                    let outer = scope.index;
                    for index in 1..=repeat.times {
                        scope.index = Some(index);
                        self.unroll(&repeat.steps, scope, depth + 1, filled)?;
                    }
                    scope.index = outer;
                }
                step => filled.push(fill(step, scope)?),
            }
        }
        Ok(())
    }

    /// The time that a step takes by design, and the time that it may take at most.
    fn waits(&self, step: &Step) -> (Duration, Duration) {
        let reply_time = Span("reply_time".to_owned());
        match step {
            Step::Wait(wait) => {
                let span = self.settings.duration(&wait.span);
                (if wait.until.is_some() { Duration::ZERO } else { span }, span)
            }
            Step::Play(play) => (Duration::ZERO, self.settings.duration(&play.span)),
            Step::Expect(expect) => {
                let band = self.settings.bound(expect.within.as_ref().unwrap_or(&reply_time));
                (band.pass.0, band.end())
            }
            Step::Accept(accept) => (Duration::ZERO, self.settings.dial_time(accept.within.as_ref())),
            Step::Refuse(refuse) => (Duration::ZERO, self.settings.dial_time(refuse.within.as_ref())),
            _ => (Duration::ZERO, Duration::ZERO),
        }
    }
}

/// Why a destructive case is skipped.
const BARRED: &str = "a target that is wrong may be damaged by it (`allow: [destructive]` in framegate.yaml, or --allow destructive)";

fn barred() -> Lack {
    Lack { kind: "allow", name: "destructive".to_owned() }
}

/// The scenario's file with the lines of a case's steps, given which written step each comes from.
fn origin_of(written: &[usize], origin: &Origin) -> Origin {
    let line = |step: &usize| origin.lines.get(*step).copied().unwrap_or(1);
    Origin { path: origin.path.clone(), lines: written.iter().map(line).collect() }
}

fn fill(step: &Step, scope: &mut CaseScope<'_>) -> Result<Step, String> {
    let value = serde_json::to_value(step).map_err(|error| error.to_string())?;
    let filled = template::render_known(&value, scope).map_err(|error| error.to_string())?;
    serde_json::from_value(filled).map_err(|error| error.to_string())
}

/// What is known before a case runs.
struct CaseScope<'a> {
    settings: &'a Settings,
    row: &'a Map<String, Value>,
    index: Option<usize>,
}

impl Scope for CaseScope<'_> {
    fn lookup(&mut self, path: &str) -> Option<Value> {
        let (root, rest) = path.split_once('.').unwrap_or((path, ""));
        match root {
            "row" => self.row.get(rest).cloned().or_else(|| template::descend(&Value::Object(self.row.clone()), rest)),
            "index" => self.index.map(Value::from),
            "credential" => self.settings.credentials.get(rest).cloned().map(Value::from),
            "stimulus" => self.settings.stimuli.get(rest).cloned().map(Value::from),
            "parameter" => self.settings.parameter_value(rest),
            _ => None,
        }
    }
}

#[cfg(test)]
impl Case {
    /// A case without steps.
    pub(crate) fn sample(side: Role) -> Self {
        Self {
            id: String::new(),
            title: String::new(),
            protocol: String::new(),
            group: String::new(),
            scenario: String::new(),
            origin: None,
            side,
            covers: Vec::new(),
            blames: Vec::new(),
            twin: None,
            skipped: None,
            lacks: Vec::new(),
            exclusive: false,
            steps: Vec::new(),
            longest_wait: Duration::ZERO,
            deadline: Duration::ZERO,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn selects(glob: &str, id: &str) -> bool {
        let selection = Selection { only: vec![glob.to_owned()], ..Selection::default() };
        let case = Case { id: id.to_owned(), ..Case::sample(Role::Server) };
        Wanted::new(&selection).holds(&case)
    }

    #[test]
    fn a_glob_selects_whole_ids_and_what_they_are_the_beginning_of() {
        assert!(selects("demo/server/echo", "demo/server/echo"));
        assert!(selects("demo/server/echo", "demo/server/echo#empty"));
        assert!(selects("demo/server", "demo/server/echo"));
        assert!(selects("*/echo*", "demo/server/echo-back"));
        assert!(!selects("demo/server/echo", "demo/server/echo-back"));
        assert!(!selects("echo", "demo/server/echo"));
    }

    #[test]
    fn a_case_is_skipped_with_its_twin_and_for_the_same_lack() {
        let lack = || vec![Lack { kind: "stimulus", name: "chat".to_owned() }];
        let case =
            |id: &str, twin: Option<&str>| Case { id: id.to_owned(), twin: twin.map(ToOwned::to_owned), ..Case::sample(Role::Server) };
        let idle = |case: Case| Case { skipped: Some("not declared".to_owned()), lacks: lack(), ..case };
        let mut cases = [
            case("a", Some("b")),
            case("b", Some("c")),
            idle(case("c#1", None)),
            idle(case("d#1", None)),
            case("d#2", None),
            case("e", Some("d")),
        ];
        skip_without_twin(&mut cases);
        let lacks: Vec<_> = cases.iter().map(|case| (case.skipped.is_some(), case.lacks == lack())).collect();
        assert_eq!(lacks, [(true, true), (true, true), (true, true), (true, true), (false, false), (false, false)]);
    }
}
