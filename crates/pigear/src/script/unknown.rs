//! Whether a filter left an alert out only because a field wasn't known.

use std::cell::Cell;

use pigear_alert::Alert;
use rhai::{AST, Expr, Stmt};

/// What an alert lacks that Snort's log may have.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Missing {
    Nothing,
    /// Addresses, ports and the protocol.
    Addresses,
    /// Numbers of the event that this dialect doesn't send.
    Numbers,
    /// The packet.
    Packet,
    /// What is only in the log.
    Log,
}

/// A field that wasn't known: of `msg` or `alert`, and its name.
pub(super) type UnknownField = (&'static str, &'static str);

thread_local! {
    /// The first field that the script needed and that wasn't known.
    static NEEDED: Cell<Option<UnknownField>> = const { Cell::new(None) };
}

/// Notes that a script needed this field, which isn't known.
pub(super) fn note(of: &'static str, name: &'static str) {
    if NEEDED.get().is_none() {
        NEEDED.set(Some((of, name)));
    }
}

/// The field that the last script needed and that wasn't known. Forgets it.
pub(super) fn take() -> Option<UnknownField> {
    NEEDED.take()
}

impl Missing {
    /// What an alert lacks if this field of it isn't known.
    pub(super) fn of(field: &str) -> Self {
        match field {
            "src_ip" | "src_port" | "dst_ip" | "dst_port" | "proto" => Self::Addresses,
            "priority" | "event_id" | "event_reference" => Self::Numbers,
            "pkt" | "payload" | "layers" | "vlan" => Self::Packet,
            "action" | "extra" => Self::Log,
            _ => Self::Nothing,
        }
    }

    pub(super) fn is_true_of(self, alert: &Alert) -> bool {
        match self {
            Self::Nothing => false,
            // With a packet, it is known that it has no addresses, such as ARP.
            Self::Addresses => !alert.message.has_packet() && alert.src_ip().is_none(),
            Self::Numbers => !alert.has_whole_event(),
            Self::Packet => !alert.message.has_packet(),
            Self::Log => alert.log().is_none(),
        }
    }
}

/// A condition in parts, to tell which of them decided.
///
/// With `a && b`, an alert for which `a` isn't known and `b` is false is left out whatever `a` is.
pub(super) enum Parts {
    All(Vec<Parts>),
    Any(Vec<Parts>),
    Not(Box<Parts>),
    One(AST),
}

/// Whether a condition is true, as far as is known.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Truth {
    True,
    False,
    Unknown,
}

impl Parts {
    /// The parts of a script. One that is more than an expression has a single part.
    pub(super) fn of(ast: &AST) -> Self {
        match ast.statements() {
            [Stmt::Expr(expr)] => Self::of_expr(expr, ast),
            _ => Self::One(ast.clone()),
        }
    }

    fn of_expr(expr: &Expr, whole: &AST) -> Self {
        let parts = |exprs: &[Expr]| exprs.iter().map(|it| Self::of_expr(it, whole)).collect();
        match expr {
            Expr::And(all, _) => Self::All(parts(all)),
            Expr::Or(any, _) => Self::Any(parts(any)),
            Expr::FnCall(call, _) if call.name == "!" && call.args.len() == 1 => {
                Self::Not(Box::new(Self::of_expr(&call.args[0], whole)))
            }
            other => {
                let statement = Stmt::Expr(Box::new(other.clone()));
                Self::One(AST::new([statement], whole.shared_lib().clone()))
            }
        }
    }

    /// The field but for which the condition might be true, if there is one. `run` runs a part.
    pub(super) fn undecided(&self, run: &mut dyn FnMut(&AST) -> bool) -> Option<UnknownField> {
        let mut needed = None;
        let truth = self.truth(run, &mut needed);
        needed.filter(|_| truth == Truth::Unknown)
    }

    fn truth(&self, run: &mut dyn FnMut(&AST) -> bool, needed: &mut Option<UnknownField>) -> Truth {
        match self {
            Self::All(parts) => one_of(parts, Truth::False, run, needed),
            Self::Any(parts) => one_of(parts, Truth::True, run, needed),
            Self::Not(part) => match part.truth(run, needed) {
                Truth::True => Truth::False,
                Truth::False => Truth::True,
                Truth::Unknown => Truth::Unknown,
            },
            Self::One(part) => {
                take();
                let is_true = run(part);
                match take() {
                    Some(field) if !tests_for_unknown(part) => {
                        needed.get_or_insert(field);
                        Truth::Unknown
                    }
                    _ if is_true => Truth::True,
                    _ => Truth::False,
                }
            }
        }
    }
}

/// The truth of several parts, of which one with this truth decides.
fn one_of(
    parts: &[Parts],
    deciding: Truth,
    run: &mut dyn FnMut(&AST) -> bool,
    needed: &mut Option<UnknownField>,
) -> Truth {
    let mut all = if deciding == Truth::False { Truth::True } else { Truth::False };
    for part in parts {
        match part.truth(run, needed) {
            truth if truth == deciding => return deciding,
            Truth::Unknown => all = Truth::Unknown,
            _ => {}
        }
    }
    all
}

/// Whether a script compares with `()`, or replaces it, and so decides about unknown fields itself.
fn tests_for_unknown(part: &AST) -> bool {
    let mut tests = false;
    part.walk(&mut |path| {
        tests =
            matches!(path.last(), Some(rhai::ASTNode::Expr(Expr::Unit(_) | Expr::Coalesce(..))));
        !tests
    });
    tests
}
