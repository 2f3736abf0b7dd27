use std::collections::BTreeMap;
use std::time::Instant;

use super::*;
use crate::source::unified2::place::Head;
use crate::source::unified2::reader::{Read, Reader};
use crate::source::unified2::tail::{Growth, Tail};

/// Copies the log in steps, as `cp` does, and cuts it.
fn copy_and_cut(log: &Log, to: &Path) {
    let bytes = fs::read(log.path("u2.log")).unwrap();
    append(to, &[]);
    for part in bytes.chunks(bytes.len().div_ceil(5).max(1)) {
        append(to, part);
        thread::yield_now();
    }
    OpenOptions::new().write(true).open(log.path("u2.log")).unwrap().set_len(0).unwrap();
}

/// Names the events that were lost, or seen more than once.
fn assert_each_seen_once(ids: &[u32], last: u32) {
    let mut times: BTreeMap<_, u32> = (1..=last).map(|id| (id, 0)).collect();
    for id in ids {
        *times.entry(*id).or_default() += 1;
    }
    times.retain(|_, times| *times != 1);
    assert!(times.is_empty(), "of {last} events, these were not seen once: {times:?}");
}

fn id_and_packets(CompleteEvent { logged, .. }: CompleteEvent) -> (u32, usize) {
    (logged.event.key.event_id, logged.packets.len())
}

impl Following {
    /// Waits for so many events, but not forever: then it names those that are missing.
    fn assert_each_seen_once(self, last: u32) {
        let deadline = Instant::now() + Duration::from_secs(20);
        while self.seen.ids().len() < last as usize && Instant::now() < deadline {
            thread::yield_now();
        }
        assert_each_seen_once(&self.end(), last);
    }
}

/// Reads what there is, and returns the events that are whole by now.
fn read_all(reader: &mut Reader) -> Vec<(u32, usize)> {
    let mut events = Vec::new();
    reader.recheck();
    while reader.read(&mut events) == Read::Some {}
    events.into_iter().map(id_and_packets).collect()
}

/// Has a log copied and cut of which `unread` was not read yet, and reads on once `after` is written.
fn cut_behind(read: &[u8], unread: &[u8], after: &[u8], last: u32) {
    let log = Log::new();
    let mut reader = Reader::new(Spool::at(&log.path("u2.log")).unwrap(), Duration::MAX);
    append(&log.path("u2.log"), read);
    let mut events = read_all(&mut reader);
    append(&log.path("u2.log"), unread);
    copy_and_cut(&log, &log.path("u2.log.1"));
    append(&log.path("u2.log"), after);
    events.extend(read_all(&mut reader));
    let mut rest = Vec::new();
    reader.finish(&mut rest);
    events.extend(rest.into_iter().map(id_and_packets));
    assert_each_seen_once(&events.iter().map(|(id, _)| *id).collect::<Vec<_>>(), last);
    let bare: Vec<_> = events.iter().filter(|(_, packets)| *packets != 1).collect();
    assert!(bare.is_empty(), "without their packet: {bare:?}");
}

#[test]
fn what_was_not_read_before_the_log_was_cut_is_read_from_its_copy() {
    cut_behind(&records(1..=10), &records(11..=20), &records(21..=80), 80);
    cut_behind(&records(1..=10), &records(11..=20), &records(21..=22), 22);
}

#[test]
fn a_packet_that_was_not_read_before_the_log_was_cut_is_read_from_its_copy() {
    let eleventh = record(11);
    let (event, packet) = eleventh.split_at(eleventh.len() - 40);
    let read = [records(1..=10), event.to_vec()].concat();
    cut_behind(&read, packet, &records(12..=80), 80);
    // Also where half of it was read.
    let read = [records(1..=10), eleventh[..eleventh.len() - 8].to_vec()].concat();
    cut_behind(&read, &eleventh[eleventh.len() - 8..], &records(12..=80), 80);
}

#[test]
fn a_file_that_is_cut_between_choosing_and_opening_it_is_begun_anew() {
    let log = Log::new();
    append(&log.path("u2.log"), &records([1, 2]));
    let opened = File::open(log.path("u2.log")).unwrap();
    let head = Head::of(&opened, u64::MAX).unwrap();
    fs::write(log.path("u2.log"), records([3, 4, 5])).unwrap();
    let (mut tail, _) = Tail::new(opened, record(1).len() as u64, head).unwrap();
    assert_eq!(tail.grow().unwrap(), Growth::Truncated);
}

#[test]
fn a_log_that_is_copied_and_cut_while_it_is_followed_is_seen_exactly_once() {
    let log = Log::new();
    append(&log.path("u2.log"), &records([1]));
    let following = Following::new(log.open(Start::Beginning));
    let mut last = 1;
    for round in 0..40 {
        // Now more, now less than is read before it is cut.
        let records = records(last + 1..=last + 1 + round * 13 % 200);
        append(&log.path("u2.log"), &records);
        last += 1 + round * 13 % 200;
        copy_and_cut(&log, &log.path(&format!("u2.log.{}", 1000 - round)));
    }
    following.assert_each_seen_once(last);
}

#[test]
fn a_log_that_is_copied_and_cut_while_nobody_reads_is_seen_exactly_once() {
    let log = Log::new();
    append(&log.path("u2.log"), &records([1, 2]));
    assert_eq!(log.read(Start::Beginning).0, [1, 2]);
    append(&log.path("u2.log"), &records([3, 4]));
    copy_and_cut(&log, &log.path("u2.log.1"));
    append(&log.path("u2.log"), &records([5]));
    assert_eq!(log.read(Start::Bookmark).0, [3, 4, 5]);
    assert_eq!(log.read(Start::Bookmark).0, [0; 0]);
}

/// As a copy is seen that `cp` has only begun.
#[test]
fn a_copy_is_not_read_again_however_it_grows() {
    let log = Log::new();
    let (all, copy) = (records(1..=50), log.path("u2.log.1"));
    append(&log.path("u2.log"), &all);
    let following = Following::new(log.open(Start::Beginning));
    let ids: Vec<_> = (1..=50).collect();
    following.until_seen(&ids);
    let parts = u32::try_from(all.len().div_ceil(700)).unwrap();
    for (n, part) in (51..).zip(all.chunks(700)) {
        append(&copy, part);
        // Seen once everything before was looked at.
        append(&log.path("u2.log"), &record(n));
        until("the next is seen", || following.seen.ids().len() >= n as usize);
    }
    let ids = following.end();
    assert_each_seen_once(&ids, 50 + parts);
}

#[test]
fn thousands_of_files_are_read_in_a_time_that_grows_with_their_number() {
    let log = Log::new();
    let time_of = |from: u32, to: u32| {
        for n in from..to {
            fs::write(log.path(&format!("u2.log.{}", 1_750_000_000 + n)), record(n)).unwrap();
        }
        let begun = Instant::now();
        let (ids, _) = log.read(Start::Beginning);
        assert_eq!(ids, (0..to).collect::<Vec<_>>());
        begun.elapsed()
    };
    let few = time_of(0, 250);
    let many = time_of(250, 2_000);
    // Eight times as many; what isn't linear would take 64 times as long.
    assert!(many < 24 * few + Duration::from_secs(1), "{few:?}, {many:?}");
}

#[test]
fn a_file_that_was_left_and_grows_again_is_read_on() {
    let log = Log::new();
    let (old, new) = (log.path("u2.log.1750000001"), log.path("u2.log.1750000002"));
    append(&old, &records([1]));
    let following = Following::new(log.open(Start::Beginning));
    append(&new, &records([2]));
    following.until_seen(&[1, 2]);
    append(&old, &records([3]));
    following.until_seen(&[1, 2, 3]);
    append(&new, &records([4]));
    following.until_seen(&[1, 2, 3, 4]);
    following.end();
}

#[test]
fn an_older_file_that_grows_again_does_not_move_the_bookmark_back() {
    let log = Log::new();
    append(&log.path("u2.log.1750000001"), &records([1]));
    append(&log.path("u2.log.1750000002"), &records([2]));
    let following = Following::new(log.open(Start::Beginning));
    following.until_seen(&[1, 2]);
    append(&log.path("u2.log.1750000001"), &records([3]));
    following.until_seen(&[1, 2, 3]);
    following.end();
    append(&log.path("u2.log.1750000002"), &records([4]));
    append(&log.path("u2.log.1750000001"), &records([5]));
    let mut seen = log.read(Start::Bookmark).0;
    seen.sort_unstable();
    assert_eq!(seen, [4, 5]);
}
