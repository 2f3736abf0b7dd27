//! What any user of the machine may have made for the doctor to find: nothing of it is to be typed by root.

use std::fs;
use std::os::unix::fs::symlink;
use std::process::{Command, Stdio};

use nix::unistd::{Uid, chown};
use serde_json::Value;

use super::clinic::Clinic;
use crate::harness::{NOBODY, can_change_user, program, program_as, until};
use crate::snort::can_send;

/// All findings of a doctor that root runs on the log directory.
fn findings(clinic: &Clinic, more: &[&str]) -> Vec<Value> {
    let mut command = program();
    command.args(["doctor", "--json", "--logdir"]).arg(clinic.room.at("log")).args(more);
    let output = command.output().unwrap();
    let report: Value = serde_json::from_slice(&output.stdout).unwrap();
    report["findings"].as_array().unwrap().clone()
}

/// The lines to type that have this text.
fn typed<'a>(findings: &'a [Value], text: &str) -> Vec<&'a str> {
    let lines = findings.iter().filter_map(|finding| finding["type"].as_str());
    lines.filter(|line| line.contains(text)).collect()
}

fn about<'a>(findings: &'a [Value], text: &str) -> Option<&'a Value> {
    findings.iter().find(|finding| finding["found"].as_str().unwrap().contains(text))
}

#[test]
fn a_program_of_another_user_is_not_taken_for_snort() {
    let Some(mut clinic) = Clinic::new(&[]) else { return };
    clinic.treat_with(&["--logdir", "ROOM/log"]);
    clinic.room.set_mode("log/snort_alert", 0o600);
    clinic.room.write("precious", "config logdir: log\n");
    symlink(clinic.room.at("precious"), clinic.room.at("evil.conf")).unwrap();
    let id = clinic.snort(NOBODY, &["-c", "ROOM/evil.conf", "-l", "ROOM/log"]);
    let all = findings(&clinic, &[]);
    for text in ["nobody", "tee", "/snort ", "evil.conf"] {
        assert!(typed(&all, text).is_empty(), "{all:?}");
    }
    let found = format!("process {id} of user nobody is named snort, but is not taken for Snort");
    let finding = about(&all, &found).unwrap_or_else(|| panic!("{all:?}"));
    assert_eq!(finding["status"], "note", "{finding}");
    // Root says that Snort runs as this user; what the process was given is not typed all the same.
    let all = findings(&clinic, &["--snort-user", "nobody"]);
    assert!(about(&all, &found).is_none(), "{all:?}");
    assert!(about(&all, "was not told to send alerts to a socket").is_some(), "{all:?}");
    assert!(!typed(&all, "chown -h nobody").is_empty(), "{all:?}");
    for text in ["tee", "/snort ", "evil.conf"] {
        assert!(typed(&all, text).is_empty(), "{all:?}");
    }
}

#[test]
fn a_program_of_roots_behind_a_link_named_snort_is_not_taken_for_it() {
    let Some(mut clinic) = Clinic::new(&[]) else { return };
    clinic.room.write("evil.conf", "config logdir: log\n");
    fs::create_dir(clinic.room.at("bin")).unwrap();
    symlink("/bin/sh", clinic.room.at("bin/snort")).unwrap();
    let id = clinic.snort_at("bin/snort", 0, &["-c", "ROOM/evil.conf", "-l", "ROOM/log"]);
    let all = findings(&clinic, &[]);
    let found = format!("process {id} of user root is named snort, but is not taken for Snort");
    assert!(about(&all, &found).is_some(), "{all:?}");
    for text in ["tee", "/snort ", "evil.conf"] {
        assert!(typed(&all, text).is_empty(), "{all:?}");
    }
}

#[test]
fn a_configuration_that_others_can_replace_is_not_written_to() {
    let Some(mut clinic) = Clinic::new(&[]) else { return };
    fs::create_dir(clinic.room.at("their")).unwrap();
    clinic.room.write("their/snort.conf", "config logdir: log\n");
    let their = clinic.room.at("their");
    chown(&their, Some(Uid::from_raw(NOBODY)), None).unwrap();
    clinic.snort(0, &["-c", "ROOM/their/snort.conf", "-l", "ROOM/log"]);
    let all = findings(&clinic, &[]);
    let finding = about(&all, "was not told to send alerts").unwrap_or_else(|| panic!("{all:?}"));
    assert_eq!((&finding["status"], &finding["type"]), (&"wrong".into(), &Value::Null));
}

#[test]
fn nothing_is_handed_over_where_others_can_put_a_link() {
    let Some(mut clinic) = Clinic::new(&[]) else { return };
    clinic.treat_with(&["--logdir", "ROOM/log"]);
    clinic.snort(NOBODY, &["-A", "unsock", "-l", "ROOM/log"]);
    clinic.room.set_mode("log/snort_alert", 0o600);
    clinic.room.set_mode("log", 0o777);
    let all = findings(&clinic, &["--snort-user", "nobody"]);
    assert!(about(&all, "can't be written by nobody").is_some(), "{all:?}");
    assert!(typed(&all, "snort_alert").is_empty(), "{all:?}");
}

#[test]
fn what_a_snort_was_given_is_one_word() {
    let Some(mut clinic) = Clinic::new(&[]) else { return };
    let prefix = "--run-prefix=$(touch pwned)";
    clinic.snort(0, &["-A", "alert_unixsock", "-l", "ROOM/log", prefix]);
    let all = findings(&clinic, &[]);
    let lines = typed(&all, "run-prefix");
    let expected = "--run-prefix='$(touch pwned)'";
    assert!(lines.len() == 1 && lines[0].ends_with(expected), "{all:?}");
}

#[test]
fn a_program_of_another_user_is_not_taken_for_pigear() {
    if !can_change_user() {
        return;
    }
    let Some(clinic) = Clinic::new(&[]) else { return };
    clinic.room.set_mode("log", 0o777);
    let mut command = program_as(NOBODY, &clinic.room);
    command.arg("--logdir").arg(clinic.room.at("log")).current_dir("/");
    let mut other = command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
    until("it listens", || can_send(&clinic.room.socket()));
    let all = findings(&clinic, &[]);
    let found = format!("is open in pigear (process {}), which nobody runs", other.id());
    other.kill().unwrap();
    other.wait().unwrap();
    let finding = about(&all, &found).unwrap_or_else(|| panic!("{all:?}"));
    assert_eq!(finding["status"], "wrong", "{finding}");
    assert!(about(&all, "runs as nobody").is_none(), "{all:?}");
}

#[test]
fn what_a_configuration_of_another_user_names_is_not_typed() {
    let Some(clinic) = Clinic::configured("[[source]]\nlogdir = \"ROOM/none\"\n") else { return };
    let said = || {
        let mut command = program();
        command.args(["doctor", "--config"]).arg(clinic.room.at("pigear.toml"));
        String::from_utf8(command.output().unwrap().stdout).unwrap()
    };
    let typed = "       type: install -d ";
    assert!(said().contains(typed), "{}", said());
    chown(&clinic.room.at("pigear.toml"), Some(Uid::from_raw(NOBODY)), None).unwrap();
    let text = said();
    assert!(!text.contains("type: ") && text.contains("others than root can change "), "{text}");
}

#[test]
fn a_directory_with_control_characters_is_typed_as_it_is() {
    let Some(clinic) = Clinic::new(&[]) else { return };
    let dir = clinic.room.at("a\x1b[31m\nb\u{202e}");
    let output = program().args(["doctor", "--logdir"]).arg(&dir).output().unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    let line = text.lines().find_map(|line| line.strip_prefix("       type: install "));
    let line = format!("install {}", line.unwrap_or_else(|| panic!("{text}")));
    assert!(Command::new("sh").args(["-c", &line]).status().unwrap().success(), "{line}");
    assert!(dir.is_dir(), "{line}");
}
