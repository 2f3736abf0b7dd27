//! What is typed wrong, or names what isn't there.

mod paths;

use crate::harness::Test;
use crate::snort::ping;

const DIALECTS: &str = "snort3, snort2.9, snort2.9-appid, snort2.9.7-appid, snort2.7, snort2.2, \
    snort2-32bit, barnyard2, barnyard2-32bit";
const HANDLERS: &str = "hint: pigear --help lists handlers and keys\n";
const OPTIONS: &str = "hint: pigear --help lists commands and options\n";
/// What the parser of arguments adds.
const TRY_HELP: &str = "\nFor more information, try '--help'.\n";

fn refused(args: &[&str], stderr: &str, status: i32) {
    let room = Test::new().args(args).stderr(stderr).status(status);
    assert_eq!(room.list("log"), Vec::<String>::new(), "{args:?} left something behind");
}

/// The keys that every handler has.
const EVERY: &str =
    "; every handler has `durable`, `filter`, `from`, `group`, `limit` and `per_minute`, too";

#[test]
fn an_unknown_key_is_refused_with_those_that_there_are() {
    refused(
        &["x=1"],
        &format!(
            "error: handler print: unknown key `x`, expected one of `fields`, `format`, `max_bytes`, \
             `packet`, `payload`, `utc`{EVERY}\n{HANDLERS}"
        ),
        2,
    );
    let keys = "expected one of `path`, `fields`, `format`, `max_bytes`, `packet`, `payload`, `utc`, `rotate`, `keep`, \
        `compress`, `mode`";
    let stderr = format!("error: handler file: unknown key `pth`, {keys}{EVERY}\n{HANDLERS}");
    refused(&["--data-handler", "file", "pth=x"], &stderr, 2);
}

#[test]
fn a_missing_key_is_named() {
    let stderr = format!("error: handler file: missing key `path`\n{HANDLERS}");
    refused(&["--data-handler", "file"], &stderr, 2);
}

#[test]
fn with_several_handlers_a_key_needs_a_name() {
    let stderr = format!(
        "error: format=json: with several handlers, write NAME.KEY=VALUE; their names are print, null\n{OPTIONS}"
    );
    refused(&["--data-handler", "print", "--data-handler", "null", "format=json"], &stderr, 2);
}

#[test]
fn an_unknown_handler_is_refused_with_those_that_there_are() {
    let stderr = format!(
        "error: unknown handler \"prnt\"; known are exec, file, http, kafka, nats, null, pcap, print, record, shell, socket, syslog, web\n{HANDLERS}"
    );
    refused(&["--data-handler", "prnt"], &stderr, 2);
}

#[test]
fn for_a_class_in_python_it_is_said_what_to_install_and_type() {
    let python = |problem: &str, option: &str| {
        format!(
            "error: {problem}\nhint: classes in Python need Pigear for Python: pip install . in a copy of its \
             repository, then python3 -m pigear --{option} my.mod.Class …\n"
        )
    };
    let known =
        "exec, file, http, kafka, nats, null, pcap, print, record, shell, socket, syslog, web";
    let problem = format!("unknown handler \"my.mod.Class\"; known are {known}");
    refused(&["--data-handler", "my.mod.Class"], &python(&problem, "data-handler"), 2);
    let problem =
        "unknown socket handler \"my.mod.Class\"; known are unix, unified2, play, nats, kafka";
    refused(&["--socket-handler", "my.mod.Class"], &python(problem, "socket-handler"), 2);
}

#[test]
fn for_an_option_that_is_not_there_it_is_said_what_to_write() {
    let cases: [(&[&str], &str, &str); 9] = [
        (&["--format", "json"], "--format", "write format=json: a handler's keys have no dashes"),
        (&["--format=eve"], "--format", "write format=eve: a handler's keys have no dashes"),
        (
            &["--per-minute", "3"],
            "--per-minute",
            "write per_minute=3: a handler's keys have no dashes",
        ),
        (&["--path"], "--path", "write path=VALUE: a handler's keys have no dashes"),
        (&["--priority", "1"], "--priority", "write --filter 'msg.priority == 1'"),
        (&["--src", "10.0.0.0/8"], "--src", "write --filter 'ip_in(alert.src_ip, \"10.0.0.0/8\")'"),
        (&["--check"], "--check", "pigear --help lists commands and options"),
        (&["--log-dir", "x"], "--log-dir", "did you mean --logdir?"),
        (&["--serve_forever"], "--serve_forever", "did you mean --serve-forever?"),
    ];
    for (args, option, hint) in cases {
        let stderr = format!("error: unexpected argument '{option}'\nhint: {hint}\n");
        refused(args, &stderr, 2);
    }
    #[cfg(feature = "store")]
    Test::bare()
        .args(["query", "--chek"])
        .stderr(
            "error: unexpected argument '--chek'\nhint: pigear query --help lists its options\n",
        )
        .status(2);
}

#[cfg(feature = "script")]
#[test]
fn each_filter_that_is_suggested_works() {
    for (option, value) in [
        ("class", "misc-activity"),
        ("dst", "10.0.0.1"),
        ("gid", "1"),
        ("host", "10.0.0.1"),
        ("port", "80"),
        ("priority", "1"),
        ("proto", "TCP"),
        ("sid", "7"),
        ("src", "10.0.0.0/8"),
        ("text", "x"),
    ] {
        let (_, ended) = Test::new().args([format!("--{option}"), value.to_owned()]).start().end();
        let filter =
            ended.stderr.split_once("--filter '").unwrap().1.trim_end().trim_end_matches('\'');
        let mut running = Test::new().args(["--filter", filter]).start();
        running.signal(nix::sys::signal::Signal::SIGTERM);
        let (_, ended) = running.end();
        assert_eq!((&*ended.stderr, ended.status), ("", Some(0)), "{filter}");
    }
}

#[test]
fn all_directories_that_are_missing_are_named_at_once() {
    let hint = "hint: mkdir -p out 'a b/c' creates what is missing\n";
    let files = ["--stats", "out/stats.json", "--data-handler", "file", "file.path=out/alerts"];
    let more = ["--data-handler", "pcap", "pcap.path=a b/c/x.pcapng"];
    let error = "error: no such directory: out for the counters, out for handler file, a b/c for handler pcap\n";
    refused(&[&files[..], &more].concat(), &format!("{error}{hint}"), 1);
    let record = ["--data-handler", "record", "path=out/x"];
    let hint = "hint: mkdir -p out creates what is missing\n";
    refused(&record, &format!("error: no such directory: out for handler record\n{hint}"), 1);
    #[cfg(feature = "store")]
    {
        let error = "error: no such directory: out for the store\n";
        refused(&["--store", "out/a.db"], &format!("{error}{hint}"), 1);
    }
}

#[cfg(feature = "http")]
#[test]
fn a_header_needs_its_name_in_the_key() {
    let refuses = |header: &str, instead: &str| {
        let stderr = format!("error: handler http: header: write {instead}\n{HANDLERS}");
        refused(&["--data-handler", "http", "url=http://127.0.0.1:1/", header], &stderr, 2);
    };
    refuses("header=A:b", "header.A=b");
    refuses("header=X-Tag: a b", "header.X-Tag=a b");
    refuses("header=A", "header.NAME=VALUE");
    refuses("header=Authorization: Bearer s3cret", "header.Authorization=…");
}

#[cfg(feature = "exec")]
#[test]
fn a_program_that_can_not_run_is_said_with_what_to_do() {
    const WRONG: &str = "hint: pigear --help lists handlers and keys\n";
    let refuses = |command: &str, problem: &str, hint: &str, status| {
        let (_, ended) = Test::new()
            .file("block.sh", "#!/bin/sh\n")
            .args(["--data-handler", "exec", &format!("command={command}")])
            .start()
            .end();
        let error = format!("error: handler exec: {problem}\n{hint}");
        assert_eq!((&*ended.stderr, ended.status), (&*error, Some(status)));
    };
    refuses("./block.sh", "./block.sh is not executable: chmod +x ./block.sh", "", 1);
    let shell = "there is no shell, so | would be an argument of cat: write sh -c 'cat | tee x'";
    // Wrong on any machine.
    refuses("cat | tee x", shell, WRONG, 2);
    refuses("block", "no program block in PATH", "", 1);
}

#[cfg(feature = "exec")]
#[test]
fn of_a_traceback_the_last_line_comes_first() {
    let program = "printf 'Traceback:\\n  File x\\nValueError: bad\\n'; exit 1";
    Test::new()
        .args(["--data-handler", "exec", "--count", "1", &format!("command=sh -c \"{program}\"")])
        .send(ping())
        .stderr(
            "error: handler exec: sh ended with status 1; its output: ValueError: bad\n    \
             Traceback:\n      File x\n\
             hint: with --serve-forever, errors are counted and the next alert is handled\n",
        )
        .status(1);
}

#[cfg(feature = "exec")]
#[test]
fn the_count_of_failures_comes_before_the_rest_of_a_traceback() {
    Test::new()
        .args(["--data-handler", "exec", "--count", "1", "--serve-forever"])
        .args(["command=sh -c \"printf 'a\\nb\\n'; exit 1\""])
        .send(ping())
        .stderr(
            "error: handler exec: sh ended with status 1; its output: b; 1 alert failed so far\n    a\n\
             error: not delivered: 1 alert of handler exec\n",
        )
        .status(1);
}

#[cfg(feature = "http")]
#[test]
fn a_typo_in_a_template_is_found_at_the_start() {
    let refuses = |template: &str, problem: &str| {
        let (_, ended) = Test::new()
            .file("t.json", template)
            .args(["--data-handler", "http", "url=http://127.0.0.1:1/", "template=t.json"])
            .args(["param.token=x"])
            .start()
            .end();
        let hint = "hint: pigear --help lists handlers and keys";
        let error = format!("error: handler http: t.json:{problem}\n{hint}\n");
        assert_eq!((&*ended.stderr, ended.status), (&*error, Some(2)));
    };
    refuses("{\n\"a\": \"{{ msgg }}\"}", "2: there is no msgg; did you mean msg?");
    refuses(
        "\"{% if priority == 7 %}{{ src_ipp }}{% endif %}\"",
        "1: there is no src_ipp; did you mean src_ip?",
    );
    refuses(
        "\"{{ alert.src_pot }}\"",
        "1: there is no alert.src_pot; did you mean alert.src_port?",
    );
    refuses("\"{{ param.tokn }}\"", "1: there is no param.tokn; did you mean param.token?");
    refuses("\"{{ nothing_like_it }}\"", "1: there is no nothing_like_it");
    // What says something of another name, or isn't code, says nothing of this one.
    let missing = "there is no param.tokn; did you mean param.token?";
    for template in [
        "\"{{ sender.tokn|default('') }}{{ tokn|default('') }}{{ param.tokn }}\"",
        "\"param.tokn is {{ param.tokn }}\"",
        "\"{# param.tokn|default('') #}{{ param.tokn }}\"",
        "\"{{ 'param.tokn is defined' }}{{ param.tokn }}\"",
        "\"{{ param.tokn ~ param.token|default('') }}\"",
    ] {
        refuses(template, &format!("1: {missing}"));
    }
    refuses("\"{% if param.tokn is string %}x{% endif %}\"", &format!("1: {missing}"));
    refuses("{# tokn #}\n\"{{ param.tokn }}\"", &format!("2: {missing}"));
    let fine = "\"{{ typo|default('x') }}{{ src_ip }}{% for url in references %}{{ url }}{% endfor %}\
         {% if other is defined %}{{ other }}{% endif %}{% if third is not defined %}{% endif %}\
         {{ param.tokn | d('x') }}\"";
    let mut running = Test::new()
        .file("t.json", fine)
        .args(["--data-handler", "http", "url=http://127.0.0.1:1/", "template=t.json"])
        .start();
    running.signal(nix::sys::signal::Signal::SIGTERM);
    assert_eq!(running.end().1.status, Some(0));
}

#[test]
fn an_unknown_dialect_is_refused_with_those_that_there_are() {
    let problem = format!("unknown dialect \"snort4\"; known are {DIALECTS}\n");
    let stderr =
        format!("error: invalid value 'snort4' for '--dialect <NAME>': {problem}{TRY_HELP}");
    refused(&["--dialect", "snort4"], &stderr, 2);
    refused(&["dialect=snort4"], &format!("error: dialect=snort4: {problem}{OPTIONS}"), 2);
}

#[test]
fn an_unknown_format_is_refused_with_those_that_there_are() {
    let stderr = format!(
        "error: handler print: format: unknown format \"xml\"; known are fast, full, json, eve, ecs, ocsf, cef, snort, alert_json, csv\n{HANDLERS}"
    );
    refused(&["format=xml"], &stderr, 2);
}

#[test]
fn what_is_neither_key_nor_command_is_refused() {
    let stderr = format!(
        "error: invalid value 'dmeo' for '[KEY=VALUE]...': there is no such command, and KEY=VALUE for the data \
         handler has a =; --help lists the commands\n{TRY_HELP}"
    );
    refused(&["dmeo"], &stderr, 2);
}

#[test]
fn users_and_groups_that_are_not_there_are_refused() {
    refused(&["--allow-uid", "no-such"], "error: unknown user \"no-such\"\n", 2);
    refused(&["--socket-group", "no-such"], "error: unknown group \"no-such\"\n", 2);
}

#[test]
fn a_socket_handler_that_needs_a_recording_says_so() {
    let stderr = "error: the socket handler `play` needs a recording; give it with --from FILE\n";
    refused(&["--socket-handler", "play"], stderr, 2);
    let stderr = "error: cannot read no-such.gz: No such file or directory (os error 2)\n";
    refused(&["--socket-handler", "play", "--from", "no-such.gz"], stderr, 1);
}

#[test]
fn what_is_typed_can_not_steer_the_terminal() {
    const RAW: &str = "\u{1b}]0;x\u{7}\u{202e}\u{200b}";
    let cases: [(&[&str], i32); 9] = [
        (&[&format!("--{RAW}")], 2),
        (&["--dialect", RAW], 2),
        (&[&format!("{RAW}=1")], 2),
        (&["--data-handler", RAW], 2),
        (&["--socket-handler", RAW], 2),
        (&["--sid-msg-map", RAW], 1),
        (&["--config", RAW], 1),
        (&["--data-handler", "file", &format!("path={RAW}/x")], 1),
        (&["--socket-group", RAW], 2),
    ];
    for (args, status) in cases {
        let (_, ended) = Test::new().args(args).start().end();
        let stderr = ended.stderr;
        assert_eq!(ended.status, Some(status), "{stderr:?}");
        let is_raw = |letter: char| {
            letter != '\n' && letter.is_control() || RAW.contains(letter) && !letter.is_ascii()
        };
        assert!(!stderr.contains(is_raw), "{args:?}: {stderr:?}");
        assert!(stderr.contains(r"\u{202e}\u{200b}"), "{args:?}: {stderr:?}");
    }
}

#[cfg(feature = "script")]
#[test]
fn of_a_long_filter_only_the_place_is_shown() {
    let long = "x".repeat(20_000);
    let filter = format!("msg.msg == \"{long}\" || mgs.msg == \"{long}\"");
    let before = format!("{}\" || ", "x".repeat(75));
    let behind = format!("mgs.msg == \"{}", "x".repeat(68));
    let stderr = format!(
        "error: --filter: unknown variable `mgs`; did you mean `msg`?\n  | …{before}{behind}…\n  | {:81}^\n\
         hint: https://github.com/beezz/pigear/blob/HEAD/docs/script.md has all fields and functions\n",
        ""
    );
    refused(&["--filter", &filter], &stderr, 2);
    let (_, ended) = Test::new().args([format!("format={filter}")]).start().end();
    assert!(ended.stderr.len() < 5_000 && ended.stderr.contains("bytes left out"));
    let (_, ended) = Test::new().args([long]).start().end();
    assert!(ended.stderr.len() < 5_000 && ended.stderr.contains("bytes left out"));
}

#[test]
fn a_time_that_can_not_be_reckoned_with_is_refused() {
    const EXPECTED: &str = "expected a time (500ms, 10s, 1m), at most 365d";
    for time in ["1e19", "366d", "99999999999999999s"] {
        let stderr = format!(
            "error: invalid value '{time}' for '--complete-wait <TIME>': {EXPECTED}\n{TRY_HELP}"
        );
        refused(&["--complete-wait", time, "--complete-from", "u2"], &stderr, 2);
        #[cfg(feature = "http")]
        for key in ["delay", "timeout", "connect_timeout"] {
            let stderr = format!("error: handler http: {key}: {time:?}: {EXPECTED}\n{HANDLERS}");
            let key = format!("{key}={time}");
            refused(&["--data-handler", "http", "url=http://127.0.0.1:1/", &key], &stderr, 2);
        }
        let stderr = format!(
            "error: group={time}: {EXPECTED}\nhint: pigear --help lists commands and options\n"
        );
        refused(&[&format!("group={time}")], &stderr, 2);
        #[cfg(feature = "exec")]
        {
            let stderr = format!("error: handler exec: timeout: {time:?}: {EXPECTED}\n{HANDLERS}");
            let key = format!("timeout={time}");
            refused(&["--data-handler", "exec", "command=true", &key], &stderr, 2);
        }
    }
}

#[test]
fn a_number_that_no_user_or_group_has_is_refused() {
    refused(&["--socket-group", "4294967295"], "error: 4294967295 is not a group id\n", 2);
    refused(&["--allow-uid", "4294967295"], "error: 4294967295 is not a user id\n", 2);
    let stderr = "error: unknown group \"4294967296\"\n";
    refused(&["--socket-group", "4294967296"], stderr, 2);
}

#[test]
fn a_queue_for_nothing_is_refused() {
    for (key, column) in [("queue = 0", 9), ("queue_bytes = 0", 15), ("queue_bytes = '0MB'", 15)] {
        Test::new()
            .file("pigear.toml", format!("[[handler]]\ntype = 'print'\n{key}\n"))
            .args(["--config", "pigear.toml"])
            .stderr(format!("error: pigear.toml:3:{column}: must be greater than 0\n"))
            .status(2);
    }
}

#[test]
fn a_key_that_is_given_twice_is_refused() {
    let stderr = format!("error: limit= is given twice; leave one out\n{OPTIONS}");
    refused(&["limit=1", "limit=2"], &stderr, 2);
    let stderr = format!("error: null.limit= is given twice; leave one out\n{OPTIONS}");
    refused(&["--data-handler", "null", "null.limit=1", "null.limit=1"], &stderr, 2);
}

#[test]
fn keys_that_are_wrong_or_contradict_each_other_are_wrong_usage() {
    let cases: &[(&[&str], &str)] = &[
        (
            &["utc=yes"],
            "handler print: utc is for snort, alert_json and csv; format=fast is always in UTC",
        ),
        (
            &["--data-handler", "socket", "target=unix-stream:x", "format=full"],
            "handler socket: format=full has several lines an alert; choose another",
        ),
        #[cfg(feature = "exec")]
        (
            &["--data-handler", "exec", "command=cat", "timeout=0s"],
            "handler exec: timeout=0s: must be greater than 0",
        ),
        #[cfg(feature = "exec")]
        (
            &["--data-handler", "exec", "command=cat", "mode=stream", "rate=1"],
            "handler exec: timeout, concurrency and rate are for mode=each",
        ),
        #[cfg(feature = "syslog")]
        (
            &["--data-handler", "syslog", "target=udp://h:1", "ca=x"],
            "handler syslog: ca, cert and key are for target=tls://…",
        ),
        #[cfg(feature = "http")]
        (&["--data-handler", "http"], "handler http: give url or url_file"),
        #[cfg(feature = "http")]
        (
            &["--data-handler", "http", "url=ftp://x"],
            "handler http: url: expected http:// or https://, not ftp:",
        ),
        #[cfg(feature = "http")]
        (
            &["--data-handler", "http", "url=http://x", "timeout=0"],
            "handler http: timeout=0: must be greater than 0",
        ),
    ];
    for (args, problem) in cases {
        refused(args, &format!("error: {problem}\n{HANDLERS}"), 2);
    }
}

#[test]
fn help_has_one_topic() {
    let stderr = format!("error: unexpected \"extra\": write pigear help file\n{OPTIONS}");
    Test::bare().args(["help", "file", "extra"]).stderr(stderr).status(2);
}

#[test]
fn a_table_that_must_be_one_of_several_is_said_how_to_write() {
    for name in ["source", "handler"] {
        let text = format!("serve_forever = true\n\n[{name}] # one\ntype = \"print\"\n");
        Test::bare()
            .file("pigear.toml", text)
            .args(["--config", "pigear.toml"])
            .stderr(format!(
                "error: pigear.toml:3:2: write [[{name}]], not [{name}]: there may be several\n"
            ))
            .status(2);
    }
}

#[test]
fn a_recording_is_always_read_from_its_start() {
    let error = "error: leave out --from-start: a recording is always read from its start\n";
    let test = Test::bare().args(["--socket-handler", "play", "--from", "x", "--from-start"]);
    test.stderr(error).status(2);
}

#[test]
fn a_file_without_a_name_is_wrong_usage() {
    for handler in ["file", "pcap", "record"] {
        Test::new()
            .args(["--data-handler", handler, "path="])
            .stderr(format!(
                "error: handler {handler}: path: expected a file\nhint: pigear --help lists handlers and keys\n"
            ))
            .status(2);
    }
}
