//! What the manual shows, run as it stands there.

use std::fmt::Write;
use std::process::Command;

use crate::harness::{Test, program};

#[test]
fn the_program_in_the_manual_sends_an_alert() {
    let manual = include_str!("../../../../docs/datagram.md");
    let (_, from) = manual.split_once("```python\n").unwrap();
    let (program, _) = from.split_once("```").unwrap();
    let test = Test::new().args(["--count", "1", "dialect=snort2.9"]).file("inject.py", program);
    let mut running = test.start();
    running.listens();
    let mut python = Command::new("python3");
    python.args(["inject.py", "log/snort_alert"]).current_dir(running.room().path());
    assert!(python.status().unwrap().success());
    let (_, ended) = running.end();
    let (_, line) = ended.stdout.split_once(' ').unwrap();
    assert_eq!(line, "[**] [1:1000001:1] HONEYPOT login attempt [**] [Priority: 2] {?}\n");
}

const OWN_HANDLER: &str = include_str!("../../../../docs/own-handler.md");

/// The first block of a language in a page.
fn block<'a>(page: &'a str, language: &str) -> &'a str {
    let (_, from) = page.split_once(&format!("```{language}\n")).unwrap();
    from.split_once("```").unwrap().0
}

/// What a program of the manual writes into a file when it handles the recorded alerts.
#[cfg(feature = "exec")]
fn handled_by(program: &str, language: &str, keys: &[&str], file: &str) -> String {
    use std::os::unix::fs::PermissionsExt;
    let recording = concat!(env!("CARGO_MANIFEST_DIR"), "/data/demo.dgrams.gz");
    let play = ["--socket-handler", "play", "--from", recording, "--data-handler", "exec"];
    let command = format!("command=./{program}");
    let test = Test::bare().args(play).args([command]).args(keys);
    let test = test.file(program, block(OWN_HANDLER, language));
    let path = test.room().path().join(program);
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o755)).unwrap();
    let (room, ended) = test.start().end();
    assert_eq!(ended.status, Some(0), "{}", ended.stderr);
    room.read(file)
}

/// What the manual says that a command prints.
#[cfg(feature = "exec")]
fn printed<'a>(page: &'a str, command: &str) -> &'a str {
    let (_, from) = page.split_once(&format!("$ {command}\n")).unwrap();
    from.split_once("```").unwrap().0
}

#[cfg(feature = "exec")]
#[test]
fn the_programs_of_the_manual_handle_alerts() {
    let seen = handled_by("seen.sh", "sh", &[], "seen.txt");
    assert!(seen.starts_with(printed(OWN_HANDLER, "head -n 2 seen.txt")), "{seen}");
    assert_eq!(seen.lines().count(), 68);
    let has_json = Command::new("perl").args(["-MJSON::PP", "-e", "1"]).output();
    if !has_json.is_ok_and(|output| output.status.success()) {
        return crate::requirements::missing("Perl has no JSON::PP");
    }
    let talkers = handled_by("talkers.pl", "perl", &["mode=stream"], "talkers.txt");
    assert!(talkers.starts_with(printed(OWN_HANDLER, "head -n 2 talkers.txt")), "{talkers}");
}

#[test]
fn the_handler_in_the_manual_is_that_of_the_example() {
    let example = include_str!("../../examples/handler.rs");
    assert!(example.contains(block(OWN_HANDLER, "rust,ignore")));
}

/// `docs/keys.md`: what `pigear help` says of each handler.
#[cfg(all(
    feature = "http",
    feature = "kafka",
    feature = "nats",
    feature = "shell",
    feature = "web"
))]
#[test]
fn the_keys_in_the_manual_are_those_of_the_program() {
    const PATH: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/keys.md");
    const BEGIN: &str = "<!-- what follows is made by a test; see CONTRIBUTING.md -->\n";
    let kept = std::fs::read_to_string(PATH).unwrap();
    let (head, _) = kept.split_once(BEGIN).unwrap();
    let handlers = help("no-such-handler");
    let (_, handlers) = handlers.split_once("on handlers: ").unwrap();
    let mut made = format!("{head}{BEGIN}");
    let mut of_all = String::new();
    for handler in handlers.lines().next().unwrap().split(", ") {
        let text = help(handler);
        let (about, _) = text.split_once('\n').unwrap();
        let (_, about) = about.split_once(": ").unwrap();
        write!(made, "\n## {handler}\n\n{}{}.\n", about[..1].to_uppercase(), &about[1..]).unwrap();
        let keys = |title: &str| {
            let (_, keys) = text.split_once(title).unwrap_or_default();
            table(keys.split("\n\n").next().unwrap_or_default())
        };
        made.push_str(&keys("\nAll keys:\n"));
        of_all = keys("\nKeys of every handler:\n");
    }
    write!(made, "\n## Keys of every handler\n{of_all}").unwrap();
    if std::env::var_os("PIGEAR_UPDATE_MANUAL").is_some() {
        std::fs::write(PATH, made).unwrap();
    } else {
        assert!(kept == made, "docs/keys.md is not current; CONTRIBUTING.md says how to make it");
    }
}

/// What `pigear help` says.
#[cfg(all(
    feature = "http",
    feature = "kafka",
    feature = "nats",
    feature = "shell",
    feature = "web"
))]
fn help(topic: &str) -> String {
    let output = program().args(["help", topic]).output().unwrap();
    String::from_utf8([output.stdout, output.stderr].concat()).unwrap()
}

/// Keys and what they are for as a table, if there are any.
#[cfg(all(
    feature = "http",
    feature = "kafka",
    feature = "nats",
    feature = "shell",
    feature = "web"
))]
fn table(keys: &str) -> String {
    let row = |line: &str| {
        let (key, about) = line.trim().split_once(' ').unwrap();
        format!("| `{key}` | {} |\n", about.trim().replace('|', "\\|"))
    };
    let rows: String = keys.lines().filter(|line| !line.is_empty()).map(row).collect();
    if rows.is_empty() { rows } else { format!("\n| key | is for |\n|---|---|\n{rows}") }
}
