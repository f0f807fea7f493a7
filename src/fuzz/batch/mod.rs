//! Tries against a live server at speed: many share a connection, are on their way together, and are followed by one sign of life. The
//! ordinary try of its own stays the judge: what is suspicious here is played there, and only what it confirms is a finding.
//!
//! ```text
//!   tries ─► shots ─► flight ─► echoes ─► memory ── known to be good ─► tally
//!            bytes    one line   what came   │ new
//!                                back        └► slice ─► check, oracle ── good ─► tally, memory
//!                                               the try's part of           │ not
//!                                               the conversation            └► a try of its own
//! ```
//!
//! An echo is what came back to one shot, hashed so that ids that are new each time do not count. One that was judged before is not judged
//! again; any other is cut out of the shared conversation together with the way to the state and the sign of life, and judged as if it had
//! been played by itself.

pub(super) mod crew;
mod flight;
mod memory;
mod post;
mod shot;
mod worker;

pub use shot::{Route, Shot};
pub use worker::{Stock, Worker};

pub(super) use crew::Crew;
pub(super) use worker::Suspect;
