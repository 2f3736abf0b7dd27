//! Pigear is killed while it reads Snort's log: the store has every event once.

use std::fs::{File, OpenOptions};
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use tempfile::TempDir;

use crate::killed::{Killed, Moments, stored, until};

/// So many events go into a file of the log.
const FILE: u32 = 400;
/// So many are written at once, and then comes a pause.
const BURST: u32 = 10;
const PAUSE: Duration = Duration::from_millis(5);

/// Writes events all the time, whether somebody reads them or not.
struct Snort {
    ended: Arc<AtomicBool>,
    thread: JoinHandle<u32>,
}

impl Snort {
    fn start(log: PathBuf) -> Self {
        let ended = Arc::new(AtomicBool::new(false));
        let stop = Arc::clone(&ended);
        let thread = thread::spawn(move || {
            let (mut event_id, mut file) = (0, None);
            while !stop.load(Ordering::SeqCst) {
                for _ in 0..BURST {
                    event_id += 1;
                    write(&log, &mut file, event_id);
                }
                thread::sleep(PAUSE);
            }
            event_id
        });
        Self { ended, thread }
    }

    /// Ends, and says how many events were written.
    fn end(self) -> u32 {
        self.ended.store(true, Ordering::SeqCst);
        self.thread.join().unwrap()
    }
}

/// Writes an event and its packet, each in two parts, into a file that is new now and then.
fn write(log: &Path, file: &mut Option<File>, event_id: u32) {
    if event_id % FILE == 1 {
        let name = format!("{}.{}", log.display(), 1_700_000_000 + event_id / FILE);
        *file = Some(OpenOptions::new().create_new(true).append(true).open(name).unwrap());
    }
    let second = 1_700_000_000 + event_id / 100;
    let event = [7, 52, 0, event_id, second, event_id, 384, 1, 1, 1, 3];
    let flow = [0xc000_0201, 0xc000_0202, 0, 1 << 24];
    let packet = [2, 32, 0, event_id, second, second, event_id, 1, 4, 0xdead_beef];
    let words = event.into_iter().chain(flow).chain(packet);
    let bytes: Vec<_> = words.flat_map(u32::to_be_bytes).collect();
    let (first, rest) = bytes.split_at(bytes.len() / 3);
    let file = file.as_mut().unwrap();
    file.write_all(first).unwrap();
    file.write_all(rest).unwrap();
}

fn pigear(dir: &Path) -> Killed {
    let mut command = Command::new(env!("CARGO_BIN_EXE_pigear"));
    command.current_dir(dir).args(["--socket-handler", "unified2", "--from", "u2.log"]);
    command.args(["--store", "alerts.db", "--data-handler", "null"]).stderr(Stdio::null());
    Killed::start(&mut command)
}

pub(crate) fn nothing_is_missing(kills: usize) {
    let dir = TempDir::new().unwrap();
    let mut first = pigear(dir.path());
    until("there is a bookmark", || dir.path().join(".u2.log.bookmark").exists());
    let snort = Snort::start(dir.path().join("u2.log"));
    let mut moments = Moments::default();
    moments.pass();
    first.kill();
    for _ in 1..kills {
        let mut from = pigear(dir.path());
        moments.pass();
        from.kill();
    }
    let mut last = pigear(dir.path());
    let written = snort.end();
    until("all is stored", || stored(dir.path()).len() as u64 >= u64::from(written));
    last.stop();
    let stored = stored(dir.path());
    assert!(stored.iter().copied().eq(1..=u64::from(written)), "{} of {written}", stored.len());
    println!("Reading a log was killed {kills} times; of {written} events each is stored once");
}
