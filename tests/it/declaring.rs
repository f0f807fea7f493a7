//! A target that declares nothing is asked what can be asked without, and the rest is skipped, each case with what it waits for.

use std::collections::BTreeSet;
use std::sync::Arc;

use framegate::pack::{Library, Settings};
use framegate::peer;
use framegate::plan::{Selection, plan};
use framegate::suite::{self, Bound};
use framegate::transcript::Role;
use framegate::verdict::{Severity, Verdict};

#[test]
fn a_target_that_declares_nothing_is_blamed_for_nothing_and_asked_what_can_be_asked() {
    let mut asked = 0;
    for id in Library::builtin().ids() {
        let pack = Arc::new(Library::builtin().load(&id).unwrap());
        let everything = Arc::new(Settings::embedded(&pack.manifest));
        let bound = Bound { settings: Arc::new(Settings::live(&pack.manifest)), pack: pack.clone() };
        let (locked, open): (Vec<_>, Vec<_>) =
            plan(&pack, &bound.settings, &Selection::default()).into_iter().partition(|case| case.skipped.is_some());
        let unexplained: Vec<_> = locked.iter().filter(|case| case.lacks.is_empty()).map(|case| &case.id).collect();
        assert_eq!(unexplained, Vec::<&String>::new());
        asked += open.len();
        for case in open {
            let mut target = peer::faulty(pack.clone(), everything.clone(), case.side, &[]).0;
            let result = suite::trial(&bound, &case, &mut *target);
            assert_eq!(result.verdict(), Verdict::Pass, "{}: {:#?}", case.id, result.findings);
        }
    }
    assert!(asked > 400, "{asked}");
}

/// What a server breaks that is as good as the reference peer, and knows none of the credentials that it is given.
fn broken_by_strangers(id: &str) -> Vec<String> {
    let pack = Arc::new(Library::builtin().load(id).unwrap());
    let known = Settings::embedded(&pack.manifest);
    let changed = known.credentials.iter().map(|(name, value)| (name.clone(), format!("{value}-of-somebody-else")));
    let others = Arc::new(Settings { credentials: changed.collect(), ..known.clone() });
    let bound = Bound { settings: Arc::new(known), pack: pack.clone() };
    let cases = plan(&pack, &bound.settings, &Selection { side: Some(Role::Server), ..Selection::default() });
    let play = |case| suite::trial(&bound, case, &mut *peer::faulty(pack.clone(), others.clone(), Role::Server, &[]).0);
    let mut results: Vec<_> = cases.iter().map(play).collect();
    suite::doubt_without_twin(&cases.iter().collect::<Vec<_>>(), &mut results);
    let told =
        results.iter().flat_map(|result| &result.findings).filter(|finding| matches!(finding.severity, Severity::Warn | Severity::Fail));
    let broken: BTreeSet<_> = told.map(|finding| finding.requirement.clone()).collect();
    broken.into_iter().collect()
}

#[test]
fn a_server_that_refuses_our_credentials_is_blamed_for_that_alone() {
    let nothing: [&str; 0] = [];
    assert_eq!(broken_by_strangers("aius"), ["aius-ready-sent"]);
    assert_eq!(broken_by_strangers("goclaw"), ["goclaw-role-admin"]);
    assert_eq!(broken_by_strangers("polyclaw"), nothing);
    assert_eq!(broken_by_strangers("aether"), ["aether-auth-subprotocol"]);
    assert_eq!(broken_by_strangers("z4j"), nothing);
}
