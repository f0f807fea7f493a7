//! Faults and variants: what they change must exist, and what they trip must be judged.

use std::collections::HashSet;

use super::machine::raw;
use super::place::Place;
use super::template::Scope;
use super::{Lint, Unit, machine};
use crate::pack::fault::{Change, Faults, Select};
use crate::pack::load::files::Read;
use crate::pack::machine::Machine;
use crate::transcript::Role;

/// All of them, of every layer.
pub(super) fn check(lint: &mut Lint<'_>) {
    let mut ids = HashSet::new();
    for layer in &lint.files.layers {
        check_layer(lint, &layer.faults, &mut ids);
    }
}

fn check_layer<'a>(lint: &mut Lint<'_>, faults: &'a Read<Faults>, ids: &mut HashSet<&'a str>) {
    for (place, fault) in Place::of(&faults.document).key("faults").items(&faults.value.faults) {
        check_id(lint, &place, &fault.id, ids);
        lint.requirement_names(&place.key("trips"), &fault.trips, fault.side);
        FaultLint::of(lint, fault.side).change(&place.key("change"), &fault.change);
    }
    for (place, variant) in Place::of(&faults.document).key("variants").items(&faults.value.variants) {
        check_id(lint, &place, &variant.id, ids);
        for (place, change) in place.key("changes").items(&variant.changes) {
            FaultLint::of(lint, variant.side).change(&place, change);
        }
    }
}

fn check_id<'a>(lint: &mut Lint<'_>, place: &Place<'_>, id: &'a str, ids: &mut HashSet<&'a str>) {
    if !super::text::is_plain(id, &['-']) {
        lint.wrong(&place.key("id"), format!("`{id}` is no name for a fault"), "lower-case letters, digits and `-`");
    } else if !ids.insert(id) {
        lint.wrong(&place.key("id"), format!("`{id}` stands here twice"), "again");
    }
}

struct FaultLint<'l, 'a> {
    lint: &'l mut Lint<'a>,
    side: Role,
    machine: &'a Machine,
    scope: Scope<'a>,
}

impl<'l, 'a> FaultLint<'l, 'a> {
    fn of(lint: &'l mut Lint<'a>, side: Role) -> Self {
        let machines = &lint.files.machines.value;
        let machine = if side == Role::Server { &machines.server } else { &machines.client };
        let scope = machine::scope(lint, machine);
        Self { lint, side, machine, scope }
    }

    fn change(&mut self, place: &Place<'_>, change: &Change) {
        match change {
            Change::Drop(select) => self.select(&place.key("drop"), select),
            Change::Repeat(select) => self.select(&place.key("repeat"), select),
            Change::Double(select) => self.select(&place.key("double"), select),
            Change::Swap(select) => self.select(&place.key("swap"), select),
            Change::Leak(select) => self.select(&place.key("leak"), select),
            Change::Delay(delay) => {
                let place = place.key("delay");
                self.select(&place.key("of"), &delay.of);
                self.lint.span(&place.key("by"), &delay.by, Unit::Time);
            }
            Change::Set(set) => {
                let place = place.key("set");
                self.select(&place.key("of"), &set.of);
                self.lint.templates(&place.key("tree"), &set.tree, &self.scope);
            }
            Change::Unset(unset) => self.at(&place.key("unset"), &unset.of, &unset.at),
            Change::Freeze(freeze) => self.at(&place.key("freeze"), &freeze.of, &freeze.at),
            Change::Replace(replace) => {
                self.select(&place.key("replace").key("of"), &replace.of);
                raw(self.lint, &place.key("replace").key("with"), &replace.with, &self.scope);
            }
            Change::Precede(precede) => {
                self.select(&place.key("precede").key("of"), &precede.of);
                raw(self.lint, &place.key("precede").key("with"), &precede.with, &self.scope);
            }
            Change::Add(add) => {
                self.select(&place.key("add").key("of"), &add.of);
                raw(self.lint, &place.key("add").key("with"), &add.with, &self.scope);
            }
            Change::Put(put) => self.at(&place.key("put"), &put.of, &put.at),
            Change::AddFrame(add) => self.select(&place.key("add_frame").key("of"), &add.of),
            Change::Bend(bend) => self.select(&place.key("bend").key("of"), &bend.of),
            Change::Fragment(fragment) => self.select(&place.key("fragment").key("of"), &fragment.of),
            Change::Cut(cut) => self.at(&place.key("cut"), &cut.of, &cut.at),
            Change::CloseAfter(after) => self.select(&place.key("close_after").key("of"), &after.of),
            Change::Ignore(pattern) => self.lint.pattern(&place.key("ignore"), pattern, Some(self.side.other()), &self.scope),
            Change::Without(names) => {
                let known = machine::reaction_names(self.machine);
                for (place, name) in place.key("without").names(names) {
                    self.lint.known(&place, "reaction of this side's machine", name, known.iter().copied());
                }
            }
            Change::Parameter(parameter) => {
                let parameters = &self.lint.files.manifest.value.parameters;
                let names = parameters.keys().map(String::as_str);
                self.lint.known(&place.key("parameter").key("name"), "parameter", &parameter.name, names);
            }
            Change::CloseOn(close) => self.lint.pattern(&place.key("close_on").key("on"), &close.on, Some(self.side.other()), &self.scope),
            Change::DeafAfter(pattern) => self.lint.pattern(&place.key("deaf_after"), pattern, Some(self.side.other()), &self.scope),
            Change::EndNever(_)
            | Change::Credulous(_)
            | Change::CloseCode(_)
            | Change::CloseBare(_)
            | Change::CloseNever(_)
            | Change::PongNever(_)
            | Change::PongPayload(_)
            | Change::Timers(_) => {}
        }
    }

    fn select(&mut self, place: &Place<'_>, select: &Select) {
        self.lint.observations(&place.key("is"), &select.is, Some(self.side));
        if let Some(tree) = &select.tree {
            self.lint.tree(&place.key("match"), tree, &self.scope);
        }
        for (key, count) in [("nth", select.nth), ("connection", select.connection.map(|number| number as usize))] {
            if count == Some(0) {
                self.lint.wrong(&place.key(key), format!("`{key}` counts from 1"), "never reached");
            }
        }
    }

    fn at(&mut self, place: &Place<'_>, select: &Select, at: &str) {
        self.select(&place.key("of"), select);
        self.lint.pointer(&place.key("at"), at);
    }
}
