//! The keys of a configuration file, from the types that it is read into, and what each is for.

use clap::{Arg, ArgAction};

use crate::command::args;
use crate::config::{SourceConfig, StoreConfig, keys_of_file};
use crate::keys::key_names;
use crate::names::NameFiles;
use crate::registry::Registry;

/// A part of the file.
pub(super) struct Section {
    /// Its header in the file; empty for the keys at the top.
    pub(super) header: &'static str,
    pub(super) keys: Vec<DescribedKey>,
}

/// A key that is an option, too.
pub(super) struct DescribedKey {
    pub(super) name: &'static str,
    /// What it is for.
    pub(super) about: String,
    pub(super) kind: KeyKind,
    /// A value, in TOML.
    pub(super) sample: &'static str,
    /// The field of the option, and its name; empty for a key that is none.
    pub(super) field: &'static str,
    pub(super) option: String,
}

/// What values a key has.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum KeyKind {
    YesNo,
    Text,
    /// A text, or several.
    Texts,
    Number,
    /// A text, or a number.
    Any,
}

/// Values that may be written.
const SAMPLES: [(&str, &str); 37] = [
    ("allow_uid", "[\"snort\"]"),
    ("bookmark", "\"/var/lib/pigear/unified2.bookmark\""),
    ("class_config", "\"/etc/snort/classification.config\""),
    ("complete", "\"lacking\""),
    ("complete_from", "\"/var/log/snort/unified2.log\""),
    ("complete_wait", "\"500ms\""),
    ("count", "1000"),
    ("dialect", "\"snort2.9\""),
    ("filter", "\"msg.priority <= 2\""),
    ("from", "\"/var/log/snort/unified2.log\""),
    ("from_start", "true"),
    ("gen_msg_map", "\"/etc/snort/gen-msg.map\""),
    ("id_offset", "0"),
    ("id_subdir", "true"),
    ("instances", "4"),
    ("keep_bytes", "\"20GB\""),
    ("keep_days", "90"),
    ("linktype", "\"ethernet\""),
    ("logdir", "\"/var/log/snort\""),
    ("metrics", "\"127.0.0.1:9187\""),
    ("once", "true"),
    ("path", "\"/var/lib/pigear/alerts.db\""),
    ("reference_config", "\"/etc/snort/reference.config\""),
    ("rules", "\"/etc/snort/rules\""),
    ("run_prefix", "\"snort3_\""),
    ("sandbox", "\"on\""),
    ("sandbox_write", "\"/var/spool/pigear\""),
    ("sensor", "\"dmz\""),
    ("serve_forever", "true"),
    ("sid_msg_map", "\"/etc/snort/sid-msg.map\""),
    ("snort_conf", "\"/etc/snort/snort.conf\""),
    ("socket_group", "\"snort\""),
    ("socket_mode", "\"0660\""),
    ("stats", "\"/run/pigear/stats.json\""),
    ("trust_clock", "true"),
    ("type", "\"unix\""),
    ("user", "\"pigear\""),
];

/// All parts of the file but handlers.
pub(super) fn sections(registry: &Registry) -> Vec<Section> {
    let command = args::command(registry);
    let described = |header: &'static str, names: &[&'static str]| {
        let key = |name: &&'static str| {
            let option: &'static str = match (header, *name) {
                ("[[source]]", "type") => "kind",
                ("[store]", "path") => "store",
                (_, name) => name,
            };
            let arg = command.get_arguments().find(|arg| arg.get_id() == option);
            DescribedKey::of(name, option, arg)
        };
        Section { header, keys: names.iter().map(key).collect() }
    };
    let tables = ["names", "store", "source", "handler", "web"];
    let top: Vec<_> = keys_of_file().iter().filter(|key| !tables.contains(key)).copied().collect();
    vec![
        described("", &top),
        described("[store]", key_names::<StoreConfig>()),
        described("[names]", key_names::<NameFiles>()),
        described("[[source]]", key_names::<SourceConfig>()),
    ]
}

impl DescribedKey {
    fn of(name: &'static str, field: &'static str, arg: Option<&Arg>) -> Self {
        let about = arg.and_then(Arg::get_help).map(ToString::to_string).unwrap_or_default();
        let value = arg.and_then(|arg| arg.get_value_names()?.first().map(ToString::to_string));
        let kind = match (arg.map(Arg::get_action), value.as_deref()) {
            (Some(ArgAction::SetTrue), _) => KeyKind::YesNo,
            (Some(ArgAction::Append), _) => KeyKind::Texts,
            (_, Some("N")) if name != "instances" => KeyKind::Number,
            (_, Some("N" | "MODE" | "SIZE" | "TIME" | "ADDRESS")) => KeyKind::Any,
            _ => KeyKind::Text,
        };
        let sample = SAMPLES.iter().find(|(key, _)| *key == name);
        let sample = sample.map_or("\"\"", |(_, sample)| sample);
        let option = arg.and_then(Arg::get_long).unwrap_or_default().to_owned();
        Self { name, about: about.replace('\n', " "), kind, sample, field, option }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Config;

    #[test]
    fn each_key_is_explained_and_has_a_value_that_may_be_written() {
        let registry = Registry::builtin();
        for Section { header, keys } in sections(&registry) {
            assert!(!keys.is_empty(), "{header}");
            for key in keys {
                assert!(!key.about.is_empty() && key.sample != "\"\"", "{} in {header}", key.name);
                let text = format!("{header}\n{} = {}\n", key.name, key.sample);
                let mistakes = Config::mistakes(&text, "".as_ref(), &registry);
                // Some are only for another kind of source, and users need not be there.
                let is_of_system = |problem: &str| {
                    problem.starts_with("unknown user \"")
                        || problem.starts_with("unknown group \"")
                };
                let mut mistakes = mistakes.iter();
                let wrong =
                    mistakes.find(|it| !it.problem.contains("--") && !is_of_system(&it.problem));
                assert_eq!(wrong, None, "{text}");
            }
        }
    }
}
