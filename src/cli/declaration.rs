//! `--set KEY=VALUE`: what a target declares about itself, over what its pack says.

use framegate::pack::parameter::{Parameter, Quantity, QuantityError};
use framegate::pack::{Pack, Settings};
use serde_json::Value;

use super::Failure;

/// One `--set`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Declaration {
    pub(crate) kind: Kind,
    pub(crate) name: String,
    pub(crate) value: String,
}

/// What is declared.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    Credential,
    Stimulus,
    Parameter,
    Capability,
}

impl Kind {
    const ALL: [Self; 4] = [Self::Credential, Self::Stimulus, Self::Parameter, Self::Capability];

    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::Credential => "credential",
            Self::Stimulus => "stimulus",
            Self::Parameter => "parameter",
            Self::Capability => "capability",
        }
    }
}

impl Declaration {
    /// Reads `KEY=VALUE`.
    pub(crate) fn parse(text: &str) -> Result<Self, Failure> {
        let (key, value) = text.split_once('=').ok_or(Failure::Declaration)?;
        let (kind, name) = key.split_once('.').ok_or(Failure::Declaration)?;
        let kind = Kind::ALL.into_iter().find(|known| known.as_str() == kind).ok_or(Failure::Declaration)?;
        Ok(Self { kind, name: name.to_owned(), value: value.to_owned() })
    }

    /// Reads several.
    pub(crate) fn parse_all(texts: &[String]) -> Result<Vec<Self>, Failure> {
        texts.iter().map(|text| Self::parse(text)).collect()
    }

    fn key(&self) -> String {
        format!("{}.{}", self.kind.as_str(), self.name)
    }

    fn problem(&self, problem: impl Into<String>) -> Failure {
        let value = if self.kind == Kind::Credential { "…".to_owned() } else { self.value.clone() };
        Failure::Value { key: self.key(), value, problem: problem.into() }
    }

    /// Writes it into the settings of a pack that knows the name.
    fn apply(&self, settings: &mut Settings) -> Result<(), Failure> {
        match self.kind {
            Kind::Credential => drop(settings.credentials.insert(self.name.clone(), self.value.clone())),
            Kind::Stimulus => drop(settings.stimuli.insert(self.name.clone(), self.value.clone())),
            Kind::Capability => match self.value.as_str() {
                "true" => drop(settings.capabilities.insert(self.name.clone())),
                "false" => drop(settings.capabilities.remove(&self.name)),
                _ => return Err(self.problem("expected true or false")),
            },
            Kind::Parameter => {
                if let Some(known) = settings.parameters.get_mut(&self.name) {
                    *known = parameter(known, &self.value).map_err(|problem| self.problem(problem))?;
                }
            }
        }
        Ok(())
    }
}

/// Applies each declaration to every pack that knows its name; one that no pack knows is a mistake.
pub(crate) fn declare(declarations: &[Declaration], packs: &mut [(&Pack, &mut Settings)]) -> Result<(), Failure> {
    for declaration in declarations {
        let mut is_known = false;
        for (pack, settings) in packs.iter_mut() {
            if names(pack, declaration.kind).contains(&declaration.name) {
                is_known = true;
                declaration.apply(settings)?;
            }
        }
        if !is_known {
            let known = packs.iter().flat_map(|(pack, _)| names(pack, declaration.kind)).collect();
            return Err(Failure::Unknown { kind: declaration.kind.as_str(), name: declaration.name.clone(), known });
        }
    }
    Ok(())
}

fn names(pack: &Pack, kind: Kind) -> Vec<String> {
    let manifest = &pack.manifest;
    match kind {
        Kind::Credential => manifest.credentials.keys().cloned().collect(),
        Kind::Stimulus => manifest.stimuli.keys().cloned().collect(),
        Kind::Parameter => manifest.parameters.keys().cloned().collect(),
        Kind::Capability => manifest.capabilities.keys().cloned().collect(),
    }
}

/// The parameter with the value that this text stands for.
pub(crate) fn parameter(parameter: &Parameter, text: &str) -> Result<Parameter, String> {
    let value = text.parse().map_err(|error: QuantityError| error.to_string())?;
    moved(parameter, value)
}

/// A value of a file as `--set` takes it.
pub(crate) fn text(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), ToOwned::to_owned)
}

/// The least tolerance, in milliseconds, that a moved band keeps of the documented one: schedulers are not exact.
const LEAST_TOLERANCE: u64 = 50;

/// The parameter with another value. Its bands keep their proportion to the value.
fn moved(parameter: &Parameter, value: Quantity) -> Result<Parameter, String> {
    let (old, new) = match (parameter.value, value) {
        (Quantity::Duration(old), Quantity::Duration(new)) => (milliseconds(old), milliseconds(new)),
        (Quantity::Bytes(old), Quantity::Bytes(new)) | (Quantity::Count(old), Quantity::Count(new)) => (old, new),
        (Quantity::Duration(_), _) => return Err("expected a time, such as 500ms, 30s, 5m or 24h".to_owned()),
        (Quantity::Bytes(_), _) => return Err("expected a size, such as 512KiB or 1MB".to_owned()),
        (Quantity::Count(_), _) => return Err("expected a plain number".to_owned()),
    };
    let band = |band: Option<[Quantity; 2]>| band.map(|ends| ends.map(|end| moved_end(end, old, new)));
    Ok(Parameter { value, pass: band(parameter.pass), warn: band(parameter.warn), what: parameter.what.clone() })
}

fn moved_end(end: Quantity, old: u64, new: u64) -> Quantity {
    let least = if matches!(end, Quantity::Duration(_)) { LEAST_TOLERANCE } else { 0 };
    let moved = |end: u64| {
        let distance = end.abs_diff(old);
        let scaled = u128::from(distance) * u128::from(new) / u128::from(old.max(1));
        let distance = u64::try_from(scaled).unwrap_or(u64::MAX).max(distance.min(least));
        if end < old { new.saturating_sub(distance) } else { new.saturating_add(distance) }
    };
    match end {
        Quantity::Duration(end) => Quantity::Duration(std::time::Duration::from_millis(moved(milliseconds(end)))),
        Quantity::Bytes(end) => Quantity::Bytes(moved(end)),
        Quantity::Count(end) => Quantity::Count(moved(end)),
    }
}

fn milliseconds(duration: std::time::Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}

/// The environment variable that holds a credential.
pub(crate) fn variable(credential: &str) -> String {
    let name: String = credential.chars().map(|c| if c.is_ascii_alphanumeric() { c.to_ascii_uppercase() } else { '_' }).collect();
    format!("FRAMEGATE_CREDENTIAL_{name}")
}

/// The credentials of this pack that the environment holds.
pub(crate) fn from_environment(pack: &Pack) -> Vec<Declaration> {
    let held = |name: &String| Some((name.clone(), std::env::var(variable(name)).ok()?));
    let held = pack.manifest.credentials.keys().filter_map(held);
    held.map(|(name, value)| Declaration { kind: Kind::Credential, name, value }).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn quantity(text: &str) -> Quantity {
        text.parse().unwrap()
    }

    fn interval() -> Parameter {
        Parameter {
            value: quantity("30s"),
            pass: Some([quantity("29s"), quantity("31s")]),
            warn: Some([quantity("15s"), quantity("35s")]),
            what: String::new(),
        }
    }

    #[test]
    fn a_declaration_names_its_kind_and_a_broken_one_does_not_repeat_a_secret() {
        let declaration = Declaration::parse("credential.token=a=b").unwrap();
        assert_eq!((declaration.kind, declaration.name.as_str(), declaration.value.as_str()), (Kind::Credential, "token", "a=b"));
        for wrong in ["credential.secret", "secret=1", "thing.secret=1", ""] {
            let problem = Declaration::parse(wrong).unwrap_err().to_string();
            assert!(problem.starts_with("`--set` needs KEY=VALUE") && !problem.contains("secret"), "{problem}");
        }
    }

    #[test]
    fn bands_move_with_their_value_and_keep_room_for_a_scheduler() {
        let moved = |text| moved(&interval(), quantity(text)).unwrap();
        assert_eq!(moved("60s").pass, Some([quantity("58s"), quantity("62s")]));
        assert_eq!(moved("60s").warn, Some([quantity("30s"), quantity("70s")]));
        assert_eq!(moved("300ms").pass, Some([quantity("250ms"), quantity("350ms")]));
        assert_eq!(moved("30s"), interval());
    }

    #[test]
    fn a_time_stays_a_time() {
        assert_eq!(moved(&interval(), quantity("5")).unwrap_err(), "expected a time, such as 500ms, 30s, 5m or 24h");
        let parameter = Parameter { value: Quantity::Bytes(5), pass: None, warn: None, what: String::new() };
        assert!(moved(&parameter, quantity("1KiB")).is_ok() && moved(&parameter, quantity("1s")).is_err());
    }

    #[test]
    fn a_credential_has_its_variable() {
        assert_eq!(variable("api-key.2"), "FRAMEGATE_CREDENTIAL_API_KEY_2");
    }
}
