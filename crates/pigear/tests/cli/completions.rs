//! Completions, in the shells themselves.

use std::path::Path;
use std::process::Command;

use crate::requirements::missing;
use crate::room::Room;
use crate::screen::{self, Screen};

/// What is typed before TAB, and what the line is then.
const LINES: [(&str, &str); 16] = [
    ("pigear --data-han", "pigear --data-handler "),
    ("pigear --data-handler fi", "pigear --data-handler file "),
    ("pigear --data-handler old=fi", "pigear --data-handler old=file "),
    ("pigear --data-handler file pat", "pigear --data-handler file path="),
    ("pigear --data-handler file format=oc", "pigear --data-handler file format=ocsf "),
    ("pigear --filter msg.pri", "pigear --filter msg.priority "),
    ("pigear --socket-handler unif", "pigear --socket-handler unified2 "),
    ("pigear query --format js", "pigear query --format json "),
    ("pigear query --count-by pri", "pigear query --count-by priority "),
    ("pigear query --class network-s", "pigear query --class network-scan "),
    ("pigear query --class none,network-s", "pigear query --class none,network-scan "),
    ("pigear --dialect barnyard2-", "pigear --dialect barnyard2-32bit "),
    ("pigear dialect=barnyard2-", "pigear dialect=barnyard2-32bit "),
    ("pigear help fie", "pigear help fields "),
    ("pigear top --filter msg.pri", "pigear top --filter msg.priority "),
    ("pigear top --class network-s", "pigear top --class network-scan "),
];

/// A terminal with a shell that finds `pigear` and its completions.
fn terminal(room: &Room, shell: &str, args: &[&str]) -> Option<Screen> {
    let is_there = Command::new(shell).arg("--version").output().is_ok();
    if !is_there {
        missing(format_args!("{shell} is not installed"));
        return None;
    }
    let (_, mut screen) = screen::start_other(room, shell, args);
    let directory = Path::new(env!("CARGO_BIN_EXE_pigear")).parent().unwrap().display();
    screen.enters(&format!("PS1='$ '; PATH={directory}:$PATH"));
    Some(screen)
}

/// Types each line and TAB. What is typed behind it shows whether there is a space.
fn completes(screen: &mut Screen) {
    for (typed, expected) in LINES {
        screen.types(&format!("{typed}\t#"));
        screen.shows(&format!("$ {expected}#"));
        screen.types("\x15");
    }
}

#[test]
fn bash_completes() {
    let room = Room::new();
    let Some(mut screen) = terminal(&room, "bash", &["--norc", "--noprofile", "-i"]) else {
        return;
    };
    screen.enters("source <(pigear completions bash); echo rea''dy");
    screen.shows("\nready");
    completes(&mut screen);
    screen.enters("exit");
}

#[test]
fn zsh_completes() {
    let room = Room::new();
    let Some(mut screen) = terminal(&room, "zsh", &["-f", "-i"]) else { return };
    screen.enters(
        "autoload -U compinit; compinit -u; source <(pigear completions zsh); echo rea''dy",
    );
    screen.shows("\nready");
    completes(&mut screen);
    screen.enters("exit");
}

#[test]
fn fish_completes() {
    let room = Room::new();
    for (typed, expected) in LINES {
        let script = format!("pigear completions fish | source; complete -C '{typed}'");
        let directory = Path::new(env!("CARGO_BIN_EXE_pigear")).parent().unwrap().display();
        let path = format!("{directory}:{}", std::env::var("PATH").unwrap());
        let mut fish = Command::new("fish");
        let Ok(output) =
            fish.args(["-c", &script]).env("PATH", path).env("HOME", room.path()).output()
        else {
            return missing(format_args!("fish is not installed"));
        };
        let offered = String::from_utf8(output.stdout).unwrap();
        let word = expected.trim_end().rsplit(' ').next().unwrap();
        let offered: Vec<_> = offered.lines().filter_map(|line| line.split('\t').next()).collect();
        assert!(offered.contains(&word), "{typed}: {offered:?}");
    }
}
