//! The contract of engines that drive any generator: a command that fills a folder with files, and one that plays a file.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

fn framegate(arguments: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_framegate"));
    command.args(arguments).args(["--packs", "tests/packs/demo"]).current_dir(env!("CARGO_MANIFEST_DIR")).output().unwrap()
}

/// Calls the generator as its engine does; gives what it wrote.
fn generate(folder: &Path, corpus: &Path, files: u32, more: &[&str]) -> Vec<PathBuf> {
    let options =
        [format!("--input_dir={}", corpus.display()), format!("--output_dir={}", folder.display()), format!("--no_of_files={files}")];
    let mut arguments = vec!["fuzz", "demo", "--side", "server"];
    arguments.extend(options.iter().map(String::as_str));
    arguments.extend(more);
    let output = framegate(&arguments);
    assert_eq!(output.status.code(), Some(0), "{}", String::from_utf8_lossy(&output.stderr));
    let mut written: Vec<_> = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    written.sort();
    written
}

fn texts(files: &[PathBuf]) -> Vec<String> {
    files.iter().map(|file| fs::read_to_string(file).unwrap()).collect()
}

#[test]
fn a_generator_writes_the_files_that_it_is_asked_for_and_a_runner_plays_each() {
    let folders = [(); 4].map(|()| tempfile::tempdir().unwrap());
    let [one, other, corpus, empty] = folders.each_ref().map(tempfile::TempDir::path);
    let files = generate(one, corpus, 12, &[]);
    assert_eq!(files.len(), 12);
    assert!(files.iter().all(|file| file.file_name().unwrap().to_string_lossy().starts_with("fuzz-")));
    let again = generate(other, corpus, 12, &[]);
    assert_ne!(texts(&files), texts(&again), "every call gives other files");

    let seeded = |folder: &Path| texts(&generate(&folder.join("seeded"), empty, 5, &["--seed", "9"]));
    assert_eq!(seeded(one), seeded(other), "a seed fixes them");

    // Nothing is said but the file: good files pass, and some break a server that stops to answer what is wrong.
    let play = |file: &PathBuf, more: &[&str]| {
        let path = file.display().to_string();
        framegate(&[&["replay", path.as_str()], more].concat()).status.code().unwrap()
    };
    let codes: BTreeSet<_> = files.iter().map(|file| play(file, &[])).collect();
    assert!(codes.is_subset(&BTreeSet::from([0, 1, 3])), "{codes:?}");
    assert!(codes.contains(&0), "{codes:?}");
}

#[test]
fn an_input_of_libfuzzer_is_written_as_the_conversation_that_it_means() {
    let (folder, corpus) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    fs::write(corpus.path().join("crash-1"), [0, 0, 5, 1]).unwrap();
    fs::write(corpus.path().join("fuzz-0.yaml"), "not an input").unwrap();
    let files = generate(folder.path(), corpus.path(), 3, &["--seed", "1"]);
    let texts = texts(&files);
    assert!(texts[0].contains("the input crash-1") && texts[1].contains("seed 1, try "), "{}", texts[0]);
    assert_eq!(texts.len(), 3);
}

#[test]
fn a_file_that_does_not_say_what_it_is_of_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("fuzz-0.yaml");
    fs::write(&file, "title: x\nsteps: []\n").unwrap();
    let output = framegate(&["replay", &file.display().to_string()]);
    assert_eq!(output.status.code(), Some(2));
    assert!(String::from_utf8_lossy(&output.stderr).contains("--protocol PROTOCOL --side"));
}
