//! Measured times against bands, with what the harness itself lost taken into account.

use std::time::Duration;

use crate::check::reading::Reading;
use crate::check::tally::Weight;
use crate::pack::{Band, Fit};

/// What the time between two moments weighs against a band: nothing if it passes.
pub(in crate::check) fn weigh(reading: &Reading, band: Band, from: Duration, to: Duration) -> Option<Weight> {
    let measured = to.saturating_sub(from);
    let lost = reading.stalled(from, to);
    let sure_if = |is_sure| Some(if is_sure { Weight::Full } else { Weight::Unsure });
    match band.fit(measured) {
        Fit::Pass => None,
        Fit::Warn => Some(Weight::Warn),
        Fit::Late => sure_if(measured.saturating_sub(lost) > band.end()),
        Fit::Early => sure_if(measured.saturating_add(lost) < band.warn.0.min(band.pass.0)),
    }
}

/// What it weighs that nothing came from one moment until the other: nothing if there was time left.
///
/// A harness that stood still for a moment missed nothing; only where it lost more than the band's slack is the silence unsure.
pub(in crate::check) fn weigh_silence(reading: &Reading, band: Band, from: Duration, to: Duration) -> Option<Weight> {
    let end = band.end();
    let measured = to.saturating_sub(from);
    if measured < end {
        return None;
    }
    let lost = reading.stalled(from, from.saturating_add(end));
    let slack = (end / 10).max(band.warn.1.saturating_sub(band.pass.1));
    Some(if lost > slack && measured.saturating_sub(lost) < end { Weight::Unsure } else { Weight::Full })
}
