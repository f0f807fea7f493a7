//! `closes`: a side closes in answer to something, with one of these codes, in time.

use crate::check::phrase;
use crate::check::reading::{Ending, How, Moment};
use crate::check::tally::{Tally, Violation};
use crate::pack::Band;
use crate::pack::rule::Closes;
use crate::transcript::ConnectionId;

use super::Ground;
use super::stretch::{Stretch, moment};
use super::timing;

/// What stands for a close frame without a code (RFC 6455 § 7.1.5).
const NO_CODE: u64 = 1005;

/// Judges the close that each trigger asks for.
pub(super) fn closes(ground: &Ground<'_>, closes: &Closes, stretch: &Stretch<'_>) -> Tally {
    let demand = Demand { ground, closes, stretch, band: ground.settings.bound(&closes.within) };
    let mut tally = Tally::default();
    match &closes.on {
        Some(pattern) => {
            let triggers = stretch.observations.iter().filter(|seen| seen.is(pattern));
            let is_open = |connection, event| !ground.reading.is_ended_before(connection, event);
            triggers
                .filter(|seen| is_open(seen.connection, seen.event))
                .for_each(|seen| demand.judge(seen.connection, moment(seen), &mut tally));
        }
        // Before the 101 there are no close frames; only the end of the stream can be asked for.
        None if stretch.begin.accepted || closes.bare => demand.judge(stretch.begin.connection, stretch.begin.moment, &mut tally),
        None => {}
    }
    tally
}

struct Demand<'a> {
    ground: &'a Ground<'a>,
    closes: &'a Closes,
    stretch: &'a Stretch<'a>,
    band: Band,
}

impl Demand<'_> {
    fn judge(&self, connection: ConnectionId, trigger: Moment, tally: &mut Tally) {
        let reading = self.ground.reading;
        match reading.next_ending(connection, trigger.event) {
            Some(ending) if ending.by == self.closes.by && !self.stretch.is_over_before(ending.moment.event) => {
                self.ended(trigger, ending, tally);
            }
            _ => {
                let cut = self.stretch.cut(reading, connection, trigger).moment;
                if let Some(weight) = timing::weigh_silence(reading, self.band, trigger.at, cut.at) {
                    let actual = format!("the connection was still open after {}", phrase::time(cut.at.saturating_sub(trigger.at)));
                    tally.add(Violation::at(trigger.event, self.expected(trigger), actual).weighing(weight));
                }
            }
        }
    }

    fn ended(&self, trigger: Moment, ending: &Ending, tally: &mut Tally) {
        tally.exercise();
        let after = phrase::time(ending.moment.at.saturating_sub(trigger.at));
        let violation = || {
            let actual = format!("{} after {after}", phrase::ending(ending));
            Violation::at(ending.moment.event, self.expected(trigger), actual)
        };
        if !self.is_right(&ending.how) {
            tally.add(violation());
        } else if let Some(weight) = timing::weigh(self.ground.reading, self.band, trigger.at, ending.moment.at) {
            tally.add(violation().weighing(weight));
        }
    }

    fn is_right(&self, how: &How) -> bool {
        let codes = &self.closes.codes;
        match how {
            How::Close(code) => codes.is_empty() || codes.iter().any(|allowed| u64::from(*allowed) == code.unwrap_or(NO_CODE)),
            How::End(_) | How::Refused => self.closes.bare,
        }
    }

    fn expected(&self, trigger: Moment) -> String {
        let bare = if self.closes.bare { " or just ends the stream" } else { "" };
        let closes = phrase::close_codes(self.closes.by, &self.closes.codes);
        format!("{closes}{bare} within {} of event {}", phrase::band(&self.band), trigger.event)
    }
}
