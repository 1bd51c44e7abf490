//! What every queue checks of a call before it looks at its own state. Adapters share it, so that all refuse the same.

use serde_json::value::RawValue;

use crate::port::queue::{BATCH_MAX, NewDeadLetter, NewMessage, PRIORITY_MAX};

/// The longest deduplication key, in bytes.
pub const DEDUP_KEY_BYTES_MAX: usize = 512;

/// Whether a body is JSON. Skips through it; builds no value.
pub fn check_body(body: &[u8]) -> Result<(), String> {
    match serde_json::from_slice::<&RawValue>(body) {
        Ok(_) => Ok(()),
        Err(error) => Err(format!("is not JSON: {error}")),
    }
}

/// What is wrong with messages to send, if anything.
pub fn check_messages(messages: &[NewMessage]) -> Result<(), String> {
    check_count(messages.len(), "messages")?;
    messages.iter().enumerate().try_for_each(|(at, message)| {
        check_message(message).map_err(|why| format!("message {} of {} {why}", at + 1, messages.len()))
    })
}

fn check_message(message: &NewMessage) -> Result<(), String> {
    let NewMessage { priority, dedup_key, .. } = message;
    if *priority > PRIORITY_MAX {
        return Err(format!("has priority {priority}; give 0 (first) to {PRIORITY_MAX} (last)"));
    }
    if let Some(key) = dedup_key.as_ref().filter(|key| key.len() > DEDUP_KEY_BYTES_MAX) {
        return Err(format!("has a deduplication key of {} bytes; at most {DEDUP_KEY_BYTES_MAX}", key.len()));
    }
    check_body(&message.body)
}

/// What is wrong with dead letters to add, if anything.
pub fn check_letters(letters: &[NewDeadLetter]) -> Result<(), String> {
    check_count(letters.len(), "dead letters")?;
    letters.iter().enumerate().try_for_each(|(at, letter)| {
        check_body(&letter.body).map_err(|why| format!("dead letter {} of {} {why}", at + 1, letters.len()))
    })
}

fn check_count(count: usize, what: &str) -> Result<(), String> {
    if count > BATCH_MAX { Err(format!("{count} {what} in one call; at most {BATCH_MAX}")) } else { Ok(()) }
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;

    use super::*;

    #[test]
    fn a_body_is_one_json_value_in_utf_8() {
        for good in ["1", " {\"a\": [1, null]} ", "\"text\"", "null"] {
            assert_eq!(check_body(good.as_bytes()), Ok(()), "{good}");
        }
        for bad in [&b""[..], b"{", b"1 2", b"{'a': 1}", b"NaN", b"\"\xff\""] {
            assert!(check_body(bad).is_err(), "{bad:?}");
        }
    }

    #[test]
    fn what_is_wrong_is_said_with_its_place() {
        let good = NewMessage { body: Bytes::from_static(b"1"), ..NewMessage::default() };
        let bad = NewMessage { priority: 10, ..good.clone() };
        let error = check_messages(&[good.clone(), bad]).unwrap_err();
        assert_eq!(error, "message 2 of 2 has priority 10; give 0 (first) to 9 (last)");
        assert!(check_messages(&vec![good; BATCH_MAX + 1]).unwrap_err().contains("at most 1000"));
    }
}
