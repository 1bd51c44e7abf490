//! How many colours a terminal has. Each console has its own: a process that serves many cannot ask its own environment.

use std::str::FromStr;

use ratatui::style::Color;

/// How many colours a terminal has.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Hash)]
pub enum Depth {
    /// None: weight, underline and reverse only.
    Mono,
    /// Its own sixteen.
    #[default]
    Sixteen,
    /// The cube and the greys beside them.
    Many,
    /// Red, green and blue, eight bits each.
    True,
}

/// Not a depth.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is not a number of colours: write mono, 16, 256 or true")]
pub struct BadDepth(pub String);

impl FromStr for Depth {
    type Err = BadDepth;

    fn from_str(text: &str) -> Result<Self, BadDepth> {
        match text {
            "mono" => Ok(Self::Mono),
            "16" => Ok(Self::Sixteen),
            "256" => Ok(Self::Many),
            "true" => Ok(Self::True),
            other => Err(BadDepth(other.to_owned())),
        }
    }
}

impl Depth {
    /// What a terminal says of itself: `NO_COLOR`, `COLORTERM` and `TERM`, as far as they are known. What is not known has
    /// sixteen, which every terminal with colours has.
    pub fn of_terminal(variable: impl Fn(&str) -> Option<String>) -> Self {
        let is_set = |name| variable(name).is_some_and(|value| !value.is_empty());
        let (color, term) = (variable("COLORTERM").unwrap_or_default(), variable("TERM").unwrap_or_default());
        if is_set("NO_COLOR") || ["dumb", "vt100", "vt102", "vt220"].contains(&term.as_str()) || term.ends_with("-mono") {
            return Self::Mono;
        }
        if ["truecolor", "24bit"].contains(&color.as_str()) || term.ends_with("-direct") {
            return Self::True;
        }
        if term.contains("256color") { Self::Many } else { Self::Sixteen }
    }

    /// The nearest colour that the terminal has.
    pub fn nearest(self, color: Color) -> Color {
        match (self, color) {
            (_, Color::Reset) | (Self::Mono, _) => Color::Reset,
            (Self::Sixteen, Color::Rgb(r, g, b)) => nearest16((r, g, b)),
            (Self::Sixteen, Color::Indexed(index)) if index >= 16 => nearest16(of_index(index)),
            (Self::Many, Color::Rgb(r, g, b)) => Color::Indexed(nearest256((r, g, b))),
            (_, other) => other,
        }
    }
}

type Rgb = (u8, u8, u8);

/// The sixteen as most terminals have them. Their owner may have changed them: near is all that can be had.
const SIXTEEN: [(Color, Rgb); 16] = [
    (Color::Black, (0, 0, 0)),
    (Color::Red, (205, 0, 0)),
    (Color::Green, (0, 205, 0)),
    (Color::Yellow, (205, 205, 0)),
    (Color::Blue, (0, 0, 238)),
    (Color::Magenta, (205, 0, 205)),
    (Color::Cyan, (0, 205, 205)),
    (Color::Gray, (229, 229, 229)),
    (Color::DarkGray, (127, 127, 127)),
    (Color::LightRed, (255, 0, 0)),
    (Color::LightGreen, (0, 255, 0)),
    (Color::LightYellow, (255, 255, 0)),
    (Color::LightBlue, (92, 92, 255)),
    (Color::LightMagenta, (255, 0, 255)),
    (Color::LightCyan, (0, 255, 255)),
    (Color::White, (255, 255, 255)),
];

const CUBE: [u8; 6] = [0, 95, 135, 175, 215, 255];

/// Squared, the eye's own weights: green counts most.
fn distance(one: Rgb, other: Rgb) -> u32 {
    let part = |one: u8, other: u8, weight: u32| u32::from(one.abs_diff(other)).pow(2) * weight;
    part(one.0, other.0, 3) + part(one.1, other.1, 6) + part(one.2, other.2, 2)
}

fn nearest16(rgb: Rgb) -> Color {
    SIXTEEN.iter().min_by_key(|(_, of)| distance(rgb, *of)).map_or(Color::Reset, |(color, _)| *color)
}

fn nearest256(rgb: Rgb) -> u8 {
    (16..=255).min_by_key(|index| distance(rgb, of_index(*index))).unwrap_or(16)
}

/// What an index looks like.
pub(crate) fn of_index(index: u8) -> Rgb {
    match index {
        0..=15 => SIXTEEN[usize::from(index)].1,
        16..=231 => {
            let at = index - 16;
            let part = |at: u8| CUBE[usize::from(at % 6)];
            (part(at / 36), part(at / 6), part(at))
        }
        232..=255 => {
            let grey = 8 + (index - 232) * 10;
            (grey, grey, grey)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(pairs: &[(&str, &str)]) -> Depth {
        Depth::of_terminal(|name| pairs.iter().find(|(known, _)| *known == name).map(|(_, value)| (*value).to_owned()))
    }

    #[test]
    fn a_terminal_says_how_many_colours_it_has() {
        assert_eq!(of(&[]), Depth::Sixteen);
        assert_eq!(of(&[("TERM", "xterm-256color")]), Depth::Many);
        assert_eq!(of(&[("TERM", "xterm-256color"), ("COLORTERM", "truecolor")]), Depth::True);
        assert_eq!(of(&[("TERM", "xterm-256color"), ("NO_COLOR", "1")]), Depth::Mono);
        assert_eq!(of(&[("TERM", "linux"), ("NO_COLOR", "")]), Depth::Sixteen);
        assert_eq!(of(&[("TERM", "dumb")]), Depth::Mono);
    }

    #[test]
    fn a_colour_becomes_the_nearest_that_there_is() {
        assert_eq!(Depth::Sixteen.nearest(Color::Rgb(250, 10, 10)), Color::LightRed);
        assert_eq!(Depth::Sixteen.nearest(Color::Indexed(244)), Color::DarkGray);
        assert_eq!(Depth::Many.nearest(Color::Rgb(95, 135, 175)), Color::Indexed(67));
        assert_eq!(Depth::Many.nearest(Color::Rgb(8, 8, 8)), Color::Indexed(232));
        assert_eq!(Depth::True.nearest(Color::Rgb(1, 2, 3)), Color::Rgb(1, 2, 3));
        assert_eq!(Depth::Mono.nearest(Color::Red), Color::Reset);
        assert_eq!(Depth::Sixteen.nearest(Color::Cyan), Color::Cyan);
    }
}
