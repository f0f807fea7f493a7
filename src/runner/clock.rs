//! The time of one case, on the wall or virtual, and the wake-ups that its peer asked for.

use std::collections::BTreeMap;
use std::time::Duration;

use tokio::time::{Instant, sleep_until};

/// How often a session on the wall looks whether it is on time.
const TICK: Duration = Duration::from_millis(100);

/// A session that is scheduled later than this says so.
const LATE: Duration = Duration::from_millis(250);

/// The time since a case began.
#[derive(Clone, Debug)]
pub(super) struct Clock {
    start: Instant,
    kind: Kind,
}

#[derive(Clone, Debug)]
enum Kind {
    /// Virtual: counts what happens at one instant.
    Virtual { instant: Duration, turns: usize },
    /// On the wall: watches whether it is scheduled in time.
    Watched { tick: Duration },
    /// On the wall, and nobody minds.
    Unwatched,
}

impl Clock {
    /// A clock of a runtime whose time is paused.
    pub(super) fn paused() -> Self {
        Self { start: Instant::now(), kind: Kind::Virtual { instant: Duration::ZERO, turns: 0 } }
    }

    /// A clock on the wall that notices when it is late.
    pub(super) fn watched() -> Self {
        Self { start: Instant::now(), kind: Kind::Watched { tick: TICK } }
    }

    /// A clock on the wall.
    pub(super) fn unwatched() -> Self {
        Self { start: Instant::now(), kind: Kind::Unwatched }
    }

    pub(super) fn now(&self) -> Duration {
        self.start.elapsed()
    }

    /// Sleeps until then, or for ever.
    pub(super) async fn sleep_until(&self, time: Option<Duration>) {
        // A time that no clock can show is never reached.
        match time.and_then(|time| self.start.checked_add(time)) {
            Some(time) => sleep_until(time).await,
            None => std::future::pending().await,
        }
    }

    /// How many turns there were at this instant, where time can stand still.
    pub(super) fn count_turn(&mut self, now: Duration) -> usize {
        let Kind::Virtual { instant, turns } = &mut self.kind else { return 0 };
        *turns = if *instant == now { *turns + 1 } else { 0 };
        *instant = now;
        *turns
    }

    /// How late the session was scheduled, if it was noticeably late. Said once.
    pub(super) fn lateness(&mut self, now: Duration) -> Option<Duration> {
        let Kind::Watched { tick } = &mut self.kind else { return None };
        let by = now.checked_sub(*tick)?;
        *tick = now + TICK;
        (by > LATE).then_some(by)
    }

    /// When to look again whether it is on time.
    pub(super) fn next_tick(&self) -> Option<Duration> {
        match &self.kind {
            Kind::Watched { tick } => Some(*tick),
            Kind::Virtual { .. } | Kind::Unwatched => None,
        }
    }
}

/// Wake-ups in order of their time, those of one time in the order in which they were asked for.
#[derive(Debug, Default)]
pub(super) struct Timers {
    tokens: BTreeMap<(Duration, u64), u64>,
    asked: u64,
}

impl Timers {
    pub(super) fn insert(&mut self, at: Duration, token: u64) {
        self.asked += 1;
        self.tokens.insert((at, self.asked), token);
    }

    pub(super) fn next(&self) -> Option<Duration> {
        self.tokens.first_key_value().map(|((at, _), _)| *at)
    }

    pub(super) fn is_due(&self, now: Duration) -> bool {
        self.next().is_some_and(|at| at <= now)
    }

    /// The first wake-up that is due.
    pub(super) fn pop(&mut self, now: Duration) -> Option<u64> {
        if self.is_due(now) { self.tokens.pop_first().map(|(_, token)| token) } else { None }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lateness_is_said_once_and_only_where_it_matters() {
        let mut clock = Clock::watched();
        let tick = clock.next_tick().unwrap();
        assert_eq!(clock.lateness(Duration::ZERO), None);
        assert_eq!(clock.lateness(tick + LATE), None);
        let tick = clock.next_tick().unwrap();
        let now = tick + LATE * 2;
        assert_eq!(clock.lateness(now), Some(LATE * 2));
        assert_eq!(clock.lateness(now), None);
        assert_eq!(Clock::paused().lateness(now), None);
    }

    #[test]
    fn turns_are_counted_within_one_instant_of_virtual_time_only() {
        let (first, second) = (Duration::from_secs(1), Duration::from_secs(2));
        let mut clock = Clock::paused();
        assert_eq!([first, first, first, second].map(|now| clock.count_turn(now)), [0, 1, 2, 0]);
        assert_eq!([first, first].map(|now| Clock::watched().count_turn(now)), [0, 0]);
    }

    #[test]
    fn wake_ups_come_in_order_and_never_early() {
        let mut timers = Timers::default();
        for (at, token) in [(2, 20), (1, 10), (1, 11)] {
            timers.insert(Duration::from_secs(at), token);
        }
        let now = Duration::from_secs(1);
        assert_eq!([timers.pop(now), timers.pop(now), timers.pop(now)], [Some(10), Some(11), None]);
        assert_eq!(timers.next(), Some(Duration::from_secs(2)));
    }
}
