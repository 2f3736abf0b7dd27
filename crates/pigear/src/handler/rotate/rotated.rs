//! Files that are full: renamed, compressed, and the oldest removed.

use std::ffi::OsString;
use std::fs::{self, File};
use std::io::{self, BufReader, BufWriter, Write};
use std::path::{Path, PathBuf};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::thread::{self, JoinHandle};

use jiff::Timestamp;
use tracing::error;

use crate::handler::compress::Compress;

/// The rotated files of one path.
pub(super) struct Rotated {
    path: PathBuf,
    work: Work,
    /// The time and number in the last name: within a second, a later file has a higher number, also
    /// when the earlier ones are gone.
    last: (String, u32),
    /// The thread that compresses and removes, once there is something to do.
    worker: Option<(Sender<PathBuf>, JoinHandle<()>)>,
}

/// What is done with a file once it is renamed.
#[derive(Clone)]
struct Work {
    path: PathBuf,
    keep: Option<usize>,
    compress: Compress,
}

impl Rotated {
    pub(super) fn new(path: PathBuf, keep: Option<usize>, compress: Compress) -> Self {
        Self {
            work: Work { path: path.clone(), keep, compress },
            path,
            last: Default::default(),
            worker: None,
        }
    }

    /// Renames the file, and has the rest done on another thread.
    pub(super) fn put_away(&mut self, now: Timestamp) -> io::Result<()> {
        let name = self.free_name(now);
        fs::rename(&self.path, &name)?;
        let work = self.work.clone();
        let (sender, _) = self.worker.get_or_insert_with(|| {
            let (sender, inbox) = channel();
            (sender, thread::spawn(move || work.run(&inbox)))
        });
        // The worker only ends after this.
        let _ = sender.send(name);
        Ok(())
    }

    /// `PATH.TIME`, or if that is taken, compressed or not, `PATH.TIME-2` and so on.
    fn free_name(&mut self, now: Timestamp) -> PathBuf {
        let taken =
            |name: &Path| ["", ".gz", ".zst"].iter().any(|end| with_ending(name, end).exists());
        let time = now.strftime(".%Y%m%dT%H%M%SZ").to_string();
        let mut n = if self.last.0 == time { self.last.1 } else { 0 };
        loop {
            n += 1;
            let number = if n > 1 { format!("-{n}") } else { String::new() };
            let name = with_ending(&self.path, &format!("{time}{number}"));
            if !taken(&name) {
                self.last = (time, n);
                return name;
            }
        }
    }

    /// Waits until everything is compressed.
    pub(super) fn finish(&mut self) {
        if let Some((sender, worker)) = self.worker.take() {
            drop(sender);
            let _ = worker.join();
        }
    }
}

fn with_ending(path: &Path, ending: &str) -> PathBuf {
    let mut name: OsString = path.into();
    name.push(ending);
    name.into()
}

impl Work {
    fn run(&self, inbox: &Receiver<PathBuf>) {
        for path in inbox {
            if let Err(error) = self.compress(&path) {
                error!("cannot compress {}: {error}; it stays as it is", path.display());
            }
            if let Err(error) = self.remove_oldest() {
                error!("cannot remove old files of {}: {error}", self.path.display());
            }
        }
    }

    /// Compresses into a new file and then removes the old one, so that at any moment one of them is
    /// whole. A file that was removed already, being among the oldest, is none of our business.
    fn compress(&self, path: &Path) -> io::Result<()> {
        if self.compress == Compress::None || !path.exists() {
            return Ok(());
        }
        let target = with_ending(path, self.compress.suffix());
        let unfinished = with_ending(&target, ".part");
        let mut input = BufReader::new(File::open(path)?);
        let output = BufWriter::new(File::create(&unfinished)?);
        let output = self.compress.copy(&mut input, output)?;
        output.into_inner().map_err(io::IntoInnerError::into_error)?.flush()?;
        fs::set_permissions(&unfinished, fs::metadata(path)?.permissions())?;
        fs::rename(unfinished, target)?;
        fs::remove_file(path)
    }

    fn remove_oldest(&self) -> io::Result<()> {
        let Some(keep) = self.keep else { return Ok(()) };
        let files = self.rotated_files()?;
        let surplus = files.len().saturating_sub(keep);
        files.iter().take(surplus).try_for_each(fs::remove_file)
    }

    /// The rotated files, oldest first: their names sort by time.
    fn rotated_files(&self) -> io::Result<Vec<PathBuf>> {
        let dir = self.path.parent().filter(|dir| !dir.as_os_str().is_empty());
        let name = self.path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        let mut files = Vec::new();
        for entry in fs::read_dir(dir.unwrap_or(Path::new(".")))? {
            let entry = entry?;
            let other = entry.file_name().to_string_lossy().into_owned();
            if let Some(time) = other.strip_prefix(&name).and_then(|rest| rest.strip_prefix('.'))
                && let Some(key) = sort_key(time)
            {
                files.push((key, entry.path()));
            }
        }
        files.sort();
        Ok(files.into_iter().map(|(_, path)| path).collect())
    }
}

/// What a rotated file's ending sorts by: its time, then its number. `None` if it is no such ending.
fn sort_key(ending: &str) -> Option<(String, u32)> {
    let stem = ending.strip_suffix(".gz").or(ending.strip_suffix(".zst")).unwrap_or(ending);
    let (time, number) = stem.split_once('-').unwrap_or((stem, "1"));
    jiff::civil::DateTime::strptime("%Y%m%dT%H%M%SZ", time).ok()?;
    Some((time.to_owned(), number.parse().ok()?))
}
