//! Finds all mistakes in a configuration file, not only the first.

mod gathered;
mod handler;
mod mistake;
#[cfg(test)]
mod tests;

use std::ops::Range;
use std::path::{Path, PathBuf};

use serde::Deserialize;
use serde::de::DeserializeOwned;
use toml::de::{DeTable, DeValue};
use toml::{Spanned, Table, Value};

use super::file::{File, not_repeatable};
use super::handler_names::HandlerNames;
use super::{Config, SourceConfig, StoreConfig};
use crate::keys::{in_words, key_names};
use crate::listen::{
    ListenError, TableId, all_wrong, check_store, conflicts, group_id, known_user, user_id,
    usual_log_dir,
};
use crate::names::NameFiles;
use crate::registry::Registry;
use crate::similar::nearest;
use crate::visible::visible;
use gathered::Gathered;
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
    /// Of the files that it names, only Snort's configuration is read, for the log directory, and nothing is connected
    /// to; users and groups are those of this system.
    #[must_use]
    pub fn mistakes(text: &str, file: &Path, registry: &Registry) -> Vec<Mistake> {
        Self::mistakes_with(text, file, registry, Accounts::LookUp)
    }

    /// The same, with or without looking for users and groups.
    pub(crate) fn mistakes_with(
        text: &str,
        file: &Path,
        registry: &Registry,
        accounts: Accounts,
    ) -> Vec<Mistake> {
        let gathered = Gathered::new(text, file);
        let (names, found) = (HandlerNames::default(), Vec::new());
        let mut check = Check { registry, accounts, gathered, names, found };
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
    gathered: Gathered<'t>,
    names: HandlerNames,
    found: Vec<Found>,
}

impl Check<'_> {
    fn found(&mut self, at: Range<usize>, problem: impl Into<String>) {
        self.found.push(Found { at: at.start, problem: problem.into(), meant: None });
    }

    fn root(&mut self, root: &DeTable<'_>, values: &Table) {
        let of = |name: &str| root.get_key_value(name).zip(values.get(name));
        // Wherever they stand: handlers need the store, and the page's names come last.
        if let Some(((key, at), value)) = of("store") {
            self.store((key, at, value));
        }
        let mut right = values.clone();
        for entry @ (key, ..) in entries(root, values) {
            let before = self.found.len();
            self.top(entry);
            if self.found.len() > before {
                right.remove(key.get_ref().as_ref());
            }
        }
        if let Some(((_, at), value)) = of("web") {
            self.handler(at, value, Some("web"));
        }
        self.gathered.note_keys(TableId::Top, &Spanned::new(0..0, ()), root);
        self.gathered.complete(right, self.registry);
        for conflict in conflicts(&self.gathered.config, self.registry, usual_log_dir) {
            let at = self.gathered.at(conflict.place);
            self.found(at..at, conflict.error.to_string());
        }
    }

    /// A key at the top of the file, or a table but those of the store and the page.
    fn top(&mut self, entry @ (key, at, value): Entry<'_>) {
        let each = || value.as_array().into_iter().flatten();
        match (key.get_ref().as_ref(), at.get_ref()) {
            ("store" | "web", _) => {}
            ("names", DeValue::Table(table)) => {
                let wrong = self.table::<NameFiles>(table, value);
                self.gathered.config.names = without(value, &wrong).unwrap_or_default();
                self.gathered.note_keys(TableId::Names, at, table);
            }
            ("source", DeValue::Array(all)) => {
                all.iter().zip(each()).for_each(|(at, value)| self.source(at, value));
            }
            ("handler", DeValue::Array(all)) => {
                all.iter().zip(each()).for_each(|(at, value)| self.handler(at, value, None));
            }
            ("filter", _) => self.filter(at, value),
            ("user", DeValue::String(name)) => self.is_known(at, || known_user(name).map(drop)),
            (name @ ("source" | "handler"), _) => {
                let problem = not_repeatable(&format!("[{name}]")).unwrap_or_default();
                self.found(key.span(), problem);
            }
            _ => self.one::<File>(entry),
        }
    }

    fn store(&mut self, entry @ (_, at, value): Entry<'_>) {
        let DeValue::Table(table) = at.get_ref() else { return self.one::<File>(entry) };
        let wrong = self.table::<StoreConfig>(table, value);
        let mut store: StoreConfig = without(value, &wrong).unwrap_or_default();
        if wrong.iter().any(|key| key == "path") {
            // There is one, wherever it may be.
            store.path = Some(PathBuf::new());
        }
        if let Err(error) = check_store(&store) {
            self.found(at.span(), error.to_string());
        }
        self.gathered.config.store = store;
        self.gathered.note_keys(TableId::Store, at, table);
    }

    /// A table whose keys are the fields of `T`. Returns those that are wrong.
    fn table<T: DeserializeOwned>(&mut self, table: &DeTable<'_>, values: &Value) -> Vec<String> {
        let mut wrong = Vec::new();
        for entry @ (key, ..) in entries(table, values.as_table().unwrap_or(&Table::new())) {
            let before = self.found.len();
            self.one::<T>(entry);
            if self.found.len() > before {
                wrong.push(key.get_ref().to_string());
            }
        }
        wrong
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
                let unquoted = unquoted::<T>(name, value).unwrap_or_default();
                self.found(at.span(), format!("{}{unquoted}", in_words(error.message())));
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
        let is_type = ["handler", "source"].contains(&&**name) && known.contains(&"type");
        let hint = if is_type {
            "did you mean `type`?".to_owned()
        } else if let Some(place) = place {
            format!("it belongs {place}")
        } else if let Some(near) = near {
            format!("did you mean `{near}`?")
        } else {
            let known: Vec<_> = known.iter().map(|known| format!("`{known}`")).collect();
            format!("expected one of {}", known.join(", "))
        };
        self.found(key.span(), format!("unknown key `{}`; {hint}{more}", visible(name.as_bytes())));
        if let Some(mistake) = self.found.last_mut() {
            mistake.meant = near.map(|near| (name.to_string(), near.to_owned()));
        }
    }

    fn source(&mut self, at: &Spanned<DeValue<'_>>, value: &Value) {
        let DeValue::Table(table) = at.get_ref() else { return self.no_table(at, value) };
        let mut wrong = self.table::<SourceConfig>(table, value);
        for (key, at) in table {
            let before = self.found.len();
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
            if self.found.len() > before {
                wrong.push(key.get_ref().to_string());
            }
        }
        let source: SourceConfig = without(value, &wrong).unwrap_or_default();
        for error in all_wrong(&source, &wrong) {
            self.found(at.span(), error.to_string());
        }
        let index = self.gathered.config.sources.len();
        self.gathered.note_keys(TableId::Source(index), at, table);
        self.gathered.add_source(source, &wrong);
    }

    fn no_table(&mut self, at: &Spanned<DeValue<'_>>, value: &Value) {
        let error = Table::deserialize(value.clone()).err();
        let problem = error.map(|error| in_words(error.message())).unwrap_or_default();
        self.found(at.span(), problem);
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
        let script = match String::deserialize(value.clone()) {
            Ok(script) => script,
            Err(error) => return self.found(at.span(), in_words(error.message())),
        };
        #[cfg(feature = "script")]
        if let Err(problem) = crate::script::Filter::compile(&script) {
            self.found(at.span(), problem.to_string());
        }
        #[cfg(not(feature = "script"))]
        let _ = script;
    }
}

/// What to write instead of a number, or of true or false, in quotes.
fn unquoted<T: DeserializeOwned>(key: &str, value: &Value) -> Option<String> {
    let text = value.as_str()?;
    let value = text.parse().map(Value::Integer).ok();
    let value = value.or_else(|| text.parse().map(Value::Boolean).ok())?;
    let shown = format!(": write {key} = {text}");
    let table = Table::from_iter([(key.to_owned(), value)]);
    let is_right = match T::deserialize(Value::Table(table)) {
        Ok(_) => true,
        Err(error) => error.message().starts_with("missing field"),
    };
    is_right.then_some(shown)
}

/// A table without the keys that are wrong.
fn without<T: DeserializeOwned>(value: &Value, wrong: &[String]) -> Option<T> {
    let mut right = value.as_table()?.clone();
    for key in wrong {
        right.remove(key);
    }
    T::deserialize(Value::Table(right)).ok()
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
