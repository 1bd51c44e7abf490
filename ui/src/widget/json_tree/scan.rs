//! From a JSON text to flat nodes, in one pass and without recursion: the depth of a text from outside must not be the depth
//! of our stack.

use std::fmt::Write;

/// What a node is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Object,
    Array,
    String,
    /// A number, true, false or null.
    Literal,
    /// A line of a text that is not JSON.
    Line,
}

/// One value. Places are bytes of the text; `end` is the node after everything inside this one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Node {
    pub(super) key: (u32, u32),
    pub(super) value: (u32, u32),
    pub(super) end: u32,
    pub(super) children: u32,
    /// Its place among its siblings, from 0.
    pub(super) number: u32,
    /// What holds it; the root holds itself.
    pub(super) parent: u32,
    pub(super) depth: u16,
    /// The longest key inside, in bytes.
    pub(super) key_bytes: u16,
    pub(super) kind: Kind,
}

/// Nodes in the order of the text, and what there is to say about it.
pub(super) struct Scan {
    pub(super) nodes: Vec<Node>,
    pub(super) note: Option<String>,
}

/// Scans a text; at most `nodes_max` nodes.
pub(super) fn scan(text: &[u8], nodes_max: usize) -> Scan {
    if text.len() > u32::MAX as usize {
        return Scan { nodes: Vec::new(), note: Some("too large to be shown".into()) };
    }
    let mut scanner = Scanner { text, at: 0, nodes: Vec::new(), above: Vec::new(), nodes_max };
    match scanner.run() {
        Ok(()) => Scan { nodes: scanner.nodes, note: None },
        Err(Stop::Full) => {
            let note = format!("cut: the first {nodes_max} values; {} of {} bytes", scanner.at, text.len());
            scanner.close_all();
            Scan { nodes: scanner.nodes, note: Some(note) }
        }
        Err(Stop::Bad(what)) => {
            let note = format!("not JSON: {what} at byte {}", scanner.at);
            Scan { nodes: lines(text, nodes_max), note: Some(note) }
        }
    }
}

enum Stop {
    Full,
    Bad(&'static str),
}

struct Scanner<'a> {
    text: &'a [u8],
    at: usize,
    nodes: Vec<Node>,
    /// Objects and arrays that are not closed yet.
    above: Vec<usize>,
    nodes_max: usize,
}

impl Scanner<'_> {
    fn run(&mut self) -> Result<(), Stop> {
        self.value((0, 0))?;
        while let Some(holder) = self.above.last().copied() {
            self.member(holder)?;
        }
        match self.peek() {
            None => Ok(()),
            Some(_) => Err(Stop::Bad("more after the value")),
        }
    }

    /// The next key and value of an object or array, or its end.
    fn member(&mut self, holder: usize) -> Result<(), Stop> {
        let is_object = self.nodes[holder].kind == Kind::Object;
        let closing = if is_object { b'}' } else { b']' };
        if self.peek() == Some(closing) {
            self.at += 1;
            self.above.pop();
            self.close(holder);
            return Ok(());
        }
        if self.nodes[holder].children > 0 {
            self.expect(b',', "expected , or the end")?;
        }
        let key = if is_object { self.key()? } else { (0, 0) };
        let length = (key.1 - key.0).min(u32::from(u16::MAX)) as u16;
        self.nodes[holder].key_bytes = self.nodes[holder].key_bytes.max(length);
        self.nodes[holder].children += 1;
        self.value(key)
    }

    fn key(&mut self) -> Result<(u32, u32), Stop> {
        if self.peek() != Some(b'"') {
            return Err(Stop::Bad("expected a key"));
        }
        let start = self.at;
        self.string()?;
        let key = (start as u32 + 1, self.at as u32 - 1);
        self.expect(b':', "expected :")?;
        // An empty key keeps its quotes: no key at all means an item of an array.
        Ok(if key.0 == key.1 { (key.0 - 1, key.1 + 1) } else { key })
    }

    fn value(&mut self, key: (u32, u32)) -> Result<(), Stop> {
        let kind = match self.peek() {
            Some(b'{') => Kind::Object,
            Some(b'[') => Kind::Array,
            Some(b'"') => Kind::String,
            Some(b'-' | b'0'..=b'9' | b't' | b'f' | b'n') => Kind::Literal,
            Some(_) => return Err(Stop::Bad("expected a value")),
            None => return Err(Stop::Bad("the text ends too early")),
        };
        if self.nodes.len() >= self.nodes_max {
            return Err(Stop::Full);
        }
        let node = self.nodes.len();
        let number = self.above.last().map_or(0, |holder| self.nodes[*holder].children - 1);
        let parent = self.above.last().map_or(node, |holder| *holder) as u32;
        let depth = self.above.len().min(usize::from(u16::MAX)) as u16;
        let value = (self.at as u32, self.at as u32);
        self.nodes.push(Node { key, value, end: node as u32 + 1, children: 0, number, parent, depth, key_bytes: 0, kind });
        match kind {
            Kind::Object | Kind::Array => {
                self.at += 1;
                self.above.push(node);
            }
            Kind::String => {
                self.string()?;
                self.close(node);
            }
            Kind::Literal | Kind::Line => {
                self.literal()?;
                self.close(node);
            }
        }
        Ok(())
    }

    fn string(&mut self) -> Result<(), Stop> {
        self.at += 1;
        while let Some(byte) = self.text.get(self.at) {
            self.at += if *byte == b'\\' { 2 } else { 1 };
            if *byte == b'"' {
                return Ok(());
            }
        }
        self.at = self.text.len();
        Err(Stop::Bad("a string does not end"))
    }

    fn literal(&mut self) -> Result<(), Stop> {
        let start = self.at;
        let is_part = |byte: &u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'+' | b'.');
        self.at += self.text[start..].iter().take_while(|byte| is_part(byte)).count();
        match &self.text[start..self.at] {
            b"true" | b"false" | b"null" | [b'-' | b'0'..=b'9', ..] => Ok(()),
            _ => Err(Stop::Bad("expected a value")),
        }
    }

    fn peek(&mut self) -> Option<u8> {
        self.at += self.text[self.at..].iter().take_while(|byte| byte.is_ascii_whitespace()).count();
        self.text.get(self.at).copied()
    }

    fn expect(&mut self, byte: u8, what: &'static str) -> Result<(), Stop> {
        if self.peek() == Some(byte) {
            self.at += 1;
            Ok(())
        } else {
            Err(Stop::Bad(what))
        }
    }

    fn close(&mut self, node: usize) {
        self.nodes[node].end = self.nodes.len() as u32;
        self.nodes[node].value.1 = self.at as u32;
    }

    fn close_all(&mut self) {
        self.at = self.text.len();
        while let Some(node) = self.above.pop() {
            self.close(node);
        }
    }
}

fn lines(text: &[u8], nodes_max: usize) -> Vec<Node> {
    let mut start = 0;
    let mut nodes = Vec::new();
    for line in text.split(|byte| *byte == b'\n').take(nodes_max) {
        let value = (start, start + line.len() as u32);
        start = value.1 + 1;
        let number = nodes.len() as u32;
        let node = Node {
            key: (0, 0),
            value,
            end: number + 1,
            children: 0,
            number,
            parent: number,
            depth: 0,
            key_bytes: 0,
            kind: Kind::Line,
        };
        nodes.push(node);
    }
    nodes
}

/// The text of a JSON string, with or without its quotes, at most so many characters of it. Half a surrogate pair, which no
/// text can hold, is written as `⟨U+D800⟩`.
pub(super) fn decode(raw: &[u8], chars_max: usize) -> String {
    let inner = raw.strip_prefix(b"\"").and_then(|rest| rest.strip_suffix(b"\"")).unwrap_or(raw);
    // A character takes at most twelve bytes of JSON: a pair of surrogates.
    let near = &inner[..inner.len().min(chars_max.saturating_mul(12))];
    let text = String::from_utf8_lossy(near);
    if !text.contains('\\') {
        return text.chars().take(chars_max).collect();
    }
    let mut out = String::with_capacity(text.len());
    let mut rest = text.as_ref();
    while let Some(c) = rest.chars().next().filter(|_| out.len() <= chars_max.saturating_mul(4)) {
        rest = &rest[c.len_utf8()..];
        if c == '\\' {
            rest = escape(rest, &mut out);
        } else {
            out.push(c);
        }
    }
    out.chars().take(chars_max).collect()
}

/// Reads what follows a backslash; gives what follows that.
fn escape<'a>(rest: &'a str, out: &mut String) -> &'a str {
    let Some(c) = rest.chars().next() else { return rest };
    let after = &rest[c.len_utf8()..];
    let plain = match c {
        'n' => '\n',
        't' => '\t',
        'r' => '\r',
        'b' => '\u{8}',
        'f' => '\u{c}',
        'u' => return unicode(after, out),
        other => other,
    };
    out.push(plain);
    after
}

fn unicode<'a>(rest: &'a str, out: &mut String) -> &'a str {
    let Some(high) = hex4(rest) else {
        out.push_str("\\u");
        return rest;
    };
    let after = &rest[4..];
    if let Some(c) = char::from_u32(high) {
        out.push(c);
        return after;
    }
    let low = after.strip_prefix("\\u").and_then(hex4).filter(|low| (0xdc00..0xe000).contains(low) && high < 0xdc00);
    if let Some(low) = low {
        let pair = 0x10000 + ((high - 0xd800) << 10) + (low - 0xdc00);
        out.push(char::from_u32(pair).expect("a surrogate pair names a character"));
        return &after[6..];
    }
    write!(out, "⟨U+{high:04X}⟩").expect("writing to a string does not fail");
    after
}

fn hex4(text: &str) -> Option<u32> {
    let digits = text.get(..4)?;
    if digits.bytes().all(|byte| byte.is_ascii_hexdigit()) { u32::from_str_radix(digits, 16).ok() } else { None }
}
