//! Running Snorts: what they were told, and when they started.

use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::Path;

use super::check::Check;
use super::finding::Finding;
use super::process::Process;
use super::subject::Subject;
use super::users::Account;
use crate::config::SourceKind;
use crate::input_file::MAX_CONFIG;
use crate::listen::expected_sockets;
use crate::snort_conf::Included;

/// The clock ticks a second in /proc, on all architectures that Linux has today.
const TICKS: u64 = 100;

/// How Snort 2 and Snort 3 are asked for alerts on a socket.
const OUTPUTS: [&str; 2] = ["unsock", "alert_unixsock"];

pub(super) struct SnortProcesses;

impl Check for SnortProcesses {
    fn name(&self) -> &'static str {
        "snort"
    }

    fn findings(&self, subject: &Subject<'_>) -> Vec<Finding> {
        let snorts = snorts(&subject.proc);
        if snorts.is_empty() {
            let why = "Without it there are no alerts; in another container it can't be seen.";
            let advice =
                "snort -A unsock -l DIR (Snort 2), snort -A alert_unixsock -l DIR (Snort 3)";
            return vec![Finding::note("no process named snort runs", why).advise(advice)];
        }
        snorts.iter().flat_map(|snort| of_snort(snort, subject)).collect()
    }
}

/// The user as whom Snort runs, or would run.
pub(super) fn account_of_snort(proc: &Path) -> Option<Account> {
    let running = snorts(proc).first().map(|snort| Account::numbered(snort.uid));
    running.or_else(|| Account::named("snort"))
}

fn snorts(proc: &Path) -> Vec<Process> {
    let mut all = Process::all(proc);
    all.retain(|process| process.name == "snort" || process.name == "snort3");
    all
}

fn of_snort(snort: &Process, subject: &Subject<'_>) -> Vec<Finding> {
    let named = format!("process {} ({})", snort.id, snort.arguments.join(" "));
    let mut findings = vec![match asks(snort) {
        Asks::Yes => Finding::ok(format!("{named} was told to send alerts to a socket")),
        Asks::No => Finding::wrong(
            format!("{named} was not told to send alerts to a socket"),
            "Neither its arguments nor its configuration ask for it, so nothing comes.",
        )
        .advise("add -A unsock (Snort 2) or -A alert_unixsock (Snort 3) to Snort's arguments"),
        Asks::Unknown => Finding::note(
            format!("{named} may have been told to send alerts to a socket"),
            "Its arguments don't say so, and its configuration can't be read.",
        )
        .advise("sudo pigear doctor"),
    }];
    for source in subject.config.sources.iter().filter(|it| it.kind == SourceKind::Unix) {
        for socket in expected_sockets(source).unwrap_or_default() {
            if started_before(snort, &socket.path, &subject.proc) {
                let found = format!("process {} is older than {}", snort.id, socket.path.display());
                let why =
                    "Snort 2 looks for the socket only when it starts, so it may send nothing.";
                findings.push(Finding::note(found, why).advise("restart Snort if no alerts come"));
            }
        }
    }
    findings
}

enum Asks {
    Yes,
    No,
    Unknown,
}

/// Whether Snort's arguments or its configuration ask for the socket.
fn asks(snort: &Process) -> Asks {
    let words = &snort.arguments;
    if words.iter().any(|word| OUTPUTS.iter().any(|output| word.contains(output))) {
        return Asks::Yes;
    }
    let Some(path) = words.iter().skip_while(|word| *word != "-c").nth(1) else { return Asks::No };
    // The working directory is not looked up: a relative path may be another file.
    match Path::new(path).is_absolute().then(|| Included::read(Path::new(path), MAX_CONFIG)) {
        Some(Ok(included)) if asks_in(&included.text) => Asks::Yes,
        Some(Ok(_)) => Asks::No,
        _ => Asks::Unknown,
    }
}

/// Whether a `snort.conf` or `snort.lua` does.
fn asks_in(text: &str) -> bool {
    let mut lines = text.lines().map(str::trim_start);
    lines.any(|line| {
        let is_lua = line.starts_with("alert_unixsock");
        is_lua || line.starts_with("output") && line.contains("alert_unixsock")
    })
}

/// Whether a Snort started at least a second before something was put at a path.
fn started_before(snort: &Process, socket: &Path, proc: &Path) -> bool {
    let Ok(socket) = fs::symlink_metadata(socket) else { return false };
    let (Some(ticks), Some(boot)) = (snort.started(), boot(proc)) else { return false };
    let started = boot.saturating_add(ticks / TICKS).saturating_add(1);
    u64::try_from(socket.ctime()).is_ok_and(|bound| started < bound)
}

/// When the machine started, in seconds since 1970.
fn boot(proc: &Path) -> Option<u64> {
    let stat = fs::read_to_string(proc.join("stat")).ok()?;
    stat.lines().find_map(|line| line.strip_prefix("btime "))?.trim().parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::{Config, SourceConfig};
    use crate::doctor::finding::Severity;
    use crate::registry::Registry;

    /// What is found about a Snort with these arguments, where `CONF` is a file with this text.
    fn found(arguments: &str, conf: &str) -> Vec<Severity> {
        let room = tempfile::tempdir().unwrap();
        let dir = room.path().join("7");
        fs::create_dir(&dir).unwrap();
        let path = room.path().join("snort.conf");
        fs::write(&path, conf).unwrap();
        let arguments = arguments.replace("CONF", path.to_str().unwrap());
        fs::write(dir.join("comm"), "snort\n").unwrap();
        fs::write(dir.join("cmdline"), arguments.replace(' ', "\0")).unwrap();
        // Started a second after the machine, which started at the beginning of 1970.
        let fields = (4..22).map(|n| n.to_string()).collect::<Vec<_>>().join(" ");
        fs::write(dir.join("stat"), format!("7 (a ) b) S {fields} 100 0")).unwrap();
        fs::write(room.path().join("stat"), "cpu 1\nbtime 1\n").unwrap();
        let logdir = Some(room.path().to_owned());
        let sources = vec![SourceConfig { logdir, ..SourceConfig::default() }];
        let subject = Subject {
            config: Config { sources, ..Config::default() },
            file: None,
            registry: &Registry::builtin(),
            proc: room.path().to_owned(),
        };
        if arguments.contains("-l") {
            fs::write(room.path().join("snort_alert"), "").unwrap();
        }
        let findings = SnortProcesses.findings(&subject);
        findings.into_iter().map(|finding| finding.status).collect()
    }

    #[test]
    fn a_snort_that_is_not_asked_for_the_socket_is_wrong() {
        assert_eq!(found("snort -A unsock", ""), [Severity::Ok]);
        assert_eq!(found("snort -A fast", ""), [Severity::Wrong]);
        assert_eq!(found("snort -c CONF", "# output alert_unixsock\n"), [Severity::Wrong]);
        assert_eq!(found("snort -c CONF", "output alert_unixsock\n"), [Severity::Ok]);
        assert_eq!(found("snort -c CONF", "alert_unixsock = { }\n"), [Severity::Ok]);
        assert_eq!(found("snort -c /none", ""), [Severity::Note]);
    }

    #[test]
    fn a_snort_that_is_older_than_the_socket_is_noted() {
        assert_eq!(found("snort -A unsock -l x", ""), [Severity::Ok, Severity::Note]);
    }
}
