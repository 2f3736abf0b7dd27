//! What `pigear config check` and a start say of settings that exclude each other, in the same words.

use std::process::Output;

use crate::config_command::{run, text};
use crate::harness::program;
use crate::room::Room;

/// The mistakes that a command says, each with its place.
fn mistakes(output: &Output) -> Vec<String> {
    let lines = text(&output.stderr).lines();
    let lines = lines.map(|line| line.strip_prefix("error: ").unwrap_or(line));
    let mistakes = lines.filter(|line| line.starts_with("pigear.toml:"));
    mistakes.map(ToOwned::to_owned).collect()
}

/// That `config check` and a start say these mistakes, and that the start makes nothing.
fn both_say(config: &str, expected: &[&str]) {
    let room = Room::new();
    room.write("pigear.toml", config);
    let before = room.list(".");
    let checked = run(&room, &["config", "check", "pigear.toml"]);
    assert_eq!(mistakes(&checked), expected, "config check of\n{config}{}", text(&checked.stderr));
    assert_eq!(checked.status.code(), Some(1));
    let started = run(&room, &["--config", "pigear.toml"]);
    assert_eq!(mistakes(&started), expected, "a start with\n{config}{}", text(&started.stderr));
    assert_eq!(started.status.code(), Some(2));
    assert_eq!(room.list("."), before, "{config}");
}

#[cfg(feature = "http")]
#[test]
fn lanes_that_a_store_could_not_tell_apart_are_mistakes() {
    let two = "[[source]]\nlogdir = '.'\n[store]\npath = 'a.db'\n[[handler]]\ntype = 'http'\n\
        url = 'http://127.0.0.1:1'\n[[handler]]\nname = 'x'\ntype = 'http'\nurl = 'http://127.0.0.1:2'\n\
        [[handler]]\ntype = 'http'\nurl = 'http://127.0.0.1:3'\n";
    let said = "pigear.toml:12:1: handler http-2: the store must know it by a name of its own, since the next \
        configuration may give this one to another receiver; write --data-handler NAME=http, or name = \"NAME\" \
        in a configuration file";
    both_say(two, &[said]);
    let datagrams = "[[source]]\nlogdir = '.'\n[store]\npath = 'a.db'\n[[handler]]\ntype = 'record'\n\
        path = 'rec'\ndurable = true\n";
    both_say(
        datagrams,
        &["pigear.toml:8:11: handler record: it cannot be durable: datagrams are not stored"],
    );
}

#[test]
fn from_without_a_durable_handler_is_a_mistake() {
    let said = "handler print: from=… is for handlers that get their alerts from a store";
    for store in ["", "[store]\npath = 'a.db'\n"] {
        let config = format!(
            "{store}[[source]]\nlogdir = '.'\n[[handler]]\ntype = 'print'\nfrom = 'start'\n"
        );
        let line = config.lines().count();
        both_say(&config, &[&format!("pigear.toml:{line}:8: {said}")]);
    }
}

#[cfg(all(feature = "metrics", feature = "web"))]
#[test]
fn two_servers_at_one_address_are_a_mistake() {
    let begin = "[store]\npath = 'a.db'\n[[source]]\nlogdir = '.'\n";
    let usual = format!("metrics = '127.0.0.1:8080'\n{begin}[web]\n");
    let said = |line: usize, column, who: &str, address, other: &str| {
        format!(
            "pigear.toml:{line}:{column}: {who} would listen on {address}, as {other}; give each its own address"
        )
    };
    both_say(
        &usual,
        &[&said(6, 1, "handler web", "127.0.0.1:8080", "metrics does on 127.0.0.1:8080")],
    );
    let any = format!(
        "metrics = '0.0.0.0:9187'\n{begin}[web]\nlisten = '127.0.0.1:9187'\n[[handler]]\nname = 'second'\n\
        type = 'web'\nlisten = '127.0.0.1:9187'\n[[handler]]\nname = 'third'\ntype = 'web'\n\
        listen = '[::1]:9187'\n[[handler]]\nname = 'fourth'\ntype = 'web'\nlisten = '127.0.0.1:0'\n"
    );
    let expected = [
        said(7, 10, "handler web", "127.0.0.1:9187", "metrics does on 0.0.0.0:9187"),
        said(11, 10, "handler second", "127.0.0.1:9187", "metrics does on 0.0.0.0:9187"),
    ];
    both_say(&any, &[&expected[0], &expected[1]]);
}

#[test]
fn two_sources_of_one_socket_are_a_mistake() {
    let config = "[[source]]\nlogdir = '.'\n[[source]]\nfrom = './snort_alert'\n[[source]]\nlogdir = '.'\n\
        instances = 2\n[[source]]\nfrom = '1_snort_alert'\n";
    let said = |line: usize, column, path, before| {
        format!("pigear.toml:{line}:{column}: {path} is the socket of {before}, too; leave one out")
    };
    let expected =
        [said(4, 8, "./snort_alert", "source 1"), said(9, 8, "1_snort_alert", "source 3")];
    both_say(config, &[&expected[0], &expected[1]]);
}

#[test]
fn the_name_that_a_recording_may_get_is_taken_by_nothing_else() {
    let config = "serve_forever = true\nstats = 'rec.2'\n[store]\npath = 'other.3.gz'\n[[source]]\n\
        logdir = '.'\n[[handler]]\ntype = 'record'\npath = 'rec'\n[[handler]]\nname = 'other'\ntype = 'record'\n\
        path = 'other.gz'\n[[handler]]\ntype = 'file'\npath = 'rec.10000'\n[[handler]]\nname = 'free'\n\
        type = 'file'\npath = 'rec.10001'\n";
    both_say(
        config,
        &[
            "pigear.toml:9:8: rec.10000 is used by handler file (pigear.toml:14), and by handler record \
             (pigear.toml:7) if rec exists; give each its own file",
            "pigear.toml:9:8: rec.2 is used by the counters, and by handler record (pigear.toml:7) if rec exists; \
             give each its own file",
            "pigear.toml:13:8: other.3.gz is used by the store, and by handler other (pigear.toml:10) if other.gz \
             exists; give each its own file",
        ],
    );
}

#[test]
fn two_uses_of_one_file_are_said_with_all_other_mistakes() {
    let config = "count = 0\nstats = 'a'\n[[source]]\nlogdir = '.'\n[[handler]]\ntype = 'file'\npath = 'a'\n\
        [[handler]]\nname = 'b'\ntype = 'pcap'\npath = './a'\nkeep = -1\n";
    both_say(
        config,
        &[
            "pigear.toml:1:9: expected a whole number from 1, not 0",
            "pigear.toml:7:8: a is used by both the counters and handler file (pigear.toml:5); give each its own file",
            "pigear.toml:11:8: ./a is used by both the counters and handler b (pigear.toml:8); give each its own file",
            "pigear.toml:12:8: keep: \"-1\": expected a whole number from 0",
        ],
    );
}

#[test]
fn a_mistake_in_a_key_hides_none_of_keys_together() {
    let config = "[store]\nkeep_days = 'soon'\nkeep_bytes = '2MB'\n[[source]]\nlogdir = 7\nonce = true\nfrom_start = true\n\
        [[source]]\ninstances = 'many'\ncomplete = 'all'\n\
        [[handler]]\ntype = 'print'\nqueue = -1\ndurable = true\nformat = 'fast'\nutc = true\n";
    both_say(
        config,
        &[
            "pigear.toml:1:1: retention needs a store; give one with --store PATH",
            "pigear.toml:2:13: \"soon\": expected a whole number of days from 1 to 4294967295",
            "pigear.toml:4:1: --from-start is for Snort's log: --socket-handler unified2, or --complete-from",
            "pigear.toml:4:1: --once is for --socket-handler unified2",
            "pigear.toml:5:10: expected a path in quotes, not 7",
            "pigear.toml:8:1: --complete is for alerts that --complete-from completes",
            "pigear.toml:9:13: \"many\": expected `auto`, or 1 to 1024",
            "pigear.toml:13:9: \"-1\": expected a whole number from 1",
            "pigear.toml:14:11: handler print: durable=true needs a store; give one with --store PATH",
            "pigear.toml:16:7: utc is for snort, alert_json and csv; format=fast is always in UTC",
        ],
    );
}

#[test]
fn what_may_be_right_with_another_value_is_not_said() {
    let config = "[[source]]\nlogdir = '.'\n[[handler]]\nname = 'b'\ntype = 'print'\nlimit = 'x'\n\
        when_full = 'spill'\ndurable = false\n[[handler]]\nname = 'c'\ntype = 'print'\nformat = 'nosuch'\n\
        utc = true\n[[handler]]\nname = 'd'\ntype = 'print'\ndurable = 'maybe'\nfrom = 'start'\n";
    both_say(
        config,
        &[
            "pigear.toml:3:1: when_full = \"spill\" is the same as durable = true, but durable = false is given, too",
            "pigear.toml:6:9: expected a whole number from 1 to 4294967295 a minute",
            "pigear.toml:12:10: format: unknown format \"nosuch\"; known are fast, full, json, eve, ecs, ocsf, cef, \
             snort, alert_json, csv",
            "pigear.toml:17:11: \"maybe\": provided string was not `true` or `false`",
        ],
    );
}

#[cfg(feature = "http")]
#[test]
fn all_that_contradicts_in_the_keys_of_a_handler_is_said() {
    let config = "[[source]]\nlogdir = '.'\n[[handler]]\ntype = 'http'\nurl = 'ftp://x'\nbatch = 'x'\nin_flight = 0\n\
        timeout = 0\nauth = 'bearer:x'\nauth_file = 'x'\nkey = 'k'\n";
    both_say(
        config,
        &[
            "pigear.toml:3:1: handler http: give only one of auth, auth_file and auth_env",
            "pigear.toml:5:7: url: expected http:// or https://, not ftp:",
            "pigear.toml:6:9: batch: expected a whole number from 0",
            "pigear.toml:7:13: in_flight=0: expected at least 1",
            "pigear.toml:8:11: timeout=0: must be greater than 0",
            "pigear.toml:11:7: key needs its certificate; give cert",
        ],
    );
}

#[test]
fn numbers_and_truths_in_quotes_are_mistakes_where_none_is_typed() {
    let config = "count = '3'\nserve_forever = 'yes'\n[store]\npath = 'a.db'\nkeep_days = '90'\ntrust_clock = 'true'\n\
        [[source]]\nlogdir = '.'\ninstances = '2'\nid_offset = '1'\nid_subdir = 'maybe'\n";
    both_say(
        config,
        &[
            "pigear.toml:1:9: expected a whole number from 1, not \"3\": write count = 3",
            "pigear.toml:2:17: expected true or false, not \"yes\"",
            "pigear.toml:5:13: expected a whole number of days, not \"90\": write keep_days = 90",
            "pigear.toml:6:15: expected true or false, not \"true\": write trust_clock = true",
            "pigear.toml:10:13: expected a whole number from 0 to 4294967295, not \"1\": write id_offset = 1",
            "pigear.toml:11:13: expected true or false, not \"maybe\"",
        ],
    );
    // The keys of handlers may be as on the command line.
    let room = Room::new();
    room.write(
        "pigear.toml",
        "[[handler]]\ntype = 'file'\npath = 'x'\nkeep = '3'\nlimit = '5'\nqueue = '7'\n",
    );
    let output = run(&room, &["config", "check", "pigear.toml"]);
    assert_eq!((text(&output.stdout), text(&output.stderr)), ("pigear.toml: no mistakes\n", ""));
}

#[test]
fn a_value_of_another_type_is_said_in_words() {
    let config = "filter = 1\nsource = 1\nhandler = [1]\nweb = 'x'\nstore = 4\nnames = 3\nmetrics = 5\nrules = 7\n";
    both_say(
        config,
        &[
            "pigear.toml:1:10: expected a text in quotes, not 1",
            "pigear.toml:2:1: write [[source]], not [source]: there may be several",
            "pigear.toml:3:12: expected a table, not 1",
            "pigear.toml:4:7: expected a table, not \"x\"",
            "pigear.toml:5:9: expected a table, not 4",
            "pigear.toml:6:9: expected a table, not 3",
            "pigear.toml:7:11: expected an address and a port, not 5",
            "pigear.toml:8:9: expected a path, or an array of paths",
        ],
    );
    both_say(
        "[[handler]]\ntype = 'print'\nfilter = 1\n",
        &["pigear.toml:3:10: expected a text in quotes, not 1"],
    );
}

#[test]
fn a_wrong_variable_is_named() {
    for (variable, value, said) in [
        (
            "PIGEAR_COUNT",
            "x",
            "error: invalid value 'x' for the environment variable PIGEAR_COUNT: ",
        ),
        (
            "PIGEAR_SERVE_FOREVER",
            "maybe",
            "error: invalid value 'maybe' for the environment variable PIGEAR_SERVE_FOREVER",
        ),
        (
            "PIGEAR_KEEP_DAYS",
            "0",
            "error: invalid value '0' for the environment variable PIGEAR_KEEP_DAYS: ",
        ),
        (
            "PIGEAR_SANDBOX",
            "x",
            "error: invalid value 'x' for the environment variable PIGEAR_SANDBOX: ",
        ),
        (
            "PIGEAR_DATA_HANDLER",
            "a b=print",
            "error: PIGEAR_DATA_HANDLER a b=print: a handler's name has",
        ),
    ] {
        for command in [&[][..], &["config", "show"]] {
            let output = program().env(variable, value).args(command).output().unwrap();
            let first = text(&output.stderr).lines().next().unwrap();
            assert!(first.starts_with(said) && !first.contains("--"), "{said} is not in {first}");
            assert_eq!(output.status.code(), Some(2));
        }
    }
    let output = program().env("PIGEAR_FILTER", "1 +").args(["--logdir", "x"]).output().unwrap();
    assert!(text(&output.stderr).starts_with("error: PIGEAR_FILTER: "));
    let typed = ["--logdir", "x", "--filter", "1 +"];
    let output = program().env("PIGEAR_FILTER", "1 +").args(typed).output().unwrap();
    assert!(text(&output.stderr).starts_with("error: --filter: "));
    // What is typed is an option.
    let output = program().env("PIGEAR_COUNT", "3").args(["--count", "x"]).output().unwrap();
    assert!(text(&output.stderr).contains("'x' for '--count <N>'"), "{}", text(&output.stderr));
}

/// A line of a message could look like one of Pigear's own.
#[test]
fn a_key_with_a_line_break_is_shown_in_one_line() {
    let shown = r"a\x0aerror: evil";
    for (config, is_started) in [
        ("\"a\\nerror: evil\" = 1\n", true),
        ("[store]\n\"a\\nerror: evil\" = 1\n", true),
        ("[metrics]\n\"a\\nerror: evil\" = 1\n", true),
        ("[[source]]\n\"a\\nerror: evil\" = 1\n", true),
        ("[[handler]]\ntype = 'print'\n\"a\\nerror: evil\" = 1\n", true),
        (
            "[[handler]]\ntype = 'http'\nurl = 'http://x/'\nheader = {\"a\\nerror: evil\" = 1}\n",
            true,
        ),
        (
            "[[handler]]\ntype = 'http'\nurl = 'http://x/'\nheader = {\"a\\nerror: evil\" = '1'}\n",
            false,
        ),
    ] {
        let room = Room::new();
        room.write("pigear.toml", config);
        let commands: &[&[&str]] =
            &[&["config", "check", "pigear.toml"], &["--config", "pigear.toml"]];
        for command in &commands[..if is_started { 2 } else { 1 }] {
            let output = program().args(*command).current_dir(room.path()).output().unwrap();
            let (said, printed) = (text(&output.stderr), text(&output.stdout));
            assert!([said, printed].concat().contains(shown), "{config}: {said}{printed}");
            assert!(
                !said.contains("\nerror: evil") && !printed.contains("\nerror: evil"),
                "{said}{printed}"
            );
            assert_eq!(
                output.status.code(),
                Some(if command.len() == 3 { 1 } else { 2 }),
                "{said}"
            );
        }
    }
    for args in [
        &["a\nerror: evil=1"][..],
        &["--data-handler", "print", "--data-handler", "null", "a\nerror: evil=1"],
    ] {
        let output = program().args(args).output().unwrap();
        let said = text(&output.stderr);
        assert!(said.contains(shown) && !said.contains("\nerror: evil"), "{said}");
    }
}

#[test]
fn what_the_environment_says_wrong_is_refused_where_it_is_shown() {
    let show = |variables: &[(&str, &str)]| {
        let mut command = program();
        let output =
            command.args(["config", "show"]).envs(variables.iter().copied()).output().unwrap();
        (text(&output.stderr).to_owned(), text(&output.stdout).to_owned(), output.status.code())
    };
    let user = ("PIGEAR_USER", "no_such_user");
    let (said, printed, status) = show(&[user, ("PIGEAR_FILTER", "msg.sig_id ==")]);
    assert!(said.contains("error: unknown user \"no_such_user\"\n"), "{said}");
    assert!(said.contains("error: PIGEAR_FILTER: "), "{said}");
    assert!(said.ends_with("error: options and variables have 2 mistakes\n"), "{said}");
    assert_eq!((&*printed, status), ("", Some(2)));
    let (said, printed, status) = show(&[user]);
    assert_eq!(
        (&*said, &*printed, status),
        ("error: unknown user \"no_such_user\"\n", "", Some(2))
    );
    for variable in [
        ("PIGEAR_ALLOW_UID", "no_such_user"),
        ("PIGEAR_SOCKET_GROUP", "no_such_group"),
        ("PIGEAR_KEEP_DAYS", "7"),
    ] {
        let (said, _, status) = show(&[variable]);
        assert!(said.starts_with("error: ") && status == Some(2), "{variable:?}: {said}");
    }
}
