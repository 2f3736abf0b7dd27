//! User-defined templates for the body and the URL.
//!
//! The language is Jinja. Every value is escaped for its context, by default the inside of a JSON string;
//! so a template has its own quotes: `{"text": "{{ msg }}"}`. Text that an attacker writes into a message
//! stays inside of them. The rendered text is parsed again before it is sent.

mod names;
mod value;

use std::collections::BTreeMap;
use std::path::Path;

use minijinja::syntax::SyntaxConfig;
use minijinja::value::{Serde, Value, ValueKind};
use minijinja::{AutoEscape, Environment, Error, ErrorKind, Output, UndefinedBehavior};
use serde::de::IgnoredAny;

use super::encoding::{Encoding, Escape};
use super::form;
use super::id::Id;
pub(super) use super::message::Message;
use super::options::{Options, TemplateName};
use super::path_values;
use super::presets::Preset;
use crate::input_file::{self, MAX_SMALL};
use crate::keys::{FormatKeys, SetupError};
use value::{alert_values, sample_alert};

/// A template that was checked.
pub(super) struct Template {
    /// Its source, for messages.
    name: String,
    environment: Environment<'static>,
    rules: Rules,
}

/// Settings for everything that a template renders.
pub(super) struct Rules {
    pub(super) escape: Escape,
    /// Whether it renders a whole URL, and not a part of one, or a form.
    pub(super) is_url: bool,
    /// The format of `alert`.
    pub(super) format: FormatKeys,
    /// Whether each line is separate JSON, or the whole text is.
    pub(super) lines: bool,
    /// The user's values for `param`.
    pub(super) params: BTreeMap<String, String>,
}

const ONLY: &str = "template";

impl Template {
    /// The template of the body, if one is configured.
    pub(super) fn of(options: &Options) -> Result<Option<Self>, SetupError> {
        let rules = Rules {
            escape: options.escape.unwrap_or_default(),
            is_url: false,
            format: options.format_keys(),
            lines: options.encoding() == Encoding::Ndjson,
            params: options.params(),
        };
        match &options.template {
            None if options.escape.is_some() => {
                Err(SetupError::Keys("escape needs a template".to_owned()))
            }
            None => Ok(None),
            Some(TemplateName::File(path)) => Self::read(path, rules).map(Some),
            Some(TemplateName::Preset(preset)) => {
                Self::of_preset(*preset, rules).map(Some).map_err(SetupError::Keys)
            }
        }
    }

    fn of_preset(preset: Preset, rules: Rules) -> Result<Self, String> {
        match preset.needs().iter().find(|(name, _)| !rules.params.contains_key(*name)) {
            Some((name, what)) => {
                Err(format!("preset:{} needs param.{name}: {what}", preset.name()))
            }
            None => Self::new(preset.name(), preset.text(), rules),
        }
    }

    /// Reads a template from a file.
    fn read(path: &Path, rules: Rules) -> Result<Self, SetupError> {
        let name = path.display().to_string();
        let text = input_file::read_text(path, MAX_SMALL)
            .map_err(|error| format!("cannot read {name}: {error}"))?;
        Self::new(&name, &text, rules).map_err(SetupError::Keys)
    }

    /// Compiles a template, and tries it with a sample alert.
    pub(super) fn new(name: &str, text: &str, rules: Rules) -> Result<Self, String> {
        let mut environment = Environment::new();
        environment.set_undefined_behavior(UndefinedBehavior::Lenient);
        let syntax = SyntaxConfig::builder().trim_blocks(true).lstrip_blocks(true).build();
        environment.set_syntax(syntax.map_err(|error| describe(name, &error))?);
        // Text that `{% set %}` captures is already escaped.
        environment.set_auto_escape_callback(|_| AutoEscape::Custom("escaped".into()));
        let (escape, is_url) = (rules.escape, rules.is_url);
        environment.set_formatter(move |out, _, value| {
            if is_url { write_in_url(out, value) } else { write(out, value, escape) }
        });
        // These would disable escaping, or escape for another context.
        for filter in ["safe", "escape", "e"] {
            environment.remove_filter(filter);
        }
        if escape != Escape::Json {
            // Jinja's own is for JSON and HTML, and its result is not escaped again.
            environment.add_filter("tojson", |value: Value| json(&value));
        }
        environment.add_filter("entities", entities);
        environment.add_filter("markdown", markdown);
        environment.add_global("param", Value::from(Serde(&rules.params)));
        environment
            .add_template_owned(ONLY, text.to_owned())
            .map_err(|error| describe(name, &error))?;
        names::check(&environment, ONLY, text, rules.format.name(), &rules.params)
            .map_err(|problem| format!("{name}:{problem}"))?;
        let template = Self { name: name.to_owned(), environment, rules };
        sample(|sample| template.render(sample))??;
        Ok(template)
    }

    /// Renders a message.
    pub(super) fn render(&self, message: &Message) -> Result<String, String> {
        let template = self.environment.get_template(ONLY);
        let values = alert_values(message, &self.rules.format);
        let text = template.and_then(|template| template.render(values));
        let text = text.map_err(|error| describe(&self.name, &error))?;
        let text = if self.rules.is_url { path_values::without_marks(&text) } else { text };
        let text = text.trim();
        if self.rules.escape == Escape::Json {
            check(text, self.rules.lines)
                .map_err(|error| format!("{}: the result is not JSON: {error}", self.name))?;
        }
        Ok(text.to_owned())
    }
}

/// Calls a function with a sample alert.
pub(super) fn sample<T>(test: impl FnOnce(&Message) -> T) -> Result<T, String> {
    let alert = sample_alert().map_err(|error| error.to_string())?;
    Ok(test(&Message { alert: &alert, count: 1, id: Id::of(&alert) }))
}

/// Whether a text is JSON.
fn check(text: &str, lines: bool) -> serde_json::Result<()> {
    let check = |text: &str| serde_json::from_str::<IgnoredAny>(text).map(drop);
    if lines { text.lines().try_for_each(check) } else { check(text) }
}

fn describe(name: &str, error: &Error) -> String {
    let line = error.line().map(|line| format!(":{line}")).unwrap_or_default();
    let what = error.detail().map_or_else(|| error.kind().to_string(), str::to_owned);
    format!("{name}{line}: {what}")
}

fn write(out: &mut Output, value: &Value, escape: Escape) -> Result<(), Error> {
    match (value.kind(), escape) {
        (ValueKind::Undefined | ValueKind::None, _) => Ok(()),
        (ValueKind::String, _) if value.is_safe() => write_str(out, value.as_str()),
        (ValueKind::String, Escape::Json) => {
            let quoted = json(value)?;
            let inside = quoted.strip_prefix('"').and_then(|text| text.strip_suffix('"'));
            write_str(out, inside)
        }
        (ValueKind::String | ValueKind::Number | ValueKind::Bool, Escape::Url) => {
            write_str(out, Some(&form::url_part(&value.to_string())))
        }
        (ValueKind::String | ValueKind::Number | ValueKind::Bool, _) => {
            write_str(out, Some(&value.to_string()))
        }
        (_, Escape::Json) => write_str(out, Some(&json(value)?)),
        _ => {
            Err(Error::new(ErrorKind::BadEscape, "a list or an object can only be written as JSON"))
        }
    }
}

/// Writes a value where it may be a whole path segment.
fn write_in_url(out: &mut Output, value: &Value) -> Result<(), Error> {
    match value.kind() {
        ValueKind::String if value.is_safe() => write_str(out, value.as_str()),
        ValueKind::Undefined | ValueKind::None => {
            write_str(out, Some(&path_values::marked("", form::url_part)))
        }
        ValueKind::String | ValueKind::Number | ValueKind::Bool => {
            write_str(out, Some(&path_values::marked(&value.to_string(), form::url_part)))
        }
        _ => write(out, value, Escape::Url),
    }
}

fn write_str(out: &mut Output, text: Option<&str>) -> Result<(), Error> {
    out.write_str(text.unwrap_or_default()).map_err(Error::from)
}

fn json(value: &Value) -> Result<String, Error> {
    serde_json::to_string(value)
        .map_err(|error| Error::new(ErrorKind::BadSerialization, error.to_string()))
}

/// `&`, `<` and `>` as entities, as Slack and HTML want them.
fn entities(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}

/// Text with Markdown's special characters escaped.
fn markdown(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for letter in text.chars() {
        if r"\`*_{}[]()<>#+-.!|~:@".contains(letter) {
            escaped.push('\\');
        }
        escaped.push(letter);
    }
    escaped
}
