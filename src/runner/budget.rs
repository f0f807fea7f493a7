//! What all sessions of a run may hold in memory together, and what each of them holds of it.
//!
//! It counts bytes that the other side sent, roughly; it allocates nothing itself.

use std::sync::Arc;
use std::sync::atomic::{AtomicIsize, AtomicUsize, Ordering};

/// What a session may always hold, however much the others do: most conversations are smaller.
const OWN: usize = 512 * 1024;

/// Bytes that the sessions of a run may hold together. Clones are the same budget.
#[derive(Clone, Debug)]
pub struct Budget(Arc<AtomicIsize>);

impl Budget {
    /// A budget of this many bytes.
    pub fn new(bytes: usize) -> Self {
        Self(Arc::new(AtomicIsize::new(isize::try_from(bytes).unwrap_or(isize::MAX))))
    }

    /// The part of one more session, which holds nothing yet.
    pub fn share(&self) -> Share {
        Share(Arc::new(Holding { left: Arc::clone(&self.0), held: AtomicUsize::new(0) }))
    }
}

/// What one session holds. Clones are the same share; when the last is dropped, all is given back.
#[derive(Clone, Debug)]
pub struct Share(Arc<Holding>);

#[derive(Debug)]
struct Holding {
    left: Arc<AtomicIsize>,
    held: AtomicUsize,
}

impl Share {
    /// A share of a budget that nobody else uses and that is never exhausted.
    pub fn unlimited() -> Self {
        Budget::new(usize::MAX).share()
    }

    /// True if so many bytes more may be held.
    pub(super) fn has_room_for(&self, bytes: usize) -> bool {
        let is_left = || isize::try_from(bytes).is_ok_and(|bytes| self.0.left.load(Ordering::Relaxed) >= bytes);
        self.0.held.load(Ordering::Relaxed).saturating_add(bytes) <= OWN || is_left()
    }

    pub(super) fn take(&self, bytes: usize) {
        self.0.held.fetch_add(bytes, Ordering::Relaxed);
        self.0.left.fetch_sub(bytes.cast_signed(), Ordering::Relaxed);
    }

    pub(super) fn give(&self, bytes: usize) {
        self.0.held.fetch_sub(bytes, Ordering::Relaxed);
        self.0.left.fetch_add(bytes.cast_signed(), Ordering::Relaxed);
    }
}

impl Drop for Holding {
    fn drop(&mut self) {
        self.left.fetch_add(self.held.load(Ordering::Relaxed).cast_signed(), Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_session_cannot_take_what_is_another_s_own() {
        let budget = Budget::new(OWN * 2);
        let (greedy, modest) = (budget.share(), budget.share());
        greedy.take(OWN * 2);
        assert!(!greedy.has_room_for(1), "nothing is left");
        assert!(modest.has_room_for(OWN) && !modest.has_room_for(OWN + 1));
        greedy.give(OWN * 2);
        assert!(modest.has_room_for(OWN * 2));
    }

    #[test]
    fn what_a_session_held_is_given_back_with_its_last_handle() {
        let budget = Budget::new(OWN * 2);
        let share = budget.share();
        let clone = share.clone();
        share.take(OWN * 2);
        drop(share);
        assert!(!clone.has_room_for(1));
        drop(clone);
        assert!(budget.share().has_room_for(OWN * 2));
    }
}
