//! A run that is ready to begin: target, packs with what the target declares, and the cases. It is what `run` and `baseline update` share.

use std::sync::Arc;
use std::time::Duration;

use framegate::fuzz::arena::Lane;
use framegate::fuzz::judge_regression;
use framegate::pack::{DOCUMENTED, Pack, Settings};
use framegate::plan::{Case, Selection};
use framegate::report::escape;
use framegate::runner::{Service, Stop, Target, Unreachable, round_trip};
use framegate::suite::{self, Bound, Holding, Observer, Options, Subject};
use framegate::transcript::{Redaction, Role};
use framegate::verdict::Report;

use super::config::Named;
use super::declaration::{Declaration, declare, from_environment};
use super::interrupt::stop_on_signal;
use super::output::complain;
use super::run::Args;
use super::{Failure, repeat, target};

/// A run that is ready to begin.
pub(crate) struct Prepared {
    /// The arguments, with what a named target says.
    pub(crate) args: Args,
    /// The cases, as long as a server that is not started yet changes none.
    pub(crate) cases: Vec<Case>,
    named: Option<Named>,
    bounds: Vec<Bound>,
    subject: Subject,
    selection: Selection,
    /// The command that repeats the run, credentials not yet taken out.
    repeat: String,
}

/// How long a server that does not answer any more may take to be gone.
const FALL: Duration = Duration::from_secs(1);

/// What came of a run.
pub(crate) struct Done {
    pub(crate) report: Report,
    /// True if the server under test ended by itself.
    pub(crate) is_crashed: bool,
}

impl Prepared {
    /// Reads everything that the arguments name. Nothing is started or asked yet.
    pub(crate) fn new(given: &Args) -> Result<Self, Failure> {
        let named = Named::find(given)?;
        let args = named.as_ref().map_or_else(|| given.clone(), |named| named.args(given));
        let packs = args.packs()?;
        let spoken = Declaration::parse_all(&given.set)?;
        let mut declared = match (&named, &packs[..]) {
            (Some(named), [pack]) => named.declarations(pack)?,
            _ => Vec::new(),
        };
        declared.extend(spoken.iter().cloned());
        let mut bounds = bind(&args, &packs, &declared)?;
        let subject = target::subject(&args, named.as_ref(), &mut bounds)?;
        let selection = args.selection(&packs, &subject)?;
        let cases: Vec<_> = bounds.iter().flat_map(|bound| suite::cases(bound, &selection, &subject)).collect();
        if cases.is_empty() {
            return Err(Failure::NothingSelected);
        }
        if let Some(misfit) = bounds.iter().filter(|_| args.is_foreign()).find_map(|bound| suite::misfit(bound, &cases)) {
            return Err(Failure::Misfit(Box::new(misfit)));
        }
        Ok(Self { repeat: repeat::command(given, &spoken), args, cases, named, bounds, subject, selection })
    }

    /// Starts what has to be started, for those who play cases of their own against the one target: the pack with what it declares, where
    /// to play, and what has to be stopped in the end.
    pub(crate) fn lane(&mut self, stop: &Stop) -> Result<(Bound, Lane, Option<Service>), Failure> {
        let service = self.start(stop)?;
        self.measure()?;
        let bound = self.bounds.first().cloned().ok_or(Failure::NothingSelected)?;
        Ok((bound, Lane::new(self.subject.clone(), self.options(), stop.clone()), service))
    }

    /// The address of a server on another machine whose owner has not said in a file that it may be fuzzed.
    pub(crate) fn unconsented(&self) -> Option<String> {
        match &self.subject {
            Subject::Live(Target::Server(server)) if !server.is_loopback() && self.named.is_none() => Some(server.host_header()),
            _ => None,
        }
    }

    /// The protocol that is tested first.
    pub(crate) fn protocol(&self) -> Option<&str> {
        self.bounds.first().map(|bound| bound.pack.id())
    }

    /// The side under test, where the target decides it.
    pub(crate) fn side(&self) -> Option<Role> {
        self.subject.side()
    }

    /// True if everything is selected that the target has.
    pub(crate) fn is_whole(&self) -> bool {
        self.args.is_whole()
    }

    /// Starts what has to be started, runs the cases, and ends it again.
    pub(crate) fn perform(&mut self, observer: &dyn Observer) -> Result<Done, Failure> {
        let stop = Stop::default();
        stop_on_signal(&stop, "\ninterrupted: writing what there is; once more to leave at once\n")?;
        let mut service = self.start(&stop)?;
        self.measure()?;
        let options = self.options();
        let report = suite::run(&self.bounds, &self.selection, &self.subject, &options, observer, &stop);
        let is_crashed = service.as_mut().is_some_and(|service| self.is_crashed(service));
        service.into_iter().for_each(Service::stop);
        Ok(Done { report, is_crashed })
    }

    /// The time to the server and back, by which windows are widened.
    pub(crate) fn round_trip(&self) -> Option<Duration> {
        self.bounds.first().map(|bound| bound.settings.round_trip).filter(|time| !time.is_zero())
    }

    fn start(&mut self, stop: &Stop) -> Result<Option<Service>, Failure> {
        let Some(named) = &self.named else { return Ok(None) };
        let (service, url) = self.raise(named, stop)?;
        if url.is_some() && url != self.args.server && self.args.server.is_some() {
            self.args.server = url;
            self.subject = target::subject(&self.args, Some(named), &mut self.bounds)?;
        }
        Ok(service)
    }

    /// Starts the server of a named target if it has a command, and says where it is.
    fn raise(&self, named: &Named, stop: &Stop) -> Result<(Option<Service>, Option<String>), Failure> {
        let credentials: Vec<_> = self.bounds.iter().flat_map(|bound| bound.settings.credentials.clone()).collect();
        named.start(&credentials, stop).map_err(|failure| failure.redacted(&self.redaction()))
    }

    /// Starts the server anew that [`Prepared::lane`] had started, and says where it is now.
    pub(crate) fn restart(&self, stop: &Stop) -> Option<(Service, Subject)> {
        let named = self.named.as_ref()?;
        let (service, url) = self.raise(named, stop).ok()?;
        let args = Args { server: url, ..self.args.clone() };
        let subject = target::subject(&args, Some(named), &mut self.bounds.clone()).ok()?;
        Some((service?, subject))
    }

    /// Measures the way to a server. Where there is none, no case is worth beginning.
    fn measure(&mut self) -> Result<(), Failure> {
        let measured = self.way().map_err(|why| {
            let failure = Failure::Unreachable(escape(&format!("the server cannot be reached, so nothing was tested: {why}")));
            failure.redacted(&self.redaction())
        });
        let measured = measured?.unwrap_or_default();
        for bound in &mut self.bounds {
            Arc::make_mut(&mut bound.settings).round_trip = measured;
        }
        Ok(())
    }

    /// The time to the server and back, if it answers.
    fn way(&self) -> Result<Option<Duration>, Unreachable> {
        match (&self.subject, &self.bounds[..]) {
            (Subject::Live(Target::Server(server)), [bound, ..]) => round_trip(server, &bound.pack.manifest.endpoint.path),
            _ => Ok(None),
        }
    }

    /// A server that ended by itself is said so; one that has hooks may have been ended by one of them.
    fn is_crashed(&self, service: &mut Service) -> bool {
        // A server that takes no connection any more may still be on its way out.
        let patience = if matches!(self.way(), Ok(Some(_))) { Duration::ZERO } else { FALL };
        let Some((status, lines)) = service.ends_within(patience) else { return false };
        if self.named.as_ref().is_some_and(Named::has_hooks) {
            return false;
        }
        let said: Vec<_> = [format!("the server under test ended during the run ({status})")].into_iter().chain(lines).collect();
        let said: Vec<_> = said.iter().map(|line| escape(line)).collect();
        complain(&self.redaction().text(&said.join("\n  ")));
        true
    }

    fn options(&self) -> Options {
        let redaction = self.redaction();
        Options {
            jobs: self.args.jobs,
            retries: self.args.retries.unwrap_or(0),
            target: redaction.text(&self.title()),
            repeat: redaction.text(&self.repeat),
            redaction,
            second: Some(judge_regression),
            holding: Holding::default(),
        }
    }

    /// How the report names the target, credentials not yet taken out.
    fn title(&self) -> String {
        let target = self.named.as_ref().map_or_else(|| target::name(&self.args), Named::title);
        match self.args.source.dialect.as_deref() {
            None | Some(DOCUMENTED) => target,
            Some(dialect) => format!("{target}, dialect {dialect}"),
        }
    }

    /// Every credential that is not the pack's own, nor public.
    fn redaction(&self) -> Redaction {
        let secrets = self.bounds.iter().flat_map(|Bound { pack, settings }| {
            let own = &pack.manifest.credentials;
            let is_secret =
                |name: &str, value: &str| own.get(name).is_none_or(|own| !own.public && (self.args.is_foreign() || own.value != value));
            settings.credentials.iter().filter(move |(name, value)| is_secret(name, value))
        });
        let in_url = self.args.server.as_deref().map(target::secrets).unwrap_or_default();
        Redaction::new(secrets.map(|(name, value)| (name.as_str(), value.as_str())).chain(in_url))
    }
}

/// Each pack with what the target declares.
fn bind(args: &Args, packs: &[Arc<Pack>], declarations: &[Declaration]) -> Result<Vec<Bound>, Failure> {
    let settings = |pack: &Pack| if args.is_foreign() { Settings::live(&pack.manifest) } else { Settings::embedded(&pack.manifest) };
    let mut bound: Vec<_> = packs.iter().map(|pack| (&**pack, settings(pack))).collect();
    let mut targets: Vec<_> = bound.iter_mut().map(|(pack, settings)| (*pack, settings)).collect();
    let held = packs.iter().filter(|_| args.is_foreign()).flat_map(|pack| from_environment(pack));
    // The command line has the last word, a file the one before.
    let all: Vec<_> = held.chain(declarations.iter().cloned()).collect();
    declare(&all, &mut targets)?;
    let is_allowed = args.allow.iter().any(|what| what == "destructive");
    let scaled = |settings: Settings| Settings {
        destructive: settings.destructive || is_allowed,
        time_scale: args.time_scale.unwrap_or(1.0),
        ..settings
    };
    let settings = bound.into_iter().map(|(_, settings)| Arc::new(scaled(settings)));
    Ok(packs.iter().cloned().zip(settings).map(|(pack, settings)| Bound { pack, settings }).collect())
}
