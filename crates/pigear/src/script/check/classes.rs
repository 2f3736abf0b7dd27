//! The classes that a script names.

use rhai::{AST, ASTNode, Expr};

use super::written::{shown, text};

/// The texts that a script compares with the alert's class.
pub(in crate::script) fn classes(ast: &AST) -> Vec<String> {
    let mut found = Vec::new();
    ast.walk(&mut |path| {
        if let Some(ASTNode::Expr(Expr::FnCall(call, _))) = path.last() {
            found.extend(compared(&call.name, &call.args).into_iter().map(str::to_owned));
        }
        true
    });
    found
}

fn compared<'a>(name: &str, operands: &'a [Expr]) -> Vec<&'a str> {
    let is_class = |expr: &Expr| shown(expr).as_deref() == Some("alert.class");
    match (name, operands) {
        ("==" | "!=", [one, other]) if is_class(one) => text(other).into_iter().collect(),
        ("==" | "!=", [one, other]) if is_class(other) => text(one).into_iter().collect(),
        ("contains", [Expr::Array(elements, _), item]) if is_class(item) => {
            elements.iter().filter_map(text).collect()
        }
        _ => Vec::new(),
    }
}
