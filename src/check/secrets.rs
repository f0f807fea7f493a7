//! Keeps credentials out of findings, which quote what was said.

use crate::pack::{Pack, Settings};
use crate::verdict::Finding;

/// Shorter texts are left: to replace them would garble findings and hide nothing.
const SHORTEST: usize = 4;

/// Puts the names of credentials in the place of their values, unless the pack calls them public.
pub(super) fn hide(pack: &Pack, settings: &Settings, findings: &mut [Finding]) {
    let is_public = |name: &str| pack.manifest.credentials.get(name).is_some_and(|credential| credential.public);
    let secret = settings.credentials.iter().filter(|(name, value)| value.len() >= SHORTEST && !is_public(name));
    let mut secrets: Vec<_> = secret.map(|(name, value)| (value.as_str(), format!("(credential {name})"))).collect();
    secrets.sort_by_key(|(value, _)| std::cmp::Reverse(value.len()));
    for finding in findings {
        for (value, name) in &secrets {
            for phrase in [&mut finding.expected, &mut finding.actual] {
                if phrase.contains(value) {
                    *phrase = phrase.replace(value, name);
                }
            }
        }
    }
}
