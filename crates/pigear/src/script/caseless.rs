//! Texts that are compared without case: those of fields such as `alert.proto`.
//!
//! They have a type of their own, which they keep in variables, lists and arguments. A comparison in which one
//! takes part is without case. What any other function makes of it is an ordinary text.

use std::any::TypeId;
use std::borrow::Cow;

use rhai::{Dynamic, Engine, EvalAltResult, ImmutableString, Map, NativeCallContext};

/// A text that is compared without case.
#[derive(Clone, Debug)]
pub(crate) struct Word(pub(crate) Cow<'static, str>);

/// What is asked of two texts.
type Question = fn(&str, &str) -> bool;

/// The operators and functions that are without case.
const QUESTIONS: [(&str, Question); 9] = [
    ("==", |one, other| one.eq_ignore_ascii_case(other)),
    ("!=", |one, other| !one.eq_ignore_ascii_case(other)),
    ("<", |one, other| lower(one) < lower(other)),
    ("<=", |one, other| lower(one) <= lower(other)),
    (">", |one, other| lower(one) > lower(other)),
    (">=", |one, other| lower(one) >= lower(other)),
    // Also `in`.
    ("contains", |whole, part| lower(whole).contains(&lower(part))),
    ("starts_with", |whole, part| lower(whole).starts_with(&lower(part))),
    ("ends_with", |whole, part| lower(whole).ends_with(&lower(part))),
];

/// Functions of texts, which get an ordinary text instead, with the least and the most arguments besides it;
/// `get$` begins the name of a property.
const OF_TEXTS: [(&[&str], usize, usize); 8] = [
    (
        &["get$bytes", "get$chars", "get$is_empty", "get$len", "bytes", "is_empty", "len", "clear"],
        0,
        0,
    ),
    (&["text", "to_blob", "to_chars", "to_debug", "to_string", "trim"], 0, 0),
    (&["make_lower", "make_upper", "parse_float", "to_lower", "to_upper"], 0, 0),
    (&["parse_int", "pop"], 0, 1),
    (&["chars", "split"], 0, 2),
    (&["+", "append", "get", "max", "min", "remove", "truncate"], 1, 1),
    (&["crop", "index_of", "split_rev", "sub_string"], 1, 2),
    (&["pad", "replace", "set"], 2, 2),
];

/// How deep ordinary texts are looked for in lists and maps that become JSON.
const MAX_DEPTH: usize = 32;

/// Registers these texts with an engine.
pub(super) fn register(engine: &mut Engine) {
    engine.register_type_with_name::<Word>("word");
    let (word, text, letter) =
        (TypeId::of::<Word>(), TypeId::of::<ImmutableString>(), TypeId::of::<char>());
    for (name, question) in QUESTIONS {
        for types in [[word, word], [word, text], [text, word], [word, letter], [letter, word]] {
            engine.register_raw_fn(name, types, move |_, operands| {
                let [one, other] = operands else { return Err("two operands".into()) };
                Ok(with_text(one, |one| with_text(other, |other| question(one, other))))
            });
        }
    }
    for (names, least, most) in OF_TEXTS {
        for (name, arguments) in
            names.iter().flat_map(|name| (least..=most).map(move |n| (name, n)))
        {
            let types = std::iter::once(word).chain([TypeId::of::<Dynamic>()].repeat(arguments));
            engine.register_raw_fn(*name, types.collect::<Vec<_>>(), |context, arguments| {
                as_text(&context, arguments)
            });
        }
    }
    let any = TypeId::of::<Dynamic>();
    engine.register_raw_fn("+", [any, word], |context, operands| as_text(&context, operands));
    for name in ["index_of", "remove", "split", "max", "min"] {
        engine
            .register_raw_fn(name, [text, word], |context, arguments| as_text(&context, arguments));
    }
    engine
        .register_fn("print", |word: Word| word.0.to_string())
        .register_fn("debug", |word: Word| format!("{:?}", word.0))
        .register_fn("to_json", |map: &mut Map| {
            rhai::format_map_as_json(&plain_map(map, MAX_DEPTH))
        })
        .register_fn("contains", |_: Word, (): ()| false)
        .register_fn("contains", |map: &mut Map, key: Word| map.contains_key(&*key.0))
        .register_indexer_get(|word: &mut Word, at: i64| letter_at(&word.0, at));
}

/// Calls a function with ordinary texts. One that changes the text leaves an ordinary one.
fn as_text(
    context: &NativeCallContext<'_>,
    arguments: &mut [&mut Dynamic],
) -> Result<Dynamic, Box<EvalAltResult>> {
    let mut values: Vec<Dynamic> = arguments.iter().map(|value| plain(value)).collect();
    let mut texts: Vec<&mut Dynamic> = values.iter_mut().collect();
    let result = context.call_native_fn_raw(context.fn_name(), true, &mut texts)?;
    if let (Some(first), Some(text)) = (arguments.first_mut(), values.into_iter().next())
        && !with_text(first, |before| with_text(&text, |after| before == after))
    {
        **first = text;
    }
    Ok(result)
}

/// An ordinary text instead of one that is compared without case.
pub(super) fn plain(value: &Dynamic) -> Dynamic {
    value.read_lock::<Word>().map_or_else(|| value.clone(), |word| (*word.0).into())
}

fn plain_map(map: &Map, depth: usize) -> Map {
    map.iter().map(|(name, value)| (name.clone(), plain_within(value, depth))).collect()
}

/// Ordinary texts, also within lists and maps.
fn plain_within(value: &Dynamic, depth: usize) -> Dynamic {
    let Some(depth) = depth.checked_sub(1) else { return value.clone() };
    if let Ok(map) = value.as_map_ref() {
        Dynamic::from_map(plain_map(&map, depth))
    } else if let Ok(list) = value.as_array_ref() {
        Dynamic::from_array(list.iter().map(|value| plain_within(value, depth)).collect())
    } else {
        plain(value)
    }
}

/// Asks something of a text of either kind, or of a letter as a text.
fn with_text<R>(value: &Dynamic, ask: impl FnOnce(&str) -> R) -> R {
    if let Some(word) = value.read_lock::<Word>() {
        ask(&word.0)
    } else if let Some(text) = value.read_lock::<ImmutableString>() {
        ask(&text)
    } else {
        ask(&value.to_string())
    }
}

fn letter_at(text: &str, at: i64) -> Result<char, Box<EvalAltResult>> {
    let count = text.chars().count();
    let from_start = usize::try_from(at).ok();
    let at_char =
        from_start.or_else(|| count.checked_sub(usize::try_from(at.unsigned_abs()).ok()?));
    let error = || EvalAltResult::ErrorStringBounds(count, at, rhai::Position::NONE).into();
    at_char.and_then(|at| text.chars().nth(at)).ok_or_else(error)
}

fn lower(text: &str) -> String {
    text.to_ascii_lowercase()
}
