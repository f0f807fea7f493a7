//! Writes the table of pack files that are built into the program: every YAML file under `scenarios/` and every JSON file under `schemas/`.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::{env, fs, io};

/// How deep pack folders nest: `scenarios/<protocol>/regressions/server/<name>.yaml`.
const DEPTH: usize = 5;

fn main() -> io::Result<()> {
    let root = PathBuf::from(env::var_os("CARGO_MANIFEST_DIR").unwrap_or_default());
    let mut paths = Vec::new();
    for folder in ["scenarios", "schemas"] {
        println!("cargo::rerun-if-changed={folder}");
        collect(&root.join(folder), DEPTH, &mut paths)?;
    }
    paths.sort();
    let mut table = String::from("[\n");
    for path in &paths {
        let name = path.strip_prefix(&root).unwrap_or(path).to_string_lossy().replace('\\', "/");
        println!("cargo::rerun-if-changed={name}");
        let _ = writeln!(table, "    ({name:?}, include_str!({:?})),", path.to_string_lossy());
    }
    table.push(']');
    fs::write(PathBuf::from(env::var_os("OUT_DIR").unwrap_or_default()).join("packs.rs"), table)
}

fn collect(folder: &Path, depth: usize, paths: &mut Vec<PathBuf>) -> io::Result<()> {
    if depth == 0 || !folder.is_dir() {
        return Ok(());
    }
    println!("cargo::rerun-if-changed={}", folder.display());
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        if path.is_dir() {
            collect(&path, depth - 1, paths)?;
        } else if path.extension().is_some_and(|extension| extension == "yaml" || extension == "yml" || extension == "json") {
            paths.push(path);
        }
    }
    Ok(())
}
