//! What is fuzzed in our own code: one function a target, each from bytes to nothing, or to a panic that says what does not hold.
//!
//! The files of `fuzz_targets` are shims over these. On stable each of them is a program that takes inputs as files.

mod codec;
mod conversation;
mod machine;
mod rendering;
pub mod seed;
mod text;

use std::sync::{Arc, LazyLock};

use framegate::pack::{Library, Settings};
use framegate::suite::Bound;

pub use codec::frame_codec;
pub use conversation::{conversation, messages, minimizer, scenario};
pub use machine::machine;
pub use rendering::report_rendering;
pub use text::{json_text, matching, pack_loading, rules, scenario_loading, schemas, templates, transcript_import};

/// A target: its name and its function.
pub type Target = (&'static str, fn(&[u8]));

/// All targets.
pub const TARGETS: [Target; 14] = [
    ("conversation", conversation),
    ("frame_codec", frame_codec),
    ("json_text", json_text),
    ("machine", machine),
    ("matching", matching),
    ("messages", messages),
    ("minimizer", minimizer),
    ("pack_loading", pack_loading),
    ("report_rendering", report_rendering),
    ("rules", rules),
    ("scenario_loading", scenario_loading),
    ("schemas", schemas),
    ("templates", templates),
    ("transcript_import", transcript_import),
];

/// The pack that targets play with.
pub(crate) static BOUND: LazyLock<Bound> = LazyLock::new(|| {
    let pack = Library::builtin().load("goclaw").expect("the built-in pack is sound, as a test holds");
    let settings = Arc::new(Settings::embedded(&pack.manifest));
    Bound { pack: Arc::new(pack), settings }
});

/// Runs a target on the files that are named on the command line: what a target's program does where there is no libFuzzer.
pub fn replay_files(target: fn(&[u8])) {
    for path in std::env::args_os().skip(1) {
        match std::fs::read(&path) {
            Ok(data) => target(&data),
            Err(error) => panic!("failed to read {}: {error}", path.to_string_lossy()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// How many seeds of a target are tried with every byte changed; of the others every sixteenth.
    const CLOSELY: usize = 4;
    /// The longest seed that is tried with bytes changed.
    const LONGEST: usize = 400;

    #[test]
    fn every_target_takes_its_seeds_and_what_is_near_them() {
        for (name, target) in TARGETS {
            let step = if ["minimizer", "conversation", "messages", "report_rendering", "pack_loading"].contains(&name) { 24 } else { 1 };
            for (index, seed) in seed::seeds(name).iter().take(40).enumerate() {
                target(seed);
                let every = if index < CLOSELY { step } else { 16 * step };
                for cut in (0..seed.len().min(LONGEST)).step_by(every) {
                    target(&seed[..cut]);
                    let mut flipped = seed.clone();
                    flipped[cut] ^= 1;
                    target(&flipped);
                }
            }
        }
    }

    #[test]
    fn every_target_has_its_file_and_its_place_in_the_manifest() {
        let manifest = std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/Cargo.toml")).unwrap();
        for (name, _) in TARGETS {
            let path = format!("{}/fuzz_targets/{name}.rs", env!("CARGO_MANIFEST_DIR"));
            assert!(std::fs::read_to_string(&path).is_ok_and(|text| text.contains(name)), "{path}");
            assert!(manifest.contains(&format!("name = \"{name}\"")), "{name}");
        }
        assert_eq!(manifest.matches("[[bin]]").count(), TARGETS.len());
    }
}
