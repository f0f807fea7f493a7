//! Runs and judges cases, in parallel, with an observer.
