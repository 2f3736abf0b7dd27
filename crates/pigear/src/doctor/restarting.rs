//! Ends a process, and starts it again.

use std::path::Path;

use super::lines::{as_root, ended, quoted, word};
use super::process::Process;
use crate::guarded::guarded;

/// Ends it, and starts it with the same arguments in the same directory; `None` if others can put another program or
/// directory there. What it was given has to be believed already.
pub(super) fn started_again(process: &Process) -> Option<String> {
    let program = quoted(&guarded(&process.program()?)?);
    let arguments = process.arguments.iter().skip(1).map(|it| format!(" {}", word(it)));
    let command = std::iter::once(program).chain(arguments).collect::<String>();
    let dir = guarded(&process.directory()?)?;
    let dir = match dir.as_path() {
        dir if dir == Path::new("/") => String::new(),
        dir => format!("cd {} && ", quoted(dir)),
    };
    Some(format!("{} && {dir}{}", ended(process.id), as_root(&[command])))
}
