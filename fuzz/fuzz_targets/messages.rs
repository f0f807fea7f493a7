//! libFuzzer's way to `framegate_fuzz::messages`.

#![cfg_attr(fuzzing, no_main)]

#[cfg(fuzzing)]
libfuzzer_sys::fuzz_target!(|data: &[u8]| framegate_fuzz::messages(data));

#[cfg(not(fuzzing))]
fn main() {
    framegate_fuzz::replay_files(framegate_fuzz::messages);
}
