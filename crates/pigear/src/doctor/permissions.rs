//! Files that Pigear needs, and that the user who runs the doctor may not read: Pigear's user may.

use std::env;
use std::fs;
use std::io;
use std::path::Path;

use nix::unistd::Uid;

use super::directories::hidden;
use super::finding::Finding;
use super::lines::{as_root, quoted, word};
use super::running::running;
use super::subject::Subject;
use super::trust::is_known_as_pigears;
use super::users::{Account, owner_and_mode};
use crate::config::HandlerConfig;
use crate::registry::Registry;

/// Who besides Pigear may read a file.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Secrecy {
    /// Anyone.
    Public,
    /// It may have secrets.
    Secret,
}

/// What is found about a file that the user who runs the doctor may not read; none if that isn't the error.
pub(super) fn unreadable(
    path: &Path,
    error: &io::Error,
    secrecy: Secrecy,
    subject: &Subject<'_>,
) -> Option<Finding> {
    if error.kind() != io::ErrorKind::PermissionDenied {
        return None;
    }
    let (Some(user), Ok(metadata)) = (user_of_pigear(subject), fs::metadata(path)) else {
        return Some(hidden(path, subject));
    };
    let (shown, permissions) = (path.display(), owner_and_mode(&metadata));
    let name = &user.name;
    if !user.has_id(Uid::effective().as_raw()) && user.may(&metadata, 4) {
        return Some(Finding::ok(format!("{shown}: {permissions}, so {name} may read it")));
    }
    let found = format!("{shown} can't be read by {name}: {permissions}");
    let file = quoted(path);
    let commands = match secrecy {
        Secrecy::Public => vec![format!("chmod o+r {file}")],
        Secrecy::Secret => {
            vec![format!("chown {} {file}", word(name)), format!("chmod u+r {file}")]
        }
    };
    let finding = Finding::wrong(found, "Pigear runs as this user, and doesn't start.");
    Some(finding.typed(as_root(&commands)))
}

/// Whether a handler reads a credential of the service, which only the service gets.
pub(super) fn needs_credential(handler: &HandlerConfig, registry: &Registry) -> bool {
    credential_of(handler, registry).is_some() && env::var_os("CREDENTIALS_DIRECTORY").is_none()
}

/// The key of a handler that names a credential, and its value.
pub(super) fn credential_of<'h>(
    handler: &'h HandlerConfig,
    registry: &Registry,
) -> Option<(&'static str, &'h str)> {
    let kind = registry.resolve(&handler.kind).ok()?;
    let named = |key| handler.keys.text(key).filter(|text| text.starts_with("credential:"));
    registry.files(kind).iter().find_map(|(key, _)| Some((*key, named(key)?)))
}

/// As whom Pigear runs, if that is known.
pub(super) fn user_of_pigear(subject: &Subject<'_>) -> Option<Account> {
    match &subject.config.privileges.user {
        Some(name) => Account::named(name),
        // A file with secrets may be handed over to this user.
        None => running(subject)
            .filter(|pigear| is_known_as_pigears(pigear, subject))
            .map(|pigear| Account::numbered(pigear.uid)),
    }
}
