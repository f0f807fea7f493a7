//! A page of pictures: grids of coloured cells that can be looked at, hovered over and walked through with the keyboard, and entries below that
//! say in words what is odd. It knows neither kill matrices nor campaigns.

use minijinja::value::Serde;
use minijinja::{Environment, Value};
use serde::Serialize;

use super::{environment, policy};

const TEMPLATE: &str = include_str!("chart.html");
const STYLE: &str = concat!(include_str!("page.css"), include_str!("chart.css"));
const SCRIPT: &str = concat!(include_str!("desk.js"), include_str!("chart.js"));

/// Height of a row.
const ROW: usize = 14;
/// Width of a letter before a row, and height that a letter above a column takes.
const LETTER: usize = 6;
const HEAD_LETTER: usize = 5;
/// Characters of a label that fit.
const LONGEST: usize = 66;
const LONGEST_HEAD: usize = 34;

/// The colour of something, by what it means.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Tone {
    /// As it should be.
    Good,
    /// Wrong.
    Bad,
    /// Right, and yet worth a look.
    Odd,
    /// Nobody can tell, or there is a reason.
    Unsure,
    /// Nothing happened.
    Faint,
}

/// The page.
#[derive(Clone, Debug, Serialize)]
pub struct Chart {
    /// What it shows.
    pub title: String,
    /// How it came out, in a word or two.
    pub headline: String,
    /// The colour of that.
    pub tone: Tone,
    /// One line beneath.
    pub subject: String,
    /// How many of what.
    pub counts: Vec<Count>,
    /// What the colours mean.
    pub legend: Vec<(Tone, String)>,
    /// What can be looked at one after another, such as packs.
    pub parts: Vec<Part>,
}

/// A number with its word.
#[derive(Clone, Debug, Serialize)]
pub struct Count {
    /// How many.
    pub count: u64,
    /// Of what.
    pub word: String,
    /// The colour, if there are any.
    pub tone: Tone,
}

/// One part of the page.
#[derive(Clone, Debug, Serialize)]
pub struct Part {
    /// Its name, by which it can be chosen.
    pub name: String,
    /// One line about it.
    pub note: String,
    /// Its pictures.
    pub grids: Vec<Grid>,
    /// Its entries.
    pub entries: Vec<Entry>,
}

/// A picture: rows, columns, and a coloured cell where they have something to do with each other.
#[derive(Clone, Debug, Serialize)]
pub struct Grid {
    /// What it shows.
    pub title: String,
    /// How to read it.
    pub note: String,
    /// The width of a cell in pixels; from 30 on its label is shown.
    pub cell: usize,
    /// Its columns.
    pub columns: Vec<Axis>,
    /// Its rows.
    pub rows: Vec<Row>,
}

/// A column.
#[derive(Clone, Debug, Serialize)]
pub struct Axis {
    /// What stands above it.
    pub label: String,
    /// What it says when it is pointed at.
    pub text: String,
}

/// A row.
#[derive(Clone, Debug, Serialize)]
pub struct Row {
    /// What stands before it.
    pub label: String,
    /// Its colour.
    pub tone: Tone,
    /// What it says when it is pointed at.
    pub text: String,
    /// Its cells; where there is none, the picture is empty.
    pub cells: Vec<Cell>,
}

/// A cell.
#[derive(Clone, Debug, Serialize)]
pub struct Cell {
    /// The index of its column.
    pub column: usize,
    /// Its colour.
    pub tone: Tone,
    /// True if only its border is coloured.
    pub hollow: bool,
    /// How strong its colour is, in hundredths.
    pub heat: u64,
    /// What stands in it, if it is wide enough.
    pub label: String,
    /// What it says when it is pointed at.
    pub text: String,
}

/// Something worth reading.
#[derive(Clone, Debug, Serialize)]
pub struct Entry {
    /// A word by which entries can be chosen.
    pub word: String,
    /// The colour of the word.
    pub tone: Tone,
    /// What it is about.
    pub title: String,
    /// What there is to say, each with its key.
    pub lines: Vec<(String, String)>,
    /// A text as it stands in a file, or nothing.
    pub verbatim: String,
}

/// The values of the template.
#[derive(Serialize)]
struct Page<'a> {
    policy: String,
    style: &'a str,
    script: &'a str,
    version: &'a str,
    chart: &'a Chart,
    words: Vec<(&'a str, Tone, usize)>,
    drawn: Vec<Vec<Drawn<'a>>>,
}

/// A grid with the places of what is in it.
#[derive(Serialize)]
struct Drawn<'a> {
    grid: &'a Grid,
    width: usize,
    height: usize,
    heads: Vec<Head<'a>>,
    lines: Vec<Line<'a>>,
    labels: usize,
    head: usize,
    inner: usize,
}

#[derive(Serialize)]
struct Head<'a> {
    x: usize,
    label: String,
    text: &'a str,
}

#[derive(Serialize)]
struct Line<'a> {
    y: usize,
    label: String,
    row: &'a Row,
    cells: Vec<Placed<'a>>,
}

#[derive(Serialize)]
struct Placed<'a> {
    x: usize,
    cell: &'a Cell,
}

/// The page as HTML. It needs no network and asks for none; see [`super`].
///
/// # Panics
/// Never: the template is fixed and uses nothing that its values lack.
pub fn render(chart: &Chart) -> String {
    let environment: Environment<'_> = environment();
    let page = Page {
        policy: policy(STYLE, SCRIPT),
        style: STYLE,
        script: SCRIPT,
        version: env!("CARGO_PKG_VERSION"),
        chart,
        words: words(chart),
        drawn: chart.parts.iter().map(|part| part.grids.iter().map(Drawn::new).collect()).collect(),
    };
    environment.render_str(TEMPLATE, Value::from(Serde(&page))).expect("the template fits its values")
}

/// The words of all entries, in the order of their first, each with how many there are.
fn words(chart: &Chart) -> Vec<(&str, Tone, usize)> {
    let mut words: Vec<(&str, Tone, usize)> = Vec::new();
    for entry in chart.parts.iter().flat_map(|part| &part.entries) {
        match words.iter_mut().find(|(word, ..)| *word == entry.word) {
            Some((.., count)) => *count += 1,
            None => words.push((&entry.word, entry.tone, 1)),
        }
    }
    words
}

impl<'a> Drawn<'a> {
    fn new(grid: &'a Grid) -> Self {
        let longest =
            |labels: &mut dyn Iterator<Item = &String>, most: usize| labels.map(|label| label.chars().count()).max().unwrap_or(0).min(most);
        let labels = 24 + LETTER * longest(&mut grid.rows.iter().map(|row| &row.label), LONGEST);
        let head = 16 + HEAD_LETTER * longest(&mut grid.columns.iter().map(|column| &column.label), LONGEST_HEAD);
        let inner = grid.columns.len() * grid.cell;
        let at = |column: usize| labels + column * grid.cell;
        let heads = grid.columns.iter().enumerate();
        let line = |(index, row): (usize, &'a Row)| Line {
            y: head + index * ROW,
            label: cut(&row.label, LONGEST),
            row,
            cells: row.cells.iter().map(|cell| Placed { x: at(cell.column), cell }).collect(),
        };
        Self {
            grid,
            // The last label above leans out to the right.
            width: labels + inner + head,
            height: head + grid.rows.len() * ROW + 2,
            heads: heads
                .map(|(column, axis)| Head { x: at(column) + grid.cell / 2 + 3, label: cut(&axis.label, LONGEST_HEAD), text: &axis.text })
                .collect(),
            lines: grid.rows.iter().enumerate().map(line).collect(),
            labels: labels - 8,
            head: head - 4,
            inner,
        }
    }
}

/// The end of a label tells more than its beginning.
fn cut(label: &str, longest: usize) -> String {
    let count = label.chars().count();
    if count <= longest { label.to_owned() } else { format!("…{}", label.chars().skip(count + 1 - longest).collect::<String>()) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_long_label_keeps_its_end() {
        assert_eq!(cut("abcdef", 4), "…def");
        assert_eq!(cut("äöüß", 4), "äöüß");
    }

    #[test]
    fn hostile_text_is_text_wherever_it_stands() {
        let evil = || "</script></title><script>alert(1)</script>\" onload=\"x\u{202e}\u{7}".to_owned();
        let cell = Cell { column: 0, tone: Tone::Bad, hollow: false, heat: 100, label: evil(), text: evil() };
        let row = Row { label: evil(), tone: Tone::Bad, text: evil(), cells: vec![cell] };
        let columns = vec![Axis { label: evil(), text: evil() }];
        let grid = Grid { title: evil(), note: evil(), cell: 60, columns, rows: vec![row] };
        let entry = Entry { word: evil(), tone: Tone::Odd, title: evil(), lines: vec![(evil(), evil())], verbatim: evil() };
        let chart = Chart {
            title: evil(),
            headline: evil(),
            tone: Tone::Bad,
            subject: evil(),
            counts: vec![Count { count: 1, word: evil(), tone: Tone::Bad }],
            legend: vec![(Tone::Bad, evil())],
            parts: vec![Part { name: evil(), note: evil(), grids: vec![grid], entries: vec![entry] }],
        };
        let page = render(&chart);
        assert!(!page.contains("alert(1)</script>") && !page.contains("\" onload"));
        assert!(!page.contains(['\u{202e}', '\u{7}']));
        assert_eq!(page.matches("<script").count(), 1, "only its own");
        assert!(page.matches("&lt;script&gt;alert(1)").count() >= 15, "and yet it is shown");
    }
}
