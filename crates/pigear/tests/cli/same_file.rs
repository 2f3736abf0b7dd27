//! No file is written to that is read, or has another writer: it is refused before anything is written.

use std::fs;
use std::os::unix::fs::symlink;

use crate::harness::Test;
use crate::room::Room;
use crate::snort::recording;

/// A directory with a file of each kind that can be read.
fn with_files(test: Test) -> Test {
    test.file("sid-msg.map", "1 || text\n").file("gen-msg.map", "1 || 1 || text\n").with(|room| {
        fs::copy(recording("v2919/http"), room.at("rec")).unwrap();
        symlink("rec", room.at("link")).unwrap();
        fs::hard_link(room.at("rec"), room.at("hard")).unwrap();
    })
}

fn contents(room: &Room) -> Vec<(String, Vec<u8>)> {
    let files = fs::read_dir(room.at(".")).unwrap().map(|entry| entry.unwrap().path());
    let files = files.filter(|path| path.is_file());
    let name = |path: &std::path::Path| path.file_name().unwrap().to_str().unwrap().to_owned();
    let mut files: Vec<_> = files.map(|path| (name(&path), fs::read(&path).unwrap())).collect();
    files.sort();
    files
}

/// The arguments are refused because a file would be used twice, and no file is written.
fn refused(test: Test, args: &[&str], path: &str, both: [&str; 2]) {
    refused_at(test, args, path, both, "");
}

/// The same, at a place of the configuration file.
fn refused_at(test: Test, args: &[&str], path: &str, both: [&str; 2], place: &str) {
    let test = test.args(args.iter().copied());
    let before = contents(test.room());
    let [one, other] = both;
    let error =
        format!("error: {place}{path} is used by both {one} and {other}; give each its own file\n");
    let room = test.stderr(error).status(2);
    assert!(contents(&room) == before, "{args:?}");
}

#[test]
fn counters_replace_no_recording_under_any_of_its_names() {
    for path in ["rec", "link", "hard", "./log/../rec"] {
        let test =
            with_files(Test::bare().with(|room| fs::create_dir_all(room.at("log")).unwrap()));
        let args = ["--socket-handler", "play", "--from", "rec", "--stats", path];
        refused(test, &args, path, ["the recording", "the counters"]);
    }
}

#[test]
fn counters_replace_nothing_else_that_is_named() {
    let cases = [
        ("--sid-msg-map", "sid-msg.map", "sid-msg.map", "a map of names"),
        ("--gen-msg-map", "gen-msg.map", "./gen-msg.map", "a map of names"),
        ("--snort-conf", "snort.conf", "snort.conf", "Snort's configuration"),
        ("--store", "alerts.db", "alerts.db", "the store"),
        ("--store", "alerts.db", "./alerts.db-wal", "the store's -wal file"),
        ("--store", "alerts.db", "alerts.db-shm", "the store's -shm file"),
        ("--store", "alerts.db", "alerts.db.lock", "the store's .lock file"),
    ];
    for (option, value, path, what) in cases {
        let test = with_files(Test::new()).file("snort.conf", "# empty\n");
        refused(test, &[option, value, "--stats", path], path, [what, "the counters"]);
    }
}

#[test]
fn handlers_write_to_no_file_that_is_read_or_has_another_writer() {
    let cases: [(&[&str], _, [_; 2]); 4] = [
        (
            &["--data-handler", "file", "path=out", "--stats", "out"],
            "out",
            ["the counters", "handler file"],
        ),
        (
            &["--data-handler", "record", "path=link", "--socket-handler", "play", "--from", "rec"],
            "link",
            ["the recording", "handler record"],
        ),
        (
            &["--data-handler", "file", "path=alerts.db", "--store", "alerts.db"],
            "alerts.db",
            ["the store", "handler file"],
        ),
        (
            &["--data-handler", "pcap", "path=sid-msg.map", "--sid-msg-map", "sid-msg.map"],
            "sid-msg.map",
            ["a map of names", "handler pcap"],
        ),
    ];
    #[cfg(feature = "shell")]
    let shell: (&[&str], _, _) = (
        &["--data-handler", "shell", "history=sid-msg.map", "--sid-msg-map", "sid-msg.map"],
        "sid-msg.map",
        ["a map of names", "history of handler shell"],
    );
    #[cfg(feature = "shell")]
    let cases = cases.into_iter().chain([shell]);
    for (args, path, both) in cases {
        let test = if args.contains(&"play") { Test::bare() } else { Test::new() };
        refused(with_files(test), args, path, both);
    }
}

#[test]
fn different_logs_have_different_bookmarks() {
    let source = |log: &str| {
        let kind = "[[source]]\ntype = \"unified2\"\n";
        format!("{kind}from = \"{log}\"\nbookmark = \"mark\"\n")
    };
    let of = |log| format!("the bookmark of {log}");
    let test = Test::bare().file("pigear.toml", &(source("one.log") + &source("two.log")));
    let both = [of("./one.log"), of("./two.log")];
    let both = both.each_ref().map(String::as_str);
    refused_at(test, &["--config", "pigear.toml"], "mark", both, "pigear.toml:8:12: ");
    let completing = |log: &str| {
        format!(
            "[[source]]\nfrom = \"{log}.sock\"\ncomplete_from = \"{log}\"\nbookmark = \"mark\"\n"
        )
    };
    let test = Test::bare().file("pigear.toml", &(completing("one.log") + &completing("two.log")));
    refused_at(test, &["--config", "pigear.toml"], "mark", both, "pigear.toml:8:12: ");
}
