//! Unknown names, and which were meant.

use std::collections::HashSet;

use rhai::{AST, Engine, FnCallExpr};

use crate::script::fields::Field;
use crate::similar::nearest;

/// Called like functions, but part of the language.
const BUILT_IN: [&str; 9] =
    ["Fn", "call", "curry", "debug", "is_def_fn", "is_def_var", "is_shared", "print", "type_of"];

/// What other languages call a function.
const ELSEWHERE: [(&str, &str); 9] = [
    ("includes", "contains"),
    ("has", "contains"),
    ("startswith", "starts_with"),
    ("endswith", "ends_with"),
    ("lower", "to_lower"),
    ("upper", "to_upper"),
    ("length", "len"),
    ("size", "len"),
    ("cidr", "ip_in"),
];

/// The names of all functions: the engine's, and those of the script.
pub(super) struct Names(HashSet<String>);

impl Names {
    pub(super) fn of(engine: &Engine, ast: &AST) -> Self {
        let own = ast.iter_functions().map(|function| function.name.to_owned());
        Self(names(engine).chain(own).collect())
    }

    /// That a function is unknown.
    pub(super) fn unknown(&self, call: &FnCallExpr) -> Option<String> {
        let name = call.name.as_str();
        let is_operator = call.op_token.is_some();
        if is_operator || self.0.contains(name) || BUILT_IN.contains(&name) {
            return None;
        }
        if name.eq_ignore_ascii_case("not") {
            return Some(format!("write !(…) instead of `{name}`"));
        }
        let elsewhere = ELSEWHERE.iter().find(|(theirs, _)| theirs.eq_ignore_ascii_case(name));
        let named = |known: &&str| known.starts_with(|letter: char| letter.is_ascii_lowercase());
        let mut known: Vec<&str> = self.0.iter().map(String::as_str).filter(named).collect();
        known.sort_unstable();
        let meant = elsewhere.map(|(_, ours)| *ours).or_else(|| nearest(name, known));
        Some(format!("unknown function `{name}`{}", did_you_mean(meant)))
    }
}

/// The names of the engine's functions.
pub(in crate::script) fn names(engine: &Engine) -> impl Iterator<Item = String> {
    let signatures = engine.gen_fn_signatures(true).into_iter();
    signatures.filter_map(|signature| Some(signature.split_once('(')?.0.trim().to_owned()))
}

/// That a field is unknown. All are listed where none is near.
pub(super) fn no_field(of: &str, fields: &[Field], name: &str) -> Option<String> {
    if fields.iter().any(|field| field.name == name) {
        return None;
    }
    let has = || fields.iter().map(|field| field.name);
    if let Some(meant) = nearest(name, has()) {
        return Some(format!("{of} has no field `{name}`{}", did_you_mean(Some(meant))));
    }
    if let Some(meant) = crate::script::hint::field_elsewhere(name).filter(|it| *it != of) {
        return Some(format!("{of} has no field `{name}`; did you mean `{meant}`?"));
    }
    Some(format!("{of} has no field `{name}`; it has {}", has().collect::<Vec<_>>().join(", ")))
}

fn did_you_mean(name: Option<&str>) -> String {
    name.map_or_else(String::new, |name| format!("; did you mean `{name}`?"))
}
