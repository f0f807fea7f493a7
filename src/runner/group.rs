//! Process groups that we started: killed as one, also when the harness itself comes to grief.

use std::collections::BTreeSet;
use std::sync::{Mutex, MutexGuard, PoisonError};

/// Every group that still runs, so that the program can leave none behind.
static GROUPS: Mutex<BTreeSet<u32>> = Mutex::new(BTreeSet::new());

/// Kills every process that any session or service of this program started and has not ended yet. For a program that leaves at once.
pub fn kill_processes() {
    let groups = std::mem::take(&mut *groups());
    groups.into_iter().for_each(kill);
}

/// A process group. Dropping it kills everything in it, also what a process that ended by itself left behind.
#[derive(Debug)]
pub(super) struct Group(Option<u32>);

impl Group {
    /// The group of the process of this number, which leads it.
    pub(super) fn new(leader: Option<u32>) -> Self {
        groups().extend(leader);
        Self(leader)
    }

    /// True if nothing of it is left.
    pub(super) fn is_gone(&self) -> bool {
        #[cfg(unix)]
        return self.0.and_then(pid).is_none_or(|group| rustix::process::test_kill_process_group(group).is_err());
        #[cfg(not(unix))]
        return true;
    }

    /// Asks everything in it to end.
    pub(super) fn terminate(&self) {
        #[cfg(unix)]
        if let Some(group) = self.0.and_then(pid) {
            // There may be nothing left to ask.
            let _ = rustix::process::kill_process_group(group, rustix::process::Signal::TERM);
        }
    }
}

impl Drop for Group {
    fn drop(&mut self) {
        if let Some(group) = self.0 {
            groups().remove(&group);
            kill(group);
        }
    }
}

fn groups() -> MutexGuard<'static, BTreeSet<u32>> {
    GROUPS.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(unix)]
fn kill(group: u32) {
    if let Some(group) = pid(group) {
        // There may be nothing left to kill.
        let _ = rustix::process::kill_process_group(group, rustix::process::Signal::KILL);
    }
}

#[cfg(not(unix))]
fn kill(_: u32) {}

#[cfg(unix)]
fn pid(group: u32) -> Option<rustix::process::Pid> {
    i32::try_from(group).ok().and_then(rustix::process::Pid::from_raw)
}
