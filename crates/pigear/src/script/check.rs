//! Checks that compiling doesn't make, but that are possible before the first alert.

mod calls;
mod classes;
mod compare;
mod found;
mod kinds;
mod names;
mod numbers;
mod written;

use rhai::{AST, ASTNode, Expr, FnCallExpr, Position, Stmt};

pub(super) use self::classes::classes;
use self::found::Found;
pub(super) use self::kinds::given;
use self::kinds::{Kinds, fields, follow};
pub(super) use self::names::Functions;
use self::names::Names;
#[cfg(test)]
pub(super) use self::names::names;
use super::kind::Kind;
use super::problem::ScriptProblem;

/// The prefix of the names of anonymous functions, `|x| ...`.
const ANONYMOUS: &str = "anon$";

/// Finds unknown fields and functions, `=` where `==` must be meant, and what fails or is never true for any
/// alert: comparisons of what can't be equal, invalid addresses and networks, functions that a value doesn't
/// have.
pub(super) fn check(functions: &Functions, ast: &AST, script: &str) -> Result<(), ScriptProblem> {
    let checks = Checks { names: Names::of(functions, ast), kinds: Kinds::of_script(ast) };
    let found = first(ast, |node| checks.look_at(node))
        .or_else(|| unseen(ast))
        .or_else(|| first(ast, |node| checks.used_twice(node)))
        .or_else(|| checks.no_condition(ast));
    found.map_or(Ok(()), |Found { what, position }| Err(ScriptProblem::new(what, script, position)))
}

struct Checks<'a> {
    names: Names<'a>,
    kinds: Kinds,
}

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
        let name = given(expr).filter(|name| matches!(*name, "msg" | "alert"))?;
        let what = format!("a function can't access `{name}`; pass it as an argument: f({name})");
        Some(Found::new(what, expr.start_position()))
    })
}

impl Checks<'_> {
    fn look_at(&self, node: &ASTNode<'_>) -> Option<Found> {
        match node {
            ASTNode::Expr(expr @ Expr::Dot(..)) => self.chain(expr),
            ASTNode::Expr(Expr::And(operands, _)) => {
                self.conditions("&&", operands).or_else(|| compare::contradiction(operands))
            }
            ASTNode::Expr(Expr::Or(operands, _)) => self.conditions("||", operands),
            ASTNode::Expr(Expr::FnCall(call, position))
            | ASTNode::Stmt(Stmt::FnCall(call, position)) => self.call(call, *position),
            ASTNode::Stmt(Stmt::If(parts, _)) => {
                self.conditions("if", std::slice::from_ref(&parts.expr))
            }
            ASTNode::Stmt(Stmt::Switch(parts, _)) => self.exact(&parts.0),
            ASTNode::Expr(Expr::Index(pair, ..)) => {
                let missing = || self.missing_key(&pair.lhs, &pair.rhs);
                self.no_list(&pair.lhs, &pair.rhs).or_else(missing).or_else(|| self.key(&pair.rhs))
            }
            ASTNode::Stmt(Stmt::Assignment(assignment)) => {
                let (operator, operands) = &**assignment;
                is_the_alerts(&operands.lhs).then(|| {
                    let what = if operator.is_op_assignment() {
                        "nothing can be assigned to this; to compare, write =="
                    } else {
                        "`=` assigns; to compare, write =="
                    };
                    Found::new(what, operator.position())
                })
            }
            _ => None,
        }
    }

    /// That `switch` compares a field exactly that is otherwise compared without case.
    fn exact(&self, subject: &Expr) -> Option<Found> {
        let ignores_case = self.kinds.of(subject).ignores_case();
        let what = written::shown(subject).filter(|_| ignores_case)?;
        let said = format!(
            "`switch` compares with case; write switch {what}.to_lower(), and the cases in lower case"
        );
        Some(Found::new(said, subject.start_position()))
    }

    /// `alert["dst_port"]`, which only lists and maps have.
    fn no_list(&self, of: &Expr, index: &Expr) -> Option<Found> {
        let fields = fields(self.kinds.of(of))?;
        let what = written::shown(of)?;
        let index = match index {
            Expr::Dot(pair, ..) => &pair.lhs,
            index => index,
        };
        let said = match written::text(index) {
            Some(name) => names::no_field(&what, fields, name)
                .unwrap_or_else(|| format!("{what} is not a map; write {what}.{name}")),
            None => format!("{what} is neither a list nor a map; write {what}.{}", fields[0].name),
        };
        Some(Found::new(said, index.start_position()))
    }

    /// `alert.sender["gid"]`, of a map that never has that key.
    fn missing_key(&self, of: &Expr, index: &Expr) -> Option<Found> {
        let Kind::Keys(keys) = self.kinds.of(of) else { return None };
        let what = written::shown(of).unwrap_or_else(|| "this".to_owned());
        let said = names::no_key(&what, keys, written::text(index)?)?;
        Some(Found::new(said, index.start_position()))
    }

    /// That a text without case is no key of a map.
    fn key(&self, key: &Expr) -> Option<Found> {
        let ignores_case = self.kinds.of(key).ignores_case();
        let what = written::shown(key).filter(|_| ignores_case)?;
        let said =
            format!("the key of a map is compared with case; write text({what}) in the brackets");
        Some(Found::new(said, key.start_position()))
    }

    fn call(&self, call: &FnCallExpr, position: Position) -> Option<Found> {
        self.names
            .unknown(call)
            .map(|what| Found::new(what, position))
            .or_else(|| self.names.wrong_count(call, false).map(|what| Found::new(what, position)))
            .or_else(|| compare::operator(&self.kinds, call, position))
            .or_else(|| calls::function(&self.kinds, call, position))
    }

    /// Each link of a chain such as `alert.message.msg.contains("x")`.
    fn chain(&self, chain: &Expr) -> Option<Found> {
        let Expr::Dot(pair, ..) = chain else { return None };
        let mut found = match &pair.rhs {
            Expr::MethodCall(call, _) if call.name == "ip_in" => call
                .args
                .first()
                .and_then(|networks| calls::swapped(&self.kinds, &pair.lhs, networks)),
            _ => None,
        };
        let mut shown = written::shown(&pair.lhs);
        let before = self.kinds.of(&pair.lhs);
        follow(before, &pair.rhs, &mut |before, link| {
            found = found.take().or_else(|| self.link(before, shown.as_deref(), link));
            shown = match (&shown, link) {
                (Some(shown), Expr::Property(property, _)) => {
                    Some(format!("{shown}.{}", property.2))
                }
                _ => None,
            };
        });
        found
    }

    /// A function that uses the alert whose list it is called for.
    fn used_twice(&self, node: &ASTNode<'_>) -> Option<Found> {
        let ASTNode::Expr(Expr::Dot(pair, ..)) = node else { return None };
        let of = given(&pair.lhs)?;
        let (mut found, mut list) = (None, of.to_owned());
        follow(self.kinds.of(&pair.lhs), &pair.rhs, &mut |_, link| {
            found = found.take().or_else(|| calls::used_twice(of, &list, link));
            if let Expr::Property(property, _) = link {
                list = format!("{list}.{}", property.2);
            }
        });
        found
    }

    fn link(&self, before: Kind, shown: Option<&str>, link: &Expr) -> Option<Found> {
        match link {
            Expr::Property(property, position) => {
                let of = shown.unwrap_or(if before == Kind::Message { "msg" } else { "alert" });
                if before == Kind::Alert && property.2 == "count" {
                    let what = format!(
                        "{of}.count isn't known in filters, which see each alert before grouping"
                    );
                    return Some(Found::new(what, *position));
                }
                let what = match before {
                    Kind::Keys(keys) => names::no_key(shown.unwrap_or("this"), keys, &property.2)?,
                    _ => names::no_field(of, fields(before)?, &property.2)?,
                };
                Some(Found::new(what, *position))
            }
            Expr::StringConstant(key, position) => {
                let Kind::Keys(keys) = before else { return None };
                let what = names::no_key(shown.unwrap_or("this"), keys, key)?;
                Some(Found::new(what, *position))
            }
            Expr::MethodCall(call, position) => self
                .names
                .unknown(call)
                .or_else(|| self.names.wrong_count(call, true))
                .map(|what| Found::new(what, *position))
                .or_else(|| calls::method(&self.kinds, before, shown, call, *position)),
            _ => None,
        }
    }

    /// What must be true or false, but is a field of another kind.
    fn conditions(&self, of: &str, operands: &[Expr]) -> Option<Found> {
        operands.iter().find_map(|operand| {
            let what = self.no_truth(operand)?;
            let what = format!("`{of}` needs conditions, but {what}");
            Some(Found::new(what, operand.start_position()))
        })
    }

    /// The value of the whole script, if it is not true or false.
    fn no_condition(&self, ast: &AST) -> Option<Found> {
        let Stmt::Expr(last) = ast.statements().last()? else { return None };
        let what = self.no_truth(last)?;
        Some(Found::new(format!("a filter needs a condition, but {what}"), last.start_position()))
    }

    /// What an expression is, if not true or false.
    fn no_truth(&self, expr: &Expr) -> Option<String> {
        let kind = self.kinds.of(expr);
        if matches!(kind, Kind::Any | Kind::Truth) {
            return None;
        }
        let what = written::shown(expr).unwrap_or_else(|| "this".to_owned());
        let compare = match kind {
            Kind::Number { .. } => format!("; compare it, such as {what} == 1"),
            _ if kind.is_text() => format!("; compare it, such as {what} == \"…\""),
            _ => String::new(),
        };
        Some(format!("{what} is {}{compare}", kind.described()))
    }
}

/// Whether something is a field of the alert.
fn is_the_alerts(chain: &Expr) -> bool {
    match chain {
        Expr::Variable(..) => given(chain).is_some_and(|name| matches!(name, "msg" | "alert")),
        Expr::Dot(pair, ..) | Expr::Index(pair, ..) => is_the_alerts(&pair.lhs),
        _ => false,
    }
}
