//! The files with names and rules: found, and how old.

use std::fs;
use std::io;
use std::path::Path;
use std::time::{Duration, SystemTime};

use super::check::Check;
use super::finding::Finding;
use super::subject::Subject;
use crate::listen::names_in_force;

const DAY: Duration = Duration::from_secs(24 * 60 * 60);

/// A map that is older than this probably isn't that of the rules.
const OLD_DAYS: u64 = 365;

pub(super) struct Files;

impl Check for Files {
    fn name(&self) -> &'static str {
        "files"
    }

    fn findings(&self, subject: &Subject<'_>) -> Vec<Finding> {
        let names = match names_in_force(&subject.config) {
            Ok(names) => names,
            Err(error) => return vec![Finding::wrong(error.to_string(), "Pigear doesn't start.")],
        };
        let mut findings = Vec::new();
        for (file, option, lacks) in [
            (names.class_config, "--class-config", "Snort's 38 classes are known; yours are not."),
            (
                names.gen_msg_map,
                "--gen-msg-map",
                "Alerts of decoders and preprocessors may lack messages.",
            ),
        ] {
            findings.push(match file {
                Some(file) => of_file(&file, option),
                None => missing(option, lacks),
            });
        }
        if names.sid_msg_map.is_empty() {
            findings.push(missing("--sid-msg-map", "Alerts have no references of their rules."));
        }
        findings.extend(names.sid_msg_map.iter().map(|file| of_file(file, "--sid-msg-map")));
        findings.extend(subject.config.rules.iter().map(|file| of_file(file, "--rules")));
        findings
    }
}

fn missing(option: &str, lacks: &str) -> Finding {
    let found = format!("no file for {option} is configured or beside snort.conf");
    Finding::note(found, lacks).advise(format!("{option} FILE"))
}

fn of_file(path: &Path, option: &str) -> Finding {
    let shown = path.display();
    let metadata = match readable(path) {
        Ok(metadata) => metadata,
        Err(error) => {
            return Finding::wrong(
                format!("cannot read {shown}: {error}"),
                "Pigear doesn't start.",
            )
            .advise(format!("{option} FILE with the right path, or leave it out"));
        }
    };
    let changed = metadata.modified().unwrap_or(SystemTime::UNIX_EPOCH);
    let days =
        SystemTime::now().duration_since(changed).unwrap_or_default().as_secs() / DAY.as_secs();
    let found = format!("{shown} ({option}): changed {days} days ago");
    if days > OLD_DAYS {
        let why = "Rules that came since then have no names.";
        return Finding::note(found, why).advise("update it together with the rules");
    }
    Finding::ok(found)
}

fn readable(path: &Path) -> io::Result<fs::Metadata> {
    nix::unistd::access(path, nix::unistd::AccessFlags::R_OK)?;
    fs::metadata(path)
}
