//! Violations from a pack: every way in which the harness's side can be wrong, in every state, enumerated and counted.
//!
//! It makes values and steps and plays nothing. That a violation really breaks what it claims is checked by the validator before it counts.

mod boundary;
mod constraint;
mod envelope;
mod identity;
mod json;
mod order;
pub(super) mod sample;
pub(super) mod saying;
mod schema;
mod size;
pub(super) mod state;
mod transport;

use serde_json::Value;

use super::violation::Violation;
use crate::pack::{Pack, Settings};
use crate::transcript::Role;
use sample::Sample;
pub use state::State;

/// Everything that can be done wrong in one state.
#[derive(Clone, Debug)]
pub struct Field {
    /// The state.
    pub state: State,
    /// The violations, in an order that the pack alone decides.
    pub violations: Vec<Violation>,
}

/// What a generator of one class sees.
struct Ground<'a> {
    pack: &'a Pack,
    settings: &'a Settings,
    side: Role,
    state: &'a State,
    /// Good frames of the harness's side.
    samples: &'a [Sample],
    /// The frame that the harness would send next.
    carrier: &'a Sample,
}

/// Every violation of every state of conversations that test this side.
pub(super) fn enumerate(pack: &Pack, settings: &Settings, side: Role) -> Vec<Field> {
    State::all(pack, side)
        .into_iter()
        .map(|state| {
            let violations = violations(pack, settings, side, &state);
            Field { state, violations }
        })
        .collect()
}

fn violations(pack: &Pack, settings: &Settings, side: Role, state: &State) -> Vec<Violation> {
    let samples = Sample::all(pack, settings, side, state);
    let next = samples.iter().find(|sample| state.next.as_ref() == Some(&sample.frame));
    let Some(carrier) = next.or(samples.first()) else { return Vec::new() };
    let ground = Ground { pack, settings, side, state, samples: &samples, carrier };
    [
        schema::violations(&ground),
        json::violations(&ground),
        envelope::violations(&ground),
        identity::violations(&ground),
        order::violations(&ground),
        size::violations(&ground),
        transport::violations(&ground),
        boundary::violations(&ground),
    ]
    .concat()
}

impl Ground<'_> {
    /// The first sample of each frame.
    fn firsts(&self) -> Vec<&Sample> {
        Sample::firsts(self.samples)
    }

    /// The message of the carrier as text, without placeholders.
    fn text(&self) -> String {
        self.carrier.value.to_string()
    }

    /// The carrier with one more field, of this raw JSON text.
    fn text_with(&self, raw: &str) -> String {
        let text = self.text();
        let inside = text.strip_suffix('}').unwrap_or(&text);
        let comma = if inside.ends_with('{') { "" } else { "," };
        format!("{inside}{comma}\"framegate\":{raw}}}")
    }

    /// True if the schema of the frame takes this value.
    fn accepts(&self, frame: &str, value: &Value) -> bool {
        self.pack.schemas.get(frame).is_none_or(|schema| schema.accepts(value))
    }
}

/// The fields that tell frames apart, as pointers.
fn discriminators(pack: &Pack) -> Vec<String> {
    let pointer = |name: &String| if name.starts_with('/') { name.clone() } else { format!("/{name}") };
    pack.manifest.discriminator.iter().map(pointer).collect()
}
