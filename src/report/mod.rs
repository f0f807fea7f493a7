//! A report as text, one file a format: console, JSON, JUnit, TAP, Markdown, annotations for GitHub, HTML. Pure functions from values to strings.
//!
//! Nothing here prints, reads files or knows packs. Whatever a target said is untrusted text and is escaped before it is shown.
//!
//! ```
//! use framegate::report::{Style, console, json};
//! use framegate::verdict::Report;
//!
//! let report = Report {
//!     version: "0.1.0".to_owned(),
//!     target: "embedded".to_owned(),
//!     cases: Vec::new(),
//!     requirements: Vec::new(),
//!     wall: std::time::Duration::ZERO,
//!     interrupted: false,
//!     unfinished: Vec::new(),
//!     unlocks: Vec::new(),
//! };
//! assert!(console::render(&report, &Style::plain(100)).contains("0 selected"));
//! assert!(json::render(&report, json::Transcripts::Broken).contains("\"exit_code\": 4"));
//! ```

mod account;
mod breakage;
pub mod console;
mod conversation;
pub mod diff;
pub mod github;
pub mod html;
pub mod json;
pub mod junit;
mod label;
pub mod markdown;
pub mod proof;
mod table;
pub mod tap;
mod text;
mod xml;

pub use label::event_line;
pub use table::{Align, Table};
pub use text::{Ink, Style, amount, duration, escape};
