//! What `pigear config check` finds is what a start refuses, in the same words.

use std::collections::BTreeSet;
use std::process::Output;

use crate::harness::program;
use crate::room::Room;

/// Handlers and sources with settings that are refused whatever the machine is like, and why.
const REFUSED: &[(&str, &str)] = &[
    // Handlers.
    ("type = 'print'\nutc = 'yes'", "utc is for snort, alert_json and csv"),
    ("type = 'file'\npath = ''", "path: expected a file"),
    ("type = 'file'\npath = 'new'\nformat = 'json'\nutc = 'yes'", "utc is for snort"),
    ("type = 'file'\npath = 'new'\nutc = 'yes'", "utc is for snort, alert_json and csv"),
    ("type = 'pcap'\npath = ''", "path: expected a file"),
    ("type = 'record'\npath = ''", "path: expected a file"),
    ("type = 'socket'\ntarget = 'unix-dgram:a'\nformat = 'full'", "format=full has several lines"),
    ("type = 'socket'\ntarget = 'unix-dgram:a'\nutc = 'yes'", "utc is for snort"),
    ("type = 'shell'\nhistory = 7", "history: "),
    ("type = 'exec'\ncommand = 'cat | tee x'", "there is no shell, so | would be an argument"),
    ("type = 'exec'\ncommand = 'cat'\ntimeout = '0s'", "timeout=0s: must be greater than 0"),
    ("type = 'exec'\ncommand = 'cat'\nutc = 'yes'", "utc is for snort"),
    (
        "type = 'exec'\ncommand = 'cat'\nmode = 'stream'\nrate = '5'",
        "timeout, concurrency and rate are for mode=each",
    ),
    (
        "type = 'exec'\ncommand = 'cat'\nmode = 'stream'\nformat = 'full'",
        "mode=stream writes a line per alert, but format=full has several",
    ),
    ("type = 'syslog'\nformat = 'full'", "format=full has several lines an alert"),
    ("type = 'syslog'\nutc = 'yes'", "utc has no effect: format=snort has no time"),
    ("type = 'syslog'\nformat = 'eve'\nutc = 'yes'", "utc is for snort"),
    ("type = 'syslog'\nca = 'a'", "ca, cert and key are for target=tls://…"),
    ("type = 'syslog'\nmax_len = 5", "max_len is 5, but must be 480 to 65507"),
    ("type = 'syslog'\ntarget = 'tls://a'\nkey = 'k'", "key needs its certificate; give cert"),
    ("type = 'syslog'\ntarget = 'tls://a b'", "\"a b\" is not a valid host name"),
    ("type = 'web'", "the page shows what is stored, so it needs a store"),
    ("type = 'web'\nstore = 'a.db'\npath = 'a b'", "path=a b: expected a path such as /pigear"),
    ("type = 'web'\nstore = 'a.db'\ntls_key = 'k'", "tls_key needs its certificate"),
    ("type = 'web'\nstore = 'a.db'\ntoken = ''", "token is empty"),
    (
        "type = 'web'\nstore = 'a.db'\ntoken = 'a'\ntoken_file = 'b'",
        "give either token or token_file",
    ),
    (
        "type = 'web'\nstore = 'a.db'\nlisten = '0.0.0.0:0'",
        "others can reach 0.0.0.0:0, so the page needs a login there",
    ),
    (
        "type = 'web'\nstore = 'a.db'\nlisten = '127.0.0.1:0'\ntrusted_proxies = 'x'",
        "trusted_proxies=x: ",
    ),
    ("type = 'http'\nurl = 'ftp://h'", "url: expected http:// or https://, not ftp:"),
    ("type = 'http'\nurl = 'http://h/{{'", "url"),
    ("type = 'http'\nurl = 'http://h'\nurl_file = 'u'", "give only one of url and url_file"),
    ("type = 'http'\nurl = 'http://h'\nkey = 'k'", "key needs its certificate; give cert"),
    ("type = 'http'\nurl = 'http://h'\nbatch = 0", "batch=0: expected at least 1"),
    ("type = 'http'\nurl = 'http://h'\nbatch = 5\nencoding = 'json'", "batch=5 needs encoding"),
    ("type = 'http'\nurl = 'http://h'\nescape = 'url'", "escape needs a template"),
    ("type = 'http'\nurl = 'http://h'\nparam = { a = 'b' }", "param needs a template"),
    ("type = 'http'\nurl = 'http://h'\nheader = { 'a b' = 'c' }", "header.a b: not a valid header"),
    ("type = 'http'\nurl = 'http://h'\nutc = 'yes'", "utc is for snort"),
    (
        "type = 'http'\nurl = 'http://h'\nencoding = 'array'\nformat = 'fast'",
        "encoding=array needs JSON, which format=fast is not",
    ),
    ("type = 'http'\nurl = 'http://me:s3cret@h'\nauth = 'bearer:x'", "the URL has a user name"),
    ("type = 'http'\nurl = 'http://me:s3cret@h'\nauth_file = 'x'", "the URL has a user name"),
    (
        "type = 'http'\nurl = 'http://h'\ntemplate = 'preset:telegram'",
        "preset:telegram needs param.",
    ),
    (
        "type = 'http'\nurl = 'http://h'\ntemplate = 'preset:slack'\nencoding = 'form'",
        "preset:slack has its own encoding",
    ),
    (
        "type = 'pigear.contrib.HttpSendHandler'\nurl = 'http://h'\nbatch = 5",
        "batch=5 needs encoding=ndjson or encoding=array",
    ),
    ("type = 'nats'\nurl = 'nats://a'\nuser = 'me'", "user needs password or password_file"),
    ("type = 'nats'\nurl = 'nats://a'\npassword_file = 'p'", "password needs user"),
    ("type = 'nats'\nurl = 'nats://a'\ntoken = 'x'\ncreds = 'c'", "give only one of creds, nkey"),
    ("type = 'nats'\nurl = 'nats://a'\nkey = 'k'", "key needs its certificate; give cert"),
    ("type = 'nats'\nurl = 'nats://a'\ntls = 'no'\nca = 'c'", "ca, cert and key are for TLS"),
    ("type = 'nats'\nurl = 'nats://me:s3cret@a'\ncreds = 'c'", "url has a user; remove it"),
    ("type = 'nats'\nurl = 'nats://a'\nbucket = 'a b'", "bucket: "),
    ("type = 'nats'\nurl = 'nats://a'\nheartbeat = '1ms'", "heartbeat is 1ms, but must be"),
    ("type = 'nats'\nurl = 'nats://a'\nutc = 'yes'", "utc are for a format; give format=NAME"),
    (
        "type = 'nats'\nurl = 'nats://a'\nmax_bytes = '1GB'",
        "the stream's size is max_size; fields, packet, payload, max_bytes and utc are for a format",
    ),
    ("type = 'kafka'\nurl = 'a'\nuser = 'me'", "user needs password or password_file"),
    ("type = 'kafka'\nurl = 'a'\npassword_file = 'p'", "password needs user"),
    ("type = 'kafka'\nurl = 'a'\nmechanism = 'plain'", "mechanism needs user and password"),
    ("type = 'kafka'\nurl = 'a'\nkey = 'k'", "key needs its certificate; give cert"),
    ("type = 'kafka'\nurl = 'a'\ntls = 'no'\nca = 'c'", "ca, cert and key are for TLS"),
    ("type = 'kafka'\nurl = 'a'\nutc = 'yes'", "utc are for a format; give format=NAME"),
    // What a handler needs of the store.
    ("type = 'print'\ndurable = true", "durable=true needs a store; give one with --store PATH"),
    ("type = 'print'\nfrom = 'start'", "from=… is for handlers that get their alerts from a store"),
];

const REFUSED_SOURCES: &[(&str, &str)] = &[
    ("from = 'a'\nlogdir = 'log'", "--from names the socket itself; leave out --logdir"),
    ("id_offset = 4294967295\ninstances = '2'", "--id-offset with --instances goes beyond thread"),
    ("allow_uid = ['4294967295']", "4294967295 is not a user id"),
    ("socket_group = '4294967295'", "4294967295 is not a group id"),
    (
        "instances = '2'\ncomplete_from = 'log/u2'\nbookmark = 'b'",
        "each packet thread has its own log, and logs can't share a --bookmark",
    ),
    ("once = true", "--once is for --socket-handler unified2"),
    ("type = 'unified2'", "the socket handler `unified2` needs Snort's log"),
    ("type = 'play'", "the socket handler `play` needs a recording"),
    ("type = 'nats'", "the socket handler `nats` needs servers"),
    ("type = 'nats'\nfrom = 'http://me:s3cret@a'", "--from: expected nats://HOST:PORT"),
    ("type = 'nats'\nfrom = 'nats://a?streem=x'", "unknown key `streem`"),
    ("type = 'nats'\nfrom = 'nats://a?priority=high'", "priority: \"high\" is not a whole number"),
    ("type = 'nats'\nfrom = 'nats://a?bucket=a.b'", "bucket: "),
    ("type = 'nats'\nfrom = 'nats://a?user=me'", "user needs password or password_file"),
    ("type = 'kafka'", "the socket handler `kafka` needs brokers and a topic"),
    ("type = 'kafka'\nfrom = 'kafka://a'", "the topic is missing"),
    ("type = 'kafka'\nfrom = 'kafka://a/t?partitions=x'", "partitions: \"x\" is not a number"),
    ("type = 'kafka'\nfrom = 'kafka://a:x/t'", "--from: expected kafka://HOST:PORT"),
    ("type = 'kafka'\nfrom = 'kafka://a/t?user=me'", "user needs password or password_file"),
];

fn run(room: &Room, args: &[&str]) -> (String, Option<i32>) {
    let Output { stderr, status, .. } =
        program().args(args).current_dir(room.path()).output().unwrap();
    (String::from_utf8(stderr).unwrap(), status.code())
}

/// What is said of the problem itself: without places, the handler's name, and hints.
fn problem(stderr: &str) -> String {
    let line = stderr.lines().next().unwrap_or_default();
    let line = line.strip_prefix("error: ").unwrap_or(line);
    let is_place = |letter: char| letter.is_ascii_digit() || letter == ':';
    let placed = line.strip_prefix("pigear.toml:");
    let line = placed.map_or(line, |rest| rest.trim_start_matches(is_place).trim_start());
    let rest = line.strip_prefix("handler ").or_else(|| line.strip_prefix("socket handler "));
    let rest = rest.and_then(|rest| rest.split_once(": ")).map(|(_, rest)| rest);
    rest.unwrap_or(line).to_owned()
}

/// Checks and starts a configuration, which refuse it in the same words and make nothing.
fn is_refused(config: &str, expected: &str) {
    let room = Room::new();
    room.write("pigear.toml", config);
    let before = room.list(".");
    let (checked, status) = run(&room, &["config", "check", "pigear.toml"]);
    assert_eq!(status, Some(1), "{config}\n{checked}");
    let (started, status) = run(&room, &["--config", "pigear.toml"]);
    assert_eq!(status, Some(2), "{config}\n{started}");
    assert_eq!(problem(&checked), problem(&started), "{config}");
    assert!(checked.contains(expected), "{expected} is not in {checked}");
    for said in [&checked, &started] {
        assert!(!said.contains("s3cret"), "{said}");
    }
    assert_eq!(room.list("."), before, "{config}");
}

#[test]
fn what_the_start_refuses_of_a_handler_is_a_mistake() {
    for (handler, expected) in REFUSED {
        is_refused(&format!("[[source]]\nlogdir = 'log'\n[[handler]]\n{handler}\n"), expected);
    }
}

#[test]
fn what_the_start_refuses_of_a_source_is_a_mistake() {
    for (source, expected) in REFUSED_SOURCES {
        is_refused(&format!("[store]\npath = 'a.db'\n[[source]]\n{source}\n"), expected);
    }
}

#[test]
fn what_the_start_refuses_of_the_store_is_a_mistake() {
    is_refused("[store]\nkeep_days = 3\n", "retention needs a store; give one with --store PATH");
    let named = "[store]\npath = 'a.db'\n[[handler]]\nname = 'store'\ntype = 'print'\n";
    is_refused(named, "the store itself has this name in counters");
    let undurable = "[store]\npath = 'a.db'\n[[handler]]\ntype = 'http'\nurl = 'http://h'\n\
        durable = false\nfrom = 'start'\n";
    is_refused(undurable, "from=… is for handlers that get their alerts from a store");
    // The page reads the store of the file, wherever it stands there.
    let room = Room::new();
    room.write("pigear.toml", "[web]\nlisten = '127.0.0.1:0'\n[store]\npath = 'a.db'\n");
    let (stderr, status) = run(&room, &["config", "check", "pigear.toml"]);
    assert_eq!((&*stderr, status), ("", Some(0)));
}

#[test]
fn a_file_with_two_writers_is_a_mistake() {
    let handler = "[[handler]]\ntype = 'file'\npath = 'a.json'\n";
    let config = format!("[[source]]\nlogdir = 'log'\n{handler}{handler}");
    let room = Room::new();
    room.write("pigear.toml", &config);
    let (checked, status) = run(&room, &["config", "check", "pigear.toml"]);
    assert_eq!(status, Some(1), "{checked}");
    let said = "pigear.toml:8:8: a.json is used by both handler file (pigear.toml:3) and handler file-2 \
        (pigear.toml:6); give each its own file\n";
    assert!(checked.starts_with(said), "{checked}");
    let (started, status) = run(&room, &["--config", "pigear.toml"]);
    assert_eq!(status, Some(2));
    assert_eq!(started, format!("error: {said}"));
}

#[test]
fn the_list_has_every_handler_and_source() {
    let kinds = |list: &[(&str, &str)]| -> BTreeSet<String> {
        let kind = |text: &&str| text.strip_prefix("type = '").map(str::to_owned);
        let lines = list.iter().filter_map(|(config, _)| config.lines().next());
        lines.filter_map(|line| kind(&line)?.strip_suffix('\'').map(str::to_owned)).collect()
    };
    // The program names those that it has.
    let known = |option: &str| -> BTreeSet<String> {
        let room = Room::new();
        let (stderr, _) = run(&room, &[option, "none"]);
        let (_, names) = stderr.split_once("known are ").unwrap();
        let names = names.lines().next().unwrap_or_default();
        names.split(", ").map(str::to_owned).collect()
    };
    let mut tested = kinds(REFUSED);
    // It has no keys.
    tested.insert("null".to_owned());
    let untested: Vec<_> = known("--data-handler").difference(&tested).cloned().collect();
    assert_eq!(untested, Vec::<String>::new());
    let mut tested = kinds(REFUSED_SOURCES);
    tested.insert("unix".to_owned());
    assert_eq!(tested, known("--socket-handler"));
}
