//! Mistakes in pack files, and how they are shown: file, line, column, and the offending text underlined.

use std::ops::Range;
use std::sync::Arc;

use annotate_snippets::{AnnotationKind, Level, Origin, Renderer, Snippet};

/// How many mistakes are shown; the rest is counted.
const SHOWN: usize = 100;

/// A file's text and the name under which it is reported.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Source {
    pub(super) path: String,
    pub(super) text: String,
}

impl Source {
    /// Byte offset of a line and a column, both from 1.
    pub(super) fn offset(&self, line: usize, column: usize) -> usize {
        let before: usize = self.text.split_inclusive('\n').take(line.saturating_sub(1)).map(str::len).sum();
        before + column.saturating_sub(1)
    }

    /// A span that lies in the text, begins and ends between characters, and underlines something where it can.
    fn clamp(&self, span: Range<usize>) -> Range<usize> {
        let floor = |at: usize| (0..=at.min(self.text.len())).rev().find(|at| self.text.is_char_boundary(*at)).unwrap_or(0);
        let start = floor(span.start);
        start..floor(span.end).max(start)
    }
}

/// One mistake.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Mistake {
    source: Arc<Source>,
    span: Range<usize>,
    title: String,
    label: String,
    also: Option<(Range<usize>, String)>,
    help: Vec<String>,
    /// True for a key that stands twice, which JSON readers pass over.
    pub(super) is_duplicate: bool,
}

impl Mistake {
    /// A mistake at this place. `label` stands beside the underlined text.
    pub(super) fn new(source: &Arc<Source>, span: Range<usize>, title: impl Into<String>, label: impl Into<String>) -> Self {
        let span = source.clamp(span);
        Self { source: source.clone(), span, title: title.into(), label: label.into(), also: None, help: Vec::new(), is_duplicate: false }
    }

    /// A mistake about a whole file, or one that is not there.
    pub(super) fn file(path: impl Into<String>, title: impl Into<String>) -> Self {
        let source = Arc::new(Source { path: path.into(), text: String::new() });
        Self::new(&source, 0..0, title, "")
    }

    /// Another place in the same file that explains it.
    pub(super) fn and(mut self, span: Range<usize>, label: impl Into<String>) -> Self {
        self.also = Some((self.source.clamp(span), label.into()));
        self
    }

    /// A sentence that helps.
    pub(super) fn help(mut self, help: impl Into<String>) -> Self {
        self.help.push(help.into());
        self
    }

    /// Marks it as a key that stands twice.
    pub(super) fn duplicate(mut self) -> Self {
        self.is_duplicate = true;
        self
    }

    fn render(&self, renderer: &Renderer) -> String {
        let title = Level::ERROR.primary_title(self.title.as_str());
        let mut group = if self.source.text.is_empty() {
            title.element(Origin::path(self.source.path.as_str()))
        } else {
            let primary = AnnotationKind::Primary.span(self.span.clone()).label(self.label.as_str());
            let also = self.also.iter().map(|(span, label)| AnnotationKind::Context.span(span.clone()).label(label.as_str()));
            title.element(Snippet::source(&self.source.text).path(self.source.path.as_str()).annotation(primary).annotations(also))
        };
        for help in &self.help {
            group = group.element(Level::HELP.message(help.as_str()));
        }
        renderer.render(&[group])
    }
}

/// Everything that is wrong with a pack.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Mistakes(Vec<Mistake>);

impl Mistakes {
    /// In the order of the files and of their lines, each once.
    pub(super) fn of(mut mistakes: Vec<Mistake>) -> Self {
        mistakes.sort_by(|a, b| a.source.path.cmp(&b.source.path).then(a.span.start.cmp(&b.span.start)));
        mistakes.dedup();
        Self(mistakes)
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// True if the pack is sound.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// All of them as text for a terminal, in the order of the files, with colours or without.
    pub fn render(&self, colour: bool) -> String {
        let renderer = if colour { Renderer::styled() } else { Renderer::plain() };
        let mut shown: Vec<String> = self.0.iter().take(SHOWN).map(|mistake| mistake.render(&renderer)).collect();
        if let more @ 1.. = self.len().saturating_sub(SHOWN) {
            shown.push(format!("and {more} more"));
        }
        shown.join("\n\n")
    }
}
