//! What the reference peers come out with stands in `reports/<protocol>/expected.json`. A change shows as a diff; `FRAMEGATE_BLESS=1`
//! writes the files anew.

use std::fmt::Write as _;
use std::fs;
use std::path::PathBuf;
use std::sync::Arc;

use framegate::pack::{Library, Settings};
use framegate::plan::Selection;
use framegate::runner::Stop;
use framegate::suite::{self, Bound, Options, Silent, Subject};
use framegate::verdict::Report;

fn embedded(id: &str) -> Report {
    let pack = Arc::new(Library::builtin().load(id).unwrap());
    let settings = Arc::new(Settings::embedded(&pack.manifest));
    let subject = Subject::Embedded { changes: None };
    suite::run(&[Bound { pack, settings }], &Selection::default(), &subject, &Options::default(), &Silent, &Stop::default())
}

/// One line a case and one a requirement, so that a diff reads.
fn golden(report: &Report) -> String {
    let cases: Vec<_> = report.cases.iter().map(|case| format!("    \"{}\": \"{}\"", case.id, case.verdict().as_str())).collect();
    let outcome = |outcome| serde_json::to_string(&outcome).unwrap();
    let requirements: Vec<_> = report
        .requirements
        .iter()
        .map(|requirement| match &requirement.excluded {
            Some(_) => format!("    \"{}\": \"excluded\"", requirement.id),
            None => format!("    \"{}\": {}", requirement.id, outcome(requirement.outcome)),
        })
        .collect();
    let mut text = String::new();
    let _ =
        write!(text, "{{\n  \"cases\": {{\n{}\n  }},\n  \"requirements\": {{\n{}\n  }}\n}}\n", cases.join(",\n"), requirements.join(",\n"));
    text
}

#[test]
fn the_reference_peers_come_out_as_expected() {
    for id in Library::builtin().ids() {
        let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("reports").join(&id).join("expected.json");
        let actual = golden(&embedded(&id));
        if std::env::var_os("FRAMEGATE_BLESS").is_some() {
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(&path, &actual).unwrap();
        }
        let expected = fs::read_to_string(&path).unwrap_or_default();
        let changed: Vec<_> = actual.lines().filter(|line| !expected.lines().any(|known| known == *line)).collect();
        assert_eq!(changed, Vec::<&str>::new(), "{} differs; look at each line before you bless it", path.display());
        assert_eq!(actual, expected, "{} has lines that no longer occur", path.display());
    }
}

#[test]
fn a_run_is_the_same_each_time() {
    let id = Library::builtin().ids().into_iter().next().unwrap();
    let transcripts = |report: Report| report.cases.into_iter().map(|case| case.transcript.to_json_lines()).collect::<Vec<_>>();
    assert_eq!(transcripts(embedded(&id)), transcripts(embedded(&id)));
}
