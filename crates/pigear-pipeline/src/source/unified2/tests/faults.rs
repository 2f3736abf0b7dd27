use std::os::unix::fs::MetadataExt;

use super::*;
use crate::source::unified2::bookmark::{Bookmark, Mark, Position};

#[test]
fn a_directory_that_is_gone_is_waited_for() {
    let log = Log::new();
    let (dir, away) = (log.path("log"), log.path("away"));
    fs::create_dir(&dir).unwrap();
    append(&dir.join("u2.log.1750000001"), &records([1]));
    let spool = Spool::at(&dir.join("u2.log")).unwrap();
    let bookmark = Some(log.path("bookmark"));
    let source = Unified2::open(spool, Start::Beginning, bookmark, AlertFactory::default());
    let following = Following::new(source.unwrap());
    following.until_seen(&[1]);
    fs::rename(&dir, &away).unwrap();
    // The file itself is still there.
    append(&away.join("u2.log.1750000001"), &records([2]));
    following.until_seen(&[1, 2]);
    fs::create_dir(&dir).unwrap();
    append(&dir.join("u2.log.1750000002"), &records([3]));
    following.until_seen(&[1, 2, 3]);
    append(&dir.join("u2.log.1750000003"), &records([4]));
    following.until_seen(&[1, 2, 3, 4]);
    following.end();
}

#[test]
fn a_bookmark_that_cannot_be_written_for_a_while_is_written_later() {
    let log = Log::new();
    let marks = log.path("marks");
    fs::create_dir(&marks).unwrap();
    append(&log.path("u2.log"), &records([1]));
    let open = |start| {
        let spool = Spool::at(&log.path("u2.log")).unwrap();
        let bookmark = Some(marks.join("bookmark"));
        Unified2::open(spool, start, bookmark, AlertFactory::default()).unwrap()
    };
    let following = Following::new(open(Start::Beginning));
    following.until_seen(&[1]);
    fs::remove_dir_all(&marks).unwrap();
    append(&log.path("u2.log"), &records([2]));
    following.until_seen(&[1, 2]);
    fs::create_dir(&marks).unwrap();
    until("it is written", || marks.join("bookmark").exists());
    assert_eq!(following.end(), [1, 2]);
    append(&log.path("u2.log"), &records([3]));
    let following = Following::new(open(Start::Bookmark));
    following.until_seen(&[3]);
    following.end();
}

#[test]
fn a_bookmark_that_is_something_else_is_never_replaced() {
    let log = Log::new();
    append(&log.path("u2.log"), &records([1]));
    fs::write(log.path(".u2.log.bookmark"), "something else").unwrap();
    let source = log.open(Start::Beginning).until(Until::End);
    let end = Pipeline::default().run(vec![Box::new(source)], &Stop::default());
    assert!(matches!(end, Err(PipelineError::Source { .. })), "{end:?}");
    assert_eq!(fs::read(log.path(".u2.log.bookmark")).unwrap(), b"something else");
}

#[test]
fn a_file_that_can_be_opened_but_never_read_does_not_keep_a_run_from_ending() {
    let log = Log::new();
    let name = "u2.log.1750000001";
    append(&log.path(name), &records([1]));
    append(&log.path("u2.log.1750000002"), &records([2]));
    let inode = fs::metadata(log.path(name)).unwrap().ino();
    // No file has such a position: reading there is an error of the system.
    let unreadable = Position { name: name.into(), inode, offset: u64::MAX, head: Vec::new() };
    let mark = Mark { position: Position::start(), set_aside: vec![unreadable] };
    Bookmark::new(log.path(".u2.log.bookmark")).write(&mark).unwrap();
    let seen = Seen::default();
    let mut pipeline = Pipeline::default();
    pipeline.add("seen", Box::new(seen.clone()), LaneSettings::default());
    let source = log.open(Start::Bookmark).until(Until::End);
    let (ended, end) = std::sync::mpsc::channel();
    thread::spawn(move || ended.send(pipeline.run(vec![Box::new(source)], &Stop::default())));
    let end = end.recv_timeout(Duration::from_secs(20)).expect("the run ends");
    let Err(PipelineError::Source { source: SourceError::Log(error), .. }) = end else {
        panic!("{end:?}")
    };
    let path = log.path(name).display().to_string();
    assert!(error.to_string().starts_with(&path), "{error}");
    assert_eq!(seen.ids(), [2]);
}
