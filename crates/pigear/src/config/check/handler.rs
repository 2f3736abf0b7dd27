//! A handler, with the keys of its kind.

use std::path::Path;

use toml::de::{DeTable, DeValue};
use toml::{Spanned, Table, Value};

use super::{Check, Entry, HANDLER_KEYS, entries};
use crate::config::file::Handler;
use crate::keys::Keys;
use crate::listen::TableId;

impl Check<'_> {
    /// A handler; the table of the page is one of its own kind.
    pub(super) fn handler(
        &mut self,
        at: &Spanned<DeValue<'_>>,
        value: &Value,
        usual: Option<&str>,
    ) {
        let (DeValue::Table(table), Some(values)) = (at.get_ref(), value.as_table()) else {
            return self.no_table(at, value);
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
        let index = self.gathered.config.handlers.len();
        self.gathered.note_keys(TableId::Handler(index), at, table);
        let (mut right, mut own, mut wrong) = (values.clone(), Table::new(), Vec::new());
        for entry @ (key, at, value) in entries(table, values) {
            let name = key.get_ref().as_ref();
            let is_own = !HANDLER_KEYS.contains(&name);
            let before = self.found.len();
            match (name, &kind) {
                ("filter", _) => self.filter(at, value),
                _ if !is_own => self.one_of_every_handler(entry),
                (_, Some(kind)) => self.own_key(kind, entry),
                (_, None) => continue,
            }
            if self.found.len() > before {
                right.remove(name);
                wrong.push(name);
            } else if is_own {
                own.insert(name.to_owned(), value.clone());
            }
        }
        if let Some(kind) = &kind {
            for (key, value) in self.registry.implied(&given) {
                own.entry(*key).or_insert_with(|| Value::from(*value));
            }
            if let Some(path) = self.gathered.config.store.path.as_deref().and_then(Path::to_str)
                && self.registry.reads_store(kind)
            {
                own.entry("store").or_insert_with(|| Value::from(path));
            }
            self.together(kind, (at, table), own, &wrong);
        }
        if let Err(problem) = self.gathered.add_handler(right, &given, &wrong) {
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
        let mut stand_ins = self.add_missing(kind, &mut own);
        for key in stand_ins.iter().filter(|key| !wrong.contains(&key.as_str())) {
            self.found(at.span(), format!("handler {kind}: missing key `{key}`"));
        }
        stand_ins.extend(wrong.iter().map(|key| (*key).to_owned()));
        if wrong.contains(&"url") {
            own.insert("url".to_owned(), stand_in(kind, "url"));
        }
        while let Err(error) = self.registry.check_all(kind, Keys::from(own.clone())) {
            let problem = error.to_string();
            let named = named_in(&problem, self.registry.keys(kind));
            // It may be right with another value.
            if named.iter().any(|key| stand_ins.iter().any(|it| it == key)) {
                break;
            }
            let key = problem.split([':', '=', ' ']).next().unwrap_or_default();
            let place = table.iter().find(|(name, _)| name.get_ref() == key);
            match place {
                Some((_, value)) => self.found(value.span(), problem),
                None => self.found(at.span(), format!("handler {kind}: {problem}")),
            }
            // What else is wrong is found without these.
            let before = own.len();
            for key in &named {
                own.remove(*key);
            }
            if own.len() == before {
                break;
            }
            if named.contains(&"url") {
                own.insert("url".to_owned(), stand_in(kind, "url"));
            }
            stand_ins.extend(named.into_iter().map(ToOwned::to_owned));
            stand_ins.extend(self.add_missing(kind, &mut own));
        }
    }

    /// Adds a value for each of a handler's own keys that is missing, and returns these keys.
    fn add_missing(&self, kind: &str, own: &mut Table) -> Vec<String> {
        let mut missing = Vec::new();
        while let Err(error) = self.registry.check(kind, Keys::from(own.clone())) {
            let Some(key) = error.missing_key() else { break };
            if missing.iter().any(|known| known == key) {
                break;
            }
            missing.push(key.to_owned());
            own.insert(key.to_owned(), stand_in(kind, key));
        }
        missing
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

/// A value that a key may have, to find what else is wrong.
fn stand_in(kind: &str, key: &str) -> Value {
    Value::String(if key == "url" { format!("{kind}://localhost") } else { "1".to_owned() })
}

/// The keys that a text names.
fn named_in<'a>(text: &str, keys: &[&'a str]) -> Vec<&'a str> {
    let is_of_word = |letter: char| letter.is_ascii_alphanumeric() || letter == '_';
    let words: Vec<_> = text.split(|letter| !is_of_word(letter)).collect();
    keys.iter().copied().filter(|key| words.contains(key)).collect()
}
