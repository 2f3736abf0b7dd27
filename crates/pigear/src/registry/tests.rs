use super::*;
use crate::handler::null;
use crate::keys::every_handler;

fn error(name: &str, key: &str) -> String {
    let mut keys = Keys::default();
    keys.set(key, "x");
    Registry::builtin().build(name, keys).err().unwrap().to_string()
}

#[test]
fn an_unknown_handler_is_refused_with_those_that_there_are() {
    let names: Vec<_> = Registry::builtin().about().map(|(name, _)| name).collect();
    let expected = format!("unknown handler \"prnt\"; known are {}", names.join(", "));
    assert_eq!(error("prnt", "format"), expected);
}

#[test]
fn an_unknown_key_is_refused_with_those_that_there_are() {
    assert_eq!(
        error("print", "fmt"),
        format!(
            "handler print: unknown key `fmt`, expected one of `fields`, `format`, `max_bytes`, `packet`, \
             `payload`, `utc`{}",
            every_handler()
        )
    );
    assert_eq!(
        error("null", "x"),
        format!("handler null: unknown key `x`, there are none{}", every_handler())
    );
    assert_eq!(
        every_handler(),
        "; every handler has `durable`, `filter`, `from`, `group`, `limit` and `per_minute`, too"
    );
}

#[test]
fn each_handler_says_what_files_it_uses() {
    let registry = Registry::builtin();
    for (name, about) in registry.about() {
        let declared: Vec<_> = registry.files(name).iter().map(|(key, _)| *key).collect();
        let keys = registry.keys(name);
        assert!(declared.iter().all(|key| keys.contains(key)), "{name}: {declared:?}");
        // As the line about it names a file, or its keys do.
        let shown = about.split([' ', ';']).filter_map(|word| word.split_once('='));
        let shown = shown
            .filter(|(_, value)| value.split('|').any(|value| matches!(value, "FILE" | "PATH")));
        let named = keys.iter().filter(|key| {
            key.ends_with("_file") || ["path", "ca", "cert", "key", "history"].contains(*key)
        });
        // The path of the page is one of its address.
        let is_file = |key: &&str| (name, *key) != ("web", "path");
        for key in shown.map(|(key, _)| key).chain(named.copied()).filter(is_file) {
            assert!(declared.contains(&key), "{name}: {key}");
        }
    }
}

/// Claims names that begin with `my.`, and one name of 2012.
struct Mine;

impl Resolver for Mine {
    fn claims(&self, name: &str) -> bool {
        name.starts_with("my.") || name == "pigear.contrib.HttpSendHandler"
    }

    fn handler(&self, name: &str, _: Keys) -> Result<Box<dyn Handler>, Unresolved> {
        match name {
            "my.null" => Ok(Box::new(null::Null)),
            "my.broken" => Err(Unresolved::Failed("broken".into())),
            _ => Err(Unresolved::Absent(format!("there is no {name}"))),
        }
    }

    fn source(
        &self,
        name: &str,
        _: &SourceConfig,
        _: AlertFactory,
    ) -> Result<Box<dyn Source>, Unresolved> {
        Err(Unresolved::Absent(name.to_owned()))
    }
}

#[test]
fn a_resolver_makes_what_it_claims_before_names_of_2012_are_looked_up() {
    let mut registry = Registry::builtin();
    registry.set_resolver(Mine);
    assert_eq!(registry.resolve("my.null").unwrap(), "my.null");
    assert!(registry.build("my.null", Keys::default()).is_ok());
    let error = |name: &str| registry.build(name, Keys::default()).err().unwrap().to_string();
    assert_eq!(error("my.broken"), "handler my.broken: broken");
    let problem = "there is no pigear.contrib.HttpSendHandler";
    let expected = format!("handler pigear.contrib.HttpSendHandler: {problem}");
    assert_eq!(error("pigear.contrib.HttpSendHandler"), expected);
    assert!(error("your.own").starts_with("unknown handler"));
    assert_eq!(registry.resolve("pigear.core.DataHandler").unwrap(), "print");
}

#[test]
fn the_old_name_of_print_still_works() {
    assert_eq!(Registry::builtin().resolve("pigear.core.DataHandler").unwrap(), "print");
}

#[test]
fn what_a_handler_requires_is_known_before_it_is_created() {
    let registry = Registry::builtin();
    let dir = tempfile::tempdir().unwrap();
    let at = |name: &str| dir.path().join(name).display().to_string();
    let (file, pcap, rec) = (at("file"), at("pcap"), at("rec"));
    let all: &[(&str, &[(&str, &str)])] = &[
        ("exec", &[("command", "true")]),
        ("file", &[("path", &file)]),
        ("http", &[("url", "http://127.0.0.1:1")]),
        ("kafka", &[("url", "kafka://127.0.0.1:1")]),
        ("nats", &[("url", "nats://127.0.0.1:1")]),
        ("null", &[]),
        ("pcap", &[("path", &pcap)]),
        ("print", &[]),
        ("record", &[("path", &rec)]),
        ("socket", &[("target", "unix-dgram:/x")]),
        ("syslog", &[("target", "udp://127.0.0.1:1")]),
        ("syslog", &[("target", "tcp://127.0.0.1:1")]),
    ];
    for (kind, given) in all.iter().filter(|(kind, _)| registry.resolve(kind).is_ok()) {
        let mut keys = Keys::default();
        given.iter().for_each(|(key, value)| keys.set(key, value));
        let known = registry.requirements(kind, keys.clone()).unwrap();
        let needs = registry.build(kind, keys).unwrap().needs();
        assert_eq!((known.delivers, known.datagram), (needs.delivers, needs.datagram), "{kind}");
    }
}
