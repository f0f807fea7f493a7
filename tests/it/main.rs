//! The integration tests, one module a topic.

mod acting;
mod embedded;
