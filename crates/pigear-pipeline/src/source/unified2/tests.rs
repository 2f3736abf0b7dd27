use std::fs::{self, File, OpenOptions};
use std::io::Write;
use std::os::unix::fs::FileExt;
use std::path::Path;
use std::sync::{Arc, Mutex};
use std::thread::{self, JoinHandle};
use std::time::UNIX_EPOCH;

use pigear_alert::Alert;
use tempfile::TempDir;

use super::*;
use crate::handler::{Failure, Handler, Progress};
use crate::pipeline::{Pipeline, PipelineError};
use crate::policy::{LaneSettings, WhenFull};
use crate::stats::{Snapshot, Stats};
use crate::test_alerts::until;

mod compressed;
mod faults;
mod packets;
mod rotation;
mod unsettled;

/// An event of Snort 2 and its packet.
fn record(event_id: u32) -> Vec<u8> {
    let event = [7, 52, 0, event_id, 1_750_000_000 + event_id, 0, 9, 1, 1, 1, 1, 0, 0, 0, 6 << 24];
    let packet = [2, 32, 0, event_id, 1_750_000_000 + event_id, 0, 0, 1, 4, 0xdead_beef];
    event.into_iter().chain(packet).flat_map(u32::to_be_bytes).collect()
}

fn append(path: &Path, bytes: &[u8]) {
    let mut file = OpenOptions::new().create(true).append(true).open(path).unwrap();
    file.write_all(bytes).unwrap();
}

fn records(event_ids: impl IntoIterator<Item = u32>) -> Vec<u8> {
    event_ids.into_iter().flat_map(record).collect()
}

/// Keeps the event ids that it saw.
#[derive(Clone, Default)]
struct Seen(Arc<Mutex<Vec<u32>>>);

impl Handler for Seen {
    fn handle(&mut self, alerts: &[Arc<Alert>]) -> Result<Progress, Failure> {
        for alert in alerts {
            assert_eq!(*alert.message.pkt, 0xdead_beef_u32.to_be_bytes());
            self.0.lock().unwrap().push(alert.message.event_id);
        }
        Ok(Progress::All)
    }
}

impl Seen {
    fn ids(&self) -> Vec<u32> {
        self.0.lock().unwrap().clone()
    }
}

/// A log in a directory of its own.
struct Log(TempDir);

impl Log {
    fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    fn open(&self, start: Start) -> Unified2 {
        let spool = Spool::at(&self.path("u2.log")).unwrap();
        Unified2::open(spool, start, None, AlertFactory::default()).unwrap()
    }

    /// Reads what is there, as a run of the program does.
    fn read(&self, start: Start) -> (Vec<u32>, Snapshot) {
        let (seen, source) = (Seen::default(), self.open(start).until(Until::End));
        let mut pipeline = Pipeline::default();
        pipeline.add("seen", Box::new(seen.clone()), LaneSettings::default());
        let stats = pipeline.stats();
        pipeline.run(vec![Box::new(source)], &Stop::default()).unwrap();
        (seen.ids(), stats.snapshot())
    }
}

/// A source that is being followed.
struct Following {
    seen: Seen,
    stats: Arc<Stats>,
    stop: Stop,
    thread: JoinHandle<Result<(), PipelineError>>,
}

impl Following {
    fn new(source: Unified2) -> Self {
        let (seen, stop) = (Seen::default(), Stop::default());
        let mut pipeline = Pipeline::default();
        pipeline.add("seen", Box::new(seen.clone()), LaneSettings::default());
        let (stats, stopped) = (pipeline.stats(), stop.clone());
        let thread = thread::spawn(move || pipeline.run(vec![Box::new(source)], &stopped));
        Self { seen, stats, stop, thread }
    }

    fn until_seen(&self, ids: &[u32]) {
        until("the alerts are seen", || self.seen.ids().len() >= ids.len());
        assert_eq!(self.seen.ids(), ids);
    }

    fn end(self) -> Vec<u32> {
        self.stop.request();
        self.thread.join().unwrap().unwrap();
        self.seen.ids()
    }
}

#[test]
fn all_files_are_read_in_the_order_in_which_they_were_begun() {
    let log = Log::new();
    append(&log.path("u2.log"), &records([5]));
    append(&log.path("u2.log.1000000010"), &records([3, 4]));
    append(&log.path("u2.log.1000000009"), &records([1, 2]));
    for other in ["u2.log.x", "u2.log.1.bz2", "u2.logs", "snort.log.5"] {
        append(&log.path(other), &records([9]));
    }
    assert_eq!(log.read(Start::Beginning).0, [1, 2, 3, 4, 5]);
}

#[test]
fn what_is_written_is_followed_across_files_and_half_records() {
    let log = Log::new();
    append(&log.path("u2.log.1750000001"), &records([1]));
    let following = Following::new(log.open(Start::Now));
    let second = record(2);
    append(&log.path("u2.log.1750000001"), &second[..30]);
    append(&log.path("u2.log.1750000001"), &second[30..]);
    following.until_seen(&[2]);
    append(&log.path("u2.log.1750000001"), &records([3]));
    append(&log.path("u2.log.1750000002"), &records([4]));
    following.until_seen(&[2, 3, 4]);
    append(&log.path("u2.log.1750000003"), &[]);
    append(&log.path("u2.log.1750000003"), &records(5..=300));
    let ids: Vec<_> = (2..=300).collect();
    following.until_seen(&ids);
    assert_eq!(following.end(), ids);
}

#[test]
fn a_log_that_is_not_there_yet_is_waited_for() {
    let log = Log::new();
    let following = Following::new(log.open(Start::Bookmark));
    append(&log.path("u2.log.1750000007"), &records([1, 2]));
    following.until_seen(&[1, 2]);
    following.end();
}

#[test]
fn a_run_that_crashes_before_anything_came_has_a_bookmark_too() {
    let log = Log::new();
    drop(log.open(Start::Bookmark));
    append(&log.path("u2.log.1750000001"), &records([1]));
    append(&log.path("u2.log.1750000002"), &records([2]));
    assert_eq!(log.read(Start::Bookmark).0, [1, 2]);
    fs::remove_file(log.path(".u2.log.bookmark")).unwrap();
    drop(log.open(Start::Bookmark));
    append(&log.path("u2.log.1750000002"), &records([3]));
    assert_eq!(log.read(Start::Bookmark).0, [3]);
}

#[test]
fn the_next_run_goes_on_where_the_last_one_stopped() {
    let log = Log::new();
    append(&log.path("u2.log.1750000001"), &records([1]));
    assert_eq!(log.read(Start::Bookmark).0, [0; 0]);
    append(&log.path("u2.log.1750000001"), &records([2, 3]));
    assert_eq!(log.read(Start::Bookmark).0, [2, 3]);
    assert_eq!(log.read(Start::Bookmark).0, [0; 0]);
    append(&log.path("u2.log.1750000001"), &records([4]));
    append(&log.path("u2.log.1750000002"), &records([5]));
    assert_eq!(log.read(Start::Bookmark).0, [4, 5]);
    assert_eq!(log.read(Start::Beginning).0, [1, 2, 3, 4, 5]);
    assert_eq!(log.read(Start::Bookmark).0, [0; 0]);
}

#[test]
fn after_so_many_alerts_as_were_wanted_the_next_run_goes_on_with_the_next() {
    let log = Log::new();
    log.read(Start::Bookmark);
    append(&log.path("u2.log.1750000001"), &records(1..=5));
    append(&log.path("u2.log.1750000002"), &records(6..=8));
    for expected in [&[1, 2, 3], &[4, 5, 6]] {
        let (seen, mut pipeline) = (Seen::default(), Pipeline::default());
        pipeline.limit = Some(3);
        pipeline.add("seen", Box::new(seen.clone()), LaneSettings::default());
        let source = log.open(Start::Bookmark).until(Until::End);
        pipeline.run(vec![Box::new(source)], &Stop::default()).unwrap();
        assert_eq!(seen.ids(), expected);
    }
    assert_eq!(log.read(Start::Bookmark).0, [7, 8]);
}

#[test]
fn where_the_file_is_gone_the_next_one_is_read() {
    let log = Log::new();
    append(&log.path("u2.log.1750000001"), &records([1]));
    assert_eq!(log.read(Start::Beginning).0, [1]);
    append(&log.path("u2.log.1750000002"), &records([2]));
    append(&log.path("u2.log.1750000003"), &records([3]));
    fs::remove_file(log.path("u2.log.1750000001")).unwrap();
    assert_eq!(log.read(Start::Bookmark).0, [2, 3]);
}

#[test]
fn a_file_that_was_begun_anew_is_read_from_its_start() {
    let log = Log::new();
    append(&log.path("u2.log"), &records([1, 2]));
    assert_eq!(log.read(Start::Beginning).0, [1, 2]);
    // As Snort 3 does when it starts, whether the file is shorter then, or longer again.
    fs::write(log.path("u2.log"), records([3])).unwrap();
    assert_eq!(log.read(Start::Bookmark).0, [3]);
    fs::write(log.path("u2.log"), records([4, 5, 6])).unwrap();
    assert_eq!(log.read(Start::Bookmark).0, [4, 5, 6]);
    // Another file, which may even get the inode of the one that is gone.
    fs::remove_file(log.path("u2.log")).unwrap();
    append(&log.path("u2.log"), &records([7, 8, 9, 10]));
    assert_eq!(log.read(Start::Bookmark).0, [7, 8, 9, 10]);
}

#[test]
fn a_file_that_is_begun_anew_while_it_is_followed_is_read_on() {
    let log = Log::new();
    append(&log.path("u2.log"), &records([1, 2]));
    let following = Following::new(log.open(Start::Beginning));
    following.until_seen(&[1, 2]);
    fs::write(log.path("u2.log"), records([3])).unwrap();
    following.until_seen(&[1, 2, 3]);
    following.end();
}

#[test]
fn a_file_that_is_begun_anew_and_longer_than_before_is_read_from_its_start() {
    let log = Log::new();
    append(&log.path("u2.log"), &records([1, 2]));
    let following = Following::new(log.open(Start::Beginning));
    following.until_seen(&[1, 2]);
    // Written in one go, so that nobody sees it shorter.
    let file = OpenOptions::new().write(true).open(log.path("u2.log")).unwrap();
    file.write_all_at(&records(3..=9), 0).unwrap();
    following.until_seen(&[1, 2, 3, 4, 5, 6, 7, 8, 9]);
    following.end();
}

#[test]
fn what_logrotate_does_while_nobody_reads_loses_nothing() {
    let log = Log::new();
    let (current, first, second) = (log.path("u2.log"), log.path("u2.log.1"), log.path("u2.log.2"));
    append(&first, &records([1]));
    append(&current, &records([2, 3]));
    assert_eq!(log.read(Start::Beginning).0, [1, 2, 3]);
    append(&current, &records([4]));
    fs::rename(&first, &second).unwrap();
    fs::rename(&current, &first).unwrap();
    append(&current, &records([5]));
    assert_eq!(log.read(Start::Bookmark).0, [4, 5]);
    append(&current, &records([6]));
    // A name that isn't the log's.
    fs::rename(&current, log.path("u2.log-20260101")).unwrap();
    append(&current, &records([7]));
    assert_eq!(log.read(Start::Bookmark).0, [6, 7]);
}

#[test]
fn what_logrotate_does_while_a_log_is_followed_loses_nothing() {
    let log = Log::new();
    let (current, first, second) = (log.path("u2.log"), log.path("u2.log.1"), log.path("u2.log.2"));
    append(&current, &records([1]));
    let following = Following::new(log.open(Start::Beginning));
    following.until_seen(&[1]);
    // Prepared beside the log, so that both rotations are between two looks, or nearly.
    append(&log.path("next"), &records([3]));
    append(&log.path("last"), &records([4]));
    append(&current, &records([2]));
    fs::rename(&current, &second).unwrap();
    fs::rename(log.path("next"), &first).unwrap();
    fs::rename(log.path("last"), &current).unwrap();
    following.until_seen(&[1, 2, 3, 4]);
    // It may also copy the file, and begin it anew.
    fs::copy(&current, log.path("u2.log.0")).unwrap();
    fs::write(&current, []).unwrap();
    append(&current, &records([5]));
    following.until_seen(&[1, 2, 3, 4, 5]);
    following.end();
}

#[test]
fn a_file_that_is_begun_when_the_clock_was_put_back_is_read() {
    let log = Log::new();
    append(&log.path("u2.log.2000000000"), &records([1]));
    let following = Following::new(log.open(Start::Now));
    append(&log.path("u2.log.1750000000"), &records([2]));
    following.until_seen(&[2]);
    following.end();
}

#[test]
fn a_file_without_a_time_in_its_name_does_not_hide_newer_ones() {
    let log = Log::new();
    append(&log.path("u2.log"), &records([1]));
    assert_eq!(log.read(Start::Beginning).0, [1]);
    let following = Following::new(log.open(Start::Bookmark));
    append(&log.path("u2.log.1750000000"), &records([2]));
    following.until_seen(&[2]);
    following.end();
}

#[test]
fn an_old_file_that_is_brought_back_is_not_read_again() {
    let log = Log::new();
    append(&log.path("u2.log.1750000009"), &records([2]));
    let following = Following::new(log.open(Start::Beginning));
    following.until_seen(&[2]);
    append(&log.path("old"), &records([1]));
    let file = File::open(log.path("old")).unwrap();
    file.set_modified(UNIX_EPOCH + Duration::from_secs(1_750_000_000)).unwrap();
    fs::rename(log.path("old"), log.path("u2.log.1750000001")).unwrap();
    append(&log.path("u2.log.1750000009"), &records([3]));
    following.until_seen(&[2, 3]);
    append(&log.path("u2.log.1750000019"), &records([4]));
    following.until_seen(&[2, 3, 4]);
    following.end();
}

#[test]
fn one_place_of_damage_counts_once_however_long_it_is() {
    let log = Log::new();
    append(&log.path("u2.log"), &records([1]));
    append(&log.path("u2.log"), &vec![0; 1 << 20]);
    append(&log.path("u2.log"), &records([2, 3]));
    append(&log.path("u2.log"), &vec![0xff; 1 << 20]);
    let (seen, counters) = log.read(Start::Beginning);
    assert_eq!((seen, counters.malformed), (vec![1, 2, 3], 2));
}

#[test]
fn damage_is_passed_by_and_counted() {
    let log = Log::new();
    let path = log.path("u2.log.1750000001");
    append(&path, &records([1]));
    append(&path, &[0; 5000]);
    append(&path, &records([2, 3]));
    append(&path, &record(4)[20..]);
    append(&path, &records([5]));
    append(&path, &record(6)[..50]);
    append(&log.path("u2.log.1750000002"), &records([7]));
    let (seen, counters) = log.read(Start::Beginning);
    // Of 4 there is the packet only; of 6, half the event.
    assert_eq!(seen, [1, 2, 3, 5, 7]);
    assert_eq!((counters.received, counters.malformed), (5, 3));
}

#[test]
fn events_that_are_known_do_not_come_again_although_one_before_them_is_new() {
    let log = Log::new();
    log.read(Start::Bookmark);
    append(&log.path("u2.log"), &records(1..=9));
    let known = Box::new(|event: &Event| [1, 2, 5, 6, 9].contains(&event.key.event_id));
    let following = Following::new(log.open(Start::Bookmark).skipping(known));
    following.until_seen(&[3, 4, 7, 8]);
    following.end();
}

#[test]
fn a_path_that_names_no_log_is_refused() {
    let log = Log::new();
    let error = |path: &Path| Spool::at(path).unwrap_err().to_string();
    let dir = log.0.path();
    let shown = dir.display();
    let example = format!("{shown} is a directory; give the log's name too, such as {shown}");
    assert_eq!(error(dir), format!("{example}/unified2.log"));
    append(&log.path("snort.u2.1700000000"), &[]);
    assert_eq!(error(dir), format!("{example}/snort.u2"));
    let missing = dir.join("missing/u2.log");
    assert_eq!(error(&missing), format!("cannot read the directory {shown}/missing"));
}

#[test]
fn a_bookmark_that_is_none_is_refused() {
    let log = Log::new();
    fs::write(log.path(".u2.log.bookmark"), "something else").unwrap();
    let spool = Spool::at(&log.path("u2.log")).unwrap();
    let opened = Unified2::open(spool, Start::Bookmark, None, AlertFactory::default());
    let error = opened.err().unwrap();
    let expected = format!("cannot use the bookmark {}/.u2.log.bookmark", log.0.path().display());
    assert_eq!(error.to_string(), expected);
}

#[test]
fn groups_do_not_wait_for_their_time_when_a_log_was_read_to_its_end() {
    let log = Log::new();
    log.read(Start::Bookmark);
    append(&log.path("u2.log"), &records(1..=9));
    let mut pipeline = Pipeline::default();
    let group = Some(Duration::from_secs(600));
    let seen = Seen::default();
    pipeline.add("seen", Box::new(seen.clone()), LaneSettings { group, ..Default::default() });
    let stats = pipeline.stats();
    let source = log.open(Start::Bookmark).until(Until::End);
    pipeline.run(vec![Box::new(source)], &Stop::default()).unwrap();
    assert_eq!((stats.snapshot().handlers["seen"].handled, seen.ids().len()), (9, 1));
    assert_eq!(log.read(Start::Bookmark).0, [0; 0]);
}
