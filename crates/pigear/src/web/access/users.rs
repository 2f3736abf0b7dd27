//! The file of users: a line each, `NAME:ROLE:HASH`, where the hash is that of argon2.

use std::collections::BTreeMap;
use std::fs::{self, File};
#[cfg(any(feature = "command", test))]
use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use argon2::Argon2;
use argon2::password_hash::phc::PasswordHash;
use argon2::password_hash::{PasswordHasher, PasswordVerifier};
#[cfg(any(feature = "command", test))]
use nix::fcntl::{Flock, FlockArg};
use serde::Serialize;
use sha2::{Digest, Sha256};
use tracing::warn;
use utoipa::ToSchema;

use crate::input_file::{self, MAX_SMALL};
#[cfg(any(feature = "command", test))]
use crate::output_file;
use crate::visible::visible;

/// Permissions of the file.
#[cfg(any(feature = "command", test))]
const MODE: u32 = 0o600;

/// How a change is signed that no user makes.
#[cfg(any(feature = "command", test))]
const RESERVED: [&str; 2] = ["local", "token"];

/// What a user may do.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Role {
    /// Everything.
    Full,
    /// Look, but change nothing.
    ReadOnly,
}

impl Role {
    fn name(self) -> &'static str {
        match self {
            Self::Full => "full",
            Self::ReadOnly => "read-only",
        }
    }

    fn parse(name: &str) -> Option<Self> {
        [Self::Full, Self::ReadOnly].into_iter().find(|role| role.name() == name)
    }
}

#[derive(Clone, Debug, PartialEq, Eq)]
struct User {
    role: Role,
    hash: String,
}

type Entries = BTreeMap<String, User>;

/// The users. The file is read again when it has changed.
pub(super) struct Users {
    path: PathBuf,
    read: Mutex<Read>,
    /// What the password of a user is compared with that doesn't exist, so that both take the same time.
    nobody: String,
}

struct Read {
    stamp: Option<Stamp>,
    entries: Arc<Entries>,
}

/// Changes when the file does.
type Stamp = (u64, i64, i64, u64);

impl Users {
    /// Reads the file, which must have a user.
    pub(super) fn open(path: &Path) -> Result<Self, String> {
        let stamp = stamp(path);
        let entries = read(path).map_err(|problem| match stamp {
            None => {
                let path = path.display();
                format!("{problem}; `pigear web user add NAME --users {path}` makes it")
            }
            Some(_) => problem,
        })?;
        if entries.is_empty() {
            let path = path.display();
            return Err(format!(
                "{path} has no users; `pigear web user add NAME --users {path}` adds one"
            ));
        }
        let read = Mutex::new(Read { stamp, entries: Arc::new(entries) });
        Ok(Self { path: path.to_owned(), read, nobody: hash("nobody")? })
    }

    /// The role of a user, if there is one of this name.
    pub(super) fn role(&self, name: &str) -> Option<Role> {
        self.entries().get(name).map(|user| user.role)
    }

    /// Changes when the password of a user does.
    pub(super) fn password_mark(&self, name: &str) -> Option<[u8; 32]> {
        self.entries().get(name).map(|user| Sha256::digest(user.hash.as_bytes()).into())
    }

    /// Checks a password, which takes a while, and returns the user's role if it is right.
    pub(super) fn check(
        &self,
        name: String,
        password: String,
    ) -> impl FnOnce() -> Option<Role> + use<> {
        let (entries, nobody) = (self.entries(), self.nobody.clone());
        move || {
            let user = entries.get(&name);
            let hash = user.map_or(nobody.as_str(), |user| &user.hash);
            let hash = PasswordHash::new(hash).ok()?;
            let is_right = Argon2::default().verify_password(password.as_bytes(), &hash).is_ok();
            user.filter(|_| is_right).map(|user| user.role)
        }
    }

    fn entries(&self) -> Arc<Entries> {
        let mut known = self.known();
        let stamp = stamp(&self.path);
        if stamp != known.stamp {
            match read(&self.path) {
                Ok(entries) => known.entries = Arc::new(entries),
                Err(error) if stamp.is_none() => {
                    warn!("nobody can log in: {error}");
                    known.entries = Arc::default();
                }
                // A mistake must not lock everybody out.
                Err(error) => warn!("the users are those of before: {error}"),
            }
            known.stamp = stamp;
        }
        Arc::clone(&known.entries)
    }

    fn known(&self) -> MutexGuard<'_, Read> {
        self.read.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn stamp(path: &Path) -> Option<Stamp> {
    let metadata = fs::metadata(path).ok()?;
    Some((metadata.ino(), metadata.mtime(), metadata.mtime_nsec(), metadata.len()))
}

fn read(path: &Path) -> Result<Entries, String> {
    let text = input_file::read_text(path, MAX_SMALL)
        .map_err(|error| format!("cannot read {}: {error}", path.display()))?;
    parse(&text).map_err(|(line, problem)| format!("{}:{line}: {problem}", path.display()))
}

fn parse(text: &str) -> Result<Entries, (usize, String)> {
    let mut entries = Entries::new();
    for (number, line) in (1..).zip(text.lines()) {
        if line.trim().is_empty() || line.starts_with('#') {
            continue;
        }
        let wrong = |problem: &str| (number, problem.to_owned());
        let form = "expected NAME:ROLE:HASH, as `pigear web user add` writes it";
        let mut parts = line.trim_end().splitn(3, ':');
        let (Some(name), Some(role), Some(hash)) = (parts.next(), parts.next(), parts.next())
        else {
            return Err(wrong(form));
        };
        check_name(name).map_err(|problem| (number, problem))?;
        let role = Role::parse(role).ok_or_else(|| wrong("a role is full or read-only"))?;
        PasswordHash::new(hash).map_err(|_| wrong("the hash is not one of argon2"))?;
        let user = User { role, hash: hash.to_owned() };
        if entries.insert(name.to_owned(), user).is_some() {
            return Err((number, format!("{name} is there twice")));
        }
    }
    Ok(entries)
}

fn check_name(name: &str) -> Result<(), String> {
    let is_plain = |letter: char| letter.is_ascii_alphanumeric() || "-_.@".contains(letter);
    if !name.is_empty() && name.len() <= 64 && name.chars().all(is_plain) {
        return Ok(());
    }
    let name = visible(name.as_bytes());
    Err(format!("{name:?} is not a name: it has 1 to 64 letters, digits, and -_.@"))
}

fn hash(password: &str) -> Result<String, String> {
    let hash = Argon2::default().hash_password(password.as_bytes());
    hash.map(|hash| hash.to_string()).map_err(|error| format!("cannot hash the password: {error}"))
}

/// Adds a user to a file, which is created if there is none, or gives one a new password and role. Returns whether
/// the user was there.
///
/// # Errors
/// If the name is not one, or the file can't be read or written.
#[cfg(any(feature = "command", test))]
pub(crate) fn add(path: &Path, name: &str, password: &str, role: Role) -> Result<bool, String> {
    check_name(name)?;
    if RESERVED.contains(&name) {
        return Err(format!("{name} is what somebody without a user is called; take another name"));
    }
    if password.is_empty() {
        return Err("the password is empty".to_owned());
    }
    let hash = hash(password)?;
    // Until this returns: nobody else adds a user meanwhile, who would be lost.
    let _lock = lock(output_file::dir(path))?;
    let lines = match input_file::read_text(path, MAX_SMALL) {
        Ok(text) => {
            parse(&text)
                .map_err(|(line, problem)| format!("{}:{line}: {problem}", path.display()))?;
            text
        }
        Err(error) if error.kind() == io::ErrorKind::NotFound => String::new(),
        Err(error) => return Err(format!("cannot read {}: {error}", path.display())),
    };
    let line = format!("{name}:{}:{hash}\n", role.name());
    let begin = format!("{name}:");
    let is_other = |line: &&str| !line.starts_with(&begin);
    let others = lines.lines().filter(is_other).flat_map(|line| [line, "\n"]).collect::<String>();
    let was_there = others.lines().count() < lines.lines().count();
    output_file::write_durably(path, MODE, (others + &*line).as_bytes())
        .map_err(|error| format!("cannot write {}: {error}", path.display()))?;
    Ok(was_there)
}

/// Locks a directory, until the result is dropped.
#[cfg(any(feature = "command", test))]
fn lock(dir: &Path) -> Result<Flock<File>, String> {
    let wrong = |error: io::Error| format!("cannot lock {}: {error}", dir.display());
    let file = File::open(dir).map_err(wrong)?;
    Flock::lock(file, FlockArg::LockExclusive).map_err(|(_, errno)| wrong(errno.into()))
}

#[cfg(test)]
mod tests {
    use tempfile::TempDir;

    use super::*;

    #[test]
    fn who_is_added_can_log_in_and_a_change_of_the_file_is_seen() {
        let dir = TempDir::new().unwrap();
        let path = dir.path().join("users");
        assert_eq!(add(&path, "ann", "first", Role::Full), Ok(false));
        let users = Users::open(&path).unwrap();
        let check =
            |name: &str, password: &str| users.check(name.to_owned(), password.to_owned())();
        assert_eq!(check("ann", "first"), Some(Role::Full));
        assert_eq!((check("ann", "secnd"), check("bob", "nobody")), (None, None));
        assert_eq!(add(&path, "bob", "b", Role::ReadOnly), Ok(false));
        assert_eq!(check("bob", "b"), Some(Role::ReadOnly));
        assert_eq!(add(&path, "ann", "second", Role::ReadOnly), Ok(true));
        assert_eq!((check("ann", "first"), check("ann", "second")), (None, Some(Role::ReadOnly)));
        assert_eq!(fs::metadata(&path).unwrap().mode() & 0o777, 0o600);
        fs::write(&path, "").unwrap();
        assert_eq!(users.role("ann"), None);
    }

    #[test]
    fn mistakes_in_the_file_are_named_with_their_line() {
        let hash = hash("x").unwrap();
        for (text, line, part) in [
            ("ann".to_owned(), 1, "NAME:ROLE:HASH"),
            (format!("# who\n\nann:all:{hash}"), 3, "full or read-only"),
            ("ann:full:secret".to_owned(), 1, "not one of argon2"),
            (format!("a b:full:{hash}"), 1, "not a name"),
            (format!("a:full:{hash}\na:full:{hash}"), 2, "twice"),
        ] {
            let (at, problem) = parse(&text).unwrap_err();
            assert!(at == line && problem.contains(part), "{at}: {problem}");
        }
        let dir = TempDir::new().unwrap();
        for (name, password) in [("a:b", "x"), ("", "x"), ("a\n", "x"), ("a", "")] {
            assert!(add(&dir.path().join("users"), name, password, Role::Full).is_err(), "{name}");
        }
    }
}
