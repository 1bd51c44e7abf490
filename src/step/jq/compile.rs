//! jq text to a filter, or to what is wrong with it and where.

use std::{sync::OnceLock, thread};

use jaq_core::{
    Compiler, Filter,
    compile::Undefined,
    load::{
        Arena, File, Loader,
        lex::Lexer,
        parse::{Def, Parser, Term},
        span,
    },
};

use super::{
    guard,
    scope::{Jq, definitions, natives},
};

/// The longest expression, in bytes.
const TEXT_BYTES_MAX: usize = 16 << 10;
/// The parser goes down one call a bracket or sign; this holds the worst text of the longest length.
const STACK_BYTES: usize = 256 << 20;

/// Compiles an expression that may use the given variables (`$params`, …).
pub(super) fn compile(text: &str, variables: &[&str]) -> Result<Filter<Jq>, String> {
    if text.trim().is_empty() {
        return Err("the expression is empty".into());
    }
    if text.len() > TEXT_BYTES_MAX {
        return Err(format!("the expression has {} bytes, more than {TEXT_BYTES_MAX}", text.len()));
    }
    thread::scope(|scope| {
        let builder = thread::Builder::new().name("jq-compile".into()).stack_size(STACK_BYTES);
        let compiling = builder.spawn_scoped(scope, || compile_here(text, variables));
        let compiling = compiling.map_err(|error| format!("cannot start a thread to compile it: {error}"))?;
        compiling.join().unwrap_or_else(|_| Err("the jq compiler failed on this expression".into()))
    })
}

fn compile_here(text: &str, variables: &[&str]) -> Result<Filter<Jq>, String> {
    let main = guard::term(parse(text)?);
    let arena = Arena::default();
    // The expression stands as the last definition of the library, because only there a changed tree can be given.
    let main = Def { name: "flexcore_main", args: Vec::new(), body: main };
    let loader = Loader::new(library().iter().cloned().chain([main]));
    let program = File { code: "flexcore_main", path: () };
    let modules = loader.load(&arena, program).map_err(|_| "the jq library does not load".to_owned())?;
    let compiler = Compiler::default().with_funs(natives()).with_global_vars(variables.iter().copied());
    compiler.compile(modules).map_err(|errors| {
        let all = errors.iter().flat_map(|(_, errors)| errors);
        all.map(|(found, kind)| undefined(text, found, kind)).collect::<Vec<_>>().join("; ")
    })
}

fn library() -> &'static [Def<&'static str>] {
    static LIBRARY: OnceLock<Vec<Def<&'static str>>> = OnceLock::new();
    LIBRARY.get_or_init(|| definitions().collect())
}

fn parse(text: &str) -> Result<Term<&str>, String> {
    let tokens = Lexer::new(text).lex().map_err(|errors| {
        let all = errors.iter().map(|(expected, rest)| expectation(text, expected.as_str(), rest, true));
        all.collect::<Vec<_>>().join("; ")
    })?;
    Parser::new(&tokens).parse(Parser::term).map_err(|errors| {
        let all = errors.iter().map(|(expected, found)| {
            let found = found.map_or(&text[text.len()..], |token| token.as_str());
            expectation(text, expected.as_str(), found, false)
        });
        all.collect::<Vec<_>>().join("; ")
    })
}

/// `rest`: `found` is all that follows, of which a first character is enough.
fn expectation(text: &str, expected: &str, found: &str, rest: bool) -> String {
    let place = place(text, found);
    let shown: String = found.chars().take(if rest { 1 } else { 20 }).collect();
    if shown.is_empty() {
        return format!("{expected} expected at the end of the expression");
    }
    format!("{expected} expected at {place}, not `{shown}`")
}

fn undefined(text: &str, found: &str, kind: &Undefined) -> String {
    let place = place(text, found);
    match kind {
        Undefined::Filter(0) => format!("there is no filter `{found}` (at {place})"),
        Undefined::Filter(arity) => format!("there is no filter `{found}` with {arity} arguments (at {place})"),
        Undefined::Mod => format!("there are no modules here: `{found}` (at {place})"),
        Undefined::Var => format!("there is no variable `{found}` (at {place})"),
        Undefined::Label => format!("there is no label `{found}` (at {place})"),
        other => format!("there is no {} `{found}` (at {place})", other.as_str()),
    }
}

fn place(text: &str, part: &str) -> String {
    let inside = text.as_bytes().as_ptr_range();
    let begins = part.as_ptr();
    if begins < inside.start || begins > inside.end {
        return "an unknown place".into();
    }
    let before = &text[..span(text, part).start];
    let line = before.matches('\n').count() + 1;
    let column = before.rsplit('\n').next().unwrap_or_default().chars().count() + 1;
    if line == 1 { format!("column {column}") } else { format!("line {line}, column {column}") }
}
