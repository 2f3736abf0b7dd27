//! The `file` handler: rotated, compressed, moved away.

use std::fs;

use crate::harness::{Test, counters, until};
use crate::room::Room;
use crate::snort::{PING, ping, unpacked};

const FILE: [&str; 3] = ["--data-handler", "file", "path=alerts"];

/// The files in the order in which they were written, and what is in them.
fn files(room: &Room) -> Vec<(String, String)> {
    let number = |name: &str| {
        let stem = name.trim_end_matches(".gz").trim_end_matches(".zst");
        let (time, number) = stem.split_once('-').unwrap_or((stem, "1"));
        // The file that is written to has no time, and is the last one.
        let time = if time == "alerts" { "~" } else { time };
        (time.to_owned(), number.parse::<u32>().unwrap())
    };
    let mut names = room.list(".");
    names.retain(|name| name.starts_with("alerts"));
    names.sort_by_key(|name| number(name));
    names.into_iter().map(|name| (name.clone(), unpacked(&room.at(&name)))).collect()
}

#[test]
fn alerts_are_appended_to_what_is_there() {
    let room = Test::new()
        .file("alerts", "before\n")
        .args(FILE)
        .args(["--count", "2"])
        .send_all([ping(), ping()])
        .success();
    assert_eq!(room.read("alerts"), format!("before\n{PING}{PING}"));
}

#[test]
fn files_are_rotated_at_a_records_border() {
    let room = Test::new()
        .args(FILE)
        .args(["rotate=1KB", "--count", "40"])
        .send_all(std::iter::repeat_n(ping(), 40))
        .stats(counters([40, 0, 0, 0], &[("file", [40, 0, 0])]))
        .success();
    let files = files(&room);
    // A file is put away once it has a thousand bytes: after nine lines.
    let lines: Vec<_> = files.iter().map(|(_, text)| text.len() / PING.len()).collect();
    assert_eq!(lines, [9, 9, 9, 9, 4]);
    for (name, text) in files {
        assert_eq!(text, PING.repeat(text.len() / PING.len()), "{name}");
    }
}

#[test]
fn the_oldest_files_are_removed_and_the_others_compressed_whole() {
    for (compress, deadline) in [("gzip", ".gz"), ("zstd", ".zst"), ("none", "Z")] {
        let room = Test::new()
            .args(FILE)
            .args(["rotate=1KB", "keep=2", &format!("compress={compress}"), "--count", "40"])
            .send_all(std::iter::repeat_n(ping(), 40))
            .stats(counters([40, 0, 0, 0], &[("file", [40, 0, 0])]))
            .success();
        let files = files(&room);
        let lines: Vec<_> = files.iter().map(|(_, text)| text.len() / PING.len()).collect();
        assert_eq!(lines, [9, 9, 4], "{compress}");
        for (name, text) in &files {
            assert_eq!(*text, PING.repeat(text.len() / PING.len()), "{name}");
        }
        assert_eq!(files[2].0, "alerts");
        let ended = |(name, _): &(String, String)| {
            name.ends_with(deadline) || compress == "none" && name.contains("Z-")
        };
        assert!(files[..2].iter().all(ended), "{files:?}");
    }
}

#[test]
fn a_file_that_was_moved_away_is_begun_anew() {
    let mut running = Test::new().args(FILE).args(["--count", "2"]).start();
    running.send(&ping());
    let (file, moved) = (running.room().at("alerts"), running.room().at("moved"));
    until("it is written", || fs::read_to_string(&file).is_ok_and(|text| text == PING));
    fs::rename(&file, &moved).unwrap();
    running.send(&ping());
    let (room, ended) = running.end();
    assert_eq!((&*ended.stderr, ended.status), ("", Some(0)));
    assert_eq!((room.read("moved"), room.read("alerts")), (PING.to_owned(), PING.to_owned()));
}

#[test]
fn a_file_that_cannot_be_opened_is_an_error_at_the_start() {
    let room = Test::new()
        .args(["--data-handler", "file", "path=no-such/alerts"])
        .stderr(
            "error: no such directory: no-such for handler file\n\
             hint: mkdir -p no-such creates what is missing\n",
        )
        .status(1);
    assert!(!room.socket().exists());
}

#[test]
fn what_is_no_size_and_no_time_is_refused() {
    Test::new()
        .args(FILE)
        .args(["rotate=often"])
        .stderr(
            "error: handler file: rotate: \"often\": expected a size (100MB, 1GiB), a time (1h, 1d, hourly, \
             daily, weekly), or both with a comma between\nhint: pigear --help lists handlers and keys\n",
        )
        .status(2);
}

#[test]
fn a_file_that_cannot_be_rotated_grows_on() {
    let test = Test::new().with(|room| {
        fs::create_dir(room.at("archive")).unwrap();
        room.write("archive/alerts", "");
        room.set_mode("archive", 0o555);
        room.hand_over("archive/alerts");
        room.hand_over("log");
    });
    let room = test
        .without_rights()
        .args(["--data-handler", "file", "path=archive/alerts", "rotate=1KB", "--count", "30"])
        .send_all(std::iter::repeat_n(ping(), 30))
        .stderr(
            "error: cannot rotate archive/alerts: Permission denied (os error 13); it keeps growing\n",
        )
        .success();
    assert_eq!(room.read("archive/alerts"), PING.repeat(30));
    room.set_mode("archive", 0o755);
}

#[test]
fn two_handlers_that_would_write_the_same_file_are_refused() {
    let others = [("second", "out"), ("link", "link"), ("hard", "hard"), ("way", "./log/../out")];
    for (name, path) in others {
        let test = Test::new().file("out", "").with(|room| {
            std::os::unix::fs::symlink("out", room.at("link")).unwrap();
            std::fs::hard_link(room.at("out"), room.at("hard")).unwrap();
        });
        let kinds = ["--data-handler", "first=file", "--data-handler"];
        let room = test
            .args(kinds)
            .args([
                format!("{name}=record"),
                "first.path=out".to_owned(),
                format!("{name}.path={path}"),
            ])
            .stderr(format!(
                "error: {path} is used by both handler first and handler {name}; \
                give each its own file\n"
            ))
            .status(2);
        assert_eq!(room.read("out"), "");
    }
    // What isn't a regular file may be shared.
    Test::new()
        .args(["--data-handler", "a=file", "--data-handler", "b=file", "--count", "1"])
        .args(["a.path=/dev/null", "b.path=/dev/null"])
        .send(ping())
        .success();
}

#[test]
fn an_error_names_the_handler_by_its_own_name() {
    let args = ["--data-handler", "mine=file", "mine.path=x", "mine.keep=-1"];
    Test::new()
        .args(args)
        .stderr(
            "error: handler mine: keep: \"-1\": expected a whole number from 0\n\
            hint: pigear --help lists handlers and keys\n",
        )
        .status(2);
}
