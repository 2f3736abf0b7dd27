use std::sync::{Arc, LazyLock};

use pigear_alert::Alert;
use pigear_pipeline::FilterError;
use rhai::{AST, Dynamic, Engine, EvalAltResult, OptimizationLevel, Position, Scope};

use super::check::{Functions, check, classes};
use super::engine::engine;
use super::fields::{AlertFields, SnortMessage};
use super::native::Native;
use super::problem::{ScriptProblem, said_of_running, type_name};
use super::run_time;
use super::unknown::{self, Parts, UnknownField};

/// The engine of all filters: it has some thousand functions, which take half a megabyte and milliseconds to register.
static ENGINE: LazyLock<Engine> = LazyLock::new(|| {
    let mut engine = engine();
    engine.set_strict_variables(true);
    // Optimizing removes unused code, which must be checked too.
    engine.set_optimization_level(OptimizationLevel::None);
    engine.on_progress(run_time::check);
    engine
});

/// What is known of its functions.
static FUNCTIONS: LazyLock<Functions> = LazyLock::new(|| Functions::of(&ENGINE));

/// A script that decides whether an alert passes.
pub struct Filter {
    ast: AST,
    parts: Parts,
    /// The condition, if it needs no engine.
    native: Option<Native>,
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
        let mut scope = Scope::new();
        // Only that a variable of this name exists matters here.
        scope.push("msg", ()).push("alert", ());
        let ast = ENGINE
            .compile_with_scope(&scope, script)
            .map_err(|error| ScriptProblem::of_compiling(&error, script))?;
        if ast.statements().is_empty() {
            return Err(ScriptProblem::new("a filter needs an expression", script, Position::NONE));
        }
        check(&FUNCTIONS, &ast, script)?;
        let (parts, native, classes) = (Parts::of(&ast), Native::of(&ast), classes(&ast));
        let ast = ENGINE.optimize_ast(&scope, ast, OptimizationLevel::Simple);
        let (advice, unknown) = (Advice::default(), None);
        Ok(Self { ast, parts, native, classes, scope, advice, unknown })
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

    /// Has the engine run the script even if it could run natively, for tests and measurements.
    #[doc(hidden)]
    #[must_use]
    pub fn by_engine(mut self) -> Self {
        self.native = None;
        self
    }

    /// Whether an alert passes, if that needs no engine.
    pub(crate) fn passes_natively(&self, alert: &Alert) -> Option<bool> {
        let native = self.native.as_ref()?;
        native.can_take(alert).then(|| native.passes(alert))
    }

    /// The condition as searches use it, if it needs no engine.
    #[cfg(feature = "store")]
    pub(crate) fn native_condition(&self) -> Option<crate::store::NativeCondition> {
        self.native.as_ref().map(Native::for_searches)
    }

    /// Whether an alert passes.
    ///
    /// # Errors
    /// If the script fails, or its value is neither true nor false.
    pub fn passes(&mut self, alert: &Arc<Alert>) -> Result<bool, FilterFailure> {
        self.unknown = None;
        if let Some(passes) = self.passes_natively(alert) {
            if !passes && let Some(native) = &self.native {
                self.unknown = native.undecided(alert).map(|field| self.said(field));
            }
            return Ok(passes);
        }
        look_at(&mut self.scope, alert);
        unknown::take();
        let value: Dynamic = run(&mut self.scope, &self.ast)
            .map_err(|error| FilterFailure(said_of_running(&error)))?;
        let passes = value.as_bool().map_err(|other| {
            let other = type_name(ENGINE.map_type_name(other));
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
        let Self { parts, scope, .. } = self;
        let field = parts.undecided(&mut |part| {
            look_at(scope, alert);
            // A part that fails lets the alert through, as does a whole filter.
            let value = run(scope, part);
            value.ok().is_none_or(|value| value.as_bool().unwrap_or(true))
        })?;
        Some(self.said(field))
    }

    fn said(&self, (of, field): UnknownField) -> String {
        let advice = match self.advice {
            Advice::Complete => "; --complete-from adds it from Snort's log",
            Advice::Nothing => "",
        };
        format!("{of}.{field} is not known{advice}")
    }
}

fn run(scope: &mut Scope<'static>, script: &AST) -> Result<Dynamic, Box<EvalAltResult>> {
    run_time::start();
    ENGINE.eval_ast_with_scope(scope, script)
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
