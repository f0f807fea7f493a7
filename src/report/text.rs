//! Text for a terminal: colours, columns, and the escaping of what a target sent. Knows nothing of reports.

use std::fmt::Write as _;
use std::time::Duration;

use anstyle::{AnsiColor, Style as Ansi};
use unicode_width::{UnicodeWidthChar as _, UnicodeWidthStr as _};

use crate::verdict::{Outcome, Severity, Verdict};

/// How text is laid out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Style {
    /// Whether to write ANSI colours.
    pub colour: bool,
    /// Columns of a line.
    pub width: usize,
}

/// What a colour says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ink {
    /// As it should be.
    Good,
    /// Broken.
    Bad,
    /// Worth a look.
    Odd,
    /// Could not be told.
    Unsure,
    /// Of less weight than the rest.
    Faint,
    /// Of more weight than the rest.
    Strong,
}

impl Style {
    /// No colours.
    pub fn plain(width: usize) -> Self {
        Self { colour: false, width }
    }

    /// The text in this colour, if there are colours.
    pub fn paint(&self, ink: Ink, text: &str) -> String {
        let style = ink.ansi();
        if self.colour && !text.is_empty() { format!("{style}{text}{style:#}") } else { text.to_owned() }
    }
}

impl Ink {
    fn ansi(self) -> Ansi {
        match self {
            Self::Good => AnsiColor::Green.on_default(),
            Self::Bad => AnsiColor::Red.on_default().bold(),
            Self::Odd => AnsiColor::Yellow.on_default(),
            Self::Unsure => AnsiColor::Magenta.on_default(),
            Self::Faint => Ansi::new().dimmed(),
            Self::Strong => Ansi::new().bold(),
        }
    }
}

impl From<Verdict> for Ink {
    fn from(verdict: Verdict) -> Self {
        match verdict {
            Verdict::Pass => Self::Good,
            Verdict::Skip => Self::Faint,
            Verdict::Warn => Self::Odd,
            Verdict::Inconclusive => Self::Unsure,
            Verdict::Fail | Verdict::Error => Self::Bad,
        }
    }
}

impl From<Severity> for Ink {
    fn from(severity: Severity) -> Self {
        match severity {
            Severity::Info => Self::Faint,
            Severity::Warn => Self::Odd,
            Severity::Inconclusive => Self::Unsure,
            Severity::Fail | Severity::Error => Self::Bad,
        }
    }
}

impl From<Outcome> for Ink {
    fn from(outcome: Outcome) -> Self {
        match outcome {
            Outcome::NotExercised => Self::Unsure,
            Outcome::Satisfied => Self::Good,
            Outcome::Violated => Self::Bad,
        }
    }
}

/// Beginnings of commands that CI services obey wherever they stand in a line of a log.
const COMMANDS: [&str; 3] = ["##[", "##vso[", "##teamcity["];

/// The text with everything that a terminal would act on, or not show, written out: controls, and the Unicode marks that change direction or
/// have no width. So are the commands that a CI service would take from a log.
pub fn escape(text: &str) -> String {
    let commands = COMMANDS.iter().filter(|command| text.contains(**command));
    commands.fold(visible(text), |escaped, command| escaped.replace(command, &command.replacen('#', "\\u{23}", 1)))
}

fn visible(text: &str) -> String {
    text.chars().fold(String::with_capacity(text.len()), |mut escaped, character| {
        match character {
            '\n' => escaped.push_str("\\n"),
            '\r' => escaped.push_str("\\r"),
            '\t' => escaped.push_str("\\t"),
            _ if is_treacherous(character) => {
                let _ = write!(escaped, "\\u{{{:x}}}", u32::from(character));
            }
            _ => escaped.push(character),
        }
        escaped
    })
}

/// True for what a terminal would act on, or not show.
pub(super) fn is_treacherous(character: char) -> bool {
    character.is_control()
        || matches!(character,
            '\u{ad}' | '\u{61c}' | '\u{115f}'..='\u{1160}' | '\u{180b}'..='\u{180f}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}'
            | '\u{2060}'..='\u{206f}' | '\u{3164}' | '\u{fe00}'..='\u{fe0f}' | '\u{feff}' | '\u{ffa0}' | '\u{fff0}'..='\u{fffb}'
            | '\u{e0000}'..='\u{e0fff}')
}

/// Columns that a text without control characters takes.
pub(super) fn columns(text: &str) -> usize {
    text.width()
}

/// The text, cut to this many columns, with `…` for what was cut.
pub(super) fn fit(text: &str, width: usize) -> String {
    if columns(text) <= width {
        return text.to_owned();
    }
    let mut left = width.saturating_sub(1);
    let kept = text.chars().take_while(|character| {
        let columns = character.width().unwrap_or(0);
        let fits = columns <= left;
        left = left.saturating_sub(columns);
        fits
    });
    let kept: String = kept.collect();
    if width == 0 { String::new() } else { kept + "…" }
}

/// The text, filled with blanks to this many columns.
pub(super) fn pad(text: &str, width: usize) -> String {
    format!("{text}{}", blanks(width.saturating_sub(columns(text))))
}

/// This many blanks.
pub(super) fn blanks(count: usize) -> String {
    " ".repeat(count)
}

/// The text in lines of at most this many columns, broken at blanks where there are any.
pub(super) fn wrap(text: &str, width: usize) -> Vec<String> {
    let width = width.max(8);
    let mut lines = vec![String::new()];
    for word in text.split(' ') {
        for (index, piece) in pieces(word, width).into_iter().enumerate() {
            let line = lines.last_mut().filter(|line| index == 0 && columns(line) + 1 + columns(&piece) <= width || line.is_empty());
            match line {
                Some(line) if line.is_empty() => *line = piece,
                Some(line) => *line = format!("{line} {piece}"),
                None => lines.push(piece),
            }
        }
    }
    lines.into_iter().map(defused).collect()
}

/// A line of a log that begins with `::` is a command to GitHub.
fn defused(line: String) -> String {
    match line.strip_prefix("::") {
        Some(rest) => format!("\\u{{3a}}:{rest}"),
        None => line,
    }
}

/// A word in pieces of at most this many columns.
fn pieces(word: &str, width: usize) -> Vec<String> {
    word.chars().fold(vec![String::new()], |mut pieces, character| {
        match pieces.last_mut().filter(|piece| columns(piece) + character.width().unwrap_or(0) <= width) {
            Some(piece) => piece.push(character),
            None => pieces.push(character.to_string()),
        }
        pieces
    })
}

/// A time with three figures or so: `0.31 ms`, `42 ms`, `5.2 s`, `2 min 3 s`, `24 h 0 min`.
pub fn duration(duration: Duration) -> String {
    let milliseconds = duration.as_secs_f64() * 1000.0;
    let seconds = duration.as_secs();
    match seconds {
        _ if duration.is_zero() => "0 s".to_owned(),
        0 if milliseconds < 10.0 => format!("{milliseconds:.2} ms"),
        0 => format!("{milliseconds:.0} ms"),
        1..60 => format!("{:.1} s", duration.as_secs_f64()),
        60..3600 => format!("{} min {} s", seconds / 60, seconds % 60),
        _ => format!("{} h {} min", seconds / 3600, seconds / 60 % 60),
    }
}

/// `1 case`, `2 cases`.
pub fn amount(count: usize, noun: &str) -> String {
    format!("{count} {noun}{}", if count == 1 { "" } else { "s" })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_that_a_terminal_acts_on_survives_escaping() {
        assert_eq!(escape("a\u{1b}[31m\r\n\u{9b}x\u{202e}\u{feff}\u{0}"), "a\\u{1b}[31m\\r\\n\\u{9b}x\\u{202e}\\u{feff}\\u{0}");
        assert_eq!(escape("héllo 你好 \"quoted\" \\n"), "héllo 你好 \"quoted\" \\n");
        let every: String = ('\0'..=char::MAX).collect();
        assert!(escape(&every).chars().all(|character| !is_treacherous(character)));
    }

    #[test]
    fn no_service_takes_a_command_from_a_log() {
        assert_eq!(escape("##[add-mask]x ##vso[task] # ##"), "\\u{23}#[add-mask]x \\u{23}#vso[task] # ##");
        assert_eq!(wrap("12345678::add-mask::x ::y", 8), ["12345678", "\\u{3a}:add-ma", "sk::x", "\\u{3a}:y"]);
    }

    #[test]
    fn a_cut_text_takes_no_more_than_its_columns() {
        assert_eq!(fit("abcdef", 6), "abcdef");
        assert_eq!(fit("abcdef", 4), "abc…");
        assert_eq!(fit("你好你好", 4), "你…");
        assert_eq!(fit("abc", 0), "");
    }

    #[test]
    fn lines_break_at_blanks_and_long_words_break_anywhere() {
        assert_eq!(wrap("the quick brown fox", 10), ["the quick", "brown fox"]);
        assert_eq!(wrap("a bbbbbbbbbbbb c", 8), ["a", "bbbbbbbb", "bbbb c"]);
        assert_eq!(wrap("", 10), [""]);
    }

    #[test]
    fn times_have_about_three_figures() {
        let shown = [
            (0, "0 s"),
            (310, "0.31 ms"),
            (42_000, "42 ms"),
            (5_230_000, "5.2 s"),
            (123_000_000, "2 min 3 s"),
            (86_400_000_000, "24 h 0 min"),
        ];
        for (microseconds, text) in shown {
            assert_eq!(duration(Duration::from_micros(microseconds)), text);
        }
    }

    #[test]
    fn a_style_without_colour_paints_nothing() {
        assert_eq!(Style::plain(80).paint(Ink::Bad, "x"), "x");
        assert_eq!(Style { colour: true, width: 80 }.paint(Ink::Good, "x"), "\u{1b}[32mx\u{1b}[0m");
    }
}
