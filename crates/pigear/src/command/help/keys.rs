//! What each key of a handler is for, in a line.

/// What a key of a handler of this kind is for, if it is a key of a handler that comes with Pigear.
pub(in crate::command) fn about(kind: &str, key: &str) -> Option<&'static str> {
    let of = |keys: &[(&str, &'static str)]| {
        keys.iter().find(|(name, _)| *name == key).map(|(_, about)| *about)
    };
    let own: &[(&str, &str)] = match kind {
        "exec" => EXEC,
        "file" => FILE,
        "http" => HTTP,
        "kafka" => KAFKA,
        "nats" => NATS,
        "pcap" => PCAP,
        "record" => RECORD,
        "shell" => SHELL,
        "socket" => SOCKET,
        "syslog" => SYSLOG,
        "web" => WEB,
        _ => &[],
    };
    of(own).or_else(|| of(ROTATED)).or_else(|| of(FORMAT)).or_else(|| of(EVERY))
}

const EVERY: &[(&str, &str)] = &[
    ("durable", "true: its alerts wait in the store; false: in memory"),
    ("filter", "only alerts for which this expression is true: msg.priority <= 2"),
    ("name", "its name in counters and messages; the type, if not given"),
    ("queue", "how many alerts may wait for it; 65536, if not given"),
    ("queue_bytes", "how many bytes these may take; 64MiB, if not given"),
    ("type", "the kind of handler; the name, if not given"),
    ("when_full", "what becomes of alerts that don't fit: drop-newest, wait or spill"),
    ("from", "where a new durable handler begins: now, or start for the oldest stored alert"),
    ("group", "alike alerts within this time become one, with their count: 1m"),
    ("limit", "the most alerts a minute; the others are left out, and counted as muted"),
    ("per_minute", "the most alerts or groups a minute; the others wait"),
];

const FORMAT: &[(&str, &str)] = &[
    ("fields", "which fields, in which order, with commas between; for alert_json and csv"),
    ("format", "fast, full, json, eve, ecs, ocsf, cef, snort, alert_json or csv"),
    ("max_bytes", "the most bytes that are written of a packet and of a payload"),
    ("packet", "no leaves packets out; for json, eve and full"),
    ("payload", "no leaves payloads out; for json, eve and ecs"),
    ("utc", "yes: times in UTC instead of local time; for snort, alert_json and csv"),
];

const ROTATED: &[(&str, &str)] = &[
    ("rotate", "start a new file at a size (100MB), a time (1h, daily), or both (100MB,1d)"),
    ("keep", "how many rotated files to keep; all, if not given"),
    ("compress", "gzip, zstd or none (default), for rotated files"),
    ("mode", "permissions of a new file, in octal; 0640, if not given"),
];

const FILE: &[(&str, &str)] = &[("path", "the file; alerts are appended to it")];

const PCAP: &[(&str, &str)] = &[("path", "the file, pcapng; packets are appended to it")];

const RECORD: &[(&str, &str)] =
    &[("path", "the new file, compressed if the name ends in .gz or .zst")];

const SHELL: &[(&str, &str)] = &[("history", "the file that keeps what was typed")];

const WEB: &[(&str, &str)] = &[
    ("listen", "the address and the port; 127.0.0.1:8080, if not given"),
    ("path", "a prefix of all paths, if the page is behind another server: /pigear"),
    ("users", "the file of users who may log in; pigear web user add writes it"),
    ("token", "a secret that stands for a login; token_file keeps it from other users"),
    ("token_file", "a file with this secret"),
    ("tls_cert", "the certificate for TLS (PEM)"),
    ("tls_key", "its key (PEM), if it isn't in the same file"),
    ("hosts", "names by which the page may be called, with commas between"),
    (
        "trusted_proxies",
        "servers in between whose X-Forwarded-For is believed: addresses, networks",
    ),
    ("store", "another store than that of --store"),
];

const SOCKET: &[(&str, &str)] = &[
    ("target", "unix-stream:PATH (a line an alert) or unix-dgram:PATH (a datagram an alert)"),
    ("format", "how an alert is written; eve, if not given"),
];

const EXEC: &[(&str, &str)] = &[
    ("command", "the program and its arguments; there is no shell"),
    ("mode", "each (default): a run an alert; stream: one program that gets a line an alert"),
    ("format", "what the program gets on standard input; json, if not given"),
    ("timeout", "how long a run may take; 10s, if not given"),
    ("concurrency", "how many runs there may be at once; 1, if not given"),
    ("rate", "the most runs a minute; more alerts wait"),
];

const SYSLOG: &[(&str, &str)] = &[
    ("target", "udp://HOST:514, tcp://HOST:601, tls://HOST:6514 or unix:PATH (default: /dev/log)"),
    ("facility", "auth (default), authpriv, daemon, local0 to local7, and others"),
    ("rfc", "the form of a message: 5424 (default), or 3164 (default of unix)"),
    ("format", "how an alert is written; snort, if not given"),
    ("ca", "for tls: the certificates (PEM) to trust instead of the system's"),
    ("cert", "for tls: the client's certificate (PEM)"),
    ("key", "for tls: the key of the certificate (PEM)"),
    ("max_len", "the most bytes of a message over udp and unix; 8192, if not given"),
];

const HTTP: &[(&str, &str)] = &[
    ("url", "where to send; may be a template"),
    ("url_file", "a file with the URL, for one that is a secret"),
    ("encoding", "json (an alert a request, default), ndjson, array or form"),
    ("format", "how an alert is written; json, if not given"),
    ("batch", "the most alerts in a request; 500, but 1 with json and form"),
    ("batch_bytes", "the most bytes in a request, before compression; 1MiB, if not given"),
    ("delay", "how long an alert waits for others to fill its request; 1s, if not given"),
    ("in_flight", "how many requests may be in flight at once; 1, if not given"),
    ("compress", "gzip, zstd or none (default)"),
    ("header", "header.NAME=VALUE is a header to send"),
    ("auth", "basic:USER:PASS, bearer:TOKEN, splunk:TOKEN or apikey:KEY"),
    ("auth_file", "a file with the same"),
    ("auth_env", "an environment variable with the same"),
    ("proxy", "a proxy to go through"),
    ("ca", "the certificates (PEM) to trust instead of the system's"),
    ("cert", "the client's certificate (PEM)"),
    ("key", "the key of the certificate (PEM)"),
    ("timeout", "how long a request may take, answer included; 30s, if not given"),
    ("connect_timeout", "how long connecting may take; 10s, if not given"),
    ("template", "what is sent of an alert: a file, or preset:NAME (slack, discord, telegram, …)"),
    ("escape", "what a template's values are escaped for: json (default), url or none"),
    ("param", "param.NAME=VALUE is a value for the template"),
];

const KAFKA: &[(&str, &str)] = &[
    ("url", "kafka://HOST:PORT, several brokers with commas between"),
    ("topic", "the topic; pigear.alerts, if not given"),
    ("create", "yes: a missing topic is created"),
    ("partitions", "with create: how many partitions; the broker's default, if not given"),
    ("replication", "with create: how many brokers have each; the broker's default, if not given"),
    ("format", "how an alert is written; in Pigear's binary form, if not given"),
    ("compression", "of batches: zstd (default), lz4, snappy, gzip or none"),
    ("batch_bytes", "the most bytes in a batch, before compression; 512KiB, if not given"),
    (
        "in_flight",
        "how many batches of a partition may wait for acknowledgement; 1, if not given: more may change the order",
    ),
    ("timeout", "how long an acknowledgement may take; 10s, if not given"),
    ("user", "the user (SASL)"),
    ("password", "the user's password; password_file keeps it from other users"),
    ("password_file", "a file with the user's password"),
    ("mechanism", "scram-sha-512 (default), scram-sha-256 or plain"),
    ("tls", "yes: demand TLS"),
    ("ca", "the certificates (PEM) to trust instead of the system's"),
    ("cert", "the client's certificate (PEM)"),
    ("key", "the key of the certificate (PEM)"),
];

const NATS: &[(&str, &str)] = &[
    ("url", "nats://HOST:PORT or tls://HOST:PORT, several with commas between"),
    ("create", "yes: a missing stream is created"),
    ("stream", "the stream; PIGEAR, if not given"),
    ("subject", "where alerts are published; pigear.alerts.SENSOR.PRIORITY, if not given"),
    ("format", "how an alert is written; in Pigear's binary form, if not given"),
    ("replicas", "how many servers have the stream: 1 (default), 3 or 5"),
    ("retention", "how long alerts are kept: limits (default), workqueue or interest"),
    ("max_age", "how old alerts in the stream may get; 7d, if not given; 0 for no limit"),
    ("max_size", "how large the stream may get: 10GB; no limit, if not given"),
    (
        "discard",
        "what a full stream does: old (default) removes the oldest, new refuses new alerts",
    ),
    ("duplicate_window", "for how long the stream knows alerts that come again; 2m, if not given"),
    ("compression", "of the stream on the server's disk: s2 (default) or none"),
    ("storage", "where the server keeps the stream: file (default) or memory"),
    ("in_flight", "how many alerts may wait for acknowledgement; 1024, if not given"),
    ("timeout", "how long an acknowledgement may take; 5s, if not given"),
    ("heartbeat", "how often each sensor says that it works; 10s, if not given; 0 for never"),
    ("bucket", "the key-value bucket of the heartbeats; PIGEAR_SENSORS, if not given"),
    ("creds", "a credentials file"),
    ("user", "the user"),
    ("password", "the user's password; password_file keeps it from other users"),
    ("password_file", "a file with the user's password"),
    ("token", "a token; token_file keeps it from other users"),
    ("token_file", "a file with a token"),
    ("nkey", "a file with the seed of an nkey"),
    ("tls", "yes: demand TLS also where the URL doesn't"),
    ("ca", "the certificates (PEM) to trust instead of the system's"),
    ("cert", "the client's certificate (PEM)"),
    ("key", "the key of the certificate (PEM)"),
];

#[cfg(test)]
mod tests {
    use super::*;
    use crate::keys::GENERAL_KEYS;
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
    fn a_key_may_mean_something_else_to_another_handler() {
        assert!(about("exec", "mode").unwrap().starts_with("each"));
        assert!(about("file", "mode").unwrap().starts_with("permissions"));
        assert_eq!(about("file", "url"), None);
    }
}
