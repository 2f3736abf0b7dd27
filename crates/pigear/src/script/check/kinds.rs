//! The kinds of a script's expressions, as far as they are known before it runs.

use std::collections::{HashMap, HashSet};

use rhai::{AST, ASTFlags, ASTNode, Expr, FnCallExpr, FnPtr, Stmt};

use crate::script::fields::{ALERT, Field, MSG};
use crate::script::kind::Kind;

/// How often the kinds of variables are derived from those of others.
const PASSES: usize = 3;

/// The kinds of a script's variables. Where one name has several, in different places, it has what is common to
/// these.
#[derive(Default)]
pub(crate) struct Kinds {
    variables: HashMap<String, Kind>,
}

/// Calls a function for each link of a chain: with the kind of what is before it.
pub(crate) type Visit<'a> = &'a mut dyn FnMut(Kind, &Expr);

impl Kinds {
    pub(crate) fn of_script(ast: &AST) -> Self {
        let mut kinds = Self::default();
        for _ in 0..PASSES {
            let mut found =
                Found { known: &kinds, ast, next: HashMap::new(), given: HashSet::new() };
            ast.walk(&mut |path| {
                if let Some(node) = path.last() {
                    found.look_at(node);
                }
                true
            });
            found.unknown_parameters();
            kinds = Self { variables: found.next };
        }
        kinds
    }

    /// The kind of an expression.
    pub(crate) fn of(&self, expr: &Expr) -> Kind {
        match expr {
            Expr::BoolConstant(..) | Expr::And(..) | Expr::Or(..) => Kind::Truth,
            Expr::IntegerConstant(value, _) => Kind::Number { min: *value, max: *value },
            Expr::FloatConstant(..) => Kind::NUMBER,
            Expr::CharConstant(..) | Expr::StringConstant(..) | Expr::InterpolatedString(..) => {
                Kind::Text
            }
            Expr::Array(..) => Kind::List(&Kind::Any),
            Expr::Map(..) => Kind::Map,
            Expr::Variable(..) => self.of_variable(expr),
            Expr::Dot(pair, ..) => {
                let before = self.of(&pair.lhs);
                follow(before, &pair.rhs, &mut |_, _| {})
            }
            Expr::Index(pair, flags, _) if flags.intersects(ASTFlags::BREAK) => {
                self.of(&pair.lhs).element()
            }
            Expr::FnCall(call, _) => self.of_call(call),
            _ => Kind::Any,
        }
    }

    fn of_call(&self, call: &FnCallExpr) -> Kind {
        match (call.name.as_str(), call.args.len()) {
            ("==" | "!=" | "<" | "<=" | ">" | ">=" | "contains", 2) | ("!", 1) | ("ip_in", _) => {
                Kind::Truth
            }
            ("|" | "&" | "^", 2) => self.of(&call.args[0]).or(self.of(&call.args[1])),
            (".." | "..=", 2) => Kind::Range,
            ("text" | "hex" | "hexdump" | "format" | "layers", _) => Kind::Text,
            _ => Kind::Any,
        }
    }

    fn of_variable(&self, expr: &Expr) -> Kind {
        match (given(expr), expr) {
            (Some("msg"), _) => Kind::Message,
            (Some("alert"), _) => Kind::Alert,
            (Some("alerts"), _) => Kind::List(&Kind::Alert),
            (_, Expr::Variable(variable, ..)) => {
                self.variables.get(variable.1.as_str()).copied().unwrap_or(Kind::Any)
            }
            _ => Kind::Any,
        }
    }
}

/// Follows a chain of fields, indexes and methods, and returns the kind of its last link.
pub(crate) fn follow(before: Kind, chain: &Expr, visit: Visit<'_>) -> Kind {
    match chain {
        Expr::Dot(pair, ..) => {
            let first = follow(before, &pair.lhs, visit);
            follow(first, &pair.rhs, visit)
        }
        Expr::Index(pair, flags, _) => {
            let of = follow(before, &pair.lhs, visit);
            if let index @ Expr::StringConstant(..) = first_of(&pair.rhs) {
                visit(of, index);
            }
            let element = of.element();
            match &pair.rhs {
                // It fails when it runs.
                Expr::FnCall(..) => Kind::Any,
                _ if flags.intersects(ASTFlags::BREAK) => element,
                // What is before the next link is the index.
                Expr::Dot(next, ..) => follow(element, &next.rhs, visit),
                _ => Kind::Any,
            }
        }
        link => {
            visit(before, link);
            after(before, link)
        }
    }
}

/// The first link of a chain.
fn first_of(chain: &Expr) -> &Expr {
    match chain {
        Expr::Dot(pair, ..) => &pair.lhs,
        link => link,
    }
}

/// The kind of a link, by the kind of what is before it.
fn after(before: Kind, link: &Expr) -> Kind {
    match link {
        Expr::Property(property, _) => field(before, &property.2).map_or(Kind::Any, |it| it.kind),
        Expr::MethodCall(call, _) => match call.name.as_str() {
            "contains" | "starts_with" | "ends_with" | "is_empty" | "ip_in" | "some" | "all" => {
                Kind::Truth
            }
            "len" => Kind::NUMBER,
            "to_string" | "to_upper" | "to_lower" | "text" | "hex" | "hexdump" => Kind::Text,
            "filter" if matches!(before, Kind::List(_)) => before,
            _ => Kind::Any,
        },
        _ => Kind::Any,
    }
}

/// The fields of `msg` or `alert`.
pub(super) fn fields(kind: Kind) -> Option<&'static [Field]> {
    match kind {
        Kind::Message => Some(MSG),
        Kind::Alert => Some(ALERT),
        _ => None,
    }
}

pub(super) fn field(of: Kind, name: &str) -> Option<&'static Field> {
    fields(of)?.iter().find(|field| field.name == name)
}

/// A variable's name, unless the script defined it.
pub(in crate::script) fn given(expr: &Expr) -> Option<&str> {
    match expr {
        Expr::Variable(variable, None, _) if variable.0.is_none() => Some(&variable.1),
        _ => None,
    }
}

/// The kinds of variables that one walk finds.
struct Found<'a> {
    known: &'a Kinds,
    ast: &'a AST,
    next: HashMap<String, Kind>,
    /// Parameters that a call gives a value, with their functions.
    given: HashSet<(String, String)>,
}

impl Found<'_> {
    fn look_at(&mut self, node: &ASTNode<'_>) {
        match node {
            ASTNode::Stmt(Stmt::Var(definition, ..)) => {
                let kind = self.known.of(&definition.1);
                self.add(&definition.0.name, kind);
            }
            ASTNode::Stmt(Stmt::Assignment(assignment)) => {
                if let Expr::Variable(variable, ..) = &assignment.1.lhs {
                    self.add(&variable.1, Kind::Any);
                }
            }
            ASTNode::Stmt(Stmt::For(parts, _)) => {
                let kind = self.known.of(&parts.2.expr).element();
                self.add(&parts.0.name, kind);
                if let Some(counter) = &parts.1 {
                    self.add(&counter.name, Kind::NUMBER);
                }
            }
            ASTNode::Stmt(Stmt::TryCatch(parts, _)) => {
                if let Expr::Variable(variable, ..) = &parts.expr {
                    self.add(&variable.1, Kind::Any);
                }
            }
            ASTNode::Stmt(Stmt::FnCall(call, _))
            | ASTNode::Expr(Expr::FnCall(call, _) | Expr::MethodCall(call, _)) => {
                self.arguments(call);
            }
            ASTNode::Expr(Expr::Dot(pair, ..)) => self.elements(pair),
            _ => {}
        }
    }

    /// A function's arguments have the kinds that calls give them, and captured variables their own.
    fn arguments(&mut self, call: &FnCallExpr) {
        let (name, given) = match call.args.first() {
            Some(Expr::DynamicConstant(function, _)) if call.name == "curry" => {
                let Some(name) = function_of(function) else { return };
                (name, &call.args[1..])
            }
            _ => (call.name.to_string(), &call.args[..]),
        };
        let kinds: Vec<Kind> = given.iter().map(|argument| self.known.of(argument)).collect();
        for (parameter, kind) in self.parameters(&name).into_iter().zip(kinds) {
            self.give(&name, parameter, kind);
        }
    }

    fn give(&mut self, function: &str, parameter: String, kind: Kind) {
        self.add(&parameter, kind);
        self.given.insert((function.to_owned(), parameter));
    }

    /// Parameters that no visible call gives a value may have any.
    fn unknown_parameters(&mut self) {
        for function in self.ast.iter_functions() {
            for parameter in &function.params {
                let of = (function.name.to_owned(), parameter.to_string());
                if !self.given.contains(&of) {
                    self.add(parameter, Kind::Any);
                }
            }
        }
    }

    /// The argument of an anonymous function is an element of the list whose method gets the function.
    fn elements(&mut self, pair: &rhai::BinaryExpr) {
        let mut calls = Vec::new();
        let before = self.known.of(&pair.lhs);
        follow(before, &pair.rhs, &mut |before, link| {
            if let Expr::MethodCall(call, _) = link
                && let Some(name) = call.args.first().and_then(anonymous)
            {
                calls.push((
                    name,
                    if per_element(&call.name) { before.element() } else { Kind::Any },
                ));
            }
        });
        for (name, kind) in calls {
            if let Some(parameter) = self.parameters(&name).pop() {
                self.give(&name, parameter, kind);
            }
        }
    }

    fn parameters(&self, function: &str) -> Vec<String> {
        let mut all = self.ast.iter_functions().filter(|known| known.name == function);
        all.next().map_or_else(Vec::new, |it| it.params.iter().map(ToString::to_string).collect())
    }

    fn add(&mut self, name: &str, kind: Kind) {
        let known = self.next.get(name).copied().unwrap_or(kind);
        self.next.insert(name.to_owned(), known.or(kind));
    }
}

/// Methods of lists that call a function with each element alone.
fn per_element(method: &str) -> bool {
    matches!(
        method,
        "some" | "all" | "filter" | "map" | "find" | "find_map" | "index_of" | "retain"
    )
}

/// The name of an anonymous function, with or without captured variables.
fn anonymous(expr: &Expr) -> Option<String> {
    match expr {
        Expr::DynamicConstant(function, _) => function_of(function),
        Expr::FnCall(call, _) if call.name == "curry" => anonymous(call.args.first()?),
        Expr::Stmt(block) => match block.statements().last()? {
            Stmt::Expr(expr) => anonymous(expr),
            Stmt::FnCall(call, _) if call.name == "curry" => anonymous(call.args.first()?),
            _ => None,
        },
        _ => None,
    }
}

fn function_of(value: &rhai::Dynamic) -> Option<String> {
    value.read_lock::<FnPtr>().map(|function| function.fn_name().to_owned())
}
