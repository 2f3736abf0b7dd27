use std::env;
use std::fs;
use std::path::Path;
use std::process;

use anyhow::anyhow;
use listenfd::ListenFd;
use nix::sys::resource::{Resource, getrlimit};
use pigear_pipeline::source::unix::{BindError, Binding};

use crate::command::failure::Failure;
use crate::listen::{HeldSockets, ListenError};

/// The sockets that systemd passed to this process (`LISTEN_FDS`). Call it before there are threads.
///
/// # Errors
/// If one isn't a Unix datagram socket, or the variables can't be systemd's.
pub(in crate::command) fn passed_sockets() -> Result<HeldSockets, Failure> {
    check_variables(|name| env::var(name).ok(), is_open)?;
    // What takes the descriptors leaves these.
    let names = env::var("LISTEN_FDNAMES").unwrap_or_default();
    let mut names = names.split(':');
    let (mut passed, mut held) = (ListenFd::from_env(), HeldSockets::default());
    for index in 0..passed.len() {
        let name = names.next().filter(|name| !name.is_empty()).unwrap_or("unknown").to_owned();
        let taken = passed.take_unix_datagram(index).map_err(|_| BindError::NoDatagramSocket);
        let bound =
            taken.and_then(|socket| Binding::passed(socket.ok_or(BindError::NoDatagramSocket)?));
        match bound {
            Ok(binding) => held.add(name, binding),
            Err(source) => {
                let number = index + FIRST_DESCRIPTOR;
                return Err(ListenError::Descriptor { number, name, source }.into());
            }
        }
    }
    Ok(held)
}

/// `SD_LISTEN_FDS_START`
const FIRST_DESCRIPTOR: usize = 3;

/// Checks what the variables say, before anything is done for each descriptor: there may be millions.
fn check_variables(
    variable: impl Fn(&str) -> Option<String>,
    is_open: impl Fn(u64) -> bool,
) -> Result<(), Failure> {
    let given = |name| variable(name).filter(|value| !value.is_empty());
    let wrong = |name: &str, value: &str, problem: String| {
        let value = value.chars().take(MAX_SHOWN).collect::<String>();
        let failure = Failure::from(anyhow!("{name}={value}: {problem}"));
        Err(failure
            .with_hint(format!("systemd sets it for what it starts; otherwise: unset {name}")))
    };
    let Some(count) = given("LISTEN_FDS") else { return Ok(()) };
    if let Some(id) = given("LISTEN_PID") {
        match id.parse::<u32>() {
            // They are for another process, which left the variables behind.
            Ok(id) if id != process::id() => return Ok(()),
            Ok(_) => {}
            Err(_) => return wrong("LISTEN_PID", &id, "not the number of a process".to_owned()),
        }
    }
    if let Some(first) = given("LISTEN_FDS_FIRST_FD")
        && first != FIRST_DESCRIPTOR.to_string()
    {
        let problem = format!("systemd's first descriptor is {FIRST_DESCRIPTOR}");
        return wrong("LISTEN_FDS_FIRST_FD", &first, problem);
    }
    let Ok(number) = count.parse::<u32>() else {
        return wrong("LISTEN_FDS", &count, "not a number of sockets".to_owned());
    };
    let last = u64::from(number) + FIRST_DESCRIPTOR as u64 - 1;
    if number > 0 && !is_open(last) {
        let problem = format!("no socket was passed as descriptor {last}");
        return wrong("LISTEN_FDS", &count, problem);
    }
    Ok(())
}

/// More of a value isn't shown.
const MAX_SHOWN: usize = 40;

/// Whether a descriptor of this process is open, or may be where that can't be seen.
fn is_open(number: u64) -> bool {
    let dir = Path::new("/proc/self/fd");
    if dir.exists() {
        return fs::symlink_metadata(dir.join(number.to_string())).is_ok();
    }
    getrlimit(Resource::RLIMIT_NOFILE).is_ok_and(|(soft, _)| number < soft)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn problem(given: &[(&str, &str)]) -> Option<String> {
        let variable = |name: &str| {
            let found = given.iter().find(|(it, _)| *it == name);
            found.map(|(_, value)| (*value).to_owned())
        };
        check_variables(variable, |number| number <= 4).err().map(|failure| failure.text())
    }

    #[test]
    fn as_many_sockets_are_passed_as_there_are() {
        let own = process::id().to_string();
        for count in ["", "0", "1", "2"] {
            assert_eq!(problem(&[("LISTEN_FDS", count), ("LISTEN_PID", &own)]), None, "{count}");
        }
        for (count, expected) in [
            ("3", "LISTEN_FDS=3: no socket was passed as descriptor 5"),
            ("99999999", "LISTEN_FDS=99999999: no socket was passed as descriptor 100000001"),
            ("4294967295", "LISTEN_FDS=4294967295: no socket was passed as descriptor 4294967297"),
            ("4294967296", "LISTEN_FDS=4294967296: not a number of sockets"),
            ("-1", "LISTEN_FDS=-1: not a number of sockets"),
            ("two", "LISTEN_FDS=two: not a number of sockets"),
        ] {
            assert_eq!(problem(&[("LISTEN_FDS", count)]).as_deref(), Some(expected));
            let of_other = problem(&[("LISTEN_FDS", count), ("LISTEN_PID", "1")]);
            assert_eq!(of_other, None, "{count} for another process");
        }
    }

    #[test]
    fn the_other_variables_are_checked_too() {
        let with = |name, value| problem(&[("LISTEN_FDS", "1"), (name, value)]);
        let no_process = "LISTEN_PID=me: not the number of a process";
        assert_eq!(with("LISTEN_PID", "me").as_deref(), Some(no_process));
        let first = with("LISTEN_FDS_FIRST_FD", "-2");
        assert_eq!(
            first.as_deref(),
            Some("LISTEN_FDS_FIRST_FD=-2: systemd's first descriptor is 3")
        );
        assert_eq!(with("LISTEN_FDS_FIRST_FD", "3"), None);
    }
}
