//! The handlers that are in force.

use std::path::Path;

use pigear_pipeline::LaneSettings;
use toml::Value;

use super::setting::{Origin, Part, Setting};
use super::{InForce, origin_of};
use crate::command::help::usual;
use crate::command::settings;
use crate::config::{FileKey, HANDLER_KEYS, HandlerConfig};

impl InForce<'_> {
    pub(super) fn handlers(&self) -> Vec<Part> {
        let handlers = self.config.handlers.iter().enumerate();
        let part = |(index, handler): (usize, &HandlerConfig)| {
            let mut settings = vec![self.kind(index, handler), self.name(index, handler)];
            let general = HANDLER_KEYS.iter().filter(|key| !["type", "name"].contains(key));
            settings.extend(general.map(|key| self.general_key(index, key)));
            settings.extend(self.own_keys(index, handler));
            Part { table: "handler", index: Some(index), settings }
        };
        handlers.map(part).collect()
    }

    fn is_in_file(&self, index: usize) -> bool {
        self.config.handlers.get(index).is_some_and(|handler| handler.place.is_some())
    }

    fn kind(&self, index: usize, handler: &HandlerConfig) -> Setting {
        let value = Value::String(handler.kind.clone());
        let origin = if self.is_in_file(index) {
            let named = || self.in_file("handler", index, "name");
            let key = self.in_file("handler", index, "type").or_else(named);
            // The table of the page has neither.
            match (key, handler.place.as_deref().and_then(|place| place.rsplit_once(':'))) {
                (Some(key), _) => self.of_file(key),
                (None, Some((file, line))) => {
                    Origin::File(file.into(), line.parse().unwrap_or_default())
                }
                (None, None) => Origin::Default,
            }
        } else {
            let given = self.given.get("data_handler");
            given.map_or(Origin::Default, |given| origin_of(given, "data-handler"))
        };
        // Without it there would be no handler of this kind.
        Setting {
            key: "type".to_owned(),
            value: Some(value),
            is_secret: false,
            origin: vec![origin],
        }
    }

    fn name(&self, index: usize, handler: &HandlerConfig) -> Setting {
        let name = handler.name.clone().unwrap_or_default();
        if let Some(key) = self.in_file("handler", index, "name") {
            return Setting::given("name", key.value.clone(), vec![self.of_file(key)]);
        }
        let begin = format!("{name}=");
        let given = self.given.get("data_handler").filter(|_| !self.is_in_file(index));
        match given.filter(|given| given.values.iter().any(|it| it.starts_with(&begin))) {
            Some(given) => {
                Setting::given("name", name.into(), vec![origin_of(given, "data-handler")])
            }
            None => Setting::usual("name", Some(name.into())),
        }
    }

    /// A key that every handler has.
    fn general_key(&self, index: usize, key: &str) -> Setting {
        if let Some((typed, value)) = self.typed(index, key) {
            return Setting::given(key, value.into(), vec![typed]);
        }
        if let Some(key) = self.in_file("handler", index, key) {
            return Setting::given(&key.key, key.value.clone(), vec![self.of_file(key)]);
        }
        let lane = LaneSettings::default();
        let sources = &self.config.sources;
        let value = match key {
            "queue" => i64::try_from(lane.max_alerts).ok().map(Value::from),
            "queue_bytes" => i64::try_from(lane.max_bytes).ok().map(Value::from),
            "when_full" if sources.iter().all(|it| it.kind.is_patient()) => Some("wait".into()),
            "when_full" if !sources.iter().any(|it| it.kind.is_patient()) => {
                Some("drop-newest".into())
            }
            "durable" if self.config.store.path.is_none() => Some(false.into()),
            _ => None,
        };
        Setting::usual(key, value)
    }

    /// The last `KEY=VALUE` for a key of a handler; one with the handler's name takes precedence.
    fn typed(&self, index: usize, key: &str) -> Option<(Origin, &str)> {
        let handlers = &self.config.handlers;
        let for_it = |(typed, _): &&(String, String)| {
            settings::meant(handlers, typed) == Some((index, key.to_owned()))
        };
        let all: Vec<_> = self.args.keys.iter().filter(for_it).collect();
        let named = all.iter().rfind(|(typed, _)| typed != key);
        let (typed, value) = named.or(all.last())?;
        Some((Origin::CommandLine(format!("{typed}=")), value))
    }

    fn own_keys(&self, index: usize, handler: &HandlerConfig) -> Vec<Setting> {
        let kind = self.registry.resolve(&handler.kind).unwrap_or(&handler.kind);
        let known = self.registry.keys(kind);
        let is_known = |key: &str| known.contains(&key.split('.').next().unwrap_or_default());
        let is_ours = self.registry.resolver(kind).is_none();
        let given = handler.keys.each();
        let mut settings: Vec<_> = given
            .iter()
            .map(|(key, value)| {
                let (origin, value) = self.own_origin(index, key, value);
                // A misspelt key may have any secret.
                if is_ours && !is_known(key) {
                    return Setting::hidden(key, vec![origin]);
                }
                Setting::given(key, value, vec![origin])
            })
            .collect();
        let is_given = |key: &str| {
            given.iter().any(|(given, _)| given.split('.').next().is_some_and(|it| it == key))
        };
        for key in known.iter().filter(|key| !is_given(key)) {
            settings.push(Setting::usual(key, self.usual_of_own(handler, kind, key)));
        }
        settings
    }

    fn own_origin(&self, index: usize, key: &str, value: &Value) -> (Origin, Value) {
        if let Some((origin, _)) = self.typed(index, key) {
            return (origin, value.clone());
        }
        let in_file: Option<&FileKey> = self.in_file("handler", index, key);
        in_file.map_or_else(
            || (Origin::Default, value.clone()),
            |key| (self.of_file(key), key.value.clone()),
        )
    }

    /// The default of a handler's own key, if it doesn't depend on others.
    fn usual_of_own(&self, handler: &HandlerConfig, kind: &str, key: &str) -> Option<Value> {
        let implied = self.registry.implied(&handler.kind).iter().find(|(name, _)| *name == key);
        if let Some((_, value)) = implied {
            return Some((*value).into());
        }
        if key == "store" {
            return self.config.store.path.as_deref().and_then(Path::to_str).map(Value::from);
        }
        usual(kind, key).map(Value::from)
    }
}
