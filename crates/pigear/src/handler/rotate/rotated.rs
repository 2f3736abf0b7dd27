//! Rotated files: they are renamed and compressed, and the oldest are removed.

use std::fs::{self, File, OpenOptions, Permissions};
use std::io::{self, BufReader, BufWriter, ErrorKind};
use std::os::unix::fs::{MetadataExt, OpenOptionsExt, PermissionsExt, fchown};
use std::path::{Path, PathBuf};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::thread::{Builder, JoinHandle};

use jiff::Timestamp;
use tracing::{error, warn};

use crate::file_name::with_end;
use crate::handler::compress::Compress;
use crate::output_file::{dir, sync_dir};

/// The suffix of a compressed file that is not complete yet.
const PART: &str = ".part";

/// The rotated files of one path.
pub(super) struct Rotated {
    work: Work,
    /// The time and number in the last name: within a second, a later file has a higher number, even if the
    /// earlier ones are gone.
    last: (String, u32),
    /// The thread that compresses and removes files, once there is work.
    worker: Option<(Sender<Job>, JoinHandle<()>)>,
    /// Whether a missing thread was logged.
    no_worker: bool,
}

/// The work of the other thread.
enum Job {
    PutAway(RotatedFile),
    /// An earlier run was killed while it compressed rotated files of this path.
    Resume(PathBuf),
}

/// A file that was renamed.
struct RotatedFile {
    /// Its former name.
    path: PathBuf,
    name: PathBuf,
}

/// What happens to a file after it was renamed.
#[derive(Clone)]
struct Work {
    keep: Option<usize>,
    compress: Compress,
}

impl Rotated {
    pub(super) fn new(keep: Option<usize>, compress: Compress) -> Self {
        Self {
            work: Work { keep, compress },
            last: Default::default(),
            worker: None,
            no_worker: false,
        }
    }

    /// Renames the file, which must be a regular one, and leaves the rest to the other thread.
    pub(super) fn put_away(&mut self, path: PathBuf, now: Timestamp) -> io::Result<()> {
        if !fs::symlink_metadata(&path)?.is_file() {
            return Err(io::Error::new(ErrorKind::InvalidInput, "it is no longer a regular file"));
        }
        let name = self.free_name(&path, now);
        fs::rename(&path, &name)?;
        self.hand_over(Job::PutAway(RotatedFile { path, name }));
        Ok(())
    }

    /// Finishes what an earlier run left incomplete, if it was killed while it compressed files.
    pub(super) fn resume(&mut self, path: PathBuf) {
        if interrupted(&path).is_ok_and(|found| !found.is_empty()) {
            self.hand_over(Job::Resume(path));
        }
    }

    /// Leaves work to the other thread.
    fn hand_over(&mut self, job: Job) {
        match self.worker() {
            // The worker ends only after this.
            Ok(sender) => drop(sender.send(job)),
            Err(error) => {
                if !self.no_worker {
                    warn!(
                        "cannot start a thread to compress files: {error}; alerts wait meanwhile"
                    );
                    self.no_worker = true;
                }
                self.work.carry_out(&job);
            }
        }
    }

    fn worker(&mut self) -> io::Result<&Sender<Job>> {
        let (sender, _) = match &mut self.worker {
            Some(worker) => worker,
            none => {
                let (sender, inbox) = channel();
                let work = self.work.clone();
                let run = move || work.run(inbox);
                none.insert((sender, Builder::new().name("rotate".to_owned()).spawn(run)?))
            }
        };
        Ok(sender)
    }

    /// `PATH.TIME`, or if that is taken, compressed or not, `PATH.TIME-2` and so on.
    fn free_name(&mut self, path: &Path, now: Timestamp) -> PathBuf {
        let is_there = |path: PathBuf| fs::symlink_metadata(path).is_ok();
        let taken =
            |name: &Path| ["", ".gz", ".zst"].iter().any(|end| is_there(with_end(name, end)));
        let time = now.strftime(".%Y%m%dT%H%M%SZ").to_string();
        let mut n = if self.last.0 == time { self.last.1 } else { 0 };
        loop {
            n += 1;
            let number = if n > 1 { format!("-{n}") } else { String::new() };
            let name = with_end(path, &format!("{time}{number}"));
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

impl Work {
    fn run(&self, inbox: Receiver<Job>) {
        for job in inbox {
            self.carry_out(&job);
        }
    }

    fn carry_out(&self, job: &Job) {
        let path = match job {
            Job::PutAway(RotatedFile { path, name }) => {
                self.try_to_compress(name);
                path
            }
            Job::Resume(path) => {
                self.finish_interrupted(path);
                path
            }
        };
        if let Err(error) = self.remove_oldest(path) {
            error!("cannot remove old files of {}: {error}", path.display());
        }
    }

    fn try_to_compress(&self, name: &Path) {
        if let Err(error) = self.compress(name) {
            error!("cannot compress {}: {error}; it stays uncompressed", name.display());
        }
    }

    /// Removes incomplete compressed files, and compresses their originals, which are still there.
    fn finish_interrupted(&self, path: &Path) {
        for Interrupted { unfinished, original } in interrupted(path).unwrap_or_default() {
            if let Err(error) = fs::remove_file(&unfinished) {
                warn!("cannot remove {}: {error}", unfinished.display());
            }
            self.try_to_compress(&original);
        }
    }

    /// Compresses into a new file and then removes the old one, so that at any moment one of them is complete
    /// on the disk. A file that was already removed, as one of the oldest, is skipped.
    fn compress(&self, path: &Path) -> io::Result<()> {
        if self.compress == Compress::None || !path.exists() {
            return Ok(());
        }
        let target = with_end(path, self.compress.suffix());
        let unfinished = with_end(&target, PART);
        let written = self.compress_into(path, &unfinished);
        written.and_then(|()| fs::rename(&unfinished, target)).inspect_err(|_| {
            // An incomplete file is useless.
            let _ = fs::remove_file(&unfinished);
        })?;
        sync_dir(dir(path))?;
        fs::remove_file(path)
    }

    fn compress_into(&self, path: &Path, unfinished: &Path) -> io::Result<()> {
        let input = File::open(path)?;
        let old = input.metadata()?;
        // A leftover of a killed process; or a link, which must not be followed.
        let _ = fs::remove_file(unfinished);
        let output =
            OpenOptions::new().write(true).create_new(true).mode(0o600).open(unfinished)?;
        let output = self.compress.copy(&mut BufReader::new(input), BufWriter::new(output))?;
        let output = output.into_inner().map_err(io::IntoInnerError::into_error)?;
        // Only root may change a file's owner.
        let _ = fchown(&output, Some(old.uid()), Some(old.gid()));
        output.set_permissions(Permissions::from_mode(old.mode() & 0o777))?;
        output.sync_all()
    }

    fn remove_oldest(&self, path: &Path) -> io::Result<()> {
        let Some(keep) = self.keep else { return Ok(()) };
        let files = rotated_files(path)?;
        let surplus = files.len().saturating_sub(keep);
        files.iter().take(surplus).try_for_each(fs::remove_file)
    }
}

/// A compression that was not finished.
struct Interrupted {
    unfinished: PathBuf,
    original: PathBuf,
}

/// The compressions that an earlier run did not finish. Their originals are there: one is removed only
/// once its compressed file is complete.
fn interrupted(path: &Path) -> io::Result<Vec<Interrupted>> {
    let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
    let mut found = Vec::new();
    for entry in fs::read_dir(dir(path))? {
        let other = entry?.file_name().to_string_lossy().into_owned();
        let time = other.strip_prefix(&name).and_then(|rest| rest.strip_prefix('.'));
        let time = time
            .and_then(|rest| rest.strip_suffix(PART))
            .and_then(|time| time.strip_suffix(".gz").or(time.strip_suffix(".zst")));
        if let Some(time) = time.filter(|time| sort_key(time).is_some()) {
            let original = with_end(path, &format!(".{time}"));
            if original.exists() {
                found.push(Interrupted { unfinished: dir(path).join(&other), original });
            }
        }
    }
    Ok(found)
}

/// The rotated files, oldest first: their names sort by time.
fn rotated_files(path: &Path) -> io::Result<Vec<PathBuf>> {
    let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
    let mut files = Vec::new();
    for entry in fs::read_dir(dir(path))? {
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

/// The sort key of a rotated file's suffix: its time, then its number. `None` for another suffix.
fn sort_key(ending: &str) -> Option<(String, u32)> {
    let stem = ending.strip_suffix(".gz").or(ending.strip_suffix(".zst")).unwrap_or(ending);
    let (time, number) = stem.split_once('-').unwrap_or((stem, "1"));
    jiff::civil::DateTime::strptime("%Y%m%dT%H%M%SZ", time).ok()?;
    Some((time.to_owned(), number.parse().ok()?))
}
