//! The operators, fields and literals of conditions.

use std::cmp::Ordering;

use pigear_alert::Alert;
use rhai::{ASTFlags, Expr, FnCallExpr};

use crate::script::check::given;
use crate::script::fields::{ALERT, Field, MSG};
use crate::script::unknown::{Missing, UnknownField};

/// An operator that compares.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Operator {
    Equal,
    NotEqual,
    Less,
    LessOrEqual,
    Greater,
    GreaterOrEqual,
}

impl Operator {
    pub(super) fn of(name: &str) -> Option<Self> {
        Some(match name {
            "==" => Self::Equal,
            "!=" => Self::NotEqual,
            "<" => Self::Less,
            "<=" => Self::LessOrEqual,
            ">" => Self::Greater,
            ">=" => Self::GreaterOrEqual,
            _ => return None,
        })
    }

    /// The operator with its sides exchanged.
    pub(super) fn flipped(self) -> Self {
        match self {
            Self::Less => Self::Greater,
            Self::LessOrEqual => Self::GreaterOrEqual,
            Self::Greater => Self::Less,
            Self::GreaterOrEqual => Self::LessOrEqual,
            same => same,
        }
    }

    /// The operator that is true of two numbers where this isn't.
    pub(super) fn negated(self) -> Self {
        match self {
            Self::Equal => Self::NotEqual,
            Self::NotEqual => Self::Equal,
            Self::Less => Self::GreaterOrEqual,
            Self::LessOrEqual => Self::Greater,
            Self::Greater => Self::LessOrEqual,
            Self::GreaterOrEqual => Self::Less,
        }
    }

    /// The first and the last number of which it is true with another at its right. The last may be before the first:
    /// then there is none. `None` if they are not one range.
    pub(super) fn range(self, other: i64) -> Option<(i64, i64)> {
        Some(match self {
            Self::Equal => (other, other),
            Self::NotEqual => return None,
            Self::Less => (i64::MIN, other.checked_sub(1)?),
            Self::LessOrEqual => (i64::MIN, other),
            Self::Greater => (other.checked_add(1)?, i64::MAX),
            Self::GreaterOrEqual => (other, i64::MAX),
        })
    }

    /// Whether it is true of two values with this order.
    pub(super) fn holds(self, order: Ordering) -> bool {
        match self {
            Self::Equal => order.is_eq(),
            Self::NotEqual => order.is_ne(),
            Self::Less => order.is_lt(),
            Self::LessOrEqual => order.is_le(),
            Self::Greater => order.is_gt(),
            Self::GreaterOrEqual => order.is_ge(),
        }
    }

    /// Whether it is true of two values of different types, or of `()` and another value.
    pub(super) fn holds_between_types(self) -> bool {
        self == Self::NotEqual
    }
}

/// A field that a condition reads.
#[derive(Clone, Copy, Debug)]
pub(super) struct UsedField {
    /// `msg` or `alert`.
    pub(super) of: &'static str,
    pub(super) field: &'static Field,
    /// What an alert lacks if the field isn't known.
    pub(super) missing: Missing,
}

impl UsedField {
    /// The field, if it isn't known.
    pub(super) fn unknown(&self, alert: &Alert) -> Option<UnknownField> {
        self.missing.is_true_of(alert).then_some((self.of, self.field.name))
    }
}

/// A literal.
#[derive(Clone, Copy, Debug)]
pub(super) enum Literal<'a> {
    Unknown,
    Number(i64),
    Text(&'a str),
    Truth(bool),
}

impl<'a> Literal<'a> {
    /// Letters and numbers with fractions are left to the engine.
    pub(super) fn of(expr: &'a Expr) -> Option<Self> {
        Some(match expr {
            Expr::Unit(_) => Self::Unknown,
            Expr::IntegerConstant(number, _) => Self::Number(*number),
            Expr::StringConstant(text, _) => Self::Text(text),
            Expr::BoolConstant(truth, _) => Self::Truth(*truth),
            _ => return None,
        })
    }
}

/// The field that an expression is.
pub(super) fn field(expr: &Expr) -> Option<UsedField> {
    match chain(expr)? {
        (field, None) => Some(field),
        (_, Some(_)) => None,
    }
}

/// The field that an expression is, or the one whose method it calls.
pub(super) fn chain(expr: &Expr) -> Option<(UsedField, Option<&FnCallExpr>)> {
    let (of, rest) = dot(expr)?;
    match given(of)? {
        "msg" => link("msg", MSG, rest),
        "alert" => link("alert", ALERT, rest),
        _ => None,
    }
}

fn link<'a>(
    of: &'static str,
    fields: &'static [Field],
    link: &'a Expr,
) -> Option<(UsedField, Option<&'a FnCallExpr>)> {
    let (first, rest) = match link {
        Expr::Property(..) => (link, None),
        chain => dot(chain).map(|(first, rest)| (first, Some(rest)))?,
    };
    let Expr::Property(property, _) = first else { return None };
    let field = fields.iter().find(|field| field.name == property.2)?;
    match rest {
        Some(rest) if (of, field.name) == ("alert", "message") => self::link("msg", MSG, rest),
        Some(Expr::MethodCall(call, _)) => Some((used(of, field), Some(&**call))),
        Some(_) => None,
        None => Some((used(of, field), None)),
    }
}

fn used(of: &'static str, field: &'static Field) -> UsedField {
    UsedField { of, field, missing: Missing::of(field.name) }
}

/// Both sides of `a.b`; not of `a?.b`.
fn dot(expr: &Expr) -> Option<(&Expr, &Expr)> {
    match expr {
        Expr::Dot(pair, flags, _) if !flags.intersects(ASTFlags::NEGATED) => {
            Some((&pair.lhs, &pair.rhs))
        }
        _ => None,
    }
}
