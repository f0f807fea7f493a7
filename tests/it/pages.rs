//! The pages of `docs` and the README do what they say: their files are written, their commands run, and what is printed is compared.
//!
//! A fenced block with the info string `yaml PATH` or `json PATH` writes a file, `diff PATH` changes one, and `console` runs the lines that
//! begin with `$ ` and compares what they print. `[..]` stands for anything in a line, a line `...` for any lines. Behind `console`, `exit=N`
//! says how the last command ends, `not-run` that nothing is run, and `beside=PROTOCOL` or `beside=PROTOCOL,FAULT` that a reference server
//! listens where the page says `127.0.0.1:8080`.

use std::fs;
use std::io::{BufRead as _, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use regex::Regex;

#[test]
#[cfg(unix)]
fn the_first_steps_of_the_readme_can_be_gone() {
    go_through("README.md");
}

#[test]
#[cfg(unix)]
fn a_newcomer_who_follows_the_guide_sees_what_it_shows() {
    go_through("docs/writing-a-pack.md");
}

#[test]
#[cfg(unix)]
fn campaigns_go_as_their_page_says() {
    go_through("docs/fuzzing.md");
}

#[test]
#[cfg(unix)]
fn whoever_checks_the_checker_sees_what_the_page_shows() {
    go_through("docs/trust.md");
}

/// A fenced block: the words after the fence, the line on which it begins, and what stands in it.
struct Block {
    words: Vec<String>,
    line: usize,
    text: String,
}

fn go_through(page: &str) {
    let text = fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join(page)).unwrap();
    let folder = tempfile::tempdir().unwrap();
    let mut commands = 0;
    for Block { words, line, text } in blocks(&text) {
        let words: Vec<_> = words.iter().map(String::as_str).collect();
        let place = format!("{page}:{line}");
        match words[..] {
            ["yaml" | "json", path] => write(&folder.path().join(path), &text),
            ["diff", path] => patch(&folder.path().join(path), &text, &place),
            ["console", "not-run"] => {}
            ["console", ref how @ ..] => {
                let value = |key: &str| how.iter().find_map(|word| word.strip_prefix(key));
                let exit = value("exit=").map_or(0, |exit| exit.parse().unwrap());
                let beside = value("beside=").map(Beside::start);
                commands += converse(folder.path(), &text, exit, beside.as_ref(), &place);
            }
            _ => {}
        }
    }
    assert!(commands > 0, "{page} runs no command");
}

fn blocks(page: &str) -> Vec<Block> {
    let mut blocks: Vec<Block> = Vec::new();
    let mut is_open = false;
    for (index, line) in page.lines().enumerate() {
        match line.strip_prefix("```") {
            Some(_) if is_open => is_open = false,
            Some(words) => {
                is_open = true;
                let words = words.split_whitespace().map(str::to_owned).collect();
                blocks.push(Block { words, line: index + 1, text: String::new() });
            }
            None if is_open => {
                let block = blocks.last_mut().unwrap();
                block.text += line;
                block.text += "\n";
            }
            None => {}
        }
    }
    blocks
}

fn write(path: &Path, text: &str) {
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    fs::write(path, text).unwrap();
}

/// Replaces the lines without `+` by those without `-`, wherever in the file they stand.
fn patch(path: &Path, diff: &str, place: &str) {
    let side = |dropped: char| {
        let lines = diff.lines().filter(|line| !line.starts_with(dropped));
        lines.flat_map(|line| [line.get(1..).unwrap_or_default(), "\n"]).collect::<String>()
    };
    let (before, after) = (side('+'), side('-'));
    let text = fs::read_to_string(path).unwrap_or_else(|error| panic!("{place}: {}: {error}", path.display()));
    assert_eq!(text.matches(&before).count(), 1, "{place}: this does not stand once in {}:\n{before}", path.display());
    fs::write(path, text.replacen(&before, &after, 1)).unwrap();
}

/// A reference server that is there for as long as a block is run, and stands where pages say 127.0.0.1:8080.
struct Beside {
    server: Child,
    address: String,
}

impl Beside {
    fn start(what: &str) -> Self {
        let (protocol, fault) = what.split_once(',').map_or((what, None), |(protocol, fault)| (protocol, Some(fault)));
        let mut command = Command::new(env!("CARGO_BIN_EXE_framegate"));
        command.args(["peer", protocol, "server"]).args(fault.into_iter().flat_map(|fault| ["--fault", fault]));
        let mut server = command.stdin(Stdio::null()).stdout(Stdio::piped()).spawn().unwrap();
        let mut line = String::new();
        BufReader::new(server.stdout.take().unwrap()).read_line(&mut line).unwrap();
        let address = line.split("://").nth(1).unwrap().split('/').next().unwrap().trim_end().to_owned();
        Self { server, address }
    }
}

impl Drop for Beside {
    fn drop(&mut self) {
        let _ = self.server.kill();
        let _ = self.server.wait();
    }
}

/// Where a page says that a server listens.
const SAID: &str = "127.0.0.1:8080";

/// Runs the commands of a block; gives how many there were.
fn converse(folder: &Path, block: &str, exit: i32, beside: Option<&Beside>, place: &str) -> usize {
    let exchanges: Vec<_> = format!("\n{block}").split("\n$ ").skip(1).map(str::to_owned).collect();
    for (index, exchange) in exchanges.iter().enumerate() {
        let (command, expected) = exchange.split_once('\n').unwrap_or((exchange, ""));
        let address = beside.map_or(SAID, |beside| &beside.address);
        let (code, printed) = run(folder, &command.replace(SAID, address));
        let printed = printed.replace(address, SAID);
        let wanted = if index + 1 == exchanges.len() { exit } else { 0 };
        assert!(code == wanted && is_as_shown(&printed, expected), "{place}: $ {command}\nexit code {code}, printed:\n{printed}");
    }
    exchanges.len()
}

fn run(folder: &Path, command: &str) -> (i32, String) {
    let program = PathBuf::from(env!("CARGO_BIN_EXE_framegate"));
    let path = format!("{}:{}", program.parent().unwrap().display(), std::env::var("PATH").unwrap_or_default());
    // Who reads the page has a checkout and cargo; the program is built already here.
    let command = command.replace("cargo run -- ", "framegate ");
    let mut shell = Command::new("sh");
    shell.args(["-c", &format!("({command}) 2>&1")]).current_dir(folder);
    let output = shell.env("PATH", path).env("COLUMNS", "100").env("NO_COLOR", "1").output().unwrap();
    (output.status.code().unwrap(), String::from_utf8(output.stdout).unwrap())
}

fn is_as_shown(printed: &str, shown: &str) -> bool {
    if shown.trim().is_empty() {
        return true;
    }
    let pattern = shown.trim_end().split('\n').map(|line| match line {
        "..." => "(?:.*\n)*?".to_owned(),
        line => format!("{}[ ]*\n", regex::escape(line.trim_end()).replace(r"\[\.\.\]", ".*")),
    });
    let pattern = Regex::new(&format!("^{}$", pattern.collect::<String>())).unwrap();
    pattern.is_match(&format!("{}\n", printed.trim_end()))
}
