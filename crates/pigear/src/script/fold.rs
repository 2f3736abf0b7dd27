//! Comparisons without case, of fields such as `alert.proto`.

use rhai::{AST, ASTNode, Expr, FnCallExpr, Position, Stmt};

use super::check::{Kinds, follow, kind_of_field};
use super::fields::without_case;
use super::kind::Kind;

/// A script in which texts are compared without case with the fields for which that makes sense; `None` if there
/// are none. Every place in it is the same as before.
///
/// In `alert.proto == "Tcp"`, the text becomes lower case, and the field one that has lower case.
pub(crate) fn fold(ast: &AST, script: &str) -> Option<String> {
    let mut folded = Folded { kinds: Kinds::of_script(ast), script, changed: None };
    ast.walk(&mut |path| {
        match path.last() {
            Some(ASTNode::Expr(Expr::FnCall(call, _)) | ASTNode::Stmt(Stmt::FnCall(call, _))) => {
                folded.comparison(call);
            }
            Some(ASTNode::Expr(Expr::Dot(pair, ..))) => folded.methods(&pair.lhs, &pair.rhs),
            _ => {}
        }
        true
    });
    folded.changed
}

struct Folded<'a> {
    kinds: Kinds,
    script: &'a str,
    changed: Option<String>,
}

impl Folded<'_> {
    fn comparison(&mut self, call: &FnCallExpr) {
        let sides = match (call.name.as_str(), &*call.args) {
            ("==" | "!=" | "contains", [one, other]) => [(one, other), (other, one)],
            _ => return,
        };
        for (field, other) in sides {
            if let Some(property) = self.property(field) {
                match other {
                    Expr::Array(elements, _) => self.change(property, elements),
                    other => self.change(property, std::slice::from_ref(other)),
                }
            }
        }
    }

    fn methods(&mut self, start: &Expr, chain: &Expr) {
        let mut last = None;
        let mut changes = Vec::new();
        follow(self.kinds.of(start), chain, &mut |before, link| match link {
            Expr::MethodCall(call, _)
                if matches!(call.name.as_str(), "contains" | "starts_with" | "ends_with") =>
            {
                changes.extend(last.take().map(|property| (property, call.args.to_vec())));
            }
            Expr::Property(property, position) => {
                last = Some((property.2.to_string(), *position)).filter(|(name, _)| {
                    before == Kind::Alert && kind_of_field(name).ignores_case()
                });
            }
            _ => last = None,
        });
        for (property, texts) in changes {
            self.change(property, &texts);
        }
    }

    /// The field at the end of a chain, if it is one that compares without case.
    fn property(&self, expr: &Expr) -> Option<(String, Position)> {
        let Expr::Dot(pair, ..) = expr else { return None };
        let mut last = None;
        follow(self.kinds.of(&pair.lhs), &pair.rhs, &mut |before, link| {
            last = match link {
                Expr::Property(property, position) if before == Kind::Alert => {
                    Some((property.2.to_string(), *position))
                }
                _ => None,
            };
        });
        last.filter(|(name, _)| kind_of_field(name).ignores_case())
    }

    /// Has a field compared without case with these texts, if they are written without escapes.
    fn change(&mut self, (name, position): (String, Position), texts: &[Expr]) {
        let mut script = self.changed.clone().unwrap_or_else(|| self.script.to_owned());
        let mut any = false;
        for text in texts {
            match text {
                Expr::StringConstant(value, position) => {
                    let Some(at) = offset(&script, *position).map(|at| at + 1) else { return };
                    let lower = value.to_ascii_lowercase();
                    let is_written = |text: &str| text.eq_ignore_ascii_case(value);
                    if !script.get(at..at + value.len()).is_some_and(is_written) {
                        return;
                    }
                    script.replace_range(at..at + value.len(), &lower);
                    any = true;
                }
                Expr::IntegerConstant(..) => {}
                _ => return,
            }
        }
        let Some(at) = offset(&script, position).filter(|_| any) else { return };
        if script.get(at..at + name.len()) == Some(&name) {
            script.replace_range(at..at + name.len(), &without_case(&name));
            self.changed = Some(script);
        }
    }
}

/// Where a position is, in bytes.
fn offset(script: &str, position: Position) -> Option<usize> {
    let (line, column) = (position.line()?, position.position()?);
    let start = match line.checked_sub(2) {
        Some(breaks) => script.match_indices('\n').nth(breaks)?.0 + 1,
        None => 0,
    };
    let (at, _) = script.get(start..)?.char_indices().nth(column.checked_sub(1)?)?;
    Some(start + at)
}
