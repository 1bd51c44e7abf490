//! The last values of a figure in one line of blocks. Blocks and not braille: every font has them.

const BLOCKS: [char; 8] = ['▁', '▂', '▃', '▄', '▅', '▆', '▇', '█'];
const ASCII: [char; 8] = ['_', '.', '.', '-', '-', '=', '=', '#'];

/// Values, newest last, as a line of exactly `columns`: the newest are at its right end, where nothing is known yet it is
/// empty. The scale goes from 0 to the greatest value shown, or to `top` if that is more.
pub fn spark(values: impl DoubleEndedIterator<Item = f64>, columns: usize, top: f64, ascii: bool) -> String {
    let mut shown: Vec<f64> =
        values.rev().take(columns).map(|value| if value.is_finite() { value.max(0.0) } else { 0.0 }).collect();
    shown.reverse();
    let top = shown.iter().copied().fold(top, f64::max);
    let blocks = if ascii { &ASCII } else { &BLOCKS };
    let empty = std::iter::repeat_n(' ', columns - shown.len());
    empty.chain(shown.iter().map(|value| blocks[level(*value, top)])).collect()
}

/// 0 for nothing; anything above it is seen, however small.
fn level(value: f64, top: f64) -> usize {
    if value <= 0.0 || top <= 0.0 { 0 } else { ((value / top * 7.0).round() as usize).clamp(1, 7) }
}

/// How full something is, as a line of exactly `columns`: `▇▇▇░░`.
pub fn bar(part: u64, whole: u64, columns: usize, ascii: bool) -> String {
    let share = if whole == 0 { 0.0 } else { (part as f64 / whole as f64).min(1.0) };
    let rounded = (share * columns as f64).round() as usize;
    let full = if part > 0 { rounded.max(1).min(columns) } else { 0 };
    let (on, off) = if ascii { ('#', '.') } else { ('▇', '░') };
    std::iter::repeat_n(on, full).chain(std::iter::repeat_n(off, columns - full)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_newest_value_is_at_the_right_end() {
        assert_eq!(spark([0.0, 1.0, 7.0].into_iter(), 5, 0.0, false), "  ▁▂█");
        assert_eq!(spark((0..100).map(f64::from), 3, 0.0, false), "███");
        assert_eq!(spark([1.0, 7.0].into_iter(), 2, 0.0, true), ".#");
        assert_eq!(spark([1.0].into_iter(), 0, 0.0, false), "");
    }

    #[test]
    fn little_is_seen_and_nothing_is_flat() {
        assert_eq!(spark([0.0, 0.001, 1000.0].into_iter(), 3, 0.0, false), "▁▂█");
        assert_eq!(spark([0.0, 0.0].into_iter(), 2, 0.0, false), "▁▁");
        assert_eq!(spark([f64::NAN, f64::INFINITY, -1.0].into_iter(), 3, 0.0, false), "▁▁▁");
        assert_eq!(spark([5.0].into_iter(), 1, 10.0, false), "▅");
    }

    #[test]
    fn a_bar_shows_one_waiting_record_and_never_more_than_full() {
        assert_eq!(bar(1, 4_000, 5, false), "▇░░░░");
        assert_eq!(bar(0, 4_000, 5, false), "░░░░░");
        assert_eq!(bar(9_000, 4_000, 5, true), "#####");
        assert_eq!(bar(3, 0, 3, true), "#..");
        assert_eq!(bar(3, 4, 0, true), "");
    }
}
