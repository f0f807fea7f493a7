//! What a failure looks like, without what differs from run to run.

use crate::verdict::Finding;

/// Words of at least this length with a digit in them are taken for ids, and numbers of at least this many digits for times and ports.
const ID: usize = 8;
const NUMBER: usize = 5;

const UNITS: [&str; 7] = ["ns", "µs", "us", "ms", "s", "m", "h"];

/// Sixteen hexadecimal digits that stay the same as long as the failure does: of the requirement, and of what was expected and what came,
/// without times, ids and large numbers.
pub fn signature(finding: &Finding) -> String {
    let text = [finding.requirement.clone(), timeless(&finding.expected), timeless(&finding.actual)].join("\n");
    format!("{:016x}", hash(text.as_bytes()))
}

/// FNV-1a: small, and the same on every machine and in every version.
fn hash(bytes: &[u8]) -> u64 {
    bytes.iter().fold(0xcbf2_9ce4_8422_2325, |hash, byte| (hash ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3))
}

/// The text with `#` for every word that tells a time or an id.
fn timeless(text: &str) -> String {
    let mut kept: Vec<String> = Vec::new();
    for word in words(text) {
        if UNITS.contains(&word) && follows_number(&kept) {
            kept.pop_if(|last| last == " ");
            kept.pop();
            kept.push("#".to_owned());
        } else {
            kept.push(if is_passing(word) { "#".to_owned() } else { word.to_owned() });
        }
    }
    kept.concat()
}

/// Runs of letters, digits, points and hyphens, and each other character by itself.
fn words(text: &str) -> impl Iterator<Item = &str> {
    let mut rest = text;
    std::iter::from_fn(move || {
        let first = rest.chars().next()?;
        let end = if is_of_word(first) { rest.find(|c| !is_of_word(c)).unwrap_or(rest.len()) } else { first.len_utf8() };
        let (word, after) = rest.split_at(end);
        rest = after;
        Some(word)
    })
}

fn is_of_word(c: char) -> bool {
    c.is_alphanumeric() || "-_.".contains(c)
}

/// True if what was kept ends with a number, and perhaps a blank.
fn follows_number(kept: &[String]) -> bool {
    let last = kept.iter().rev().find(|word| *word != " ");
    last.is_some_and(|word| {
        word == "#" || (word.chars().all(|c| c.is_ascii_digit() || c == '.') && word.contains(|c: char| c.is_ascii_digit()))
    })
}

fn is_passing(word: &str) -> bool {
    let digits = word.chars().filter(char::is_ascii_digit).count();
    let unit = UNITS.iter().filter_map(|unit| word.strip_suffix(unit)).any(|number| number.parse::<f64>().is_ok());
    unit || (digits > 0 && word.chars().count() >= ID) || (digits >= NUMBER && word.parse::<f64>().is_ok())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::verdict::Severity;

    fn of(actual: &str) -> String {
        signature(&Finding::harness(Severity::Fail, "an answer", actual))
    }

    #[test]
    fn times_ids_and_large_numbers_do_not_matter() {
        let same = [
            ("nothing within 5.0 s", "nothing within 12.34 s"),
            ("after 120ms", "after 7s"),
            ("id 5f0c2ffb-8f4b-4a0e-9b54-3f6d6a3c9f01", "id 6a1d3aac-9f4b-4a0e-9b54-3f6d6a3c9f01"),
            ("port 50123 refused", "port 43210 refused"),
        ];
        for (one, other) in same {
            assert_eq!(of(one), of(other), "{one} / {other}");
        }
    }

    #[test]
    fn what_a_person_would_call_another_failure_is_another() {
        for (one, other) in
            [("close 1008", "close 1011"), ("`error`", "`result`"), ("status 401", "status 403"), ("nothing", "nothing at all")]
        {
            assert_ne!(of(one), of(other), "{one} / {other}");
        }
    }

    #[test]
    fn a_signature_is_the_same_in_every_version() {
        assert_eq!(format!("{:016x}", hash(b"a")), "af63dc4c8601ec8c");
    }
}
