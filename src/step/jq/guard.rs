//! Puts a tick into every definition that could call itself and every loop, so that a filter that never ends, or recurses
//! without end, is stopped at its next call; and takes multiplication, which can make much of little at once, through a
//! function that looks first. Done on the syntax tree, where nothing can be hidden from it.

use jaq_core::{
    load::{
        lex::StrPart,
        parse::{BinaryOp, Def, Pattern, Term},
    },
    ops::Math,
    path::{Part, Path},
};

/// A definition of the library: only what is defined inside of it recurses.
pub(super) fn inner(def: Def<&'static str>) -> Def<&'static str> {
    Def { body: term(def.body), ..def }
}

/// A term with all definitions in it guarded.
pub(super) fn term(tree: Term<&str>) -> Term<&str> {
    match tree {
        leaf @ (Term::Id | Term::Num(_) | Term::Break(_) | Term::Var(_)) => leaf,
        Term::Recurse => ticking(Term::Recurse),
        Term::Str(format, parts) => Term::Str(format, parts.into_iter().map(part).collect()),
        Term::Arr(of) => Term::Arr(of.map(boxed)),
        Term::Obj(pairs) => Term::Obj(pairs.into_iter().map(|(key, value)| (term(key), value.map(term))).collect()),
        Term::Neg(of) => Term::Neg(boxed(of)),
        Term::BinOp(left, BinaryOp::Math(Math::Mul), right) => times(boxed(left), boxed(right)),
        Term::BinOp(left, BinaryOp::UpdateMath(Math::Mul), right) => times_in_place(boxed(left), boxed(right)),
        Term::BinOp(left, operator, right) => Term::BinOp(boxed(left), operation(operator), boxed(right)),
        Term::Label(name, of) => Term::Label(name, boxed(of)),
        Term::Fold(kind, source, bind, arms) => {
            let arm = |(index, arm)| if index == 1 { ticking(term(arm)) } else { term(arm) };
            Term::Fold(kind, boxed(source), pattern(bind), arms.into_iter().enumerate().map(arm).collect())
        }
        Term::TryCatch(of, catch) => Term::TryCatch(boxed(of), catch.map(boxed)),
        Term::IfThenElse(arms, otherwise) => {
            let arms = arms.into_iter().map(|(condition, then)| (term(condition), term(then))).collect();
            Term::IfThenElse(arms, otherwise.map(boxed))
        }
        Term::Def(defs, of) => Term::Def(defs.into_iter().map(definition).collect(), boxed(of)),
        Term::Call(name, arguments) => Term::Call(name, arguments.into_iter().map(term).collect()),
        Term::Path(of, path) => {
            let iterates = path.0.iter().any(|(part, _)| matches!(part, Part::Range(None, None)));
            let path = Term::Path(boxed(of), parts(path));
            if iterates { ticking(path) } else { path }
        }
    }
}

/// The tick comes first: so a call of itself stays the last thing that a definition does, and takes no stack.
fn definition(def: Def<&str>) -> Def<&str> {
    let tick = Box::new(Term::Call("flexcore_tick", Vec::new()));
    Def { body: Term::BinOp(tick, BinaryOp::Pipe(None), Box::new(term(def.body))), ..def }
}

/// What one turn of a loop makes goes through a tick.
fn ticking(tree: Term<&str>) -> Term<&str> {
    Term::BinOp(Box::new(tree), BinaryOp::Pipe(None), Box::new(Term::Call("flexcore_tick", Vec::new())))
}

const LEFT: &str = "$flexcore_left";
const RIGHT: &str = "$flexcore_right";

/// `l * r` as `l as $left | r as $right | flexcore_times($left; $right)`: in jaq the left side is the outer loop.
fn times<'s>(left: Box<Term<&'s str>>, right: Box<Term<&'s str>>) -> Term<&'s str> {
    let product = Term::Call("flexcore_times", vec![Term::Var(LEFT), Term::Var(RIGHT)]);
    let right = Term::BinOp(right, BinaryOp::Pipe(Some(Pattern::Var(RIGHT))), Box::new(product));
    Term::BinOp(left, BinaryOp::Pipe(Some(Pattern::Var(LEFT))), Box::new(right))
}

/// `l *= r` as `r as $right | l |= flexcore_times(.; $right)`, which is what it means.
fn times_in_place<'s>(left: Box<Term<&'s str>>, right: Box<Term<&'s str>>) -> Term<&'s str> {
    let product = Term::Call("flexcore_times", vec![Term::Id, Term::Var(RIGHT)]);
    let update = Term::BinOp(left, BinaryOp::Update, Box::new(product));
    Term::BinOp(right, BinaryOp::Pipe(Some(Pattern::Var(RIGHT))), Box::new(update))
}

#[expect(clippy::boxed_local, reason = "the tree is made of boxes")]
fn boxed(tree: Box<Term<&str>>) -> Box<Term<&str>> {
    Box::new(term(*tree))
}

fn part<'s>(part: StrPart<&'s str, Term<&'s str>>) -> StrPart<&'s str, Term<&'s str>> {
    match part {
        StrPart::Term(tree) => StrPart::Term(term(tree)),
        StrPart::Str(text) => StrPart::Str(text),
        StrPart::Char(char) => StrPart::Char(char),
    }
}

fn operation(operator: BinaryOp<&str>) -> BinaryOp<&str> {
    match operator {
        BinaryOp::Pipe(Some(bind)) => BinaryOp::Pipe(Some(pattern(bind))),
        other => other,
    }
}

fn pattern(bind: Pattern<&str>) -> Pattern<&str> {
    match bind {
        Pattern::Var(name) => Pattern::Var(name),
        Pattern::Arr(items) => Pattern::Arr(items.into_iter().map(pattern).collect()),
        Pattern::Obj(pairs) => Pattern::Obj(pairs.into_iter().map(|(key, bind)| (term(key), pattern(bind))).collect()),
    }
}

fn parts(path: Path<Term<&str>>) -> Path<Term<&str>> {
    let each = |part| match part {
        Part::Index(index) => Part::Index(term(index)),
        Part::Range(from, to) => Part::Range(from.map(term), to.map(term)),
    };
    Path(path.0.into_iter().map(|(part, optional)| (each(part), optional)).collect())
}
