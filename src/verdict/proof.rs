//! What a proof of the checks found out: which mutant was noticed by what, and where nothing looks.

use std::collections::BTreeMap;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::transcript::Role;

/// The kill matrix of one pack, mutant by mutant.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Proof {
    /// Id of the pack.
    pub protocol: String,
    /// Ids of all cases.
    pub cases: Vec<String>,
    /// The requirements that are judged: the checks.
    pub checks: Vec<Check>,
    /// Names of the peers that implement nothing, each played against every case.
    pub nulls: Vec<String>,
    /// Cases that the faultless reference peers do not pass: nothing is proved while there are any.
    pub broken: Vec<String>,
    /// Every mutant.
    pub tried: Vec<Tried>,
    /// Requirements that no mutant breaks.
    pub holes: Vec<Hole>,
    /// Cases that a null peer passes.
    pub vacuous: Vec<Vacuous>,
    /// Time on the wall.
    pub wall: Duration,
    /// Protocol time of all conversations.
    pub simulated: Duration,
}

/// A requirement that is judged.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Check {
    /// Id of the requirement.
    pub id: String,
    /// The side that it binds.
    pub side: Role,
    /// Its sentence.
    pub text: String,
}

/// One mutant and what became of it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Tried {
    /// Its id.
    pub id: String,
    /// The side that deviates.
    pub side: Role,
    /// What it does.
    pub what: String,
    /// The requirements of which it must trip one.
    pub trips: Vec<String>,
    /// What became of it.
    pub state: State,
    /// Every requirement that was found broken where it was played, each with the first case that showed it.
    pub broke: BTreeMap<String, String>,
    /// How many cases it was played against.
    pub cases: usize,
}

/// What became of a mutant.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum State {
    /// A requirement that it must trip was found broken.
    Killed {
        /// By this case.
        case: String,
        /// This one.
        requirement: String,
    },
    /// It was noticed, but for another reason.
    KilledOtherwise {
        /// By this case.
        case: String,
        /// The requirement that was found broken instead.
        requirement: String,
    },
    /// Nothing noticed it.
    Survived,
    /// It never deviated: no case brings it to what it would do differently.
    NotApplied,
    /// Nothing notices it, and that is right.
    Excused {
        /// Why.
        reason: String,
    },
}

/// A requirement that no mutant breaks.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Hole {
    /// Its id.
    pub requirement: String,
    /// How many mutants should have broken it.
    pub mutants: usize,
}

/// A case that a peer passes which implements nothing.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Vacuous {
    /// The case.
    pub case: String,
    /// The null peer.
    pub peer: String,
    /// Why that is right, if the pack says so.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
}

/// How many mutants came out how.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Tally {
    /// Mutants that deviated at least once, the excused ones left out.
    pub applied: usize,
    /// Killed for the right reason.
    pub killed: usize,
    /// Killed for another reason.
    pub killed_otherwise: usize,
    /// Not noticed.
    pub survived: usize,
    /// Never deviated.
    pub not_applied: usize,
    /// Excused.
    pub excused: usize,
}

impl State {
    /// The state in words.
    pub fn as_str(&self) -> &'static str {
        match self {
            Self::Killed { .. } => "killed",
            Self::KilledOtherwise { .. } => "killed otherwise",
            Self::Survived => "survived",
            Self::NotApplied => "not applied",
            Self::Excused { .. } => "excused",
        }
    }
}

impl Proof {
    /// The counts that follow.
    pub fn tally(&self) -> Tally {
        let count = |is: fn(&State) -> bool| self.tried.iter().filter(|tried| is(&tried.state)).count();
        let killed = count(|state| matches!(state, State::Killed { .. }));
        let killed_otherwise = count(|state| matches!(state, State::KilledOtherwise { .. }));
        let survived = count(|state| *state == State::Survived);
        Tally {
            applied: killed + killed_otherwise + survived,
            killed,
            killed_otherwise,
            survived,
            not_applied: count(|state| *state == State::NotApplied),
            excused: count(|state| matches!(state, State::Excused { .. })),
        }
    }

    /// True if every check can fail: nothing survived, no hole, no vacuous case without a reason, at least 95 in 100 killed for the right
    /// reason, fewer than 2 in 100 excused.
    pub fn holds(&self) -> bool {
        let tally = self.tally();
        let all = tally.applied + tally.excused;
        self.broken.is_empty()
            && tally.survived == 0
            && self.holes.is_empty()
            && self.vacuous.iter().all(|vacuous| vacuous.reason.is_some())
            && tally.killed * 100 >= tally.applied * 95
            && tally.excused * 100 < all.max(1) * 2
    }
}
