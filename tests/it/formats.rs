//! The reports that other programs read: their shape, and that nothing a target sends gets out of its place in them.

use std::path::Path;
use std::time::Duration;

use framegate::pack::{Library, Settings};
use framegate::plan::{Selection, plan};
use framegate::report::{Style, console, github, html, junit, markdown, tap};
use framegate::transcript::{Close, Event, Frame, Process, Response, Role, Transcript, What};
use framegate::verdict::{CaseResult, Finding, Level, Report, Severity, Unlock};

use sha2::{Digest as _, Sha256};

use crate::report::{check_golden, report};

/// What would be markup, an end of a block, a command, a mention or a second line somewhere.
const HOSTILE: &str = "</script><script>alert(1)</script><img src=x onerror=alert(1)>]]>--><!--\u{0}\u{1b}[2J\u{9b}\u{202e}\u{ffff}\u{fffe}\u{2028}\r\n\
    not ok 99 - x\n::add-mask::x\n##[add-mask]x\n```\n````\n@all | <b>x</b> [l](javascript:alert(1)) \"'&amp;%0A \\# ${x} {{ 7 * 7 }} {% raw %}";

fn hostile_finding(severity: Severity) -> Finding {
    Finding {
        requirement: HOSTILE.to_owned(),
        level: Level::Must,
        severity,
        text: HOSTILE.to_owned(),
        source: HOSTILE.to_owned(),
        event: Some(0),
        step: None,
        expected: HOSTILE.to_owned(),
        actual: format!("{HOSTILE} {severity:?}"),
        twin: Some(HOSTILE.to_owned()),
    }
}

/// Every text that comes from a target, a pack or a file name is hostile.
pub(crate) fn hostile_report() -> Report {
    let what = [
        What::Opened { session: HOSTILE.to_owned() },
        What::Frame(Frame::text(HOSTILE)),
        What::Frame(Frame::close(Some(&Close { code: 1000, reason: HOSTILE.chars().take(30).collect() }))),
        What::Response(Response { reason: HOSTILE.to_owned(), body: HOSTILE.into(), ..Response::new(401) }.with(HOSTILE, HOSTILE)),
        What::Garbage { bytes: HOSTILE.into(), problem: HOSTILE.to_owned() },
        What::Exited(Process { stderr: HOSTILE.lines().map(ToOwned::to_owned).collect(), ..Process::default() }),
    ];
    let events = what.into_iter().map(|what| Event { at: Duration::ZERO, connection: 2, from: Role::Server, what }).collect();
    let transcript = Transcript { events };
    let plain = report();
    let severities = [Severity::Warn, Severity::Inconclusive, Severity::Fail, Severity::Error];
    let cases = severities.into_iter().enumerate().map(|(index, severity)| CaseResult {
        id: format!("{HOSTILE}{index}"),
        title: HOSTILE.to_owned(),
        protocol: HOSTILE.to_owned(),
        group: HOSTILE.to_owned(),
        findings: vec![hostile_finding(severity)],
        transcript: transcript.clone(),
        repeat: HOSTILE.to_owned(),
        ..plain.cases[1].clone()
    });
    let skipped = CaseResult { skipped: Some(HOSTILE.to_owned()), id: HOSTILE.to_owned(), ..plain.cases[6].clone() };
    let mut requirement = plain.requirements[1].clone();
    (requirement.id, requirement.text, requirement.source) = (HOSTILE.to_owned(), HOSTILE.to_owned(), HOSTILE.to_owned());
    Report {
        cases: cases.chain([skipped]).collect(),
        requirements: vec![requirement],
        target: HOSTILE.to_owned(),
        interrupted: true,
        unfinished: vec![HOSTILE.to_owned()],
        unlocks: vec![Unlock { declare: vec![HOSTILE.to_owned()], requirements: vec![HOSTILE.to_owned()], ..plain.unlocks[0].clone() }],
        ..plain
    }
}

#[test]
fn each_format_shows_the_same_run() {
    check_golden("report.junit.xml", &junit::render(&report()));
    check_golden("report.tap", &tap::render(&report()));
    check_golden("report.md", &markdown::render(&report()));
    check_golden("report.github.txt", &github::render(&report()));
}

/// `.ci/reports` gives these files to the programs that the formats are made for.
#[test]
fn hostile_runs_are_kept_for_foreign_readers() {
    check_golden("hostile.junit.xml", &junit::render(&hostile_report()));
    check_golden("hostile.tap", &tap::render(&hostile_report()));
}

#[test]
fn no_format_lets_a_control_through_or_begins_a_line_with_a_command() {
    let report = hostile_report();
    let texts = [
        console::render(&report, &Style::plain(100)),
        junit::render(&report),
        tap::render(&report),
        markdown::render(&report),
        github::render(&report),
    ];
    for text in texts {
        assert!(text.chars().all(|c| c == '\n' || !(c.is_control() || matches!(c, '\u{202e}' | '\u{2028}'))), "{text:?}");
        assert!(!text.contains("##["), "{text}");
        let commands: Vec<_> = text.lines().filter(|line| line.trim_start().starts_with("::")).collect();
        assert!(
            commands.iter().all(|line| ["::error ", "::warning ", "::notice "].iter().any(|kind| line.starts_with(kind))),
            "{commands:?}"
        );
    }
}

#[test]
fn hostile_text_is_no_markup_in_junit() {
    let text = junit::render(&hostile_report());
    assert!(!text.contains("<script") && !text.contains("<img") && !text.contains("]]>") && !text.contains("<!--"), "{text}");
    assert!(text.contains("&lt;script&gt;alert(1)") && text.contains("\\u{ffff}"));
    // Four cases, one that is skipped and one without a result.
    assert_eq!(text.matches("<testcase ").count(), 6);
    assert!(text.contains(r#"<testsuites name="framegate" tests="6" failures="1" errors="2" "#), "{text}");
}

#[test]
fn hostile_text_makes_no_test_point_and_no_directive_in_tap() {
    let text = tap::render(&hostile_report());
    let points: Vec<_> = text.lines().filter(|line| line.starts_with("ok ") || line.starts_with("not ok ")).collect();
    assert_eq!(points.len(), 5, "{text}");
    let inside = |line: &&str| line.starts_with("  ") || points.contains(line);
    let outside: Vec<_> = text.lines().filter(|line| !inside(line)).collect();
    assert_eq!(outside, ["TAP version 14", "1..6", "Bail out! interrupted: 1 case without a result"]);
    assert!(points[2].starts_with("not ok 3 - ") && !points[2].replace("\\#", "").contains('#'), "{}", points[2]);
}

#[test]
fn hostile_text_stands_in_code_alone_in_markdown() {
    let text = markdown::render(&hostile_report());
    let mut outside = String::new();
    let mut fence = None;
    for line in text.lines() {
        match fence {
            Some(length) if line == "`".repeat(length) => fence = None,
            Some(_) => {}
            None if line.starts_with("```") => fence = Some(line.len() - line.trim_start_matches('`').len()),
            None => outside.push_str(&(without_code_spans(line) + "\n")),
        }
    }
    assert_eq!(fence, None);
    let bare = outside.replace("<details><summary>", "").replace("</summary>", "").replace("</details>", "").replace("\\<", "");
    assert!(!bare.contains('<') && !bare.contains("@all") && !bare.contains("]("), "{bare}");
    let rows: Vec<_> = outside.lines().filter(|line| line.starts_with('|')).collect();
    assert!(rows.iter().all(|row| row.replace("\\\\", "").replace("\\|", "").matches('|').count() == 10), "{rows:?}");
}

/// A line of Markdown without what stands between two runs of backticks of the same length.
fn without_code_spans(line: &str) -> String {
    let mut rest = line;
    let mut outside = String::new();
    while let Some(at) = rest.find('`').filter(|at| !rest[..*at].ends_with('\\')) {
        let run = rest[at..].len() - rest[at..].trim_start_matches('`').len();
        outside.push_str(&rest[..at]);
        let inner = &rest[at + run..];
        let ends = inner.match_indices('`').map(|(end, _)| end).filter(|end| !inner[..*end].ends_with('`'));
        let end = ends.into_iter().find(|end| inner[*end..].len() - inner[*end..].trim_start_matches('`').len() == run);
        rest = end.map_or("", |end| &inner[end + run..]);
    }
    outside + rest
}

#[test]
fn an_annotation_stands_at_the_line_of_the_step_that_asked() {
    let text = github::render(&report());
    let first = text.lines().next().unwrap();
    assert!(first.starts_with("::error file=scenarios/demo/server/early.yaml,line=11,title=demo-hello-first (must)::"), "{first}");
}

#[test]
fn at_most_ten_annotations_of_a_kind_are_written_and_the_last_counts_the_rest() {
    let plain = report();
    let case = |index: usize| {
        let finding = Finding { requirement: format!("demo-{index}"), ..plain.cases[1].findings[0].clone() };
        CaseResult { id: format!("demo/server/{index}"), findings: vec![finding], ..plain.cases[1].clone() }
    };
    let annotations = |count| github::render(&Report { cases: (0..count).map(case).collect(), ..plain.clone() });
    let errors = |text: &str| text.lines().filter(|line| line.starts_with("::error ")).count();
    assert_eq!(errors(&annotations(10)), 10);
    let text = annotations(13);
    assert_eq!(errors(&text), 10);
    assert!(text.contains("::error title=framegate::and 4 more, in the other reports\n"), "{text}");
}

#[test]
fn a_summary_of_a_thousand_breakages_stays_below_what_github_takes() {
    let plain = report();
    let case = |index: usize| {
        let finding = Finding { requirement: format!("demo-{index}"), actual: HOSTILE.repeat(40), ..plain.cases[1].findings[0].clone() };
        CaseResult { id: format!("demo/server/{index}"), findings: vec![finding], ..plain.cases[1].clone() }
    };
    let text = markdown::render(&Report { cases: (0..1000).map(case).collect(), ..plain.clone() });
    assert!(text.len() < 1024 * 1024, "{}", text.len());
    assert!(text.contains(" more, in the other reports.\n"));
}

#[test]
fn reports_of_one_outcome_differ_in_times_alone() {
    let slower = |report: Report| {
        let cases = report.cases.into_iter().map(|case| CaseResult { wall: case.wall * 3, ..case }).collect();
        Report { cases, wall: report.wall * 3, ..report }
    };
    let same = slower(report());
    assert_eq!(tap::render(&report()), tap::render(&same));
    assert_eq!(github::render(&report()), github::render(&same));
    assert_eq!(markdown::render(&report()).replace("12 ms", "36 ms"), markdown::render(&same));
    let timeless = |text: String| text.split('"').filter(|part| part.parse::<f64>().is_err()).collect::<String>();
    assert_eq!(timeless(junit::render(&report())), timeless(junit::render(&same)));
}

#[test]
fn the_page_admits_its_own_script_and_style_alone() {
    let page = html::render(&hostile_report());
    let policy = page.split("Content-Security-Policy\" content=\"").nth(1).unwrap().split('"').next().unwrap();
    let policy = policy.replace("&apos;", "'");
    assert!(policy.starts_with("default-src 'none'; style-src 'sha256-") && !policy.contains("unsafe"), "{policy}");
    for element in ["style", "script"] {
        let inner = page.split(&format!("<{element}>")).nth(1).unwrap().split(&format!("</{element}>")).next().unwrap();
        let hash = data_encoding::BASE64.encode(&Sha256::digest(inner));
        assert!(policy.contains(&format!("{element}-src 'sha256-{hash}'")), "{element}: {policy}");
    }
    assert_eq!((page.matches("<script>").count(), page.matches("<style>").count()), (1, 1));
    for outward in ["http:", "https:", "//cdn", "@import", "url("] {
        let own = page.replace("http://www.w3.org/2000/svg", "");
        assert!(!own.contains(outward), "{outward}");
    }
}

#[test]
fn hostile_text_is_no_markup_in_the_page() {
    let page = html::render(&hostile_report());
    assert!(!page.contains("<img") && !page.contains("<b>x</b>") && !page.contains("alert(1)</script>"));
    assert!(page.chars().all(|c| c == '\n' || !(c.is_control() || matches!(c, '\u{202e}' | '\u{2028}'))));
    assert!(page.contains("&lt;img src=x onerror=alert(1)&gt;") && page.contains("\\u003cscript\\u003ealert(1)"));
    let cases = hostile_report().cases.len();
    assert_eq!(page.matches("<details class=\"case\"").count(), cases);
    assert_eq!(page.matches("<script type=\"application/json\">").count(), cases);
}

#[test]
fn the_page_says_the_same_in_any_case_but_for_times() {
    let report = report();
    assert_eq!(html::render(&report), html::render(&report));
    let slower = Report { wall: Duration::from_millis(36), ..report.clone() };
    assert_eq!(html::render(&report).replace("12 ms", "36 ms"), html::render(&slower));
}

#[test]
fn the_page_puts_what_is_broken_first() {
    let page = html::render(&report());
    let verdicts: Vec<_> = page.split("data-verdict=\"").skip(1).map(|rest| rest.split('"').next().unwrap()).collect();
    assert_eq!(verdicts, ["fail", "fail", "inconclusive", "inconclusive", "warn", "skip", "pass"]);
    let outcomes: Vec<_> = page.split("data-outcome=\"").skip(1).map(|rest| rest.split('"').next().unwrap()).collect();
    assert_eq!(outcomes, ["violated", "violated", "open", "excluded"]);
    assert!(page.contains("scenarios/demo/server/early.yaml:11"));
}

#[test]
fn a_page_of_two_thousand_cases_stays_small() {
    let plain = report();
    let cases = (0..2000).map(|index| CaseResult { id: format!("demo/server/{index}"), ..plain.cases[1].clone() }).collect();
    let page = html::render(&Report { cases, ..plain });
    assert!(page.len() < 20 * 1024 * 1024, "{}", page.len());
}

#[test]
fn a_case_knows_the_line_of_each_of_its_steps_and_a_phase_stands_where_it_is_included() {
    let library = Library::open(Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/packs/demo"))).unwrap();
    let pack = library.load("demo").unwrap();
    let cases = plan(&pack, &Settings::embedded(&pack.manifest), &Selection::default());
    assert!(!cases.is_empty());
    for case in &cases {
        let origin = case.origin.as_ref().unwrap();
        assert_eq!(origin.lines.len(), case.steps.len(), "{}", case.id);
        assert!(origin.lines.is_sorted(), "{}: {:?}", case.id, origin.lines);
    }
    let watch = cases.iter().find(|case| case.id == "demo/server/watch").unwrap().origin.clone().unwrap();
    let file = std::fs::read_to_string(&watch.path).unwrap();
    let included = file.lines().position(|line| line.contains("include: connected")).unwrap() + 1;
    assert!(watch.lines.iter().filter(|line| **line == included).count() > 1, "{watch:?}");
}
