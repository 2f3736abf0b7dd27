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

pub(crate) fn run(room: &Room, args: &[&str]) -> Output {
    program().args(args).current_dir(room.path()).output().unwrap()
}

pub(crate) fn text(bytes: &[u8]) -> &str {
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
        ("fifo", "it is a named pipe without a writer, or an empty pipe"),
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
