use std::sync::mpsc::{Receiver, Sender, channel};

use super::*;
use crate::source::unified2::bookmark::Position;

fn mark(offset: u64) -> Mark {
    Mark::at(Position { offset, ..Position::start() })
}

/// A disk of which a test says when it is done with what.
struct Disk {
    writer: BookmarkWriter,
    begun: Receiver<u64>,
    done: Sender<io::Result<()>>,
}

impl Disk {
    fn new() -> Self {
        let ((tell, begun), (done, wait)) = (channel(), channel::<io::Result<()>>());
        let writer = BookmarkWriter::with("bookmark".to_owned(), move |mark| {
            let _ = tell.send(mark.position.offset);
            wait.recv().unwrap_or(Ok(()))
        });
        Self { writer: writer.unwrap(), begun, done }
    }
}

#[test]
fn a_slow_disk_holds_nobody_up_and_the_last_mark_wins() {
    let disk = Disk::new();
    disk.writer.put(mark(1));
    assert_eq!(disk.begun.recv(), Ok(1));
    // All of this while the disk is busy.
    (2..1_000).for_each(|offset| disk.writer.put(mark(offset)));
    assert!(matches!(disk.writer.flush(Some(Instant::now())), Written::NotYet));
    disk.done.send(Ok(())).unwrap();
    assert_eq!(disk.begun.recv(), Ok(999));
    disk.done.send(Ok(())).unwrap();
    assert!(matches!(disk.writer.flush(None), Written::All));
}

#[test]
fn what_could_not_be_written_is_tried_again() {
    let disk = Disk::new();
    disk.writer.put(mark(1));
    for _ in 0..3 {
        assert_eq!(disk.begun.recv(), Ok(1));
        disk.done.send(Err(io::ErrorKind::StorageFull.into())).unwrap();
    }
    assert_eq!(disk.begun.recv(), Ok(1));
    disk.done.send(Ok(())).unwrap();
    assert!(matches!(disk.writer.flush(None), Written::All));
}

#[test]
fn who_waits_for_a_mark_is_told_that_it_cannot_be_written() {
    let disk = Disk::new();
    disk.writer.put(mark(1));
    disk.done.send(Err(io::ErrorKind::StorageFull.into())).unwrap();
    disk.done.send(Err(io::ErrorKind::ReadOnlyFilesystem.into())).unwrap();
    assert!(matches!(disk.writer.flush(None), Written::Failed(_)));
}

#[test]
fn the_thread_ends_with_its_writer_after_the_last_mark() {
    let disk = Disk::new();
    disk.writer.put(mark(1));
    assert_eq!(disk.begun.recv(), Ok(1));
    disk.writer.put(mark(2));
    drop(disk.writer);
    disk.done.send(Ok(())).unwrap();
    disk.done.send(Ok(())).unwrap();
    assert_eq!(disk.begun.iter().collect::<Vec<_>>(), [2]);
}

#[test]
fn who_waits_while_there_is_nothing_to_write_does_not_hurry_the_next_mark() {
    let disk = Disk::new();
    assert!(matches!(disk.writer.flush(None), Written::All));
    assert!(!disk.writer.shared.state().is_urgent);
}
