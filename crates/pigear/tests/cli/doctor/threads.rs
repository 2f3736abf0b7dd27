//! `pigear doctor`: sockets of packet threads, and sockets that a running Pigear has lost.

use std::fs;

use nix::sys::signal::Signal;

use super::clinic::Clinic;
use super::{at_log, doctor};
use crate::harness::{Test, until};

const SNORT: [&str; 6] = ["-A", "alert_unixsock", "-z", "4", "-l", "ROOM/log"];

#[test]
fn a_snort_with_threads_gets_one_line_which_mends_it() {
    let Some(mut clinic) = Clinic::new(&["--logdir", "ROOM/log"]) else { return };
    clinic.snort(0, &SNORT);
    let transcript = clinic.mend();
    assert_eq!(transcript.matches("WRONG").count(), 1, "{transcript}");
    assert!(transcript.contains("\n$ pigear --logdir /srv/log --instances=4\n"), "{transcript}");
    assert!(clinic.room.at("log/3_snort_alert").exists());
}

#[test]
fn a_pigear_with_too_few_sockets_is_started_with_all() {
    let Some(mut clinic) = Clinic::new(&["--logdir", "ROOM/log"]) else { return };
    clinic.snort(0, &SNORT);
    let log = clinic.room.at("log");
    let mut two = Test::bare().args(["--logdir".into(), log.into_os_string()]);
    two = two.args(["--instances", "2"]);
    let two = two.start();
    until("it listens", || crate::snort::can_send(&clinic.room.at("log/1_snort_alert")));
    let (_, findings) = doctor(&clinic.room, "socket", &["--logdir", &at_log(&clinic.room)]);
    let missing: Vec<_> = findings.iter().filter(|it| it["status"] == "wrong").collect();
    assert_eq!(missing.len(), 1, "{findings:?}");
    let (found, line) = (&missing[0]["found"], missing[0]["type"].as_str().unwrap());
    let expected =
        format!("{0}/2_snort_alert, {0}/3_snort_alert are not there", at_log(&clinic.room));
    assert_eq!(found, &expected);
    let ended = std::thread::spawn(move || two.end().1.status);
    assert!(line.ends_with(" --instances=4") && line.starts_with("kill "), "{line}");
    clinic.mend();
    assert_eq!(ended.join().unwrap(), Some(0));
}

#[test]
fn a_pigear_whose_socket_was_removed_is_named() {
    let mut running = Test::new().start();
    running.listens();
    let is_stopped =
        |id: u32| fs::read_to_string(format!("/proc/{id}/stat")).unwrap().contains(") T ");
    // Otherwise it binds another one.
    running.signal_now(Signal::SIGSTOP);
    until("it stands still", || is_stopped(running.id()));
    fs::remove_file(running.room().socket()).unwrap();
    let (id, log) = (running.id(), at_log(running.room()));
    let (status, findings) = doctor(running.room(), "socket", &["--logdir", &log]);
    let (_, of_pigear) = doctor(running.room(), "pigear", &["--logdir", &log]);
    running.signal_now(Signal::SIGCONT);
    let finding = findings.iter().find(|it| it["status"] == "wrong").unwrap();
    let found = format!(
        "{log}/snort_alert is not there, but pigear (process {id}) listens on what was there"
    );
    assert_eq!((status, &finding["found"]), (Some(1), &found.into()), "{finding}");
    assert!(finding["why"].as_str().unwrap().ends_with("has to be restarted."), "{finding}");
    let line = finding["type"].as_str().unwrap();
    assert!(line.contains(&format!("kill {id} && ")), "{finding}");
    let runs = of_pigear[0]["found"].as_str().unwrap();
    assert!(runs.starts_with(&format!("process {id} runs as ")), "{of_pigear:?}");
    until("it listens again", || crate::snort::can_send(&running.room().socket()));
    running.signal_now(Signal::SIGTERM);
    running.end();
}

#[test]
fn a_pigear_that_may_not_bind_its_socket_again_is_restarted() {
    let text = "user = \"nobody\"\n[[source]]\nlogdir = \"ROOM/log\"\n";
    let Some(mut clinic) = Clinic::configured(text) else { return };
    clinic.room.set_mode("log", 0o755);
    clinic.treat();
    fs::remove_file(clinic.room.socket()).unwrap();
    let transcript = clinic.mend();
    assert!(transcript.contains("listens on what was there"), "{transcript}");
    let line = "$ kill PID && tail --pid=PID -f /dev/null && pigear --config /srv/pigear.toml\n";
    assert!(transcript.contains(line), "{transcript}");
}
