//! The files with names and rules: found, and how old.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use nix::unistd::{AccessFlags, access};

use super::check::Check;
use super::finding::Finding;
use super::lines::replaced;
use super::permissions::{Secrecy, closed_to_reader, of_fifo, unreadable};
use super::subject::Subject;
use crate::guarded::guarded;
use crate::listen::{ListenError, names_in_force};
use crate::names::{NameFileError, look_at_list, look_at_map};
use crate::rules;

const DAY: Duration = Duration::from_secs(24 * 60 * 60);

/// A map that is older than this probably isn't that of the rules.
const OLD_DAYS: u64 = 365;

/// Where rules and maps are, as a rule.
const USUAL_DIRS: [&str; 4] =
    ["/etc/snort", "/etc/snort/rules", "/usr/local/etc/snort", "/usr/local/etc/rules"];

pub(super) struct Files;

impl Check for Files {
    fn name(&self) -> &'static str {
        "files"
    }

    fn findings(&self, subject: &Subject<'_>) -> Vec<Finding> {
        let names = match names_in_force(&subject.config) {
            Ok(names) => names,
            Err(ListenError::SnortConf { path, source }) => {
                let found = format!("cannot read {}: {source}", path.display());
                return vec![
                    unreadable(&path, &source, Secrecy::Public, subject)
                        .unwrap_or_else(|| Finding::wrong(found, "Pigear doesn't start.")),
                ];
            }
            Err(error) => return vec![Finding::wrong(error.to_string(), "Pigear doesn't start.")],
        };
        let mut findings = Vec::new();
        let class_config = ("--class-config", Kind::List, names.class_config);
        let gen_msg_map = ("--gen-msg-map", Kind::Map, names.gen_msg_map);
        for ((option, kind, file), lacks) in [
            (class_config, "Snort's 38 classes are known; yours are not."),
            (gen_msg_map, "Alerts of decoders and preprocessors may lack messages."),
        ] {
            findings.push(match file {
                Some(path) => NamedFile { path: &path, option, kind }.finding(subject),
                None => missing(option, lacks),
            });
        }
        if names.sid_msg_map.is_empty() {
            findings.push(missing("--sid-msg-map", "Alerts have no references of their rules."));
        }
        let of_file =
            |path: &PathBuf, option, kind| NamedFile { path, option, kind }.finding(subject);
        let maps = names.sid_msg_map.iter();
        findings.extend(maps.map(|path| of_file(path, "--sid-msg-map", Kind::Map)));
        let references = names.reference_config.iter();
        findings.extend(references.map(|path| of_file(path, "--reference-config", Kind::List)));
        let rules = subject.config.rules.iter();
        findings.extend(rules.map(|path| of_file(path, "--rules", Kind::Rules)));
        findings
    }
}

fn missing(option: &str, lacks: &str) -> Finding {
    let found = format!("no file for {option} is configured or beside snort.conf");
    Finding::note(found, lacks).advise(format!("{option} FILE"))
}

/// A file with names or rules.
struct NamedFile<'a> {
    path: &'a Path,
    option: &'static str,
    kind: Kind,
}

/// What a start reads a file as.
#[derive(Clone, Copy)]
enum Kind {
    /// Classes or references.
    List,
    Map,
    Rules,
}

impl NamedFile<'_> {
    fn finding(&self, subject: &Subject<'_>) -> Finding {
        let Self { path, option, .. } = *self;
        if let Some(finding) = of_fifo(path) {
            return finding;
        }
        match self.look() {
            Ok(Contents::Some) => {}
            Ok(Contents::NoRules) => {
                let found = format!("{} ({option}) has no rules", path.display());
                let why = "Pigear starts, and shows alerts without the rules that raised them.";
                let advice = "give a file with rules, or a directory with files named *.rules";
                return Finding::note(found, why).advise(advice);
            }
            Err((at, error)) => return self.refused(&at, &error, subject),
        }
        closed_to_reader(path, Secrecy::Public, subject).unwrap_or_else(|| self.age())
    }

    /// Reads it as a start does.
    fn look(&self) -> Result<Contents, (PathBuf, io::Error)> {
        let of_name = |looked: Result<(), NameFileError>| match looked {
            Ok(()) => Ok(Contents::Some),
            Err(error) => Err((error.path, error.source)),
        };
        match self.kind {
            Kind::List => of_name(look_at_list(self.path)),
            Kind::Map => of_name(look_at_map(self.path)),
            Kind::Rules => match rules::look(self.path) {
                Ok(0) => Ok(Contents::NoRules),
                Ok(_) => Ok(Contents::Some),
                Err(error) => Err((error.path, error.source)),
            },
        }
    }

    fn refused(&self, at: &Path, error: &io::Error, subject: &Subject<'_>) -> Finding {
        let Self { path, option, .. } = *self;
        if let Some(finding) = unreadable(at, error, Secrecy::Public, subject) {
            return finding;
        }
        let found = format!("cannot read {}: {error}", at.display());
        let finding = Finding::wrong(found, "Pigear doesn't start.");
        match (subject.file, at_usual_place(path, option)) {
            (Some(file), Some(found)) if guarded(&found).is_some() => {
                let [from, to] = [path, &found].map(|path| path.to_string_lossy());
                let advice = format!("{option} {}", found.display());
                finding.typed_or(replaced(file, None, &from, &to), advice)
            }
            (_, Some(found)) => finding.advise(format!("{option} {}", found.display())),
            (_, None) => {
                finding.advise(format!("{option} FILE with the right path, or leave it out"))
            }
        }
    }

    fn age(&self) -> Finding {
        let Self { path, option, .. } = *self;
        let changed = fs::metadata(path).and_then(|found| found.modified());
        let changed = changed.unwrap_or(SystemTime::UNIX_EPOCH);
        let age = SystemTime::now().duration_since(changed).unwrap_or_default();
        let days = age.as_secs() / DAY.as_secs();
        let found = format!("{} ({option}): changed {days} days ago", path.display());
        if days > OLD_DAYS {
            let why = "Rules that came since then have no names.";
            return Finding::note(found, why).advise("update it together with the rules");
        }
        Finding::ok(found)
    }
}

/// What a start finds in a file.
enum Contents {
    Some,
    NoRules,
}

/// A file for this option, beside the one that is missing or in a usual directory.
fn at_usual_place(path: &Path, option: &str) -> Option<PathBuf> {
    let names: &[&str] = match option {
        "--sid-msg-map" => &["sid-msg.map", "community-sid-msg.map"],
        "--gen-msg-map" => &["gen-msg.map"],
        "--class-config" => &["classification.config"],
        _ => &[],
    };
    let dirs = path.parent().into_iter().chain(USUAL_DIRS.map(Path::new));
    let mut all = dirs.flat_map(|dir| names.iter().map(move |name| dir.join(name)));
    all.find(|path| path.is_file() && access(path, AccessFlags::R_OK).is_ok())
}
