//! Finds all mistakes in a configuration file, not only the first.

mod mistake;
#[cfg(test)]
mod tests;

use std::ops::Range;
use std::path::Path;

use serde::Deserialize;
use serde::de::DeserializeOwned;
use toml::de::{DeTable, DeValue};
use toml::{Spanned, Table, Value};

use super::file::{File, Handler, not_repeatable};
use super::handler_names::HandlerNames;
use super::{Config, SourceConfig, StoreConfig};
use crate::keys::{Keys, in_words, key_names};
use crate::listen::{
    ListenError, check_lane, check_source, check_store, group_id, known_user, user_id,
};
use crate::names::NameFiles;
use crate::registry::Registry;
use crate::similar::nearest;
pub use mistake::Mistake;
use mistake::{Found, located};

/// The keys of every handler in a file.
pub(crate) const HANDLER_KEYS: [&str; 11] = [
    "type",
    "name",
    "queue",
    "queue_bytes",
    "when_full",
    "durable",
    "from",
    "filter",
    "group",
    "per_minute",
    "limit",
];

/// Keys besides those of handlers whose value may be empty: no sensor's name, and no prefix.
const MAY_BE_EMPTY: [&str; 2] = ["sensor", "run_prefix"];

/// The keys at the top of a file, tables included.
pub(crate) fn keys_of_file() -> &'static [&'static str] {
    key_names::<File>()
}

pub(super) type Key<'a> = Spanned<std::borrow::Cow<'a, str>>;

pub(super) type Entry<'a> = (&'a Key<'a>, &'a Spanned<DeValue<'a>>, &'a Value);

impl Config {
    /// All mistakes in the text of a configuration file, in its order: what a start would refuse, in the same words.
    /// Files that it names are not read, and nothing is connected to; users and groups are those of this system.
    #[must_use]
    pub fn mistakes(text: &str, registry: &Registry) -> Vec<Mistake> {
        Self::mistakes_with(text, registry, Accounts::LookUp)
    }

    /// The same, with or without looking for users and groups.
    pub(crate) fn mistakes_with(
        text: &str,
        registry: &Registry,
        accounts: Accounts,
    ) -> Vec<Mistake> {
        let (store, names, found) = (StoreConfig::default(), HandlerNames::default(), Vec::new());
        let mut check = Check { registry, accounts, store, names, found };
        let (root, errors) = DeTable::parse_recoverable(text);
        for error in &errors {
            check.found(error.span().unwrap_or_default(), error.message());
        }
        if errors.is_empty() {
            match toml::from_str::<Table>(text) {
                Ok(values) => check.root(root.get_ref(), &values),
                Err(error) => check.found(error.span().unwrap_or_default(), error.message()),
            }
        }
        located(check.found, text)
    }
}

/// What is done with the names of users and groups.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Accounts {
    /// The system is asked for them.
    LookUp,
    /// They were looked up before. In a sandbox, the system may not be able to say.
    Known,
}

struct Check<'t> {
    registry: &'t Registry,
    accounts: Accounts,
    store: StoreConfig,
    names: HandlerNames,
    found: Vec<Found>,
}

impl Check<'_> {
    fn found(&mut self, at: Range<usize>, problem: impl Into<String>) {
        self.found.push(Found { at: at.start, problem: problem.into(), meant: None });
    }

    fn root(&mut self, root: &DeTable<'_>, values: &Table) {
        // Wherever it stands: handlers need it.
        let store = values.get("store").cloned().map(StoreConfig::deserialize);
        self.store = store.and_then(Result::ok).unwrap_or_default();
        for (key, at, value) in entries(root, values) {
            match (key.get_ref().as_ref(), at.get_ref()) {
                ("names", DeValue::Table(table)) => self.table::<NameFiles>(table, value),
                ("store", DeValue::Table(table)) => {
                    self.table::<StoreConfig>(table, value);
                    if let Err(error) = check_store(&self.store) {
                        self.found(at.span(), error.to_string());
                    }
                }
                ("source", DeValue::Array(all)) => {
                    for (at, value) in all.iter().zip(value.as_array().into_iter().flatten()) {
                        self.source(at, value);
                    }
                }
                ("handler", DeValue::Array(all)) => {
                    for (at, value) in all.iter().zip(value.as_array().into_iter().flatten()) {
                        self.handler(at, value, None);
                    }
                }
                ("web", DeValue::Table(_)) => self.handler(at, value, Some("web")),
                ("filter", DeValue::String(_)) => self.filter(at, value),
                ("user", DeValue::String(name)) => self.is_known(at, || known_user(name).map(drop)),
                (name @ ("source" | "handler"), _) => {
                    let problem = not_repeatable(&format!("[{name}]")).unwrap_or_default();
                    self.found(key.span(), problem);
                }
                _ => self.one::<File>((key, at, value)),
            }
        }
    }

    /// A table whose keys are the fields of `T`.
    fn table<T: DeserializeOwned>(&mut self, table: &DeTable<'_>, values: &Value) {
        let Some(values) = values.as_table() else { return };
        for entry in entries(table, values) {
            self.one::<T>(entry);
        }
    }

    /// A key and its value, which are a field of `T`.
    fn one<T: DeserializeOwned>(&mut self, (key, at, value): Entry<'_>) {
        let name = key.get_ref().as_ref();
        let known = key_names::<T>();
        if !known.is_empty() && !known.contains(&name) {
            return self.unknown(key, known, "");
        }
        let table = Table::from_iter([(name.to_owned(), value.clone())]);
        match T::deserialize(Value::Table(table)) {
            Err(error) if !error.message().starts_with("missing field") => {
                self.found(at.span(), in_words(error.message()));
            }
            _ if !MAY_BE_EMPTY.contains(&name) => self.is_not_empty(at),
            _ => {}
        }
    }

    /// A path, or several: an empty one names nothing.
    fn is_not_empty(&mut self, at: &Spanned<DeValue<'_>>) {
        match at.get_ref() {
            DeValue::String(text) if text.is_empty() => {
                self.found(at.span(), "expected a text that is not empty");
            }
            DeValue::Array(all) => all.iter().for_each(|at| self.is_not_empty(at)),
            _ => {}
        }
    }

    fn unknown(&mut self, key: &Key<'_>, known: &[&str], more: &str) {
        let name = key.get_ref();
        let is_own = |(kind, _): (&str, &str)| self.registry.keys(kind).contains(&&**name);
        let place = place_of(name).filter(|_| !self.registry.about().any(is_own));
        // A key that is right elsewhere is not misspelt.
        let near = nearest(name, known.iter().copied()).filter(|_| place.is_none());
        let hint = if let Some(place) = place {
            format!("it belongs {place}")
        } else if let Some(near) = near {
            format!("did you mean `{near}`?")
        } else {
            let known: Vec<_> = known.iter().map(|known| format!("`{known}`")).collect();
            format!("expected one of {}", known.join(", "))
        };
        self.found(key.span(), format!("unknown key `{name}`; {hint}{more}"));
        if let Some(mistake) = self.found.last_mut() {
            mistake.meant = near.map(|near| (name.to_string(), near.to_owned()));
        }
    }

    fn source(&mut self, at: &Spanned<DeValue<'_>>, value: &Value) {
        let DeValue::Table(table) = at.get_ref() else {
            return self.found(at.span(), "expected a table");
        };
        let before = self.found.len();
        self.table::<SourceConfig>(table, value);
        for (key, at) in table {
            match (key.get_ref().as_ref(), at.get_ref()) {
                ("socket_group", DeValue::String(name)) => {
                    self.is_known(at, || group_id(name).map(drop));
                }
                ("allow_uid", DeValue::Array(names)) => {
                    for at in names {
                        let DeValue::String(name) = at.get_ref() else { continue };
                        self.is_known(at, || user_id(name).map(drop));
                    }
                }
                _ => {}
            }
        }
        if self.found.len() == before
            && let Ok(source) = SourceConfig::deserialize_from(value.clone())
            && let Err(error) = check_source(&source)
        {
            self.found(at.span(), error.to_string());
        }
    }

    /// Whether the system has this user or group.
    fn is_known(
        &mut self,
        at: &Spanned<DeValue<'_>>,
        look_up: impl FnOnce() -> Result<(), ListenError>,
    ) {
        if self.accounts == Accounts::LookUp
            && let Err(error) = look_up()
        {
            self.found(at.span(), error.to_string());
        }
    }

    fn filter(&mut self, at: &Spanned<DeValue<'_>>, value: &Value) {
        let Some(script) = value.as_str() else {
            return self.found(at.span(), "expected an expression");
        };
        #[cfg(feature = "script")]
        if let Err(problem) = crate::script::Filter::compile(script) {
            self.found(at.span(), problem.to_string());
        }
        #[cfg(not(feature = "script"))]
        let _ = script;
    }

    /// A handler; the table of the page is one of its own kind.
    fn handler(&mut self, at: &Spanned<DeValue<'_>>, value: &Value, usual: Option<&str>) {
        let (DeValue::Table(table), Some(values)) = (at.get_ref(), value.as_table()) else {
            return self.found(at.span(), "expected a table");
        };
        let text = |key: &str| values.get(key).and_then(Value::as_str);
        let kind = text("type").or(usual).or_else(|| text("name"));
        let Some(given) = kind.map(ToOwned::to_owned) else {
            return self.found(at.span(), "missing key `type`");
        };
        if let Some(name) = text("name")
            && let Err(error) = self.names.take(name)
        {
            self.found(at.span(), error.to_string());
        }
        let resolved = self.registry.resolve(&given).map(ToOwned::to_owned);
        let kind_at = table.iter().find(|(key, _)| key.get_ref() == "type");
        let kind_at = kind_at.map_or_else(|| at.span(), |(_, value)| value.span());
        let kind = match resolved {
            Ok(kind) => Some(kind).filter(|kind| self.registry.resolver(kind).is_none()),
            Err(error) => {
                self.found(kind_at, error.to_string());
                None
            }
        };
        let before = self.found.len();
        let (mut own, mut wrong) = (Table::new(), Vec::new());
        for entry @ (key, at, value) in entries(table, values) {
            match key.get_ref().as_ref() {
                "filter" => self.filter(at, value),
                name if HANDLER_KEYS.contains(&name) => self.one_of_every_handler(entry),
                name => {
                    let Some(kind) = &kind else { continue };
                    let before = self.found.len();
                    self.own_key(kind, entry);
                    if self.found.len() == before {
                        own.insert(name.to_owned(), value.clone());
                    } else if self.registry.keys(kind).contains(&name) {
                        wrong.push(name);
                    }
                }
            }
        }
        if let Some(kind) = &kind {
            for (key, value) in self.registry.implied(&given) {
                own.entry(*key).or_insert_with(|| Value::from(*value));
            }
            if let Some(path) = self.store.path.as_deref().and_then(Path::to_str)
                && self.registry.reads_store(kind)
            {
                own.entry("store").or_insert_with(|| Value::from(path));
            }
            self.together(kind, (at, table), own, &wrong);
        }
        if self.found.len() > before {
            return;
        }
        let problem = match Handler::config_of(values.clone(), &given) {
            Ok(config) => {
                let name = config.name.as_deref().or(kind.as_deref()).unwrap_or_default();
                check_lane(&config, name, &self.store).err().map(|error| error.to_string())
            }
            Err(problem) => Some(problem),
        };
        if let Some(problem) = problem {
            self.found(at.span(), problem);
        }
    }

    /// A handler's own keys that are right alone: some may be missing, or contradict each other.
    fn together(
        &mut self,
        kind: &str,
        (at, table): (&Spanned<DeValue<'_>>, &DeTable<'_>),
        mut own: Table,
        wrong: &[&str],
    ) {
        let mut missing = Vec::new();
        while let Err(error) = self.registry.check(kind, Keys::from(own.clone())) {
            let Some(key) = error.missing_key() else { break };
            if missing.iter().any(|known| known == key) {
                break;
            }
            missing.push(key.to_owned());
            // A value that most keys may have, to find the next one.
            own.insert(key.to_owned(), Value::String("1".to_owned()));
        }
        for key in missing.iter().filter(|key| !wrong.contains(&key.as_str())) {
            self.found(at.span(), format!("handler {kind}: missing key `{key}`"));
        }
        if missing.is_empty()
            && wrong.is_empty()
            && let Err(error) = self.registry.check_all(kind, Keys::from(own))
        {
            let problem = error.to_string();
            let key = problem.split([':', '=', ' ']).next().unwrap_or_default();
            let place = table.iter().find(|(name, _)| name.get_ref() == key);
            match place {
                Some((_, value)) => self.found(value.span(), problem),
                None => self.found(at.span(), format!("handler {kind}: {problem}")),
            }
        }
    }

    fn one_of_every_handler(&mut self, (key, at, value): Entry<'_>) {
        let table = Table::from_iter([(key.get_ref().to_string(), value.clone())]);
        if let Err(error) = Handler::deserialize_from(Value::Table(table)) {
            self.found(at.span(), error.trim_end());
        }
    }

    /// A key of a handler's own.
    fn own_key(&mut self, kind: &str, (key, at, value): Entry<'_>) {
        let name = key.get_ref().as_ref();
        let known = self.registry.keys(kind);
        if !known.contains(&name) {
            let mut all: Vec<&str> = known.to_vec();
            all.extend(HANDLER_KEYS);
            return self.unknown(key, &all, &format!(" (handler {kind})"));
        }
        let (DeValue::Table(table), Some(values)) = (at.get_ref(), value.as_table()) else {
            return self.own_value(kind, at, (name, value.clone()));
        };
        let before = self.found.len();
        for (key, at, value) in entries(table, values) {
            let nested = Table::from_iter([(key.get_ref().to_string(), value.clone())]);
            self.own_value(kind, at, (name, Value::Table(nested)));
        }
        if self.found.len() == before {
            self.own_value(kind, at, (name, value.clone()));
        }
    }

    fn own_value(&mut self, kind: &str, at: &Spanned<DeValue<'_>>, (name, value): (&str, Value)) {
        let table = Table::from_iter([(name.to_owned(), value)]);
        if let Err(error) = self.registry.check(kind, Keys::from(table))
            && error.missing_key().is_none()
        {
            self.found(at.span(), error.to_string());
        }
    }
}

/// Where a key belongs that every table but one refuses.
fn place_of(key: &str) -> Option<&'static str> {
    let tables = [
        (key_names::<StoreConfig>(), "below [store]"),
        (key_names::<NameFiles>(), "below [names]"),
        (key_names::<SourceConfig>(), "below [[source]]"),
        (HANDLER_KEYS.as_slice(), "below [[handler]]"),
        (keys_of_file(), "at the top of the file, before the first table"),
    ];
    let mut places = tables.iter().filter(|(keys, _)| keys.contains(&key));
    // The type and the filter, for example, belong to several.
    let place = places.next().map(|(_, place)| *place);
    place.filter(|_| places.next().is_none())
}

/// The keys of a table with their places and values.
pub(super) fn entries<'a>(table: &'a DeTable<'a>, values: &'a Table) -> Vec<Entry<'a>> {
    let entry = |(key, at): (&'a Key<'a>, &'a Spanned<DeValue<'a>>)| {
        Some((key, at, values.get(key.get_ref().as_ref())?))
    };
    table.iter().filter_map(entry).collect()
}
