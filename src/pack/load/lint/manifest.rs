//! `pack.yaml` beside its frames: parameters, phases, ambiguities, the endpoint.

use serde_json::Value;

use super::place::Place;
use super::template::Scope;
use super::{Lint, Unit, text};
use crate::pack::manifest::Reading;
use crate::pack::parameter::{Parameter, Quantity, Span};

/// Phases that every pack has, for both sides.
const PHASES: [&str; 2] = ["connected", "exchange"];

/// All of it.
pub(super) fn check(lint: &mut Lint<'_>) {
    let place = Place::of(&lint.files.manifest.document);
    let manifest = &lint.files.manifest.value;
    if manifest.documents.is_empty() {
        lint.wrong(&place.key("documents"), "the pack has no document", "at least one belongs here");
    }
    check_endpoint(lint, &place.key("endpoint"));
    check_parameters(lint, &place.key("parameters"));
    for side in ["server", "client"] {
        for phase in PHASES {
            let at = place.key("phases").key(side).key(phase);
            if at.document.value.pointer(&at.pointer).is_none() {
                lint.wrong(
                    &at,
                    format!("the phase `{phase}` of the {side} is missing"),
                    format!("every pack has `{phase}` for both sides"),
                );
            }
        }
    }
    check_ambiguities(lint, &place.key("ambiguities"));
}

/// Only rules of the layers below can be excluded here: steps would judge on, and the protocol's own requirements say it themselves.
pub(super) fn check_excluded(lint: &mut Lint<'_>) {
    let place = Place::of(&lint.files.manifest.document).key("excluded");
    let layers = lint.layers().iter().skip(1).flat_map(|layer| &layer.requirements.value.requirements);
    let ids: Vec<&str> = layers.filter(|requirement| requirement.rule.is_some()).map(|requirement| requirement.id.as_str()).collect();
    for (id, why) in &lint.files.manifest.value.excluded {
        let place = place.key(id);
        let is_known = lint.known(&place.name(), "requirement of a layer with a rule", id, ids.iter().copied());
        if is_known && lint.proved.contains(id) {
            lint.wrong(&place, format!("steps prove `{id}`"), "only what a rule alone judges can be excluded");
        } else if why.trim().is_empty() {
            lint.wrong(&place, "an exclusion has a reason", "no reason");
        }
    }
}

fn check_endpoint(lint: &mut Lint<'_>, place: &Place<'_>) {
    let manifest = &lint.files.manifest.value;
    if !manifest.endpoint.path.starts_with('/') && !text::is_dynamic(&manifest.endpoint.path) {
        lint.wrong(&place.key("path"), "a path begins with `/`", "no path");
    }
    let value = place.document.value.pointer(&place.pointer).unwrap_or(&Value::Null);
    lint.templates(place, value, &Scope::peer(manifest));
}

fn check_parameters(lint: &mut Lint<'_>, place: &Place<'_>) {
    let parameters = &lint.files.manifest.value.parameters;
    if parameters.contains_key("reply_time") {
        lint.span(&place.key("reply_time").key("value"), &Span("reply_time".to_owned()), Unit::Time);
    } else {
        lint.wrong(place, "the parameter `reply_time` is missing", "it is the default of `within`");
    }
    for (name, parameter) in parameters {
        check_bands(lint, &place.key(name), parameter);
    }
}

/// Bands must be of the value's unit and hold one another: the value in `pass`, `pass` in `warn`.
fn check_bands(lint: &mut Lint<'_>, place: &Place<'_>, parameter: &Parameter) {
    let mut inner = [parameter.value, parameter.value];
    for (key, band) in [("pass", parameter.pass), ("warn", parameter.warn)] {
        let Some([low, high]) = band else { continue };
        let place = place.key(key);
        let same = |a: Quantity, b: Quantity| std::mem::discriminant(&a) == std::mem::discriminant(&b);
        if !same(low, parameter.value) || !same(high, parameter.value) {
            lint.wrong(&place, format!("this band is not of the same unit as the value, {}", parameter.value), "another unit");
        } else if low > inner[0] || high < inner[1] {
            let title = format!("this band must hold everything from {} to {}", inner[0], inner[1]);
            lint.wrong(&place, title, "the value lies in `pass`, and `pass` in `warn`");
        } else {
            inner = [low, high];
        }
    }
}

fn check_ambiguities(lint: &mut Lint<'_>, place: &Place<'_>) {
    let ambiguities = &lint.files.manifest.value.ambiguities;
    for (index, (place, ambiguity)) in place.items(ambiguities).into_iter().enumerate() {
        if ambiguities[..index].iter().any(|earlier| earlier.id == ambiguity.id) {
            lint.wrong(&place.key("id"), format!("the ambiguity `{}` stands here twice", ambiguity.id), "again");
        }
        for (place, reading) in place.key("readings").items(&ambiguity.readings) {
            check_shown(lint, &place.key("shown"), reading);
        }
    }
}

/// What shows that a reading passes: a scenario, a variant, or a reason why nothing does.
fn check_shown(lint: &mut Lint<'_>, place: &Place<'_>, reading: &Reading) {
    if let Some(why) = reading.shown.strip_prefix("untested:") {
        if why.trim().is_empty() {
            lint.wrong(place, "`untested:` is followed by the reason", "no reason");
        }
        return;
    }
    let of = |side: &str, names: Vec<&String>| names.into_iter().map(|name| format!("{side}/{name}")).collect::<Vec<_>>();
    let layers = lint.layers();
    let scenarios =
        layers.iter().flat_map(|layer| [of("server", layer.server.keys().collect()), of("client", layer.client.keys().collect())]);
    let mut names: Vec<String> = scenarios.flatten().collect();
    names.extend(layers.iter().flat_map(|layer| layer.faults.value.variants.iter().map(|variant| variant.id.clone())));
    lint.known(place, "scenario or variant", &reading.shown, names.iter().map(String::as_str));
}
