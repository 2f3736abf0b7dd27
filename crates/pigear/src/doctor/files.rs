//! The files with names and rules: found, and how old.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use super::check::Check;
use super::finding::Finding;
use super::guarded::guarded;
use super::lines::replaced;
use super::permissions::{Secrecy, unreadable};
use super::subject::Subject;
use crate::listen::{ListenError, names_in_force};

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
        for (file, option, lacks) in [
            (names.class_config, "--class-config", "Snort's 38 classes are known; yours are not."),
            (
                names.gen_msg_map,
                "--gen-msg-map",
                "Alerts of decoders and preprocessors may lack messages.",
            ),
        ] {
            findings.push(match file {
                Some(file) => of_file(&file, option, subject),
                None => missing(option, lacks),
            });
        }
        if names.sid_msg_map.is_empty() {
            findings.push(missing("--sid-msg-map", "Alerts have no references of their rules."));
        }
        findings
            .extend(names.sid_msg_map.iter().map(|file| of_file(file, "--sid-msg-map", subject)));
        findings.extend(subject.config.rules.iter().map(|file| of_file(file, "--rules", subject)));
        findings
    }
}

fn missing(option: &str, lacks: &str) -> Finding {
    let found = format!("no file for {option} is configured or beside snort.conf");
    Finding::note(found, lacks).advise(format!("{option} FILE"))
}

fn of_file(path: &Path, option: &str, subject: &Subject<'_>) -> Finding {
    let shown = path.display();
    let metadata = match readable(path) {
        Ok(metadata) => metadata,
        Err(error) => {
            if let Some(finding) = unreadable(path, &error, Secrecy::Public, subject) {
                return finding;
            }
            let finding =
                Finding::wrong(format!("cannot read {shown}: {error}"), "Pigear doesn't start.");
            return match (subject.file, at_usual_place(path, option)) {
                (Some(file), Some(found)) if guarded(&found).is_some() => {
                    let [from, to] = [path, &found].map(|path| path.to_string_lossy());
                    finding.typed(replaced(file, None, &from, &to))
                }
                (_, Some(found)) => finding.advise(format!("{option} {}", found.display())),
                (_, None) => {
                    finding.advise(format!("{option} FILE with the right path, or leave it out"))
                }
            };
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
    all.find(|path| readable(path).is_ok())
}

fn readable(path: &Path) -> io::Result<fs::Metadata> {
    nix::unistd::access(path, nix::unistd::AccessFlags::R_OK)?;
    fs::metadata(path)
}
