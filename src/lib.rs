//! Conformance and fuzz test harness for JSON-over-WebSocket protocols.
//!
//! Data flows one way:
//!
//! ```text
//! schemas/ + scenarios/                                            reports/
//!        │ load once, cross-check, freeze                             ▲ text
//!      pack ──► plan ──► runner ──► check ──► suite ──── Report ──► report
//!        │      cases   transcript  findings  verdicts
//!        └────► peer (reference or faulty counterpart; no I/O; the runner drives it)
//! ```
//!
//! | module | one line | may use |
//! |---|---|---|
//! | [`transcript`] | what was said on the wire | nothing of ours |
//! | [`verdict`] | findings, verdicts, counts, the report | transcript |
//! | [`pack`] | a protocol as data | verdict, transcript |
//! | [`plan`] | pack and selection into cases | pack, transcript |
//! | [`peer`] | one side of a conversation without I/O | pack, transcript |
//! | [`runner`] | sockets and clocks; never judges | plan, peer, transcript |
//! | [`check`] | transcript into findings; never peer or runner | pack, plan, transcript, verdict |
//! | [`suite`] | run and judge | all above |
//! | [`fuzz`] | campaigns of malformed conversations: generator, oracle, minimizer, reproducer | pack, plan, peer, runner (its stop), suite, verdict, transcript |
//! | [`prove`] | every check can fail: mutants, null peers, the kill matrix | pack, plan, peer, suite, verdict, transcript |
//! | [`baseline`] | known failures, and what no longer holds of them | verdict, transcript |
//! | [`report`] | report into text | verdict, transcript |
//!
//! The binary's commands are in `src/cli` and use the public items of these modules.

pub mod baseline;
pub mod check;
pub mod fuzz;
pub mod pack;
pub mod peer;
pub mod plan;
pub mod prove;
pub mod report;
pub mod runner;
pub mod suite;
pub mod transcript;
pub mod verdict;
