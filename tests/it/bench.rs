//! Where faulty peers and unusual ones are played: the packs, and the cases in which a change can show.

use std::collections::BTreeSet;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, LazyLock, Mutex};

use framegate::pack::fault::Change;
use framegate::pack::pattern::Names;
use framegate::pack::{Library, Observer, Pack, Settings};
use framegate::peer;
use framegate::plan::{Case, Selection, plan};
use framegate::suite::{Bound, trial};
use framegate::transcript::Role;

/// A pack, and its cases with what its reference peers do in them.
pub(crate) struct Bench {
    pub(crate) bound: Bound,
    tried: Vec<Tried>,
}

/// A case, and what came of it against the reference peer.
pub(crate) struct Tried {
    pub(crate) case: Case,
    /// Names of what the side under test did.
    did: BTreeSet<String>,
    bytes: usize,
}

impl Bench {
    /// All packs of the program.
    pub(crate) fn all() -> &'static [Self] {
        static ALL: LazyLock<Vec<Bench>> = LazyLock::new(|| {
            let library = Library::builtin();
            library.ids().iter().map(|id| Bench::new(library.load(id).unwrap_or_else(|error| panic!("{error}")))).collect()
        });
        &ALL
    }

    fn new(pack: Pack) -> Self {
        let settings = Arc::new(Settings::embedded(&pack.manifest));
        let bound = Bound { pack: Arc::new(pack), settings };
        let mut cases = plan(&bound.pack, &bound.settings, &Selection::default());
        cases.retain(|case| case.skipped.is_none());
        let tried = in_parallel(&cases, |case| Tried::new(&bound, case.clone()));
        Self { bound, tried }
    }

    /// The cases of this side.
    pub(crate) fn of(&self, side: Role) -> impl Iterator<Item = &Tried> {
        self.tried.iter().filter(move |tried| tried.case.side == side)
    }

    /// The cases of this side in which one of the changes can show, the shortest first.
    pub(crate) fn cases(&self, side: Role, changes: &[Change]) -> Vec<&Tried> {
        let can_show = |tried: &&Tried| changes.iter().any(|change| tried.can_show(change));
        let mut tried: Vec<_> = self.of(side).filter(can_show).collect();
        tried.sort_by_key(|tried| tried.bytes);
        tried
    }
}

impl Tried {
    fn new(bound: &Bound, case: Case) -> Self {
        let mut target = peer::faulty(bound.pack.clone(), bound.settings.clone(), case.side, &[]).0;
        let transcript = trial(bound, &case, &mut *target).transcript;
        let observations = Observer::observe_all(&bound.pack.manifest.frames, &transcript.events);
        let did =
            observations.into_iter().filter(|observation| observation.from == case.side).map(|observation| observation.name).collect();
        let bytes = transcript.to_json_lines().len();
        Self { case, did, bytes }
    }

    /// True if as much is said in it as in a hundred others.
    pub(crate) fn is_long(&self) -> bool {
        self.bytes > 200_000
    }

    /// What this side never says in a case, no change of it can show there.
    fn can_show(&self, change: &Change) -> bool {
        said(change).is_none_or(|names| names.0.iter().any(|name| matches!(name.as_str(), "message" | "frame") || self.did.contains(name)))
    }
}

/// The words that the change bears upon, if it bears upon words alone.
fn said(change: &Change) -> Option<&Names> {
    Some(match change {
        Change::Drop(of) | Change::Repeat(of) | Change::Swap(of) | Change::Leak(of) => &of.is,
        Change::Delay(delay) => &delay.of.is,
        Change::Set(set) => &set.of.is,
        Change::Unset(unset) | Change::Freeze(unset) => &unset.of.is,
        Change::Put(put) => &put.of.is,
        Change::Replace(replace) | Change::Precede(replace) | Change::Add(replace) => &replace.of.is,
        Change::AddFrame(add) => &add.of.is,
        Change::Bend(bend) => &bend.of.is,
        Change::Fragment(fragment) => &fragment.of.is,
        Change::CloseAfter(close) => &close.of.is,
        _ => return None,
    })
}

/// Applies a function to every item on several threads, and keeps the order.
pub(crate) fn in_parallel<T: Sync, R: Send>(items: &[T], apply: impl Fn(&T) -> R + Sync) -> Vec<R> {
    let results: Vec<Mutex<Option<R>>> = items.iter().map(|_| Mutex::new(None)).collect();
    let next = AtomicUsize::new(0);
    std::thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| {
                while let Some((item, result)) = {
                    let index = next.fetch_add(1, Ordering::Relaxed);
                    items.get(index).zip(results.get(index))
                } {
                    *result.lock().unwrap() = Some(apply(item));
                }
            });
        }
    });
    results.into_iter().map(|result| result.into_inner().unwrap().unwrap()).collect()
}
