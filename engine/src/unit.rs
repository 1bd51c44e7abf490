//! Durations and sizes as people write them: `30s`, `1h 30m`, `64MiB`. One place reads and prints them, so that files,
//! flags and the console agree.

use std::{borrow::Cow, fmt, str::FromStr, time};

use arrayvec::ArrayString;
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Serialize};

/// A length of time, up to ten years. Written `250ms`, `30s`, `10m`, `2h`, `30d`, or several of these.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Duration(pub time::Duration);

/// Text that is not a duration.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is not a duration: write it like 250ms, 30s, 10m, 2h or 30d (at most ten years)")]
pub struct BadDuration(pub String);

const TEN_YEARS: time::Duration = time::Duration::from_secs(10 * 366 * 86_400);

impl Duration {
    /// Whole milliseconds.
    pub const fn from_millis(millis: u64) -> Self {
        Self(time::Duration::from_millis(millis))
    }

    /// Whole seconds.
    pub const fn from_secs(secs: u64) -> Self {
        Self(time::Duration::from_secs(secs))
    }
}

impl FromStr for Duration {
    type Err = BadDuration;
    fn from_str(text: &str) -> Result<Self, BadDuration> {
        let bad = || BadDuration(text.to_owned());
        if let Some(length) = printed(text).filter(|length| *length <= TEN_YEARS) {
            return Ok(Self(length));
        }
        let span: jiff::Span = text.parse().map_err(|_| bad())?;
        let length = span.to_duration(jiff::SpanRelativeTo::days_are_24_hours()).map_err(|_| bad())?;
        let length = time::Duration::try_from(length).map_err(|_| bad())?;
        if length > TEN_YEARS { Err(bad()) } else { Ok(Self(length)) }
    }
}

/// A length as it is printed, which is how nearly all come: in every event with limits of a queue there are three.
fn printed(text: &str) -> Option<time::Duration> {
    let (digits, unit) = number_and_unit(text);
    let size = match unit {
        "ms" => 1,
        "s" => 1_000,
        "m" => 60_000,
        "h" => 3_600_000,
        "d" => 86_400_000,
        _ => return None,
    };
    digits.parse::<u64>().ok()?.checked_mul(size).map(time::Duration::from_millis)
}

fn number_and_unit(text: &str) -> (&str, &str) {
    text.split_at(text.bytes().take_while(u8::is_ascii_digit).count())
}

impl Duration {
    fn parts(self) -> (u64, &'static str) {
        // To divide numbers of 128 bits takes far longer, and these are printed in every event with limits of a queue.
        let millis = u64::try_from(self.0.as_millis()).unwrap_or(u64::MAX);
        let units = [(86_400_000, "d"), (3_600_000, "h"), (60_000, "m"), (1_000, "s")];
        let unit = units.into_iter().find(|(size, _)| millis >= *size && millis.is_multiple_of(*size));
        unit.map_or((millis, "ms"), |(size, unit)| (millis / size, unit))
    }
}

/// A number of bytes. Written `512`, `64KiB`, `1MiB`, `1GiB` (1024-based) or `1MB` (1000-based).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct ByteSize(pub u64);

/// Text that is not a size.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is not a size: write it like 512, 64KiB, 1MiB or 2GB")]
pub struct BadByteSize(pub String);

const SIZES: [(&str, u64); 9] = [
    ("KiB", 1 << 10),
    ("MiB", 1 << 20),
    ("GiB", 1 << 30),
    ("TiB", 1 << 40),
    ("kB", 1_000),
    ("KB", 1_000),
    ("MB", 1_000_000),
    ("GB", 1_000_000_000),
    ("B", 1),
];

impl FromStr for ByteSize {
    type Err = BadByteSize;
    fn from_str(text: &str) -> Result<Self, BadByteSize> {
        let (digits, unit) = number_and_unit(text.trim());
        let unit = unit.trim_start();
        let size = if unit.is_empty() { Some(1) } else { SIZES.iter().find(|(name, _)| *name == unit).map(|(_, size)| *size) };
        let bytes = digits.parse::<u64>().ok().zip(size).and_then(|(count, size)| count.checked_mul(size));
        bytes.map(Self).ok_or_else(|| BadByteSize(text.to_owned()))
    }
}

impl ByteSize {
    fn parts(self) -> (u64, &'static str) {
        let unit = SIZES[..4].iter().rev().find(|(_, size)| self.0 >= *size && self.0.is_multiple_of(*size));
        unit.map_or((self.0, ""), |(unit, size)| (self.0 / size, unit))
    }
}

/// A text that is only looked at.
#[derive(Deserialize)]
pub(crate) struct Text<'a>(#[serde(borrow)] pub(crate) Cow<'a, str>);

/// The longest that is printed: twenty digits and a unit.
const TEXT_BYTES_MAX: usize = 24;

macro_rules! as_text {
    ($type:ident, $name:literal, $schema:expr) => {
        impl fmt::Display for $type {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                let (number, unit) = self.parts();
                write!(f, "{number}{unit}")
            }
        }

        impl Serialize for $type {
            fn serialize<S: serde::Serializer>(&self, output: S) -> Result<S::Ok, S::Error> {
                // By `Display` it takes several times as long.
                let (number, unit) = self.parts();
                let mut text = ArrayString::<TEXT_BYTES_MAX>::new();
                text.push_str(itoa::Buffer::new().format(number));
                text.push_str(unit);
                output.serialize_str(&text)
            }
        }

        impl<'de> Deserialize<'de> for $type {
            fn deserialize<D: serde::Deserializer<'de>>(input: D) -> Result<Self, D::Error> {
                let Text(text) = Text::deserialize(input)?;
                text.parse().map_err(serde::de::Error::custom)
            }
        }

        impl JsonSchema for $type {
            fn inline_schema() -> bool {
                true
            }
            fn schema_name() -> Cow<'static, str> {
                $name.into()
            }
            fn json_schema(_: &mut SchemaGenerator) -> Schema {
                $schema
            }
        }
    };
}

as_text!(
    Duration,
    "Duration",
    json_schema!({"type": "string", "description": "A duration like 250ms, 30s, 10m, 2h, 30d", "format": "flexcore-duration"})
);

as_text!(
    ByteSize,
    "ByteSize",
    json_schema!({"type": "string", "description": "A size like 64KiB, 1MiB, 1GiB", "format": "flexcore-size"})
);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_are_read_as_written_and_printed_shortest() {
        let cases =
            [("250ms", 250), ("30s", 30_000), ("10m", 600_000), ("2h", 7_200_000), ("1h 30m", 5_400_000), ("30d", 2_592_000_000)];
        for (text, millis) in cases {
            assert_eq!(text.parse(), Ok(Duration::from_millis(millis)), "{text}");
        }
        assert_eq!(Duration::from_millis(5_400_000).to_string(), "90m");
        for bad in ["", "30", "-1s", "soon", "11y 1s", "999999999d"] {
            assert!(bad.parse::<Duration>().is_err(), "{bad}");
        }
    }

    #[test]
    fn sizes_are_read_as_written_and_printed_shortest() {
        for (text, bytes) in
            [("512", 512), ("64KiB", 65_536), ("1MiB", 1_048_576), ("2GB", 2_000_000_000), ("7B", 7), (" 8 KiB ", 8_192)]
        {
            assert_eq!(text.parse(), Ok(ByteSize(bytes)), "{text}");
        }
        assert_eq!(ByteSize(1_048_576).to_string(), "1MiB");
        for bad in ["", "MiB", "-1", "1.5MiB", "99999999999TiB", "1KiBB", "1 K"] {
            assert!(bad.parse::<ByteSize>().is_err(), "{bad}");
        }
    }
}
