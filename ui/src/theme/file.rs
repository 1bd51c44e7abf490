//! Theme files: a style for each role that is to look different, as in `danger = "#ff5555 on black bold"`. What a file does not
//! name is as in the theme that it `inherits`, else as in `terminal`.

use flexcore_engine::pipeline::mistake::nearest;
use ratatui::style::{Color, Modifier, Style};
use toml::{Table, Value};

use super::{Palette, Role, Themes};

/// What begins with this is the theme that the others are taken from.
const INHERITS: &str = "inherits";

/// Why a theme file is refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ThemeError {
    /// Not TOML.
    #[error("the theme file is not TOML: {0}")]
    NotToml(String),
    /// Nothing that is drawn is called so.
    #[error("`{given}` is not drawn: there are {}{}", roles(), hint(.near.as_ref()))]
    UnknownRole { given: String, near: Option<String> },
    /// Not a style.
    #[error(
        "{role}: `{word}` is neither a colour (red, light-red, #ff5555, 0 to 255) nor bold, dim, italic, underlined, reversed"
    )]
    UnknownWord { role: String, word: String },
    /// Not text.
    #[error("{0}: write it like \"#ff5555 on black bold\"")]
    NotText(String),
    /// No such theme to start from.
    #[error("inherits: there is no theme `{0}`: terminal, mono, dark or light")]
    UnknownTheme(String),
}

fn roles() -> String {
    Role::ALL.map(Role::name).join(", ")
}

fn hint(near: Option<&String>) -> String {
    near.map(|near| format!("; did you mean `{near}`?")).unwrap_or_default()
}

/// Reads a theme file.
pub fn read(text: &str) -> Result<Palette, ThemeError> {
    let table: Table = text.parse().map_err(|bad: toml::de::Error| ThemeError::NotToml(bad.message().to_owned()))?;
    let mut palette = match table.get(INHERITS) {
        None => Palette::default(),
        Some(name) => inherited(name)?,
    };
    for (name, value) in table.iter().filter(|(name, _)| *name != INHERITS) {
        let unknown =
            || ThemeError::UnknownRole { given: name.clone(), near: nearest(name, Role::ALL.map(Role::name)).map(Into::into) };
        let role = Role::ALL.into_iter().find(|role| role.name() == name).ok_or_else(unknown)?;
        let text = value.as_str().ok_or_else(|| ThemeError::NotText(name.clone()))?;
        palette.set(role, style(name, text)?);
    }
    Ok(palette)
}

fn inherited(name: &Value) -> Result<Palette, ThemeError> {
    let mut themes = Themes::default();
    let name = name.as_str().unwrap_or_default();
    if themes.choose(name) { Ok(themes.palette()) } else { Err(ThemeError::UnknownTheme(name.to_owned())) }
}

/// `#ff5555 on black bold`.
fn style(role: &str, text: &str) -> Result<Style, ThemeError> {
    let mut style = Style::new();
    let mut behind = false;
    for word in text.split_whitespace() {
        let modifier = match word {
            "on" => {
                behind = true;
                continue;
            }
            "bold" => Some(Modifier::BOLD),
            "dim" => Some(Modifier::DIM),
            "italic" => Some(Modifier::ITALIC),
            "underlined" => Some(Modifier::UNDERLINED),
            "reversed" => Some(Modifier::REVERSED),
            _ => None,
        };
        if let Some(modifier) = modifier {
            style = style.add_modifier(modifier);
            continue;
        }
        let color: Color = word.parse().map_err(|_| ThemeError::UnknownWord { role: role.to_owned(), word: word.to_owned() })?;
        style = if std::mem::take(&mut behind) { style.bg(color) } else { style.fg(color) };
    }
    Ok(style)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_role_has_its_place_and_its_name() {
        for (at, role) in Role::ALL.into_iter().enumerate() {
            assert_eq!(role as usize, at, "{}", role.name());
        }
    }

    #[test]
    fn a_file_changes_what_it_names() {
        let palette = read("danger = \"#ff5555 on black bold\"\ngood = \"2\"\n").unwrap();
        let danger = Style::new().fg(Color::Rgb(255, 85, 85)).bg(Color::Black).add_modifier(Modifier::BOLD);
        assert_eq!(palette.style(Role::Danger), danger);
        assert_eq!(palette.style(Role::Good), Style::new().fg(Color::Indexed(2)));
        assert_eq!(palette.style(Role::Warn), Palette::default().style(Role::Warn));
        let inherits = read("inherits = \"mono\"\n").unwrap();
        assert_eq!(inherits, Palette::mono());
    }

    #[test]
    fn the_themes_that_are_built_in_name_every_role() {
        for text in [include_str!("dark.toml"), include_str!("light.toml")] {
            let table: Table = text.parse().unwrap();
            read(text).unwrap();
            assert_eq!(table.len(), Role::ALL.len());
        }
        assert_eq!(Themes::default().all.len(), 4);
    }

    #[test]
    fn what_cannot_be_drawn_is_refused_with_a_hint() {
        let wrong = |text: &str| read(text).unwrap_err().to_string();
        assert!(wrong("dangr = \"red\"").ends_with("did you mean `danger`?"));
        assert!(wrong("danger = \"blod\"").starts_with("danger: `blod` is neither a colour"));
        assert!(wrong("danger = 3").starts_with("danger: write it like"));
        assert!(wrong("inherits = \"nord\"").contains("there is no theme `nord`"));
        assert!(wrong("danger").starts_with("the theme file is not TOML"));
    }
}
