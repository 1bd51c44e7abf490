//! A JSON text as a tree that folds. The text is scanned once into flat nodes that point into it; keys and values are
//! decoded only for the rows that are seen, so that a megabyte opens at once.

mod draw;
mod scan;

use bytes::Bytes;

use super::Window;
use scan::{Kind, Node};

/// The most values shown of one text; what is beyond is said to be cut.
pub const NODES_MAX: usize = 100_000;
/// Texts with more values than this begin folded below their first level.
const OPEN_NODES_MAX: usize = 300;

/// A JSON text, what of it is unfolded, and where the cursor stands.
#[derive(Debug, Clone, Default)]
pub struct JsonTree {
    text: Bytes,
    nodes: Vec<Node>,
    open: Vec<bool>,
    /// Nodes that are not inside a folded one.
    rows: Vec<u32>,
    window: Window,
    note: Option<String>,
    search: String,
}

impl JsonTree {
    /// A tree of a text. What is not JSON is shown as the lines it has, with a note.
    pub fn new(text: Bytes) -> Self {
        let scan = scan::scan(&text, NODES_MAX);
        let deepest_open = if scan.nodes.len() > OPEN_NODES_MAX { 1 } else { u16::MAX };
        let open = scan.nodes.iter().map(|node| node.depth < deepest_open).collect();
        let mut tree = Self { text, nodes: scan.nodes, open, note: scan.note, ..Self::default() };
        tree.arrange();
        tree
    }

    /// One tree of several texts, as if they were the items of an array. More than a few begin folded.
    pub fn of_items<'a>(items: impl IntoIterator<Item = &'a [u8]>) -> Self {
        let mut text = vec![b'['];
        for item in items {
            if text.len() > 1 {
                text.push(b',');
            }
            text.extend_from_slice(if item.is_empty() { b"null" } else { item });
        }
        text.push(b']');
        let mut tree = Self::new(text.into());
        if tree.nodes.len() > 30 {
            (0..tree.nodes.len()).for_each(|index| tree.open[index] = tree.nodes[index].depth == 0);
            tree.arrange();
        }
        tree
    }

    /// The text as it was given.
    pub fn text(&self) -> &Bytes {
        &self.text
    }

    /// What is wrong with the text, or what of it is not shown.
    pub fn note(&self) -> Option<&str> {
        self.note.as_deref()
    }

    /// The cursor, for moving by rows and pages.
    pub fn window(&mut self) -> (&mut Window, usize) {
        (&mut self.window, self.rows.len())
    }

    /// Closes what is under the cursor, or goes to what holds it.
    pub fn fold(&mut self) {
        let Some(node) = self.selected() else { return };
        if self.is_open(node) {
            self.set_open(node, false);
        } else if let Some(parent) = self.parent(node) {
            self.select(parent);
        }
    }

    /// Opens what is under the cursor, or goes into it.
    pub fn unfold(&mut self) {
        let Some(node) = self.selected() else { return };
        if self.nodes[node].children > 0 && !self.open[node] {
            self.set_open(node, true);
        } else if self.is_open(node) {
            self.select(node + 1);
        }
    }

    /// Closes or opens what is under the cursor.
    pub fn toggle(&mut self) {
        if let Some(node) = self.selected().filter(|node| self.nodes[*node].children > 0) {
            self.set_open(node, !self.open[node]);
        }
    }

    /// Closes everything below the first level; everything is opened when it is closed already.
    pub fn toggle_all(&mut self) {
        let selected = self.selected();
        let any_open = (0..self.nodes.len()).any(|node| self.nodes[node].depth > 0 && self.is_open(node));
        for (open, node) in self.open.iter_mut().zip(&self.nodes) {
            *open = !any_open || node.depth == 0;
        }
        self.arrange();
        if let Some(node) = selected {
            self.select(node);
        }
    }

    /// Where the cursor stands, as a jq path: `.step.log[3]`.
    pub fn path(&self) -> String {
        let Some(mut node) = self.selected() else { return String::new() };
        if self.nodes[node].kind == Kind::Line {
            return String::new();
        }
        let mut steps = Vec::new();
        while let Some(parent) = self.parent(node) {
            steps.push(self.step_to(node));
            node = parent;
        }
        let path: String = steps.into_iter().rev().collect();
        if path.starts_with('.') { path } else { format!(".{path}") }
    }

    /// The value under the cursor: the text of a string, the JSON of anything else.
    pub fn value(&self) -> String {
        let Some(node) = self.selected().map(|node| &self.nodes[node]) else { return String::new() };
        let raw = &self.text[node.value.0 as usize..node.value.1 as usize];
        match node.kind {
            Kind::String => scan::decode(raw, usize::MAX),
            _ => String::from_utf8_lossy(raw).into_owned(),
        }
    }

    /// What is looked for; empty: nothing. Goes to the first row from the cursor on that has it.
    pub fn search(&mut self, wanted: &str) -> bool {
        self.search = wanted.to_lowercase();
        !self.search.is_empty() && self.find(0, true)
    }

    /// Goes to the next hit, or the one before; unfolds what hides it. False: there is none.
    pub fn next_hit(&mut self, forward: bool) -> bool {
        self.find(1, forward)
    }

    fn find(&mut self, skip: usize, forward: bool) -> bool {
        let len = self.nodes.len();
        let Some(from) = self.selected().filter(|_| !self.search.is_empty()) else { return false };
        let turn = |step: usize| if forward { (from + step) % len } else { (from + len - step % len) % len };
        let found = (skip..len + skip).map(turn).find(|node| self.has(*node));
        if let Some(node) = found {
            self.reveal(node);
        }
        found.is_some()
    }

    /// Whether a node's own key or value has what is looked for.
    fn has(&self, index: usize) -> bool {
        let node = &self.nodes[index];
        let key = scan::decode(&self.text[node.key.0 as usize..node.key.1 as usize], usize::MAX);
        if key.to_lowercase().contains(&self.search) {
            return true;
        }
        let raw = &self.text[node.value.0 as usize..node.value.1 as usize];
        match node.kind {
            Kind::Object | Kind::Array => false,
            Kind::String => scan::decode(raw, usize::MAX).to_lowercase().contains(&self.search),
            Kind::Literal | Kind::Line => String::from_utf8_lossy(raw).to_lowercase().contains(&self.search),
        }
    }

    fn reveal(&mut self, node: usize) {
        let mut above = self.parent(node);
        while let Some(parent) = above {
            self.open[parent] = true;
            above = self.parent(parent);
        }
        self.arrange();
        self.select(node);
    }

    fn selected(&self) -> Option<usize> {
        self.window.selected(self.rows.len()).map(|row| self.rows[row] as usize)
    }

    /// Puts the cursor on a node, or on the folded one that holds it.
    fn select(&mut self, node: usize) {
        let after = self.rows.partition_point(|row| *row as usize <= node);
        self.window.select(after.saturating_sub(1));
    }

    fn is_open(&self, node: usize) -> bool {
        self.open[node] && self.nodes[node].children > 0
    }

    fn set_open(&mut self, node: usize, open: bool) {
        self.open[node] = open;
        self.arrange();
        self.select(node);
    }

    fn parent(&self, node: usize) -> Option<usize> {
        let parent = self.nodes[node].parent as usize;
        if parent == node { None } else { Some(parent) }
    }

    fn step_to(&self, node: usize) -> String {
        let node = &self.nodes[node];
        if node.key.0 == node.key.1 {
            return format!("[{}]", node.number);
        }
        let key = scan::decode(&self.text[node.key.0 as usize..node.key.1 as usize], usize::MAX);
        let plain = key.chars().all(|c| c.is_ascii_alphanumeric() || c == '_') && !key.starts_with(|c: char| c.is_ascii_digit());
        if plain && !key.is_empty() { format!(".{key}") } else { format!("[{}]", serde_json::Value::from(key)) }
    }

    fn arrange(&mut self) {
        self.rows.clear();
        let mut next = 0;
        while next < self.nodes.len() {
            self.rows.push(next as u32);
            next = if self.is_open(next) { next + 1 } else { self.nodes[next].end as usize };
        }
    }
}

#[cfg(test)]
mod tests;
