//! `pigear doctor`: what is closed to Pigear's user, or in the way.

use std::fs;
use std::os::unix::fs::symlink;

use super::clinic::Clinic;
use super::doctor;
use crate::harness::{is_root, program};
use crate::room::Room;

#[test]
fn a_log_directory_below_one_that_is_closed_to_pigears_user_is_opened() {
    let text = "user = \"nobody\"\n[[source]]\nlogdir = \"ROOM/closed/log\"\n";
    let Some(mut clinic) = Clinic::configured(text) else { return };
    fs::create_dir_all(clinic.room.at("closed/log")).unwrap();
    clinic.room.set_mode("closed", 0o700);
    let config = clinic.room.at("pigear.toml");
    let start = || program().arg("--config").arg(&config).output().unwrap();
    let refused = String::from_utf8(start().stderr).unwrap();
    let closed = clinic.room.at("closed").canonicalize().unwrap();
    let closed = closed.display();
    assert_eq!(
        refused,
        format!(
            "error: cannot listen in {closed}/log: {closed} is closed to nobody: root:root, mode 0700\n\
            hint: chmod o+x {closed} lets all users pass it; or give another directory, to which nobody can get\n"
        )
    );
    assert!(clinic.room.list("closed/log").is_empty());
    let lines = clinic.examine();
    assert_eq!(lines[0], format!("chmod o+x {closed}"));
    clinic.room.set_mode("closed", 0o701);
    let (_, findings) = doctor(&clinic.room, "socket", &["--config", config.to_str().unwrap()]);
    assert!(findings.iter().all(|it| !it["found"].as_str().unwrap().contains("closed to")));
}

/// What is wrong with this directory as Snort's: text, advice, line.
fn at(room: &Room, dir: &str) -> (String, String, String) {
    let (_, findings) = doctor(room, "socket", &["--logdir", dir]);
    let finding = findings.iter().find(|it| it["status"] == "wrong");
    let finding = finding.unwrap_or_else(|| panic!("{dir}: {findings:?}"));
    let text = |key: &str| finding[key].as_str().unwrap_or_default().replace("sudo ", "");
    (text("found"), text("do"), text("type"))
}

#[test]
fn what_the_system_needs_is_not_moved_out_of_the_way() {
    let room = Room::new();
    for dir in ["/dev/null", "/dev/null/log", "/proc/self/stat", "/etc/passwd"] {
        let (found, advice, line) = at(&room, dir);
        assert_eq!((&*advice, &*line), ("correct the path", ""), "{found}");
    }
}

#[test]
fn what_is_in_the_way_of_a_log_directory_is_moved() {
    let room = Room::new();
    room.write("file", "");
    let (found, _, line) = at(&room, "file/x/y");
    assert_eq!(found, "file/x/y is not there: file is a file, not a directory");
    assert_eq!(line, "mv -nT file file.old && install -d -m 0750 file/x/y");
    symlink("nowhere", room.at("link")).unwrap();
    let (found, _, line) = at(&room, "link/x");
    assert_eq!(found, "link/x is not there: link is a link to nothing");
    assert_eq!(line, "install -d -m 0750 nowhere/x");
}

#[test]
fn a_shared_directory_gets_one_for_pigear() {
    if !is_root("make files of root that another user would write") {
        return;
    }
    let room = Room::new();
    room.set_mode("", 0o755);
    let at = |path: &str| {
        let file = format!("type = 'file', path = '{path}'");
        let text =
            format!("user = 'nobody'\nhandler = [{{ {file} }}]\n[[source]]\nlogdir = 'log'\n");
        room.write("pigear.toml", text);
        let (_, findings) = doctor(&room, "start", &["--config", "pigear.toml"]);
        let text = |key: &str| findings[0][key].as_str().unwrap_or_default().to_owned();
        (text("do"), text("type"))
    };
    let (advice, line) = at("/var/log/pigear-alerts");
    assert_eq!(advice, "make a directory for it, and give a path there: /var/log/pigear");
    assert_eq!(line, "install -d -o nobody -m 0750 /var/log/pigear");
    fs::create_dir(room.at("pigear")).unwrap();
    let (advice, line) = at("pigear/a");
    assert_eq!(advice, "hand it over to nobody, or give another path");
    assert!(line.starts_with("chown -h nobody /"), "{line}");
}
