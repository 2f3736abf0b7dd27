//! Checks that compiling doesn't make, but that are possible before the first alert.

use std::collections::HashSet;

use rhai::{AST, ASTNode, Engine, Expr, FnCallExpr, Position, Stmt};

use super::fields::{ALERT, Field, MSG};
use super::problem::ScriptProblem;
use crate::network::Network;

/// Called like functions, but part of the language.
const BUILT_IN: [&str; 9] =
    ["Fn", "call", "curry", "debug", "is_def_fn", "is_def_var", "is_shared", "print", "type_of"];

/// The prefix of the names of anonymous functions, `|x| ...`.
const ANONYMOUS: &str = "anon$";

/// Finds unknown fields and functions, invalid networks, and `=` where `==` must be meant.
pub(super) fn check(engine: &Engine, ast: &AST, script: &str) -> Result<(), ScriptProblem> {
    let known = functions(engine, ast);
    let found = first(ast, |node| look_at(node, &known)).or_else(|| unseen(ast));
    found.map_or(Ok(()), |(what, position)| Err(ScriptProblem::new(what, script, position)))
}

type Found = (String, Position);

fn first(ast: &AST, look_at: impl Fn(&ASTNode<'_>) -> Option<Found>) -> Option<Found> {
    let mut found = None;
    ast.walk(&mut |path| {
        found = path.last().and_then(&look_at);
        found.is_none()
    });
    found
}

/// The alert within a function, which sees only its arguments. An anonymous function captures its
/// environment.
fn unseen(ast: &AST) -> Option<Found> {
    let mut functions = ast.clone_functions_only();
    functions.retain_functions(|_, _, name, _| !name.starts_with(ANONYMOUS));
    first(&functions, |node| {
        let ASTNode::Expr(expr @ Expr::Variable(..)) = node else { return None };
        let name = given(expr).filter(|name| fields_of(name).is_some())?;
        let what = format!("a function can't access `{name}`; pass it as an argument: f({name})");
        Some((what, expr.start_position()))
    })
}

fn look_at(node: &ASTNode<'_>, known: &HashSet<String>) -> Option<Found> {
    match node {
        ASTNode::Expr(Expr::Dot(dot, ..)) => unknown_field(&dot.lhs, &dot.rhs),
        ASTNode::Expr(Expr::FnCall(call, position) | Expr::MethodCall(call, position))
        | ASTNode::Stmt(Stmt::FnCall(call, position)) => {
            unknown_function(call, *position, known).or_else(|| wrong_network(call))
        }
        ASTNode::Stmt(Stmt::Assignment(assignment)) => {
            let (to, position) = (&assignment.1.lhs, assignment.1.lhs.start_position());
            fields_of(root(to)?)?;
            Some(("nothing can be assigned to this; to compare, write ==".to_owned(), position))
        }
        _ => None,
    }
}

/// A variable's name, unless the script defined it.
fn given(expr: &Expr) -> Option<&str> {
    match expr {
        Expr::Variable(variable, None, _) if variable.0.is_none() => Some(&variable.1),
        _ => None,
    }
}

/// The variable at the start of a chain of `.` and `[]`, unless the script defined it.
fn root(chain: &Expr) -> Option<&str> {
    match chain {
        Expr::Variable(..) => given(chain),
        Expr::Dot(pair, ..) | Expr::Index(pair, ..) => root(&pair.lhs),
        _ => None,
    }
}

fn fields_of(variable: &str) -> Option<&'static [Field]> {
    match variable {
        "msg" => Some(MSG),
        "alert" => Some(ALERT),
        _ => None,
    }
}

fn unknown_field(of: &Expr, chain: &Expr) -> Option<Found> {
    let variable = given(of)?;
    no_field(variable, fields_of(variable)?, chain)
}

fn no_field(of: &str, fields: &[Field], chain: &Expr) -> Option<Found> {
    let (first, rest) = match chain {
        Expr::Dot(pair, ..) => (&pair.lhs, Some(&pair.rhs)),
        Expr::Index(pair, ..) => (&pair.lhs, None),
        _ => (chain, None),
    };
    let Expr::Property(property, position) = first else { return None };
    let name = property.2.as_str();
    if fields.iter().all(|field| field.name != name) {
        let has = fields.iter().map(|field| field.name).collect::<Vec<_>>().join(", ");
        return Some((format!("{of} has no field `{name}`; it has {has}"), *position));
    }
    // `alert.message` is `msg`.
    no_field("alert.message", MSG, rest.filter(|_| (of, name) == ("alert", "message"))?)
}

fn unknown_function(
    call: &FnCallExpr,
    position: Position,
    known: &HashSet<String>,
) -> Option<Found> {
    let name = call.name.as_str();
    let is_operator = call.op_token.is_some();
    let unknown = !is_operator && !known.contains(name) && !BUILT_IN.contains(&name);
    unknown.then(|| (format!("unknown function `{name}`"), position))
}

fn wrong_network(call: &FnCallExpr) -> Option<Found> {
    let networks = match &*call.args {
        _ if call.name != "ip_in" => return None,
        [.., Expr::Array(list, _)] => list,
        [.., text] => std::slice::from_ref(text),
        [] => return None,
    };
    networks.iter().find_map(|network| {
        let Expr::StringConstant(text, position) = network else { return None };
        Some((Network::parse(text).err()?, *position))
    })
}

/// The names of all functions: the engine's, and those of the script.
fn functions(engine: &Engine, ast: &AST) -> HashSet<String> {
    let own = ast.iter_functions().map(|function| function.name.to_owned());
    names(engine).chain(own).collect()
}

/// The names of the engine's functions.
pub(crate) fn names(engine: &Engine) -> impl Iterator<Item = String> {
    let signatures = engine.gen_fn_signatures(true).into_iter();
    signatures.filter_map(|signature| Some(signature.split_once('(')?.0.trim().to_owned()))
}
