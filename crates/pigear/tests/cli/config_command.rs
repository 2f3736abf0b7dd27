//! `pigear config`, and options in the environment.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::Output;

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
    let mistakes = "pigear.toml:1:9: invalid value: integer `0`, expected a nonzero u64\n\
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
fn a_secret_that_all_users_can_read_is_warned_of() {
    let config =
        "[[handler]]\ntype = 'http'\nurl = 'http://127.0.0.1:1/'\nauth = 'bearer:s3cret'\n";
    let room = Room::new();
    room.write("pigear.toml", config);
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
    assert!(text(&wrong.stderr).contains("invalid value 'many' for '--count <N>'"));
    // Commands have options of their own.
    let help = output("PIGEAR_COUNT", "many", &["help", "file"]);
    assert!(help.status.success(), "{}", text(&help.stderr));
    let typed = output("PIGEAR_CONFIG", "no-such.toml", &["--config", "other.toml"]);
    assert!(text(&typed.stderr).contains("cannot read other.toml"), "{}", text(&typed.stderr));
}
