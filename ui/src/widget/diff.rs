//! The difference of two texts, as lines to scroll through: one under the other, or side by side where there is room.

use std::time::Duration;

use ratatui::{buffer::Buffer, layout::Rect};
use similar::{ChangeTag, TextDiff};

use super::{
    Look, safe_text,
    text_view::{TextLine, TextView, Tone},
};

/// Unchanged lines shown around a change.
const CONTEXT: usize = 3;
/// From this width on, old and new stand side by side.
const SIDE_BY_SIDE_COLUMNS: u16 = 130;
/// Longer than this no difference may take; what is found by then is shown, correct but not the shortest.
const TIME_MAX: Duration = Duration::from_millis(200);

/// The difference of two texts.
#[derive(Debug, Clone, Default)]
pub struct Difference {
    unified: TextView,
    sides: [TextView; 2],
    added: usize,
    removed: usize,
}

impl Difference {
    /// Compares line by line.
    pub fn of(old: &str, new: &str) -> Self {
        let mut difference = Self::default();
        let diff = TextDiff::configure().timeout(TIME_MAX).diff_lines(old, new);
        for (number, group) in diff.grouped_ops(CONTEXT).iter().enumerate() {
            if number > 0 {
                difference.gap();
            }
            for change in group.iter().flat_map(|op| diff.iter_changes(op)) {
                difference.push(change.tag(), change.old_index(), change.new_index(), change.value());
            }
            difference.level();
        }
        difference
    }

    /// Lines that are new, and lines that are gone.
    pub fn counts(&self) -> (usize, usize) {
        (self.added, self.removed)
    }

    /// Whether the texts are the same.
    pub fn is_empty(&self) -> bool {
        self.unified.is_empty()
    }

    /// What scrolls: a change of one view is made in all.
    pub fn scroll(&mut self, change: impl Fn(&mut TextView)) {
        change(&mut self.unified);
        self.sides.iter_mut().for_each(change);
    }

    /// Draws what is seen of it.
    pub fn render(&self, buffer: &mut Buffer, area: Rect, look: &Look) {
        if area.width < SIDE_BY_SIDE_COLUMNS {
            return self.unified.render(buffer, area, look);
        }
        let half = area.width / 2;
        self.sides[0].render(buffer, Rect { width: half - 1, ..area }, look);
        self.sides[1].render(buffer, Rect { x: area.x + half, width: area.width - half, ..area }, look);
    }

    fn push(&mut self, tag: ChangeTag, old: Option<usize>, new: Option<usize>, text: &str) {
        let number = |index: Option<usize>| index.map_or_else(|| "    ".into(), |index| format!("{:>4}", index + 1));
        let (sign, tone) = match tag {
            ChangeTag::Equal => (' ', Tone::Plain),
            ChangeTag::Insert => ('+', Tone::Added),
            ChangeTag::Delete => ('-', Tone::Removed),
        };
        let text = safe_text::safe_lines(text).next().unwrap_or_default();
        self.unified.push(TextLine { head: format!("{} {} {sign} ", number(old), number(new)), text: text.clone(), tone });
        self.added += usize::from(tag == ChangeTag::Insert);
        self.removed += usize::from(tag == ChangeTag::Delete);
        if tag == ChangeTag::Equal {
            self.level();
        }
        for (side, index) in self.sides.iter_mut().zip([old, new]) {
            if index.is_some() {
                side.push(TextLine { head: format!("{} {sign} ", number(index)), text: text.clone(), tone });
            }
        }
    }

    /// Fills the shorter side up, so that what is equal stands on one height.
    fn level(&mut self) {
        let longest = self.sides.iter().map(TextView::len).max().unwrap_or(0);
        for side in &mut self.sides {
            while side.len() < longest {
                side.push(TextLine::default());
            }
        }
    }

    fn gap(&mut self) {
        let line = TextLine::new("   ⋯", Tone::Dim);
        self.unified.push(line.clone());
        self.sides.iter_mut().for_each(|side| side.push(line.clone()));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::widget::ink::rows;

    fn drawn(difference: &Difference, width: u16, height: u16) -> Vec<String> {
        let mut buffer = Buffer::empty(Rect::new(0, 0, width, height));
        difference.render(&mut buffer, Rect::new(0, 0, width, height), &Look::default());
        rows(&buffer)
    }

    const OLD: &str = "a\nb\nc\nd\ne\nf\n";
    const NEW: &str = "a\nb\nc\nD\nE\ne\nf\n";

    #[test]
    fn what_changed_is_shown_with_a_few_lines_around_it() {
        let expected = [
            "   1    1   a",
            "   2    2   b",
            "   3    3   c",
            "   4      - d",
            "        4 + D",
            "        5 + E",
            "   5    6   e",
            "   6    7   f",
        ];
        let difference = Difference::of(OLD, NEW);
        assert_eq!(drawn(&difference, 40, 8), expected);
        assert_eq!(difference.counts(), (2, 1));
    }

    #[test]
    fn side_by_side_equal_lines_stand_on_one_height() {
        let shown = drawn(&Difference::of(OLD, NEW), 130, 7);
        let halves: Vec<_> =
            shown.iter().map(|row| safe_text::take_columns(row, 65)).map(|(a, b)| (a.trim(), b.trim())).collect();
        assert_eq!(halves[3..6], [("4 - d", "4 + D"), ("", "5 + E"), ("5   e", "6   e")]);
    }

    #[test]
    fn distant_changes_are_parted_and_equal_texts_have_no_difference() {
        let old: String = (0..30).map(|line| line.to_string() + "\n").collect();
        let new = old.replace("3\n", "three\n");
        let shown = drawn(&Difference::of(&old, &new), 40, 40);
        assert!(shown.contains(&"   ⋯".to_owned()));
        assert!(Difference::of(OLD, OLD).is_empty());
        drawn(&Difference::of(OLD, NEW), 0, 0);
        drawn(&Difference::of("", "x\x1b"), 3, 1);
    }
}
