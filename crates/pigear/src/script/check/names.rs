//! Unknown names, and which were meant.

use std::collections::{BTreeSet, HashMap};

use rhai::{AST, Engine, FnCallExpr};

use crate::script::fields::Field;
use crate::script::functions::FUNCTIONS;
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

/// The names of functions, with how many arguments they take.
pub(in crate::script) struct Functions(HashMap<String, BTreeSet<usize>>);

impl Functions {
    /// Those of an engine.
    pub(in crate::script) fn of(engine: &Engine) -> Self {
        let mut found = HashMap::new();
        for (name, arguments) in signatures(engine) {
            found.entry(name).or_insert_with(BTreeSet::new).insert(arguments);
        }
        Self(found)
    }
}

/// The names of all functions, the engine's and those of the script, with how many arguments they take.
pub(super) struct Names<'a> {
    engines: &'a HashMap<String, BTreeSet<usize>>,
    scripts: HashMap<String, BTreeSet<usize>>,
}

impl<'a> Names<'a> {
    pub(super) fn of(Functions(engines): &'a Functions, ast: &AST) -> Self {
        let mut scripts = HashMap::new();
        for own in ast.iter_functions() {
            scripts
                .entry(own.name.to_owned())
                .or_insert_with(BTreeSet::new)
                .insert(own.params.len());
        }
        Self { engines, scripts }
    }

    /// That a function is called with a number of arguments that it never takes. A method's first argument is
    /// what is before the dot, except for functions of the script, where that is `this`.
    pub(super) fn wrong_count(&self, call: &FnCallExpr, is_method: bool) -> Option<String> {
        let (name, given) = (call.name.as_str(), call.args.len());
        let before = usize::from(is_method);
        if call.op_token.is_some() || BUILT_IN.contains(&name) {
            return None;
        }
        let takes: BTreeSet<usize> = self
            .engines
            .get(name)
            .into_iter()
            .flatten()
            .filter_map(|count| count.checked_sub(before))
            .chain(self.scripts.get(name).into_iter().flatten().copied())
            .collect();
        let (least, most) = (takes.first()?, takes.last()?);
        if takes.contains(&given) {
            return None;
        }
        let right = match (least, most) {
            (0, 0) => "no arguments".to_owned(),
            (1, 1) => "1 argument".to_owned(),
            (least, most) if least == most => format!("{least} arguments"),
            (least, most) => format!("{least} to {most} arguments"),
        };
        let example = FUNCTIONS.iter().find(|function| function.name == name && !is_method);
        let example = example.map_or_else(String::new, |it| format!("; write {}", it.call));
        Some(format!("`{name}` takes {right}, not {given}{example}"))
    }

    /// That a function is unknown.
    pub(super) fn unknown(&self, call: &FnCallExpr) -> Option<String> {
        let name = call.name.as_str();
        let is_operator = call.op_token.is_some();
        if is_operator || self.knows(name) || BUILT_IN.contains(&name) {
            return None;
        }
        if name.eq_ignore_ascii_case("not") {
            return Some(format!("write !(…) instead of `{name}`"));
        }
        let elsewhere = ELSEWHERE.iter().find(|(theirs, _)| theirs.eq_ignore_ascii_case(name));
        let named = |known: &&str| known.starts_with(|letter: char| letter.is_ascii_lowercase());
        let all = self.engines.keys().chain(self.scripts.keys());
        let mut known: Vec<&str> = all.map(String::as_str).filter(named).collect();
        known.sort_unstable();
        let meant = elsewhere.map(|(_, ours)| *ours).or_else(|| nearest(name, known));
        Some(format!("unknown function `{name}`{}", did_you_mean(meant)))
    }

    fn knows(&self, name: &str) -> bool {
        self.engines.contains_key(name) || self.scripts.contains_key(name)
    }
}

/// The names of the engine's functions.
#[cfg(test)]
pub(in crate::script) fn names(engine: &Engine) -> impl Iterator<Item = String> {
    signatures(engine).map(|(name, _)| name)
}

/// The names of the engine's functions, each with a number of arguments that it takes.
fn signatures(engine: &Engine) -> impl Iterator<Item = (String, usize)> {
    engine.gen_fn_signatures(true).into_iter().filter_map(|signature| {
        let (name, rest) = signature.split_once('(')?;
        Some((name.trim().to_owned(), parameters(rest)))
    })
}

/// How many parameters are before the closing bracket.
fn parameters(signature: &str) -> usize {
    let (mut depth, mut commas, mut is_empty) = (0_usize, 0, true);
    for letter in signature.replace("->", "").chars() {
        match letter {
            ')' if depth == 0 => break,
            '(' | '<' | '[' => depth += 1,
            ')' | '>' | ']' => depth = depth.saturating_sub(1),
            ',' if depth == 0 => commas += 1,
            _ => {}
        }
        is_empty &= letter.is_whitespace();
    }
    if is_empty { 0 } else { commas + 1 }
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

/// That a map doesn't have this key.
pub(super) fn no_key(of: &str, keys: &[&str], name: &str) -> Option<String> {
    if keys.contains(&name) {
        return None;
    }
    Some(match nearest(name, keys.iter().copied()) {
        Some(meant) => format!("{of} has no field `{name}`{}", did_you_mean(Some(meant))),
        None => format!("{of} has no field `{name}`; it has {}", keys.join(", ")),
    })
}

fn did_you_mean(name: Option<&str>) -> String {
    name.map_or_else(String::new, |name| format!("; did you mean `{name}`?"))
}
