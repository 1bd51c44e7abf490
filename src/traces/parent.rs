//! `traceparent`, the header by which a trace goes from one program to the next (W3C Trace Context).

use std::fmt;

use flexcore_engine::id::CorrelationId;
use uuid::Uuid;

use super::span::SpanId;

/// The header's name.
pub const HEADER: &str = "traceparent";

/// What a request belongs to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Parent {
    /// The trace, which is our correlation.
    pub trace: CorrelationId,
    /// The span that asked.
    pub span: SpanId,
    /// Whether the trace is being recorded.
    pub sampled: bool,
}

impl Parent {
    /// Reads the header. `None`: it is not as it should be, so there is no trace.
    pub fn read(header: &[u8]) -> Option<Self> {
        let text = std::str::from_utf8(header).ok()?;
        let mut parts = text.split('-');
        let (version, trace, span, flags) = (parts.next()?, parts.next()?, parts.next()?, parts.next()?);
        // Later versions may add parts; the first one has these.
        if version == "ff" || (version == "00" && parts.next().is_some()) {
            return None;
        }
        let (_, trace, span, flags) = (hex(version, 2)?, hex(trace, 32)?, hex(span, 16)?, hex(flags, 2)?);
        let span = SpanId::new(u64::try_from(span).ok()?)?;
        (trace != 0).then(|| Self { trace: CorrelationId(Uuid::from_u128(trace)), span, sampled: flags & 1 == 1 })
    }
}

/// Lower case only, says the standard.
fn hex(text: &str, length: usize) -> Option<u128> {
    let is_hex = text.len() == length && text.bytes().all(|byte| byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte));
    is_hex.then(|| u128::from_str_radix(text, 16).ok()).flatten()
}

impl fmt::Display for Parent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "00-{}-{}-{:02x}", self.trace.0.simple(), self.span, u8::from(self.sampled))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_header_reads_back_as_it_was_written() {
        for text in
            ["00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01", "00-00000000000000000000000000000001-0000000000000001-00"]
        {
            assert_eq!(Parent::read(text.as_bytes()).unwrap().to_string(), text);
        }
        assert!(Parent::read(b"01-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01-more").is_some());
    }

    #[test]
    fn what_is_no_such_header_is_no_trace() {
        for text in [
            "",
            "00",
            "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7",
            "00-00000000000000000000000000000000-00f067aa0ba902b7-01",
            "00-4bf92f3577b34da6a3ce929d0e0e4736-0000000000000000-01",
            "00-4BF92F3577B34DA6A3CE929D0E0E4736-00f067aa0ba902b7-01",
            "ff-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
            "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01-more",
            "00-4bf92f3577b34da6a3ce929d0e0e473-00f067aa0ba902b7-01",
        ] {
            assert_eq!(Parent::read(text.as_bytes()), None, "{text}");
        }
    }
}
