//! Conditions out of scripts.

use std::sync::Arc;

use memchr::memmem::Finder;
use rhai::{AST, Expr, FnCallExpr, Stmt};

use super::condition::Condition;
use super::leaf::{AddressTest, Leaf, NumberTest, ProtocolTest, ProtocolValue, Question};
use super::moment::TimeTest;
use super::operand::{Literal, Operator, UsedField, chain, field};
use super::text::TextTest;
use crate::network::Network;
use crate::script::fields::Read;

/// The most comparisons, and elements of lists. With more, the engine's limit on operations may count.
const MAX_PARTS: usize = 2_000;

/// The condition that a script is; `None` if it needs the engine.
pub(super) fn condition(ast: &AST) -> Option<Condition> {
    if ast.iter_functions().next().is_some() {
        return None;
    }
    let mut compiling = Compiling { parts: 0 };
    match ast.statements() {
        [Stmt::Expr(expr)] => compiling.condition(expr),
        [Stmt::FnCall(call, _)] => compiling.call(call),
        _ => None,
    }
}

struct Compiling {
    parts: usize,
}

impl Compiling {
    fn condition(&mut self, expr: &Expr) -> Option<Condition> {
        match expr {
            Expr::BoolConstant(is_met, _) => Some(Condition::Always(*is_met)),
            Expr::And(parts, _) => Some(Condition::All(self.conditions(parts)?)),
            Expr::Or(parts, _) => Some(Condition::Any(self.conditions(parts)?)),
            Expr::FnCall(call, _) => self.call(call),
            Expr::Dot(..) => {
                let leaf = match chain(expr)? {
                    (field, None) => truth(field)?,
                    (field, Some(call)) => self.method(field, call)?,
                };
                self.leaf(leaf)
            }
            _ => None,
        }
    }

    fn conditions(&mut self, parts: &[Expr]) -> Option<Vec<Condition>> {
        parts.iter().map(|part| self.condition(part)).collect()
    }

    fn call(&mut self, call: &FnCallExpr) -> Option<Condition> {
        if call.capture_parent_scope {
            return None;
        }
        let leaf = match (call.name.as_str(), &*call.args) {
            ("!", [part]) => return Some(Condition::Not(Box::new(self.condition(part)?))),
            ("contains", [whole, part]) => self.within(whole, part)?,
            ("starts_with" | "ends_with", [text, part]) => part_of(&call.name, field(text)?, part)?,
            ("ip_in", [ip, networks]) => self.in_networks(field(ip)?, networks)?,
            (op, [one, other]) => compared(Operator::of(op)?, one, other)?,
            _ => return None,
        };
        self.leaf(leaf)
    }

    fn method(&mut self, field: UsedField, call: &FnCallExpr) -> Option<Leaf> {
        match (call.name.as_str(), &*call.args) {
            (name @ ("contains" | "starts_with" | "ends_with"), [part]) => {
                part_of(name, field, part)
            }
            ("ip_in", [networks]) => self.in_networks(field, networks),
            _ => None,
        }
    }

    /// `part in whole`.
    fn within(&mut self, whole: &Expr, part: &Expr) -> Option<Leaf> {
        match whole {
            Expr::Array(elements, _) => {
                self.count(elements.len())?;
                among(field(part)?, elements)
            }
            Expr::FnCall(range, _) => within_range(field(part)?, range),
            Expr::StringConstant(whole, _) => {
                let (field, test) = (field(part)?, TextTest::PartOf(whole.as_str().into()));
                let question = match field.field.read {
                    Read::Text(read) => Question::Text(read, test),
                    Read::Word(read) => Question::Word(read, test),
                    _ => return None,
                };
                Some(of(field, question))
            }
            whole => part_of("contains", field(whole)?, part),
        }
    }

    fn in_networks(&mut self, field: UsedField, networks: &Expr) -> Option<Leaf> {
        let Read::Address(read) = field.field.read else { return None };
        let networks = match networks {
            Expr::Array(elements, _) => elements,
            text => std::slice::from_ref(text),
        };
        self.count(networks.len())?;
        let network = |expr: &Expr| match Literal::of(expr)? {
            Literal::Text(text) => Network::parse(text).ok(),
            _ => None,
        };
        let networks = networks.iter().map(network).collect::<Option<_>>()?;
        Some(of(field, Question::Address(read, AddressTest::Within(networks))))
    }

    fn leaf(&mut self, leaf: Leaf) -> Option<Condition> {
        self.count(1)?;
        Some(Condition::Leaf(leaf))
    }

    fn count(&mut self, parts: usize) -> Option<()> {
        self.parts += parts;
        (self.parts <= MAX_PARTS).then_some(())
    }
}

fn of(field: UsedField, question: Question) -> Leaf {
    Leaf { question, field, other: None }
}

/// A field that is a condition itself.
fn truth(field: UsedField) -> Option<Leaf> {
    let Read::Truth(read) = field.field.read else { return None };
    Some(of(field, Question::Truth(read, Operator::Equal, true)))
}

fn compared(op: Operator, one: &Expr, other: &Expr) -> Option<Leaf> {
    match (field(one), field(other)) {
        (Some(one), Some(other)) => match (one.field.read, other.field.read) {
            (Read::Number(left), Read::Number(right)) => {
                let question = Question::Numbers([left, right], op);
                Some(Leaf { question, field: one, other: Some(other) })
            }
            _ => None,
        },
        (Some(field), None) => compare(op, field, Literal::of(other)?),
        (None, Some(field)) => compare(op.flipped(), field, Literal::of(one)?),
        (None, None) => None,
    }
}

fn compare(op: Operator, field: UsedField, literal: Literal<'_>) -> Option<Leaf> {
    let question = match (field.field.read, literal) {
        (Read::Other(_), _) => return None,
        (_, Literal::Unknown) => match op {
            Operator::Equal => Question::IsUnknown(true),
            Operator::NotEqual => Question::IsUnknown(false),
            _ => return None,
        },
        (Read::Number(read), Literal::Number(other)) => {
            Question::Number(read, NumberTest::Compare(op, other))
        }
        (Read::Text(read), Literal::Text(other)) => {
            Question::Text(read, TextTest::Compare(op, other.into()))
        }
        (Read::Word(read), Literal::Text(other)) => {
            Question::Word(read, TextTest::Compare(op, other.into()))
        }
        (Read::Time(read), Literal::Text(other)) => {
            Question::Time(read, TimeTest::compare(op, other))
        }
        (Read::Protocol(read), other) => {
            Question::Protocol(read, ProtocolTest::Compare(op, protocol(other)?))
        }
        (Read::Address(read), Literal::Text(other))
            if matches!(op, Operator::Equal | Operator::NotEqual) =>
        {
            Question::Address(read, AddressTest::Compare(op, address(other)?))
        }
        (Read::Truth(read), Literal::Truth(other)) => Question::Truth(read, op, other),
        _ => return None,
    };
    Some(of(field, question))
}

/// `whole.contains(part)` and the like.
fn part_of(method: &str, whole: UsedField, part: &Expr) -> Option<Leaf> {
    let Literal::Text(part) = Literal::of(part)? else { return None };
    let test = match method {
        "contains" => TextTest::Contains(part.into()),
        "starts_with" => TextTest::StartsWith(part.into()),
        _ => TextTest::EndsWith(part.into()),
    };
    let question = match (whole.field.read, test) {
        (Read::Text(read), test) => Question::Text(read, test),
        (Read::Word(read), test) => Question::Word(read, test),
        (Read::Bytes(read), TextTest::Contains(part)) => {
            Question::Bytes(read, Arc::new(Finder::new(part.as_bytes()).into_owned()))
        }
        // A protocol may be a number, which has no such method.
        _ => return None,
    };
    Some(of(whole, question))
}

/// `field in [...]`.
fn among(field: UsedField, elements: &[Expr]) -> Option<Leaf> {
    let all: Vec<_> = elements.iter().map(Literal::of).collect::<Option<_>>()?;
    let texts = || all.iter().map(|one| text(*one));
    let question = match field.field.read {
        Read::Number(read) => {
            let mut numbers: Vec<_> = all.iter().map(|one| number(*one)).collect::<Option<_>>()?;
            numbers.sort_unstable();
            Question::Number(read, NumberTest::Among(numbers.into()))
        }
        Read::Text(read) => Question::Text(
            read,
            TextTest::Among(texts().map(|it| it.map(Into::into)).collect::<Option<_>>()?),
        ),
        Read::Word(read) => Question::Word(
            read,
            TextTest::Among(texts().map(|it| it.map(Into::into)).collect::<Option<_>>()?),
        ),
        Read::Protocol(read) => {
            let all = all.iter().map(|one| protocol(*one)).collect::<Option<_>>()?;
            Question::Protocol(read, ProtocolTest::Among(all))
        }
        Read::Address(read) => {
            let all = texts().map(|it| address(it?)).collect::<Option<_>>()?;
            Question::Address(read, AddressTest::Among(all))
        }
        _ => return None,
    };
    Some(of(field, question))
}

/// `field in 1..5`.
fn within_range(field: UsedField, range: &FnCallExpr) -> Option<Leaf> {
    let Read::Number(read) = field.field.read else { return None };
    let [Expr::IntegerConstant(first, _), Expr::IntegerConstant(end, _)] = *range.args else {
        return None;
    };
    let last = match range.name.as_str() {
        ".." => end.checked_sub(1)?,
        "..=" => end,
        _ => return None,
    };
    Some(of(field, Question::Number(read, NumberTest::Within(first, last))))
}

fn number(literal: Literal<'_>) -> Option<i64> {
    match literal {
        Literal::Number(number) => Some(number),
        _ => None,
    }
}

fn text(literal: Literal<'_>) -> Option<&str> {
    match literal {
        Literal::Text(text) => Some(text),
        _ => None,
    }
}

fn protocol(literal: Literal<'_>) -> Option<ProtocolValue> {
    match literal {
        Literal::Text(name) => Some(ProtocolValue::Name(name.into())),
        Literal::Number(number) => Some(ProtocolValue::Number(number)),
        _ => None,
    }
}

/// An address in the form in which scripts have it.
fn address(text: &str) -> Option<std::net::IpAddr> {
    let ip: std::net::IpAddr = text.parse().ok()?;
    (ip.to_string() == text).then_some(ip)
}
