use std::sync::Arc;

use pigear_alert::Alert;
use pigear_pipeline::FilterError;
use rhai::{AST, Dynamic, Engine, OptimizationLevel, Position, Scope};

use super::check::check;
use super::engine::engine;
use super::fields::{AlertFields, SnortMessage};
use super::problem::{ScriptProblem, said_of_running, type_name};

/// A script that decides whether an alert passes.
pub struct Filter {
    engine: Engine,
    ast: AST,
    scope: Scope<'static>,
}

/// A filter could not decide whether an alert passes.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct FilterFailure(String);

impl Filter {
    /// Compiles a script, usually an expression such as `msg.priority <= 2`.
    ///
    /// # Errors
    /// If the script is invalid: its syntax, or an unknown variable, field, function or network. Type errors
    /// are found only when it runs.
    pub fn compile(script: &str) -> Result<Self, ScriptProblem> {
        let mut engine = engine();
        engine.set_strict_variables(true);
        let mut scope = Scope::new();
        // Only that a variable of this name exists matters here.
        scope.push("msg", ()).push("alert", ());
        // Optimizing removes unused code, which must be checked too.
        engine.set_optimization_level(OptimizationLevel::None);
        let ast = engine
            .compile_with_scope(&scope, script)
            .map_err(|error| ScriptProblem::of_compiling(&error, script))?;
        if ast.statements().is_empty() {
            return Err(ScriptProblem::new("a filter needs an expression", script, Position::NONE));
        }
        check(&engine, &ast, script)?;
        let ast = engine.optimize_ast(&scope, ast, OptimizationLevel::Simple);
        Ok(Self { engine, ast, scope })
    }

    /// Whether an alert passes.
    ///
    /// # Errors
    /// If the script fails, or its value is neither true nor false.
    pub fn passes(&mut self, alert: &Arc<Alert>) -> Result<bool, FilterFailure> {
        self.scope.clear();
        self.scope
            .push("msg", SnortMessage(Arc::clone(alert)))
            .push("alert", AlertFields(Arc::clone(alert)));
        let value: Dynamic = self
            .engine
            .eval_ast_with_scope(&mut self.scope, &self.ast)
            .map_err(|error| FilterFailure(said_of_running(&error)))?;
        value.as_bool().map_err(|other| {
            let other = type_name(self.engine.map_type_name(other));
            FilterFailure(format!("its value is neither true nor false, but {other}"))
        })
    }
}

impl pigear_pipeline::Filter for Filter {
    fn passes(&mut self, alert: &Arc<Alert>) -> Result<bool, FilterError> {
        Self::passes(self, alert).map_err(FilterError::new)
    }
}
