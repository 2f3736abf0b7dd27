use std::sync::Arc;

use pigear_alert::Alert;
use pigear_pipeline::FilterError;
use rhai::{AST, Dynamic, Engine, OptimizationLevel, Position, Scope};

use super::check::{check, classes};
use super::engine::engine;
use super::fields::{AlertFields, SnortMessage};
use super::problem::{ScriptProblem, said_of_running, type_name};
use super::unknown::{self, Parts};

/// A script that decides whether an alert passes.
pub struct Filter {
    engine: Engine,
    ast: AST,
    parts: Parts,
    classes: Vec<String>,
    scope: Scope<'static>,
    advice: Advice,
    unknown: Option<String>,
}

/// What to do about fields that aren't known.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Advice {
    /// Have alerts completed from Snort's log.
    #[default]
    Complete,
    /// Nothing: they are completed, or read from the log.
    Nothing,
}

/// A filter could not decide whether an alert passes.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct FilterFailure(String);

impl Filter {
    /// Compiles a script, usually an expression such as `msg.priority <= 2`.
    ///
    /// # Errors
    /// If the script is invalid: its syntax, an unknown variable, field, function or network, or a comparison
    /// that fails or is never true. Other type errors are found only when it runs.
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
        let (parts, classes) = (Parts::of(&ast), classes(&ast));
        let ast = engine.optimize_ast(&scope, ast, OptimizationLevel::Simple);
        Ok(Self { engine, ast, parts, classes, scope, advice: Advice::default(), unknown: None })
    }

    /// The classes that it compares an alert's class with.
    #[must_use]
    pub fn classes(&self) -> &[String] {
        &self.classes
    }

    /// Says what to do about fields that aren't known.
    #[must_use]
    pub fn advising(mut self, advice: Advice) -> Self {
        self.advice = advice;
        self
    }

    /// Whether an alert passes.
    ///
    /// # Errors
    /// If the script fails, or its value is neither true nor false.
    pub fn passes(&mut self, alert: &Arc<Alert>) -> Result<bool, FilterFailure> {
        look_at(&mut self.scope, alert);
        self.unknown = None;
        unknown::take();
        let value: Dynamic = self
            .engine
            .eval_ast_with_scope(&mut self.scope, &self.ast)
            .map_err(|error| FilterFailure(said_of_running(&error)))?;
        let passes = value.as_bool().map_err(|other| {
            let other = type_name(self.engine.map_type_name(other));
            FilterFailure(format!("its value is neither true nor false, but {other}"))
        })?;
        if !passes && unknown::take().is_some() {
            self.unknown = self.undecided(alert);
        }
        Ok(passes)
    }

    /// Whether the last alert was left out only because a field wasn't known: which, and what to do.
    #[must_use]
    pub fn unknown(&self) -> Option<&str> {
        self.unknown.as_deref()
    }

    fn undecided(&mut self, alert: &Arc<Alert>) -> Option<String> {
        let Self { engine, parts, scope, .. } = self;
        let (of, field) = parts.undecided(&mut |part| {
            look_at(scope, alert);
            // A part that fails lets the alert through, as does a whole filter.
            let value = engine.eval_ast_with_scope::<Dynamic>(scope, part);
            value.ok().is_none_or(|value| value.as_bool().unwrap_or(true))
        })?;
        let advice = match self.advice {
            Advice::Complete => "; --complete-from adds it from Snort's log",
            Advice::Nothing => "",
        };
        Some(format!("{of}.{field} is not known{advice}"))
    }
}

fn look_at(scope: &mut Scope<'static>, alert: &Arc<Alert>) {
    scope.clear();
    scope
        .push("msg", SnortMessage(Arc::clone(alert)))
        .push("alert", AlertFields(Arc::clone(alert)));
}

impl pigear_pipeline::Filter for Filter {
    fn passes(&mut self, alert: &Arc<Alert>) -> Result<bool, FilterError> {
        Self::passes(self, alert).map_err(FilterError::new)
    }

    fn unknown(&self) -> Option<&str> {
        Self::unknown(self)
    }
}
