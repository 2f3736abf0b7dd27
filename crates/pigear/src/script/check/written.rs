//! Expressions as they are written, for messages.

use rhai::Expr;

use crate::script::kind::Kind;

/// A field as it is written, such as `alert.message.msg`, or a variable; no literal.
pub(super) fn shown(expr: &Expr) -> Option<String> {
    match expr {
        Expr::Variable(variable, ..) => Some(variable.1.to_string()),
        Expr::Property(property, _) => Some(property.2.to_string()),
        Expr::Dot(pair, ..) => Some(format!("{}.{}", shown(&pair.lhs)?, shown(&pair.rhs)?)),
        _ => None,
    }
}

/// A field, variable or literal as it is written.
pub(super) fn written(expr: &Expr) -> Option<String> {
    shown(expr).or_else(|| source(expr))
}

/// A number or text as it is written.
pub(super) fn literal(expr: &Expr) -> Option<String> {
    match expr {
        Expr::IntegerConstant(value, _) => Some(value.to_string()),
        Expr::FloatConstant(value, _) => Some(value.to_string()),
        Expr::BoolConstant(value, _) => Some(value.to_string()),
        Expr::StringConstant(text, _) => Some(format!("{:?}", text.as_str())),
        Expr::CharConstant(letter, _) => Some(format!("\"{letter}\"")),
        _ => None,
    }
}

/// A literal, or a list or range of these, as it is written.
pub(super) fn source(expr: &Expr) -> Option<String> {
    match expr {
        Expr::Array(elements, _) => {
            let elements: Option<Vec<_>> = elements.iter().map(literal).collect();
            Some(format!("[{}]", elements?.join(", ")))
        }
        Expr::FnCall(call, _) if matches!(call.name.as_str(), ".." | "..=") => Some(format!(
            "{}{}{}",
            literal(call.args.first()?)?,
            call.name,
            literal(call.args.last()?)?
        )),
        other => literal(other),
    }
}

pub(super) fn text(expr: &Expr) -> Option<&str> {
    match expr {
        Expr::StringConstant(text, _) => Some(text),
        _ => None,
    }
}

/// What an operand is.
pub(super) fn named(expr: &Expr, kind: Kind) -> String {
    let what = shown(expr).or_else(|| literal(expr)).unwrap_or_else(|| "this".to_owned());
    format!("{what} is {}", kind.described())
}
