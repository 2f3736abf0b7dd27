//! Calls of functions and methods that fail for every alert, or are never true.

use std::net::IpAddr;

use pigear_alert::format::FormatName;
use rhai::{Expr, FnCallExpr, Position, Stmt};

use super::compare::within_kind;
use super::found::Found;
use super::kinds::{Kinds, given};
use super::written::{literal, shown, text};
use crate::network::Network;
use crate::script::functions::TEXT_METHODS;
use crate::script::kind::Kind;

/// Methods of whatever has parts.
const OF_PARTS: [&str; 4] = ["contains", "len", "is_empty", "chars"];

/// `ip_in(alert.src_ip, "10.0.0.0/8")`.
pub(super) fn function(kinds: &Kinds, call: &FnCallExpr, position: Position) -> Option<Found> {
    match &*call.args {
        [ip, networks] if call.name == "ip_in" => swapped(kinds, ip, networks)
            .or_else(|| no_ip(kinds.of(ip), shown(ip).as_deref(), position))
            .or_else(|| wrong_network(networks)),
        [of, name] if call.name == "format" => {
            wrong_format(kinds.of(of), shown(of).as_deref(), name)
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
    if let ("format", Some(format)) = (name, argument) {
        return wrong_format(of, shown, format);
    }
    let what = shown.unwrap_or("this");
    let found = |said: String| Some(Found::new(said, position));
    let is_of_texts = TEXT_METHODS.contains(&name);
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
        Kind::List(element)
            if element.is_text() && is_of_texts && !matches!(name, "index_of" | "split") =>
        {
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
    let said = if of == Kind::Address && part.contains('/') {
        format!("{what} holds one address; write ip_in({what}, {part:?})")
    } else {
        no_part(of, what, name, part)?
    };
    Some(Found::new(said, argument.start_position()))
}

/// That no text of a kind contains this part, or begins or ends with it.
fn no_part(of: Kind, what: &str, name: &str, part: &str) -> Option<String> {
    let (texts, lower) = (of.texts()?, part.to_ascii_lowercase());
    let holds = |text: &str| {
        let text = text.to_ascii_lowercase();
        match name {
            "starts_with" => text.starts_with(&lower),
            "ends_with" => text.ends_with(&lower),
            _ => text.contains(&lower),
        }
    };
    let verb = match name {
        "starts_with" => "starts with",
        "ends_with" => "ends with",
        _ => "contains",
    };
    let is_never = !texts.iter().any(|text| holds(text));
    is_never.then(|| format!("{what} never {verb} {part:?}{}", of.choice()))
}

/// `ip_in("10.0.0.0/8", alert.src_ip)`, or a text that is no address.
pub(super) fn swapped(kinds: &Kinds, ip: &Expr, networks: &Expr) -> Option<Found> {
    let given = text(ip).filter(|given| given.parse::<IpAddr>().is_err())?;
    let said = match shown(networks).filter(|_| kinds.of(networks) == Kind::Address) {
        Some(field) if Network::parse(given).is_ok() => {
            format!("the address comes first; write ip_in({field}, {given:?})")
        }
        _ => format!("{given:?} is not an address"),
    };
    Some(Found::new(said, ip.start_position()))
}

/// A format that doesn't exist, or of something else than an alert.
fn wrong_format(of: Kind, shown: Option<&str>, format: &Expr) -> Option<Found> {
    let found = |said| Some(Found::new(said, format.start_position()));
    match (of, text(format)?.parse::<FormatName>()) {
        (Kind::Any | Kind::Message | Kind::Alert, Err(unknown)) => found(unknown.to_string()),
        (Kind::Any | Kind::Message | Kind::Alert, Ok(_)) => None,
        (other, _) => found(format!(
            "`format` needs a whole alert, but {} is {}; write format(alert, …)",
            shown.unwrap_or("this"),
            other.described()
        )),
    }
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
