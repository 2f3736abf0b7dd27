//! `pigear doctor`: files that are something else than they should be.

use std::fs::{self, File};
use std::io::Read;
use std::os::unix::fs::OpenOptionsExt;

use nix::libc::O_NONBLOCK;
use nix::sys::stat::Mode;
use nix::unistd::mkfifo;
use serde_json::Value;

use super::{doctor, wrong};
use crate::harness::{is_root, program};
use crate::room::Room;

const SOURCE: &str = "[[source]]\nlogdir = 'log'\n";

/// More than a map, a recording or a secret may have.
const TOO_LONG: u64 = 65 << 20;

/// With a directory, a FIFO, and a file that is too long.
fn room() -> Room {
    let room = Room::new();
    fs::create_dir(room.at("dir")).unwrap();
    mkfifo(&room.at("fifo"), Mode::from_bits_truncate(0o600)).unwrap();
    File::create(room.at("long")).unwrap().set_len(TOO_LONG).unwrap();
    room
}

/// What is wrong with this configuration by a check, and that a start refuses it.
fn refused(room: &Room, check: &str, text: &str) -> Vec<String> {
    room.write("pigear.toml", text);
    let found = wrong(room, check, &["--config", "pigear.toml"]);
    let mut command = program();
    let output = command.args(["--config", "pigear.toml"]).current_dir(room.path()).output();
    let output = output.unwrap();
    let error = String::from_utf8(output.stderr).unwrap();
    assert!(output.status.code().is_some_and(|status| status > 0), "{text}: {error}");
    let is_said =
        |found: &String| error.contains(found.as_str()) || found.contains("is a named pipe");
    assert!(found.iter().any(is_said), "{text}: {found:?} is not {error}");
    found
}

#[test]
fn maps_and_rules_that_cannot_be_read_stop_the_start() {
    let room = room();
    for key in ["class_config", "reference_config", "sid_msg_map", "gen_msg_map", "rules"] {
        for (name, problem) in [
            ("dir", "cannot read dir: it is a directory"),
            ("fifo", "fifo is a named pipe, not a regular file"),
            ("long", "cannot read long: it is longer than 67108864 bytes"),
        ] {
            let text = match key {
                // A directory stands for what is in it.
                "rules" if name == "dir" => continue,
                "rules" => format!("rules = '{name}'\n{SOURCE}"),
                _ => format!("{SOURCE}[names]\n{key} = '{name}'\n"),
            };
            assert_eq!(refused(&room, "files", &text), [problem], "{key}");
        }
    }
}

#[test]
fn rules_without_any_rule_are_noted() {
    let room = room();
    room.write("pigear.toml", format!("rules = ['dir', 'one.rules']\n{SOURCE}"));
    room.write("one.rules", "alert tcp any any -> any any (msg:\"x\"; sid:1;)\n");
    let (_, findings) = doctor(&room, "files", &["--config", "pigear.toml"]);
    let of_rules = |it: &&Value| it["found"].as_str().unwrap().contains("(--rules)");
    let found: Vec<_> =
        findings.iter().filter(of_rules).map(|it| (&it["status"], &it["found"])).collect();
    assert_eq!(found.len(), 2, "{found:?}");
    assert_eq!((found[0].0.as_str(), found[1].0.as_str()), (Some("note"), Some("ok")), "{found:?}");
    assert_eq!(found[0].1, "dir (--rules) has no rules");
}

#[test]
fn a_log_that_completes_alerts_must_be_one() {
    let room = room();
    for (name, problem) in [("dir", "is a directory"), ("fifo", "is a named pipe")] {
        let text = format!("{SOURCE}complete_from = '{name}'\n");
        let found = refused(&room, "start", &text);
        assert!(found.len() == 1 && found[0].contains(problem), "{found:?}");
    }
}

#[test]
fn what_a_handler_cannot_write_stops_the_start() {
    let room = room();
    for (keys, problem) in [
        ("type = 'file', path = 'dir'", "cannot open dir: it is a directory"),
        ("type = 'pcap', path = 'dir'", "cannot open dir: it is a directory"),
        (
            "type = 'pcap', path = 'long'",
            "cannot write to long: it exists and is not a pcapng file that pigear wrote",
        ),
        ("type = 'file', rotate = '1d', path = 'fifo'", "only a regular file can be rotated"),
    ] {
        let text = format!("handler = [{{ {keys} }}]\n{SOURCE}");
        let found = refused(&room, "start", &text);
        assert!(found.len() == 1 && found[0].contains(problem), "{keys}: {found:?}");
    }
}

#[cfg(all(feature = "web", feature = "http", feature = "syslog"))]
#[test]
fn a_secret_that_is_no_file_stops_the_start() {
    let room = room();
    let page = "type = 'web', listen = '127.0.0.1:0'";
    for (check, keys) in [
        ("start", format!("{page}, token_file")),
        ("start", format!("{page}, users")),
        ("start", format!("{page}, tls_key = 'k', tls_cert")),
        ("receivers", "type = 'http', url = 'http://127.0.0.1:1', auth_file".to_owned()),
        ("receivers", "type = 'syslog', target = 'tls://127.0.0.1:1', ca".to_owned()),
    ] {
        for (name, problem) in
            [("dir", "is a directory"), ("fifo", "is a named pipe"), ("long", "longer")]
        {
            let check = if name == "fifo" { "receivers" } else { check };
            let handler = format!("handler = [{{ {keys} = '{name}' }}]");
            let found = refused(&room, check, &format!("store.path = 'a.db'\n{handler}\n{SOURCE}"));
            assert!(found.iter().any(|found| found.contains(problem)), "{handler}: {found:?}");
        }
    }
}

/// What is written to it is for Pigear.
#[test]
fn a_fifo_is_neither_waited_for_nor_read() {
    let room = room();
    room.write("pigear.toml", format!("{SOURCE}[names]\nsid_msg_map = 'fifo'\n"));
    let mut options = File::options();
    options.read(true).write(true).custom_flags(O_NONBLOCK);
    let mut fifo = options.open(room.at("fifo")).unwrap();
    std::io::Write::write_all(&mut fifo, b"1 || one\n").unwrap();
    let found = wrong(&room, "files", &["--config", "pigear.toml"]);
    assert_eq!(found, ["fifo is a named pipe, not a regular file"]);
    let mut text = [0; 9];
    fifo.read_exact(&mut text).unwrap();
    assert_eq!(&text, b"1 || one\n");
}

#[test]
fn a_map_that_the_user_of_pigear_may_not_read_is_wrong_and_its_line_mends_it() {
    if !is_root("make files of root that another user would read") {
        return;
    }
    let room = Room::new();
    room.set_mode("", 0o755);
    fs::create_dir(room.at("rules")).unwrap();
    for name in ["sid-msg.map", "rules/a.rules"] {
        room.write(name, "");
    }
    room.set_mode("sid-msg.map", 0o640);
    room.set_mode("rules", 0o750);
    let text = format!("user = 'nobody'\nrules = 'rules'\n{SOURCE}[names]\n");
    room.write("pigear.toml", format!("{text}sid_msg_map = 'sid-msg.map'\n"));
    let (_, findings) = doctor(&room, "files", &["--config", "pigear.toml"]);
    let of_status = |it: &&Value| it["status"] == "wrong";
    let wrong_ones: Vec<_> = findings.iter().filter(of_status).collect();
    assert_eq!(wrong_ones.len(), 1, "{findings:?}");
    assert_eq!(wrong_ones[0]["found"], "sid-msg.map can't be read by nobody: root:root, mode 0640");
    assert_eq!(wrong_ones[0]["type"], "chmod o+r sid-msg.map");
    room.set_mode("sid-msg.map", 0o644);
    room.write("rules/a.rules", "alert tcp any any -> any any (msg:\"x\"; sid:1;)\n");
    let found = wrong(&room, "files", &["--config", "pigear.toml"]);
    assert_eq!(found, ["rules can't be read by nobody: root:root, mode 0750"]);
    room.set_mode("rules", 0o755);
    assert_eq!(wrong(&room, "files", &["--config", "pigear.toml"]), Vec::<String>::new());
}
