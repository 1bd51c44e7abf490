//! Text with jq in it, such as `orders/\(.id)`: what a jq string is, without its quotes.

/// The expression that gives the text.
pub(in crate::step) fn template(text: &str) -> String {
    let mut out = String::from("\"");
    let mut rest = text.chars().peekable();
    while let Some(char) = rest.next() {
        match char {
            '\\' if rest.peek() == Some(&'(') => copy_jq(&mut rest, &mut out),
            '"' | '\\' => out.extend(['\\', char]),
            _ => out.push(char),
        }
    }
    out.push('"');
    out
}

/// Copies `(…)` as it is, brackets counted; strings in it may hold brackets that do not count.
fn copy_jq(rest: &mut std::iter::Peekable<std::str::Chars<'_>>, out: &mut String) {
    out.push('\\');
    let (mut depth, mut in_text) = (0_u32, false);
    while let Some(char) = rest.next() {
        out.push(char);
        match char {
            '\\' if in_text => out.extend(rest.next()),
            '"' => in_text = !in_text,
            '(' if !in_text => depth += 1,
            ')' if !in_text => depth -= 1,
            _ => {}
        }
        if depth == 0 {
            return;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_stands_in_brackets_is_jq() {
        assert_eq!(template(r"orders/\(.id)"), r#""orders/\(.id)""#);
        assert_eq!(template(r#"a "b" \ c"#), r#""a \"b\" \\ c""#);
        assert_eq!(template(r#"\(.a["x)"] | (1))-"#), r#""\(.a["x)"] | (1))-""#);
        assert_eq!(template(r"\(.open"), r#""\(.open""#);
    }
}
