//! `pigear doctor`: no line of root's hands over what other programs use, or goes where others can lead it elsewhere.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::Path;

use nix::unistd::{Uid, chown};

use super::doctor;
use crate::harness::{NOBODY, is_root};
use crate::room::Room;

/// As whom Snort, or any other program, runs here.
const DAEMON: u32 = 1;

/// A room that all can pass, with a directory `their` that another user owns.
fn room() -> Option<Room> {
    if !is_root("make files of other users") {
        return None;
    }
    let room = Room::new();
    room.set_mode("", 0o755);
    fs::create_dir(room.at("their")).unwrap();
    give(&room.at("their"), DAEMON);
    Some(room)
}

fn give(path: &Path, uid: u32) {
    chown(path, Some(Uid::from_raw(uid)), None).unwrap();
}

/// What a check finds wrong with a configuration: text, advice, line.
fn wrong(room: &Room, check: &str, text: &str) -> (String, String, String) {
    room.write("pigear.toml", text);
    let (_, findings) = doctor(room, check, &["--config", "pigear.toml"]);
    let finding = findings.iter().find(|it| it["status"] == "wrong");
    let finding = finding.unwrap_or_else(|| panic!("{text}: {findings:?}"));
    let text = |key: &str| finding[key].as_str().unwrap_or_default().to_owned();
    (text("found"), text("do"), text("type"))
}

#[test]
fn only_what_is_pigears_is_handed_over_to_its_user() {
    let Some(room) = room() else { return };
    let whole = room.path().canonicalize().unwrap();
    let whole = whole.display();
    for dir in ["out", "pigear", "pigear-2"] {
        fs::create_dir(room.at(dir)).unwrap();
    }
    for file in ["out/a", "pigear-2/a"] {
        room.write(file, "");
    }
    let at_beside = |path: &str, source: &str| {
        let file = format!("type = 'file', path = '{path}'");
        let config = format!("user = 'nobody'\nhandler = [{{ {file} }}]\n");
        let source = format!("[[source]]\nlogdir = 'log'\n{source}\n");
        let (_, advice, line) = wrong(&room, "start", &(config + &source));
        (advice, line)
    };
    let at = |path: &str| at_beside(path, "");
    let own = |dir: &str| {
        let own = format!("{whole}{dir}/pigear");
        let advice = format!("make a directory for it, and give a path there: {own}");
        (advice, format!("install -d -o nobody -m 0750 {own}"))
    };
    let handed = |path: &str| {
        let advice = "hand it over to nobody, or give another path".to_owned();
        (advice, format!("chown -h nobody {whole}/{path}"))
    };
    let none = ("give another path, which nobody may write".to_owned(), String::new());
    assert_eq!(at("pigear/a"), handed("pigear"));
    assert_eq!(at("out/a"), own("/out"));
    assert_eq!(at("out/b"), own("/out"));
    assert_eq!(at("their/a"), none);
    // Snort logs there, as root or as its own user.
    fs::rename(room.at("pigear"), room.at("pigear-1")).unwrap();
    assert_eq!(at("log/a"), own(""));
    give(&room.at("log"), DAEMON);
    assert_eq!(at("log/a"), own(""));
    assert_eq!(at("pigear-1/a"), handed("pigear-1"));
    assert_eq!(at_beside("pigear-1/a", "complete_from = 'pigear-1/u2.log'"), own(""));
    // What is there may be anyone's.
    fs::create_dir(room.at("pigear")).unwrap();
    give(&room.at("pigear"), DAEMON);
    assert_eq!(at("log/a"), none);
    assert_eq!(at("pigear/a"), none);
    // The system needs it.
    assert_eq!(at("/usr/lib/a"), none);
    // With its directory, a file is Pigear's.
    give(&room.at("pigear-2"), NOBODY);
    assert_eq!(at("pigear-2/a"), handed("pigear-2/a"));
    give(&room.at("out"), NOBODY);
    assert_eq!(at("out/a"), handed("out/a"));
}

#[test]
fn nothing_is_handed_over_below_what_its_new_owner_can_replace() {
    let Some(room) = room() else { return };
    fs::create_dir_all(room.at("their/sub/pigear")).unwrap();
    let config =
        |path: &str| format!("user = 'daemon'\nstats = '{path}'\n[[source]]\nlogdir = 'log'\n");
    let none = ("give another path, which daemon may write", "");
    let (found, advice, line) = wrong(&room, "start", &config("their/sub/pigear/a"));
    assert_eq!((&*advice, &*line), none, "{found}");
    // A link in its place would be handed over itself.
    fs::create_dir(room.at("their/pigear")).unwrap();
    let (found, _, line) = wrong(&room, "start", &config("their/pigear/a"));
    assert!(line.starts_with("chown -h daemon /"), "{found}: {line}");
}

/// Makes files of root: readable by root alone, and one that all can read.
fn files(room: &Room, dir: &str) {
    for (name, mode) in [("map", 0o640), ("secret", 0o600), ("open", 0o644), ("program", 0o644)] {
        let name = format!("{dir}{name}");
        room.write(&name, "");
        room.set_mode(&name, mode);
    }
    let rules = format!("{dir}rules");
    fs::create_dir(room.at(&rules)).unwrap();
    room.write(&format!("{rules}/a.rules"), "alert tcp any any -> any any (msg:\"x\"; sid:1;)\n");
    room.set_mode(&rules, 0o750);
}

#[cfg(all(feature = "exec", feature = "http", feature = "store"))]
#[test]
fn no_line_goes_where_others_could_lead_it_elsewhere() {
    let Some(room) = room() else { return };
    let whole = room.path().canonicalize().unwrap();
    fs::create_dir(room.at("own")).unwrap();
    for dir in ["own/", "their/"] {
        files(&room, dir);
        fs::create_dir(room.at(&format!("{dir}sub"))).unwrap();
        room.write(&format!("{dir}sub/snort_alert"), "");
    }
    let long = "x".repeat(100);
    let source = "[[source]]\nlogdir = 'log'\n";
    let http = "type = 'http', url = 'http://127.0.0.1:9/'";
    let cases = [
        ("files", format!("{source}[names]\nsid_msg_map = 'DIR/map'\n"), "chmod o+r DIR/map"),
        ("files", format!("rules = 'DIR/rules'\n{source}"), "chmod o+rx DIR/rules"),
        (
            "receivers",
            format!("handler = [{{ {http}, auth_file = 'DIR/secret' }}]\n{source}"),
            "chown -h nobody DIR/secret && chmod u+r DIR/secret",
        ),
        (
            "configuration",
            format!("handler = [{{ {http}, auth_file = 'DIR/open' }}]\n{source}"),
            "chgrp nogroup DIR/open && chmod 640 DIR/open",
        ),
        ("socket", "[[source]]\nlogdir = 'DIR/none'\n".to_owned(), "install -d -m 0750 DIR/none"),
        (
            "socket",
            "[[source]]\nlogdir = 'DIR/map/log'\n".to_owned(),
            "mv -nT DIR/map DIR/map.old && install -d -m 0750 DIR/map/log",
        ),
        (
            "socket",
            "[[source]]\nlogdir = 'DIR/sub'\n".to_owned(),
            "mv -nT DIR/sub/snort_alert DIR/sub/snort_alert.old",
        ),
        (
            "start",
            format!("stats = 'DIR/none/a'\n{source}"),
            "install -d -o nobody -m 0750 DIR/none",
        ),
        (
            "store",
            format!("store.path = 'DIR/none/a'\n{source}"),
            "install -d -o nobody -m 0750 DIR/none",
        ),
        (
            "start",
            format!("handler = [{{ type = 'exec', command = 'DIR/program' }}]\n{source}"),
            "chmod +x DIR/program",
        ),
        ("socket", format!("[[source]]\nlogdir = 'DIR/{long}'\n"), "ln -s DIR/LONG DIR/snort-log"),
    ];
    for dir in ["own", "their"] {
        fs::create_dir(room.at(&format!("{dir}/{long}"))).unwrap();
        let dir = whole.join(dir);
        for (check, text, expected) in &cases {
            let [text, expected] = [text, &(*expected).to_owned()]
                .map(|it| it.replace("DIR", dir.to_str().unwrap()).replace("LONG", &long));
            let (found, advice, line) = wrong(&room, check, &format!("user = 'nobody'\n{text}"));
            if dir.ends_with("own") {
                assert_eq!(line, expected, "{found}");
            } else {
                assert!(line.is_empty() && !advice.is_empty(), "{found}: {advice}: {line}");
            }
        }
    }
}

/// What links lead to was chosen by those who may have put them there.
#[test]
fn what_a_link_of_others_leads_to_is_not_typed() {
    let Some(room) = room() else { return };
    room.write("map", "");
    room.set_mode("map", 0o640);
    fs::create_dir_all(room.at("closed/log")).unwrap();
    room.set_mode("closed", 0o700);
    symlink(room.at("map"), room.at("their/map")).unwrap();
    symlink(room.at(""), room.at("their/dir")).unwrap();
    for path in ["their/map", "their/dir/map"] {
        let text = format!("user = 'nobody'\n[names]\nsid_msg_map = '{path}'\n");
        let (found, advice, line) = wrong(&room, "files", &text);
        assert!(line.is_empty() && !advice.is_empty(), "{found}: {advice}: {line}");
    }
    for (dir, is_typed) in [("closed/log", true), ("their/dir/closed/log", false)] {
        let text = format!("user = 'nobody'\n[[source]]\nlogdir = '{dir}'\n");
        let (found, _, line) = wrong(&room, "socket", &text);
        assert!(found.contains("/closed is closed to nobody"), "{found}");
        assert_eq!(line.starts_with("chmod o+x "), is_typed, "{found}: {line}");
    }
    let text = "user = 'nobody'\n[[source]]\nlogdir = 'their/dir/none'\n";
    let (found, advice, line) = wrong(&room, "socket", text);
    assert!(line.is_empty() && !advice.is_empty(), "{found}: {advice}: {line}");
    // Root's own link.
    symlink(room.at("map"), room.at("link")).unwrap();
    let text = "user = 'nobody'\n[names]\nsid_msg_map = 'link'\n";
    let map = room.at("map").canonicalize().unwrap();
    assert_eq!(wrong(&room, "files", text).2, format!("chmod o+r {}", map.display()));
}

/// A start, and `pigear config check`, say the same of a secret.
#[cfg(feature = "http")]
#[test]
fn a_warning_of_a_secret_has_no_command_where_others_could_lead_it_elsewhere() {
    let Some(room) = room() else { return };
    room.write(
        "c.toml",
        "[[handler]]\ntype = 'http'\nurl = 'http://127.0.0.1:9/'\nauth = 'bearer:s3cret'\n",
    );
    fs::copy(room.at("c.toml"), room.at("their/c.toml")).unwrap();
    for (path, is_typed) in [("c.toml", true), ("their/c.toml", false)] {
        room.set_mode(path, 0o644);
        let mut command = crate::harness::program();
        command.args(["config", "check", path]).current_dir(room.path());
        let said = String::from_utf8(command.output().unwrap().stderr).unwrap();
        assert!(said.contains(": auth is a secret, and all users can read the file: "), "{said}");
        assert_eq!(said.contains("chmod o-r"), is_typed, "{said}");
    }
}

/// All users may put a link there.
#[test]
fn nothing_is_made_in_a_directory_of_all_users() {
    let Some(room) = room() else { return };
    room.set_mode("log", 0o1777);
    let text = "stats = 'log/none/a'\n[[source]]\nlogdir = 'log'\n";
    let (found, advice, line) = wrong(&room, "start", text);
    assert!(line.is_empty() && !advice.is_empty(), "{found}: {advice}: {line}");
}
