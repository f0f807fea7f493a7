//! Runs and judges cases, in parallel, with an observer.
//!
//! It knows no protocol and prints nothing. Each case has a thread's attention from its first step to its verdict.

mod holding;
mod misfit;
mod retrying;
mod twins;
mod unlocking;

use std::hash::{DefaultHasher, Hash as _, Hasher as _};
use std::num::NonZeroUsize;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Instant, SystemTime, UNIX_EPOCH};

use crate::check;
use crate::pack::fault::Change;
use crate::pack::scenario::Step;
use crate::pack::{Lack, Pack, Settings};
use crate::peer::{self, Genesis, Peer};
use crate::plan::{Case, Selection, plan};
use crate::runner::{self, Bounds, Limits, Stop, Target};
use crate::transcript::{Mark, Redaction, Role, Transcript, What};
use crate::verdict::{CaseResult, Finding, Outcome, Report, RequirementResult, Severity};

pub use holding::Holding;
pub use misfit::{Misfit, misfit};
pub use twins::doubt_without_twin;

/// A pack with what holds for one target.
#[derive(Clone, Debug)]
pub struct Bound {
    /// The pack.
    pub pack: Arc<Pack>,
    /// What the target declares.
    pub settings: Arc<Settings>,
}

/// What is tested.
#[derive(Clone, Debug)]
pub enum Subject {
    /// The reference peers, in memory and virtual time.
    Embedded {
        /// How they deviate, if they do: a side and its changes.
        changes: Option<(Role, Vec<Change>)>,
    },
    /// A target on a real socket.
    Live(Target),
}

/// How to run.
#[derive(Clone, Debug, Default)]
pub struct Options {
    /// Cases at a time; by default one a core for embedded peers, [`LIVE_JOBS`] for servers, four a core for client commands.
    pub jobs: Option<NonZeroUsize>,
    /// How often a live case that failed is tried again, alone. One in which the harness was late is tried again in any case.
    pub retries: u32,
    /// What was tested, as the report names it.
    pub target: String,
    /// The command that repeats the run; a case's own adds `--only ID`.
    pub repeat: String,
    /// What is taken out of every result before anybody sees it.
    pub redaction: Redaction,
    /// Looks at each result after the pack's own checks, and may change it. A campaign's oracle judges saved reproducers so.
    pub second: Option<Judge>,
    /// What the live cases of a run hold in memory together.
    pub holding: Holding,
}

/// A second opinion on a case.
pub type Judge = fn(&Bound, &Case, &mut CaseResult);

/// Cases at a time against a live server: most of them wait for timers.
pub const LIVE_JOBS: usize = 64;

/// Is told how far a run is. Called from several threads.
pub trait Observer: Sync {
    /// So many cases will run.
    fn planned(&self, cases: usize) {
        let _ = cases;
    }

    /// This case begins.
    fn started(&self, case: &Case) {
        let _ = case;
    }

    /// This case is judged.
    fn finished(&self, result: &CaseResult) {
        let _ = result;
    }

    /// This case had failed, or the harness was late in it, and was tried again; this is what came of it.
    fn retried(&self, result: &CaseResult) {
        let _ = result;
    }
}

/// An observer that does nothing.
#[derive(Clone, Copy, Debug, Default)]
pub struct Silent;

impl Observer for Silent {}

/// Plans, runs and judges. When `stop` is set, cases that have not begun are left unfinished.
pub fn run(bounds: &[Bound], selection: &Selection, subject: &Subject, options: &Options, observer: &dyn Observer, stop: &Stop) -> Report {
    let begun = Instant::now();
    let selection = Selection { side: selection.side.or(subject.side()), ..selection.clone() };
    let jobs: Vec<Job<'_>> =
        bounds.iter().flat_map(|bound| cases(bound, &selection, subject).into_iter().map(move |case| Job { bound, case })).collect();
    observer.planned(jobs.len());
    let mut results = run_all(&jobs, subject, options, observer, stop);
    if matches!(subject, Subject::Live(_)) {
        retry(&jobs, &mut results, subject, options, observer, stop);
    }
    let unfinished = jobs.iter().zip(&results).filter(|(_, result)| result.is_none()).map(|(job, _)| job.case.id.clone()).collect();
    let mut cases: Vec<_> = results.into_iter().flatten().collect();
    doubt_without_twin(&jobs.iter().map(|job| &job.case).collect::<Vec<_>>(), &mut cases);
    let requirements: Vec<_> = bounds.iter().flat_map(|bound| selected_requirements(bound, &selection, &cases)).collect();
    Report {
        version: env!("CARGO_PKG_VERSION").to_owned(),
        target: options.target.clone(),
        unlocks: unlocking::unlocks(&jobs, &requirements),
        requirements,
        cases,
        wall: begun.elapsed(),
        interrupted: stop.is_stopped(),
        unfinished,
    }
}

/// The cases that [`run`] runs: those of the plan, and of them skipped what this subject cannot be asked.
pub fn cases(bound: &Bound, selection: &Selection, subject: &Subject) -> Vec<Case> {
    let mut cases = plan(&bound.pack, &bound.settings, selection);
    if let Subject::Live(Target::Server(server)) = subject {
        let has_hook = |name: &String| server.hooks().commands.contains_key(name);
        for case in &mut cases {
            let stimuli = case.steps.iter().filter_map(|step| if let Step::Stimulus(name) = step { Some(name) } else { None });
            if let Some(name) = stimuli.into_iter().find(|name| !has_hook(name)) {
                let reason = format!("no hook makes the running server do `{name}` (hooks of a target stand in framegate.yaml)");
                // A text alone would not make it run.
                let lack = Lack { kind: "hook", name: name.clone() };
                case.lacks.retain(|other| other.kind != "stimulus" || other.name != lack.name);
                case.skipped = case.skipped.take().filter(|_| !case.lacks.is_empty()).or(Some(reason));
                case.lacks.push(lack);
            }
        }
    }
    cases
}

/// Judges conversations that were recorded before, each under its name, by every rule that binds this side. One that puts no rule to the test
/// proves nothing, and its verdict says so.
pub fn judge_recorded(bound: &Bound, side: Role, recorded: Vec<(String, Transcript)>, options: &Options) -> Report {
    let begun = Instant::now();
    let cases: Vec<_> = recorded.into_iter().map(|(name, transcript)| recorded_case(bound, side, name, transcript, options)).collect();
    Report {
        version: env!("CARGO_PKG_VERSION").to_owned(),
        target: options.target.clone(),
        requirements: requirements(bound, side, &cases),
        cases,
        wall: begun.elapsed(),
        interrupted: false,
        unfinished: Vec::new(),
        unlocks: Vec::new(),
    }
}

fn recorded_case(bound: &Bound, side: Role, name: String, transcript: Transcript, options: &Options) -> CaseResult {
    let begun = Instant::now();
    let mut judgement = check::judge(&bound.pack, &bound.settings, None, side, &transcript);
    if judgement.outcomes.values().all(|outcome| *outcome == Outcome::NotExercised) {
        let nothing = format!("no requirement of a {side} is put to the test by this transcript");
        judgement.findings.push(Finding::harness(Severity::Inconclusive, "a conversation of this protocol", &nothing));
    }
    let mut result = CaseResult {
        title: "A recorded conversation".to_owned(),
        protocol: bound.pack.id().to_owned(),
        side,
        group: "protocol".to_owned(),
        origin: None,
        skipped: None,
        findings: judgement.findings,
        outcomes: judgement.outcomes,
        transcript,
        attempts: Vec::new(),
        wall: begun.elapsed(),
        longest_wait: std::time::Duration::ZERO,
        exclusive: false,
        repeat: format!("{} '{name}'", options.repeat),
        id: name,
    };
    result.redact(&options.redaction);
    result
}

/// Runs and judges one case.
pub fn run_case(bound: &Bound, case: &Case, subject: &Subject, options: &Options, stop: &Stop) -> CaseResult {
    let begun = Instant::now();
    let mut result = match subject {
        _ if case.skipped.is_some() => judged(bound, case, Transcript::default(), begun),
        Subject::Embedded { changes } => judged(bound, case, play(bound, case, &mut *reference(bound, case.side, changes.as_ref())), begun),
        Subject::Live(target) => {
            let bounds = Bounds { deadline: case.deadline, limits: Limits::beside_others(options.holding.share()) };
            let transcript = runner::live(&mut script(bound, case).beginning(genesis(case)), target, &bounds, stop);
            let exclusive = case.exclusive;
            options.holding.keep(transcript, |transcript| CaseResult { exclusive, ..judged(bound, case, transcript, begun) })
        }
    };
    if let Some(judge) = options.second {
        judge(bound, case, &mut result);
    }
    result.repeat = format!("{} --only '{}'", options.repeat, case.id);
    result.redact(&options.redaction);
    result
}

/// What a live case invents must differ from case to case and from run to run: the target may remember it.
fn genesis(case: &Case) -> Genesis {
    let epoch = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    let mut hasher = DefaultHasher::new();
    (&case.id, epoch).hash(&mut hasher);
    Genesis { epoch, seed: hasher.finish() }
}

/// Plays one case against any peer, in memory and virtual time, and judges it.
pub fn trial(bound: &Bound, case: &Case, target: &mut dyn Peer) -> CaseResult {
    let begun = Instant::now();
    let transcript = play(bound, case, target);
    judged(bound, case, transcript, begun)
}

fn play(bound: &Bound, case: &Case, target: &mut dyn Peer) -> Transcript {
    runner::embedded(&mut script(bound, case), target, case.side, &Bounds::new(case.deadline))
}

fn script(bound: &Bound, case: &Case) -> peer::Script {
    peer::Script::new(bound.pack.clone(), bound.settings.clone(), case.side.other(), case.steps.clone())
}

/// Judges what was said in a case that somebody else has played.
pub fn assess(bound: &Bound, case: &Case, transcript: Transcript) -> CaseResult {
    judged(bound, case, transcript, Instant::now())
}

fn judged(bound: &Bound, case: &Case, transcript: Transcript, begun: Instant) -> CaseResult {
    let judgement = match case.skipped {
        Some(_) => check::Judgement::default(),
        None => check::judge(&bound.pack, &bound.settings, Some(case), case.side, &transcript),
    };
    CaseResult {
        id: case.id.clone(),
        title: case.title.clone(),
        protocol: case.protocol.clone(),
        side: case.side,
        group: case.group.clone(),
        origin: case.origin.clone(),
        skipped: case.skipped.clone(),
        findings: judgement.findings,
        outcomes: judgement.outcomes,
        transcript,
        attempts: Vec::new(),
        wall: begun.elapsed(),
        longest_wait: case.longest_wait,
        exclusive: false,
        repeat: String::new(),
    }
}

impl Subject {
    /// The side under test, where the target decides it.
    pub fn side(&self) -> Option<Role> {
        match self {
            Self::Embedded { .. } => None,
            Self::Live(Target::Server(_)) => Some(Role::Server),
            Self::Live(Target::Client(_)) => Some(Role::Client),
        }
    }

    fn default_jobs(&self) -> usize {
        match self {
            Self::Embedded { .. } => cores(),
            Self::Live(Target::Server(_)) => LIVE_JOBS,
            // Each case starts a process, and one that starts too late would look silent.
            Self::Live(Target::Client(_)) => 4 * cores(),
        }
    }
}

fn cores() -> usize {
    std::thread::available_parallelism().map_or(1, NonZeroUsize::get)
}

fn reference(bound: &Bound, side: Role, changes: Option<&(Role, Vec<Change>)>) -> Box<dyn Peer> {
    let changes = changes.filter(|(changed, _)| *changed == side).map_or(&[][..], |(_, changes)| changes);
    peer::faulty(bound.pack.clone(), bound.settings.clone(), side, changes).0
}

struct Job<'a> {
    bound: &'a Bound,
    case: Case,
}

/// Runs the jobs that may run beside each other, longest wait first, then the exclusive ones one after another.
fn run_all(jobs: &[Job<'_>], subject: &Subject, options: &Options, observer: &dyn Observer, stop: &Stop) -> Vec<Option<CaseResult>> {
    let results: Vec<Mutex<Option<CaseResult>>> = jobs.iter().map(|_| Mutex::new(None)).collect();
    let run_one = |index: &usize| {
        let job = &jobs[*index];
        if stop.is_stopped() {
            return;
        }
        observer.started(&job.case);
        let result = run_case(job.bound, &job.case, subject, options, stop);
        if is_cut_short(&result, stop) {
            return;
        }
        observer.finished(&result);
        *results[*index].lock().unwrap_or_else(PoisonError::into_inner) = Some(result);
    };
    let is_shared = matches!(subject, Subject::Live(_));
    let (mut alone, mut together): (Vec<usize>, Vec<usize>) = (0..jobs.len()).partition(|index| is_shared && jobs[*index].case.exclusive);
    let longest_first = |index: &usize| std::cmp::Reverse(jobs[*index].case.longest_wait);
    together.sort_by_key(longest_first);
    alone.sort_by_key(longest_first);
    let width = options.jobs.map_or_else(|| subject.default_jobs(), NonZeroUsize::get).min(together.len());
    let next = AtomicUsize::new(0);
    std::thread::scope(|scope| {
        for _ in 0..width {
            scope.spawn(|| {
                while let Some(index) = together.get(next.fetch_add(1, Ordering::Relaxed)) {
                    run_one(index);
                }
            });
        }
    });
    alone.iter().for_each(run_one);
    results.into_iter().map(|result| result.into_inner().unwrap_or_else(PoisonError::into_inner)).collect()
}

/// Tries cases again, one after another: first each in which the harness was late, until it decides something, then each that failed, until it
/// passes, both until it has been tried often enough.
fn retry(jobs: &[Job<'_>], results: &mut [Option<CaseResult>], subject: &Subject, options: &Options, observer: &dyn Observer, stop: &Stop) {
    for (job, slot) in jobs.iter().zip(results) {
        let play = || {
            let result = run_case(job.bound, &job.case, subject, options, stop);
            (!is_cut_short(&result, stop)).then_some(result)
        };
        let Some(first) = slot.take() else { continue };
        let result = retrying::settled(first, options.retries, play);
        if !result.attempts.is_empty() {
            observer.retried(&result);
        }
        *slot = Some(result);
    }
}

/// True if the run was ended in the middle of this case: what it lacks is nobody's fault.
fn is_cut_short(result: &CaseResult, stop: &Stop) -> bool {
    let is_finished = || result.transcript.events.iter().any(|event| event.what == What::Mark(Mark::Finished));
    stop.is_stopped() && result.skipped.is_none() && !is_finished()
}

/// What all cases together say about the requirements of this side.
pub fn requirements(bound: &Bound, side: Role, cases: &[CaseResult]) -> Vec<RequirementResult> {
    selected_requirements(bound, &Selection { side: Some(side), ..Selection::default() }, cases)
}

/// What all cases together say about the requirements of the selected sides.
fn selected_requirements(bound: &Bound, selection: &Selection, cases: &[CaseResult]) -> Vec<RequirementResult> {
    let cases: Vec<_> = cases.iter().filter(|case| case.protocol == bound.pack.id()).collect();
    let is_selected = |side: Role| selection.side.is_none_or(|wanted| wanted == side);
    bound
        .pack
        .requirements()
        .filter(|(_, requirement)| is_selected(requirement.side))
        .map(|(group, requirement)| {
            let outcomes = || cases.iter().filter_map(|case| Some((*case, *case.outcomes.get(&requirement.id)?)));
            RequirementResult {
                id: requirement.id.clone(),
                protocol: bound.pack.id().to_owned(),
                level: requirement.level,
                side: requirement.side,
                text: requirement.text.clone(),
                source: requirement.source.to_string(),
                group: group.to_owned(),
                inferred: requirement.inferred,
                excluded: requirement.excluded.clone(),
                outcome: outcomes().map(|(_, outcome)| outcome).max().unwrap_or(Outcome::NotExercised),
                broken_by: outcomes().filter(|(_, outcome)| *outcome == Outcome::Violated).map(|(case, _)| case.id.clone()).collect(),
            }
        })
        .collect()
}
