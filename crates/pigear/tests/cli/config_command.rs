//! `pigear config`, and options in the environment.

use std::fs;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::Path;
use std::process::Output;

use nix::sys::stat::Mode;
use nix::unistd::mkfifo;

use crate::harness::{Test, program};
use crate::room::Room;
use crate::snort::{PING, ping};

fn run(room: &Room, args: &[&str]) -> Output {
    program().args(args).current_dir(room.path()).output().unwrap()
}

fn text(bytes: &[u8]) -> &str {
    std::str::from_utf8(bytes).unwrap()
}

#[test]
fn check_prints_all_mistakes_with_their_places() {
    let config = "count = 0\nstast = 'x'\n[[source]]\nlogdri = 'a'\n[[handler]]\ntype = 'file'\n";
    let mistakes = "pigear.toml:1:9: expected a whole number from 1, not 0\n\
        pigear.toml:2:1: unknown key `stast`; did you mean `stats`?\n\
        pigear.toml:4:1: unknown key `logdri`; did you mean `logdir`?\n\
        pigear.toml:5:1: handler file: missing key `path`\n\
        error: pigear.toml has 4 mistakes\n";
    let room = Test::bare()
        .file("pigear.toml", config)
        .args(["config", "check", "pigear.toml"])
        .stderr(mistakes)
        .status(1);
    room.write("pigear.toml", "[[handler]]\ntype = 'print'\n");
    let output = run(&room, &["config", "check", "pigear.toml"]);
    assert_eq!((text(&output.stdout), text(&output.stderr)), ("pigear.toml: no mistakes\n", ""));
    assert!(output.status.success());
}

#[test]
fn hostile_files_have_a_clear_error() {
    let huge = "# \n".repeat(8 << 20);
    let deep = format!("a = {}", "[".repeat(200_000));
    for (contents, said) in [
        (b"\xff\xfe\0\0".as_slice(), "it is not UTF-8"),
        (b"\0\x1b[31m\0", "pigear.toml:1:1: "),
        (huge.as_bytes(), "it is longer than"),
        (deep.as_bytes(), "pigear.toml:1:"),
    ] {
        let room = Room::new();
        room.write("pigear.toml", contents);
        let output = run(&room, &["config", "check", "pigear.toml"]);
        let stderr = text(&output.stderr);
        assert_eq!(output.status.code(), Some(1), "{stderr}");
        assert!(stderr.contains(said) && !stderr.contains('\x1b'), "{said} is not in {stderr}");
        assert!(stderr.len() < 4_000, "{} bytes", stderr.len());
    }
    let room = Room::new();
    let output = run(&room, &["config", "check", "."]);
    assert_eq!(text(&output.stderr), "error: cannot read .: it is a directory\n");
}

#[test]
fn files_that_are_none_have_a_clear_error() {
    let room = Room::new();
    mkfifo(&room.at("fifo"), Mode::from_bits_truncate(0o600)).unwrap();
    symlink("loop", room.at("loop")).unwrap();
    symlink("none", room.at("dangling")).unwrap();
    fs::create_dir(room.at("dir")).unwrap();
    let both = [vec!["config", "check"], vec!["config", "show", "--config"], vec!["--config"]];
    for (path, problem) in [
        ("fifo", "it is a FIFO without a writer, or an empty pipe"),
        ("loop", "Too many levels of symbolic links (os error 40)"),
        ("dangling", "No such file or directory (os error 2)"),
        ("dir", "it is a directory"),
        ("/dev/zero", "it is neither a regular file nor a pipe"),
    ] {
        for command in &both {
            let output = run(&room, &[command.as_slice(), &[path]].concat());
            let hint = if path == "dangling" {
                "hint: give the path of a configuration file; `pigear config example` prints one with all keys\n"
            } else {
                ""
            };
            let expected = format!("error: cannot read {path}: {problem}\n{hint}");
            assert_eq!((text(&output.stderr), output.status.code()), (&*expected, Some(1)));
        }
    }
}

#[test]
fn hostile_files_stop_neither_the_start_nor_show() {
    let deep = format!("a{} = 1\n", ".a".repeat(400_000));
    let arrays = format!("a = {}\n", "[".repeat(900_000));
    let handlers = "[[handler]]\nname = 'x'\ntype = 'x'\n".repeat(25_000);
    for (contents, said) in [
        (deep.as_bytes(), "pigear.toml:1:"),
        (arrays.as_bytes(), "pigear.toml:1:"),
        (handlers.as_bytes(), "pigear.toml:3:8: unknown handler \"x\""),
        (b"\0\x1b[31m\0".as_slice(), "pigear.toml:1:"),
    ] {
        let room = Room::new();
        room.write("pigear.toml", contents);
        let output = run(&room, &["--config", "pigear.toml", "--logdir", "log"]);
        let stderr = text(&output.stderr);
        assert_eq!(output.status.code(), Some(2), "{stderr}");
        assert!(stderr.contains(said) && !stderr.contains('\x1b'), "{said} is not in {stderr}");
        assert!(stderr.len() < 4_000, "{} bytes", stderr.len());
    }
}

#[test]
fn only_the_first_of_many_mistakes_are_printed() {
    let room = Room::new();
    room.write("pigear.toml", "x\n".repeat(100_000));
    let output = run(&room, &["config", "check", "pigear.toml"]);
    let lines: Vec<_> = text(&output.stderr).lines().collect();
    assert_eq!(lines.len(), 102, "{}", lines.len());
    assert!(lines[0].starts_with("pigear.toml:1:2: "), "{}", lines[0]);
    assert!(lines[100].starts_with("pigear.toml: and ") && lines[100].ends_with(" more"));
}

/// What `config show` prints, and that it says nothing else.
fn shown(room: &Room, variables: &[(&str, &str)], args: &[&str]) -> String {
    let mut command = program();
    command.args(["config", "show"]).args(args).envs(variables.iter().copied());
    let output = command.current_dir(room.path()).output().unwrap();
    assert_eq!((text(&output.stderr), output.status.code()), ("", Some(0)));
    text(&output.stdout).to_owned()
}

/// A line of what is shown, without the space before the place.
fn has(shown: &str, setting: &str, place: &str) {
    let found = shown.lines().filter_map(|line| line.rsplit_once(" # "));
    let found = found.map(|(setting, place)| (setting.trim_end(), place));
    assert!(
        { found }.any(|found| found == (setting, place)),
        "{setting} # {place} is not in\n{shown}"
    );
}

#[test]
fn show_says_where_each_value_comes_from() {
    let room = Room::new();
    room.write(
        "pigear.toml",
        "count = 5\nserve_forever = true\nsandbox_write = '/tmp'\n[store]\npath = 'a.db'\n\
        [[source]]\nlogdir = 'log'\nsocket_mode = 0o600\n\
        [[handler]]\ntype = 'file'\nname = 'archive'\npath = 'x'\nqueue = 7\nformat = 'json'\n",
    );
    let variables =
        [("PIGEAR_COUNT", "7"), ("PIGEAR_KEEP_DAYS", "9"), ("PIGEAR_SERVE_FOREVER", "no")];
    let args = ["--config", "pigear.toml", "--keep-days", "30", "--sandbox-write", "/run"];
    let more = ["--data-handler", "print", "archive.format=fast", "print.limit=3"];
    let shown = shown(&room, &variables, &[&args[..], &more].concat());
    for (setting, place) in [
        ("count = 7", "PIGEAR_COUNT"),
        ("serve_forever = true", "pigear.toml:2"),
        ("sandbox_write = [\"/run\", \"/tmp\"]", "--sandbox-write, pigear.toml:3"),
        ("# sandbox = \"off\"", "default"),
        ("path = \"a.db\"", "pigear.toml:5"),
        ("keep_days = 30", "--keep-days"),
        ("# trust_clock = false", "default"),
        ("logdir = \"log\"", "pigear.toml:7"),
        ("socket_mode = \"0o600\"", "pigear.toml:8"),
        ("# type = \"unix\"", "default"),
        ("type = \"file\"", "pigear.toml:10"),
        ("name = \"archive\"", "pigear.toml:11"),
        ("queue = 7", "pigear.toml:13"),
        ("format = \"fast\"", "archive.format="),
        ("# compress = \"none\"", "default"),
        ("type = \"print\"", "--data-handler"),
        ("# name = \"print\"", "default"),
        ("limit = \"3\"", "print.limit="),
        ("# queue = 65536", "default"),
    ] {
        has(&shown, setting, place);
    }
    assert!(shown.contains("# not set: stats, metrics, rules, filter, user\n"), "{shown}");
}

#[test]
fn what_is_shown_may_be_used_as_a_configuration() {
    let room = Room::new();
    let args = ["--logdir", "log", "--instances", "2", "--allow-uid", "0,1", "--count", "3"];
    let handlers =
        ["--data-handler", "a=file", "--data-handler", "print", "a.path=x y", "a.group=1m"];
    let first = shown(&room, &[], &[&args[..], &handlers].concat());
    room.write("pigear.toml", &first);
    let again = shown(&room, &[], &["--config", "pigear.toml"]);
    let values = |text: &str| {
        let values = text.lines().filter(|line| !line.starts_with('#'));
        let values = values.map(|line| line.split(" # ").next().unwrap().trim_end().to_owned());
        values.collect::<Vec<_>>()
    };
    assert_eq!(values(&first), values(&again), "{first}\n{again}");
    assert!(values(&first).contains(&"allow_uid = [\"0\", \"1\"]".to_owned()), "{first}");
    let output = run(&room, &["config", "check", "pigear.toml"]);
    assert_eq!((text(&output.stderr), output.status.code()), ("", Some(0)));
}

#[cfg(all(feature = "http", feature = "nats", feature = "web"))]
#[test]
fn show_has_no_secrets() {
    let config = "[web]\nlisten = '127.0.0.1:0'\ntoken = 's3cret-1'\n\
        [[source]]\ntype = 'nats'\nfrom = 'nats://me:s3cret-2@host:4222?stream=X&password=s3cret-3'\n\
        [[handler]]\ntype = 'http'\nurl = 'https://me:s3cret-4@host/path'\nproxy = 'http://me:s3cret-5@proxy:1'\n\
        auth = 'bearer:s3cret-6'\ntokn = 's3cret-7'\n[handler.header]\nX-Api-Key = 's3cret-8'\nX-Y = 's3cret-9'\n\
        Accept = 'text/plain'\n\
        [handler.param]\nrouting_key = 's3cret-10'\n\
        [[handler]]\ntype = 'nats'\nurl = 'nats://s3cret-11@host'\nuser = 'me'\npassword = 's3cret-12'\n\
        [[handler]]\ntype = 'exec'\ncommand = 'curl -H \"Authorization: Bearer s3cret-13\"'\n";
    let room = Room::new();
    room.write("pigear.toml", config);
    room.set_mode("pigear.toml", 0o600);
    let typed =
        ["--data-handler", "again=http", "again.url=https://hooks.slack.com/services/s3cret-14"];
    let args =
        [&["--config", "pigear.toml"], &typed[..], &["again.auth=basic:me:s3cret-15"]].concat();
    let shown_text = shown(&room, &[], &args);
    assert!(!shown_text.contains("s3cret"), "{shown_text}");
    for (setting, place) in [
        ("token = \"(hidden)\"", "pigear.toml:3, a secret"),
        ("url = \"https://(hidden)@host/path\"", "pigear.toml:9, a secret"),
        ("auth = \"(hidden)\"", "pigear.toml:11, a secret"),
        ("header.Accept = \"text/plain\"", "pigear.toml:16"),
        ("auth = \"(hidden)\"", "again.auth=, a secret"),
        ("user = \"me\"", "pigear.toml:22"),
    ] {
        has(&shown_text, setting, place);
    }
    let json = shown(&room, &[("PIGEAR_COUNT", "3")], &[&args[..], &["--json"]].concat());
    assert!(!json.contains("s3cret"), "{json}");
    let json: serde_json::Value = serde_json::from_str(&json).unwrap();
    let settings = json["settings"].as_array().unwrap();
    let of = |table: &str, key: &str| {
        let is_it = |it: &&serde_json::Value| it["table"] == table && it["key"] == key;
        settings.iter().find(is_it).unwrap().clone()
    };
    let count = serde_json::json!(
        {"table": "", "key": "count", "value": 3, "from": "environment", "place": "PIGEAR_COUNT"}
    );
    assert_eq!(of("", "count"), count);
    let auth = serde_json::json!(
        {"table": "handler", "index": 0, "key": "auth", "secret": true, "from": "file", "place": "pigear.toml:11"}
    );
    assert_eq!(of("handler", "auth"), auth);
    assert_eq!(
        of("store", "path"),
        serde_json::json!({"table": "store", "key": "path", "from": "default"})
    );
}

#[test]
fn show_prints_all_mistakes_of_a_file_that_it_refuses() {
    let room = Room::new();
    for config in [
        "count = 0\nstast = 'x'\n[[handler]]\ntype = 'file'\n",
        "[handler.header]\nAccept = 'y'\n[[source]]\nonce = 'maybe'\n",
        "handler = [\n",
        // Only a start finds these.
        "filter = 'msg.sigid == 1'\n[[handler]]\ntype = 'fil'\n",
    ] {
        room.write("pigear.toml", config);
        let checked = run(&room, &["config", "check", "pigear.toml"]);
        for more in [&[][..], &["--json"]] {
            let output =
                run(&room, &[&["config", "show", "--config", "pigear.toml"], more].concat());
            assert_eq!(text(&output.stderr), text(&checked.stderr));
            // As of a start that refuses it.
            assert_eq!((output.status.code(), &*output.stdout), (Some(2), &b""[..]));
        }
    }
}

#[test]
fn show_refuses_what_listening_refuses() {
    let room = Room::new();
    room.write("pigear.toml", "[[source]]\nlogdir = 'log'\n");
    for args in [
        &["--config", "pigear.toml", "--logdir", "x"][..],
        &["x.y=1", "--data-handler", "null", "--data-handler", "print"],
        &["--count", "0"],
    ] {
        let output = run(&room, &[&["config", "show"], args].concat());
        let listens = run(&room, args);
        assert_eq!(output.status.code(), Some(2));
        let first = |bytes: &[u8]| text(bytes).lines().next().unwrap().to_owned();
        assert_eq!(first(&output.stderr), first(&listens.stderr));
    }
}

#[test]
fn a_secret_that_all_users_can_read_is_warned_of() {
    let config =
        "[[handler]]\ntype = 'http'\nurl = 'http://127.0.0.1:1/'\nauth = 'bearer:s3cret'\n";
    let room = Room::new();
    room.write("pigear.toml", config);
    fs::set_permissions(room.path(), fs::Permissions::from_mode(0o755)).unwrap();
    let check = |mode| {
        let permissions = fs::Permissions::from_mode(mode);
        fs::set_permissions(room.at("pigear.toml"), permissions).unwrap();
        text(&run(&room, &["config", "check", "pigear.toml"]).stderr).to_owned()
    };
    let warning = "warning: pigear.toml:4: auth is a secret, and all users can read the file: chmod o-r pigear.toml\n";
    assert_eq!(check(0o644), warning);
    assert_eq!(check(0o640), "");
}

/// A file that the program writes; `pigear config KIND > FILE` makes it anew.
#[cfg(all(feature = "http", feature = "nats", feature = "shell", feature = "web"))]
fn is_current(kind: &str, file: &str) {
    let room = Room::new();
    let output = run(&room, &["config", kind]);
    assert!(output.status.success(), "{}", text(&output.stderr));
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../packaging").join(file);
    let kept = fs::read_to_string(&path).unwrap_or_default();
    let again = format!("pigear config {kind} > packaging/{file}");
    assert!(text(&output.stdout) == kept, "packaging/{file} is not current: {again}");
}

#[cfg(all(feature = "http", feature = "nats", feature = "shell", feature = "web"))]
#[test]
fn schema_and_example_are_current() {
    is_current("schema", "pigear.schema.json");
    is_current("example", "pigear.example.toml");
}

#[test]
fn the_example_may_be_used_as_it_is() {
    let room = Room::new();
    let example = run(&room, &["config", "example"]);
    room.write("pigear.toml", &example.stdout);
    let output = run(&room, &["config", "check", "pigear.toml"]);
    assert_eq!(text(&output.stderr), "");
    // Without its comments it has all tables, and so no mistake in their names.
    let tables = text(&example.stdout).lines().filter(|line| line.starts_with("# ["));
    assert!(tables.count() > 10);
}

#[test]
fn the_schema_accepts_what_the_program_does() {
    let room = Room::new();
    let schema = serde_json::from_slice(&run(&room, &["config", "schema"]).stdout).unwrap();
    let validator = jsonschema::validator_for(&schema).unwrap();
    let is_valid = |text: &str| {
        let value: toml::Value = toml::from_str(text).unwrap();
        validator.is_valid(&serde_json::to_value(value).unwrap())
    };
    let right = "serve_forever = true\nrules = ['a']\nmetrics = '127.0.0.1:1'\n[store]\npath = 'x'\nkeep_days = 9\n\
        [[source]]\nlogdir = 'x'\ninstances = 'auto'\n[[handler]]\ntype = 'file'\npath = 'x'\nkeep = 3\n\
        queue = 7\n[[handler]]\ntype = 'my.Handler'\nanything = 1\n";
    assert!(is_valid(right));
    for wrong in [
        "x = 1",
        "count = 'x'",
        "[store]\npth = 'x'",
        "[[source]]\nlogdri = 'x'",
        "[[handler]]\ntype = 'file'\npth = 'x'",
        "[[handler]]\npath = 'x'",
        "[source]\n",
    ] {
        assert!(!is_valid(wrong), "{wrong}");
    }
}

#[test]
fn options_may_be_in_the_environment() {
    let room = Room::new();
    room.write("pigear.toml", "count = 5\n");
    let mut command = program();
    command.env("PIGEAR_LOGDIR", "log").env("PIGEAR_COUNT", "1").env("PIGEAR_QUIET", "yes");
    command.env("PIGEAR_CONFIG", "pigear.toml").env("PIGEAR_STATS", "");
    command.env("PIGEAR_DATA_HANDLER", "print,null").current_dir(room.path());
    command.stdout(std::process::Stdio::piped()).stderr(std::process::Stdio::piped());
    let mut running = crate::running::Running::start(room, command).read_stdout().read_stderr();
    running.send(&ping());
    let (_, ended) = running.end();
    assert_eq!((&*ended.stdout, &*ended.stderr, ended.status), (PING, "", Some(0)));
}

#[test]
fn the_command_line_takes_precedence_over_the_environment() {
    let output = |variable: &str, value: &str, args: &[&str]| {
        program().env(variable, value).args(args).output().unwrap()
    };
    let wrong = output("PIGEAR_COUNT", "many", &[]);
    assert_eq!(wrong.status.code(), Some(2));
    let said = "invalid value 'many' for the environment variable PIGEAR_COUNT";
    assert!(text(&wrong.stderr).contains(said));
    // Commands have options of their own.
    let help = output("PIGEAR_COUNT", "many", &["help", "file"]);
    assert!(help.status.success(), "{}", text(&help.stderr));
    let typed = output("PIGEAR_CONFIG", "no-such.toml", &["--config", "other.toml"]);
    assert!(text(&typed.stderr).contains("cannot read other.toml"), "{}", text(&typed.stderr));
}

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
    // What is typed is an option.
    let output = program().env("PIGEAR_COUNT", "3").args(["--count", "x"]).output().unwrap();
    assert!(text(&output.stderr).contains("'x' for '--count <N>'"), "{}", text(&output.stderr));
}
