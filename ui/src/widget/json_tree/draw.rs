//! The visible rows of a tree, and the bar that says where the cursor stands.

use ratatui::{buffer::Buffer, layout::Rect, style::Style};

use super::{
    JsonTree,
    scan::{Kind, Node, decode},
};
use crate::widget::{Look, ink::Ink, safe_text};

/// The widest column of keys.
const KEY_COLUMNS_MAX: u16 = 24;

impl JsonTree {
    /// Draws the tree, and in the last row its path bar where there is room for both.
    pub fn render(&self, buffer: &mut Buffer, area: Rect, look: &Look, focused: bool) {
        let mut ink = Ink::new(buffer, area);
        let bar = u16::from(ink.height() > 2);
        let room = usize::from(ink.height() - bar.min(ink.height()));
        let selected = self.selected();
        for (line, row) in self.window.rows(room, self.rows.len()).enumerate() {
            let node = self.rows[row] as usize;
            self.row(&mut ink, line as u16, node, look);
            if selected == Some(node) {
                ink.restyle_row(line as u16, look.selection(focused));
            }
        }
        if bar == 1 {
            self.bar(&mut ink, look);
        }
    }

    fn bar(&self, ink: &mut Ink<'_>, look: &Look) {
        let row = ink.height() - 1;
        let place = format!("{} of {}", self.window.selected(self.rows.len()).map_or(0, |row| row + 1), self.rows.len());
        let end = ink.width();
        ink.text_right(end, row, end, &place, look.dim);
        let room = end.saturating_sub(place.len() as u16 + 2);
        match &self.note {
            Some(note) => drop(ink.text_in(0, row, room, note, look.warn)),
            None => drop(ink.text_in(0, row, room, &safe_text::cut_start(&self.path(), usize::from(room)), look.accent)),
        }
    }

    fn row(&self, ink: &mut Ink<'_>, line: u16, index: usize, look: &Look) {
        let node = &self.nodes[index];
        let indent = node.depth.saturating_mul(2).min(ink.width() / 2);
        if node.children > 0 {
            let sign = if self.is_open(index) { look.sign('▾', 'v') } else { look.sign('▸', '>') };
            ink.sign(indent, line, sign, look.dim);
        }
        let mut column = indent + if node.kind == Kind::Line { 0 } else { 2 };
        column = self.key(ink, column, line, index, look);
        match node.kind {
            Kind::Object | Kind::Array => self.holder(ink, column, line, index, look),
            _ => drop(ink.text(column, line, &self.shown(node, ink.width()), self.style(node, look))),
        }
    }

    /// Writes the key; gives the column at which values of its siblings begin.
    fn key(&self, ink: &mut Ink<'_>, column: u16, line: u16, index: usize, look: &Look) -> u16 {
        let node = &self.nodes[index];
        let Some(parent) = self.parent(index) else { return column };
        if self.nodes[parent].kind == Kind::Array {
            let digits = self.nodes[parent].children.max(1).ilog10() as u16 + 1;
            ink.text_right(column + digits, line, digits, &node.number.to_string(), look.dim);
            return column + digits + 1;
        }
        let raw = &self.text[node.key.0 as usize..node.key.1 as usize];
        let room = self.nodes[parent].key_bytes.min(KEY_COLUMNS_MAX).min(ink.width() / 2).max(1);
        ink.text_in(column, line, room, &decode(raw, usize::from(room) * 3), look.json_key);
        column + room + 1
    }

    /// How many are inside, and while it is folded how it begins.
    fn holder(&self, ink: &mut Ink<'_>, column: u16, line: u16, index: usize, look: &Look) {
        let node = &self.nodes[index];
        let count = if node.kind == Kind::Object { format!("{{{}}}", node.children) } else { format!("[{}]", node.children) };
        let column = ink.text(column, line, &count, look.dim);
        if !self.is_open(index) && node.children > 0 {
            let start = node.value.0 as usize;
            let end = (node.value.1 as usize).min(start + usize::from(ink.width()) * 4).max(start);
            ink.text(column + 1, line, &safe_text::safe_bytes(&self.text[start..end]), look.dim);
        }
    }

    /// As much of a value as a row can show.
    fn shown(&self, node: &Node, columns: u16) -> String {
        let raw = &self.text[node.value.0 as usize..node.value.1 as usize];
        let near = &raw[..raw.len().min(usize::from(columns) * 12 + 2)];
        match node.kind {
            Kind::String if near.len() == raw.len() => format!("\"{}\"", decode(raw, usize::MAX)),
            Kind::String => format!("\"{}", decode(&near[1..], usize::from(columns) * 3)),
            _ => safe_text::safe_bytes(near),
        }
    }

    fn style(&self, node: &Node, look: &Look) -> Style {
        let is_hit = |index: usize| !self.search.is_empty() && self.has(index);
        let index = self.nodes.partition_point(|other| other.value.0 < node.value.0);
        match node.kind {
            _ if is_hit(index) => look.hit,
            Kind::String => look.json_string,
            Kind::Literal => look.json_literal,
            Kind::Object | Kind::Array | Kind::Line => look.text,
        }
    }
}
