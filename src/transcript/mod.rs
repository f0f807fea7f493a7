//! What was said on the wire: roles, events, frames, HTTP heads, and the transcript that holds them in order.
//!
//! Not what it means (that is `pack`), and not whether it was right (that is `check`).

mod assembler;
mod bytes;
mod event;
mod frame;
mod http;
pub mod json;
mod log;
mod redacting;
mod redaction;
mod shortening;

pub use assembler::{Assembler, Message, Violation};
pub use bytes::Bytes;
pub use event::{ConnectionId, Ending, Event, Mark, Process, Role, What};
pub use frame::{Close, Frame, Opcode, Width};
pub use http::{Request, Response, accept_key};
pub use log::{ReadError, Transcript};
pub use redacting::Redacting;
pub use redaction::Redaction;
