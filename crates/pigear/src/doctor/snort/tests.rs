use std::os::unix::fs::symlink;

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
        is_known: true,
        file: None,
        registry: &Registry::builtin(),
        snort_user: None,
        misspelt: Vec::new(),
        has_command: |_| false,
        proc: room.path().to_owned(),
    };
    if arguments.contains("-t") {
        symlink("/jail", dir.join("root")).unwrap();
    }
    if arguments.contains("-l") {
        fs::write(room.path().join("snort_alert"), "").unwrap();
    }
    let mut findings = SnortProcesses.findings(&subject);
    // It has no program.
    findings.retain(|finding| !finding.found.starts_with("the version of process 7 is not known"));
    findings.into_iter().map(|finding| finding.status).collect()
}

#[test]
fn a_snort_that_is_not_asked_for_the_socket_is_wrong() {
    assert_eq!(found("snort -A unsock", ""), [Severity::Ok]);
    assert_eq!(found("snort -A fast", ""), [Severity::Wrong]);
    assert_eq!(
        found("snort -c CONF", "# output alert_unixsock\n"),
        [Severity::Wrong, Severity::Note]
    );
    assert_eq!(found("snort -c CONF", "output alert_unixsock\n"), [Severity::Ok, Severity::Note]);
    assert_eq!(found("snort -c CONF", "alert_unixsock = { }\nunified2 = { }\n"), [Severity::Ok; 2]);
    assert_eq!(found("snort -c /none", ""), [Severity::Note]);
}

#[test]
fn a_snort_that_is_older_than_the_socket_is_noted() {
    assert_eq!(found("snort -A unsock -l x", ""), [Severity::Ok, Severity::Note]);
}

#[test]
fn threads_that_pigear_does_not_listen_to_are_wrong() {
    assert_eq!(found("snort -A alert_unixsock -z 1", ""), [Severity::Ok]);
    assert_eq!(found("snort -A alert_unixsock -z 3", ""), [Severity::Ok, Severity::Wrong]);
    let prefixed = "snort -A alert_unixsock --run-prefix=x";
    assert_eq!(found(prefixed, ""), [Severity::Ok, Severity::Wrong]);
    assert_eq!(found("snort -A alert_unixsock --id-subdir", ""), [Severity::Ok, Severity::Wrong]);
}

#[test]
fn a_snort_that_logs_elsewhere_is_only_noted() {
    assert_eq!(found("snort -A fast -l /elsewhere", ""), [Severity::Note]);
    // In a chroot, a path is below it.
    assert_eq!(found("snort -A fast -l /log -t /jail", ""), [Severity::Note]);
}

#[test]
fn a_snort_in_a_chroot_without_the_socket_is_wrong() {
    assert_eq!(found("snort -A unsock -t /jail", ""), [Severity::Ok, Severity::Wrong]);
}
