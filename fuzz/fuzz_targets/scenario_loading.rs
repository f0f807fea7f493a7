//! libFuzzer's way to `framegate_fuzz::scenario_loading`.

#![cfg_attr(fuzzing, no_main)]

#[cfg(fuzzing)]
libfuzzer_sys::fuzz_target!(|data: &[u8]| framegate_fuzz::scenario_loading(data));

#[cfg(not(fuzzing))]
fn main() {
    framegate_fuzz::replay_files(framegate_fuzz::scenario_loading);
}
