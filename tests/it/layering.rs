//! Imports point down the table at the head of `src/lib.rs`, and nowhere else.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

/// The rooms that each room may use.
fn table() -> BTreeMap<&'static str, BTreeSet<&'static str>> {
    let rows: [(&str, &[&str]); 12] = [
        ("transcript", &[]),
        ("verdict", &["transcript"]),
        ("pack", &["verdict", "transcript"]),
        ("plan", &["pack", "transcript"]),
        ("peer", &["pack", "transcript"]),
        ("runner", &["plan", "peer", "transcript"]),
        ("check", &["pack", "plan", "transcript", "verdict"]),
        ("suite", &["check", "pack", "peer", "plan", "runner", "transcript", "verdict"]),
        ("fuzz", &["pack", "plan", "peer", "runner", "suite", "verdict", "transcript"]),
        ("prove", &["pack", "peer", "plan", "suite", "transcript", "verdict"]),
        ("baseline", &["verdict", "transcript"]),
        ("report", &["verdict", "transcript"]),
    ];
    rows.into_iter().map(|(room, uses)| (room, uses.iter().copied().collect())).collect()
}

fn rust_files(folder: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    entries
        .flat_map(|path| if path.is_dir() { rust_files(&path) } else { vec![path] })
        .filter(|path| path.extension().is_some_and(|extension| extension == "rs"))
        .collect()
}

fn room_of(path: &Path, source: &Path) -> String {
    let first = path.strip_prefix(source).unwrap().components().next().unwrap();
    first.as_os_str().to_str().unwrap().trim_end_matches(".rs").to_owned()
}

/// The rooms that a file names after `crate::`, its tests left out.
fn rooms_used(text: &str) -> BTreeSet<String> {
    let code: String =
        text.split("#[cfg(test)]").next().unwrap_or_default().lines().filter(|line| !line.trim_start().starts_with("//")).collect();
    let mut used = BTreeSet::new();
    for (at, _) in code.match_indices("crate::") {
        let rest = &code[at + "crate::".len()..];
        let names = match rest.strip_prefix('{') {
            Some(list) => list.split('}').next().unwrap_or_default().split(',').map(str::trim).collect(),
            None => vec![rest],
        };
        let room = |name: &str| name.split(|c: char| !c.is_alphanumeric() && c != '_').next().unwrap_or_default().to_owned();
        used.extend(names.into_iter().map(room).filter(|room| !room.is_empty()));
    }
    used
}

#[test]
fn every_arrow_between_rooms_stands_in_the_table() {
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let table = table();
    let mut wrong = Vec::new();
    for path in rust_files(&source) {
        let room = room_of(&path, &source);
        if ["lib", "main", "cli"].contains(&room.as_str()) {
            continue;
        }
        let allowed = table.get(room.as_str()).unwrap_or_else(|| panic!("the room `{room}` is not in the table"));
        let used = rooms_used(&fs::read_to_string(&path).unwrap());
        let outside = used.iter().filter(|used| **used != room && table.contains_key(used.as_str()) && !allowed.contains(used.as_str()));
        wrong.extend(outside.map(|used| format!("{} uses {used}", path.display())));
    }
    assert!(wrong.is_empty(), "arrows that are not in the table:\n{}", wrong.join("\n"));
}

#[test]
fn the_table_has_no_cycle() {
    let mut left = table();
    while !left.is_empty() {
        let free: Vec<_> =
            left.iter().filter(|(_, uses)| uses.iter().all(|used| !left.contains_key(used))).map(|(room, _)| *room).collect();
        assert!(!free.is_empty(), "these rooms use each other in a circle: {:?}", left.keys());
        left.retain(|room, _| !free.contains(room));
    }
}

#[test]
fn only_the_runner_knows_tokio_and_only_the_schema_room_knows_jsonschema() {
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    for path in rust_files(&source) {
        let room = room_of(&path, &source);
        let text = fs::read_to_string(&path).unwrap();
        let code: String = text.lines().filter(|line| !line.trim_start().starts_with("//")).collect();
        assert!(room == "runner" || room == "cli" || !code.contains("tokio::"), "{} uses tokio", path.display());
        assert!(room == "pack" || !code.contains("jsonschema::"), "{} uses jsonschema", path.display());
    }
}

#[test]
fn no_protocol_is_named_in_the_source() {
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    for path in rust_files(&source) {
        let text = fs::read_to_string(&path).unwrap();
        let code = text.split("#[cfg(test)]").next().unwrap_or_default().lines().filter(|line| !line.trim_start().starts_with("//"));
        for line in code {
            let named = ["aius", "polyclaw", "aether", "z4j", "goclaw"].into_iter().find(|name| line.to_lowercase().contains(name));
            assert_eq!(named, None, "{}: {line}", path.display());
        }
    }
}
