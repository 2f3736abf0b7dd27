use std::io::{Read, Write};
use std::os::unix::fs::{FileTypeExt, PermissionsExt};
use std::path::Path;
use std::sync::Arc;

use pigear_alert::wire::{Decoder, Dialect, encode};
use pigear_alert::{Alert, AlertMessage};
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
    let mut rotated = Rotated::new(keep, compress);
    for (n, time) in times.iter().enumerate() {
        fs::write(&path, format!("text {n}")).unwrap();
        rotated.put_away(path.clone(), at(time)).unwrap();
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
    let mut open = Open::append(&path, None).unwrap();
    assert_eq!(open.len, 6);
    open.file.write_all(b"hal").unwrap();
    open.take_back(&path);
    assert_eq!(fs::read(&path).unwrap(), b"whole\n");
    open.file.write_all(b"next\n").unwrap();
    assert_eq!(fs::read(&path).unwrap(), b"whole\nnext\n");
}

#[test]
fn a_file_that_somebody_else_moved_or_removed_is_noticed() {
    let dir = TempDir::new().unwrap();
    let path = dir.path().join("alerts");
    let mut open = Open::append(&path, None).unwrap();
    assert_eq!(open.look(&path), Change::None);
    fs::rename(&path, dir.path().join("moved")).unwrap();
    assert_eq!(open.look(&path), Change::Moved);
    let mut open = Open::append(&path, None).unwrap();
    fs::remove_file(&path).unwrap();
    assert_eq!(open.look(&path), Change::Moved);
}

#[test]
fn a_file_from_before_counts_from_its_last_change() {
    let dir = TempDir::new().unwrap();
    let path = dir.path().join("alerts");
    let then = std::time::SystemTime::UNIX_EPOCH + std::time::Duration::from_secs(1_000_000);
    fs::write(&path, "old\n").unwrap();
    fs::File::options().append(true).open(&path).unwrap().set_modified(then).unwrap();
    let open = Open::append(&path, None).unwrap();
    assert_eq!((open.len, open.since), (4, Timestamp::from_second(1_000_000).unwrap()));
}

#[test]
fn a_file_that_was_removed_before_its_turn_to_be_compressed_is_passed_over() {
    let dir = TempDir::new().unwrap();
    put_away(dir.path(), &[TIMES[0]; 20], Some(1), Compress::Gzip);
    assert_eq!(names(dir.path()), ["alerts.20261118T120000Z-20.gz"]);
}

#[test]
fn a_compressed_file_has_the_mode_of_the_old_one_and_no_link_is_followed() {
    let dir = TempDir::new().unwrap();
    let (path, precious) = (dir.path().join("alerts"), dir.path().join("precious"));
    fs::write(&path, "text").unwrap();
    fs::set_permissions(&path, fs::Permissions::from_mode(0o604)).unwrap();
    fs::write(&precious, "mine").unwrap();
    let planted = dir.path().join("alerts.20261118T120000Z.gz.part");
    std::os::unix::fs::symlink(&precious, planted).unwrap();
    let mut rotated = Rotated::new(None, Compress::Gzip);
    rotated.put_away(path, at(TIMES[0])).unwrap();
    rotated.finish();
    assert_eq!(names(dir.path()), ["alerts.20261118T120000Z.gz", "precious"]);
    let compressed = fs::metadata(dir.path().join("alerts.20261118T120000Z.gz")).unwrap();
    assert_eq!(compressed.mode() & 0o777, 0o604);
    assert_eq!(fs::read(&precious).unwrap(), b"mine");
}

#[test]
fn what_is_no_regular_file_is_never_rotated() {
    let once_a_day = || rotation("1d");
    for path in ["/dev/null", "/dev/full"] {
        let opened = RotatedFile::open(path.into(), None, once_a_day(), None, Compress::None);
        let error = opened.err().unwrap();
        assert_eq!(error.to_string(), "only a regular file can be rotated; leave out `rotate`");
        let put_away = Rotated::new(None, Compress::None).put_away(path.into(), at(TIMES[0]));
        assert!(put_away.is_err());
        assert!(fs::symlink_metadata(path).unwrap().file_type().is_char_device());
    }
}

#[test]
fn a_file_behind_a_link_is_rotated_beside_itself() {
    let dir = TempDir::new().unwrap();
    fs::create_dir(dir.path().join("data")).unwrap();
    let link = dir.path().join("alerts");
    std::os::unix::fs::symlink("data/alerts", &link).unwrap();
    let mut file =
        RotatedFile::open(link.clone(), None, rotation("1d"), None, Compress::Gzip).unwrap();
    file.begin(b"").unwrap();
    let mut records = Records::default();
    let decoded = Decoder::default().decode(&encode(&AlertMessage::default(), Dialect::Snort27));
    let alert = Alert::new(decoded.unwrap(), Arc::default(), Arc::default());
    records.fill(&[Arc::new(alert)], 1, |_, out| out.extend_from_slice(b"text\n"));
    file.write(&records).unwrap();
    file.make_ready(at("2030-01-01T00:00:00Z")).unwrap();
    file.finish();
    assert_eq!(names(&dir.path().join("data")), ["alerts", "alerts.20300101T000000Z.gz"]);
    assert!(fs::symlink_metadata(&link).unwrap().is_symlink());
}

/// One record, this text.
fn record(text: &str) -> Records {
    let mut records = Records::default();
    let decoded = Decoder::default().decode(&encode(&AlertMessage::default(), Dialect::Snort27));
    let alert = Alert::new(decoded.unwrap(), Arc::default(), Arc::default());
    records.fill(&[Arc::new(alert)], 1, |_, out| out.extend_from_slice(text.as_bytes()));
    records
}

#[test]
fn a_file_that_somebody_else_cut_counts_from_there() {
    let dir = TempDir::new().unwrap();
    let path = dir.path().join("alerts");
    let size = rotation("10");
    let mut file = RotatedFile::open(path.clone(), None, size, None, Compress::None).unwrap();
    file.write(&record("12345678\n")).unwrap();
    fs::write(&path, "").unwrap();
    let now = at(TIMES[0]);
    assert_eq!(file.make_ready(now).unwrap(), Ready::Another);
    assert_eq!(file.len(), 0);
    file.write(&record("1234\n")).unwrap();
    assert_eq!(file.make_ready(now).unwrap(), Ready::Same);
    assert_eq!(names(dir.path()), ["alerts"]);
    file.write(&record("1234\n")).unwrap();
    assert_eq!(file.make_ready(now).unwrap(), Ready::Another);
    assert_eq!(names(dir.path()), ["alerts", "alerts.20261118T120000Z"]);
}

#[test]
fn a_failure_to_rotate_is_logged_again_after_a_success() {
    let dir = TempDir::new().unwrap();
    let path = dir.path().join("alerts");
    let size = rotation("1");
    let mut file = RotatedFile::open(path.clone(), None, size, None, Compress::None).unwrap();
    file.write(&record("text\n")).unwrap();
    file.cannot_rotate = true;
    assert_eq!(file.make_ready(at(TIMES[0])).unwrap(), Ready::Another);
    assert!(!file.cannot_rotate);
}

#[test]
fn a_compression_that_was_interrupted_is_finished_at_the_next_start() {
    let dir = TempDir::new().unwrap();
    let path = dir.path().join("alerts");
    let at_path = |name: &str| dir.path().join(name);
    for time in ["20261118T120000Z", "20261118T120001Z-2"] {
        fs::write(at_path(&format!("alerts.{time}")), "text").unwrap();
    }
    // The process was killed here; the second time with another compression.
    fs::write(at_path("alerts.20261118T120000Z.gz.part"), "tex").unwrap();
    fs::write(at_path("alerts.20261118T120001Z-2.zst.part"), "tex").unwrap();
    // Of other programs.
    fs::write(at_path("alerts.old.gz.part"), "theirs").unwrap();
    fs::write(at_path("alerts.20261118T130000Z.gz.part"), "theirs").unwrap();
    let mut file =
        RotatedFile::open(path, None, Rotation::default(), None, Compress::Gzip).unwrap();
    file.start();
    file.finish();
    let expected = [
        "alerts",
        "alerts.20261118T120000Z.gz",
        "alerts.20261118T120001Z-2.gz",
        "alerts.20261118T130000Z.gz.part",
        "alerts.old.gz.part",
    ];
    assert_eq!(names(dir.path()), expected);
}
