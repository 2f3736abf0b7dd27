//! Comparisons that are never true, and what to write instead.

use std::net::IpAddr;

use pigear_alert::packet::IpProtocol;
use rhai::{Expr, FnCallExpr, Position};

use super::found::Found;
use super::kinds::Kinds;
use super::numbers;
use super::written::{literal, named, shown, source, text, written};
use crate::network::Network;
use crate::script::kind::{Kind, Never};

/// A comparison with, or another use of, an operator.
pub(super) fn operator(kinds: &Kinds, call: &FnCallExpr, position: Position) -> Option<Found> {
    match (call.name.as_str(), &*call.args) {
        (op @ ("==" | "!=" | "<" | "<=" | ">" | ">="), [one, other]) => {
            chained(kinds, op, one, other)
                .or_else(|| Comparison { kinds, op, field: one, other }.problem())
                .or_else(|| {
                    Comparison { kinds, op: flipped(op), field: other, other: one }.problem()
                })
                .map(|found| found.or_at(position))
        }
        ("contains", [list, item]) => within(kinds, list, item),
        (op @ ("|" | "&" | "^"), [one, other]) => mixed(kinds, op, one, other),
        (op @ ("*" | "/" | "%" | "**"), operands) => operands.iter().find_map(|operand| {
            let kind = kinds.of(operand);
            let is_number = matches!(kind, Kind::Any | Kind::Number { .. } | Kind::Protocol);
            let what = || named(operand, kind);
            (!is_number).then(|| {
                Found::new(
                    format!("`{op}` needs numbers, but {}", what()),
                    operand.start_position(),
                )
            })
        }),
        ("!", [operand]) => {
            let kind = kinds.of(operand);
            let is_truth = matches!(kind, Kind::Any | Kind::Truth);
            let what = || format!("`!` needs a condition, but {}", named(operand, kind));
            (!is_truth).then(|| Found::new(what(), operand.start_position()))
        }
        _ => None,
    }
}

/// `1 <= a <= 5`, which compares a number with true or false.
fn chained(kinds: &Kinds, op: &str, one: &Expr, other: &Expr) -> Option<Found> {
    let is_condition = |expr| matches!(kinds.of(expr), Kind::Any | Kind::Truth);
    let comparison = |expr| match comparison(expr) {
        Some(_) if matches!(op, "==" | "!=") => !(is_condition(one) && is_condition(other)),
        Some(_) => true,
        None => false,
    };
    if !comparison(one) && !comparison(other) {
        return None;
    }
    let right = || {
        let (inner, low, middle) = self::comparison(one)?;
        let (low, middle, high) = (written(low)?, written(middle)?, written(other)?);
        Some(format!("{low} {inner} {middle} && {middle} {op} {high}"))
    };
    let right = right().unwrap_or_else(|| "a < b && b < c".to_owned());
    let what = format!("comparisons can't be chained; write {right}");
    Some(Found::new(what, other.start_position()))
}

/// The operator and the operands of a comparison.
fn comparison(expr: &Expr) -> Option<(&str, &Expr, &Expr)> {
    let Expr::FnCall(call, _) = expr else { return None };
    match (call.name.as_str(), &*call.args) {
        (op @ ("==" | "!=" | "<" | "<=" | ">" | ">="), [one, other]) => Some((op, one, other)),
        _ => None,
    }
}

/// A condition and another value with an operator of bits: `a == 80 | 53`.
fn mixed(kinds: &Kinds, op: &str, one: &Expr, other: &Expr) -> Option<Found> {
    let (left, right) = (kinds.of(one), kinds.of(other));
    let is_any = matches!(left, Kind::Any) || matches!(right, Kind::Any);
    if is_any || (left == Kind::Truth) == (right == Kind::Truth) {
        return None;
    }
    let list = || match comparison(one)? {
        ("==", field, value) if op == "|" => {
            Some(format!("{} in [{}, {}]", shown(field)?, literal(value)?, literal(other)?))
        }
        _ => None,
    };
    let right = list().unwrap_or_else(|| "&& or || between conditions".to_owned());
    let what = format!("`{op}` is for numbers; write {right}");
    Some(Found::new(what, other.start_position()))
}

impl Found {
    fn or_at(self, position: Position) -> Self {
        if self.position.is_none() { Self { position, ..self } } else { self }
    }
}

/// `field == a && field == b`, which no alert fulfils.
pub(super) fn contradiction(operands: &[Expr]) -> Option<Found> {
    let mut equal: Vec<(String, &Expr)> = Vec::new();
    for operand in operands {
        let Some((field, value)) = equals(operand) else { continue };
        let earlier = equal.iter().find(|(other, _)| *other == field).map(|(_, value)| *value);
        match earlier.and_then(literal).zip(literal(value)) {
            Some((one, other)) if !is_same(&one, &other) => {
                let what = format!(
                    "{field} is never {one} and {other} at once; write {field} in [{one}, {other}]"
                );
                return Some(Found::new(what, value.start_position()));
            }
            _ => equal.push((field, value)),
        }
    }
    None
}

/// Whether two literals may be equal: texts without case.
fn is_same(one: &str, other: &str) -> bool {
    match (one.parse::<f64>(), other.parse::<f64>()) {
        (Ok(one), Ok(other)) => (one - other).abs() < f64::EPSILON,
        _ => one.eq_ignore_ascii_case(other),
    }
}

fn equals(expr: &Expr) -> Option<(String, &Expr)> {
    let Expr::FnCall(call, _) = expr else { return None };
    match (call.name.as_str(), &*call.args) {
        ("==", [field @ Expr::Dot(..), value] | [value, field @ Expr::Dot(..)]) => {
            literal(value)?;
            Some((shown(field)?, value))
        }
        _ => None,
    }
}

/// A comparison, of which one side is looked at.
struct Comparison<'a> {
    kinds: &'a Kinds,
    op: &'a str,
    field: &'a Expr,
    other: &'a Expr,
}

impl Comparison<'_> {
    fn problem(&self) -> Option<Found> {
        let field = shown(self.field)?;
        let (kind, other) = (self.kinds.of(self.field), self.kinds.of(self.other));
        let position = self.other.start_position();
        let what = match kind {
            Kind::Any => None,
            Kind::Message | Kind::Alert if matches!(other, Kind::Any) => None,
            Kind::Message | Kind::Alert => Some(format!(
                "{field} is {}; compare one of its fields, such as {}",
                kind.described(),
                if kind == Kind::Message {
                    format!("{field}.priority")
                } else {
                    format!("{field}.src_ip")
                }
            )),
            _ if !kind.compares_with(other) => Some(self.of_other_kinds(&field, kind, other)),
            Kind::Number { min, max } => self.out_of_range(&field, min, max),
            Kind::Address => self.no_address(&field),
            Kind::Protocol | Kind::Word(_) => self.never(&field, kind),
            _ => None,
        };
        what.map(|what| Found::new(what, position))
    }

    fn of_other_kinds(&self, field: &str, kind: Kind, other: Kind) -> String {
        let Self { op, .. } = self;
        let text = text(self.other);
        let right = match kind {
            Kind::Number { .. } => text
                .and_then(|text| text.trim().parse::<i64>().ok())
                .map(|number| format!("{field} {op} {number}"))
                .or_else(|| self.in_list(field, other)),
            Kind::Address => self.in_list(field, other),
            Kind::Word(crate::script::kind::Words::Class)
                if matches!(other, Kind::Number { .. }) =>
            {
                literal(self.other).map(|number| format!("msg.classification {op} {number}"))
            }
            Kind::Bytes if other.is_text() => literal(self.other).map(|text| match *op {
                "==" => format!("{field}.contains({text}), or text({field}) == {text}"),
                _ => format!("text({field}) {op} {text}"),
            }),
            Kind::List(element) if element.compares_with(other) => {
                literal(self.other).map(|item| format!("{item} in {field}"))
            }
            Kind::Truth => {
                Some(match (text.map(str::to_lowercase).as_deref(), literal(self.other)) {
                    (Some("false" | "no"), _) => format!("!{field}"),
                    (_, Some(zero)) if zero == "0" => format!("!{field}"),
                    _ => field.to_owned(),
                })
            }
            Kind::Keys(_) if field.ends_with(".sender") => Some(format!("{field}.pid {op} …")),
            kind if kind.is_text() => literal(self.other)
                .filter(|_| matches!(other, Kind::Number { .. }))
                .map(|number| format!("{field} {op} \"{number}\""))
                .or_else(|| self.in_list(field, other)),
            _ => None,
        };
        let is = format!("{field} is {}, not {}", kind.described(), other.described());
        right.map_or(is.clone(), |right| format!("{is}; write {right}"))
    }

    /// That a list must come after `in`.
    fn in_list(&self, field: &str, other: Kind) -> Option<String> {
        let list = source(self.other)?;
        matches!((self.op, other), ("==", Kind::List(_) | Kind::Range))
            .then(|| format!("{field} in {list}"))
    }

    fn out_of_range(&self, field: &str, min: i64, max: i64) -> Option<String> {
        let is_absent_zero = field == "alert.priority" && self.op == "==";
        match *self.other {
            Expr::IntegerConstant(0, _) if is_absent_zero => Some(format!(
                "{field} isn't known where Snort sends 0; write {field} == (), or msg.priority == 0"
            )),
            _ => numbers::never(field, (min, max), self.op, self.other),
        }
    }

    fn no_address(&self, field: &str) -> Option<String> {
        let text = text(self.other)?;
        if !matches!(self.op, "==" | "!=") {
            return Some(format!(
                "addresses have no order; write ip_in({field}, \"10.0.0.0/8\") for a network"
            ));
        }
        no_address(field, text, self.op)
    }

    fn never(&self, field: &str, kind: Kind) -> Option<String> {
        match *self.other {
            Expr::IntegerConstant(..) | Expr::FloatConstant(..) if kind == Kind::Protocol => {
                no_number(field, self.op, self.other)
            }
            _ if matches!(self.op, "==" | "!=") => never(field, kind, text(self.other)?, self.op),
            _ => None,
        }
    }
}

/// Why an address is never this text, if it isn't.
fn no_address(field: &str, text: &str, op: &str) -> Option<String> {
    let not = if op == "!=" { "!" } else { "" };
    match text.parse::<IpAddr>() {
        Ok(ip) if ip.to_string() == text => None,
        Ok(ip) => {
            Some(format!("write {field} {op} \"{ip}\", the form in which addresses are shown"))
        }
        Err(_) if Network::parse(text).is_ok() => {
            Some(format!("this is a network; write {not}ip_in({field}, {text:?})"))
        }
        Err(_) => Some(format!("{text:?} is not an address")),
    }
}

/// Why no protocol has this number, or is less or greater than it.
fn no_number(field: &str, op: &str, number: &Expr) -> Option<String> {
    if !matches!(op, "==" | "!=") {
        return Some(format!("protocols have names and no order; write {field} == \"TCP\""));
    }
    let name = match number {
        Expr::IntegerConstant(number, _) => {
            u8::try_from(*number).ok().and_then(|number| IpProtocol(number).name())
        }
        _ => None,
    };
    match name {
        Some(name) => Some(format!("write {field} {op} {name:?}")),
        None => numbers::never(field, (0, u8::MAX.into()), "==", number),
    }
}

fn never(field: &str, kind: Kind, text: &str, op: &str) -> Option<String> {
    let never = format!("{field} is never {text:?}");
    Some(match kind.never(text)? {
        Never::Write(right) => format!("{never}; write {field} {op} {right:?}"),
        Never::WriteNumber(right) => format!("{never}; write {field} {op} {right}"),
        Never::OneOf(all) => format!("{never}; it is {all}"),
    })
}

/// `item in list`, also as `contains(list, item)`.
pub(super) fn within(kinds: &Kinds, list: &Expr, item: &Expr) -> Option<Found> {
    let kind = kinds.of(item);
    match (list, kinds.of(list)) {
        (Expr::Array(elements, position), _) if elements.is_empty() => {
            Some(Found::new("nothing is in an empty list", *position))
        }
        (Expr::FnCall(range, _), Kind::Range) if numbers::never_in(range, kind, item).is_some() => {
            Some(Found::new(numbers::never_in(range, kind, item)?, list.start_position()))
        }
        (Expr::Array(elements, _), _) => of_elements(kinds, elements, item, kind),
        (_, Kind::List(_)) if matches!(list, Expr::DynamicConstant(..)) => None,
        (_, holder) => {
            let what = not_within(holder, list, kind, item)?;
            Some(Found::new(what, list.start_position()))
        }
    }
}

fn of_elements(kinds: &Kinds, elements: &[Expr], item: &Expr, kind: Kind) -> Option<Found> {
    let field = shown(item)?;
    if kind == Kind::Address {
        let invalid = elements.iter().find_map(|element| {
            let what = no_address(&field, text(element)?, "==")?;
            Some((text(element)?, what, element.start_position()))
        });
        let (invalid, what, position) = invalid?;
        let networks = elements.iter().filter_map(source).collect::<Vec<_>>().join(", ");
        let what = match Network::parse(invalid) {
            Ok(_) if invalid.parse::<IpAddr>().is_err() => {
                format!("this is a network; write ip_in({field}, [{networks}])")
            }
            _ => what,
        };
        return Some(Found::new(what, position));
    }
    elements.iter().find_map(|other| Comparison { kinds, op: "==", field: item, other }.problem())
}

/// Why something that isn't a list of literals never holds this item.
fn not_within(holder: Kind, list: &Expr, kind: Kind, item: &Expr) -> Option<String> {
    let field = shown(item);
    match (holder, kind) {
        (Kind::Any, _) => None,
        (_, Kind::Address) if text(list).is_some() => Some(networks_in_text(&field?, text(list)?)),
        (holder, Kind::Number { .. }) if holder.is_text() => {
            let numbers = text(list).map(|list| list.replace(' ', "").replace(',', ", "));
            let number = literal(item);
            Some(match (field, numbers, shown(list)) {
                (Some(field), Some(numbers), _) => {
                    format!("a text holds no number; write {field} in [{numbers}]")
                }
                (_, _, Some(list)) => match number {
                    Some(number) => format!("{list} is a text; write \"{number}\" in {list}"),
                    None => format!("{list} is a text, and holds no number"),
                },
                _ => "a text holds no number".to_owned(),
            })
        }
        (Kind::Address, _) => {
            let (field, network) = (shown(list)?, text(item)?);
            network
                .contains('/')
                .then(|| format!("{field} holds one address; write ip_in({field}, {network:?})"))
        }
        (holder, kind) if holder.is_text() => {
            let holds = kind == Kind::Any || kind.is_text();
            if !holds {
                return Some(format!("a text holds no {}", kind.described()));
            }
            let (texts, list) = (kind.texts()?, text(list)?);
            let lower = list.to_ascii_lowercase();
            let is_in = texts.iter().any(|text| lower.contains(&text.to_ascii_lowercase()));
            (!is_in).then(|| {
                format!(
                    "{} is never in {list:?}{}",
                    field.as_deref().unwrap_or("it"),
                    kind.choice()
                )
            })
        }
        (Kind::List(element), kind) => not_an_element(*element, &shown(list)?, kind, item),
        (Kind::Range, kind) => {
            let is_number = matches!(kind, Kind::Any | Kind::Number { .. } | Kind::Protocol);
            let field = field.unwrap_or_else(|| "this".to_owned());
            (!is_number)
                .then(|| format!("a range holds numbers, but {field} is {}", kind.described()))
        }
        (Kind::Number { .. } | Kind::Truth, _) => {
            let (list, item) = (written(list)?, written(item)?);
            let (field, value) = if field.is_some() { (&item, &list) } else { (&list, &item) };
            Some(format!("{list} is {}; write {field} == {value}", holder.described()))
        }
        _ => None,
    }
}

/// That networks in a text are not a list.
fn networks_in_text(field: &str, list: &str) -> String {
    let networks: Vec<&str> = list.split([',', ' ']).filter(|part| !part.is_empty()).collect();
    match &networks[..] {
        [_] | [] => format!("`in` looks for a part of a text; write ip_in({field}, {list:?})"),
        several => format!("`in` looks for a part of a text; write ip_in({field}, {several:?})"),
    }
}

/// `list.contains(item)`, for a list that is a field.
pub(super) fn within_kind(holder: Kind, list: &str, kind: Kind, item: &Expr) -> Option<Found> {
    let what = not_an_element(holder.element(), list, kind, item)?;
    Some(Found::new(what, item.start_position()))
}

fn not_an_element(element: Kind, list: &str, kind: Kind, item: &Expr) -> Option<String> {
    if let Kind::Number { min, max } = element
        && let Some(what) = numbers::never(&format!("an element of {list}"), (min, max), "==", item)
    {
        return Some(what);
    }
    if element.compares_with(kind) {
        return None;
    }
    let said = format!("{list} is a list, and none of its elements is {}", kind.described());
    let number = text(item).filter(|text| text.parse::<i64>().is_ok());
    let right = match (element, number) {
        (Kind::Number { .. }, Some(number)) => format!("; write {number} in {list}"),
        _ => String::new(),
    };
    Some(format!("{said}{right}"))
}

fn flipped(op: &str) -> &str {
    match op {
        "<" => ">",
        "<=" => ">=",
        ">" => "<",
        ">=" => "<=",
        same => same,
    }
}
