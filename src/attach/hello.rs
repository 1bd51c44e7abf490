//! The first question: is this a FlexCore, of a kind that is understood, and who are we to it?

use flexcore_ui::link::LinkError;
use serde::Deserialize;

use crate::http::wire::info::{CONSOLE_PROTOCOL, Info};

/// What every FlexCore says of itself, of whatever version.
#[derive(Deserialize)]
struct Told {
    service: String,
    #[serde(default)]
    version: String,
    console: Option<u32>,
}

/// Reads the answer to `GET /info`.
pub(super) fn read(place: &str, json: &[u8]) -> Result<Info, LinkError> {
    let told: Told = serde_json::from_slice(json).map_err(|_| foreign(place))?;
    if told.service != "flexcore" {
        return Err(foreign(place));
    }
    let ours = env!("CARGO_PKG_VERSION");
    let other = || {
        LinkError::Refused(format!(
            "the engine at {place} is FlexCore {}, whose consoles are not those of this FlexCore {ours}: use the same version \
             here and there",
            told.version
        ))
    };
    if told.console != Some(CONSOLE_PROTOCOL) {
        return Err(other());
    }
    serde_json::from_slice(json).map_err(|_| other())
}

/// Something answers, and it is something else.
pub(super) fn foreign(place: &str) -> LinkError {
    LinkError::Refused(format!("what answers at {place} is not a FlexCore"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn others_are_told_apart_from_other_versions() {
        let told = |json: &str| read("box", json.as_bytes()).unwrap_err().to_string();
        for foreign in ["<html>", "[]", "{}", r#"{"service":"nginx"}"#] {
            assert_eq!(told(foreign), "what answers at box is not a FlexCore", "{foreign}");
        }
        for old in [r#"{"service":"flexcore","version":"9.1"}"#, r#"{"service":"flexcore","version":"9.1","console":99}"#] {
            assert!(told(old).starts_with("the engine at box is FlexCore 9.1, "), "{old}");
        }
        let unlike = format!(r#"{{"service":"flexcore","version":"9.1","console":{CONSOLE_PROTOCOL}}}"#);
        assert!(told(&unlike).contains("use the same version"));
    }
}
