//! What is in force, and where each value comes from.

mod handlers;
mod setting;

use std::collections::BTreeMap;
use std::path::Path;

use toml::Value;

use super::described::{DescribedKey, KeyKind, Section, sections};
use crate::command::args::{Given, GivenOption, ListenArgs, ShowArgs, variable};
use crate::command::failure::Failure;
use crate::command::mistakes::{self, MAX_SHOWN};
use crate::command::output::write_out;
use crate::command::settings;
use crate::config::{Accounts, Config, FileKey, SourceConfig, SourceKind};
use crate::listen::{names_in_force, usual_log_dir, usual_of_source};
use crate::names::NameFiles;
use crate::registry::Registry;
use setting::{Origin, Part, Setting};

pub(super) fn run(args: &ShowArgs, registry: &Registry) -> Result<(), Failure> {
    let shown = InForce::of(args, registry)?;
    let parts = shown.parts();
    let text = if args.json { setting::json(&parts) } else { setting::text(&parts) };
    write_out(text.as_bytes())
}

/// A configuration, and what it was made of.
struct InForce<'a> {
    registry: &'a Registry,
    args: &'a ListenArgs,
    given: &'a Given,
    /// The keys of the file, by their table.
    in_file: BTreeMap<(String, usize), Vec<FileKey>>,
    config: Config,
}

impl<'a> InForce<'a> {
    fn of(args: &'a ShowArgs, registry: &'a Registry) -> Result<Self, Failure> {
        let ShowArgs { listen: args, .. } = args;
        let given = &args.given;
        // A pipe can be read only once.
        let (of_file, keys) = match args.config.as_deref() {
            Some(path) => read(path, registry)?,
            None => (Config::default(), Vec::new()),
        };
        let found = settings::mistakes_of_file(args, registry, Accounts::LookUp);
        if let (false, Some(path)) = (found.is_empty(), args.config.as_deref()) {
            return Err(Failure::wrong(mistakes::print(&found, path, MAX_SHOWN)));
        }
        let mut in_file: BTreeMap<_, Vec<_>> = BTreeMap::new();
        for key in keys {
            in_file.entry((key.table.clone(), key.index)).or_default().push(key);
        }
        let config = settings::merged(of_file, args.clone(), registry)?;
        settings::refuse_mistakes(&config, args)?;
        Ok(Self { registry, args, given, in_file, config })
    }

    fn parts(&self) -> Vec<Part> {
        let names = names_in_force(&self.config).unwrap_or_else(|_| self.config.names.clone());
        let mut parts = Vec::new();
        for section in sections(self.registry) {
            match section.header {
                "[[source]]" => {
                    let sources = self.config.sources.iter().enumerate();
                    parts.extend(sources.map(|(index, it)| self.source(&section, index, it)));
                }
                header => {
                    let table = header.trim_matches(['[', ']']);
                    let usual = |key: &DescribedKey| self.usual(key, &names);
                    let settings = section.keys.iter().map(|key| self.option(table, 0, key, usual));
                    parts.push(Part { table, index: None, settings: settings.collect() });
                }
            }
        }
        parts.extend(self.handlers());
        parts
    }

    /// A key that is an option, too.
    fn option(
        &self,
        table: &str,
        index: usize,
        key: &DescribedKey,
        usual: impl Fn(&DescribedKey) -> Setting,
    ) -> Setting {
        let in_file = self.in_file(table, index, key.name);
        let typed = self.given.get(key.field).map(|given| (given, value_of(given, key.kind)));
        let file_origin = |it: &FileKey| self.of_file(it);
        match (typed, in_file) {
            // Directories add up.
            (Some((given, value)), Some(file)) if key.name == "sandbox_write" => {
                let values = [listed(&value), listed(&file.value)].concat();
                let origin = vec![origin_of(given, &key.option), file_origin(file)];
                Setting::given(key.name, Value::Array(values), origin)
            }
            // `no` in the environment is the same as not to say it.
            (Some((given, value)), file) if value != Value::Boolean(false) || file.is_none() => {
                Setting::given(key.name, value, vec![origin_of(given, &key.option)])
            }
            (_, Some(file)) => {
                Setting::given(key.name, file.value.clone(), vec![file_origin(file)])
            }
            _ => usual(key),
        }
    }

    /// A key of the file. `metrics` may be a table.
    fn in_file(&self, table: &str, index: usize, key: &str) -> Option<&FileKey> {
        let find = |table: &str, index: usize, key: &str| {
            self.in_file.get(&(table.to_owned(), index))?.iter().find(|it| it.key == key)
        };
        let listed = || if table.is_empty() { find(key, 0, "listen") } else { None };
        find(table, index, key).or_else(listed)
    }

    fn of_file(&self, key: &FileKey) -> Origin {
        Origin::File(self.args.config.clone().unwrap_or_default(), key.line)
    }

    /// What is in force if nothing is said.
    fn usual(&self, key: &DescribedKey, names: &NameFiles) -> Setting {
        let path = |path: &std::path::PathBuf| Value::String(path.display().to_string());
        let found = match key.name {
            "class_config" => names.class_config.as_ref().map(path),
            "reference_config" => names.reference_config.as_ref().map(path),
            "gen_msg_map" => names.gen_msg_map.as_ref().map(path),
            "sid_msg_map" => Some(names.sid_msg_map.iter().map(path).collect::<Vec<_>>())
                .filter(|maps| !maps.is_empty())
                .map(Value::Array),
            _ => None,
        };
        if let Some(found) = found {
            let origin = vec![Origin::Found];
            return Setting {
                key: key.name.to_owned(),
                value: Some(found),
                is_secret: false,
                origin,
            };
        }
        let is_confined = self.config.privileges.is_confined();
        let value = match key.name {
            "sandbox" => Some(if is_confined { "on" } else { "off" }.into()),
            _ => usual_value(key),
        };
        Setting::usual(key.name, value)
    }

    fn source(&self, section: &Section, index: usize, source: &SourceConfig) -> Part {
        let is_unix = source.kind == SourceKind::Unix;
        let completes = source.complete_from.is_some();
        let usual = |key: &DescribedKey| {
            let value = match key.name {
                "logdir" if is_unix && source.from.is_none() => {
                    usual_log_dir(source).map(|dir| dir.display().to_string().into())
                }
                "sensor" => source.sensor_name().map(Value::from),
                "complete" | "complete_wait" if !completes => None,
                _ => usual_value(key),
            };
            Setting::usual(key.name, value)
        };
        let is_of_kind = |key: &&DescribedKey| match key.name {
            "once" | "bookmark" | "from_start" => source.kind == SourceKind::Unified2 || completes,
            "complete" | "complete_from" | "complete_wait" | "instances" | "run_prefix"
            | "id_offset" | "id_subdir" | "socket_mode" | "socket_group" | "allow_uid"
            | "logdir" => is_unix,
            "sensor" => !matches!(source.kind, SourceKind::Nats | SourceKind::Kafka),
            _ => true,
        };
        let is_given = |key: &DescribedKey| {
            self.given.get(key.field).is_some() || self.in_file("source", index, key.name).is_some()
        };
        let keys = section.keys.iter().filter(|key| is_of_kind(key) || is_given(key));
        let settings = keys.map(|key| {
            let of_all = self.of_all_sources(key.name);
            of_all.unwrap_or_else(|| self.option("source", index, key, usual))
        });
        Part { table: "source", index: Some(index), settings: settings.collect() }
    }

    /// `dialect=` and `linktype=`.
    fn of_all_sources(&self, name: &str) -> Option<Setting> {
        let mut keys = self.args.keys.iter().filter(|_| matches!(name, "dialect" | "linktype"));
        let (key, value) = keys.find(|(key, _)| key == name)?;
        let origin = vec![Origin::CommandLine(format!("{key}="))];
        Some(Setting::given(name, value.as_str().into(), origin))
    }
}

/// If the file is refused, all its mistakes are printed.
fn read(path: &Path, registry: &Registry) -> Result<(Config, Vec<FileKey>), Failure> {
    let text = Config::read_text(path)?;
    let config = Config::parse(&text, path).map_err(|error| {
        let found = Config::mistakes(&text, path, registry);
        if found.is_empty() {
            return error.into();
        }
        Failure::wrong(mistakes::print(&found, path, MAX_SHOWN))
    })?;
    Ok((config, FileKey::all(&text)))
}

/// The value of an option.
fn value_of(given: &GivenOption, kind: KeyKind) -> Value {
    let first = || given.values.first().cloned().unwrap_or_default();
    match kind {
        KeyKind::YesNo => {
            let says_no = ["n", "no", "f", "false", "off", "0"];
            Value::Boolean(!given.values.iter().any(|it| says_no.contains(&&*it.to_lowercase())))
        }
        KeyKind::Texts if given.values.len() > 1 => {
            given.values.iter().cloned().map(Value::String).collect::<Vec<_>>().into()
        }
        KeyKind::Number => first().parse().map_or_else(|_| first().into(), Value::Integer),
        KeyKind::Text | KeyKind::Texts | KeyKind::Any => first().into(),
    }
}

fn listed(value: &Value) -> Vec<Value> {
    value.as_array().cloned().unwrap_or_else(|| vec![value.clone()])
}

/// Where an option was given.
fn origin_of(given: &GivenOption, option: &str) -> Origin {
    if given.is_variable {
        Origin::Environment(variable(option))
    } else {
        Origin::CommandLine(format!("--{option}"))
    }
}

/// What is in force without an option, if it is always the same.
fn usual_value(key: &DescribedKey) -> Option<Value> {
    match key.kind {
        KeyKind::YesNo => Some(false.into()),
        _ => usual_of_source(key.field).map(Value::from),
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;
    use crate::config::{HANDLER_KEYS, value_kind};

    /// Keys of Pigear's own whose values have nothing to do with secrets.
    const PLAIN: &[&str] = &[
        "allow_uid",
        "batch",
        "batch_bytes",
        "bookmark",
        "bucket",
        "ca",
        "class_config",
        "complete",
        "complete_wait",
        "compress",
        "compression",
        "concurrency",
        "connect_timeout",
        "count",
        "create",
        "delay",
        "dialect",
        "discard",
        "duplicate_window",
        "durable",
        "encoding",
        "escape",
        "facility",
        "fields",
        "format",
        "from_start",
        "gen_msg_map",
        "group",
        "heartbeat",
        "history",
        "hosts",
        "id_offset",
        "id_subdir",
        "in_flight",
        "instances",
        "keep",
        "keep_bytes",
        "keep_days",
        "limit",
        "linktype",
        "listen",
        "logdir",
        "max_age",
        "max_bytes",
        "max_len",
        "max_size",
        "mechanism",
        "metrics",
        "mode",
        "name",
        "once",
        "packet",
        "partitions",
        "path",
        "payload",
        "per_minute",
        "queue",
        "queue_bytes",
        "rate",
        "reference_config",
        "replicas",
        "replication",
        "retention",
        "rfc",
        "rotate",
        "rules",
        "run_prefix",
        "sandbox",
        "sandbox_write",
        "sensor",
        "serve_forever",
        "sid_msg_map",
        "snort_conf",
        "socket_group",
        "socket_mode",
        "stats",
        "storage",
        "store",
        "stream",
        "subject",
        "template",
        "timeout",
        "tls",
        "topic",
        "trust_clock",
        "trusted_proxies",
        "type",
        "user",
        "utc",
        "when_full",
    ];

    /// A new key is one of either: what may be shown of its value is said by hand.
    #[test]
    fn of_each_key_it_is_known_whether_its_value_may_have_a_secret() {
        let registry = Registry::builtin();
        let kinds: Vec<_> = registry.about().map(|(kind, _)| kind).collect();
        let mut keys: BTreeSet<_> =
            kinds.iter().flat_map(|kind| registry.keys(kind)).copied().collect();
        keys.extend(HANDLER_KEYS);
        for section in sections(&registry) {
            keys.extend(section.keys.iter().map(|key| key.name));
        }
        // The names in them are the user's.
        keys.retain(|key| !["header", "param"].contains(key));
        let is_either = |key: &&&str| PLAIN.contains(*key) != value_kind(key).is_some();
        let wrong: Vec<_> = keys.iter().filter(|key| !is_either(key)).collect();
        assert!(wrong.is_empty(), "{wrong:?}");
    }
}
