//! Aligned tables for a terminal. The last column takes what is left of the line and wraps under itself.

use super::text::{Ink, Style, blanks, columns, escape, pad, wrap};

/// How a column stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Align {
    /// At its left end: words.
    Left,
    /// At its right end: numbers.
    Right,
}

/// A table. Cells are escaped when they are added.
#[derive(Clone, Debug, Default)]
pub struct Table {
    columns: Vec<Column>,
    rows: Vec<Vec<Cell>>,
}

#[derive(Clone, Debug)]
struct Column {
    title: &'static str,
    align: Align,
}

#[derive(Clone, Debug)]
struct Cell {
    text: String,
    ink: Option<Ink>,
}

const GAP: usize = 2;
/// A last column narrower than this runs over the line's end instead of wrapping word by word.
const NARROWEST: usize = 20;

impl Table {
    /// A table with these columns, left-aligned.
    pub fn new(titles: &[&'static str]) -> Self {
        Self { columns: titles.iter().map(|title| Column { title, align: Align::Left }).collect(), rows: Vec::new() }
    }

    /// The same table with these columns, by number, standing right.
    #[must_use]
    pub fn right(mut self, numbers: &[usize]) -> Self {
        for number in numbers {
            if let Some(column) = self.columns.get_mut(*number) {
                column.align = Align::Right;
            }
        }
        self
    }

    /// Adds a row.
    pub fn row<Text: AsRef<str>>(&mut self, cells: impl IntoIterator<Item = Text>) {
        self.painted(cells.into_iter().map(|text| (text, None)));
    }

    /// Adds a row with a colour to some cells.
    pub fn painted<Text: AsRef<str>>(&mut self, cells: impl IntoIterator<Item = (Text, Option<Ink>)>) {
        self.rows.push(cells.into_iter().map(|(text, ink)| Cell { text: escape(text.as_ref()), ink }).collect());
    }

    /// True if it has no row.
    pub fn is_empty(&self) -> bool {
        self.rows.is_empty()
    }

    /// The table as lines, each ended by a line feed.
    pub fn render(&self, style: &Style) -> String {
        let widths = self.widths();
        let title = |column: &Column| Cell { text: column.title.to_owned(), ink: Some(Ink::Faint) };
        let titles: Vec<_> = self.columns.iter().map(title).collect();
        let has_titles = self.columns.iter().any(|column| !column.title.is_empty());
        let rows = has_titles.then_some(&titles).into_iter().chain(&self.rows);
        rows.map(|row| self.render_row(row, &widths, style)).collect()
    }

    fn widths(&self) -> Vec<usize> {
        let widest = |(number, column): (usize, &Column)| {
            let cells = self.rows.iter().filter_map(|row| row.get(number)).map(|cell| columns(&cell.text));
            cells.chain([columns(column.title)]).max().unwrap_or_default()
        };
        self.columns.iter().enumerate().map(widest).collect()
    }

    fn render_row(&self, row: &[Cell], widths: &[usize], style: &Style) -> String {
        let last = self.columns.len().saturating_sub(1);
        let indent: usize = widths.iter().take(last).map(|width| width + GAP).sum();
        let mut line = String::new();
        for (number, cell) in row.iter().enumerate().take(last) {
            line.push_str(&self.cell(number, cell, widths[number], style));
            line.push_str(&blanks(GAP));
        }
        if let Some(cell) = row.get(last) {
            line.push_str(&self.last_cell(cell, widths[last], indent, style));
        }
        line.trim_end().to_owned() + "\n"
    }

    fn cell(&self, number: usize, cell: &Cell, width: usize, style: &Style) -> String {
        let fill = blanks(width.saturating_sub(columns(&cell.text)));
        let text = cell.ink.map_or_else(|| cell.text.clone(), |ink| style.paint(ink, &cell.text));
        match self.columns[number].align {
            Align::Left => text + &fill,
            Align::Right => fill + &text,
        }
    }

    fn last_cell(&self, cell: &Cell, width: usize, indent: usize, style: &Style) -> String {
        let room = style.width.saturating_sub(indent);
        let last = self.columns.len() - 1;
        if columns(&cell.text) <= room || room < NARROWEST || self.columns[last].align == Align::Right {
            return self.cell(last, cell, width, style);
        }
        let paint = |line: String| cell.ink.map_or_else(|| line.clone(), |ink| style.paint(ink, &line));
        let lines: Vec<_> = wrap(&cell.text, room).into_iter().map(paint).collect();
        lines.join(&format!("\n{}", pad("", indent)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_stand_left_numbers_right_and_the_last_column_wraps_under_itself() {
        let mut table = Table::new(&["name", "n", "what"]).right(&[1]);
        table.row(["a", "5", "short"]);
        table.row(["long-name", "12", "words that do not fit on one line of forty"]);
        let expected = "\
name        n  what
a           5  short
long-name  12  words that do not fit on
               one line of forty
";
        assert_eq!(table.render(&Style::plain(40)), expected);
    }

    #[test]
    fn colours_do_not_count_as_columns() {
        let mut table = Table::new(&["", ""]);
        table.painted([("你", Some(Ink::Good)), ("x", None)]);
        table.row(["abc", "y"]);
        assert_eq!(table.render(&Style { colour: true, width: 40 }), "\u{1b}[32m你\u{1b}[0m   x\nabc  y\n");
    }

    #[test]
    fn cells_are_escaped() {
        let mut table = Table::new(&["a"]);
        table.row(["x\u{1b}[2J\ny"]);
        assert_eq!(table.render(&Style::plain(40)), "a\nx\\u{1b}[2J\\ny\n");
    }
}
