//! Where a rule applies: scopes, the parts of a scope that `per` makes, and the stretches that `after` and `until` cut out of them.

use std::time::Duration;

use indexmap::IndexMap;

use crate::check::reading::{Moment, Reading};
use crate::pack::Observation;
use crate::pack::pattern::Pattern;
use crate::pack::rule::{Rule, Scope};
use crate::transcript::{ConnectionId, Role};

use super::value::identity;

/// A run of observations over which a rule is judged once.
#[derive(Debug)]
pub(super) struct Stretch<'a> {
    /// Where it begins.
    pub(super) begin: Begin,
    /// What belongs to it, in order; neither the observation that began it nor the one that ended it.
    pub(super) observations: Vec<&'a Observation>,
    /// What ended it, if `until` did.
    until: Option<&'a Observation>,
    /// True if it may hold several connections.
    wide: bool,
    /// True if the side under test did anything in the scope.
    pub(super) heard: bool,
}

/// Where a stretch begins.
#[derive(Clone, Copy, Debug)]
pub(super) struct Begin {
    pub(super) moment: Moment,
    pub(super) connection: ConnectionId,
    /// False if it is the beginning of a connection whose upgrade nobody accepted.
    pub(super) accepted: bool,
}

/// Where an obligation ends that nobody met.
#[derive(Clone, Copy, Debug)]
pub(super) struct Cut {
    pub(super) moment: Moment,
    pub(super) cause: Cause,
}

/// Why it ends there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Cause {
    /// The target ended the connection.
    Target,
    /// The harness ended the connection, or the upgrade was refused.
    Harness,
    /// The span was over.
    Until,
    /// The judged part of the transcript was over.
    Horizon,
}

impl Stretch<'_> {
    /// Where something ends that was asked for at this moment on this connection.
    pub(super) fn cut(&self, reading: &Reading, connection: ConnectionId, asked: Moment) -> Cut {
        let cut = if self.wide { wide_cut(reading, connection, asked) } else { narrow_cut(reading, connection, asked) };
        match self.until {
            Some(until) if until.event <= cut.moment.event => Cut { moment: moment(until), cause: Cause::Until },
            _ => cut,
        }
    }

    /// True if the stretch was over before this event.
    pub(super) fn is_over_before(&self, event: usize) -> bool {
        self.until.is_some_and(|until| until.event <= event)
    }

    /// True if it begins on a connection that was ended before, whoever ended it: there nobody owes anything any more.
    pub(super) fn begins_too_late(&self, reading: &Reading) -> bool {
        !self.wide && reading.is_ended_before(self.begin.connection, self.begin.moment.event)
    }

    /// How long something asked for at its beginning could have come.
    pub(super) fn lasted(&self, reading: &Reading) -> Duration {
        let begin = self.begin.moment;
        self.cut(reading, self.begin.connection, begin).moment.at.saturating_sub(begin.at)
    }
}

/// When an observation was made.
pub(super) fn moment(seen: &Observation) -> Moment {
    Moment { at: seen.at, event: seen.event }
}

/// On one connection whoever ends it ends every obligation.
fn narrow_cut(reading: &Reading, connection: ConnectionId, asked: Moment) -> Cut {
    match reading.next_ending(connection, asked.event) {
        Some(ending) if ending.by == reading.side => Cut { moment: ending.moment, cause: Cause::Target },
        Some(ending) => Cut { moment: ending.moment, cause: Cause::Harness },
        None => Cut { moment: reading.horizon, cause: Cause::Horizon },
    }
}

/// Over several connections an obligation outlives its connection, unless the harness took that away from under it.
fn wide_cut(reading: &Reading, connection: ConnectionId, asked: Moment) -> Cut {
    let first = reading.first_ending(connection);
    let taken_away = first
        .filter(|ending| ending.by != reading.side && asked.event < ending.moment.event && ending.moment.event < reading.horizon.event);
    match taken_away {
        Some(ending) => Cut { moment: ending.moment, cause: Cause::Harness },
        None => Cut { moment: reading.horizon, cause: Cause::Horizon },
    }
}

/// The scopes of a transcript, each kind once: rules share them.
#[derive(Debug)]
pub(super) struct Scopes<'a> {
    side: Role,
    connections: Vec<Group<'a>>,
    sessions: Vec<Group<'a>>,
    run: Vec<Group<'a>>,
}

/// One scope.
#[derive(Debug)]
struct Group<'a> {
    begin: Begin,
    wide: bool,
    heard: bool,
    observations: Vec<&'a Observation>,
}

impl<'a> Scopes<'a> {
    /// Sorts what is judged into scopes. A connection that could never be used is none.
    pub(super) fn new(reading: &'a Reading) -> Self {
        let usable =
            |seen: &&Observation| reading.connections.get(&seen.connection).is_none_or(|connection| connection.unreachable.is_none());
        let judged: Vec<_> = reading.judged().iter().filter(usable).collect();
        let on_connections = || judged.iter().copied().filter(|seen| seen.connection != 0);
        let session = |seen: &Observation| reading.connections.get(&seen.connection).map(|connection| connection.session.as_str());
        Self {
            side: reading.side,
            connections: grouped(reading, on_connections(), false, |seen| seen.connection),
            sessions: grouped(reading, on_connections(), true, session),
            run: grouped(reading, judged.iter().copied(), true, |_| ()),
        }
    }

    /// Every stretch over which this rule is judged.
    pub(super) fn stretches(&self, rule: &Rule) -> Vec<Stretch<'a>> {
        let groups = match rule.scope {
            Scope::Connection => &self.connections,
            Scope::Session => &self.sessions,
            Scope::Run => &self.run,
        };
        groups.iter().flat_map(|group| self.stretches_of(rule, group)).collect()
    }

    fn stretches_of(&self, rule: &Rule, group: &Group<'a>) -> Vec<Stretch<'a>> {
        let parts = match &rule.per {
            None => vec![Part { observations: group.observations.clone(), per: None }],
            Some(pointer) => parts(rule, pointer, group),
        };
        parts.into_iter().filter(|part| part.is_meant(rule)).flat_map(|part| self.cut(rule, group, &part)).collect()
    }

    fn cut(&self, rule: &Rule, group: &Group<'a>, part: &Part<'a>) -> Vec<Stretch<'a>> {
        debug_assert!(group.heard || !group.observations.iter().any(|seen| seen.from == self.side));
        let stretch = |begin| Stretch { begin, observations: Vec::new(), until: None, wide: group.wide, heard: group.heard };
        let mut done = Vec::new();
        let mut open = rule.after.is_none().then(|| stretch(group.begin));
        for seen in part.observations.iter().copied() {
            if open.is_some() && fits(seen, rule.until.as_ref()) {
                done.extend(open.take().map(|open| Stretch { until: Some(seen), ..open }));
            }
            match &mut open {
                Some(open) => open.observations.extend(part.holds(seen).then_some(seen)),
                None if fits(seen, rule.after.as_ref()) => {
                    open = Some(stretch(Begin { moment: moment(seen), connection: seen.connection, accepted: true }));
                }
                None => {}
            }
        }
        done.extend(open);
        done
    }
}

/// What of a scope carries one value of the pointer of `per`, together with what carries none and yet begins, ends or filters.
struct Part<'a> {
    observations: Vec<&'a Observation>,
    per: Option<String>,
}

impl Part<'_> {
    fn holds(&self, seen: &Observation) -> bool {
        self.per.as_ref().is_none_or(|pointer| seen.value.pointer(pointer).is_some())
    }

    fn is_meant(&self, rule: &Rule) -> bool {
        let occurs = |pattern: &Pattern| self.observations.iter().any(|seen| seen.is(pattern));
        rule.when.as_ref().is_none_or(occurs) && !rule.unless.as_ref().is_some_and(occurs)
    }
}

fn parts<'a>(rule: &Rule, pointer: &str, group: &Group<'a>) -> Vec<Part<'a>> {
    let qualifiers = [&rule.when, &rule.unless, &rule.after, &rule.until];
    let is_common = |seen: &Observation| qualifiers.iter().any(|pattern| fits(seen, pattern.as_ref()));
    let mut values: IndexMap<String, Vec<&'a Observation>> = IndexMap::new();
    let mut common = Vec::new();
    for seen in group.observations.iter().copied() {
        match seen.value.pointer(pointer) {
            Some(value) => values.entry(identity(value)).or_default().push(seen),
            None if is_common(seen) => common.push(seen),
            None => {}
        }
    }
    let with_common = |mut observations: Vec<&'a Observation>| {
        observations.extend(&common);
        // Stable: a violation and its message share one event, and keep their order.
        observations.sort_by_key(|seen| seen.event);
        Part { observations, per: Some(pointer.to_owned()) }
    };
    values.into_values().map(with_common).collect()
}

fn grouped<'a, K: std::hash::Hash + Eq>(
    reading: &Reading,
    observations: impl Iterator<Item = &'a Observation>,
    wide: bool,
    key: impl Fn(&'a Observation) -> K,
) -> Vec<Group<'a>> {
    let mut groups: IndexMap<K, Vec<&'a Observation>> = IndexMap::new();
    observations.for_each(|seen| groups.entry(key(seen)).or_default().push(seen));
    let group = |observations: Vec<&'a Observation>| {
        let heard = observations.iter().any(|seen| seen.from == reading.side);
        Some(Group { begin: begin(reading, &observations)?, wide, heard, observations })
    };
    groups.into_values().filter_map(group).collect()
}

/// The first 101 of the scope, or its first observation.
fn begin(reading: &Reading, observations: &[&Observation]) -> Option<Begin> {
    let first = observations.first()?;
    let accepted = observations.iter().find(|seen| seen.name == "accept");
    let opened = || reading.connections.get(&first.connection).and_then(|connection| connection.opened).map(|(_, moment)| moment);
    Some(match accepted {
        Some(accept) => Begin { moment: moment(accept), connection: accept.connection, accepted: true },
        None => Begin { moment: opened().unwrap_or_else(|| moment(first)), connection: first.connection, accepted: false },
    })
}

fn fits(seen: &Observation, pattern: Option<&Pattern>) -> bool {
    pattern.is_some_and(|pattern| seen.is(pattern))
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use crate::check::sample::{Client, Server, Talk, check_rule};
    use crate::verdict::Outcome::{NotExercised, Satisfied, Violated};

    fn tick(seq: u64) -> Value {
        json!({"type": "tick", "seq": seq})
    }

    fn rising(scope: &str) -> Value {
        json!({"increasing": {"of": {"is": "tick"}, "key": "/seq"}, "scope": scope})
    }

    #[test]
    fn a_scope_is_a_connection_a_session_or_the_run() {
        let falls_over = |first: &str, second: &str| {
            let first = Talk::testing(Server).open_in(1, first).answer(1, 101).server(1, &tick(5)).end_of(1, Client);
            first.open_in(2, second).answer(2, 101).server(2, &tick(1)).finish()
        };
        check_rule(&rising("connection"), &[("each by itself", falls_over("a", "a"), NotExercised)]);
        check_rule(&rising("session"), &[("one session", falls_over("a", "a"), Violated), ("two", falls_over("a", "b"), NotExercised)]);
        check_rule(&rising("run"), &[("the run", falls_over("a", "b"), Violated)]);
    }

    #[test]
    fn per_judges_each_value_by_itself_and_leaves_out_what_has_none() {
        let done = |run: &str| json!({"type": "bye", "run": run});
        let rule = json!({"once": {"of": {"is": "bye"}}, "per": "/run"});
        check_rule(
            &rule,
            &[
                ("two runs", Talk::with_server().server(1, &done("a")).server(1, &done("b")), Satisfied),
                ("one twice", Talk::with_server().server(1, &done("a")).server(1, &done("b")).server(1, &done("a")), Violated),
                ("none", Talk::with_server().server(1, &json!({"type": "bye"})).server(1, &json!({"type": "bye"})), NotExercised),
            ],
        );
    }

    #[test]
    fn what_has_no_value_of_per_still_begins_and_ends_spans() {
        let event = |run: &str| json!({"type": "tick", "run": run});
        let rule = json!({"never": {"of": {"is": "tick"}}, "per": "/run", "after": {"is": "bye"}});
        let bye = json!({"type": "bye"});
        check_rule(
            &rule,
            &[
                ("before", Talk::with_server().server(1, &event("a")).server(1, &bye), Satisfied),
                ("after", Talk::with_server().server(1, &event("a")).server(1, &bye).server(1, &event("b")), Violated),
                ("none has a value", Talk::with_server().server(1, &bye).tick(1), NotExercised),
            ],
        );
    }

    #[test]
    fn when_and_unless_choose_scopes() {
        let when = json!({"never": {"of": {"is": "tick"}}, "when": {"is": "hello", "match": {"quiet": true}}});
        let hello = |quiet: bool| json!({"type": "hello", "name": "a", "quiet": quiet});
        check_rule(
            &when,
            &[
                ("meant", Talk::with_server().client(1, &hello(true)).tick(1), Violated),
                ("meant, even if it comes later", Talk::with_server().tick(1).client(1, &hello(true)), Violated),
                ("not meant", Talk::with_server().client(1, &hello(false)).tick(1), NotExercised),
            ],
        );
        let unless = json!({"never": {"of": {"is": "tick"}}, "unless": {"is": "hello"}});
        check_rule(
            &unless,
            &[
                ("meant", Talk::with_server().tick(1), Violated),
                ("not meant", Talk::with_server().client(1, &hello(true)).tick(1), NotExercised),
                ("each connection by itself", Talk::with_server().client(1, &hello(true)).tick(1).connect(2), Satisfied),
            ],
        );
    }

    #[test]
    fn spans_begin_after_and_end_before_the_observations_that_cut_them() {
        let rule = json!({"never": {"of": {"is": "tick"}}, "after": {"is": "ask"}, "until": {"is": "reply"}});
        check_rule(
            &rule,
            &[
                ("inside", Talk::with_server().ask(1).tick(1).reply(1), Violated),
                ("outside", Talk::with_server().tick(1).ask(1).reply(1).tick(2), Satisfied),
                ("in the second", Talk::with_server().ask(1).reply(1).ask(2).tick(1), Violated),
                ("no span", Talk::with_server().tick(1).reply(1), NotExercised),
            ],
        );
        let own = json!({"never": {"of": {"is": "ask"}}, "after": {"is": "ask"}, "until": {"is": "reply"}});
        check_rule(
            &own,
            &[
                ("what begins a span is not in it", Talk::with_client().ask(1).reply(1).ask(2), Satisfied),
                ("inside a span it does not begin another", Talk::with_client().ask(1).ask(2), Violated),
            ],
        );
    }

    #[test]
    fn the_run_holds_what_belongs_to_no_connection() {
        let rule = json!({"never": {"of": {"is": "exit", "match": {"code": 1}}}, "scope": "run"});
        check_rule(
            &rule,
            &[
                ("exits with an error", Talk::with_client().exit(1, "boom"), Violated),
                ("exits", Talk::with_client().exit(0, ""), Satisfied),
            ],
        );
    }

    #[test]
    fn placeholders_in_patterns_are_filled_from_the_settings() {
        let rule = json!({"never": {"of": {"is": "tick", "match": {"seq": "${parameter.limit}"}}}});
        check_rule(&rule, &[("the limit", Talk::with_server().tick(3), Violated), ("another", Talk::with_server().tick(4), Satisfied)]);
        let unknown = json!({"never": {"of": {"is": "tick", "match": {"seq": "${parameter.nothing}"}}}});
        check_rule(&unknown, &[("unknown", Talk::with_server().tick(3), Satisfied)]);
    }
}
