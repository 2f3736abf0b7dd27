//! What is typed wrong, or names what isn't there.

use std::fs;

use crate::harness::Test;
use crate::snort::{PING, ping, send};

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
            "error: handler print: unknown key `x`, expected one of `fields`, `format`, `max_bytes`, `packet`, `payload`, `utc`{EVERY}\n{HANDLERS}"
        ),
        2,
    );
    let keys = "expected one of `path`, `format`, `rotate`, `keep`, `compress`, `mode`";
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
        "error: unknown handler \"prnt\"; known are exec, file, http, null, pcap, print, record, shell, socket, syslog\n{HANDLERS}"
    );
    refused(&["--data-handler", "prnt"], &stderr, 2);
}

#[test]
fn for_a_class_in_python_it_is_said_what_to_install_and_type() {
    let python = |problem: &str, option: &str| {
        format!(
            "error: {problem}\nhint: classes in Python need Pigear for Python: pip install pigear, \
             then python3 -m pigear --{option} my.mod.Class …\n"
        )
    };
    let known = "exec, file, http, null, pcap, print, record, shell, socket, syslog";
    let problem = format!("unknown handler \"my.mod.Class\"; known are {known}");
    refused(&["--data-handler", "my.mod.Class"], &python(&problem, "data-handler"), 2);
    let problem = "unknown socket handler \"my.mod.Class\"; known are unix, unified2, play";
    refused(&["--socket-handler", "my.mod.Class"], &python(problem, "socket-handler"), 2);
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
        "error: invalid value 'dmeo' for '[KEY=VALUE]...': expected KEY=VALUE for the data handler, \
         or a command; --help lists them\n{TRY_HELP}"
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
fn an_unknown_log_directory_is_refused() {
    Test::bare()
        .args(["--logdir", "no-such"])
        .stderr(
            "error: cannot listen on no-such/snort_alert: no such directory\n\
             hint: create it, or give Snort's log directory with --logdir\n",
        )
        .status(1);
}

#[test]
fn a_log_directory_that_is_a_file_is_refused() {
    Test::bare()
        .file("alerts", "")
        .args(["--logdir", "alerts"])
        .stderr(
            "error: cannot listen on alerts/snort_alert: no such directory\n\
             hint: create it, or give Snort's log directory with --logdir\n",
        )
        .status(1);
}

#[test]
fn a_directory_without_write_permission_is_refused() {
    let test = Test::new().with(|room| room.set_mode("log", 0o555)).without_rights();
    test.stderr(
        "error: cannot listen on log/snort_alert: no permission to create files in the directory\n\
         hint: run as root or as a user who may write there, or give another directory with --logdir\n",
    )
    .status(1);
}

#[test]
fn a_user_without_rights_can_listen_where_he_may_write() {
    let test = Test::new().with(|room| room.hand_over("log")).without_rights();
    test.args(["--count", "1"]).send(ping()).stdout(PING).success();
}

#[test]
fn a_snort_conf_that_was_named_must_be_there() {
    let stderr = "error: cannot read no-such.conf: No such file or directory (os error 2)\n";
    refused(&["--snort-conf", "no-such.conf"], stderr, 1);
}

#[test]
fn a_list_that_was_named_must_be_there() {
    for option in ["--class-config", "--reference-config", "--sid-msg-map", "--gen-msg-map"] {
        let stderr = "error: cannot read no-such.map: No such file or directory (os error 2)\n";
        refused(&[option, "no-such.map"], stderr, 1);
    }
}

#[test]
fn a_path_that_snort_would_cut_is_refused() {
    let dir = "d".repeat(100);
    Test::bare()
        .with(|room| fs::create_dir(room.at(&dir)).unwrap())
        .args(["--logdir", &dir])
        .stderr(format!(
            "error: cannot listen on {dir}/snort_alert: the path has 112 bytes, but a socket's path has 107 at most\n\
             hint: use a log directory with a shorter path; Snort truncates this one and sends to another path\n"
        ))
        .status(1);
}

#[test]
fn a_socket_needs_no_directory_in_its_name() {
    let mut running = Test::bare().args(["--from", "snort_alert", "--count", "1"]).start();
    let socket = running.room().at("snort_alert");
    send(&socket, &ping());
    running.prints(PING);
    let (_, ended) = running.end();
    assert_eq!((&*ended.stderr, ended.status), ("", Some(0)));
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
        "error: --filter: unknown variable `mgs`\n  | …{before}{behind}…\n  | {:81}^\n\
         hint: docs/script.md has all fields and functions\n",
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
    for key in ["queue = 0", "queue_bytes = 0", "queue_bytes = '0MB'"] {
        Test::new()
            .file("pigear.toml", format!("[[handler]]\ntype = 'print'\n{key}\n"))
            .args(["--config", "pigear.toml"])
            .stderr("error: pigear.toml:3: must be greater than 0\n")
            .status(2);
    }
}
