//! A day of the calendar, without a time and without a zone.

use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use serde::Deserialize;
use serde::de::{Deserializer, Error as _};

/// A day. Days compare by time.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Day {
    year: u16,
    month: u8,
    date: u8,
}

/// A text that is no day.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is no day; expected YYYY-MM-DD")]
pub struct DayError(String);

const SECONDS: u64 = 24 * 60 * 60;

impl Day {
    /// The day, in UTC, of a time since the beginning of 1970.
    pub fn of(epoch: Duration) -> Self {
        let mut left = epoch.as_secs() / SECONDS;
        let mut year = 1970;
        while left >= length(year) && year < u16::MAX {
            left -= length(year);
            year += 1;
        }
        let mut month = 1;
        while month < 12 && left >= days(year, month) {
            left -= days(year, month);
            month += 1;
        }
        Self { year, month, date: u8::try_from(left + 1).unwrap_or(u8::MAX) }
    }
}

fn is_leap(year: u16) -> bool {
    year.is_multiple_of(4) && (!year.is_multiple_of(100) || year.is_multiple_of(400))
}

fn length(year: u16) -> u64 {
    if is_leap(year) { 366 } else { 365 }
}

fn days(year: u16, month: u8) -> u64 {
    match month {
        2 => 28 + u64::from(is_leap(year)),
        4 | 6 | 9 | 11 => 30,
        _ => 31,
    }
}

impl FromStr for Day {
    type Err = DayError;

    fn from_str(text: &str) -> Result<Self, DayError> {
        let parts: Vec<&str> = text.split('-').collect();
        let read = || {
            let [year, month, date] = parts[..] else { return None };
            let is_written = year.len() == 4 && month.len() == 2 && date.len() == 2;
            let day = Self { year: year.parse().ok()?, month: month.parse().ok()?, date: date.parse().ok()? };
            let is_real = (1..=12).contains(&day.month) && (1..=days(day.year, day.month)).contains(&u64::from(day.date));
            (is_written && is_real).then_some(day)
        };
        read().ok_or_else(|| DayError(text.to_owned()))
    }
}

impl fmt::Display for Day {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{:04}-{:02}-{:02}", self.year, self.month, self.date)
    }
}

impl<'de> Deserialize<'de> for Day {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(D::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn days_are_those_of_the_calendar() {
        let day = |days: u64| Day::of(Duration::from_secs(days * SECONDS)).to_string();
        assert_eq!(["1970-01-01", "1970-12-31", "1971-01-01"].map(str::to_owned), [0, 364, 365].map(day));
        assert_eq!(["2000-02-29", "2000-03-01", "2024-12-31"].map(str::to_owned), [11_016, 11_017, 20_088].map(day));
    }

    #[test]
    fn what_is_no_day_is_refused() {
        assert_eq!("2024-02-29".parse::<Day>().map(|day| day.to_string()).as_deref(), Ok("2024-02-29"));
        for wrong in ["2023-02-29", "2024-13-01", "2024-00-01", "2024-01-00", "24-1-1", "2024-01", "2024-01-01-01", ""] {
            assert!(wrong.parse::<Day>().is_err(), "{wrong}");
        }
    }
}
