//! Chance: choices that one seed fixes (`SplitMix64`, on every machine and in every version the same), or that a tape of bytes makes. Not for
//! secrets.
//!
//! Every choice is written down as it is made, in as few bytes as its range needs. So whatever a seed has led to, a tape leads to again, and
//! an engine that knows nothing but bytes can make the choices of a campaign.

/// A stream of choices.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Chance<'a> {
    source: Source<'a>,
    tape: Vec<u8>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Source<'a> {
    Seed(u64),
    Tape(&'a [u8]),
}

const STEP: u64 = 0x9E37_79B9_7F4A_7C15;

impl<'a> Chance<'a> {
    /// The stream of this number under this seed. Streams of one seed do not overlap in practice, so that try number n is the same
    /// whichever tries ran before it.
    pub(super) fn new(seed: u64, stream: u64) -> Self {
        let mut state = seed ^ mix(stream.wrapping_add(STEP));
        draw(&mut state);
        Self { source: Source::Seed(state), tape: Vec::new() }
    }

    /// The choices of this tape; where it ends, the first of what there is.
    pub(super) fn taped(tape: &'a [u8]) -> Self {
        Self { source: Source::Tape(tape), tape: Vec::new() }
    }

    /// A number below this one; 0 below 0.
    pub(super) fn below(&mut self, limit: usize) -> usize {
        let limit = u64::try_from(limit).unwrap_or(u64::MAX).max(1);
        let number = match &mut self.source {
            Source::Seed(state) => draw(state),
            Source::Tape(tape) => read(tape, width(limit)),
        };
        write(&mut self.tape, limit, number % limit);
        usize::try_from(number % limit).unwrap_or_default()
    }

    /// One of these.
    pub(super) fn pick<'t, T>(&mut self, items: &'t [T]) -> Option<&'t T> {
        items.get(self.below(items.len()))
    }

    /// The choices so far: a tape that leads to them again.
    pub(super) fn into_tape(self) -> Vec<u8> {
        self.tape
    }
}

/// Writes a choice down as [`Chance::below`] does.
pub(super) fn write(tape: &mut Vec<u8>, limit: u64, number: u64) {
    tape.extend(&number.to_le_bytes()[..width(limit)]);
}

/// How many bytes hold every number below this one. There is nothing to choose from one.
fn width(limit: u64) -> usize {
    let bits = u64::BITS - limit.saturating_sub(1).leading_zeros();
    usize::try_from(bits.div_ceil(8)).unwrap_or_default()
}

fn read(tape: &mut &[u8], width: usize) -> u64 {
    let (taken, rest) = tape.split_at(width.min(tape.len()));
    *tape = rest;
    taken.iter().rev().fold(0, |number, byte| number << 8 | u64::from(*byte))
}

fn draw(state: &mut u64) -> u64 {
    *state = state.wrapping_add(STEP);
    mix(*state)
}

fn mix(mut value: u64) -> u64 {
    value = (value ^ (value >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    value = (value ^ (value >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    value ^ (value >> 31)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_seed_and_stream_give_one_sequence() {
        let numbers = |seed, stream| {
            let mut chance = Chance::new(seed, stream);
            [chance.below(1 << 20), chance.below(1 << 20), chance.below(1 << 20)]
        };
        assert_eq!(numbers(1, 2), numbers(1, 2));
        assert_ne!(numbers(1, 2), numbers(1, 3));
        assert_ne!(numbers(1, 2), numbers(2, 2));
    }

    #[test]
    fn a_choice_lies_in_its_range() {
        let mut chance = Chance::new(7, 0);
        assert!((0..1000).all(|_| chance.below(3) < 3));
        assert_eq!(chance.below(0), 0);
        assert_eq!(chance.pick::<u8>(&[]), None);
    }

    #[test]
    fn a_tape_leads_to_the_same_choices() {
        const LIMITS: [usize; 7] = [1, 2, 256, 257, 70_000, 3, 1];
        let mut chance = Chance::new(3, 4);
        let chosen = LIMITS.map(|limit| chance.below(limit));
        let tape = chance.into_tape();
        assert_eq!(tape.len(), 1 + 1 + 2 + 3 + 1);
        let mut again = Chance::taped(&tape);
        assert_eq!(LIMITS.map(|limit| again.below(limit)), chosen);
        assert_eq!(again.below(100), 0, "it has ended");
    }
}
