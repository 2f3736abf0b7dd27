use pigear_alert::maps::Names;
use tracing::warn;

use super::loading::{Kind, Loaded};
use super::{FileState, NameFileError, NameFiles};

/// Detects changes of the files.
#[derive(Debug)]
pub struct Watched {
    files: NameFiles,
    loaded: Loaded,
}

impl Watched {
    /// Reads the files, and records their current state.
    ///
    /// # Errors
    /// If a file can't be read.
    pub fn load(files: NameFiles) -> Result<Self, NameFileError> {
        let loaded = Loaded::from(&files)?;
        Ok(Self { files, loaded })
    }

    /// The names that were read last.
    #[must_use]
    pub fn names(&self) -> &Names {
        &self.loaded.names
    }

    /// Reads those files again that changed since, or all if `asked`, but never a pipe: the names that it
    /// had stay as they are. If a file can't be read any more, that is logged once, and the names of its kind
    /// stay as they were: they are the best there are. Returns the names if any were read.
    pub fn reload(&mut self, asked: bool) -> Option<&Names> {
        let mut is_new = false;
        for kind in Kind::ALL {
            if !self.is_due(kind, asked) {
                continue;
            }
            match self.loaded.load(kind, &self.files) {
                Ok(()) => is_new = true,
                Err(error) => warn!("{error}: {}; keeping the previous names", error.source),
            }
        }
        is_new.then_some(&self.loaded.names)
    }

    /// Whether to read the files of this kind again. Also records their current state.
    fn is_due(&mut self, kind: Kind, asked: bool) -> bool {
        let files = self.loaded.files_mut(kind);
        let is_pipe = files.iter().any(|file| file.state == FileState::Pipe);
        let mut is_due = asked && !files.is_empty();
        for file in files {
            let state = FileState::of(&file.path);
            is_due |= state != file.state;
            // So that a file that can't be read is logged once.
            file.state = state;
        }
        is_due && !is_pipe
    }
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::os::unix::fs::PermissionsExt;
    use std::path::Path;

    use pigear_alert::maps::Rule;
    use tempfile::TempDir;

    use super::*;

    const CLASSES: &str = "classification.config";

    fn write(dir: &TempDir, name: &str, text: impl AsRef<[u8]>) {
        fs::write(dir.path().join(name), text).unwrap();
    }

    fn class(name: &str) -> String {
        format!("config classification: {name},A class,1\n")
    }

    /// Watches `snort.conf` for classes, which includes a file of classes that need not be there.
    fn watched(dir: &TempDir, own: &str) -> Watched {
        write(dir, "snort.conf", format!("{own}include {CLASSES}\n"));
        write(dir, "sids", "7 || one\n");
        let files = NameFiles {
            class_config: Some(dir.path().join("snort.conf")),
            sid_msg_map: vec![dir.path().join("sids")],
            ..NameFiles::default()
        };
        Watched::load(files).unwrap()
    }

    /// The short names of the classes, from the first.
    fn classes(names: &Names) -> Vec<&str> {
        (1..).map_while(|number| names.classes.get(number)).map(|class| &*class.name).collect()
    }

    fn message(names: &Names) -> Option<&str> {
        names.rules.get(1, 7).map(Rule::message)
    }

    #[test]
    fn a_file_that_cannot_be_read_leaves_the_changes_of_others() {
        let dir = TempDir::new().unwrap();
        write(&dir, CLASSES, class("old"));
        let mut watched = watched(&dir, "");
        write(&dir, CLASSES, class("newer"));
        fs::remove_file(dir.path().join("sids")).unwrap();
        let names = watched.reload(false).unwrap();
        assert_eq!((classes(names), message(names)), (vec!["newer"], Some("one")));
        assert!(watched.reload(false).is_none(), "nothing changed");
        write(&dir, "sids", "7 || two\n");
        let names = watched.reload(false).unwrap();
        assert_eq!((classes(names), message(names)), (vec!["newer"], Some("two")));
    }

    #[test]
    fn an_included_file_that_was_absent_for_a_while_is_read_again() {
        let dir = TempDir::new().unwrap();
        write(&dir, CLASSES, class("included"));
        let mut watched = watched(&dir, &class("own"));
        assert_eq!(classes(watched.names()), ["own", "included"]);
        fs::remove_file(dir.path().join(CLASSES)).unwrap();
        assert!(watched.reload(false).is_none(), "the names from before are better");
        assert_eq!(classes(watched.names()), ["own", "included"]);
        write(&dir, CLASSES, class("later"));
        assert_eq!(classes(watched.reload(false).unwrap()), ["own", "later"]);
    }

    #[test]
    fn an_included_file_that_comes_later_is_read() {
        let dir = TempDir::new().unwrap();
        let mut watched = watched(&dir, &class("own"));
        assert_eq!(classes(watched.names()), ["own"]);
        write(&dir, CLASSES, class("included"));
        assert_eq!(classes(watched.reload(false).unwrap()), ["own", "included"]);
    }

    #[test]
    fn a_file_that_was_a_directory_for_a_while_is_read_again() {
        let dir = TempDir::new().unwrap();
        let mut watched = watched(&dir, "");
        let sids = dir.path().join("sids");
        fs::remove_file(&sids).unwrap();
        fs::create_dir(&sids).unwrap();
        assert!(watched.reload(false).is_none());
        fs::remove_dir(&sids).unwrap();
        write(&dir, "sids", "7 || two\n");
        assert_eq!(message(watched.reload(false).unwrap()), Some("two"));
    }

    #[test]
    fn new_rights_are_a_change() {
        let dir = TempDir::new().unwrap();
        write(&dir, "sids", "7 || one\n");
        let path: &Path = &dir.path().join("sids");
        let before = FileState::of(path);
        fs::set_permissions(path, fs::Permissions::from_mode(0o600)).unwrap();
        assert_ne!(FileState::of(path), before);
    }
}
