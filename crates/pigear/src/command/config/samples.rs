//! Values of the keys of handlers, as they may be written.

use crate::command::help::usual;

/// Values of keys that have no default, or one that isn't a value; those of one kind of handler first.
const SAMPLES: [(&str, &str, &str); 65] = [
    ("file", "path", "\"/var/log/pigear/alerts.json\""),
    ("http", "format", "\"json\""),
    ("http", "url", "\"https://example.org/alerts\""),
    ("kafka", "format", "\"json\""),
    ("kafka", "url", "\"kafka://127.0.0.1:9092\""),
    ("nats", "format", "\"json\""),
    ("nats", "url", "\"nats://127.0.0.1:4222\""),
    ("pcap", "path", "\"/var/log/pigear/alerts.pcapng\""),
    ("record", "path", "\"/var/log/pigear/alerts.rec\""),
    ("socket", "target", "\"unix-stream:/run/alerts.sock\""),
    ("web", "path", "\"/pigear\""),
    ("", "auth", "\"bearer:TOKEN\""),
    ("", "auth_env", "\"PIGEAR_AUTH\""),
    ("", "auth_file", "\"/etc/pigear/auth\""),
    ("", "batch", "500"),
    ("", "bucket", "\"PIGEAR_SENSORS\""),
    ("", "ca", "\"/etc/pigear/ca.pem\""),
    ("", "cert", "\"/etc/pigear/client.pem\""),
    ("", "command", "\"/usr/local/bin/on-alert\""),
    ("", "create", "\"yes\""),
    ("", "creds", "\"/etc/pigear/pigear.creds\""),
    ("", "delay", "\"1s\""),
    ("", "durable", "true"),
    ("", "encoding", "\"json\""),
    ("", "fields", "\"timestamp,msg\""),
    ("", "filter", "\"msg.priority <= 2\""),
    ("", "from", "\"now\""),
    ("", "group", "\"1m\""),
    ("", "header", "{ X-Site = \"dmz\" }"),
    ("", "history", "\"/var/lib/pigear/history\""),
    ("", "hosts", "\"pigear.example.org\""),
    ("", "keep", "7"),
    ("", "key", "\"/etc/pigear/client.key\""),
    ("", "limit", "100"),
    ("", "max_bytes", "1000"),
    ("", "max_size", "\"10GB\""),
    ("", "name", "\"alerts\""),
    ("", "nkey", "\"/etc/pigear/pigear.nk\""),
    ("", "packet", "\"no\""),
    ("", "param", "{ channel = \"alerts\" }"),
    ("", "partitions", "6"),
    ("", "password", "\"PASSWORD\""),
    ("", "password_file", "\"/etc/pigear/password\""),
    ("", "payload", "\"no\""),
    ("", "per_minute", "10"),
    ("", "proxy", "\"http://127.0.0.1:3128\""),
    ("", "rate", "60"),
    ("", "replication", "3"),
    ("", "rfc", "5424"),
    ("", "rotate", "\"100MB,1d\""),
    ("", "store", "\"/var/lib/pigear/alerts.db\""),
    ("", "subject", "\"pigear.alerts.dmz\""),
    ("", "template", "\"preset:slack\""),
    ("", "tls", "\"yes\""),
    ("", "tls_cert", "\"/etc/pigear/page.pem\""),
    ("", "tls_key", "\"/etc/pigear/page.key\""),
    ("", "token", "\"TOKEN\""),
    ("", "token_file", "\"/etc/pigear/token\""),
    ("", "trusted_proxies", "\"127.0.0.1\""),
    ("", "type", "\"print\""),
    ("", "url_file", "\"/etc/pigear/url\""),
    ("", "user", "\"pigear\""),
    ("", "users", "\"/etc/pigear/users\""),
    ("", "utc", "\"yes\""),
    ("", "when_full", "\"drop-newest\""),
];

/// A value of a handler's key, in TOML: the default, if there is one.
pub(super) fn sample(kind: &str, key: &str) -> Option<String> {
    let of = |wanted: &str| {
        let found = SAMPLES.iter().find(|(kind, name, _)| *kind == wanted && *name == key);
        found.map(|(_, _, sample)| (*sample).to_owned())
    };
    let in_toml = |value: &str| {
        let is_number = !value.starts_with('0') && value.bytes().all(|it| it.is_ascii_digit());
        if is_number { value.to_owned() } else { format!("\"{value}\"") }
    };
    of(kind).or_else(|| usual(kind, key).map(in_toml)).or_else(|| of(""))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::command::config::example;
    use crate::config::Config;
    use crate::registry::Registry;

    /// Keys that are for others, and one of these.
    const COMPANIONS: [(&str, &str); 17] = [
        ("durable", "[store]\npath = \"/a.db\"\n"),
        ("escape", "template = \"preset:slack\"\n"),
        ("fields", "format = \"csv\"\n"),
        ("from", "durable = true\n[store]\npath = \"/a.db\"\n"),
        ("key", "cert = \"x\"\n"),
        ("max_bytes", "format = \"json\"\n"),
        ("mechanism", "user = \"x\"\npassword = \"x\"\n"),
        ("packet", "format = \"json\"\n"),
        ("param", "template = \"preset:slack\"\n"),
        ("partitions", "create = \"yes\"\n"),
        ("password", "user = \"x\"\n"),
        ("password_file", "user = \"x\"\n"),
        ("payload", "format = \"json\"\n"),
        ("replication", "create = \"yes\"\n"),
        ("tls_key", "tls_cert = \"x\"\n"),
        ("user", "password = \"x\"\n"),
        ("utc", "format = \"csv\"\n"),
    ];

    /// What else a handler has in which this key is set.
    fn others(kind: &str, key: &str) -> String {
        let needed = match kind {
            "exec" => "command",
            "file" | "pcap" | "record" => "path",
            "http" if key == "url_file" => "",
            "http" | "kafka" | "nats" => "url",
            "socket" => "target",
            _ => "",
        };
        let mut text = String::new();
        if !needed.is_empty() && needed != key {
            text = format!("{needed} = {}\n", sample(kind, needed).unwrap());
        }
        text += match (kind, key) {
            ("http", "batch") => "encoding = \"ndjson\"\n",
            ("syslog", "utc") => "format = \"csv\"\n",
            ("syslog", "ca" | "cert") => "target = \"tls://h:6514\"\n",
            ("syslog", "key") => "target = \"tls://h:6514\"\ncert = \"x\"\n",
            _ => COMPANIONS.iter().find(|(name, _)| *name == key).map_or("", |(_, text)| text),
        };
        if kind == "web" && key != "store" {
            text += "[store]\npath = \"/a.db\"\n";
        }
        text
    }

    #[test]
    fn each_key_of_the_example_may_be_set_by_removing_its_mark() {
        let registry = Registry::builtin();
        let example = example::text(&registry);
        let (_, handlers) = example.split_once("# Every handler has these keys:").unwrap();
        let (mut kind, mut keys) = ("", 0);
        for line in handlers.lines() {
            let Some(line) = line.strip_prefix("# ") else { continue };
            let Some((key, value)) = line.split_once('=') else { continue };
            let key = key.trim_end();
            if key.contains(' ') {
                continue;
            }
            // The line that begins a handler has no comment.
            if key == "type" && !value.contains('#') {
                kind = value.trim().trim_matches('"');
                continue;
            }
            let of_type = match (kind, key) {
                ("", "type") => String::new(),
                ("", _) => "type = \"print\"\n".to_owned(),
                _ => format!("type = \"{kind}\"\n"),
            };
            let mut others = others(kind, key);
            let store = others.find("[store]").map(|at| others.split_off(at)).unwrap_or_default();
            let text = format!("[[handler]]\n{of_type}{line}\n{others}{store}");
            let found = Config::mistakes(&text, "".as_ref(), &registry);
            assert!(found.is_empty(), "{text}: {found:?}");
            keys += 1;
        }
        let all = registry.about().map(|(kind, _)| registry.keys(kind).len()).sum::<usize>();
        assert_eq!(keys, all + crate::config::HANDLER_KEYS.len());
    }
}
