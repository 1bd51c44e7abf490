//! Lines of text that scroll: a definition, a log, a difference. Bounded: of a log that goes on, the newest lines are kept.

use std::{cell::Cell, collections::VecDeque};

use ratatui::{buffer::Buffer, layout::Rect, style::Style};

use super::{Look, ink::Ink, safe_text};

/// The most lines kept; the oldest go first.
pub const LINES_MAX: usize = 20_000;
/// The longest line kept, in bytes.
const LINE_BYTES_MAX: usize = 16 << 10;

/// What a line is, which gives its colour.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Tone {
    /// Ordinary.
    #[default]
    Plain,
    /// Secondary.
    Dim,
    /// A heading.
    Title,
    /// Needs a look.
    Warn,
    /// A failure.
    Bad,
    /// New in a difference.
    Added,
    /// Gone in a difference.
    Removed,
    /// YAML: keys and comments have their colours.
    Yaml,
}

/// One line: a head that stays in place (number, time), and the text, which may be from outside.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct TextLine {
    /// Drawn before the text; wrapped text stands under the text and not under this.
    pub head: String,
    /// The text.
    pub text: String,
    /// What it is.
    pub tone: Tone,
}

impl TextLine {
    /// A line without a head.
    pub fn new(text: impl Into<String>, tone: Tone) -> Self {
        Self { head: String::new(), text: text.into(), tone }
    }
}

/// Lines, and which of them are seen.
#[derive(Debug, Clone, Default)]
pub struct TextView {
    lines: VecDeque<TextLine>,
    first: usize,
    left: usize,
    wrap: bool,
    follow: bool,
    search: String,
    room: Cell<usize>,
}

impl TextView {
    /// A view of lines, from the first.
    pub fn new(lines: impl IntoIterator<Item = TextLine>) -> Self {
        let mut view = Self::default();
        lines.into_iter().for_each(|line| view.push(line));
        view
    }

    /// A view of a YAML text with line numbers.
    pub fn yaml(text: &str) -> Self {
        let numbered = safe_text::safe_lines(text).enumerate();
        Self::new(numbered.map(|(index, text)| TextLine { head: format!("{:>4}  ", index + 1), text, tone: Tone::Yaml }))
    }

    /// An empty view that shows the newest lines.
    pub fn following() -> Self {
        Self { follow: true, ..Self::default() }
    }

    /// Adds a line at the end.
    pub fn push(&mut self, mut line: TextLine) {
        line.text.truncate(line.text.floor_char_boundary(LINE_BYTES_MAX));
        self.lines.push_back(line);
        if self.lines.len() > LINES_MAX {
            self.lines.pop_front();
            self.first = self.first.saturating_sub(1);
        }
    }

    /// How many lines there are.
    pub fn len(&self) -> usize {
        self.lines.len()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.lines.is_empty()
    }

    /// Whether new lines are shown as they come.
    pub fn follows(&self) -> bool {
        self.follow
    }

    /// Shows new lines as they come, or stays.
    pub fn toggle_follow(&mut self) {
        self.first = self.first_shown();
        self.follow = !self.follow;
    }

    /// Breaks long lines, or lets them leave the screen.
    pub fn toggle_wrap(&mut self) {
        self.wrap = !self.wrap;
        self.left = 0;
    }

    /// Scrolls by lines; scrolling up ends following, reaching the end of a log begins it again.
    pub fn scroll(&mut self, lines: isize) {
        let followed = self.follow;
        self.first = self.first_shown().saturating_add_signed(lines).min(self.first_max());
        self.follow = followed && lines > 0;
    }

    /// Scrolls by pages, or by half pages.
    pub fn page(&mut self, pages: isize, half: bool) {
        let room = self.room.get().max(2);
        self.scroll(pages * (if half { room / 2 } else { room - 1 }).max(1).cast_signed());
    }

    /// Scrolls by columns.
    pub fn shift(&mut self, columns: isize) {
        self.left = self.left.saturating_add_signed(columns).min(LINE_BYTES_MAX);
    }

    /// Shows the first line.
    pub fn top(&mut self) {
        (self.first, self.follow) = (0, false);
    }

    /// Shows the last line.
    pub fn bottom(&mut self) {
        self.first = self.first_max();
    }

    /// What is looked for; goes to the first line from here on that has it. Empty: nothing.
    pub fn search(&mut self, wanted: &str) -> bool {
        self.search = wanted.to_lowercase();
        !self.search.is_empty() && self.find(0, true)
    }

    /// Goes to the next line that has it, or the one before. False: there is none.
    pub fn next_hit(&mut self, forward: bool) -> bool {
        !self.search.is_empty() && self.find(1, forward)
    }

    fn find(&mut self, skip: usize, forward: bool) -> bool {
        let (len, from) = (self.lines.len(), self.first_shown());
        let turn = |step: usize| if forward { (from + step) % len } else { (from + len - step % len) % len };
        let found = (skip..len + skip).map(turn).find(|line| self.has(&self.lines[*line]));
        if let Some(line) = found {
            (self.first, self.follow) = (line, false);
        }
        found.is_some()
    }

    fn has(&self, line: &TextLine) -> bool {
        !self.search.is_empty() && line.text.to_lowercase().contains(&self.search)
    }

    fn first_max(&self) -> usize {
        self.lines.len().saturating_sub(if self.wrap { 1 } else { self.room.get().max(1) })
    }

    fn first_shown(&self) -> usize {
        if self.follow { self.first_max() } else { self.first.min(self.lines.len().saturating_sub(1)) }
    }

    /// Draws the lines that are seen.
    pub fn render(&self, buffer: &mut Buffer, area: Rect, look: &Look) {
        let mut ink = Ink::new(buffer, area);
        let room = usize::from(ink.height());
        self.room.set(room);
        if ink.width() == 0 {
            return;
        }
        let mut row = 0;
        for index in self.first_drawn(usize::from(ink.width()), room)..self.lines.len() {
            if row >= ink.height() {
                break;
            }
            row = self.line(&mut ink, row, &self.lines[index], look);
        }
    }

    /// While following wrapped lines, the view is filled from its end.
    fn first_drawn(&self, columns: usize, room: usize) -> usize {
        if !(self.follow && self.wrap) {
            return self.first_shown();
        }
        let mut left = room;
        let fits = |line: &TextLine, left: &mut usize| {
            let rows = self.pieces(line, columns).count();
            *left = left.saturating_sub(rows);
            rows <= room && *left > 0
        };
        self.lines.len() - self.lines.iter().rev().take_while(|line| fits(line, &mut left)).count().max(1).min(self.lines.len())
    }

    fn line(&self, ink: &mut Ink<'_>, mut row: u16, line: &TextLine, look: &Look) -> u16 {
        let indent = ink.text(0, row, &line.head, look.dim).min(ink.width());
        let base = if self.has(line) { look.hit } else { style(line.tone, look) };
        for piece in self.pieces(line, usize::from(ink.width())) {
            if line.tone == Tone::Yaml && base != look.hit {
                yaml(ink, indent, row, &piece, look);
            } else {
                ink.text(indent, row, &piece, base);
            }
            row = row.saturating_add(1);
        }
        row
    }

    /// What of a line goes into which row.
    fn pieces<'a>(&self, line: &'a TextLine, columns: usize) -> impl Iterator<Item = String> + use<'a> {
        let room = columns.saturating_sub(safe_text::width(&line.head)).max(1);
        let whole = safe_text::safe(&line.text).into_owned();
        let wrap = self.wrap;
        let mut rest = Some(if wrap { whole } else { safe_text::take_columns(&whole, self.left).1.to_owned() });
        std::iter::from_fn(move || {
            let text = rest.take()?;
            if !wrap || safe_text::width(&text) <= room {
                return Some(text);
            }
            let (now, later) = safe_text::take_columns(&text, room.max(2));
            rest = Some(later.to_owned());
            Some(now.to_owned())
        })
    }
}

fn style(tone: Tone, look: &Look) -> Style {
    match tone {
        Tone::Plain | Tone::Yaml => look.text,
        Tone::Dim => look.dim,
        Tone::Title => look.title,
        Tone::Warn => look.warn,
        Tone::Bad | Tone::Removed => look.bad,
        Tone::Added => look.good,
    }
}

/// Draws a line of YAML: a comment dim, a key in its colour, the rest plain.
fn yaml(ink: &mut Ink<'_>, column: u16, row: u16, text: &str, look: &Look) {
    let comment = if text.trim_start().starts_with('#') { Some(0) } else { text.find(" #") };
    let (code, rest) = text.split_at(comment.unwrap_or(text.len()));
    let key = code.find(':').filter(|end| {
        let key = code[..*end].trim_start_matches([' ', '-']);
        !key.is_empty() && key.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '_' | '-' | '.'))
    });
    let (key, value) = code.split_at(key.unwrap_or(0));
    let column = ink.text(column, row, key, look.json_key);
    let column = ink.text(column, row, value, look.text);
    ink.text(column, row, rest, look.dim);
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::widget::ink::rows;

    fn drawn(view: &TextView, width: u16, height: u16) -> Vec<String> {
        let mut buffer = Buffer::empty(Rect::new(0, 0, width, height));
        view.render(&mut buffer, Rect::new(0, 0, width, height), &Look::default());
        rows(&buffer)
    }

    fn numbers(count: usize) -> TextView {
        TextView::new((0..count).map(|number| TextLine::new(format!("line {number}"), Tone::Plain)))
    }

    #[test]
    fn it_scrolls_and_stops_at_its_ends() {
        let mut view = numbers(10);
        assert_eq!(drawn(&view, 8, 3), ["line 0", "line 1", "line 2"]);
        view.page(1, false);
        assert_eq!(drawn(&view, 8, 3)[0], "line 2");
        view.scroll(99);
        assert_eq!(drawn(&view, 8, 3)[2], "line 9");
        view.scroll(-99);
        assert_eq!(drawn(&view, 8, 3)[0], "line 0");
    }

    #[test]
    fn a_log_is_followed_until_one_scrolls_up() {
        let mut view = TextView::following();
        let add = |view: &mut TextView, number: usize| view.push(TextLine::new(format!("line {number}"), Tone::Plain));
        (0..5).for_each(|number| add(&mut view, number));
        assert_eq!(drawn(&view, 8, 2), ["line 3", "line 4"]);
        view.scroll(-1);
        add(&mut view, 5);
        assert_eq!(drawn(&view, 8, 2), ["line 2", "line 3"]);
        view.toggle_follow();
        assert_eq!(drawn(&view, 8, 2), ["line 4", "line 5"]);
    }

    #[test]
    fn wrapped_text_stands_under_the_text() {
        let mut view = TextView::following();
        view.push(TextLine { head: "10:03 ".into(), text: "a longer line of text".into(), tone: Tone::Bad });
        view.toggle_wrap();
        assert_eq!(drawn(&view, 16, 4), ["10:03 a longer l", "      ine of tex", "      t", ""]);
        drawn(&view, 3, 2);
    }

    #[test]
    fn a_search_goes_round() {
        let mut view = numbers(12);
        drawn(&view, 8, 3);
        assert!(view.search("LINE 1"));
        assert_eq!(drawn(&view, 8, 3)[0], "line 1");
        assert!(view.next_hit(true));
        assert_eq!(drawn(&view, 8, 2)[0], "line 10");
        assert!(view.next_hit(false) && view.next_hit(false));
        assert_eq!(drawn(&view, 8, 2)[0], "line 11");
        assert!(!view.search("nothing"));
    }

    #[test]
    fn yaml_has_keys_and_comments_in_their_colours() {
        let view = TextView::yaml("- name: read # first\n\x1b[2J");
        let mut buffer = Buffer::empty(Rect::new(0, 0, 30, 2));
        view.render(&mut buffer, Rect::new(0, 0, 30, 2), &Look::default());
        assert_eq!(rows(&buffer), ["   1  - name: read # first", "   2  ␛[2J"]);
        let look = Look::default();
        assert_eq!(buffer[(8, 0)].fg, look.json_key.fg.unwrap());
        assert!(buffer[(19, 0)].modifier.contains(look.dim.add_modifier));
    }

    #[test]
    fn memory_is_bounded_and_any_size_can_be_drawn() {
        let mut view = numbers(LINES_MAX + 5);
        view.push(TextLine::new("x".repeat(1 << 20), Tone::Plain));
        assert_eq!(view.len(), LINES_MAX);
        for (width, height) in [(0, 0), (1, 1), (0, 5), (5, 0), (200, 60)] {
            drawn(&view, width, height);
            view.toggle_wrap();
            drawn(&view, width, height);
        }
        drawn(&TextView::default(), 3, 3);
    }
}
