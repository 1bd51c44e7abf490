//! From a terminal's bytes to keys: whatever comes, and however it is cut, the same is said, and nothing is kept without end.

use flexcore_ui::terminal::decode::{Decoder, PASTE_BYTES_MAX, Said};

/// One input: the first byte says where it is cut.
pub(crate) fn check(input: &[u8]) {
    let Some((cut, bytes)) = input.split_first() else { return };
    let mut whole = Decoder::default();
    let mut said = whole.feed(bytes);
    said.extend(whole.flush());
    for one in &said {
        if let Said::Paste(text) = one {
            assert!(text.len() <= 3 * PASTE_BYTES_MAX);
            assert!(text.chars().all(|char| !char.is_control() || matches!(char, '\n' | '\r' | '\t')), "{text:?}");
        }
    }
    let (mut cut_up, mut pieces) = (Decoder::default(), Vec::new());
    for piece in bytes.chunks(usize::from(*cut).max(1)) {
        pieces.extend(cut_up.feed(piece));
    }
    pieces.extend(cut_up.flush());
    assert_eq!(pieces, said, "cut after each {cut}");
}
