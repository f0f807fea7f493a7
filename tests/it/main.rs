//! The integration tests, one module a topic.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on should say where")]

mod acting;
mod baseline;
mod bench;
mod cli;
mod command;
mod config;
mod declaring;
mod diff;
mod embedded;
mod faults;
mod folder;
mod formats;
mod fuzzing;
mod golden;
mod layering;
mod live;
mod pages;
mod pictures;
mod program;
mod prove;
mod recorded;
mod relay;
mod report;
mod secrets;
mod secure;
mod spelling;
mod variants;
mod zoo;
