//! Integration tests, one binary.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on should say where")]

mod golden;
mod layering;
mod report;
