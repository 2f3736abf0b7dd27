//! What is right in a configuration file, and where it is: settings that exclude each other are looked for there.

use std::collections::HashMap;
use std::path::Path;

use serde::Deserialize;
use toml::de::DeTable;
use toml::{Spanned, Table, Value};

use crate::config::file::{File, Handler};
use crate::config::lines::Lines;
use crate::config::{Config, HandlerConfig, SourceConfig, name_handlers};
use crate::listen::{Place, TableId};
use crate::registry::Registry;

/// Keys without which it isn't known whether a handler is durable.
const ABOUT_DURABLE: [&str; 2] = ["durable", "when_full"];

pub(super) struct Gathered<'t> {
    pub(super) config: Config,
    file: &'t Path,
    lines: Lines,
    /// Where tables begin, and where the values of keys are.
    places: HashMap<(TableId, String), usize>,
}

impl<'t> Gathered<'t> {
    pub(super) fn new(text: &str, file: &'t Path) -> Self {
        let (config, lines, places) = (Config::default(), Lines::of(text), HashMap::new());
        Self { config, file, lines, places }
    }

    /// Notes where a table is, and the values of its keys.
    pub(super) fn note_keys<T>(&mut self, table_id: TableId, at: &Spanned<T>, table: &DeTable<'_>) {
        self.places.insert((table_id, String::new()), at.span().start);
        let keys = table.iter().map(|(key, at)| (key.get_ref().to_string(), at.span().start));
        self.places.extend(keys.map(|(key, at)| ((table_id, key), at)));
    }

    /// Where a setting is; if the key isn't given, where its table begins.
    pub(super) fn at(&self, place: Place) -> usize {
        let of = |key: &str| self.places.get(&(place.table, key.to_owned()));
        of(place.key).or_else(|| of("")).copied().unwrap_or_default()
    }

    /// Adds what is right of a source.
    pub(super) fn add_source(&mut self, mut source: SourceConfig, wrong: &[String]) {
        let about_socket = ["type", "from", "logdir", "snort_conf", "instances"];
        if wrong.iter().any(|key| about_socket.contains(&&**key)) {
            // Its socket isn't known. One that systemd passes may have any name.
            source.from = Some(format!("fd:{}", self.config.sources.len()).into());
            source.logdir = None;
            source.instances = None;
        }
        self.config.sources.push(source);
    }

    /// Adds what is right of a handler of this kind.
    ///
    /// # Errors
    /// What is wrong with keys of it together that every handler has.
    pub(super) fn add_handler(
        &mut self,
        right: Table,
        kind: &str,
        wrong: &[&str],
    ) -> Result<(), String> {
        let at = Place { table: TableId::Handler(self.config.handlers.len()), key: "" };
        let name = right.get("name").and_then(Value::as_str).map(ToOwned::to_owned);
        let place = format!("{}:{}", self.file.display(), self.lines.line(self.at(at)));
        let made = Handler::config_of(right, kind);
        let (mut config, result) = match made {
            Ok(config) => (config, Ok(())),
            Err(problem) => {
                let durable = Some(false);
                (HandlerConfig { name, durable, ..HandlerConfig::new(kind) }, Err(problem))
            }
        };
        if wrong.iter().any(|key| ABOUT_DURABLE.contains(key)) {
            (config.durable, config.begin) = (Some(false), None);
        }
        config.place = Some(place);
        self.config.handlers.push(config);
        result
    }

    /// Adds what is right at the top of the file.
    pub(super) fn complete(&mut self, mut right: Table, registry: &Registry) {
        for table in ["filter", "handler", "names", "source", "store", "web"] {
            right.remove(table);
        }
        let top = File::deserialize(Value::Table(right)).unwrap_or_default().without_scripts();
        let gathered = std::mem::take(&mut self.config);
        self.config = Config {
            sources: gathered.sources,
            handlers: gathered.handlers,
            names: gathered.names,
            store: gathered.store,
            file: (!self.file.as_os_str().is_empty()).then(|| self.file.to_owned()),
            ..top
        };
        name_handlers(&mut self.config.handlers, registry);
    }
}
