//! What a conversation with a violation says about the target: how it reacted, and what nobody may do whatever the violation was.
//!
//! It comes beside `check`, which judges the pack's own rules on every transcript, and knows only what is true of every protocol: a target
//! lives on, answers or closes, says what its document lists, and leaves others alone. Where the document is silent, any graceful
//! reaction is only recorded.

use std::collections::{BTreeMap, BTreeSet};

use crate::pack::matcher::brief;
use crate::pack::rule::Kind;
use crate::pack::scenario::{Expect, Step};
use crate::pack::{Observation, Observer, Pack};
use crate::plan::Case;
use crate::suite::{Bound, Options, judge_recorded};
use crate::transcript::{ConnectionId, Mark, Process, Role, Transcript, What};
use crate::verdict::{CaseResult, Finding, Severity};

use super::conversation::{AFTER, CANARY, FRESH, VIOLATION, connection};

/// The target takes a new connection and serves it, whatever it was sent before.
pub const ALIVE: &str = "framegate-alive";
/// The target answers what it must answer, or closes.
pub const ANSWERS: &str = "framegate-answers";
/// The target sends the frames that its document lists, as RFC 6455 frames them.
pub const DOCUMENTED_FRAMES: &str = "framegate-documented-frames";
/// The target closes with codes that its document or RFC 6455 lists.
pub const DOCUMENTED_CLOSES: &str = "framegate-documented-closes";
/// A connection does not feel what another one does wrong.
pub const UNDISTURBED: &str = "framegate-undisturbed";
/// The process under test does not crash.
pub const CRASH: &str = "framegate-crash";
/// The target does not take ever more memory.
pub const MEMORY: &str = "framegate-memory";
/// The target sends no more than can be read.
pub const BOUNDED: &str = "framegate-bounded";

/// Close codes that RFC 6455 § 7.4.1 gives for what may happen to any connection.
const COMMON_CLOSES: [u64; 8] = [1000, 1001, 1002, 1003, 1007, 1008, 1009, 1011];

/// A message of so many bytes may be refused with 1009 where the document is silent.
const LARGE: u64 = 60 * 1024;

/// What came of a try.
#[derive(Clone, Debug, PartialEq)]
pub struct Sighting {
    /// Why the violation was not committed, if it was not.
    pub unreached: Option<String>,
    /// How the target reacted, in two words or three.
    pub reaction: String,
    /// True if a good request after the violation got the answer that is waited for, or none was made.
    pub is_answered: bool,
    /// What is wrong: broken requirements of the pack, and what this oracle adds.
    pub findings: Vec<Finding>,
}

/// Reads a conversation that `conversation` has made, or a shorter one with the same names.
pub fn judge(bound: &Bound, case: &Case, result: &CaseResult) -> Sighting {
    let witness = Witness::new(bound, case, &result.transcript);
    let is_grave = |finding: &&Finding| finding.severity >= Severity::Fail;
    let is_ours = |finding: &&Finding| finding.severity == Severity::Error || !witness.excuses(finding);
    let mut findings: Vec<Finding> = result.findings.iter().filter(is_grave).filter(is_ours).cloned().collect();
    let told: BTreeSet<_> = findings.iter().filter_map(|finding| finding.event).collect();
    let unreached = witness.unreached(result);
    findings.extend(
        witness.findings(unreached.is_some()).into_iter().filter(|finding| finding.event.is_none_or(|event| !told.contains(&event))),
    );
    Sighting { unreached, reaction: witness.reaction(), is_answered: witness.is_answered(), findings }
}

struct Witness<'a> {
    bound: &'a Bound,
    pack: &'a Pack,
    case: &'a Case,
    transcript: &'a Transcript,
    seen: Vec<Observation>,
    /// The event at which each step began.
    begun: BTreeMap<usize, usize>,
    /// The step at which the script gave up.
    stopped: Option<usize>,
    /// The event of the violation's mark.
    violated: Option<usize>,
    connections: BTreeMap<String, ConnectionId>,
    /// True if the harness itself was late, so that what is missing proves nothing.
    is_late: bool,
}

impl<'a> Witness<'a> {
    fn new(bound: &'a Bound, case: &'a Case, transcript: &'a Transcript) -> Self {
        let pack = &bound.pack;
        let mut witness = Self {
            bound,
            pack,
            case,
            transcript,
            seen: Observer::observe_all(&pack.manifest.frames, &transcript.events),
            begun: BTreeMap::new(),
            stopped: None,
            violated: None,
            connections: BTreeMap::new(),
            is_late: false,
        };
        for (index, event) in transcript.events.iter().enumerate() {
            match &event.what {
                What::Mark(Mark::Step(step)) => drop(witness.begun.insert(*step, index)),
                What::Mark(Mark::Stopped(step)) => witness.stopped = Some(*step),
                What::Mark(Mark::Late { .. }) => witness.is_late = true,
                _ => {}
            }
        }
        let mark = case.steps.iter().position(|step| matches!(step, Step::Mark(name) if name == VIOLATION));
        witness.violated = mark.and_then(|step| witness.begun.get(&step)).copied();
        witness.connections = witness.names();
        witness
    }

    /// Connections by the names that the steps give them: they open in the order of the steps that open them.
    fn names(&self) -> BTreeMap<String, ConnectionId> {
        let opened = self.transcript.events.iter().filter(|event| matches!(event.what, What::Opened { .. })).map(|event| event.connection);
        let mut names: Vec<&str> = Vec::new();
        for (_, step) in self.case.steps.iter().enumerate().filter(|(index, _)| self.begun.contains_key(index)) {
            if matches!(step, Step::Open(_) | Step::Accept(_) | Step::Refuse(_)) && !names.contains(&connection(step)) {
                names.push(connection(step));
            }
        }
        names.into_iter().map(str::to_owned).zip(opened).collect()
    }

    /// What the target did after the violation.
    fn after(&self) -> impl Iterator<Item = &Observation> {
        let from = self.violated.unwrap_or(usize::MAX);
        self.seen.iter().filter(move |seen| seen.event > from && seen.from == self.case.side)
    }

    fn on(&self, name: &str) -> impl Iterator<Item = &Observation> {
        let connection = self.connections.get(name).copied();
        self.after().filter(move |seen| Some(seen.connection) == connection)
    }

    /// True if a rule of the pack speaks of what the harness itself has made doubtful: an id that it used twice, or a message so large that
    /// closing the connection is the answer.
    fn excuses(&self, finding: &Finding) -> bool {
        let Some(seen) = finding.event.and_then(|event| self.seen.iter().find(|seen| seen.event == event)) else { return false };
        self.is_ambiguous(seen)
            || self.is_too_large(seen)
            || self.is_refusal(finding, seen)
            || self.is_protocol_error(seen)
            || self.is_read_otherwise(finding, seen)
    }

    /// What the harness did on the same connection before this.
    fn ours_before(&self, seen: &Observation) -> impl Iterator<Item = &Observation> {
        let (connection, event) = (seen.connection, seen.event);
        self.seen.iter().filter(move |ours| ours.from != self.case.side && ours.connection == connection && ours.event < event)
    }

    /// True for what the target says after a text that this program's parser does not read and another one may: JSON's grammar leaves numbers
    /// out of range, half surrogate pairs and depth to the parser, and a parser may take more than the grammar (RFC 8259 §§ 6, 8.2, 9). Whoever
    /// reads it may well answer it; what it says must fit its own schema all the same.
    fn is_read_otherwise(&self, finding: &Finding, seen: &Observation) -> bool {
        let rule = self.pack.requirement(&finding.requirement).and_then(|requirement| requirement.rule.as_ref());
        let is_about_itself = rule.is_some_and(|rule| matches!(rule.kind, Kind::Conforms(_)));
        let is_text = |ours: &Observation| ours.name == "malformed" && ours.value["problem"] != "not UTF-8";
        !is_about_itself && seen.from == self.case.side && self.ours_before(seen).any(is_text)
    }

    /// True for a close that RFC 6455 asks for, after what it forbids, or after a binary message: it comes before what the pack asks for.
    fn is_protocol_error(&self, seen: &Observation) -> bool {
        let is_raw = |(index, step): (usize, &Step)| {
            matches!(step, Step::Bytes(_) | Step::Frame(_)) && self.begun.get(&index).is_some_and(|event| *event < seen.event)
        };
        let is_forbidden = |ours: &Observation| match ours.name.as_str() {
            "violation" | "garbage" => true,
            "malformed" => ours.value["problem"] == "not UTF-8",
            _ => false,
        };
        let mut ours = self.ours_before(seen);
        if seen.from != self.case.side || seen.name != "close" {
            return false;
        }
        match seen.value["code"].as_u64() {
            Some(1002 | 1007) => self.case.steps.iter().enumerate().any(is_raw) || ours.any(is_forbidden),
            Some(1003) => ours.any(|ours| ours.name == "binary"),
            _ => false,
        }
    }

    /// True if the harness has broken a rule of the pack that binds its own side.
    fn is_out_of_order(&self) -> bool {
        let recorded = vec![("try".to_owned(), self.transcript.clone())];
        let report = judge_recorded(self.bound, self.case.side.other(), recorded, &Options::default());
        report.cases.iter().flat_map(|case| &case.findings).any(|finding| finding.severity == Severity::Fail)
    }

    /// True if a request got no answer because the connection was closed over it, or over something before it, that was wrong.
    fn is_refusal(&self, finding: &Finding, seen: &Observation) -> bool {
        let rule = self.pack.requirement(&finding.requirement).and_then(|requirement| requirement.rule.as_ref());
        let is_answer = rule.is_some_and(|rule| matches!(rule.kind, Kind::Answers(_)));
        let is_wrong = |ours: &Observation| match ours.name.as_str() {
            "violation" | "garbage" | "malformed" | "unknown" | "binary" => true,
            name => self.pack.schemas.get(name).is_some_and(|schema| !schema.accepts(&ours.value)),
        };
        let is_silence = seen.from != self.case.side;
        let is_end = matches!(seen.name.as_str(), "close" | "end");
        is_answer && (is_end && self.ours_before(seen).any(is_wrong) || (is_end || is_silence) && self.is_out_of_order())
    }

    fn is_ambiguous(&self, seen: &Observation) -> bool {
        let ours =
            || self.seen.iter().filter(|ours| ours.from != self.case.side && ours.connection == seen.connection && ours.is_message());
        correlations(self.pack).iter().any(|pointer| {
            let value = seen.value.pointer(pointer);
            value.is_some() && ours().filter(|ours| ours.value.pointer(pointer) == value).nth(1).is_some()
        })
    }

    fn is_too_large(&self, seen: &Observation) -> bool {
        let is_close = |other: &Observation| other.connection == seen.connection && other.from == self.case.side && other.name == "close";
        let is_refused = self.seen.iter().any(|other| is_close(other) && other.value["code"] == 1009);
        let is_large = |event: &crate::transcript::Event| match &event.what {
            What::Frame(frame) => event.connection == seen.connection && event.from != self.case.side && frame.length >= LARGE,
            _ => false,
        };
        is_refused && self.transcript.events.iter().any(is_large)
    }

    fn unreached(&self, result: &CaseResult) -> Option<String> {
        if let Some(reason) = &result.skipped {
            return Some(reason.clone());
        }
        if self.violated.is_some() {
            return None;
        }
        let why = result.findings.first().map(|finding| format!("expected {}; {}", finding.expected, finding.actual));
        Some(why.unwrap_or_else(|| "the conversation ended before".to_owned()))
    }

    /// The event from which on the harness asks for other things: what comes then may be no reaction to the violation.
    fn until(&self) -> usize {
        let is_barrier =
            |step: &Step| matches!(step, Step::Expect(expect) if expect.tree.as_ref() == Some(&serde_json::json!({ "payload": AFTER })));
        let barrier = self.case.steps.iter().position(is_barrier);
        barrier.and_then(|step| self.begun.get(&(step + 1))).copied().unwrap_or(usize::MAX)
    }

    /// The first thing that the target did about the violation.
    fn reaction(&self) -> String {
        let is_telling = |seen: &&Observation| seen.is_message() || matches!(seen.name.as_str(), "close" | "end" | "violation" | "garbage");
        let Some(first) = self.on("main").filter(|seen| seen.event < self.until()).find(is_telling) else {
            return if self.is_stuck() { "hangs".to_owned() } else { "ignores it".to_owned() };
        };
        match first.name.as_str() {
            "close" => format!("closes {}", first.value["code"].as_u64().map_or("without a code".to_owned(), |code| code.to_string())),
            "end" if first.value["how"] == "reset" => "resets".to_owned(),
            "end" => "ends".to_owned(),
            name => format!("answers {name}"),
        }
    }

    fn is_stuck(&self) -> bool {
        self.stopped.is_some_and(|step| self.case.steps.get(step).is_some_and(|step| connection(step) == "main"))
    }

    fn findings(&self, is_unreached: bool) -> Vec<Finding> {
        let mut findings = Vec::new();
        findings.extend(self.crash());
        if is_unreached {
            return findings;
        }
        findings.extend(self.after().filter_map(|seen| self.undocumented(seen)));
        findings.extend(self.leaks());
        if !self.is_late {
            findings.extend(self.giving_up());
            findings.extend(self.deadline());
            findings.extend(self.silence());
        }
        findings
    }

    fn undocumented(&self, seen: &Observation) -> Option<Finding> {
        let found = |requirement, expected: &str, actual: String| {
            Some(Finding { event: Some(seen.event), ..finding(requirement, expected, &actual) })
        };
        match seen.name.as_str() {
            "unknown" | "malformed" | "binary" => {
                let expected = "only frames that the document lists";
                found(DOCUMENTED_FRAMES, expected, format!("{} {}", seen.name, brief(&seen.value, 120)))
            }
            "violation" | "garbage" => found(DOCUMENTED_FRAMES, "frames of RFC 6455", format!("{} {}", seen.name, brief(&seen.value, 120))),
            "close" => {
                let code = seen.value["code"].as_u64()?;
                let is_known =
                    COMMON_CLOSES.contains(&code) || self.pack.manifest.closes.contains_key(&code.to_string()) || self.is_echo(seen, code);
                let expected = "a close code that the document or RFC 6455 lists";
                (!is_known).then(|| found(DOCUMENTED_CLOSES, expected, format!("close {code}"))).flatten()
            }
            "end" if seen.value["how"] == "overflow" => found(BOUNDED, "no more than can be read", brief(&seen.value["why"], 120)),
            _ => None,
        }
    }

    /// True if the harness has closed this connection with this code before: an endpoint typically echoes it (RFC 6455 § 5.5.1).
    fn is_echo(&self, close: &Observation, code: u64) -> bool {
        self.ours_before(close).any(|ours| ours.name == "close" && ours.value["code"].as_u64() == Some(code))
    }

    /// The script gave up after the violation: what it waited for says what is wrong.
    fn giving_up(&self) -> Option<Finding> {
        let stopped = self.stopped?;
        let event = self.begun.get(&stopped).copied();
        let step = self.case.steps.get(stopped).filter(|step| matches!(step, Step::Expect(_) | Step::Accept(_)))?;
        // A client that was told goodbye, or has said it, need not come back.
        let is_goodbye = self.case.side == Role::Client && matches!(step, Step::Accept(_)) && self.has_closed("main");
        if is_goodbye {
            return None;
        }
        let (requirement, expected) = match connection(step) {
            FRESH => (ALIVE, "a new connection that is served after the violation"),
            CANARY => (UNDISTURBED, "that another connection is served as before"),
            _ => (ANSWERS, "an answer to a ping, or a close, after the violation"),
        };
        let actual = format!("step {stopped} waited in vain{}", awaited(step));
        Some(Finding { step: Some(stopped), event, ..finding(requirement, expected, &actual) })
    }

    /// True if either side sent a close frame there.
    fn has_closed(&self, name: &str) -> bool {
        let connection = self.connections.get(name).copied();
        self.seen.iter().any(|seen| seen.name == "close" && Some(seen.connection) == connection)
    }

    fn deadline(&self) -> Option<Finding> {
        let event = self.transcript.events.iter().position(|event| event.what == What::Mark(Mark::Deadline))?;
        Some(Finding {
            event: Some(event),
            ..finding(ANSWERS, "that the conversation comes to its end", "the deadline of the case passed")
        })
    }

    /// Pongs and nothing else: the connection stands, and neither the violation nor a good request after it brought a word.
    fn silence(&self) -> Option<Finding> {
        let (step, expect) = self.question()?;
        let is_word = |seen: &Observation| seen.is_message() || matches!(seen.name.as_str(), "close" | "end" | "violation" | "garbage");
        if self.on("main").any(is_word) || self.is_spent(expect) || self.is_out_of_order() {
            return None;
        }
        let actual = "the connection stands, and not a word came";
        Some(Finding {
            step: Some(step),
            event: self.begun.get(&step).copied(),
            ..finding(ANSWERS, "an answer to a good request, or a close", actual)
        })
    }

    /// The step that waits for the answer to a good request after the violation.
    fn question(&self) -> Option<(usize, &Expect)> {
        let from = self.violated?;
        let is_asked = |index: &usize| self.begun.get(index).is_some_and(|event| *event > from);
        let is_frame = |name: &String| self.pack.manifest.frames.contains_key(name);
        self.case.steps.iter().enumerate().find_map(|(index, step)| match step {
            Step::Expect(expect) if expect.optional && connection(step) == "main" && expect.is.0.iter().any(is_frame) => {
                is_asked(&index).then_some((index, expect))
            }
            _ => None,
        })
    }

    fn is_answered(&self) -> bool {
        self.question().is_none_or(|(_, expect)| self.on("main").any(|seen| seen.is_any(&expect.is)))
    }

    /// True if the answer came before the violation already, and a rule says that it comes once.
    fn is_spent(&self, expect: &Expect) -> bool {
        let main = self.connections.get("main").copied();
        let mut once = self.pack.requirements().filter_map(|(_, requirement)| match &requirement.rule.as_ref()?.kind {
            Kind::Once(once) => Some(&once.of.is),
            _ => None,
        });
        let is_it = |seen: &&Observation| Some(seen.connection) == main && seen.from == self.case.side && seen.is_any(&expect.is);
        let came: Vec<_> = self.seen.iter().filter(is_it).collect();
        once.any(|names| came.iter().any(|seen| seen.is_any(names)))
    }

    /// Messages to the offender that another connection gets too, before it has asked for anything again.
    fn leaks(&self) -> Vec<Finding> {
        let Some(canary) = self.connections.get(CANARY).copied() else { return Vec::new() };
        let is_shared = |name: &String| self.pack.manifest.frames.get(name).is_some_and(|kind| kind.shared);
        let from = self.violated.unwrap_or(usize::MAX);
        let asked = self.seen.iter().find(|seen| seen.event > from && seen.from != self.case.side && seen.connection == canary);
        let until = asked.map_or(usize::MAX, |seen| seen.event);
        let to_main: Vec<_> = self.on("main").filter(|seen| seen.is_message()).collect();
        let strangers = self.on(CANARY).filter(|seen| seen.is_message() && seen.event < until && !is_shared(&seen.name));
        strangers
            .filter(|seen| to_main.iter().any(|main| main.name == seen.name && main.value == seen.value))
            .map(|seen| {
                let actual = format!("{} {}", seen.name, brief(&seen.value, 120));
                Finding { event: Some(seen.event), ..finding(UNDISTURBED, "that a connection receives only what is its own", &actual) }
            })
            .collect()
    }

    fn crash(&self) -> Option<Finding> {
        let (event, process) = self.transcript.events.iter().enumerate().find_map(|(index, event)| match &event.what {
            What::Exited(process) if !process.killed => Some((index, process)),
            _ => None,
        })?;
        let why = if self.case.side == Role::Server { Some(ended(process)) } else { crashed(process) }?;
        Some(Finding { event: Some(event), ..finding(CRASH, "that the process goes on, or ends in order", &why) })
    }
}

/// Pointers by which replies and rules tell which request is meant.
fn correlations(pack: &Pack) -> BTreeSet<String> {
    let replies = pack.manifest.frames.values().filter_map(|kind| kind.reply.as_ref()).map(|reply| reply.by.clone());
    let rules = pack.requirements().filter_map(|(_, requirement)| requirement.rule.as_ref());
    let keys = rules.filter_map(|rule| match &rule.kind {
        Kind::Answers(answers) => answers.by.clone(),
        Kind::Equals(equals) => equals.by.clone(),
        Kind::Before(before) => before.by.clone(),
        _ => None,
    });
    replies.chain(keys.flat_map(Vec::from)).collect()
}

fn awaited(step: &Step) -> String {
    match step {
        Step::Expect(expect) => format!(" for {}", expect.is.0.join(" or ")),
        Step::Accept(_) => " for the client to dial".to_owned(),
        _ => String::new(),
    }
}

/// Why an exit is a crash, if it is: a signal, or the last words of a run time that gave up. Other exit codes are the client's own affair.
fn crashed(process: &Process) -> Option<String> {
    const LAST_WORDS: [&str; 7] =
        ["Traceback (most recent call last)", "panicked at", "panic:", "Uncaught", "Unhandled", "Segmentation fault", "AddressSanitizer"];
    if let Some(signal) = process.signal {
        return Some(format!("the process was ended by signal {signal}"));
    }
    let code = process.code.filter(|code| *code != 0)?;
    let line = process.stderr.iter().find(|line| LAST_WORDS.iter().any(|words| line.contains(words)))?;
    Some(format!("the process exited with code {code}: {}", line.chars().take(120).collect::<String>()))
}

/// How a server that should run on has ended, and the line that tells most of why.
fn ended(process: &Process) -> String {
    let how = match (process.signal, process.code) {
        (Some(signal), _) => format!("was ended by signal {signal}"),
        (None, Some(code)) => format!("exited with code {code}"),
        (None, None) => "ended".to_owned(),
    };
    let line = process.stderr.iter().rev().find(|line| !line.trim().is_empty());
    let said = line.map(|line| format!(": {}", line.chars().take(120).collect::<String>())).unwrap_or_default();
    format!("the server {how}{said}")
}

/// The finding that a server has ended, where no single conversation was seen to do it.
pub(super) fn fall(process: &Process) -> Finding {
    finding(CRASH, "that the server goes on", &ended(process))
}

/// The finding that a server serves no good conversation any more, where no single conversation was seen to bring that about.
pub(super) fn gone(why: &str) -> Finding {
    finding(ALIVE, "a good conversation, as before the campaign", why)
}

/// The finding that a process holds so much more after something.
pub(super) fn memory(before: u64, after: u64, what: &str) -> Finding {
    let mebibytes = |bytes: u64| bytes / (1024 * 1024);
    let actual = format!("{} MiB before, {} MiB after {what}", mebibytes(before), mebibytes(after));
    finding(MEMORY, "memory that stays within bounds", &actual)
}

fn finding(requirement: &str, expected: &str, actual: &str) -> Finding {
    let text = match requirement {
        ALIVE => "A target serves new connections whatever it was sent before.",
        ANSWERS => "A target answers what it must answer, or closes the connection.",
        DOCUMENTED_FRAMES => "A target sends only the frames that its document lists.",
        DOCUMENTED_CLOSES => "A target closes only with codes that its document or RFC 6455 lists.",
        UNDISTURBED => "A connection does not feel what another one does wrong.",
        CRASH => "A process under test does not crash.",
        MEMORY => "A process under test does not take ever more memory.",
        _ => "A target sends no more than can be read.",
    };
    Finding {
        requirement: requirement.to_owned(),
        text: text.to_owned(),
        source: "framegate fuzz".to_owned(),
        ..Finding::harness(Severity::Fail, expected, actual)
    }
}
