//! What values a key may have, found by asking the program which it takes.

use serde_json::{Map, Value as Json, json};
use toml::{Table, Value};

/// What the program says to a value of a key.
pub(super) type Verdict<'a> = &'a dyn Fn(Value) -> Result<(), String>;

/// A text that means nothing to any key.
const NONSENSE: &str = "nul nul";

/// Where types of numbers end.
const MOST: [i64; 4] = [255, 0o777, 65_535, 4_294_967_295];

/// Texts with digits, of which a key may take any like it.
const QUANTITIES: [&str; 6] = ["10s", "10MB", "127.0.0.1:9187", "1d,10MB", "60/1m", "::1"];

/// Adds to a property what values its key takes. `about` may name some.
pub(super) fn describe(
    property: &mut Map<String, Json>,
    about: &str,
    sample: Option<&Value>,
    verdict: Verdict<'_>,
) {
    let takes = |value: Value| verdict(value).is_ok();
    let mut types = Vec::new();
    let truths = [true, false].into_iter().filter(|truth| takes((*truth).into()));
    let mut listed: Vec<Json> = truths.map(Json::from).collect();
    if !listed.is_empty() {
        types.push("boolean");
    }
    let texts = texts(about, sample, verdict);
    match &texts {
        Texts::None => {}
        Texts::Any | Texts::Some => types.push("string"),
        Texts::Words(words) => {
            types.push("string");
            listed.extend(words.iter().map(|word| json!(word)));
            let numbers = words.iter().filter_map(|word| word.parse::<i64>().ok());
            listed.extend(numbers.filter(|number| takes((*number).into())).map(Json::from));
        }
        Texts::Like(pattern) => {
            types.push("string");
            property.insert("pattern".to_owned(), json!(pattern));
        }
    }
    if texts == Texts::Any && !takes("".into()) {
        property.insert("minLength".to_owned(), json!(1));
    }
    let least = [-1, 0, 1].into_iter().find(|number| takes((*number).into()));
    let above = || least_up_to(sample?.as_integer()?, &takes);
    if let Some(least) = least.or_else(|| if listed.is_empty() { above() } else { None }) {
        types.push(if takes(1.5.into()) { "number" } else { "integer" });
        if least == 1 && takes(0.5.into()) {
            property.insert("exclusiveMinimum".to_owned(), json!(0));
        } else if least >= 0 {
            property.insert("minimum".to_owned(), json!(least));
        }
        let is_end = |most: &i64| takes((*most).into()) && !takes((*most + 1).into());
        if let Some(most) = MOST.into_iter().find(is_end) {
            property.insert("maximum".to_owned(), json!(most));
        }
    } else if listed.iter().any(Json::is_i64) {
        types.push("integer");
    }
    let several = ["x", "10s"].into_iter().find(|text| takes(vec![*text].into()));
    if several.is_some() {
        types.push("array");
        property.insert("items".to_owned(), json!({"type": "string"}));
    }
    let table = |value: &str| Table::from_iter([("x".to_owned(), value.into())]);
    if takes(table("y").into()) {
        types.push("object");
    }
    let kinds = match *types {
        [] => return,
        [one] => json!(one),
        ref several => json!(several),
    };
    property.insert("type".to_owned(), kinds);
    if let Texts::Words(words) = &texts {
        let is_all = several.is_none() && !types.contains(&"number");
        if is_all && !property.contains_key("minimum") {
            property.insert("enum".to_owned(), json!(listed));
        } else {
            property.insert("pattern".to_owned(), json!(one_of(words)));
        }
    }
}

/// The least number that a key takes, where it takes a larger one.
fn least_up_to(most: i64, takes: &dyn Fn(Value) -> bool) -> Option<i64> {
    if !takes(most.into()) {
        return None;
    }
    let (mut refused, mut taken) = (1, most);
    while taken - refused > 1 {
        let between = i64::midpoint(refused, taken);
        if takes(between.into()) {
            taken = between;
        } else {
            refused = between;
        }
    }
    Some(taken)
}

/// Which texts a key takes.
#[derive(PartialEq, Eq)]
enum Texts {
    None,
    Any,
    /// No others than these.
    Words(Vec<String>),
    Like(String),
    /// Which ones can't be said.
    Some,
}

fn texts(about: &str, sample: Option<&Value>, verdict: Verdict<'_>) -> Texts {
    let takes = |text: &str| verdict(text.into()).is_ok();
    let Err(problem) = verdict(NONSENSE.into()) else { return Texts::Any };
    // A name, or a list of words.
    if takes("nul") || takes("nul.nul") {
        return Texts::Some;
    }
    // What it takes is said with the error, or in the description.
    let is_of_word = |letter: char| letter.is_ascii_alphanumeric() || "_-.".contains(letter);
    let said = problem.split(|letter| !is_of_word(letter));
    let described = about.split(|letter| !is_of_word(letter));
    let mut words: Vec<String> = Vec::new();
    for word in said.chain(described).chain(["yes", "no"]) {
        let word = word.trim_matches('.');
        if !word.is_empty() && takes(word) && !words.iter().any(|it| it == word) {
            words.push(word.to_owned());
        }
    }
    let has_digit = |word: &String| word.bytes().any(|byte| byte.is_ascii_digit());
    if QUANTITIES.iter().any(|text| takes(text)) {
        words.retain(|word| !has_digit(word));
        let digits = "[0-9]".to_owned();
        return Texts::Like(if words.is_empty() {
            digits
        } else {
            format!("{}|{digits}", one_of(&words))
        });
    }
    let written = sample.map(in_toml).unwrap_or_default();
    let is_number = written.parse::<i64>().is_ok() && words.len() < 2;
    if takes("7") || is_number && takes(&written) {
        words.retain(|word| !has_digit(word));
        words.push(if takes("0o640") { "(0o)?[0-9]+" } else { "[0-9]+" }.to_owned());
        return Texts::Like(one_of(&words));
    }
    let is_list =
        words.len() > 1 && takes(&words.iter().take(2).cloned().collect::<Vec<_>>().join(","));
    match words.len() {
        _ if is_list => Texts::Some,
        0 if sample.is_some_and(|sample| !sample.is_str()) => Texts::None,
        0 | 1 => Texts::Some,
        _ => Texts::Words(words),
    }
}

fn one_of(words: &[String]) -> String {
    format!("^({})$", words.join("|"))
}

/// A value as it stands in a file.
pub(super) fn in_toml(value: &Value) -> String {
    match value {
        Value::String(text) => json!(text).to_string(),
        Value::Array(values) => {
            format!("[{}]", values.iter().map(in_toml).collect::<Vec<_>>().join(", "))
        }
        Value::Table(table) => {
            let entries = table.iter().map(|(key, value)| format!("{key} = {}", in_toml(value)));
            format!("{{ {} }}", entries.collect::<Vec<_>>().join(", "))
        }
        Value::Integer(number) => number.to_string(),
        Value::Float(number) => number.to_string(),
        Value::Boolean(truth) => truth.to_string(),
        Value::Datetime(time) => time.to_string(),
    }
}
