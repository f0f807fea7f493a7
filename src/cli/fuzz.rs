//! `framegate fuzz`: a campaign of malformed conversations.

use std::fs::{self, File};
use std::io::Write as _;
use std::num::NonZeroUsize;
use std::path::{Path, PathBuf};
use std::sync::Mutex;
use std::time::{Duration, Instant};

use framegate::fuzz::campaign::{self, Orders, Progress, Watcher};
use framegate::fuzz::journal::{self, Header};
use framegate::fuzz::keeper::Keeper;
use framegate::fuzz::{Fingerprint, Summary};
use framegate::pack::parameter::Quantity;
use framegate::runner::{Stop, memory};
use framegate::transcript::Role;

use super::campaign_report::{self, SUMMARY};
use super::generate::{Wish, generate};
use super::interrupt::stop_on_signal;
use super::output::{Destination, Outputs, note, pictured, print};
use super::packs::Source;
use super::prepared::Prepared;
use super::run::side;
use super::trust::Trust;
use super::{Failure, Outcome, run as plain};

/// Name of the journal in the folder of a campaign.
pub(crate) const JOURNAL: &str = "journal.jsonl";

/// The least time between two checkpoints that say nothing new.
const BETWEEN: Duration = Duration::from_secs(1);

/// Send everything that is wrong, in every state, and see what becomes of the target; without a target both sides of the embedded peers
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// The protocol
    #[arg(value_name = "PROTOCOL")]
    protocol: String,
    /// Fuzz the server at this ws:// or wss:// address
    #[arg(long, value_name = "URL", conflicts_with_all = ["client", "fault"])]
    server: Option<String>,
    /// Fuzz the client that this command starts; {url}, {port} and {CREDENTIAL} are replaced
    #[arg(long, value_name = "CMD", conflicts_with = "fault")]
    client: Option<String>,
    /// Fuzz only this side of the embedded peers
    #[arg(long, value_parser = side)]
    side: Option<Role>,
    /// Tries in all, the systematic ones first
    #[arg(long, value_name = "N", conflicts_with = "for_time")]
    cases: Option<u64>,
    /// Go on with random tries until this time is over, such as 10m; the systematic tries are all made
    #[arg(long = "for", id = "for_time", value_name = "DURATION", value_parser = duration)]
    for_time: Option<Duration>,
    /// Fixes every random try; 1 if it is left out, but for `--generate`, which then writes other tries each time
    #[arg(long, value_name = "S")]
    seed: Option<u64>,
    /// Make only every n-th try, from 0: part i of n
    #[arg(long, value_name = "I/N", value_parser = part, default_value = "0/1")]
    partition: (u64, u64),
    /// End when this many causes are known
    #[arg(long, value_name = "N")]
    enough: Option<usize>,
    /// Keep a journal in this folder, and go on where it ends
    #[arg(long, value_name = "DIR")]
    resume: Option<PathBuf>,
    /// Write the shortest conversation of each cause into this folder, as a scenario file
    #[arg(long, value_name = "DIR")]
    save: Option<PathBuf>,
    /// Write what was found as JSON; short for `--report json=PATH`
    #[arg(long, value_name = "PATH")]
    json: Option<PathBuf>,
    /// Write what was found, to standard output or to a file: console, html or json
    #[arg(long, value_name = "FORMAT[=PATH]", value_parser = pictured)]
    report: Vec<Destination>,
    /// Play nothing: write tries as scenario files `fuzz-<number>.yaml` into this folder, for an engine that plays them by `framegate replay`
    #[arg(long, value_name = "DIR", alias = "output_dir")]
    generate: Option<PathBuf>,
    /// How many files to write
    #[arg(long, value_name = "N", alias = "no_of_files", default_value_t = 100, requires = "generate")]
    files: u64,
    /// A folder of inputs of the cargo-fuzz target `conversation`: their tries are written first
    #[arg(long, value_name = "DIR", alias = "input_dir", requires = "generate")]
    corpus: Option<PathBuf>,
    /// Let what is usually refused: `remote` for a target that is not on this machine
    #[arg(long, value_name = "WHAT", value_parser = ["remote"])]
    allow: Vec<String>,
    #[command(flatten)]
    source: Source,
    /// Declare something about the target, as for `run`
    #[arg(long, value_name = "KEY=VALUE")]
    set: Vec<String>,
    /// Multiply every duration of the pack
    #[arg(long, value_name = "FACTOR", value_parser = plain::factor)]
    time_scale: Option<f64>,
    /// Tries at a time; one by default, and more where the way to the server is long
    #[arg(long, value_name = "N")]
    jobs: Option<NonZeroUsize>,
    /// Print a line with the tries, the tries a second, and the memory held at the end and after a tenth of the tries
    #[arg(long)]
    stats: bool,
    /// Tries that share a connection to a server and are on their way at a time; 0 gives each try a connection of its own
    #[arg(long, value_name = "N", default_value_t = 64)]
    depth: usize,
    #[command(flatten)]
    trust: Trust,
    /// The target is a peer of `framegate peer`
    #[arg(long)]
    reference: bool,
    /// Let the reference peer play this fault of the pack
    #[arg(long, value_name = "ID")]
    fault: Option<String>,
}

/// For each such time of the way to a server and back, one try more is made at a time.
const NEAR: Duration = Duration::from_millis(5);
/// Tries at a time, at most, if nobody says otherwise.
const JOBS: usize = 32;

/// Runs the campaign; 1 if anything broke.
pub(crate) fn run(args: &Args) -> Outcome {
    let mut prepared = Prepared::new(&args.as_run())?;
    if let Some(target) = prepared.unconsented().filter(|_| !args.allow.iter().any(|what| what == "remote")) {
        return Err(Failure::Remote { target });
    }
    let stop = Stop::default();
    stop_on_signal(&stop, "\ninterrupted: writing what there is; once more to leave at once\n")?;
    let (bound, lane, service) = prepared.lane(&stop)?;
    let way = prepared.round_trip().filter(|_| !bound.pack.manifest.exclusive).unwrap_or_default();
    let orders = args.orders(prepared.side(), way);
    if let Some(folder) = &args.generate {
        let wish = Wish { folder, files: args.files, seed: args.seed, corpus: args.corpus.as_deref() };
        return generate(&bound, &orders.sides, &wish);
    }
    let outputs = Outputs::open(&args.report)?;
    let header = Header::new(bound.pack.id(), &lane.options.target, &orders);
    let (progress, journal) = open(args.resume.as_deref(), &header)?;
    let watch = Watch {
        args,
        journal,
        stop: stop.clone(),
        begun: Instant::now(),
        systematic: Mutex::new(0),
        problem: Mutex::new(None),
        written: Mutex::new(Instant::now()),
        held: Mutex::default(),
    };
    let start = || prepared.restart(&stop);
    let summary = match service {
        Some(service) => {
            let keeper = Keeper::new(lane, service, &start);
            let summary = campaign::run(&bound, &orders, &keeper, progress, &watch);
            keeper.finish();
            summary
        }
        None => campaign::run(&bound, &orders, &lane, progress, &watch),
    };
    watch.finish()?;
    args.write(&header, &summary)?;
    outputs.write_each(|format, _| campaign_report::of_format(format, &header, &summary, watch.begun.elapsed()))?;
    if args.stats {
        let held = watch.held.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        print(&held.line(summary.tries, watch.begun.elapsed()));
    }
    Ok(summary.exit_code())
}

impl Args {
    /// The same target as `framegate run` has it.
    fn as_run(&self) -> plain::Args {
        plain::Args {
            protocols: vec![self.protocol.clone()],
            server: self.server.clone(),
            client: self.client.clone(),
            side: self.side,
            source: self.source.clone(),
            set: self.set.clone(),
            time_scale: self.time_scale,
            jobs: self.jobs,
            trust: self.trust.clone(),
            reference: self.reference,
            fault: self.fault.clone(),
            ..plain::Args::default()
        }
    }

    /// What is to be done, to a target of this side that is so far away.
    fn orders(&self, tested: Option<Role>, way: Duration) -> Orders {
        let both = || vec![Role::Server, Role::Client];
        let cores = || std::thread::available_parallelism().map_or(1, NonZeroUsize::get);
        // One at a time keeps a target on this machine busy; the further it is away, the more have to be on their way for that.
        let distant = || usize::try_from(way.as_millis() / NEAR.as_millis()).map_or(JOBS, |far| far.clamp(1, JOBS));
        Orders {
            sides: tested.or(self.side).map_or_else(both, |side| vec![side]),
            seed: self.seed.unwrap_or(1),
            tries: self.cases,
            part: self.partition,
            enough: self.enough,
            depth: self.depth,
            jobs: self.jobs.map_or_else(|| if tested.is_some() { distant() } else { cores() }, NonZeroUsize::get),
        }
    }

    fn write(&self, header: &Header, summary: &Summary) -> Result<(), Failure> {
        let text = campaign_report::json(header, summary);
        for path in self.json.iter().cloned().chain(self.resume.iter().map(|folder| folder.join(SUMMARY))) {
            fs::write(&path, &text).map_err(|source| Failure::Write { path, source })?;
        }
        let folders = self.save.iter().cloned().chain(self.resume.iter().map(|folder| folder.join("findings")));
        folders.into_iter().try_for_each(|folder| campaign_report::save(&folder, summary))
    }
}

/// Opens the journal, and reads what stands in it.
fn open(folder: Option<&Path>, header: &Header) -> Result<(Progress, Option<Mutex<File>>), Failure> {
    let Some(folder) = folder else { return Ok((Progress::default(), None)) };
    let path = folder.join(JOURNAL);
    let wrong = |source| Failure::Write { path: path.clone(), source };
    fs::create_dir_all(folder).map_err(wrong)?;
    let text = match fs::read_to_string(&path) {
        Ok(text) => text,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => String::new(),
        Err(source) => return Err(Failure::Read { path, source }),
    };
    let (progress, length) = match journal::resume(&text, header) {
        Ok(found) => found,
        Err(journal::JournalError::Empty) => (Progress::default(), 0),
        Err(error) => return Err(Failure::Campaign { path, problem: error.to_string() }),
    };
    // What was cut off is written anew.
    let kept = if length == 0 { header.line() } else { text[..length].to_owned() };
    fs::write(&path, kept).map_err(wrong)?;
    let file = fs::OpenOptions::new().append(true).open(&path).map_err(wrong)?;
    Ok((progress, Some(Mutex::new(file))))
}

/// Follows a campaign: writes the journal, shows counters, knows when the time is over.
struct Watch<'a> {
    args: &'a Args,
    journal: Option<Mutex<File>>,
    stop: Stop,
    begun: Instant,
    systematic: Mutex<u64>,
    problem: Mutex<Option<std::io::Error>>,
    /// When the journal was last written.
    written: Mutex<Instant>,
    held: Mutex<Held>,
}

/// How much memory was held after how many tries: few looks, the first and the last among them.
#[derive(Default)]
struct Held {
    looks: Vec<(u64, u64)>,
}

impl Held {
    /// So many looks are kept; then every second one goes.
    const MOST: usize = 256;

    fn look(&mut self, tries: u64) {
        let Some(bytes) = memory::resident() else { return };
        if self.looks.len() >= Self::MOST {
            memory::thin(&mut self.looks);
        }
        self.looks.push((tries, bytes));
    }

    /// The line for people.
    fn line(&self, tries: u64, wall: Duration) -> String {
        let tenth = self.looks.iter().find(|(done, _)| *done >= tries / 10).or(self.looks.last()).map_or(0, |(_, bytes)| *bytes);
        let last = memory::resident().unwrap_or_default();
        #[expect(clippy::cast_precision_loss, reason = "figures for people")]
        let (pace, tenth, last) = (tries as f64 / wall.as_secs_f64().max(0.001), tenth as f64 / 1_048_576.0, last as f64 / 1_048_576.0);
        format!("{} · {pace:.0} a second · {last:.1} MiB now · {tenth:.1} MiB after a tenth of them\n", campaign_report::tries(tries))
    }
}

impl Watch<'_> {
    /// The journal could not be written, if it could not.
    fn finish(&self) -> Result<(), Failure> {
        if std::io::IsTerminal::is_terminal(&std::io::stderr()) {
            note("\r\u{1b}[2K");
        }
        let problem = self.problem.lock().unwrap_or_else(std::sync::PoisonError::into_inner).take();
        let path = self.args.resume.clone().unwrap_or_default().join(JOURNAL);
        problem.map_or(Ok(()), |source| Err(Failure::Write { path, source }))
    }
}

impl Watcher for Watch<'_> {
    fn planned(&self, systematic: u64) {
        *self.systematic.lock().unwrap_or_else(std::sync::PoisonError::into_inner) = systematic;
    }

    fn checkpoint(&self, next: u64, part: &Summary) {
        if self.args.stats {
            self.held.lock().unwrap_or_else(std::sync::PoisonError::into_inner).look(next);
        }
        if let Some(journal) = &self.journal {
            let mut file = journal.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
            if let Err(error) = file.write_all(journal::line(next, part).as_bytes()) {
                self.problem.lock().unwrap_or_else(std::sync::PoisonError::into_inner).get_or_insert(error);
                self.stop.request();
            }
        }
        if std::io::IsTerminal::is_terminal(&std::io::stderr()) {
            let systematic = *self.systematic.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
            let seconds = self.begun.elapsed().as_secs().max(1);
            note(&format!("\r\u{1b}[2K{next} tries done, {systematic} of them systematic · {} a second", next / seconds));
        }
    }

    fn is_due(&self) -> bool {
        let mut written = self.written.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        let is_due = written.elapsed() >= BETWEEN;
        if is_due {
            *written = Instant::now();
        }
        is_due
    }

    fn minimizing(&self, fingerprint: &Fingerprint) {
        if std::io::IsTerminal::is_terminal(&std::io::stderr()) {
            note(&format!("\r\u{1b}[2Kmaking {} shorter", fingerprint.requirement));
        }
    }

    fn is_stopped(&self) -> bool {
        self.stop.is_stopped()
    }

    fn is_spent(&self) -> bool {
        self.args.for_time.is_none_or(|time| self.begun.elapsed() >= time)
    }
}

/// `i/n` with i from 0 to n - 1.
fn part(text: &str) -> Result<(u64, u64), String> {
    let numbers = text.split_once('/').and_then(|(index, count)| Some((index.parse().ok()?, count.parse().ok()?)));
    numbers.filter(|(index, count): &(u64, u64)| index < count).ok_or_else(|| "expected I/N with I from 0 to N-1, such as 0/4".to_owned())
}

fn duration(text: &str) -> Result<Duration, String> {
    match text.parse() {
        Ok(Quantity::Duration(duration)) => Ok(duration),
        _ => Err("expected a time, such as 90s, 10m or 2h".to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_part_lies_within_the_whole() {
        assert_eq!(part("0/4"), Ok((0, 4)));
        assert_eq!(part("3/4"), Ok((3, 4)));
        for wrong in ["4/4", "0/0", "1", "-1/4", "a/b"] {
            assert!(part(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn a_budget_is_a_time() {
        assert_eq!(duration("10m"), Ok(Duration::from_secs(600)));
        assert!(duration("10").is_err() && duration("1KiB").is_err());
    }
}
