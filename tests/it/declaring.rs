//! A target that declares nothing is asked what can be asked without, and the rest is skipped, each case with what it waits for.

use std::sync::Arc;

use framegate::pack::{Library, Settings};
use framegate::peer;
use framegate::plan::{Selection, plan};
use framegate::suite::{self, Bound};
use framegate::transcript::Role;
use framegate::verdict::Verdict;

#[test]
fn a_target_that_declares_nothing_is_blamed_for_nothing_and_asked_what_can_be_asked() {
    for id in Library::builtin().ids() {
        let pack = Arc::new(Library::builtin().load(&id).unwrap());
        let everything = Arc::new(Settings::embedded(&pack.manifest));
        let bound = Bound { settings: Arc::new(Settings::live(&pack.manifest)), pack: pack.clone() };
        let (locked, open): (Vec<_>, Vec<_>) =
            plan(&pack, &bound.settings, &Selection::default()).into_iter().partition(|case| case.skipped.is_some());
        let unexplained: Vec<_> = locked.iter().filter(|case| case.lacks.is_empty()).map(|case| &case.id).collect();
        assert_eq!(unexplained, Vec::<&String>::new());
        assert!(open.iter().any(|case| case.side == Role::Client), "{id}");
        for case in open {
            let mut target = peer::faulty(pack.clone(), everything.clone(), case.side, &[]).0;
            let result = suite::trial(&bound, &case, &mut *target);
            assert_eq!(result.verdict(), Verdict::Pass, "{}: {:#?}", case.id, result.findings);
        }
    }
}
