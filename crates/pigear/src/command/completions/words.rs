//! Candidates for one word.

use std::ffi::OsString;

use clap_complete::engine::CompletionCandidate;
use pigear_alert::format::FormatName;
use pigear_alert::packet::LinkType;
use pigear_alert::wire::Dialect;

use crate::keys::GENERAL_KEYS;
use crate::registry::Registry;

/// The handlers that a command line names, for candidates for their keys.
pub(super) struct Handlers(Vec<Handler>);

struct Handler {
    name: String,
    about: &'static str,
    keys: Vec<&'static str>,
}

impl Handlers {
    /// Those named by these words; `print` if there is none.
    pub(super) fn of(words: &[OsString], registry: &Registry) -> Self {
        let words: Vec<_> = words.iter().map(|word| word.to_string_lossy()).collect();
        let separate = words.windows(2).filter(|pair| pair[0] == "--data-handler");
        let named = separate.map(|pair| &*pair[1]);
        let joined = words.iter().filter_map(|word| word.strip_prefix("--data-handler="));
        let mut handlers: Vec<_> =
            named.chain(joined).filter_map(|typed| Handler::of(typed, registry)).collect();
        if handlers.is_empty() {
            handlers.extend(Handler::of("print", registry));
        }
        Self(handlers)
    }

    /// Keys, or their values once there is a `=`.
    pub(super) fn candidates(&self, typed: &str) -> Vec<CompletionCandidate> {
        let is_only = self.0.len() == 1;
        let all = self.0.iter().flat_map(|handler| {
            let name = format!("{}.", handler.name);
            let prefix = if is_only && !typed.starts_with(&name) { "" } else { &name };
            handler.candidates(prefix, typed)
        });
        matching(all.chain(of_source(typed)), typed)
    }
}

/// The keys of the socket handler, or their values once there is a `=`.
fn of_source(typed: &str) -> impl Iterator<Item = String> {
    let keys = [
        ("dialect=", Dialect::ALL.map(Dialect::name).to_vec()),
        ("linktype=", LinkType::names().to_vec()),
    ];
    keys.into_iter().flat_map(|(key, values)| {
        let values = if typed.starts_with(key) { values } else { vec![""] };
        values.into_iter().map(move |value| format!("{key}{value}"))
    })
}

impl Handler {
    /// From `KIND` or `NAME=KIND`.
    fn of(typed: &str, registry: &Registry) -> Option<Self> {
        let (name, kind) = typed.split_once('=').unwrap_or((typed, typed));
        let (kind, about) = registry
            .about()
            .find(|(known, _)| registry.resolve(kind).is_ok_and(|kind| kind == *known))?;
        let name = if name == typed { kind } else { name };
        Some(Self { name: name.to_owned(), about, keys: registry.keys(kind).to_vec() })
    }

    fn candidates(&self, prefix: &str, typed: &str) -> Vec<String> {
        let keys = self.keys.iter().chain(&GENERAL_KEYS);
        match typed.split_once('=') {
            None => keys.map(|key| format!("{prefix}{key}=")).collect(),
            Some((typed_key, _)) => keys
                .filter(|key| typed_key.strip_prefix(prefix) == Some(key))
                .flat_map(|key| self.values(key).into_iter().map(move |value| (key, value)))
                .map(|(key, value)| format!("{prefix}{key}={value}"))
                .collect(),
        }
    }

    /// The values of a key that are words. Beside formats, they are those that the handler's description lists, as
    /// in `mode=each|stream`; of `basic:USER:PASS` the beginning.
    fn values(&self, key: &str) -> Vec<&'static str> {
        match key {
            "format" => FormatName::ALL.map(FormatName::name).to_vec(),
            "durable" => vec!["true", "false"],
            _ => {
                let listed = self.about.split([' ', ';']).filter_map(|word| word.split_once('='));
                let values = listed.filter(|(name, _)| *name == key).map(|(_, values)| values);
                values.flat_map(|values| values.split('|')).filter_map(literal).collect()
            }
        }
    }
}

/// What a value begins with before its first placeholder, which is in capitals.
fn literal(value: &'static str) -> Option<&'static str> {
    let end = value.find(|letter: char| letter.is_ascii_uppercase()).unwrap_or(value.len());
    Some(&value[..end])
        .filter(|literal| literal.starts_with(|first: char| first.is_ascii_lowercase()))
}

/// Kinds of handlers, also after `NAME=`.
pub(super) fn handlers(
    kinds: &[(&'static str, &'static str)],
    typed: &str,
) -> Vec<CompletionCandidate> {
    let before = typed.rfind('=').map_or("", |end| &typed[..=end]);
    let described = kinds.iter().map(|(kind, about)| {
        let about = about.split_once(';').map_or(*about, |(about, _)| about);
        CompletionCandidate::new(format!("{before}{kind}")).help(Some(about.to_owned().into()))
    });
    described
        .filter(|candidate| candidate.get_value().to_string_lossy().starts_with(typed))
        .collect()
}

/// The last variable or field of a filter.
#[cfg(feature = "script")]
pub(super) fn fields(typed: &str) -> Vec<CompletionCandidate> {
    use crate::script::fields::{ALERT, MSG};

    let is_name = |letter: char| letter.is_ascii_alphanumeric() || "_.".contains(letter);
    let name = typed.trim_end_matches(is_name).len();
    let (before, name) = typed.split_at(name);
    let variables = [("msg", MSG), ("alert", ALERT)];
    if !name.contains('.') {
        let all = variables.map(|(variable, _)| format!("{before}{variable}."));
        return matching(all, typed);
    }
    let of = |(variable, fields): (&'static str, &'static [crate::script::fields::Field])| {
        fields.iter().map(move |field| {
            let help = Some(field.about.into());
            CompletionCandidate::new(format!("{before}{variable}.{}", field.name)).help(help)
        })
    };
    let all = variables.into_iter().flat_map(of);
    all.filter(|candidate| candidate.get_value().to_string_lossy().starts_with(typed)).collect()
}

fn matching(all: impl IntoIterator<Item = String>, typed: &str) -> Vec<CompletionCandidate> {
    let found = all.into_iter().filter(|candidate| candidate.starts_with(typed));
    found.map(CompletionCandidate::new).collect()
}

/// The last of several values with commas between.
pub(super) fn of_all(all: &[String], typed: &str) -> Vec<CompletionCandidate> {
    let before = typed.rfind(',').map_or("", |end| &typed[..=end]);
    matching(all.iter().map(|name| format!("{before}{name}")), typed)
}

/// Names that are a whole value.
pub(super) fn names(all: &[&'static str], typed: &str) -> Vec<CompletionCandidate> {
    matching(all.iter().map(|name| (*name).to_owned()), typed)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn keys(words: &[&str], typed: &str) -> Vec<String> {
        let words: Vec<_> = words.iter().map(OsString::from).collect();
        let handlers = Handlers::of(&words, &Registry::builtin());
        texts(handlers.candidates(typed))
    }

    fn texts(candidates: Vec<CompletionCandidate>) -> Vec<String> {
        let text = |candidate: CompletionCandidate| candidate.get_value().to_string_lossy().into();
        candidates.into_iter().map(text).collect()
    }

    #[test]
    fn keys_are_those_of_the_handlers_that_are_named() {
        assert_eq!(keys(&["pigear"], "fo"), ["format="]);
        assert_eq!(keys(&["pigear", "--data-handler", "file"], "pat"), ["path="]);
        assert_eq!(keys(&["pigear", "--data-handler", "file"], "file.pat"), ["file.path="]);
        assert_eq!(keys(&["pigear", "--data-handler=null"], "f"), ["filter=", "from="]);
        let two = ["pigear", "--data-handler", "print", "--data-handler", "old=file"];
        assert_eq!(keys(&two, "old.ro"), ["old.rotate="]);
        assert_eq!(keys(&two, "print.form"), ["print.format="]);
        assert!(keys(&two, "format").is_empty());
    }

    #[test]
    fn a_key_has_its_values() {
        assert_eq!(keys(&["pigear"], "format=e"), ["format=eve", "format=ecs"]);
        let exec = ["pigear", "--data-handler", "exec"];
        assert_eq!(keys(&exec, "mode="), ["mode=each", "mode=stream"]);
        assert!(keys(&exec, "command=").is_empty());
    }

    #[cfg(feature = "http")]
    #[test]
    fn a_value_ends_before_its_placeholder() {
        let http = ["pigear", "--data-handler", "http"];
        assert_eq!(keys(&http, "auth="), ["auth=basic:", "auth=bearer:"]);
        assert_eq!(keys(&http, "template="), ["template=preset:"]);
    }

    #[test]
    fn a_handler_may_have_a_name() {
        let kinds: Vec<_> = Registry::builtin().about().collect();
        assert_eq!(texts(handlers(&kinds, "fi")), ["file"]);
        assert_eq!(texts(handlers(&kinds, "old=fi")), ["old=file"]);
    }

    #[cfg(feature = "script")]
    #[test]
    fn the_last_name_of_a_filter_is_completed() {
        assert_eq!(texts(fields("al")), ["alert."]);
        assert_eq!(texts(fields("msg.pri")), ["msg.priority"]);
        assert_eq!(
            texts(fields("msg.priority <= 2 && alert.dst_p")),
            ["msg.priority <= 2 && alert.dst_port"]
        );
        assert!(texts(fields("msg.sig_id == 5 ")).contains(&"msg.sig_id == 5 alert.".to_owned()));
    }
}
