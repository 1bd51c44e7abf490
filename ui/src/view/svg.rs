//! A frame as a picture: what the README shows is a real render.

use std::fmt::Write;

use ratatui::{
    buffer::{Buffer, Cell},
    style::{Color, Modifier},
};

const CELL: (u32, u32) = (9, 19);
const MARGIN: u32 = 12;
const BACKGROUND: &str = "#16181d";
const FOREGROUND: &str = "#d7dae0";

/// A frame as SVG, on a dark background.
pub fn svg(buffer: &Buffer) -> String {
    let (columns, rows) = (u32::from(buffer.area.width), u32::from(buffer.area.height));
    let (width, height) = (columns * CELL.0 + 2 * MARGIN, rows * CELL.1 + 2 * MARGIN);
    let mut text = String::new();
    put(
        &mut text,
        format_args!(
            "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {width} {height}\" font-family=\"ui-monospace, 'DejaVu Sans Mono', \
         Menlo, Consolas, monospace\" font-size=\"15\">\n<rect width=\"100%\" height=\"100%\" rx=\"8\" fill=\"{BACKGROUND}\"/>\n"
        ),
    );
    for y in 0..buffer.area.height {
        row(&mut text, buffer, y);
    }
    text.push_str("</svg>\n");
    text
}

fn put(text: &mut String, what: std::fmt::Arguments<'_>) {
    text.write_fmt(what).expect("writing to a string does not fail");
}

/// A row as runs of cells that look alike.
fn row(text: &mut String, buffer: &Buffer, y: u16) {
    let cell = |x: u16| &buffer[(buffer.area.x + x, buffer.area.y + y)];
    let mut x = 0;
    while x < buffer.area.width {
        let start = x;
        let mut symbols = String::new();
        while x < buffer.area.width && alike(cell(start), cell(x)) {
            symbols.push_str(cell(x).symbol());
            x += 1;
        }
        run(text, cell(start), (start, y), x - start, &symbols);
    }
}

fn alike(one: &Cell, other: &Cell) -> bool {
    (one.fg, one.bg, one.modifier) == (other.fg, other.bg, other.modifier)
}

fn run(text: &mut String, cell: &Cell, (column, row): (u16, u16), columns: u16, symbols: &str) {
    let (x, y) = (MARGIN + u32::from(column) * CELL.0, MARGIN + u32::from(row) * CELL.1);
    let width = u32::from(columns) * CELL.0;
    let (mut fg, mut bg) = (hex(cell.fg, FOREGROUND), hex(cell.bg, BACKGROUND));
    if cell.modifier.contains(Modifier::REVERSED) {
        std::mem::swap(&mut fg, &mut bg);
    }
    if bg != BACKGROUND {
        put(text, format_args!("<rect x=\"{x}\" y=\"{y}\" width=\"{width}\" height=\"{}\" fill=\"{bg}\"/>\n", CELL.1));
    }
    if symbols.trim().is_empty() {
        return;
    }
    let bold = if cell.modifier.contains(Modifier::BOLD) { " font-weight=\"bold\"" } else { "" };
    let dim = if cell.modifier.contains(Modifier::DIM) { " opacity=\"0.6\"" } else { "" };
    let line = if cell.modifier.contains(Modifier::UNDERLINED) { " text-decoration=\"underline\"" } else { "" };
    let escaped = symbols.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;");
    put(
        text,
        format_args!(
            "<text x=\"{x}\" y=\"{}\" textLength=\"{width}\" fill=\"{fg}\"{bold}{dim}{line} xml:space=\"preserve\">{escaped}</text>\n",
            y + 15
        ),
    );
}

fn hex(color: Color, default: &str) -> String {
    let named = match color {
        Color::Black => "#1e2127",
        Color::Red | Color::LightRed => "#f4717a",
        Color::Green | Color::LightGreen => "#9bd08f",
        Color::Yellow | Color::LightYellow => "#e8c46f",
        Color::Blue | Color::LightBlue => "#6fb3f5",
        Color::Magenta | Color::LightMagenta => "#d291e4",
        Color::Cyan | Color::LightCyan => "#5fc8d6",
        Color::Gray => "#b5bac4",
        Color::DarkGray => "#767d8c",
        Color::White => "#ffffff",
        Color::Rgb(r, g, b) => return format!("#{r:02x}{g:02x}{b:02x}"),
        Color::Reset | Color::Indexed(_) => default,
    };
    named.to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;
    use ratatui::style::Style;

    #[test]
    fn text_from_outside_does_not_become_markup() {
        let mut buffer = Buffer::empty(ratatui::layout::Rect::new(0, 0, 10, 1));
        buffer.set_string(0, 0, "<a>&", Style::new().fg(Color::Red));
        let picture = svg(&buffer);
        assert!(picture.contains("&lt;a&gt;&amp;") && picture.contains("#f4717a") && !picture.contains("<a>"));
    }
}
