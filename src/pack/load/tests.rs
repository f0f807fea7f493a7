//! Broken packs: each mistake is shown with its place.

use std::path::Path;

use super::library::Library;

fn demo() -> Library {
    Library::open(Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/packs/demo"))).unwrap()
}

/// The rendered mistakes of the demo pack after one change in one file.
fn broken(path: &str, from: &str, to: &str) -> String {
    let mut library = demo();
    library.edit(path, |text| {
        assert!(text.contains(from), "{path} does not contain {from}");
        text.replacen(from, to, 1)
    });
    library.lint("demo").render(false)
}

#[track_caller]
fn check(path: &str, from: &str, to: &str, expected: &[&str]) {
    let text = broken(path, from, to);
    for part in expected {
        assert!(text.contains(part), "`{part}` is not in:\n{text}");
    }
}

#[test]
fn try_ws() {
    let mut library = demo();
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("scenarios/websocket");
    for folder in ["", "server", "client"] {
        for entry in std::fs::read_dir(root.join(folder)).unwrap() {
            let path = entry.unwrap().path();
            if path.is_file() {
                let text = std::fs::read_to_string(&path).unwrap();
                let name = path.file_name().unwrap().to_string_lossy().into_owned();
                let name = if folder.is_empty() { name } else { format!("{folder}/{name}") };
                library.edit(&format!("scenarios/websocket/{name}"), |_| text);
            }
        }
    }
    println!("{}", library.lint("demo").render(false));
}
#[test]
fn try_it() {
    println!("{}", broken("scenarios/demo/pack.yaml", "examples:", "exampels:"));
    println!("{}", broken("scenarios/demo/pack.yaml", "from: client", "from: clietn"));
    println!("{}", broken("scenarios/demo/pack.yaml", "    what: Opens the conversation.\n", ""));
    println!("{}", broken("scenarios/demo/pack.yaml", "  - {carried: frame, what: The", "  - {what: The"));
    println!("{}", broken("scenarios/demo/pack.yaml", "value: 5s", "value: 5 seconds"));
    println!("{}", broken("scenarios/demo/pack.yaml", "value: 5s", "value: 99999999999999999999999s"));
    println!("{}", broken("scenarios/demo/pack.yaml", "- open: {}", "- open: {}\n        accept: {}"));
    println!("{}", broken("scenarios/demo/pack.yaml", "- open: {}", "- open:"));
    println!("{}", broken("scenarios/demo/pack.yaml", "- open: {}", "- opne: {}"));
    println!("{}", broken("scenarios/demo/pack.yaml", "- open: {}", "- [1]: {}"));
    println!("{}", broken("scenarios/demo/pack.yaml", "- open: {}", "- {open: {"));
    println!("{}", broken("scenarios/demo/pack.yaml", "- open: {}", "- &a {open: {}}\n      - *a"));
    println!("{}", broken("scenarios/demo/pack.yaml", "id: demo", "id: demo\nid: demo2"));
    println!("{}", broken("scenarios/demo/pack.yaml", "id: demo", "é: \u{1F600}\nid: demo2\n"));
    println!("{}", broken("scenarios/demo/requirements.yaml", "rule: {first: {is: hello}}", "rule: {}"));
    println!(
        "{}",
        broken("scenarios/demo/requirements.yaml", "rule: {first: {is: hello}}", "rule: {first: {is: hello}, last: {is: hello}}")
    );
    println!("{}", broken("schemas/demo/hello.schema.json", "\"type\": \"object\"", "\"type\": \"objekt\""));
    println!("{}", broken("schemas/demo/hello.schema.json", "\"type\": \"object\",", "\"type\": \"object\""));
    println!("{}", broken("schemas/demo/hello.schema.json", "{\"type\": \"string\"}", "{\"pattern\": \"(\"}"));
    println!("{}", broken("schemas/demo/hello.schema.json", "{\"type\": \"string\"}", "{\"format\": \"uiud\"}"));
    println!("{}", broken("schemas/demo/call.schema.json", "common.schema.json", "comon.schema.json"));
    println!("{}", broken("schemas/demo/call.schema.json", "$defs/id", "$defs/di"));
    println!("{}", broken("schemas/demo/common.schema.json", "{\"type\": \"string\",", "{\"$ref\": \"#/$defs/id\","));
    let deep = format!("id: {}", "[".repeat(200));
    println!("{}", broken("scenarios/demo/pack.yaml", "id: demo", &deep));
    println!("{}", demo().lint("nope").render(false));
}
