//! `pigear doctor`: stores that can't be used. Of what is stored, nothing is lost by typing its lines.

use std::fs;
use std::os::unix::fs::{FileExt, symlink};
use std::path::{Path, PathBuf};

use nix::sys::signal::Signal;
use rusqlite::Connection;
use rusqlite::config::DbConfig;

use super::clinic::Clinic;
use super::{doctor, wrong};
use crate::harness::{Test, program, until};
use crate::room::Room;
use crate::snort::ping;

const STORED: &str =
    "[[source]]\nlogdir = \"ROOM/log\"\n[store]\npath = \"ROOM/store/alerts.db\"\nkeep_days = 9\n";

/// How many alerts a store has, as its journal says.
fn count(path: &Path) -> i64 {
    let store = Connection::open(path).unwrap();
    store.query_row("SELECT count(*) FROM alert", [], |row| row.get(0)).unwrap()
}

/// Stores alerts, and ends with a signal.
fn store(path: &Path, alerts: i64, signal: Signal) {
    let before = if path.exists() { count(path) } else { 0 };
    let args = ["--store".into(), path.to_owned(), "--data-handler".into(), "null".into()];
    let mut running = Test::new().args(args).start();
    (0..alerts).for_each(|_| running.send(&ping()));
    let shown = || program().args(["query", "--limit", "99", "--store"]).arg(path).output();
    until("they are stored", || {
        let lines = String::from_utf8(shown().unwrap().stdout).unwrap().lines().count();
        i64::try_from(lines).unwrap() == before + alerts
    });
    running.signal_now(signal);
    running.end();
}

/// A set-up with 8 alerts, 3 of them in the journal of a Pigear that was killed.
fn killed() -> Option<(Clinic, PathBuf)> {
    let clinic = Clinic::configured(STORED)?;
    fs::create_dir(clinic.room.at("store")).unwrap();
    let path = clinic.room.at("store/alerts.db");
    store(&path, 5, Signal::SIGTERM);
    store(&path, 3, Signal::SIGKILL);
    assert!(clinic.room.at("store/alerts.db-wal").metadata().unwrap().len() > 0);
    Some((clinic, path))
}

/// Changes a store, and leaves the change in its journal.
fn change(path: &Path, change: impl FnOnce(&Connection)) {
    let store = Connection::open(path).unwrap();
    store.set_db_config(DbConfig::SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, true).unwrap();
    change(&store);
}

/// What is wrong with the store, at the first look; the alerts that the moved one has; and those of the new one.
fn moved_away(clinic: &mut Clinic) -> (String, i64, i64) {
    let config = clinic.room.at("pigear.toml");
    let found = wrong(&clinic.room, "store", &["--config", config.to_str().unwrap()]);
    assert_eq!(found.len(), 1, "{found:?}");
    clinic.mend();
    let count = |name: &str| count(&clinic.room.at(name));
    (found[0].clone(), count("store/alerts.db.old"), count("store/alerts.db"))
}

#[test]
fn a_newer_store_with_a_journal_is_moved_with_all_that_was_stored() {
    let Some((mut clinic, path)) = killed() else { return };
    change(&path, |store| store.pragma_update(None, "user_version", 99).unwrap());
    let expected = format!("{} has version 99, which this Pigear doesn't know", path.display());
    assert_eq!(moved_away(&mut clinic), (expected, 8, 0));
}

#[test]
fn a_damaged_store_with_a_journal_is_moved_with_all_that_was_stored() {
    let Some((mut clinic, path)) = killed() else { return };
    let (mut page, mut size) = (0, 0);
    // It has no note, so this page isn't in the journal.
    let sql = "SELECT rootpage, (SELECT page_size FROM pragma_page_size) FROM sqlite_schema WHERE name = 'note'";
    change(&path, |store| {
        (page, size) = store.query_row(sql, [], |row| Ok((row.get(0)?, row.get(1)?))).unwrap();
    });
    let file = fs::File::options().write(true).open(&path).unwrap();
    file.write_all_at(&vec![0xff; usize::try_from(size).unwrap()], (page - 1) * size).unwrap();
    let refused = program()
        .args(["--data-handler", "null", "--logdir", "log", "--store"])
        .arg(&path)
        .current_dir(clinic.room.path())
        .output()
        .unwrap();
    let refused = String::from_utf8(refused.stderr).unwrap();
    let moving = format!("for end in '' -wal -shm .lock; do test ! -e {}$end || ", path.display());
    assert!(refused.contains("it is damaged: ") && refused.contains(&moving), "{refused}");
    let (found, moved, new) = moved_away(&mut clinic);
    assert!(found.starts_with(&format!("{} is damaged: ", path.display())), "{found}");
    assert_eq!((moved, new), (8, 0));
}

#[test]
fn a_store_whose_header_is_in_its_journal_is_one() {
    let Some((mut clinic, path)) = killed() else { return };
    change(&path, |store| {
        let version = store.query_row("PRAGMA user_version", [], |row| row.get::<_, u32>(0));
        store.pragma_update(None, "user_version", version.unwrap()).unwrap();
    });
    let file = fs::File::options().write(true).open(&path).unwrap();
    file.write_all_at(&[0xff; 100], 0).unwrap();
    let args = ["--config", "pigear.toml"];
    assert_eq!(wrong(&clinic.room, "store", &args), Vec::<String>::new());
    clinic.mend();
    assert_eq!(count(&path), 8);
}

#[test]
fn a_copy_of_an_old_store_has_its_journal_and_replaces_no_other_store() {
    let Some((clinic, path)) = killed() else { return };
    change(&path, |store| store.pragma_update(None, "user_version", 6).unwrap());
    clinic.room.write("store/alerts.db.old", "another");
    let (_, findings) = doctor(&clinic.room, "store", &["--config", "pigear.toml"]);
    let found = findings[0]["found"].as_str().unwrap();
    assert!(found.ends_with(" has the old version 6"), "{findings:?}");
    let line = findings[0]["type"].as_str().unwrap();
    let mut shell = std::process::Command::new("sh");
    assert!(shell.args(["-c", line]).status().unwrap().success(), "{line}");
    assert_eq!(clinic.room.read("store/alerts.db.old"), "another");
    assert_eq!([count(&path), count(&clinic.room.at("store/alerts.db.old2"))], [8, 8]);
}

#[test]
fn a_store_that_cannot_be_made_says_what_is_in_the_way() {
    let room = Room::new();
    room.write("file", "");
    symlink("nowhere", room.at("link")).unwrap();
    let found = |path: &str| {
        room.write(
            "pigear.toml",
            format!("[store]\npath = '{path}'\n[[source]]\nlogdir = 'log'\n"),
        );
        let (_, findings) = doctor(&room, "store", &["--config", "pigear.toml"]);
        let finding = findings.iter().find(|it| it["status"] == "wrong");
        let finding = finding.unwrap_or_else(|| panic!("{path}: {findings:?}"));
        let text = |key: &str| finding[key].as_str().unwrap_or_default().replace("sudo ", "");
        (text("found"), text("do"), text("type"))
    };
    let moved = "mv -nT file file.old && install -d -m 0750 ";
    for (path, text, line) in [
        ("file/a.db", "the directory file is not there: file is a file, not a directory", "file"),
        (
            "file/x/a.db",
            "the directory file/x is not there: file is a file, not a directory",
            "file/x",
        ),
    ] {
        let (found, advice, typed) = found(path);
        assert_eq!((&*found, typed), (text, format!("{moved}{line}")));
        assert!(advice.contains("another path"), "{advice}");
    }
    let (said, _, typed) = found("link/a.db");
    assert_eq!(said, "the directory link is not there: link is a link to nothing");
    assert_eq!(typed, "install -d -m 0750 nowhere");
    let (said, _, typed) = found("link");
    assert_eq!(said, "link is a link to nowhere, which is not there");
    assert_eq!(typed, "mv -nT link link.old");
    for path in ["/dev/null", "/dev/null/a.db", "/proc/self/stat"] {
        let (said, advice, typed) = found(path);
        assert!(
            advice.starts_with("correct the path") && typed.is_empty(),
            "{said}: {advice}: {typed}"
        );
    }
}
