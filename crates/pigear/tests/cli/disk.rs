//! A disk that is full.

use std::fs;
use std::path::Path;
use std::process::Command;

use nix::mount::{MntFlags, MsFlags, mount, umount2};

use crate::harness::{Test, counters, is_root, until};
use crate::requirements::missing;
use crate::room::Room;
use crate::snort::{PING, ping};

const HINT: &str = "hint: with --serve-forever, errors are counted and the next alert is handled\n";
const FULL: &str = "No space left on device (os error 28)";

#[test]
fn a_full_disk_is_an_error() {
    let stderr = format!("error: handler file: cannot write /dev/full: {FULL}\n{HINT}");
    Test::new()
        .args(["--data-handler", "file", "path=/dev/full"])
        .send(ping())
        .stderr(stderr)
        .stats(counters([1, 0, 0, 0], &[("file", [0, 0, 1])]))
        .status(1);
}

#[test]
fn a_full_disk_is_counted_and_does_not_stop_the_others() {
    let stderr = ["1 alert", "2 alerts"].map(|alerts| {
        format!("error: handler file: cannot write /dev/full: {FULL}; {alerts} failed so far\n")
    });
    Test::new()
        .args(["--data-handler", "file", "--data-handler", "print", "file.path=/dev/full"])
        .args(["--serve-forever", "--count", "3"])
        .send_all([ping(), ping(), ping()])
        .stdout(PING.repeat(3))
        .stderr(stderr.concat() + "error: not delivered: 3 alerts of handler file\n")
        .stats(counters([3, 0, 0, 0], &[("file", [0, 0, 3]), ("print", [3, 0, 0])]))
        .status(1);
}

/// A small file system, until this is dropped.
pub(crate) struct SmallDisk(std::path::PathBuf);

impl SmallDisk {
    fn mount(at: &Path) -> Option<Self> {
        Self::mount_of(at, "64k")
    }

    /// One of this size.
    pub(crate) fn mount_of(at: &Path, size: &str) -> Option<Self> {
        fs::create_dir(at).unwrap();
        let options = format!("size={size}");
        match mount(Some("tmpfs"), at, Some("tmpfs"), MsFlags::empty(), Some(&*options)) {
            Ok(()) => Some(Self(at.to_owned())),
            Err(error) => {
                missing(format_args!("nothing can be mounted here: {error}"));
                None
            }
        }
    }
}

impl Drop for SmallDisk {
    fn drop(&mut self) {
        let _ = umount2(&self.0, MntFlags::MNT_DETACH);
    }
}

/// Sends until an alert fails, makes room, and sends until an alert is written: each line is whole.
#[track_caller]
fn is_full_and_then_not(
    disk: &Path,
    test: Test,
    problem: &str,
    make_room: impl FnOnce(u32),
) -> Room {
    let path = disk.join("alerts");
    let key = format!("path={}", path.display());
    let test = test.args(["--serve-forever", "--data-handler", "file", "--stats", "stats.json"]);
    let mut running = test.args([key]).start();
    let mut sent = 0;
    let full = format!("error: handler file: cannot write {}: {problem}", path.display());
    until("the disk is full", || {
        running.send(&ping());
        sent += 1;
        running.stderr_so_far().contains(&full)
    });
    let lines = fs::read_to_string(&path).unwrap();
    assert_eq!(lines, PING.repeat(lines.len() / PING.len()));

    make_room(running.id());
    until("there is room again", || {
        running.send(&ping());
        sent += 1;
        fs::metadata(&path).unwrap().len() > lines.len() as u64
    });
    running.signal(nix::sys::signal::Signal::SIGTERM);
    let (room, ended) = running.end();
    assert_eq!(ended.status, Some(0), "{}", ended.stderr);
    let lines = fs::read_to_string(&path).unwrap();
    let written = lines.len() / PING.len();
    assert_eq!(lines, PING.repeat(written));
    let handled = written as u64;
    let expected = counters([sent, 0, 0, 0], &[("file", [handled, 0, sent - handled])]);
    assert_eq!(room.read("stats.json"), expected);
    room
}

#[test]
fn a_file_on_a_full_disk_does_not_end_in_half_a_record() {
    if is_root("mount a small disk") {
        let test = Test::new();
        let at = test.room().at("disk");
        if let Some(disk) = SmallDisk::mount(&at) {
            let other = at.join("other");
            fs::write(&other, vec![0; 56 * 1024]).unwrap();
            let room = is_full_and_then_not(&at, test, FULL, |_| fs::remove_file(&other).unwrap());
            // The room can't be removed as long as there is a disk in it.
            drop(disk);
            drop(room);
        }
    }
}

#[test]
fn a_file_that_may_not_grow_does_not_end_in_half_a_record() {
    let test = Test::new().limited_to(5_000);
    let at = test.room().path().to_owned();
    is_full_and_then_not(&at, test, "File too large (os error 27)", |pid| {
        let limit = ["--fsize=10000", "--pid", &pid.to_string()];
        assert!(Command::new("prlimit").args(limit).status().unwrap().success());
    });
}

#[test]
fn a_standard_output_that_may_not_grow_does_not_end_in_half_a_record() {
    let test = Test::new().limited_to(5_000).args(["--serve-forever", "--stats", "stats.json"]);
    let path = test.room().at("alerts");
    let mut running = test.start_with(fs::File::create(&path).unwrap());
    let problem =
        "error: handler print: cannot write to standard output: File too large (os error 27)";
    until("the file is full", || {
        running.send(&ping());
        running.stderr_so_far().contains(problem)
    });
    let lines = fs::read_to_string(&path).unwrap();
    assert_eq!(lines, PING.repeat(5_000 / PING.len()));

    let limit = ["--fsize=10000", "--pid", &running.id().to_string()];
    assert!(Command::new("prlimit").args(limit).status().unwrap().success());
    until("there is room again", || {
        running.send(&ping());
        fs::metadata(&path).unwrap().len() > lines.len() as u64
    });
    running.signal(nix::sys::signal::Signal::SIGTERM);
    let (_room, ended) = running.end();
    assert_eq!(ended.status, Some(0), "{}", ended.stderr);
    let lines = fs::read_to_string(&path).unwrap();
    assert_eq!(lines, PING.repeat(lines.len() / PING.len()));
}
