//! Numbers that a field never is.

use rhai::{Expr, FnCallExpr};

use super::written::{literal, shown};
use crate::script::kind::Kind;

/// Why a comparison with a number is never true, for whole numbers in a range.
pub(super) fn never(field: &str, range: (i64, i64), op: &str, number: &Expr) -> Option<String> {
    let (min, max) = range;
    let (value, is_whole) = whole(number)?;
    let is_field = (min, max) != (i64::MIN, i64::MAX);
    if !is_whole && op == "==" && is_field {
        return Some(format!("{field} is never {}: it is a whole number", literal(number)?));
    }
    let never = match (op, is_whole) {
        ("==", _) => value < min || value > max,
        ("<", true) => value <= min,
        ("<" | "<=", _) => value < min,
        (">=", true) => value > max,
        (">" | ">=", _) => value >= max,
        _ => false,
    };
    let op = if op == "==" { String::new() } else { format!("{op} ") };
    let number = literal(number)?;
    never.then(|| format!("{field} is never {op}{number}: it is from {min} to {max}"))
}

/// Why a number is never in a range.
pub(super) fn never_in(range: &FnCallExpr, kind: Kind, item: &Expr) -> Option<String> {
    let [Expr::IntegerConstant(first, _), Expr::IntegerConstant(end, _)] = *range.args else {
        return None;
    };
    let last = if range.name == ".." { end.checked_sub(1)? } else { end };
    let op = &range.name;
    if last < first {
        return Some(format!("the range {first}{op}{end} is empty; write {end}..={first}"));
    }
    let (field, Kind::Number { min, max }) = (shown(item)?, kind) else { return None };
    let is_outside = last < min || first > max;
    is_outside.then(|| format!("{field} is never in {first}{op}{end}: it is from {min} to {max}"))
}

/// A literal's greatest whole number that isn't above it, and whether it is one itself.
fn whole(number: &Expr) -> Option<(i64, bool)> {
    match *number {
        Expr::IntegerConstant(value, _) => Some((value, true)),
        Expr::FloatConstant(value, _) => {
            let floor = value.floor();
            // A conversion of other types would lose digits unseen.
            Some((format!("{floor:.0}").parse().ok()?, value.fract() == 0.0))
        }
        _ => None,
    }
}
