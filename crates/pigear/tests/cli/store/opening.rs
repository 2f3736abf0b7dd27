//! Which stores are opened, made and left alone.

use std::fs;
use std::path::Path;
use std::process::Stdio;

use nix::sys::signal::Signal;

use super::{QUERY, complaint, run, stored};
use crate::harness::{Test, program, until};
use crate::room::Room;
use crate::running::Running;
use crate::snort::ping;

#[test]
fn only_one_may_store_in_a_file() {
    let mut running = Test::new().args(["--store", "a.db"]).start();
    running.listens();
    let error = complaint(running.room(), &["--store", "a.db", "--logdir", "."], 1);
    assert_eq!(
        error,
        "error: cannot use the store a.db: another Pigear stores alerts there\n\
        hint: stop it, or give another path with --store\n"
    );
    running.signal(Signal::SIGTERM);
    running.end();
}

#[test]
fn a_wrong_option_makes_no_store() {
    let room = Room::new();
    let args = ["--store", "a.db", "--logdir", "log", "--once"];
    let stderr = complaint(&room, &args, 2);
    assert!(stderr.contains("--once is for --socket-handler unified2"), "{stderr}");
    assert_eq!(room.list("."), ["log"]);
}

#[test]
fn a_handler_with_a_mistake_makes_no_store() {
    for wrong in [&["print", "colour=red"][..], &["file", "path=a.json", "format=none"], &["http"]]
    {
        let room = Room::new();
        let args = [&["--store", "a.db", "--logdir", "log", "--data-handler"], wrong].concat();
        let stderr = complaint(&room, &args, 2);
        assert!(stderr.starts_with("error: "), "{stderr}");
        assert_eq!(room.list("."), ["log"], "{wrong:?}: {stderr}");
    }
}

#[test]
fn nothing_is_made_before_all_that_can_be_refused_was() {
    let source = |kind, from| ["--socket-handler", kind, "--from", from];
    for (wrong, said) in [
        (&["--stats", "dir"][..], "cannot write dir"),
        (&["--stats", "dir/none/a.json"], "no such directory"),
        (&["--rules", "none.rules"], "none.rules"),
        (&["--sid-msg-map", "none.map"], "none.map"),
        (&["--allow-uid", "nobody-at-all"], "unknown user \"nobody-at-all\""),
        (&["--socket-group", "nobody-at-all"], "unknown group \"nobody-at-all\""),
        (&source("play", "none.gz"), "cannot read none.gz"),
        (&source("unified2", "none/u2"), "cannot read the log none/u2"),
        (&["--from", "fd:none"], "systemd passed no socket named \"none\""),
        (&["--from", "unix", "--complete-from", "dir"], "cannot read the log dir"),
    ] {
        let room = Room::new();
        fs::create_dir(room.at("dir")).unwrap();
        let handler = ["--store", "a.db", "--data-handler", "file", "path=a.json"];
        let place = if wrong.contains(&"--from") { &[][..] } else { &["--logdir", "log"] };
        let args = [&handler, place, wrong].concat();
        let output = program().args(args).current_dir(room.path()).output().unwrap();
        let stderr = String::from_utf8(output.stderr).unwrap();
        assert!(stderr.contains(said), "{said} is not in {stderr}");
        assert_eq!(room.list("."), ["dir", "log"], "{wrong:?}: {stderr}");
    }
}

#[test]
fn a_store_of_a_later_pigear_is_left_alone() {
    let room = stored("v2919/http");
    let mut bytes = fs::read(room.at("a.db")).unwrap();
    // The version, in the file's head.
    bytes[60..64].copy_from_slice(&9_u32.to_be_bytes());
    fs::write(room.at("a.db"), &bytes).unwrap();
    let expected = "error: cannot use the store a.db: it has version 9, but this Pigear supports \
        only versions up to 7\nhint: it was not changed; use the newer Pigear, or another path\n";
    assert_eq!(complaint(&room, &["--store", "a.db", "--logdir", "log"], 1), expected);
    assert_eq!(complaint(&room, &QUERY, 1), expected);
    assert!(fs::read(room.at("a.db")).unwrap() == bytes);
}

#[test]
fn a_damaged_store_is_refused_after_a_crash_and_kept() {
    let room = stored("v2919/http");
    let mut bytes = fs::read(room.at("a.db")).unwrap();
    for page in bytes.chunks_mut(8192).skip(2) {
        page[..512].fill(0xa5);
    }
    fs::write(room.at("a.db"), &bytes).unwrap();
    room.write("a.db.lock", "in use\n");
    let error = complaint(&room, &["--store", "a.db", "--logdir", "log"], 1);
    assert!(error.starts_with("error: cannot use the store a.db: it is damaged: "), "{error}");
    assert!(error.contains("hint: nothing was changed; this moves it away"), "{error}");
    assert!(fs::read(room.at("a.db")).unwrap() == bytes);
}

#[test]
fn a_file_that_is_no_store_is_left_alone() {
    let room = Room::new();
    room.write("notes.txt", "mine\n".repeat(100));
    let error = complaint(&room, &["--store", "notes.txt", "--logdir", "log"], 1);
    assert_eq!(
        error,
        "error: cannot use the store notes.txt: the file is not a Pigear store\n\
        hint: it was not changed; give another path with --store\n"
    );
    assert_eq!(room.read("notes.txt"), "mine\n".repeat(100));
}

#[test]
fn a_directory_that_may_not_be_written_is_an_error_and_can_be_queried() {
    let room = stored("v2919/icmp_ping");
    let shown = run(&room, &QUERY);
    let test = Test::bare().without_rights();
    fs::create_dir(test.room().at("kept")).unwrap();
    fs::create_dir(test.room().at("log")).unwrap_or_default();
    fs::copy(room.at("a.db"), test.room().at("kept/a.db")).unwrap();
    test.room().set_mode("kept/a.db", 0o444);
    test.room().set_mode("kept", 0o555);
    test.room().set_mode("log", 0o777);
    let test = test.args(["query", "--store", "kept/a.db"]).stdout(shown);
    let room = test.success();

    let test = Test::bare().without_rights();
    fs::rename(room.at("kept"), test.room().at("kept")).unwrap();
    test.args(["--store", "kept/a.db"])
        .stderr(
            "error: cannot use the store kept/a.db: Permission denied (os error 13)\n\
            hint: Pigear must be able to write the file and its directory; or give another path\n",
        )
        .status(1);
}

#[test]
fn who_only_reads_a_store_needs_only_to_read_it() {
    if !crate::harness::can_change_user() {
        return;
    }
    let room = stored("v2919/icmp_ping");
    room.set_mode("a.db", 0o640);
    for words in [vec!["query"], vec!["lanes"], vec!["query", "--dead-letter"]] {
        let mut command = crate::harness::program_as(crate::harness::NOBODY, &room);
        command.args(&words).args(["--store", "a.db"]).current_dir(room.path());
        let output = command.output().unwrap();
        let expected = "error: cannot use the store a.db: Permission denied (os error 13)\n\
            hint: reading is enough: run it as a user who may read the file, such as the one that runs Pigear, or \
            as root\n";
        let stderr = String::from_utf8_lossy(&output.stderr);
        assert_eq!((&*stderr, output.status.code()), (expected, Some(1)), "{words:?}");
    }
}

#[test]
fn the_journal_of_a_file_that_was_moved_away_is_not_lost() {
    let mut running = Test::new().args(["--store", "a.db", "--data-handler", "null"]).start();
    (0..3).for_each(|_| running.send(&ping()));
    let shown = |store: &Path| {
        let shown = program().args(["query", "--store"]).arg(store).output().unwrap();
        String::from_utf8(shown.stdout).unwrap().lines().count()
    };
    until("they are stored", || shown(&running.room().at("a.db")) == 3);
    running.signal_now(Signal::SIGKILL);
    let (room, _) = running.end();
    fs::rename(room.at("a.db"), room.at("b.db")).unwrap();
    fs::remove_file(room.socket()).unwrap();
    let mut command = program();
    command.args(["--store", "a.db", "--logdir", "log", "--data-handler", "null"]);
    command.current_dir(room.path()).stderr(Stdio::piped());
    let mut running = Running::start(room, command).read_stderr();
    running.warns("a.db is not there, or empty, but its journal was: it is now ");
    running.listens();
    running.signal(Signal::SIGTERM);
    let (room, ended) = running.end();
    assert_eq!(ended.status, Some(0));
    let is_journal = |name: &&String| name.starts_with("a.db-wal.");
    let names = room.list(".");
    let journal = names.iter().find(is_journal).unwrap_or_else(|| panic!("{names:?}"));
    fs::rename(room.at(journal), room.at("b.db-wal")).unwrap();
    assert_eq!([shown(&room.at("a.db")), shown(&room.at("b.db"))], [0, 3]);
}

/// SQLite says only that it can't open a file, or of an error of the disk.
#[test]
fn a_store_that_finds_no_descriptors_left_says_so() {
    let mut of_store = 0;
    for limit in 7..12 {
        let room = Room::new();
        let mut command = std::process::Command::new("sh");
        command.args(["-c", &format!("ulimit -n {limit}; exec \"$0\" \"$@\"")]);
        command.arg(env!("CARGO_BIN_EXE_pigear")).args(["--store", "a.db", "--count", "1"]);
        command.args(["--logdir", "log"]);
        let output = command.current_dir(room.path()).output().unwrap();
        let stderr = String::from_utf8_lossy(&output.stderr);
        if !stderr.contains("cannot use the store") {
            continue;
        }
        of_store += 1;
        let expected = "error: cannot use the store a.db: Too many open files (os error 24)\n\
            hint: raise the limit: LimitNOFILE=1024 in its unit, or ulimit -n 1024 in the shell that starts it\n";
        assert_eq!((&*stderr, output.status.code()), (expected, Some(1)), "{limit}");
    }
    assert!(of_store > 0);
}
