use std::io::{Read, Write};
use std::path::Path;

use tempfile::TempDir;

use super::*;

fn rotation(text: &str) -> Rotation {
    text.parse().unwrap_or_else(|error| panic!("{text}: {error}"))
}

fn at(text: &str) -> Timestamp {
    text.parse().unwrap()
}

/// Whether a file of this length, begun at noon, is put away at this time.
fn is_due(rotation: Rotation, len: u64, now: &str) -> bool {
    rotation.is_due(len, at("2026-11-18T12:00:00Z"), at(now))
}

#[test]
fn sizes_and_times_are_told_apart() {
    for (text, same) in [
        ("100MB", "100000000"),
        ("100M", "100MB"),
        ("10k", "10KB"),
        ("1GiB", "1073741824"),
        ("daily", "1d"),
        ("1d", "24h"),
        ("hourly", "60m"),
        ("weekly", "7d"),
        ("1MB,1h", "1h, 1MB"),
    ] {
        assert_eq!(rotation(text), rotation(same), "{text}");
    }
}

#[test]
fn what_is_neither_size_nor_time_is_refused() {
    for text in ["", "0", "0MB", "0s", "-1h", "x", "1MB,", "1MB,x", "1 month", "MB"] {
        assert_eq!(text.parse::<Rotation>(), Err(UnknownRotation), "{text:?}");
    }
}

#[test]
fn a_size_is_reached_when_the_file_has_it() {
    let rotation = rotation("1KB");
    assert!(!is_due(rotation, 999, "2030-01-01T00:00:00Z"));
    assert!(is_due(rotation, 1_000, "2026-11-18T12:00:00Z"));
    assert_eq!((rotation.room(0), rotation.room(999), rotation.room(2_000)), (1_000, 1, 0));
}

#[test]
fn days_end_at_midnight() {
    let rotation = rotation("1d");
    assert!(!is_due(rotation, u64::MAX, "2026-11-18T23:59:59Z"));
    assert!(is_due(rotation, 1, "2026-11-19T00:00:00Z"));
    assert!(is_due(rotation, 1, "2026-11-17T23:59:59Z"), "the clock was set back");
    assert_eq!(rotation.room(u64::MAX - 1), usize::MAX);
}

#[test]
fn whichever_comes_first_counts() {
    let rotation = rotation("1KB,1h");
    assert!(!is_due(rotation, 999, "2026-11-18T12:59:59Z"));
    assert!(is_due(rotation, 1_000, "2026-11-18T12:00:00Z"));
    assert!(is_due(rotation, 1, "2026-11-18T13:00:00Z"));
}

#[test]
fn without_a_setting_nothing_is_ever_due() {
    assert!(!is_due(Rotation::default(), u64::MAX, "2030-01-01T00:00:00Z"));
}

/// Puts files away, each with a text of its own, at these times.
fn put_away(dir: &Path, times: &[&str], keep: Option<usize>, compress: Compress) {
    let path = dir.join("alerts");
    let mut rotated = Rotated::new(path.clone(), keep, compress);
    for (n, time) in times.iter().enumerate() {
        fs::write(&path, format!("text {n}")).unwrap();
        rotated.put_away(at(time)).unwrap();
    }
    rotated.finish();
}

fn names(dir: &Path) -> Vec<String> {
    let entries = fs::read_dir(dir).unwrap();
    let name = |entry: io::Result<fs::DirEntry>| entry.unwrap().file_name().into_string().unwrap();
    let mut names: Vec<_> = entries.map(name).collect();
    names.sort();
    names
}

const TIMES: [&str; 3] = ["2026-11-18T12:00:00Z", "2026-11-18T12:00:01Z", "2026-11-18T13:00:00Z"];

#[test]
fn a_file_gets_the_time_at_which_it_was_put_away() {
    let dir = TempDir::new().unwrap();
    put_away(dir.path(), &TIMES[..2], None, Compress::None);
    assert_eq!(names(dir.path()), ["alerts.20261118T120000Z", "alerts.20261118T120001Z"]);
    assert_eq!(fs::read(dir.path().join("alerts.20261118T120001Z")).unwrap(), b"text 1");
}

#[test]
fn the_oldest_are_removed_and_nothing_else() {
    let dir = TempDir::new().unwrap();
    let others = ["alerts.20261118T120000Z.bak", "alerts.old", "other.20261118T110000Z"];
    for other in others {
        fs::write(dir.path().join(other), "").unwrap();
    }
    fs::write(dir.path().join("alerts.20201118T120000Z.gz"), "").unwrap();
    put_away(dir.path(), &TIMES, Some(2), Compress::None);
    let kept = ["alerts.20261118T120001Z", "alerts.20261118T130000Z"];
    let mut expected = [&others[..], &kept[..]].concat();
    expected.sort_unstable();
    assert_eq!(names(dir.path()), expected);
}

#[test]
fn to_keep_none_is_possible() {
    let dir = TempDir::new().unwrap();
    put_away(dir.path(), &TIMES, Some(0), Compress::Zstd);
    assert_eq!(names(dir.path()), Vec::<String>::new());
}

#[test]
fn names_within_one_second_are_numbered_and_the_lowest_is_the_oldest() {
    let dir = TempDir::new().unwrap();
    put_away(dir.path(), &[TIMES[0]; 11], Some(2), Compress::None);
    assert_eq!(names(dir.path()), ["alerts.20261118T120000Z-10", "alerts.20261118T120000Z-11"]);
}

#[test]
fn a_name_that_is_taken_by_a_compressed_file_is_not_taken_again() {
    let dir = TempDir::new().unwrap();
    put_away(dir.path(), &[TIMES[0]; 1], None, Compress::Gzip);
    put_away(dir.path(), &[TIMES[0]; 1], None, Compress::Zstd);
    put_away(dir.path(), &[TIMES[0]; 1], None, Compress::None);
    let expected = [
        "alerts.20261118T120000Z-2.zst",
        "alerts.20261118T120000Z-3",
        "alerts.20261118T120000Z.gz",
    ];
    assert_eq!(names(dir.path()), expected);
}

#[test]
fn a_compressed_file_has_all_of_the_old_one() {
    let dir = TempDir::new().unwrap();
    put_away(dir.path(), &[TIMES[0]], None, Compress::Gzip);
    put_away(dir.path(), &[TIMES[1]], None, Compress::Zstd);
    let expected = ["alerts.20261118T120000Z.gz", "alerts.20261118T120001Z.zst"];
    assert_eq!(names(dir.path()), expected);
    let [gzip, zstd] = expected.map(|name| fs::File::open(dir.path().join(name)).unwrap());
    let mut text = String::new();
    flate2::read::GzDecoder::new(gzip).read_to_string(&mut text).unwrap();
    zstd::stream::read::Decoder::new(zstd).unwrap().read_to_string(&mut text).unwrap();
    assert_eq!(text, "text 0text 0");
}

#[test]
fn what_was_written_of_half_a_record_is_taken_back() {
    let dir = TempDir::new().unwrap();
    let path = dir.path().join("alerts");
    fs::write(&path, "whole\n").unwrap();
    let mut open = Open::append(path.clone()).unwrap();
    assert_eq!(open.len, 6);
    open.file.write_all(b"hal").unwrap();
    open.take_back();
    assert_eq!(fs::read(&path).unwrap(), b"whole\n");
    open.file.write_all(b"next\n").unwrap();
    assert_eq!(fs::read(&path).unwrap(), b"whole\nnext\n");
}

#[test]
fn a_file_that_somebody_else_moved_or_removed_is_noticed() {
    let dir = TempDir::new().unwrap();
    let path = dir.path().join("alerts");
    let open = Open::append(path.clone()).unwrap();
    assert!(!open.was_moved());
    fs::rename(&path, dir.path().join("moved")).unwrap();
    assert!(open.was_moved());
    let open = Open::append(path.clone()).unwrap();
    fs::remove_file(&path).unwrap();
    assert!(open.was_moved());
}

#[test]
fn a_file_from_before_counts_from_its_last_change() {
    let dir = TempDir::new().unwrap();
    let path = dir.path().join("alerts");
    let then = std::time::SystemTime::UNIX_EPOCH + std::time::Duration::from_secs(1_000_000);
    fs::write(&path, "old\n").unwrap();
    fs::File::options().append(true).open(&path).unwrap().set_modified(then).unwrap();
    let open = Open::append(path).unwrap();
    assert_eq!((open.len, open.since), (4, Timestamp::from_second(1_000_000).unwrap()));
}

#[test]
fn a_file_that_was_removed_before_its_turn_to_be_compressed_is_passed_over() {
    let dir = TempDir::new().unwrap();
    put_away(dir.path(), &[TIMES[0]; 20], Some(1), Compress::Gzip);
    assert_eq!(names(dir.path()), ["alerts.20261118T120000Z-20.gz"]);
}
