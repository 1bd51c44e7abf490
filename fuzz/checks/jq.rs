//! jq within its limits: whatever the expression and the input, there is an answer, soon and in little memory. The fuzzer
//! holds both against its own limits of time and memory; here only panics count.

use flexcore::step::Predicate;

/// The most bytes of an expression that is tried: what it may take grows with it.
const EXPRESSION_BYTES_MAX: usize = 4 << 10;

/// One input: an expression, a zero byte, a value.
pub(crate) fn check(input: &[u8]) {
    let cut = input.iter().position(|byte| *byte == 0).unwrap_or(input.len());
    let (expression, value) = input.split_at(cut);
    let value = value.strip_prefix(&[0]).unwrap_or(b"null");
    let Ok(expression) = std::str::from_utf8(expression) else { return };
    if expression.len() > EXPRESSION_BYTES_MAX {
        return;
    }
    match Predicate::compile(expression) {
        Ok(passes) => drop(passes(value)),
        Err(wrong) => assert!(!wrong.is_empty()),
    }
}
