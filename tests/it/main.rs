//! Integration tests, one binary.

mod layering;
