//! Calls of functions and methods that fail for every alert, or are never true.

use rhai::{Expr, FnCallExpr, Position, Stmt};

use super::compare::{literal, shown, text, within_kind};
use super::found::Found;
use super::kinds::{Kinds, given};
use crate::network::Network;
use crate::script::kind::Kind;

/// Methods of texts alone.
const OF_TEXTS: [&str; 10] = [
    "ends_with",
    "index_of",
    "replace",
    "split",
    "starts_with",
    "sub_string",
    "to_lower",
    "to_upper",
    "trim",
    "crop",
];

/// Methods of whatever has parts.
const OF_PARTS: [&str; 4] = ["contains", "len", "is_empty", "chars"];

/// `ip_in(alert.src_ip, "10.0.0.0/8")`.
pub(super) fn function(kinds: &Kinds, call: &FnCallExpr, position: Position) -> Option<Found> {
    match &*call.args {
        [ip, networks] if call.name == "ip_in" => {
            no_ip(kinds.of(ip), shown(ip).as_deref(), position).or_else(|| wrong_network(networks))
        }
        _ => None,
    }
}

/// A method, of a value of this kind.
pub(super) fn method(
    kinds: &Kinds,
    of: Kind,
    shown: Option<&str>,
    call: &FnCallExpr,
    position: Position,
) -> Option<Found> {
    let name = call.name.as_str();
    let argument = call.args.first();
    if name == "ip_in" {
        return no_ip(of, shown, position).or_else(|| wrong_network(argument?));
    }
    let what = shown.unwrap_or("this");
    let found = |said: String| Some(Found::new(said, position));
    let is_of_texts = OF_TEXTS.contains(&name);
    match of {
        Kind::Number { .. } | Kind::Truth if is_of_texts || OF_PARTS.contains(&name) => {
            let write = argument
                .and_then(literal)
                .filter(|_| name == "contains")
                .map(|value| format!("; write {what} == {}", value.trim_matches('"')));
            found(format!(
                "{what} is {}, and has no `{name}`{}",
                of.described(),
                write.unwrap_or_default()
            ))
        }
        Kind::Message | Kind::Alert if is_of_texts || OF_PARTS.contains(&name) => {
            let field = if of == Kind::Message { "msg" } else { "src_ip" };
            found(format!(
                "{what} is {}, and has no `{name}`; write {what}.{field}.{name}(…)",
                of.described()
            ))
        }
        Kind::Bytes if is_of_texts && !matches!(name, "split") => {
            found(format!("{what} is bytes, and has no `{name}`; write text({what}).{name}(…)"))
        }
        Kind::List(element) if element.is_text() && is_of_texts && name != "index_of" => {
            found(format!(
                "{what} is a list, and has no `{name}`; write {what}.some(|one| one.{name}(…))"
            ))
        }
        Kind::List(_) if name == "contains" => {
            within_kind(of, what, kinds.of(argument?), argument?)
        }
        _ if of.is_text() && matches!(name, "contains" | "starts_with" | "ends_with") => {
            of_text(kinds, of, what, call)
        }
        _ => None,
    }
}

/// A method of a list of `alert` whose function uses `alert` itself, which fails.
pub(super) fn used_twice(of: &str, list: &str, link: &Expr) -> Option<Found> {
    let Expr::MethodCall(call, position) = link else { return None };
    let name = &call.name;
    let captures = |argument: &Expr| captured(argument).any(|variable| variable == of);
    call.args.iter().any(captures).then(|| {
        let said = format!(
            "`{name}` can't use `{of}` while it goes through a list of it; write let list = {list}; \
             list.{name}(…)"
        );
        Found::new(said, *position)
    })
}

/// The variables that an anonymous function captures.
fn captured(function: &Expr) -> impl Iterator<Item = &str> {
    let statement = match function {
        Expr::Stmt(block) => block.statements().last(),
        _ => None,
    };
    let call = match statement {
        Some(Stmt::Expr(expr)) => match &**expr {
            Expr::FnCall(call, _) => Some(call),
            _ => None,
        },
        Some(Stmt::FnCall(call, _)) => Some(call),
        _ => None,
    };
    let curried = call.filter(|call| call.name == "curry");
    curried.into_iter().flat_map(|call| call.args.iter().filter_map(given))
}

/// What a text is searched for.
fn of_text(kinds: &Kinds, of: Kind, what: &str, call: &FnCallExpr) -> Option<Found> {
    let argument = call.args.first()?;
    let name = call.name.as_str();
    if let Kind::Number { .. } = kinds.of(argument) {
        let right = literal(argument).map(|number| format!("; write {what}.{name}(\"{number}\")"));
        let said = format!("`{name}` needs a text{}", right.unwrap_or_default());
        return Some(Found::new(said, argument.start_position()));
    }
    let part = text(argument)?;
    (of == Kind::Address && part.contains('/')).then(|| {
        let said = format!("{what} holds one address; write ip_in({what}, {part:?})");
        Found::new(said, argument.start_position())
    })
}

/// That something is not an address.
fn no_ip(kind: Kind, shown: Option<&str>, position: Position) -> Option<Found> {
    let is_field = shown.is_some_and(|shown| shown.contains('.'));
    let may_be = match kind {
        Kind::Any | Kind::Address => true,
        Kind::Text => !is_field,
        _ => false,
    };
    let what = shown.unwrap_or("this");
    (!may_be).then(|| {
        let said = format!(
            "`ip_in` needs an address, such as alert.src_ip, but {what} is {}",
            kind.described()
        );
        Found::new(said, position)
    })
}

fn wrong_network(networks: &Expr) -> Option<Found> {
    let networks = match networks {
        Expr::Array(list, _) => list,
        text => std::slice::from_ref(text),
    };
    networks.iter().find_map(|network| match network {
        Expr::StringConstant(text, position) => {
            Some(Found::new(Network::parse(text).err()?, *position))
        }
        Expr::IntegerConstant(..) | Expr::FloatConstant(..) | Expr::BoolConstant(..) => {
            let said = "a network is a text, such as \"10.0.0.0/8\"";
            Some(Found::new(said, network.start_position()))
        }
        _ => None,
    })
}
