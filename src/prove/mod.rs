//! Every check can fail: mutants of the reference peers, null peers, and the matrix of what kills what.
//!
//! Not a judge: what a mutant did is judged by `check`, from the transcript alone.

mod breaker;
mod constraint;
mod edit;
mod matrix;
mod mutant;

pub use matrix::{Options, prove};
pub use mutant::{Mutant, mutants};
