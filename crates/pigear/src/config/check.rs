//! Finds all mistakes in a configuration file, not only the first.

mod mistake;

use std::collections::HashSet;
use std::ops::Range;
use std::path::Path;

use serde::Deserialize;
use serde::de::DeserializeOwned;
use toml::de::{DeTable, DeValue};
use toml::{Spanned, Table, Value};

use super::file::{File, Handler, not_repeatable};
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
        let (store, names, found) = (StoreConfig::default(), HashSet::new(), Vec::new());
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
    /// The names of handlers so far.
    names: HashSet<String>,
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
            && !self.names.insert(name.to_owned())
        {
            self.found(at.span(), format!("another handler is named {name}"));
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
        if self.found.len() == before
            && let Some(config) = Handler::config_of(value.clone())
            && let name = config.name.as_deref().or(kind.as_deref()).unwrap_or_default()
            && let Err(error) = check_lane(&config, name, &self.store)
        {
            self.found(at.span(), error.to_string());
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

#[cfg(test)]
mod tests {
    use super::*;

    fn mistakes(text: &str) -> Vec<String> {
        let found = Config::mistakes(text, &Registry::builtin());
        let shown = |it: Mistake| format!("{}:{}: {}", it.line, it.column, it.problem);
        found.into_iter().map(shown).collect()
    }

    #[test]
    fn all_mistakes_are_found_each_with_its_place() {
        let text = "count = 0\nstast = 'x'\n[store]\nkeep_days = 'soon'\nkeep_bytes = 1\n\
            [[source]]\nlogdri = 'a'\ninstances = 'ä'\n[[handler]]\npath = 'x'\n\
            [[handler]]\ntype = 'file'\npth = 'x'\nqueue = -1\n[[handler]]\ntype = 'fiel'\n\
            [[source]]\nonce = true\n";
        let found = mistakes(text);
        let places: Vec<_> = found.iter().map(|it| it.split(": ").next().unwrap()).collect();
        let expected = [
            "1:9", "2:1", "4:13", "5:14", "7:1", "8:13", "9:1", "11:1", "13:1", "14:9", "16:8",
            "17:1",
        ];
        assert_eq!(places, expected, "{found:#?}");
        assert_eq!(found[1], "2:1: unknown key `stast`; did you mean `stats`?");
        assert_eq!(found[7], "11:1: handler file: missing key `path`");
        assert!(found[11].contains("--once is for --socket-handler unified2"), "{found:#?}");
    }

    #[test]
    fn all_mistakes_in_the_keys_of_a_handler_are_found() {
        let text = "[[handler]]\ntype = 'file'\nrotate = 'never'\nmode = 'rw'\nutc = 'maybe'\n\
            [[handler]]\ntype = 'file'\npath = 7\nkeep = -1\n\
            [[handler]]\ntype = 'exec'\ncommand = 'x'\ntimeout = 'soon'\nrate = 'all'\n";
        let found = mistakes(text);
        let places: Vec<_> = found.iter().map(|it| it.split(": ").next().unwrap()).collect();
        let mut expected = vec!["1:1", "3:10", "4:8", "5:7", "8:8", "9:8"];
        if cfg!(feature = "exec") {
            expected.extend(["13:11", "14:8"]);
        }
        if !cfg!(feature = "exec") {
            expected.push("11:8");
        }
        assert_eq!(places, expected, "{found:#?}");
        assert_eq!(found[0], "1:1: handler file: missing key `path`");
    }

    #[test]
    fn a_key_that_stands_elsewhere_is_said_to_belong_there() {
        for (text, said) in [
            ("keep_days = 7\n", "1:1: unknown key `keep_days`; it belongs below [store]"),
            ("logdir = 'x'\n", "1:1: unknown key `logdir`; it belongs below [[source]]"),
            ("sid_msg_map = 'x'\n", "1:1: unknown key `sid_msg_map`; it belongs below [names]"),
            ("durable = true\n", "1:1: unknown key `durable`; it belongs below [[handler]]"),
            (
                "[store]\npath = 'x'\nmetrics = '127.0.0.1:1'\n",
                "3:1: unknown key `metrics`; it belongs at the top of the file, before the first table",
            ),
            (
                "[[handler]]\ntype = 'print'\nstats = 'x'\n",
                "3:1: unknown key `stats`; it belongs at the top of the file, before the first table \
                 (handler print)",
            ),
        ] {
            assert_eq!(mistakes(text), [said]);
        }
    }

    #[test]
    fn what_the_system_does_not_know_is_a_mistake() {
        let text = "user = 'nosuchuser'\nstats = ''\nrules = ['a', '']\n[store]\npath = ''\n[[source]]\n\
            allow_uid = ['root', 'nobodyy', '4294967295']\nsocket_group = 'nosuchgroup'\n";
        let expected = [
            "1:8: unknown user \"nosuchuser\"",
            "2:9: expected a text that is not empty",
            "3:15: expected a text that is not empty",
            "5:8: expected a text that is not empty",
            "7:22: unknown user \"nobodyy\"",
            "7:33: 4294967295 is not a user id",
            "8:16: unknown group \"nosuchgroup\"",
        ];
        assert_eq!(mistakes(text), expected);
        assert_eq!(mistakes("[[source]]\nsensor = ''\nrun_prefix = ''\n"), Vec::<String>::new());
    }

    #[test]
    fn keys_that_contradict_each_other_are_found() {
        let csv = "[[handler]]\ntype = 'print'\nformat = 'fast'\nutc = true\n";
        let says = "utc is for snort, alert_json and csv; format=fast is always in UTC";
        assert_eq!(mistakes(csv), [format!("4:7: {says}")]);
    }

    #[cfg(feature = "http")]
    #[test]
    fn what_http_would_refuse_at_the_start_is_found() {
        for (keys, expected) in [
            ("url = 'ftp://x'", "3:7: url: expected http:// or https://, not ftp:"),
            ("batch = 1", "1:1: handler http: give url or url_file"),
            ("url = 'http://x'\nauth = 'me'", "4:8: auth: expected basic:USER:PASS, "),
            ("url = 'http://x'\nin_flight = 0", "4:13: in_flight=0: expected at least 1"),
            (
                "url = 'http://x'\nauth = 'bearer:x'\nauth_file = 'x'",
                "1:1: handler http: give only one of",
            ),
        ] {
            let found = mistakes(&format!("[[handler]]\ntype = 'http'\n{keys}\n"));
            assert!(found.len() == 1 && found[0].starts_with(expected), "{expected}: {found:#?}");
        }
        let text = "[[handler]]\ntype = 'http'\nurl = 'http://x'\n[handler.header]\nA = 1\nB = 'x'\nC = 2\n";
        let found = mistakes(text);
        assert!(found.len() == 2 && found[0].starts_with("5:5: header.A: "), "{found:#?}");
        assert!(found[1].starts_with("7:5: header.C: "), "{found:#?}");
    }

    #[cfg(all(feature = "http", feature = "kafka", feature = "nats"))]
    #[test]
    fn a_url_that_the_start_refuses_is_a_mistake() {
        for (kind, keys) in [
            ("nats", "url = 'nats://u:s3cret@h:99999'"),
            ("nats", "url = ['nats://h', 'http://u:s3cret@h']"),
            ("nats", "url = 'nats://u:s3cret@ h'"),
            ("kafka", "url = 'kafka://h:99999'"),
            ("kafka", "url = 'kafka://u:s3cret@h'"),
            ("http", "url = 'http://u:s3cret@ h'"),
            ("http", "proxy = 'http://u:s3cret@ h'\nurl = 'http://h'"),
        ] {
            let found = mistakes(&format!("[[handler]]\ntype = '{kind}'\n{keys}\n"));
            let key = keys.split(' ').next().unwrap();
            let place = format!("3:{}: {key}: ", key.len() + 4);
            assert!(found.len() == 1 && found[0].starts_with(&place), "{keys}: {found:#?}");
            assert!(!found[0].contains("s3cret"), "{found:#?}");
        }
        for kind in ["nats", "kafka"] {
            let found =
                mistakes(&format!("[[handler]]\ntype = '{kind}'\nurl = '{kind}://a,b:1'\n"));
            assert_eq!(found, Vec::<String>::new());
        }
    }

    #[test]
    fn many_mistakes_are_found_before_the_tests_limit() {
        let lines = "x\n".repeat(100_000);
        assert!(mistakes(&lines).len() >= 100_000);
        let keys: Vec<_> = (0..50_000).map(|n| format!("k{n} = 1")).collect();
        let found = mistakes(&format!("web = {{ {} }}\n", keys.join(", ")));
        // Without the page, its handler is unknown.
        let expected = if cfg!(feature = "web") { 50_001 } else { 1 };
        assert_eq!(found.len(), expected, "{:?}", found.first());
        // It would take many minutes if each mistake were counted from the beginning.
        let handlers = "[[handler]]\nname = 'null'\nx = 1\n".repeat(20_000);
        assert!(mistakes(&handlers).len() >= 39_000);
    }

    #[test]
    fn what_is_no_toml_is_said_at_each_place() {
        let found = mistakes("a = \nb = 1\nc = [1,\n\"\n");
        assert!(found.len() > 1 && found[0].starts_with("1:"), "{found:#?}");
        let deep = format!("a = {}", "[".repeat(100_000));
        assert!(!mistakes(&deep).is_empty());
        assert!(!mistakes(&format!("a{} = 1", ".a".repeat(100_000))).is_empty());
        assert!(!mistakes("\0\u{1}").is_empty());
    }

    #[test]
    fn what_may_be_written_has_no_mistakes() {
        let right = "metrics = '127.0.0.1:1'\nrules = ['a', 'b']\nfilter = 'true'\n[metrics2]\n";
        assert_eq!(mistakes(right).len(), 1);
        let right = "[metrics]\nlisten = '127.0.0.1:1'\n[[source]]\nsocket_mode = 0o660\nallow_uid = ['root', '7']\n\
            [[handler]]\nname = 'print'\nformat = 'json'\npacket = false\ngroup = 60\n[[handler]]\n\
            type = 'file'\npath = 'x'\nwhen_full = 'spill'\nqueue_bytes = '1MiB'\nfilter = 'msg.priority < 3'\n";
        assert_eq!(mistakes(right), Vec::<String>::new());
        assert_eq!(
            mistakes("[source]\n"),
            ["1:2: write [[source]], not [source]: there may be several"]
        );
        assert_eq!(mistakes("filter = '1 +'\n").len(), usize::from(cfg!(feature = "script")));
    }
}
