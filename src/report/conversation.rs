//! A conversation as a picture: the client's lane left, the server's right, an arrow for whatever one side did, a note for the harness.

use super::label::{label, whole};
use super::text::{Ink, Style, blanks, columns, wrap};
use crate::transcript::{Event, Mark, Role, Transcript, What};

/// Rows of a picture; of a longer one only the beginning, the end and what is around the deciding event is shown.
const MOST: usize = 28;
const FIRST: usize = 6;
const LAST: usize = 4;
const BEFORE: usize = 10;
const AFTER: usize = 4;
/// Lines of the deciding event that are shown below the picture.
const WHOLE_LINES: usize = 10;
const INDENT: usize = 2;

/// The picture as lines, with the deciding event marked and, where its row could not hold it, written out below.
pub(super) fn draw(transcript: &Transcript, deciding: Option<usize>, style: &Style) -> String {
    let picture = Picture::new(transcript, style);
    let rows: Vec<_> =
        transcript.events.iter().enumerate().filter(|(index, event)| Some(*index) == deciding || picture.is_shown(event)).collect();
    if rows.is_empty() {
        return format!("{}nothing was said\n", blanks(INDENT));
    }
    let position = deciding.and_then(|deciding| rows.iter().position(|(index, _)| *index == deciding));
    let mut drawn = picture.head();
    let mut last = None;
    for row in kept(rows.len(), position) {
        let skipped = row - last.map_or(0, |last: usize| last + 1);
        if skipped > 0 {
            drawn.push_str(&picture.gap(skipped));
        }
        drawn.push_str(&picture.row(rows[row].0, rows[row].1, position == Some(row)));
        last = Some(row);
    }
    if let Some(position) = position {
        drawn.push_str(&picture.whole(rows[position].0, rows[position].1));
    }
    drawn
}

/// Which of so many rows are shown.
fn kept(count: usize, deciding: Option<usize>) -> Vec<usize> {
    let around = deciding.map_or(count.saturating_sub(BEFORE + AFTER + LAST)..count, |row| row.saturating_sub(BEFORE)..row + AFTER + 1);
    (0..count).filter(|row| count <= MOST || *row < FIRST || *row + LAST >= count || around.contains(row)).collect()
}

struct Picture<'a> {
    style: &'a Style,
    /// Whether rows name their connection.
    is_numbered: bool,
    /// Columns between the two lanes.
    inner: usize,
}

impl<'a> Picture<'a> {
    fn new(transcript: &Transcript, style: &'a Style) -> Self {
        let is_numbered = transcript.events.iter().any(|event| event.connection > 1);
        let prefix = INDENT + 3 + 4 + 1 + 10 + 2 + if is_numbered { 5 } else { 0 };
        Self { style, is_numbered, inner: style.width.saturating_sub(prefix + 2).max(30) }
    }

    /// Steps of the script say nothing to a reader of the wire; openings only where there are several.
    fn is_shown(&self, event: &Event) -> bool {
        match &event.what {
            What::Mark(Mark::Step(_) | Mark::Finished) => false,
            What::Opened { .. } => self.is_numbered,
            _ => true,
        }
    }

    fn head(&self) -> String {
        let lanes = self.inner.saturating_sub("client".len() + "server".len() - 2);
        let connection = if self.is_numbered { " conn" } else { "" };
        let head = format!("{}     #       time{connection}  client{}server", blanks(INDENT), blanks(lanes));
        self.style.paint(Ink::Faint, &head) + "\n"
    }

    fn gap(&self, skipped: usize) -> String {
        let note = format!("{}     ⋮  {skipped} more", blanks(INDENT));
        self.style.paint(Ink::Faint, &note) + "\n"
    }

    fn row(&self, index: usize, event: &Event, is_deciding: bool) -> String {
        let marker = if is_deciding { ">>" } else { "  " };
        let time = format!("{:.3}s", event.at.as_secs_f64());
        let connection = if self.is_numbered { format!(" {:>4}", connection(event)) } else { String::new() };
        let lanes = match event.what {
            What::Mark(_) | What::Exited(_) => self.note(event),
            _ => self.arrow(event),
        };
        let line = format!("{}{marker} {index:>4} {time:>10}{connection}  {lanes}", blanks(INDENT));
        let ink = match event.what {
            _ if is_deciding => Some(Ink::Bad),
            What::Mark(_) | What::Opened { .. } => Some(Ink::Faint),
            _ => None,
        };
        ink.map_or_else(|| line.clone(), |ink| self.style.paint(ink, &line)) + "\n"
    }

    fn arrow(&self, event: &Event) -> String {
        let label = label(event, self.inner.saturating_sub(7));
        let shaft = "─".repeat(self.inner.saturating_sub(columns(&label) + 4));
        match event.from {
            Role::Client => format!("│─ {label} {shaft}►│"),
            Role::Server => format!("│◄{shaft} {label} ─│"),
        }
    }

    fn note(&self, event: &Event) -> String {
        let label = label(event, self.inner.saturating_sub(4));
        let left = self.inner.saturating_sub(columns(&label) + 2) / 2;
        let right = self.inner.saturating_sub(columns(&label) + 2 + left);
        format!("│{}({label}){}│", "·".repeat(left), "·".repeat(right))
    }

    /// What the deciding row had no room for.
    fn whole(&self, index: usize, event: &Event) -> String {
        let paragraphs = whole(event, &label(event, self.inner.saturating_sub(7)));
        if paragraphs.is_empty() {
            return String::new();
        }
        let head = format!("event {index}  ");
        let indent = INDENT + 3 + head.len();
        let room = self.style.width.saturating_sub(indent);
        let beginning = |text: &String| text.chars().take(room * WHOLE_LINES).collect::<String>();
        let mut lines: Vec<_> = paragraphs.iter().flat_map(|text| wrap(&beginning(text), room)).collect();
        if lines.len() > WHOLE_LINES || paragraphs.iter().any(|text| beginning(text).len() < text.len()) {
            lines.truncate(WHOLE_LINES);
            lines.push("…".to_owned());
        }
        format!("{}{head}{}\n", blanks(INDENT + 3), lines.join(&format!("\n{}", blanks(indent))))
    }
}

fn connection(event: &Event) -> String {
    if event.connection == 0 { String::new() } else { event.connection.to_string() }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::transcript::{Ending, Frame, Request, Response};
    use std::time::Duration;

    fn event(at: u64, connection: u32, from: Role, what: What) -> Event {
        Event { at: Duration::from_millis(at), connection, from, what }
    }

    fn text(from: Role, text: &str) -> What {
        What::Frame(Frame::text(text).masked_for(from, [1, 2, 3, 4]))
    }

    #[test]
    fn both_lanes_stand_under_their_heads_and_the_deciding_frame_is_marked() {
        let request = Request::upgrade("h", "/ws", "key");
        let events = vec![
            event(0, 1, Role::Client, What::Opened { session: "main".into() }),
            event(0, 1, Role::Client, What::Request(request.clone())),
            event(1, 1, Role::Server, What::Response(Response::switching(&request))),
            event(1, 0, Role::Client, What::Mark(Mark::Step(1))),
            event(2, 1, Role::Client, text(Role::Client, r#"{"type":"hello"}"#)),
            event(2, 0, Role::Client, What::Mark(Mark::Stimulus("chat".into()))),
            event(120_000, 1, Role::Server, text(Role::Server, &format!(r#"{{"type":"welcome","text":"{}"}}"#, "x".repeat(60)))),
            event(120_000, 1, Role::Server, What::Ended(Ending::Reset)),
        ];
        let drawn = draw(&Transcript { events }, Some(6), &Style::plain(80));
        let widths: Vec<_> = drawn.lines().skip(1).take(6).map(columns).collect();
        assert_eq!(widths, [80; 6], "{drawn}");
        assert!(drawn.contains("\n  >>    6   120.000s  │◄"), "{drawn}");
        assert!(drawn.contains("(stimulus chat)"), "{drawn}");
        assert!(drawn.contains("event 6  {\"type\":\"welcome\",\"text\":\"xxx"), "{drawn}");
        assert!(!drawn.contains("step 1"), "{drawn}");
    }

    #[test]
    fn a_long_conversation_is_elided_around_the_deciding_event() {
        let events = (0..500).map(|at| event(at, 1, Role::Server, text(Role::Server, "{}"))).collect();
        let drawn = draw(&Transcript { events }, Some(250), &Style::plain(80));
        assert_eq!(drawn.lines().count(), 1 + FIRST + 1 + BEFORE + 1 + AFTER + 1 + LAST, "{drawn}");
        assert!(drawn.contains("⋮  234 more") && drawn.contains(">>  250"), "{drawn}");
    }

    #[test]
    fn what_is_kept_has_no_row_twice_and_no_row_too_many() {
        assert_eq!(kept(3, Some(1)), [0, 1, 2]);
        assert_eq!(kept(100, Some(0)).len(), FIRST + LAST);
        assert_eq!(kept(100, Some(99)).len(), FIRST + BEFORE + 1);
        assert_eq!(kept(100, None).len(), FIRST + BEFORE + AFTER + LAST);
    }

    #[test]
    fn several_connections_are_numbered() {
        let events = vec![event(0, 2, Role::Client, What::Opened { session: "s\u{1b}".into() })];
        let drawn = draw(&Transcript { events }, None, &Style::plain(80));
        assert!(drawn.contains(" conn ") && drawn.contains("    2  │─ opens connection 2, session s\\u{1b}"), "{drawn}");
    }

    #[test]
    fn a_deciding_answer_shows_its_head_and_body() {
        let response = Response { body: "no\u{7}".into(), ..Response::new(401) }.with("WWW-Authenticate", "Bearer");
        let events = vec![event(0, 1, Role::Server, What::Response(response))];
        let drawn = draw(&Transcript { events }, Some(0), &Style::plain(80));
        let below = "     event 0  401 Unauthorized\n              WWW-Authenticate: Bearer\n              no\\u{7}\n";
        assert!(drawn.ends_with(below), "{drawn}");
    }

    #[test]
    fn an_empty_transcript_says_so() {
        assert_eq!(draw(&Transcript::default(), Some(3), &Style::plain(80)), "  nothing was said\n");
    }
}
