//! Violations of the class `size`: messages around the largest size and far beyond it, and very many small ones.

use super::{Ground, saying};
use crate::fuzz::violation::{Class, Violation};
use crate::pack::parameter::Span;
use crate::pack::scenario::{Control, Pad, Send, Step};

/// The parameter that gives the largest message, where a pack has it.
const LIMIT: &str = "max_message";
/// The largest message that is sent.
const LARGEST: i64 = 8 * 1024 * 1024;
/// How many small messages make a flood.
const FLOOD: usize = 100;

pub(super) fn violations(ground: &Ground<'_>) -> Vec<Violation> {
    let frame = ground.carrier.frame.as_str();
    let violation = |operator: &str, step| Violation::new(Class::Size, operator, frame, "", vec![step]);
    let mut found: Vec<_> =
        sizes(ground).into_iter().filter_map(|(operator, to, plus)| Some(violation(operator, padded(ground, to, plus)?))).collect();
    let small = saying::json(ground.carrier.template.clone());
    let ping = Step::Ping(Control { text: Some("framegate".to_owned()), ..Control::default() });
    found.extend([
        violation("many-small", saying::again(FLOOD, vec![small])),
        violation("many-malformed", saying::again(FLOOD, vec![saying::text("{")])),
        violation("many-unknown", saying::again(FLOOD, vec![saying::text("{\"framegate\":1}")])),
        violation("many-pings", saying::again(FLOOD, vec![ping])),
        violation("one-byte", saying::text("{")),
    ]);
    found
}

/// Sizes by name: from the documented limit where there is one, else steps that are usual limits.
fn sizes(ground: &Ground<'_>) -> Vec<(&'static str, Span, i64)> {
    let span = Span(LIMIT.to_owned());
    let limit = i64::try_from(ground.settings.size(&span)).unwrap_or(i64::MAX);
    if !ground.settings.parameters.contains_key(LIMIT) || limit == 0 {
        let fixed = |size: &str| (Span(size.to_owned()), 0);
        let sizes = [("64-kibibytes", fixed("64KiB")), ("1-mebibyte", fixed("1MiB")), ("4-mebibytes", fixed("4MiB"))];
        return sizes.into_iter().map(|(name, (span, plus))| (name, span, plus)).collect();
    }
    let sizes =
        [("limit-less-1", -1), ("limit", 0), ("limit-plus-1", 1), ("twice-the-limit", limit), ("far-beyond", limit.saturating_mul(7))];
    sizes
        .into_iter()
        .filter(|(_, plus)| limit.saturating_add(*plus) <= LARGEST.max(limit + 1))
        .map(|(name, plus)| (name, span.clone(), plus))
        .collect()
}

/// The carrier, filled up: in a field of its own, or where its schema allows none in its longest text.
fn padded(ground: &Ground<'_>, to: Span, plus: i64) -> Option<Step> {
    let extra = "/framegate_padding";
    let carrier = ground.carrier;
    let mut with_extra = carrier.value.clone();
    crate::fuzz::pointer::set(&mut with_extra, extra, serde_json::Value::from("x"));
    let texts = crate::fuzz::pointer::leaves(&carrier.value);
    let longest =
        || texts.iter().filter(|(_, leaf)| leaf.is_string()).max_by_key(|(_, leaf)| leaf.to_string().len()).map(|(at, _)| at.clone());
    let at = if ground.accepts(&carrier.frame, &with_extra) { extra.to_owned() } else { longest()? };
    Some(Step::Send(Send {
        frame: carrier.frame.clone(),
        set: Some(carrier.template.clone()),
        unset: Vec::new(),
        pad: Some(Pad { at, to, plus }),
        fragments: Vec::new(),
        invalid: true,
        name: None,
        connection: None,
    }))
}
