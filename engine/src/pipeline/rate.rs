//! How fast a step may go, as people write it: `100/s`, `30/m`, `5000/h`.

use std::str::FromStr;

/// At most so many records in a second; the fraction counts.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Rate {
    /// Records in a second, above 0.
    pub per_second: f64,
}

/// Text that is not a rate.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is not a rate: write it like 100/s, 30/m or 5000/h")]
pub struct BadRate(pub String);

impl FromStr for Rate {
    type Err = BadRate;
    fn from_str(text: &str) -> Result<Self, BadRate> {
        let bad = || BadRate(text.to_owned());
        let (count, unit) = text.split_once('/').ok_or_else(bad)?;
        let count: u32 = count.trim().parse().map_err(|_| bad())?;
        let seconds = match unit.trim() {
            "s" => 1.0,
            "m" => 60.0,
            "h" => 3_600.0,
            _ => return Err(bad()),
        };
        if count == 0 { Err(bad()) } else { Ok(Self { per_second: f64::from(count) / seconds }) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rates_are_read_as_written() {
        for (text, per_second) in [("100/s", 100.0), ("30/m", 0.5), ("3600 / h", 1.0)] {
            assert_eq!(text.parse(), Ok(Rate { per_second }), "{text}");
        }
        for bad in ["", "100", "0/s", "-1/s", "1/d", "fast"] {
            assert!(bad.parse::<Rate>().is_err(), "{bad}");
        }
    }
}
