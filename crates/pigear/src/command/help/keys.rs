//! What each key of a handler is for, in a line, and what is in force without it.

use Usual::{Is, Unsaid, Varies};

/// A key of a handler.
struct KeyHelp {
    name: &'static str,
    /// What it is for.
    about: &'static str,
    usual: Usual,
}

/// What is in force if a key isn't given.
#[derive(Clone, Copy)]
enum Usual {
    /// Nothing, or what the text about the key says.
    Unsaid,
    /// This value.
    Is(&'static str),
    /// This, in words, or a value that depends on other keys.
    Varies(&'static str),
}

const fn key(name: &'static str, about: &'static str, usual: Usual) -> KeyHelp {
    KeyHelp { name, about, usual }
}

/// What a key of a handler of this kind is for, if it is a key of a handler that comes with Pigear.
pub(in crate::command) fn about(kind: &str, key: &str) -> Option<String> {
    let KeyHelp { about, usual, .. } = found(kind, key)?;
    Some(match usual {
        Unsaid => (*about).to_owned(),
        Is(value) | Varies(value) => format!("{about}; {value}, if not given"),
    })
}

/// The value of a key that isn't given, if it is always the same.
pub(in crate::command) fn usual(kind: &str, key: &str) -> Option<&'static str> {
    match found(kind, key)?.usual {
        Is(value) => Some(value),
        Unsaid | Varies(_) => None,
    }
}

fn found(kind: &str, key: &str) -> Option<&'static KeyHelp> {
    let own: &[KeyHelp] = match kind {
        "exec" => EXEC,
        "file" => FILE,
        "http" => HTTP,
        "kafka" => KAFKA,
        "nats" => NATS,
        "pcap" => PCAP,
        "print" => PRINT,
        "record" => RECORD,
        "shell" => SHELL,
        "socket" => SOCKET,
        "syslog" => SYSLOG,
        "web" => WEB,
        _ => &[],
    };
    [own, ROTATED, FORMAT, EVERY].into_iter().flatten().find(|it| it.name == key)
}

const EVERY: &[KeyHelp] = &[
    key("durable", "true: its alerts wait in the store; false: in memory", Unsaid),
    key("filter", "only alerts for which this expression is true: msg.priority <= 2", Unsaid),
    key("name", "its name in counters and messages", Varies("the type")),
    key("queue", "how many alerts may wait for it", Is("65536")),
    key("queue_bytes", "how many bytes these may take", Is("64MiB")),
    key("type", "the kind of handler", Varies("the name")),
    key("when_full", "what becomes of alerts that don't fit: drop-newest, wait or spill", Unsaid),
    key(
        "from",
        "where a new durable handler begins: now, or start for the oldest stored alert",
        Unsaid,
    ),
    key("group", "alike alerts within this time become one, with their count: 1m", Unsaid),
    key("limit", "the most alerts a minute; the others are left out, and counted as muted", Unsaid),
    key("per_minute", "the most alerts or groups a minute; the others wait", Unsaid),
];

const FORMAT: &[KeyHelp] = &[
    key(
        "fields",
        "which fields, in which order, with commas between; for alert_json and csv",
        Unsaid,
    ),
    key("format", "fast, full, json, eve, ecs, ocsf, cef, snort, alert_json or csv", Unsaid),
    key("max_bytes", "the most bytes that are written of a packet and of a payload", Unsaid),
    key("packet", "no leaves packets out; for json, eve and full", Unsaid),
    key("payload", "no leaves payloads out; for json, eve and ecs", Unsaid),
    key("utc", "yes: times in UTC instead of local time; for snort, alert_json and csv", Unsaid),
];

const ROTATED: &[KeyHelp] = &[
    key(
        "rotate",
        "start a new file at a size (100MB), a time (1h, daily), or both (100MB,1d)",
        Unsaid,
    ),
    key("keep", "how many rotated files to keep", Varies("all")),
    key("compress", "gzip, zstd or none, for rotated files", Is("none")),
    key("mode", "permissions of a new file, in octal", Is("0640")),
];

const PRINT: &[KeyHelp] =
    &[key("format", "fast, full, json, eve, ecs, ocsf, cef, snort, alert_json or csv", Is("fast"))];

const FILE: &[KeyHelp] = &[
    key("format", "fast, full, json, eve, ecs, ocsf, cef, snort, alert_json or csv", Is("fast")),
    key("path", "the file; alerts are appended to it", Unsaid),
];

const PCAP: &[KeyHelp] = &[key("path", "the file, pcapng; packets are appended to it", Unsaid)];

const RECORD: &[KeyHelp] =
    &[key("path", "the new file, compressed if the name ends in .gz or .zst", Unsaid)];

const SHELL: &[KeyHelp] = &[key("history", "the file that keeps what was typed", Unsaid)];

const WEB: &[KeyHelp] = &[
    key("listen", "the address and the port", Is("127.0.0.1:8080")),
    key("path", "a prefix of all paths, if the page is behind another server: /pigear", Unsaid),
    key("users", "the file of users who may log in; pigear web user add writes it", Unsaid),
    key("token", "a secret that stands for a login; token_file keeps it from other users", Unsaid),
    key("token_file", "a file with this secret", Unsaid),
    key("tls_cert", "the certificate for TLS (PEM)", Unsaid),
    key("tls_key", "its key (PEM), if it isn't in the same file", Unsaid),
    key("hosts", "names by which the page may be called, with commas between", Unsaid),
    key(
        "trusted_proxies",
        "servers in between whose X-Forwarded-For is believed: addresses, networks",
        Unsaid,
    ),
    key("store", "another store than that of --store", Unsaid),
];

const SOCKET: &[KeyHelp] = &[
    key(
        "target",
        "unix-stream:PATH (a line an alert) or unix-dgram:PATH (a datagram an alert)",
        Unsaid,
    ),
    key("format", "how an alert is written", Is("eve")),
];

const EXEC: &[KeyHelp] = &[
    key("command", "the program and its arguments; there is no shell", Unsaid),
    key(
        "mode",
        "each: a run an alert, or stream: one program that gets a line an alert",
        Is("each"),
    ),
    key("format", "what the program gets on standard input", Is("json")),
    key("timeout", "how long a run may take", Is("10s")),
    key("concurrency", "how many runs there may be at once", Is("1")),
    key("rate", "the most runs a minute; more alerts wait", Unsaid),
];

const SYSLOG: &[KeyHelp] = &[
    key(
        "target",
        "udp://HOST:514, tcp://HOST:601, tls://HOST:6514 or unix:PATH",
        Is("unix:/dev/log"),
    ),
    key("facility", "auth, authpriv, daemon, local0 to local7, and others", Is("auth")),
    key("rfc", "the form of a message: 5424 (default), or 3164 (default of unix)", Unsaid),
    key("format", "how an alert is written", Is("snort")),
    key("ca", "for tls: the certificates (PEM) to trust instead of the system's", Unsaid),
    key("cert", "for tls: the client's certificate (PEM)", Unsaid),
    key("key", "for tls: the key of the certificate (PEM)", Unsaid),
    key("max_len", "the most bytes of a message over udp and unix", Is("8192")),
];

const HTTP: &[KeyHelp] = &[
    key("url", "where to send; may be a template", Unsaid),
    key("url_file", "a file with the URL, for one that is a secret", Unsaid),
    key("encoding", "json (an alert a request), ndjson, array or form", Varies("json")),
    key("format", "how an alert is written", Varies("json")),
    key("batch", "the most alerts in a request; 500, but 1 with json and form", Unsaid),
    key("batch_bytes", "the most bytes in a request, before compression", Is("1MiB")),
    key("delay", "how long an alert waits for others to fill its request", Varies("1s")),
    key("in_flight", "how many requests may be in flight at once", Is("1")),
    key("compress", "gzip, zstd or none", Is("none")),
    key("header", "header.NAME=VALUE is a header to send", Unsaid),
    key("auth", "basic:USER:PASS, bearer:TOKEN, splunk:TOKEN or apikey:KEY", Unsaid),
    key("auth_file", "a file with the same", Unsaid),
    key("auth_env", "an environment variable with the same", Unsaid),
    key("proxy", "a proxy to go through", Unsaid),
    key("ca", "the certificates (PEM) to trust instead of the system's", Unsaid),
    key("cert", "the client's certificate (PEM)", Unsaid),
    key("key", "the key of the certificate (PEM)", Unsaid),
    key("timeout", "how long a request may take, answer included", Is("30s")),
    key("connect_timeout", "how long connecting may take", Is("10s")),
    key(
        "template",
        "what is sent of an alert: a file, or preset:NAME (slack, discord, telegram, …)",
        Unsaid,
    ),
    key("escape", "what a template's values are escaped for: json, url or none", Is("json")),
    key("param", "param.NAME=VALUE is a value for the template", Unsaid),
];

const KAFKA: &[KeyHelp] = &[
    key("url", "kafka://HOST:PORT, several brokers with commas between", Unsaid),
    key("topic", "the topic", Is("pigear.alerts")),
    key("create", "yes: a missing topic is created", Unsaid),
    key("partitions", "with create: how many partitions", Varies("the broker's default")),
    key("replication", "with create: how many brokers have each", Varies("the broker's default")),
    key("format", "how an alert is written", Varies("in Pigear's binary form")),
    key("compression", "of batches: zstd, lz4, snappy, gzip or none", Is("zstd")),
    key("batch_bytes", "the most bytes in a batch, before compression", Is("512KiB")),
    key(
        "in_flight",
        "how many batches of a partition may wait for acknowledgement, of which several may change their order",
        Is("1"),
    ),
    key("timeout", "how long an acknowledgement may take", Is("10s")),
    key("user", "the user (SASL)", Unsaid),
    key("password", "the user's password; password_file keeps it from other users", Unsaid),
    key("password_file", "a file with the user's password", Unsaid),
    key("mechanism", "scram-sha-512, scram-sha-256 or plain", Is("scram-sha-512")),
    key("tls", "yes: demand TLS", Unsaid),
    key("ca", "the certificates (PEM) to trust instead of the system's", Unsaid),
    key("cert", "the client's certificate (PEM)", Unsaid),
    key("key", "the key of the certificate (PEM)", Unsaid),
];

const NATS: &[KeyHelp] = &[
    key("url", "nats://HOST:PORT or tls://HOST:PORT, several with commas between", Unsaid),
    key("create", "yes: a missing stream is created", Unsaid),
    key("stream", "the stream", Is("PIGEAR")),
    key("subject", "where alerts are published", Varies("pigear.alerts.SENSOR.PRIORITY")),
    key("format", "how an alert is written", Varies("in Pigear's binary form")),
    key("replicas", "how many servers have the stream: 1, 3 or 5", Is("1")),
    key("retention", "how long alerts are kept: limits, workqueue or interest", Is("limits")),
    key("max_age", "how old alerts in the stream may get, 0 for no limit", Is("7d")),
    key("max_size", "how large the stream may get: 10GB", Varies("no limit")),
    key(
        "discard",
        "what a full stream does: old removes the oldest, new refuses new alerts",
        Is("old"),
    ),
    key("duplicate_window", "for how long the stream knows alerts that come again", Is("2m")),
    key("compression", "of the stream on the server's disk: s2 or none", Is("s2")),
    key("storage", "where the server keeps the stream: file or memory", Is("file")),
    key("in_flight", "how many alerts may wait for acknowledgement", Is("1024")),
    key("timeout", "how long an acknowledgement may take", Is("5s")),
    key("heartbeat", "how often each sensor says that it works, 0 for never", Is("10s")),
    key("bucket", "the key-value bucket of the heartbeats", Varies("PIGEAR_SENSORS")),
    key("creds", "a credentials file", Unsaid),
    key("user", "the user", Unsaid),
    key("password", "the user's password; password_file keeps it from other users", Unsaid),
    key("password_file", "a file with the user's password", Unsaid),
    key("token", "a token; token_file keeps it from other users", Unsaid),
    key("token_file", "a file with a token", Unsaid),
    key("nkey", "a file with the seed of an nkey", Unsaid),
    key("tls", "yes: demand TLS also where the URL doesn't", Unsaid),
    key("ca", "the certificates (PEM) to trust instead of the system's", Unsaid),
    key("cert", "the client's certificate (PEM)", Unsaid),
    key("key", "the key of the certificate (PEM)", Unsaid),
];

#[cfg(test)]
mod tests {
    use super::*;
    use std::fmt::Debug;

    use bytesize::ByteSize;
    use pigear_pipeline::LaneSettings;
    use serde::de::DeserializeOwned;

    use crate::keys::{GENERAL_KEYS, Keys};
    use crate::registry::Registry;

    #[test]
    fn each_key_of_each_handler_is_explained() {
        let registry = Registry::builtin();
        for (kind, _) in registry.about() {
            for key in registry.keys(kind).iter().chain(&GENERAL_KEYS) {
                assert!(about(kind, key).is_some(), "{key} of {kind}");
            }
        }
    }

    #[test]
    fn what_is_in_force_without_a_key_may_be_given() {
        let registry = Registry::builtin();
        for (kind, _) in registry.about() {
            for key in registry.keys(kind) {
                let Some(value) = usual(kind, key) else { continue };
                let mut keys = Keys::default();
                keys.set(key, value);
                let refused = registry.check(kind, keys).err();
                let refused = refused.filter(|error| error.missing_key().is_none());
                assert!(refused.is_none(), "{key}={value} of {kind}: {refused:?}");
            }
        }
    }

    /// Checks that options are the same with the value that is in force without a key, unless the handler has that value
    /// itself: then the options have none.
    fn is_in_force<O: DeserializeOwned + Debug>(kind: &str, required: &[(&str, &str)]) {
        let registry = Registry::builtin();
        let options = |more: Option<(&str, &str)>| {
            let mut keys = Keys::default();
            required.iter().copied().chain(more).for_each(|(key, value)| keys.set(key, value));
            format!("{:?}", keys.options_with_format::<O>().unwrap())
        };
        let without = options(None);
        for key in registry.keys(kind) {
            let Some(value) = usual(kind, key) else { continue };
            let is_same = options(Some((key, value))) == without;
            assert!(is_same || without.contains(&format!("{key}: None")), "{kind} {key}={value}");
        }
    }

    #[test]
    fn what_is_said_to_be_in_force_is() {
        is_in_force::<crate::handler::file::Options>("file", &[("path", "x")]);
        is_in_force::<crate::handler::pcap::Options>("pcap", &[("path", "x")]);
        #[cfg(feature = "exec")]
        is_in_force::<crate::handler::exec::Options>("exec", &[("command", "x")]);
        #[cfg(feature = "http")]
        is_in_force::<crate::handler::http::Options>("http", &[("url", "http://x")]);
        #[cfg(feature = "kafka")]
        is_in_force::<crate::fleet::kafka::Options>("kafka", &[("url", "x")]);
        #[cfg(feature = "nats")]
        is_in_force::<crate::fleet::nats::Options>("nats", &[("url", "x")]);
        #[cfg(feature = "syslog")]
        is_in_force::<crate::handler::syslog::Options>("syslog", &[]);
        #[cfg(feature = "web")]
        is_in_force::<crate::web::Options>("web", &[]);
    }

    #[test]
    fn a_queue_is_as_long_as_its_text_says() {
        let LaneSettings { max_alerts, max_bytes, .. } = LaneSettings::default();
        assert_eq!(usual("null", "queue"), Some(&*max_alerts.to_string()));
        let bytes: ByteSize = usual("null", "queue_bytes").unwrap().parse().unwrap();
        assert_eq!(bytes.as_u64(), max_bytes as u64);
    }

    #[test]
    fn a_default_is_a_part_of_the_text() {
        assert_eq!(about("exec", "timeout").unwrap(), "how long a run may take; 10s, if not given");
        assert_eq!((usual("exec", "timeout"), usual("http", "delay")), (Some("10s"), None));
        assert_eq!((usual("exec", "rate"), usual("file", "keep")), (None, None));
    }

    #[test]
    fn a_key_may_mean_something_else_to_another_handler() {
        assert!(about("exec", "mode").unwrap().starts_with("each"));
        assert!(about("file", "mode").unwrap().starts_with("permissions"));
        assert_eq!(about("file", "url"), None);
    }
}
