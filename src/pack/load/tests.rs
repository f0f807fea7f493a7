//! Broken packs: each mistake is shown with its file, line and column, and underlined.

use std::path::Path;

use proptest::prelude::*;

use super::library::Library;

const PACK: &str = "scenarios/demo/pack.yaml";
const REQUIREMENTS: &str = "scenarios/demo/requirements.yaml";
const MACHINE: &str = "scenarios/demo/machine.yaml";
const FAULTS: &str = "scenarios/demo/faults.yaml";
const BAD_TOKEN: &str = "scenarios/demo/server/bad-token.yaml";
const WATCH: &str = "scenarios/demo/server/watch.yaml";
const ROWS: &str = "scenarios/demo/server/call-before-hello.yaml";
const CALLS: &str = "scenarios/demo/client/calls.yaml";
const HELLO_SCHEMA: &str = "schemas/demo/hello.schema.json";
const COMMON_SCHEMA: &str = "schemas/demo/common.schema.json";

const DEMO: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/packs/demo");

fn demo() -> Library {
    Library::open(Path::new(DEMO)).unwrap()
}

/// The rendered mistakes of the demo pack after one change in one file. `<<` and `>>` in the new text only mark a place.
fn broken(path: &str, from: &str, to: &str) -> String {
    let mut library = demo();
    library.edit(path, |text| {
        assert!(text.contains(from), "{path} does not contain {from}");
        text.replacen(from, &to.replace("<<", "").replace(">>", ""), 1)
    });
    library.lint("demo").render(false)
}

/// After the change the title is shown, with the file, the line and the column of what stands between `<<` and `>>`, and with carets below
/// that.
#[track_caller]
fn check(path: &str, from: &str, to: &str, title: &str) {
    let text = broken(path, from, to);
    assert!(text.contains(&format!("error: {title}")), "`{title}` is not in:\n{text}");
    let original = std::fs::read_to_string(Path::new(DEMO).join(path)).unwrap();
    let (before, rest) = original.replacen(from, to, 1).split_once("<<").map(|(a, b)| (a.to_owned(), b.to_owned())).unwrap();
    let underlined = rest.split(">>").next().unwrap();
    let line = before.matches('\n').count() + 1;
    let column = before.chars().rev().take_while(|c| *c != '\n').count() + 1;
    assert!(text.contains(&format!("{path}:{line}:{column}\n")), "{path}:{line}:{column} is not in:\n{text}");
    let length = underlined.chars().count().max(1);
    let marked = text.lines().zip(text.lines().skip(1)).any(|(above, below)| {
        let above = above.trim_start().strip_prefix(&line.to_string()).and_then(|rest| rest.split_once("| "));
        let signs = below.split_once("| ").map(|(_, rest)| rest.chars().skip(column - 1).take_while(|c| *c == '^').count());
        above.is_some_and(|(_, rest)| rest.contains(underlined)) && signs == Some(length)
    });
    assert!(marked, "`{underlined}` is not underlined in:\n{text}");
}

#[test]
fn the_demo_pack_is_sound() {
    assert_eq!(demo().lint("demo").render(false), "");
}

#[test]
fn line_ends_of_windows_change_nothing() {
    let mut library = demo();
    for path in library.paths().cloned().collect::<Vec<_>>() {
        library.edit(&path, |text| text.replace('\n', "\r\n"));
    }
    assert_eq!(library.lint("demo").render(false), "");
    library.edit(PACK, |text| text.replace("from: client", "from: clietn"));
    assert!(library.lint("demo").render(false).contains("pack.yaml:13:11"));
}

#[test]
fn a_pack_that_does_not_exist_is_named_with_those_that_do() {
    let error = demo().load("dmeo").unwrap_err();
    assert!(error.diagnostics.contains("there is no pack `dmeo`; there are `demo`"), "{error}");
    assert_eq!(error.mistakes, 1);
    assert!(Library::open(Path::new("no/such/folder")).unwrap_err().diagnostics.contains("no/such/folder/scenarios"));
}

#[test]
fn what_is_no_yaml_or_costs_too_much_is_refused_where_it_stands() {
    check(PACK, "id: demo", "id: <<@>>demo", "this is no YAML");
    check(PACK, "id: demo", "id: demo\n<<id>>: demo2", "the key `id` stands here twice");
    check(PACK, "id: demo", "a: <<&a>> [x]\nb: *a", "anchors and tags are not allowed");
    check(PACK, "id: demo", "a: &a [x]\nb: <<*a>>", "aliases are not allowed");
    check(PACK, "id: demo", "id: <<!!str>> demo", "anchors and tags are not allowed");
    check(PACK, "id: demo", "? <<[a]>>\n: demo", "a key is a text");
    check(PACK, "id: demo", "id: <<.inf>>", "JSON has no such number");
    check(PACK, "id: demo", "id: demo\n<<--->>\nid: demo", "a file holds one document");
    let bomb = (2..9).map(|n| format!("a{n}: &a{n} [*a{0}, *a{0}, *a{0}, *a{0}]", n - 1)).collect::<Vec<_>>().join("\n");
    check(PACK, "id: demo", &format!("a0: &a0 [x, x]\na1: &a1 [<<*a0>>, *a0]\n{bomb}"), "aliases are not allowed");
    check(PACK, "id: demo", &format!("id: {}<<[>>{}", "[".repeat(63), "]".repeat(64)), "lists and maps nest deeper than 64");
    assert!(broken(PACK, "id: demo", &format!("id: {}", "[".repeat(100_000))).contains("error: "));
    check(PACK, "title: Demo", "t: [éé, {a: é, <<a>>: b}]\nx: Demo", "the key `a` stands here twice");
}

#[test]
fn what_a_format_does_not_allow_is_shown_with_what_it_does() {
    check(PACK, "examples:", "<<exampels>>:", "unknown key `exampels`");
    assert!(broken(PACK, "examples:", "exampels:").contains("did you mean `examples`?"));
    check(PACK, "hello:\n    from: client\n", "<<hello>>:\n", "the key `from` is missing");
    check(PACK, "from: client", "from: <<clietn>>", "expected one of \"client\", \"server\", found \"clietn\"");
    check(PACK, "{carried: frame, what: The first frame carries the token.}", "<<{what: A token.}>>", "the key `carried` is missing");
    check(PACK, "- open: {}", "- <<opne>>: {}", "unknown key `opne`");
    check(PACK, "- open: {}", "- <<open: {}>>\n        mark: a", "at most 1 field, found 2");
    check(PACK, "- open: {}", "- <<open>>:", "expected an object, found null");
    check(PACK, "value: 5s", "value: <<5 seconds>>", "expected a text that fits");
    check(PACK, "value: 5s", "value: <<99999999999999999999s>>", "`99999999999999999999s` is no quantity");
    check(REQUIREMENTS, "rule: {first: {is: hello}}", "rule: <<{}>>", "expected exactly one of the fields `never`, `once`, `first`");
    let two = "rule: <<{first: {is: hello}, last: {is: hello}}>>";
    check(REQUIREMENTS, "rule: {first: {is: hello}}", two, "expected exactly one of the fields `never`, `once`, `first`");
    check(FAULTS, "tree: {value: null}", "tree: <<null>>", "expected");
    check(
        BAD_TOKEN,
        "# yaml-language-server: $schema=../../../../../../schemas/framegate/scenario.schema.json",
        "<<# $schema=../scenario.schema.json>>",
        "the first line names the schema of the file",
    );
}

#[test]
fn every_mistake_of_a_file_comes_at_once() {
    let mut library = demo();
    library.edit(PACK, |text| text.replace("from: client", "from: clietn").replace("what:", "waht:"));
    library.edit(MACHINE, |text| text.replace("start: greeting", "strat: greeting"));
    let mistakes = library.lint("demo");
    let text = mistakes.render(false);
    for part in ["pack.yaml:13:11", "pack.yaml:9:22", "machine.yaml:3:3", "unknown key `strat`", "the key `start` is missing"] {
        assert!(text.contains(part), "{part} is not in:\n{text}");
    }
    assert_eq!(mistakes.len(), library.load("demo").unwrap_err().mistakes);
    assert_eq!(text.matches("error: ").count(), mistakes.len());
    assert!(mistakes.render(true).contains("\u{1b}["));
}

#[test]
fn files_that_are_missing_unreadable_or_not_read_are_named() {
    let mut library = demo();
    library.remove(REQUIREMENTS);
    library.edit("scenarios/demo/sevrer/a.yaml", |_| String::new());
    library.edit("scenarios/demo/server/a.yml", |_| String::new());
    library.edit("schemas/demo/unused.schema.json", |_| "{}".to_owned());
    let text = library.lint("demo").render(false);
    for part in ["this file is missing", "demo/requirements.yaml", "nothing reads this file", "sevrer/a.yaml", "server/a.yml"] {
        assert!(text.contains(part), "{part} is not in:\n{text}");
    }
}

#[test]
fn names_that_nothing_has_are_underlined() {
    check(REQUIREMENTS, "id: demo-hello-first", "id: <<demo-Hello>>", "`demo-Hello` is no id of this file");
    check(REQUIREMENTS, "id: demo-hello-once", "id: <<demo-hello-first>>", "`demo-hello-first` stands here twice");
    check(REQUIREMENTS, "document: page", "document: <<paeg>>", "there is no document `paeg`");
    check(REQUIREMENTS, "{is: welcome}, then", "{is: <<welcom>>}, then", "there is no frame or other observation `welcom`");
    check(REQUIREMENTS, "frames: [hello", "frames: [<<helo>>", "there is no frame `helo`");
    check(REQUIREMENTS, "period: ping_interval", "period: <<ping_intervall>>", "there is no parameter, and no quantity, `ping_intervall`");
    check(REQUIREMENTS, "period: ping_interval", "period: <<max_message>>", "`max_message` is 65536 bytes, not a time");
    check(REQUIREMENTS, "key: /seq", "key: <<seq>>", "`seq` is no JSON Pointer");
    check(REQUIREMENTS, "by: /id", "by: <</id~>>", "`/id~` is no JSON Pointer");
    check(BAD_TOKEN, "twin: hello-good", "twin: <<hello-god>>", "there is no scenario of this side `hello-god`");
    check(BAD_TOKEN, "twin: hello-good", "twin: <<bad-token>>", "the twins of `bad-token` lead back to itself");
    check(BAD_TOKEN, "twin: hello-good", "twin: <<call-before-hello#eco>>", "there is no row of `call-before-hello` `eco`");
    check(BAD_TOKEN, "[demo-token-refused]", "[<<demo-token>>]", "there is no requirement `demo-token`");
    check(BAD_TOKEN, "[demo-token-refused]", "[<<demo-hello-first>>]", "`demo-hello-first` binds the client, not the server");
    check(BAD_TOKEN, "{frame: hello", "{frame: <<helo>>", "there is no frame `helo`");
    check(BAD_TOKEN, "{is: close", "{is: <<closed>>", "there is no frame or other observation `closed`");
    check(BAD_TOKEN, "{is: close", "{is: <<call>>", "`call` comes from the client, never from the server");
    check(BAD_TOKEN, "- open: {}", "- <<accept>>: {}", "`accept` belongs to scenarios that test a client");
    check(BAD_TOKEN, "- open: {}", "- include: <<conected>>", "there is no phase of the server `conected`");
    check(BAD_TOKEN, "- open: {}", "- wait: {for: <<1KiB>>}", "`1KiB` is 1024 bytes, not a time");
    check(BAD_TOKEN, "- open: {}", "- absent: {is: close, since: <<here>>}", "there is no mark before this step `here`");
    check(BAD_TOKEN, "- open: {}", "- message: {hex: <<0y1>>}", "`0y1` is not hex");
    check(BAD_TOKEN, "- open: {}", "- play: {state: <<redy>>, for: 1s}", "there is no state of the harness's machine `redy`");
    check(WATCH, "capabilities: [watch]", "capabilities: [<<wach>>]", "there is no capability `wach`");
    check(WATCH, "covers: [demo-event-order]", "covers: [<<demo-echo-value>>]", "`demo-echo-value` has no rule");
    check(CALLS, "stimuli: [ask]", "stimuli: [<<aks>>]", "there is no stimulus `aks`");
    check(PACK, "stimulus: ask", "stimulus: <<aks>>", "there is no stimulus of the client `aks`");
    check(PACK, "shown: server/bad-token", "shown: <<server/bad>>", "there is no scenario or variant `server/bad`");
    check(FAULTS, "trips: demo-hello-welcome", "trips: <<demo-error-shown>>", "`demo-error-shown` binds the client, not the server");
    check(FAULTS, "without: unknown-method", "without: <<unknown>>", "there is no reaction of this side's machine `unknown`");
    check(FAULTS, "{drop: {is: welcome}}", "{drop: {is: <<hello>>}}", "`hello` comes from the client, never from the server");
    check(MACHINE, "go: ready", "go: <<redy>>", "there is no state `redy`");
    check(MACHINE, "start: keepalive", "start: <<keepaliv>>", "there is no timer `keepaliv`");
    check(MACHINE, "every: ping_interval", "every: <<64KiB>>", "`64KiB` is 65536 bytes, not a time");
    check(MACHINE, "largest_message: max_message", "largest_message: <<ping_interval>>", "`ping_interval` is 30s, not a size");
    check(MACHINE, "{frame: welcome", "{frame: <<hello>>", "`hello` comes from the client, and this is the server");
}

#[test]
fn a_pack_excludes_rules_of_its_layers_with_a_reason() {
    let own = "websocket-client-upgrade-key-fresh: A client of the demo protocol dials once.";
    let excluded = |id: &str| format!("{own}\n  <<{id}>>: It cannot.");
    let check_excluded = |id: &str, mistake: &str| check(PACK, own, &excluded(id), mistake);
    check_excluded("demo-hello-first", "there is no requirement of a layer with a rule `demo-hello-first`");
    check_excluded("websocket-client-pong", "there is no requirement of a layer with a rule `websocket-client-pong`");
    check(PACK, own, &format!("{own}\n  websocket-client-masked: <<\"\">>"), "an exclusion has a reason");
    let mut library = demo();
    library.edit(PACK, |text| text.replace(own, &excluded("websocket-client-masked").replace("<<", "").replace(">>", "")));
    let pack = library.load("demo").unwrap();
    let requirement = pack.requirement("websocket-client-masked").unwrap();
    assert_eq!((requirement.excluded.as_deref(), &requirement.rule), (Some("It cannot."), &None));
}

#[test]
fn trees_and_templates_are_read_before_they_are_used() {
    check(BAD_TOKEN, "{code: 1008}", "{code: {<<$tpye>>: integer}}", "unknown operator `$tpye`");
    check(BAD_TOKEN, "{code: 1008}", "{code: {$type: <<intger>>}}", "there is no type `intger`");
    check(BAD_TOKEN, "{code: 1008}", "{reason: {$regex: <<\"(\">>}}", "this regular expression does not compile");
    check(BAD_TOKEN, "{code: 1008}", "{code: <<{$min: 1, max: 2}>>}", "a tree has operators or keys, not both");
    check(BAD_TOKEN, "no-such-token", "<<\"${token\">>", "`${token` opens a placeholder and does not close it");
    check(BAD_TOKEN, "no-such-token", "<<\"${frame.id}\">>", "nothing is known as `${frame.id}` here");
    check(BAD_TOKEN, "no-such-token", "<<\"${credential.tken}\">>", "there is no credential `tken`");
    check(BAD_TOKEN, "no-such-token", "<<\"${saved.asked.id}\">>", "there is no saved `asked`");
    check(BAD_TOKEN, "no-such-token", "<<\"${index}\">>", "nothing is known as `${index}` here");
    check(ROWS, "\"${row.method}\"", "<<\"${row.methd}\">>", "there is no row `methd`");
    check(MACHINE, "\"${frame.id}\"", "<<\"${var.id}\">>", "there is no var `id`");
    check(MACHINE, "{frame: {token", "{<<farme>>: {token", "there is no thing to guard with `farme`");
}

#[test]
fn what_nothing_judges_and_what_says_nothing_are_mistakes() {
    let excluded = "rule: {first: {is: hello}}\n    excluded: <<No reason.>>";
    check(REQUIREMENTS, "rule: {first: {is: hello}}", excluded, "`demo-hello-first` has a rule and is excluded");
    check(REQUIREMENTS, "excluded: What a user sees is not on the wire.", "excluded: <<\"\">>", "an exclusion has a reason");
    let unjudged =
        "id: <<demo-hello-first>>\n    level: must\n    side: client\n    text: A.\n    source: {document: page, section: A}\n  - id: a";
    check(REQUIREMENTS, "id: demo-hello-first", unjudged, "nothing judges `demo-hello-first`");
    let covers = "title: A client gives each call an id of its own\ncovers: [demo-call-after-welcome, demo-call-id-unique]";
    check(CALLS, covers, "title: <<Nothing>>", "this scenario says nothing");
    check(FAULTS, "id: token-ignored", "id: <<no-welcome>>", "`no-welcome` stands here twice");
    let text = broken(REQUIREMENTS, "{conforms: {frames: [hello, call]}}", "{conforms: {frames: [hello]}}");
    assert!(text.contains("no requirement of the client says that `call` conforms to its schema") && text.contains("pack.yaml:"), "{text}");
}

#[test]
fn the_catalogue_shows_that_its_schemas_bite() {
    check(PACK, "  call:\n", "  <<close>>:\n", "`close` is the name of another observation");
    check(PACK, "  call:\n", "  <<Call>>:\n", "`Call` is no name for a frame");
    check(PACK, "schema: hello.schema.json", "schema: <<helo.schema.json>>", "there is no schema file `helo.schema.json`");
    check(
        PACK,
        "name: ann, token: demo-token}\n    invalid",
        "name: <<5>>, token: x}\n    invalid",
        "the schema of `hello` refuses this example",
    );
    check(
        PACK,
        "- {type: hello, name: ann}",
        "- <<{type: hello, name: ann, token: x}>>",
        "the schema of `hello` accepts this invalid example",
    );
    check(PACK, "- {type: hello, name: ann}", "- <<{type: hallo}>>", "this example does not fit the `match` of `hello`");
    check(PACK, "match: {type: res, ok: false}", "match: {type: res, <<$ok>>: false}", "unknown operator `$ok`");
    let text = broken(PACK, "match: {type: res, ok: true}", "match: {type: res}");
    assert!(text.contains("this example of `error` is recognised as `result`, which stands before it"), "{text}");
    let text = broken(PACK, "      - {type: hello, name: ann}\n", "");
    assert!(text.contains("`hello` has 2 invalid examples, and 3 are the least"), "{text}");
    check(PACK, "pass: [29s, 31s]", "pass: <<[29s, 29s]>>", "this band must hold everything from 30s to 30s");
    check(PACK, "pass: [29s, 31s]", "pass: <<[1B, 31s]>>", "this band is not of the same unit as the value, 30s");
    assert!(broken(PACK, "  reply_time:", "  reply_tme:").contains("the parameter `reply_time` is missing"));
}

#[test]
fn schemas_that_do_not_compile_or_never_end_are_refused_where_they_stand() {
    check(HELLO_SCHEMA, "\"type\": \"object\",", "\"type\": \"object\" <<\">>a\"", "this is no JSON");
    check(HELLO_SCHEMA, "\"type\": \"object\"", "\"type\": <<\"objekt\">>", "expected one of \"array\", \"boolean\"");
    check(HELLO_SCHEMA, "\"type\": \"object\"", "<<\"tpye\">>: \"object\"", "unknown keyword `tpye`");
    check(HELLO_SCHEMA, "\"minLength\": 1", "\"pattern\": <<\"(\">>", "\"(\" is no regex");
    check(HELLO_SCHEMA, "\"minLength\": 1", "\"format\": <<\"uiud\">>", "Unknown format");
    check(HELLO_SCHEMA, "\"minLength\": 1", "\"$ref\": <<\"no.json\">>", "there is no schema file `no.json` in this folder");
    check(
        HELLO_SCHEMA,
        "\"minLength\": 1",
        "\"$ref\": <<\"common.schema.json#/$defs/no\">>",
        "`common.schema.json#/$defs/no` leads nowhere",
    );
    check(HELLO_SCHEMA, "\"minLength\": 1", "\"minLength\": 1, <<\"minLength\">>: 2", "the key `minLength` stands here twice");
    let circle = "\"id\": {\"allOf\": [{\"$ref\": <<\"#/$defs/id\">>}],";
    check(COMMON_SCHEMA, "\"id\": {", circle, "`#/$defs/id` leads in a circle that never ends");
    let itself = "\"title\": \"common\", \"$ref\": <<\"#\">>";
    check(COMMON_SCHEMA, "\"title\": \"common\"", itself, "`#` leads in a circle that never ends");
    let list = "\"id\": {\"items\": {\"$ref\": \"#/$defs/id\"},";
    assert_eq!(broken(COMMON_SCHEMA, "\"id\": {", list), "");
}

#[test]
fn a_phase_that_includes_itself_is_a_mistake() {
    let text = broken(PACK, "    exchange:\n      - send", "    exchange:\n      - include: exchange\n      - send");
    assert!(text.contains("the phase `exchange` includes itself"), "{text}");
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 96, failure_persistence: None, ..ProptestConfig::default() })]

    /// Whatever a file says, loading ends with a pack or with mistakes that can be shown.
    #[test]
    fn no_text_makes_loading_panic(file in 0_usize..16, at in 0_usize..20_000, cut in 0_usize..40, new in "[-\\[\\]{}:,\"'&*!|>%@`# \\n\\t\\r~$é\u{1F600}\u{0}\u{85}a-c0-9]{0,12}") {
        let mut library = demo();
        let path = library.paths().nth(file % library.paths().count()).unwrap().clone();
        library.edit(&path, |text| {
            let position = text.char_indices().map(|(position, _)| position).nth(at % text.chars().count().max(1)).unwrap_or(0);
            let rest: String = text[position..].chars().skip(cut).collect();
            format!("{}{new}{rest}", &text[..position])
        });
        let mistakes = library.lint("demo");
        prop_assert_eq!(mistakes.is_empty(), mistakes.render(true).is_empty());
    }
}
