//! Campaigns of malformed conversations: what a target makes of frames that are wrong, at every place where they can be.
//!
//! Each try is an ordinary case, played and judged by `suite`; what comes on top is in [`oracle`]. Nothing here touches a socket, a clock or a
//! disk.
//!
//! ```text
//!   pack ─► generator ─► trial ─► conversation ─► suite ─► oracle ─► summary
//!           violations   numbers    scenarios                │        ▲ coverage, causes
//!                                        ▲                   ▼        │
//!                                        └── reproducer ◄─ minimizer ─┘
//! ```

pub mod arena;
pub mod batch;
pub mod campaign;
mod cause;
mod chance;
mod conversation;
mod coverage;
mod generator;
pub mod journal;
pub mod keeper;
mod minimizer;
mod novelty;
pub mod oracle;
mod patience;
mod pointer;
mod replay;
mod reproducer;
mod summary;
mod survey;
#[cfg(test)]
mod tests;
mod trial;
mod violation;

pub use cause::{Cause, Fingerprint};
pub use conversation::Probes;
pub use coverage::{Cell, Coverage, Place, Status};
pub use generator::{Field, State};
pub use minimizer::{frames, minimize};
pub use novelty::{EPOCH, LINES, Novelty};
pub use replay::{judge_regression, replay};
pub use reproducer::render as scenario_file;
pub use summary::Summary;
pub use trial::{Front, Tries, Try};
pub use violation::{Aftermath, Claim, Class, Violation};
