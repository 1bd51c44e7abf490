//! Text from outside, cut to what one event may carry: an error message of a megabyte must not become a log of gigabytes.

use crate::event::run::RunError;

/// The longest message or record of an error, in bytes.
pub const TEXT_BYTES_MAX: usize = 4 << 10;
/// The longest cause of an error, in bytes.
pub const CAUSE_BYTES_MAX: usize = 1_000;
/// The most causes of an error.
pub const CAUSES_MAX: usize = 8;
/// The longest reason that a person gives, in bytes.
pub const REASON_BYTES_MAX: usize = 500;
/// The longest name of a worker, in bytes.
pub const NAME_BYTES_MAX: usize = 100;

/// The text, cut at a character boundary, with `…` where it was cut.
pub fn text(given: &str, bytes_max: usize) -> String {
    if given.len() <= bytes_max {
        return given.to_owned();
    }
    let end = given.floor_char_boundary(bytes_max - '…'.len_utf8());
    format!("{}…", &given[..end])
}

/// The error with every text cut: at most 16 KiB.
pub fn error(given: &RunError) -> RunError {
    RunError {
        step: given.step.clone(),
        message: text(&given.message, TEXT_BYTES_MAX),
        causes: given.causes.iter().take(CAUSES_MAX).map(|cause| text(cause, CAUSE_BYTES_MAX)).collect(),
        record: given.record.as_ref().map(|record| text(record, TEXT_BYTES_MAX)),
        retryable: given.retryable,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_longest_error_fits_sixteen_kibibytes() {
        let long = "\u{1F525}".repeat(100_000);
        let error = error(&RunError {
            step: None,
            message: long.clone(),
            causes: vec![long.clone(); 100],
            record: Some(long),
            retryable: true,
        });
        let bytes =
            error.message.len() + error.record.as_ref().unwrap().len() + error.causes.iter().map(String::len).sum::<usize>();
        assert!(bytes <= 16 << 10, "{bytes}");
        assert!(error.message.ends_with('…'));
    }
}
