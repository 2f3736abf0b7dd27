use std::ffi::OsString;
use std::io;
use std::os::unix::fs::MetadataExt;
use std::time::{Duration, SystemTime};

use super::*;
use crate::source::unified2::bookmark::{Mark, Position};
use crate::source::unified2::reader::{Read, Reader};

/// Compresses a file as `gzip` and `zstd --rm` do: the new file keeps the time, and the old one is removed.
fn compress(path: &Path, ending: &str) {
    let (bytes, modified) =
        (fs::read(path).unwrap(), fs::metadata(path).unwrap().modified().unwrap());
    let compressed =
        path.with_file_name(format!("{}{ending}", path.file_name().unwrap().display()));
    fs::write(&compressed, compressed_bytes(&bytes, ending)).unwrap();
    File::options().write(true).open(compressed).unwrap().set_modified(modified).unwrap();
    fs::remove_file(path).unwrap();
}

fn compressed_bytes(bytes: &[u8], ending: &str) -> Vec<u8> {
    if ending == ".zst" {
        return zstd::encode_all(bytes, 0).unwrap();
    }
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

#[test]
fn compressed_files_are_read_in_their_order() {
    let log = Log::new();
    for (n, ending) in [(1, ".gz"), (2, ".zst"), (3, "")] {
        let path = log.path(&format!("u2.log.{}", 1_750_000_000 + n));
        append(&path, &records([2 * n, 2 * n + 1]));
        if !ending.is_empty() {
            compress(&path, ending);
        }
    }
    assert_eq!(log.read(Start::Beginning).0, [2, 3, 4, 5, 6, 7]);
    assert_eq!(log.read(Start::Bookmark).0, [0; 0]);
}

#[test]
fn a_file_that_is_compressed_between_runs_is_read_on() {
    for ending in [".gz", ".zst"] {
        let log = Log::new();
        let path = log.path("u2.log.1750000001");
        append(&path, &records([1, 2]));
        assert_eq!(log.read(Start::Beginning).0, [1, 2]);
        append(&path, &records([3]));
        compress(&path, ending);
        append(&log.path("u2.log.1750000002"), &records([4]));
        compress(&log.path("u2.log.1750000002"), ending);
        append(&log.path("u2.log.1750000003"), &records([5]));
        assert_eq!(log.read(Start::Bookmark).0, [3, 4, 5], "{ending}");
        assert_eq!(log.read(Start::Bookmark).0, [0; 0], "{ending}");
    }
}

#[test]
fn a_file_that_is_compressed_while_the_log_is_followed_is_not_read_again() {
    let log = Log::new();
    let old = log.path("u2.log.1750000001");
    append(&old, &records([1, 2]));
    append(&log.path("u2.log.1750000002"), &records([3]));
    let following = Following::new(log.open(Start::Beginning));
    following.until_seen(&[1, 2, 3]);
    compress(&old, ".gz");
    append(&log.path("u2.log.1750000002"), &records([4]));
    following.until_seen(&[1, 2, 3, 4]);
    append(&log.path("u2.log.1750000003"), &records([5]));
    following.until_seen(&[1, 2, 3, 4, 5]);
    assert_eq!(following.end(), [1, 2, 3, 4, 5]);
    assert_eq!(log.read(Start::Bookmark).0, [0; 0]);
}

#[test]
fn a_compressed_copy_beside_its_file_is_not_read_again() {
    let log = Log::new();
    let path = log.path("u2.log.1750000001");
    append(&path, &records([1, 2]));
    let bytes = compressed_bytes(&records([1, 2]), ".gz");
    fs::write(log.path("u2.log.1750000001.gz"), bytes).unwrap();
    assert_eq!(log.read(Start::Beginning).0, [1, 2]);
}

#[test]
fn a_compressed_log_alone_is_read_to_its_end_once() {
    let log = Log::new();
    fs::write(log.path("u2.log"), compressed_bytes(&records([1, 2]), ".gz")).unwrap();
    assert_eq!(log.read(Start::Bookmark).0, [0; 0]);
    assert_eq!(log.read(Start::Beginning).0, [1, 2]);
    fs::rename(log.path("u2.log"), log.path("u2.log.1.gz")).unwrap();
    assert_eq!(log.read(Start::Bookmark).0, [0; 0]);
}

/// Long ago, so that nothing writes the file any more.
fn age(path: &Path) {
    let long_ago = SystemTime::UNIX_EPOCH + Duration::from_secs(1_000_000_000);
    File::options().write(true).open(path).unwrap().set_modified(long_ago).unwrap();
}

/// Where each test cuts a compressed file: in its trailer, in its middle, and in its first bytes.
fn cuts(bytes: &[u8]) -> [usize; 3] {
    [bytes.len() - 2, bytes.len() / 2, 14]
}

#[test]
fn a_compressed_file_that_is_cut_is_told_once_nothing_writes_it() {
    for ending in [".gz", ".zst"] {
        let bytes = compressed_bytes(&records(1..1000), ending);
        for end in cuts(&bytes) {
            let log = Log::new();
            let path = log.path(&format!("u2.log.1750000001{ending}"));
            fs::write(&path, &bytes[..end]).unwrap();
            age(&path);
            append(&log.path("u2.log.1750000002"), &records([1001]));
            let (mut seen, stats) = log.read(Start::Beginning);
            let last = seen.pop();
            assert_eq!((stats.malformed, last), (1, Some(1001)), "{ending} {end}");
            assert!((1..1000).zip(&seen).all(|(id, seen)| id == *seen), "{ending} {end}");
        }
    }
}

#[test]
fn a_file_that_is_still_being_compressed_is_no_damage_and_read_on_by_the_next_run() {
    for ending in [".gz", ".zst"] {
        let bytes = compressed_bytes(&records(1..1000), ending);
        for end in cuts(&bytes) {
            let log = Log::new();
            let path = log.path(&format!("u2.log.1750000001{ending}"));
            fs::write(&path, &bytes[..end]).unwrap();
            append(&log.path("u2.log.1750000002"), &records([1001]));
            let (mut seen, stats) = log.read(Start::Beginning);
            assert_eq!((stats.malformed, seen.pop()), (0, Some(1001)), "{ending} {end}");
            fs::write(&path, &bytes).unwrap();
            seen.extend(log.read(Start::Bookmark).0);
            assert!(seen.into_iter().eq(1..1000), "{ending} {end}");
            assert_eq!(log.read(Start::Bookmark).0, [0; 0], "{ending} {end}");
        }
    }
}

#[test]
fn a_log_of_one_file_that_is_still_being_compressed_is_read_on_by_the_next_run() {
    let bytes = compressed_bytes(&records(1..1000), ".gz");
    for end in cuts(&bytes) {
        let log = Log::new();
        fs::write(log.path("u2.log.1.gz"), &bytes[..end]).unwrap();
        let (mut seen, stats) = log.read(Start::Beginning);
        assert_eq!(stats.malformed, 0, "{end}");
        fs::write(log.path("u2.log.1.gz"), &bytes).unwrap();
        seen.extend(log.read(Start::Bookmark).0);
        assert!(seen.into_iter().eq(1..1000), "{end}");
    }
}

#[test]
fn a_file_that_is_still_being_compressed_is_read_on_while_the_log_is_followed() {
    let log = Log::new();
    let bytes = compressed_bytes(&records(1..1000), ".gz");
    let path = log.path("u2.log.1750000001.gz");
    fs::write(&path, &bytes[..bytes.len() / 2]).unwrap();
    append(&log.path("u2.log.1750000002"), &records([1001]));
    let following = Following::new(log.open(Start::Beginning));
    until("the last is seen", || following.seen.ids().last() == Some(&1001));
    let stats = Arc::clone(&following.stats);
    append(&path, &bytes[bytes.len() / 2..]);
    until("all are seen", || following.seen.ids().len() >= 1000);
    let mut seen = following.end();
    seen.sort_unstable();
    assert!(seen.into_iter().eq((1..1000).chain([1001])));
    assert_eq!(stats.snapshot().malformed, 0);
    assert_eq!(log.read(Start::Bookmark).0, [0; 0]);
}

#[test]
fn a_file_that_is_no_longer_compressed_after_a_while_is_told() {
    let log = Log::new();
    let bytes = compressed_bytes(&records(1..1000), ".gz");
    let path = log.path("u2.log.1750000001.gz");
    fs::write(&path, &bytes[..bytes.len() / 2]).unwrap();
    append(&log.path("u2.log.1750000002"), &records([1001]));
    let following = Following::new(log.open(Start::Beginning));
    until("the last is seen", || following.seen.ids().last() == Some(&1001));
    let stats = Arc::clone(&following.stats);
    assert_eq!(stats.snapshot().malformed, 0);
    age(&path);
    // So that the directory is read again.
    append(&log.path("u2.log.1750000003"), &records([1002]));
    until("it is told", || stats.snapshot().malformed == 1);
    following.end();
}

#[test]
fn a_file_that_is_compressed_beside_its_original_is_read_once() {
    for ending in [".gz", ".zst"] {
        let bytes = compressed_bytes(&records(1..1000), ending);
        for end in cuts(&bytes) {
            let log = Log::new();
            let original = log.path("u2.log.1750000001");
            let path = log.path(&format!("u2.log.1750000001{ending}"));
            fs::write(&path, &bytes[..end]).unwrap();
            append(&original, &records(1..1000));
            append(&log.path("u2.log.1750000002"), &records([1001]));
            let (mut seen, stats) = log.read(Start::Beginning);
            seen.sort_unstable();
            assert!(seen.into_iter().eq((1..1000).chain([1001])), "{ending} {end}");
            assert_eq!(stats.malformed, 0, "{ending} {end}");
            fs::write(&path, &bytes).unwrap();
            fs::remove_file(&original).unwrap();
            assert_eq!(log.read(Start::Bookmark).0, [0; 0], "{ending} {end}");
        }
    }
}

#[test]
fn a_compressed_file_that_is_damaged_at_its_start_is_told_once_and_left() {
    for (ending, damaged) in [
        (".gz", &b"\x1f\x8b\x08\0\0\0\0\0\0\x03\x07\x07\x07\x07\x07\x07\x07\x07"[..]),
        (".zst", b"\x28\xb5\x2f\xfd\x04\0\x07\0\0\x07\0\0\x07\0\0\x07\0\0\x07\0\0\x07\0\0\x07\0\0"),
    ] {
        let log = Log::new();
        fs::write(log.path(&format!("u2.log.1750000001{ending}")), damaged).unwrap();
        append(&log.path("u2.log.1750000002"), &records([1, 2]));
        // The run ends without an error: there is nothing to try again.
        let (seen, stats) = log.read(Start::Beginning);
        assert_eq!((seen, stats.malformed), (vec![1, 2], 1), "{ending}");
    }
}

#[test]
fn an_error_of_reading_a_plain_file_is_no_damage() {
    let (log, path) = (Log::new(), "u2.log.1");
    append(&log.path(path), &records([1]));
    let inode = fs::metadata(log.path(path)).unwrap().ino();
    let spool = Spool::at(&log.path("u2.log")).unwrap();
    let mut reader = Reader::new(spool, Duration::ZERO);
    // No file has such a position: seeking to it is an error of the system.
    let position = Position { name: path.into(), inode, offset: u64::MAX, head: Vec::new() };
    let start = Position { name: OsString::new(), inode: 0, offset: 0, head: Vec::new() };
    let mark = Mark { position: start, set_aside: vec![position] };
    reader.go_to(&mark).unwrap();
    while reader.read(&mut Vec::new()) == Read::Some {}
    let problem = reader.problem().map(|error| error.kind());
    assert_eq!((problem, reader.damaged()), (Some(io::ErrorKind::InvalidInput), 0));
}
