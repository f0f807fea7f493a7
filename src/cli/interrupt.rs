//! Ctrl-C, SIGTERM and SIGHUP: the first ends a run in order, so that its report is still written; the second ends the program.

use std::io;
use std::thread;
use std::time::{Duration, Instant};

use framegate::runner::{Stop, kill_processes};

use super::Failure;
use super::output::note;

/// Exit code after a second signal, as a shell gives it for Ctrl-C.
const KILLED: i32 = 130;

/// What comes sooner after the first signal is that signal once more: some senders give it to a process and to its group.
const AGAIN: Duration = Duration::from_secs(1);

/// Requests a stop on the first signal.
pub(crate) fn stop_on_signal(stop: &Stop, notice: &'static str) -> Result<(), Failure> {
    let stop = stop.clone();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_io().build().map_err(Failure::Signals)?;
    let mut signals = runtime.block_on(async { Signals::new() }).map_err(Failure::Signals)?;
    thread::spawn(move || {
        runtime.block_on(async {
            signals.next().await;
            note(notice);
            stop.request();
            let begun = Instant::now();
            while begun.elapsed() < AGAIN {
                signals.next().await;
            }
            leave();
        });
    });
    Ok(())
}

#[expect(clippy::exit, reason = "the user asked twice, and nothing is left to unwind for")]
fn leave() {
    kill_processes();
    std::process::exit(KILLED);
}

#[cfg(unix)]
struct Signals {
    hang_up: tokio::signal::unix::Signal,
    interrupt: tokio::signal::unix::Signal,
    terminate: tokio::signal::unix::Signal,
}

#[cfg(unix)]
impl Signals {
    fn new() -> io::Result<Self> {
        use tokio::signal::unix::{SignalKind, signal};
        let [hang_up, interrupt, terminate] = [SignalKind::hangup(), SignalKind::interrupt(), SignalKind::terminate()].map(signal);
        Ok(Self { hang_up: hang_up?, interrupt: interrupt?, terminate: terminate? })
    }

    async fn next(&mut self) {
        tokio::select! {
            biased;
            _ = self.hang_up.recv() => {}
            _ = self.interrupt.recv() => {}
            _ = self.terminate.recv() => {}
        }
    }
}

#[cfg(not(unix))]
struct Signals(tokio::signal::windows::CtrlC);

#[cfg(not(unix))]
impl Signals {
    fn new() -> io::Result<Self> {
        tokio::signal::windows::ctrl_c().map(Self)
    }

    async fn next(&mut self) {
        self.0.recv().await;
    }
}
