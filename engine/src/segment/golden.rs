//! Files as text, for tests that keep what was once written: sections of hex digits, each under its name.

/// The bytes of a section.
pub(crate) fn section(text: &str, name: &str) -> Vec<u8> {
    let hex: String = text.lines().skip_while(|line| *line != name).skip(1).take_while(|line| !line.is_empty()).collect();
    (0..hex.len()).step_by(2).map(|at| u8::from_str_radix(&hex[at..at + 2], 16).unwrap()).collect()
}

/// All sections, as they stand in a file.
pub(crate) fn text<const N: usize>(sections: [(&str, Vec<u8>); N]) -> String {
    sections.map(|(name, bytes)| format!("{name}\n{}", hex(&bytes))).join("\n")
}

fn hex(bytes: &[u8]) -> String {
    let digit = |digit: u8| char::from(b"0123456789abcdef"[usize::from(digit)]);
    let line = |line: &[u8]| line.iter().flat_map(|byte| [digit(byte >> 4), digit(byte & 15)]).chain(['\n']).collect::<String>();
    bytes.chunks(32).map(line).collect()
}
