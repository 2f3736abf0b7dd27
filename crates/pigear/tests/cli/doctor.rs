//! `pigear doctor`: each broken set-up is found, and a sound one is well.

mod clinic;
mod closed;
mod guarded;
mod listening;
mod mended;
mod odd_files;
mod receivers;
#[cfg(feature = "metrics")]
mod socketless;
mod starts;
#[cfg(feature = "store")]
mod stores;
mod strangers;
mod threads;

use std::fs;
use std::os::unix::net::UnixDatagram;
use std::process::Command;

use serde_json::Value;

use crate::harness::{NOBODY, Test, program};
use crate::room::Room;
use clinic::Clinic;

/// Runs it, and returns its status and the findings of a check, each as status and text.
fn doctor(room: &Room, check: &str, args: &[&str]) -> (Option<i32>, Vec<Value>) {
    let mut command = program();
    command.args(["doctor", "--json"]).args(args).current_dir(room.path());
    let output = command.output().unwrap();
    let report: Value = serde_json::from_slice(&output.stdout).unwrap();
    let findings = report["findings"].as_array().unwrap();
    let of_check = findings.iter().filter(|finding| finding["check"] == check);
    (output.status.code(), of_check.cloned().collect())
}

/// What is wrong, by a check: the texts.
fn wrong(room: &Room, check: &str, args: &[&str]) -> Vec<String> {
    let (status, findings) = doctor(room, check, args);
    let wrong = findings.iter().filter(|finding| finding["status"] == "wrong");
    let found = wrong.map(|finding| finding["found"].as_str().unwrap().to_owned());
    let found: Vec<_> = found.collect();
    assert!(found.is_empty() || status == Some(1), "{status:?}: {found:?}");
    found
}

fn at_log(room: &Room) -> String {
    room.at("log").to_str().unwrap().to_owned()
}

#[test]
fn a_pigear_that_listens_is_well() {
    let mut running = Test::new().start();
    running.listens();
    let logdir = at_log(running.room());
    let (status, findings) = doctor(running.room(), "socket", &["--logdir", &logdir]);
    let texts: Vec<_> = findings.iter().map(|it| (&it["status"], it["found"].as_str())).collect();
    assert_eq!(status, Some(0), "{texts:?}");
    assert!(texts.iter().all(|(status, _)| **status == "ok"), "{texts:?}");
    assert!(texts.iter().any(|(_, text)| text.unwrap().contains("open in pigear")), "{texts:?}");
    running.signal_now(nix::sys::signal::Signal::SIGTERM);
    running.end();
}

#[test]
fn a_running_pigear_says_what_it_may_do() {
    let test = Test::new().without_rights().with(|room| room.hand_over("log"));
    let mut running = test.start();
    running.listens();
    let who = format!("process {} ", running.id());
    for (check, expected) in [("pigear", "no capabilities"), ("limits", "files open")] {
        let (_, findings) = doctor(running.room(), check, &["--logdir", &at_log(running.room())]);
        let found = findings[0]["found"].as_str().unwrap();
        assert!(found.starts_with(&who) && found.contains(expected), "{found}");
    }
    running.signal_now(nix::sys::signal::Signal::SIGTERM);
    running.end();
}

#[test]
fn a_configuration_that_cannot_be_used_is_not_taken_for_another_one() {
    let room = Room::new();
    room.write("pigear.toml", "[store]\npaht = 'a.db'\n");
    for check in ["socket", "store", "files", "snort"] {
        assert!(doctor(&room, check, &["--config", "pigear.toml"]).1.is_empty(), "{check}");
    }
    assert!(!doctor(&room, "limits", &["--config", "pigear.toml"]).1.is_empty());
}

#[test]
fn a_missing_log_directory_is_wrong_and_the_advice_mends_it() {
    let room = Room::new();
    let dir = room.at("none; exit 3").to_str().unwrap().to_owned();
    let (status, findings) = doctor(&room, "socket", &["--logdir", &dir]);
    assert_eq!((status, &findings[0]["status"]), (Some(1), &"wrong".into()));
    let typed = findings[0]["type"].as_str().unwrap();
    let typed = typed.strip_prefix("sudo ").unwrap_or(typed);
    assert!(Command::new("sh").args(["-c", typed]).status().unwrap().success(), "{typed}");
    let (_, findings) = doctor(&room, "socket", &["--logdir", &dir]);
    assert_eq!(findings[0]["status"], "ok");
}

#[test]
fn what_is_wrong_at_the_place_of_the_socket_is_told_apart() {
    let room = Room::new();
    fs::create_dir_all(room.at("log")).unwrap();
    let said = |expected: &str| {
        let found = wrong(&room, "socket", &["--logdir", &at_log(&room)]);
        assert!(found.iter().any(|it| it.contains(expected)), "{expected} is not in {found:?}");
    };
    said("is not there");
    room.write("log/snort_alert", "");
    said("is there, but is not a socket");
    fs::remove_file(room.socket()).unwrap();
    drop(UnixDatagram::bind(room.socket()).unwrap());
    said("no process has it open");
}

#[test]
fn another_program_at_the_socket_is_named() {
    let room = Room::new();
    fs::create_dir_all(room.at("log")).unwrap();
    let _other = UnixDatagram::bind(room.socket()).unwrap();
    let (status, findings) = doctor(&room, "socket", &["--logdir", &at_log(&room)]);
    let process = format!("(process {})", std::process::id());
    let is_named = |it: &&Value| it["found"].as_str().unwrap().contains(&process);
    let finding = findings.iter().find(is_named).unwrap();
    assert_eq!((status, &finding["status"]), (Some(1), &"wrong".into()), "{finding}");
    assert!(finding["do"].as_str().unwrap().contains("kill"), "{finding}");
}

#[test]
fn what_may_not_be_looked_at_is_not_taken_for_missing() {
    use std::os::unix::fs::{PermissionsExt, symlink};
    use std::os::unix::process::CommandExt;

    if !nix::unistd::Uid::effective().is_root() {
        eprintln!("skipped: only root can run a program as another user");
        return;
    }
    let room = Room::new();
    let open = |path: &std::path::Path, mode| {
        fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
    };
    open(room.path(), 0o755);
    fs::create_dir_all(room.at("closed/log")).unwrap();
    open(&room.at("closed"), 0o700);
    symlink("closed/log", room.at("link")).unwrap();
    let copy = room.at("pigear");
    fs::copy(program().get_program(), &copy).unwrap();
    open(&copy, 0o755);
    for dir in ["closed/log", "closed", "link"] {
        let mut command = Command::new(&copy);
        command.args(["doctor", "--json", "--logdir"]).arg(room.at(dir));
        let output = command.current_dir("/").uid(NOBODY).gid(NOBODY).output().unwrap();
        let report: Value = serde_json::from_slice(&output.stdout).unwrap();
        let all = report["findings"].as_array().unwrap().iter();
        let finding = all.clone().find(|it| it["check"] == "socket" && it["status"] != "ok");
        let finding = finding.unwrap_or_else(|| panic!("{dir}: {report}"));
        let found = finding["found"].as_str().unwrap();
        assert!(found.starts_with("not looked at: you may not look at "), "{dir}: {finding}");
        assert_eq!(finding["status"], "note", "{finding}");
        let typed = finding["type"].as_str().unwrap();
        assert!(typed.starts_with("sudo pigear doctor --logdir "), "{dir}: {finding}");
    }
}

#[test]
fn files_that_may_not_be_read_are_not_taken_for_wrong() {
    if !crate::harness::can_change_user() {
        return;
    }
    let room = Room::new();
    let names = ["pigear.toml", "sid.map", "a.rules", "password"];
    let path = |name: &str| room.at(name).display().to_string();
    let config = |user: &str| {
        format!(
            "{user}rules = '{}'\n[names]\nsid_msg_map = '{}'\n[[source]]\nlogdir = '{}'\n[[handler]]\n\
            type = 'http'\nurl = 'http://127.0.0.1:1'\nauth_file = '{}'\n",
            path("a.rules"),
            path("sid.map"),
            path("log"),
            path("password")
        )
    };
    let close = |name: &str| room.set_mode(name, 0o600);
    room.write("pigear.toml", config(""));
    for name in ["sid.map", "a.rules", "password"] {
        room.write(name, "");
    }
    let about = |file: &str| {
        let mut command = crate::harness::program_as(crate::harness::NOBODY, &room);
        command.args(["doctor", "--json", "--config"]).arg(room.at("pigear.toml"));
        let output = command.current_dir("/").output().unwrap();
        let report: Value = serde_json::from_slice(&output.stdout).unwrap();
        let all = report["findings"].as_array().unwrap().clone();
        let named = |it: &Value| it["found"].as_str().unwrap().contains(&path(file));
        all.into_iter().find(named).unwrap_or_else(|| panic!("{file}: {report}"))
    };
    for name in names.iter().skip(1).chain(&names[..1]) {
        close(name);
        let finding = about(name);
        let found = finding["found"].as_str().unwrap();
        assert_eq!(
            found,
            format!("not looked at: you may not look at {}", path(name)),
            "{finding}"
        );
        let typed = format!("sudo pigear doctor --config {}", path("pigear.toml"));
        assert_eq!((&finding["status"], &finding["type"]), (&"note".into(), &typed.into()));
    }
    let mut command = crate::harness::program_as(crate::harness::NOBODY, &room);
    let closed = command.args(["doctor", "--config"]).arg(room.at("pigear.toml")).output().unwrap();
    assert_eq!(closed.status.code(), Some(0), "{closed:?}");
    // It is known that Pigear runs as root, who may read all of them.
    room.write("pigear.toml", config("user = 'root'\n"));
    room.set_mode("pigear.toml", 0o644);
    for name in ["sid.map", "a.rules", "password"] {
        let finding = about(name);
        assert_eq!(finding["status"], "ok", "{finding}");
        assert!(finding["found"].as_str().unwrap().ends_with(", so root may read it"), "{finding}");
    }
    // Or as the one who looks, who may not.
    room.write("pigear.toml", config("user = 'nobody'\n"));
    let map = about("sid.map");
    assert_eq!(map["type"], format!("sudo chmod o+r {}", path("sid.map")), "{map}");
    let password = path("password");
    let expected = format!("sudo chown -h nobody {password} && sudo chmod u+r {password}");
    assert_eq!(about("password")["type"], expected);
}

#[test]
fn a_path_that_is_too_long_for_a_socket_is_wrong() {
    let room = Room::new();
    let long = room.at(&"x".repeat(120)).to_str().unwrap().to_owned();
    let found = wrong(&room, "socket", &["--logdir", &long]);
    assert!(found.iter().any(|it| it.contains("may have 107")), "{found:?}");
}

#[test]
fn mistakes_in_the_configuration_are_found() {
    let room = Room::new();
    room.write("pigear.toml", "stast = 'x'\n");
    let found = wrong(&room, "configuration", &["--config", "pigear.toml"]);
    assert_eq!(found, ["pigear.toml:1:1: unknown key `stast`; did you mean `stats`?"]);
    let found = wrong(&room, "configuration", &["--config", "none.toml"]);
    assert!(found[0].starts_with("cannot read none.toml: "), "{found:?}");
}

#[test]
fn a_map_that_is_not_there_is_wrong() {
    let room = Room::new();
    room.write("pigear.toml", "[names]\nsid_msg_map = 'none.map'\n");
    let found = wrong(&room, "files", &["--config", "pigear.toml"]);
    assert!(found[0].starts_with("cannot read none.map: "), "{found:?}");
}

#[cfg(feature = "store")]
#[test]
fn a_store_that_cannot_be_used_is_wrong() {
    let room = Room::new();
    room.write("pigear.toml", "[store]\npath = 'a.db'\n");
    let found = || wrong(&room, "store", &["--config", "pigear.toml"]);
    assert_eq!(found(), Vec::<String>::new());
    room.write("a.db", "something else");
    assert_eq!(found(), ["a.db is not a store"]);
}

#[cfg(feature = "store")]
#[test]
fn a_store_is_looked_at_without_changing_anything() {
    let mut running = Test::new().args(["--store", "a.db"]).start();
    running.listens();
    running.signal_now(nix::sys::signal::Signal::SIGTERM);
    let (room, _) = running.end();
    room.write("pigear.toml", "[store]\npath = 'a.db'\nkeep_days = 9\n");
    let (files, store) = (room.list("."), fs::read(room.at("a.db")).unwrap());
    let (_, findings) = doctor(&room, "store", &["--config", "pigear.toml"]);
    let found = findings[0]["found"].as_str().unwrap();
    assert!(found.starts_with("a.db: version "), "{found}");
    assert_eq!((room.list("."), fs::read(room.at("a.db")).unwrap()), (files, store));
}

#[test]
fn a_running_snort_says_its_version_without_being_run_again() {
    let Some(mut clinic) = Clinic::new(&["--logdir", "ROOM/log"]) else { return };
    let versions = |room: &Room| {
        let (_, findings) =
            doctor(room, "snort", &["--logdir", &at_log(room), "--snort-user", "nobody"]);
        let found = findings.iter().map(|it| it["found"].as_str().unwrap().to_owned());
        found.filter(|it| it.contains("ersion") || it.contains(" is Snort ")).collect::<Vec<_>>()
    };
    let arguments = ["-A", "unsock", "-l", "ROOM/log"];
    let first = clinic.snort(NOBODY, &arguments);
    let unknown =
        format!("the version of process {first} is not known: its program doesn't say it");
    assert_eq!(versions(&clinic.room), std::slice::from_ref(&unknown));
    // What a Snort has in its file; a program may have more than it needs at its end.
    clinic.text_of_snort = r"\0### Snort Version 2.9.20 Build 82\n\0";
    let second = clinic.snort(NOBODY, &arguments);
    assert_eq!(versions(&clinic.room), [unknown, format!("process {second} is Snort 2.9.20")]);
}

#[test]
fn a_finding_says_why_and_what_to_do() {
    let room = Room::new();
    let output = program().args(["doctor", "--logdir", "none"]).current_dir(room.path()).output();
    let output = output.unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    let paragraph = "WRONG  socket: none: No such file or directory (os error 2)\n       \
        Snort sends its alerts to a socket in this directory.\n       type: ";
    assert!(text.contains(paragraph), "{text}");
    let stderr = String::from_utf8(output.stderr).unwrap();
    assert_eq!((&*stderr, output.status.code()), ("error: 1 thing is wrong\n", Some(1)));
}

#[test]
fn a_configuration_that_is_not_there_has_something_to_do() {
    let room = Room::new();
    let (status, findings) = doctor(&room, "configuration", &["--config", "nosuch.toml"]);
    let advice =
        "give the path of a configuration file; `pigear config example` prints one with all keys";
    assert_eq!((&findings[0]["do"], status), (&advice.into(), Some(1)), "{findings:?}");
}

#[test]
fn what_is_wrong_stands_together_at_the_end() {
    let room = Room::new();
    room.write(
        "pigear.toml",
        "rules = 'none'\n[store]\npath = 'no/a.db'\n[[source]]\nlogdir = 'nolog'\n",
    );
    let mut command = program();
    command.args(["doctor", "--config", "pigear.toml"]).current_dir(room.path());
    let text = String::from_utf8(command.output().unwrap().stdout).unwrap();
    let firsts = text.lines().filter(|line| !line.starts_with(' '));
    let wrong: Vec<_> = firsts.map(|line| line.starts_with("WRONG")).collect();
    assert!(wrong.is_sorted() && wrong.iter().filter(|it| **it).count() >= 3, "{text}");
}

#[test]
fn root_knows_that_no_pigear_runs() {
    let room = Room::new();
    let (_, findings) = doctor(&room, "pigear", &["--logdir", &at_log(&room)]);
    let is_root = nix::unistd::Uid::effective().is_root();
    let expected = if is_root { "none runs" } else { "none runs that you may look at" };
    assert_eq!(findings[0]["found"], expected);
}
