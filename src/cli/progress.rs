//! What a person sees while a run goes on: a line a case, and on a terminal a line at the bottom with how far it is.

use std::collections::BTreeSet;
use std::io::{self, IsTerminal as _};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use framegate::plan::Case;
use framegate::report::console::{Clock, case_line};
use framegate::report::{Ink, Style, amount, duration, escape};
use framegate::suite::Observer;
use framegate::verdict::{CaseResult, Verdict};

use super::output::{note, print};

/// Which cases get a line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Lines {
    /// None: standard output is for a machine.
    None,
    /// Those that did not pass.
    Broken,
    /// All.
    All,
}

/// Follows a run.
#[derive(Debug)]
pub(crate) struct Progress {
    lines: Lines,
    clock: Clock,
    style: Style,
    is_terminal: bool,
    state: Mutex<State>,
}

#[derive(Debug)]
struct State {
    planned: usize,
    done: usize,
    broken: BTreeSet<String>,
    running: BTreeSet<String>,
    begun: Instant,
    drawn: Option<Instant>,
    has_printed: bool,
}

/// A status line that changes more often than this cannot be read.
const REDRAW: Duration = Duration::from_millis(80);
const CLEAR: &str = "\r\u{1b}[2K";

impl Progress {
    /// Follows a run with these lines.
    pub(crate) fn new(lines: Lines, clock: Clock, style: Style) -> Self {
        let begun = Instant::now();
        let state =
            State { planned: 0, done: 0, broken: BTreeSet::new(), running: BTreeSet::new(), begun, drawn: None, has_printed: false };
        let is_terminal = io::stderr().is_terminal() && std::env::var_os("TERM").is_none_or(|term| term != "dumb");
        Self { lines, clock, style, is_terminal, state: Mutex::new(state) }
    }

    /// Takes the status line away, and sets the lines apart from what follows.
    pub(crate) fn finish(&self) {
        let mut state = self.state();
        state.clear();
        if state.has_printed {
            print("\n");
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn print(&self, state: &mut State, result: &CaseResult) {
        state.clear();
        state.has_printed = true;
        print(&(case_line(result, self.clock, &self.style) + "\n"));
    }

    fn draw(&self, state: &mut State) {
        if self.is_terminal && state.drawn.is_none_or(|drawn| drawn.elapsed() >= REDRAW) {
            state.drawn = Some(Instant::now());
            note(&format!("{CLEAR}{}", state.line(&self.style)));
        }
    }
}

impl State {
    fn clear(&mut self) {
        if self.drawn.take().is_some() {
            note(CLEAR);
        }
    }

    fn count(&mut self, result: &CaseResult) {
        if matches!(result.verdict(), Verdict::Fail | Verdict::Error) {
            self.broken.insert(result.id.clone());
        } else {
            self.broken.remove(&result.id);
        }
    }

    fn line(&self, style: &Style) -> String {
        let running = match self.running.iter().next() {
            Some(first) if self.running.len() > 1 => format!(" · {} and {} more", escape(first), self.running.len() - 1),
            Some(first) => format!(" · {}", escape(first)),
            None => String::new(),
        };
        let broken = amount(self.broken.len(), "failure");
        let line = format!("{}/{} · {broken} · {}{running}", self.done, self.planned, duration(self.begun.elapsed()));
        let fitted: String = line.chars().take(style.width.saturating_sub(1)).collect();
        style.paint(if self.broken.is_empty() { Ink::Faint } else { Ink::Bad }, &fitted)
    }
}

impl Observer for Progress {
    fn planned(&self, cases: usize) {
        self.state().planned = cases;
    }

    fn started(&self, case: &Case) {
        let mut state = self.state();
        state.running.insert(case.id.clone());
        self.draw(&mut state);
    }

    fn finished(&self, result: &CaseResult) {
        let verdict = result.verdict();
        let mut state = self.state();
        state.running.remove(&result.id);
        state.done += 1;
        state.count(result);
        let is_wanted = match self.lines {
            Lines::None => false,
            Lines::Broken => verdict != Verdict::Pass,
            Lines::All => true,
        };
        if is_wanted {
            self.print(&mut state, result);
        }
        self.draw(&mut state);
    }

    fn retried(&self, result: &CaseResult) {
        let mut state = self.state();
        state.count(result);
        if self.lines != Lines::None {
            self.print(&mut state, result);
        }
        self.draw(&mut state);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_status_line_counts_and_names_what_runs() {
        let running = ["demo/server/a".to_owned(), "demo/server/b".to_owned()].into();
        let state = State {
            planned: 40,
            done: 12,
            broken: ["demo/server/c".to_owned()].into(),
            running,
            begun: Instant::now(),
            drawn: None,
            has_printed: false,
        };
        let line = state.line(&Style::plain(100));
        assert!(line.starts_with("12/40 · 1 failure · ") && line.ends_with(" · demo/server/a and 1 more"), "{line}");
        assert_eq!(state.line(&Style::plain(20)).chars().count(), 19);
    }
}
