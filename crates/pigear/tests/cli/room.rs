//! The directory that a test has for itself.

use std::fs::{self, Permissions};
use std::os::unix::fs::{PermissionsExt, chown};
use std::path::{Path, PathBuf};

use nix::unistd::Uid;
use tempfile::TempDir;

use crate::harness::NOBODY;
use crate::snort;

/// The directory that a test has for itself.
pub(crate) struct Room(TempDir);

impl Room {
    pub(crate) fn new() -> Self {
        let room = Self(TempDir::new().unwrap());
        fs::create_dir(room.at("log")).unwrap();
        room
    }

    pub(crate) fn path(&self) -> &Path {
        self.0.path()
    }

    pub(crate) fn at(&self, name: &str) -> PathBuf {
        self.path().join(name)
    }

    pub(crate) fn socket(&self) -> PathBuf {
        self.at("log/snort_alert")
    }

    pub(crate) fn write(&self, name: &str, text: impl AsRef<[u8]>) {
        fs::write(self.at(name), text).unwrap();
    }

    pub(crate) fn read(&self, name: &str) -> String {
        fs::read_to_string(self.at(name)).unwrap_or_else(|error| panic!("{name}: {error}"))
    }

    /// Gives a file to the user as whom a program without rights runs.
    pub(crate) fn hand_over(&self, name: &str) {
        if Uid::effective().is_root() {
            chown(self.at(name), Some(NOBODY), Some(NOBODY)).unwrap();
        }
    }

    pub(crate) fn set_mode(&self, name: &str, mode: u32) {
        fs::set_permissions(self.at(name), Permissions::from_mode(mode)).unwrap();
    }

    /// The names in a directory, sorted.
    pub(crate) fn list(&self, dir: &str) -> Vec<String> {
        let entries = fs::read_dir(self.at(dir)).unwrap();
        let mut names: Vec<_> =
            entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
        names.sort();
        names
    }

    /// Sends a datagram to a socket of this directory, once it is there.
    pub(crate) fn send_to(&self, socket: &str, datagram: &[u8]) {
        snort::send(&self.at(socket), datagram);
    }
}
