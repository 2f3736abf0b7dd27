//! Runs the user's input, and keeps its variables and functions.

use std::collections::HashSet;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use pigear_alert::Alert;
use pigear_pipeline::Deadline;
use rhai::{AST, Array, Blob, Dynamic, Engine, Expr, ImmutableString, Scope, Stmt};

use super::alerts::Alerts;
use super::tokens::is_name;
use super::{rule, show};
use crate::rules::SharedRules;
use crate::script::{AlertFields, ScriptProblem, SnortMessage, engine};

/// The most operations of one run: some ten seconds; Ctrl-C ends it earlier.
const MAX_OPERATIONS: u64 = 1_000_000_000;

/// How often a running script checks whether the program ends, in operations.
const CHECK_INTERVAL: u64 = 1_024;

/// The variables of each alert.
const ALERT_VARIABLES: [&str; 3] = ["msg", "alert", "alerts"];

/// Functions that return several lines which are safe to show.
const LINES: [&str; 4] = ["format", "hexdump", "layers", "rule"];

/// Runs the user's input, and keeps its variables and functions.
pub(super) struct Interpreter {
    engine: Engine,
    scope: Scope<'static>,
    functions: AST,
    current: Current,
    interrupted: Arc<AtomicBool>,
}

/// The current alert.
type Current = Arc<Mutex<Option<Arc<Alert>>>>;

impl Interpreter {
    pub(super) fn new(
        alerts: &Arc<Mutex<Alerts>>,
        interrupted: &Arc<AtomicBool>,
        rules: SharedRules,
        deadline: Deadline,
    ) -> Self {
        let mut engine = engine();
        let current = Current::default();
        engine.set_max_operations(MAX_OPERATIONS);
        engine.on_print(|text| show::print(&show::printed(text)));
        engine.on_debug(|text, _, _| show::print(&show::printed(text)));
        engine.register_fn("print", |bytes: &mut Blob| show::some_bytes(bytes));
        engine.register_fn("print", |list: &mut Array| {
            // Rhai passes a variable itself, which must keep its value.
            let list = Dynamic::from_array(list.clone());
            show::layers(&list).unwrap_or_else(|| list.to_string())
        });
        rule::register(&mut engine, rules);
        let flag = Arc::clone(interrupted);
        engine.on_progress(move |operations| {
            let looks = operations % CHECK_INTERVAL == 0;
            // The user waits, and one operation may take milliseconds.
            (flag.load(Ordering::Relaxed) || (looks && deadline.left().is_some()))
                .then_some(Dynamic::UNIT)
        });
        give_alerts(&mut engine, Arc::clone(&current), Arc::clone(alerts));
        Self {
            engine,
            scope: Scope::new(),
            functions: AST::empty(),
            current,
            interrupted: Arc::clone(interrupted),
        }
    }

    /// Sets the current alert, replacing a user's variable of the same name.
    pub(super) fn look_at(&mut self, alert: &Arc<Alert>) {
        for name in ALERT_VARIABLES {
            let _: Option<Dynamic> = self.scope.remove(name);
        }
        *lock(&self.current) = Some(Arc::clone(alert));
    }

    /// Runs a script, and returns the text to show.
    pub(super) fn run(&mut self, script: &str) -> Result<Option<String>, ScriptProblem> {
        self.interrupted.store(false, Ordering::Relaxed);
        let compiled = self.engine.compile_with_scope(&self.scope, script);
        let ast = compiled.map_err(|error| ScriptProblem::of_compiling(&error, script))?;
        let has_lines = last_call(&ast).is_some_and(|name| LINES.contains(&name));
        let whole = self.functions.merge(&ast);
        self.functions = whole.clone_functions_only();
        let result = self.engine.eval_ast_with_scope::<Dynamic>(&mut self.scope, &whole);
        self.forget_shadowed();
        let value = result.map_err(|error| ScriptProblem::of_running(&error, script))?;
        let lines = value.read_lock::<ImmutableString>().filter(|_| has_lines);
        Ok(match lines {
            Some(text) => Some(show::lines(&text)),
            None => show::value(&value),
        })
    }

    /// The variables that the user defined.
    pub(super) fn variables(&self) -> impl Iterator<Item = (&str, Dynamic)> {
        self.scope.iter().map(|(name, _, value)| (name, value))
    }

    /// The names of the functions that the user defined.
    pub(super) fn functions(&self) -> impl Iterator<Item = String> {
        let all = self.functions.iter_functions().map(|function| function.name);
        all.filter(|name| name.chars().all(is_name)).map(ToOwned::to_owned)
    }

    /// Removes shadowed variables: their number is limited.
    fn forget_shadowed(&mut self) {
        let mut names = HashSet::new();
        // Newest first, and not with `iter`: values that a closure shares with the script stay shared.
        let visible = self.scope.iter_raw().filter(|(name, ..)| names.insert(name.to_string()));
        let visible: Vec<_> = visible
            .map(|(name, constant, value)| (name.to_owned(), constant, value.clone()))
            .collect();
        self.scope.clear();
        for (name, constant, value) in visible.into_iter().rev() {
            if constant {
                self.scope.push_constant_dynamic(name, value);
            } else {
                self.scope.push_dynamic(name, value);
            }
        }
    }
}

/// Makes `msg`, `alert` and `alerts` available in scripts, also within functions, unless these have
/// variables of the same names.
#[expect(deprecated, reason = "it is not deprecated, but may change; the version is locked")]
fn give_alerts(engine: &mut Engine, current: Current, alerts: Arc<Mutex<Alerts>>) {
    engine.on_var(move |name, _, context| {
        if context.scope().contains(name) {
            return Ok(None);
        }
        let current = || lock(&current).clone();
        Ok(match name {
            "msg" => current().map(|alert| Dynamic::from(SnortMessage(alert))),
            "alert" => current().map(|alert| Dynamic::from(AlertFields(alert))),
            "alerts" => {
                let all = lock(&alerts).all();
                let all = all.into_iter().map(|alert| Dynamic::from(AlertFields(alert)));
                Some(Dynamic::from_array(all.collect()))
            }
            _ => None,
        })
    });
}

/// The function whose result is the script's.
fn last_call(ast: &AST) -> Option<&str> {
    match ast.statements().last()? {
        Stmt::FnCall(call, _) => Some(&call.name),
        Stmt::Expr(expr) => called(expr),
        _ => None,
    }
}

fn called(expr: &Expr) -> Option<&str> {
    match expr {
        Expr::FnCall(call, _) | Expr::MethodCall(call, _) => Some(&call.name),
        Expr::Dot(pair, ..) => called(&pair.rhs),
        _ => None,
    }
}

/// A panic may leave a value half changed, which is harmless here.
fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn interpreter() -> Interpreter {
        Interpreter::new(
            &Arc::default(),
            &Arc::default(),
            SharedRules::default(),
            Deadline::default(),
        )
    }

    fn shown(interpreter: &mut Interpreter, script: &str) -> String {
        interpreter.run(script).unwrap().unwrap_or_default()
    }

    #[test]
    fn an_interrupt_ends_a_script_with_its_next_operation() {
        let mut interpreter = interpreter();
        let interrupted = Arc::clone(&interpreter.interrupted);
        interpreter.engine.register_fn("interrupt", move || {
            interrupted.store(true, Ordering::Relaxed);
        });
        assert_eq!(interpreter.run("interrupt(); 20 + 3").unwrap_err().what(), "interrupted");
        assert_eq!(shown(&mut interpreter, "20 + 3"), "23");
    }

    #[test]
    fn a_closure_keeps_what_it_shares_with_later_lines() {
        let mut interpreter = interpreter();
        shown(&mut interpreter, "let seen = 0; let add = || { seen += 1 };");
        shown(&mut interpreter, "add.call();");
        assert_eq!(shown(&mut interpreter, "add.call(); seen"), "2");
    }

    #[test]
    fn functions_without_a_name_have_none() {
        let mut interpreter = interpreter();
        shown(&mut interpreter, "fn twice(n) { n * 2 } let f = |n| n + 1;");
        assert_eq!(interpreter.functions().collect::<Vec<_>>(), ["twice"]);
    }
}
