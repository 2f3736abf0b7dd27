//! `pigear doctor --listen`: whether alerts come.

use std::os::unix::net::UnixDatagram;
use std::process::{Child, Stdio};

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use serde_json::Value;

use crate::harness::{NOBODY, Test, can_change_user, program, until};
use crate::room::Room;
use crate::senders::send_as;
use crate::snort::{PING, can_send, ping};

fn start(room: &Room, args: &[&str]) -> Child {
    let mut command = program();
    command.args(["doctor", "--json"]).args(args).current_dir(room.path());
    command.stdout(Stdio::piped()).spawn().unwrap()
}

/// What it says about alerts, each as status and text.
fn heard(doctor: Child) -> Vec<(String, String)> {
    let output = doctor.wait_with_output().unwrap();
    let report: Value = serde_json::from_slice(&output.stdout).unwrap();
    let findings = report["findings"].as_array().unwrap().iter();
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    let alerts = findings.filter(|it| it["check"] == "alerts");
    alerts.map(|it| (text(&it["status"]), text(&it["found"]))).collect()
}

#[test]
fn where_nobody_listens_the_doctor_does_and_leaves_no_socket() {
    let room = Room::new();
    let doctor = start(&room, &["--logdir", "log", "--listen", "2"]);
    until("it listens", || can_send(&room.socket()));
    for _ in 0..3 {
        room.send_to("log/snort_alert", &ping());
    }
    room.send_to("log/snort_alert", b"not an alert");
    let heard = heard(doctor);
    assert_eq!(heard[0], ("ok".into(), "3 alerts came in 2s".into()));
    assert_eq!(heard[2], ("wrong".into(), "1 datagram came that are not alerts".into()));
    let sender = format!("(process {}, user ", std::process::id());
    let (status, text) = &heard[1];
    assert!(text.contains(&sender) && status == "ok", "{text}");
    let form = "sent 3 alerts in the form of snort2.9-appid: 3 with addresses, 3 with all numbers of the event";
    assert!(text.ends_with(form), "{text}");
    assert!(room.list("log").is_empty());
}

#[test]
fn a_user_whose_alerts_are_refused_is_named_with_what_lets_it_in() {
    if !can_change_user() {
        return;
    }
    let room = Room::new();
    room.set_mode("", 0o755);
    room.set_mode("log", 0o755);
    room.write("pigear.toml", "[[source]]\nlogdir = 'log'\nsocket_mode = '0666'\n");
    let doctor = start(&room, &["--config", "pigear.toml", "--listen", "3"]);
    send_as(NOBODY, &room);
    let output = doctor.wait_with_output().unwrap();
    let report: Value = serde_json::from_slice(&output.stdout).unwrap();
    let findings = report["findings"].as_array().unwrap();
    let refused = findings.iter().find(|it| it["check"] == "alerts" && it["status"] == "wrong");
    let refused = refused.unwrap_or_else(|| panic!("{report}"));
    assert_eq!(refused["found"], "1 datagram of user nobody came, and was refused");
    // Any user may have sent it, so the directory isn't handed over.
    assert_eq!(refused["type"], Value::Null, "{refused}");
    assert!(refused["do"].as_str().unwrap().contains("--allow-uid nobody"), "{refused}");
}

#[test]
fn a_socket_of_the_same_relative_path_elsewhere_is_another_one() {
    let mut elsewhere = Test::new().start();
    elsewhere.listens();
    let room = Room::new();
    let heard = heard(start(&room, &["--logdir", "log", "--listen", "1"]));
    assert_eq!(heard, [("note".into(), "no alert came in 1s".into())]);
    elsewhere.signal_now(Signal::SIGTERM);
    elsewhere.end();
}

#[test]
fn nothing_is_taken_from_another_program_either() {
    let room = Room::new();
    let other = UnixDatagram::bind(room.socket()).unwrap();
    let sender = UnixDatagram::unbound().unwrap();
    sender.send_to(&ping(), room.socket()).unwrap();
    let heard = heard(start(&room, &["--logdir", "log", "--listen", "1"]));
    let process = format!("(process {}) has the socket", std::process::id());
    assert!(heard[0].1.contains(&process) && heard[0].0 == "note", "{heard:?}");
    assert_eq!(other.recv(&mut vec![0; 70_000]).unwrap(), ping().len());
}

#[test]
fn a_doctor_that_is_interrupted_says_how_long_it_listened_and_leaves_no_socket() {
    let room = Room::new();
    let doctor = start(&room, &["--logdir", "log", "--listen", "3600"]);
    until("it listens", || can_send(&room.socket()));
    let pid = Pid::from_raw(doctor.id().try_into().unwrap());
    kill(pid, Signal::SIGINT).unwrap();
    let heard = heard(doctor);
    assert!(heard[0].0 == "note" && !heard[0].1.contains("3600"), "{heard:?}");
    assert!(room.list("log").is_empty());
}

#[cfg(feature = "metrics")]
#[test]
fn nothing_is_taken_from_a_pigear_that_runs() {
    let address = crate::ports::free_address();
    let config = format!("metrics = \"{address}\"\n[[source]]\nlogdir = \"log\"\n");
    let test = Test::bare().file("pigear.toml", config).args(["--config", "pigear.toml"]);
    let mut running = test.start();
    running.send(&ping());
    let mut doctor = start(running.room(), &["--config", "pigear.toml", "--listen", "2"]);
    let mut sent = 1;
    until("the doctor has ended", || {
        running.send(&ping());
        sent += 1;
        doctor.try_wait().unwrap().is_some()
    });
    let heard = heard(doctor);
    let who =
        format!("pigear (process {}) has the socket, so nothing is taken from it", running.id());
    assert_eq!(heard[0], ("ok".into(), who));
    let (status, text) = &heard[1];
    let number: usize = text.strip_suffix(" alerts came in 2s").unwrap().parse().unwrap();
    assert!(status == "ok" && (1..sent).contains(&number), "{text}, of {sent}");
    running.signal_now(Signal::SIGTERM);
    let (_, ended) = running.end();
    assert_eq!(ended.stdout, PING.repeat(sent));
}

#[test]
fn a_pigear_without_metrics_says_how_it_can_be_seen() {
    let mut running = Test::new().start();
    running.listens();
    let heard = heard(start(running.room(), &["--logdir", "log", "--listen", "1"]));
    assert_eq!(
        heard[1],
        ("note".into(), "it has no metrics, so its counters can't be seen".into())
    );
    running.signal_now(Signal::SIGTERM);
    running.end();
}

#[cfg(feature = "store")]
#[test]
fn a_store_tells_who_sent_what_a_running_pigear_received() {
    let config = "[[source]]\nlogdir = \"log\"\n[store]\npath = \"a.db\"\n";
    let test = Test::bare().file("pigear.toml", config).args(["--config", "pigear.toml"]);
    let mut running = test.start();
    running.listens();
    let mut doctor = start(running.room(), &["--config", "pigear.toml", "--listen", "2"]);
    until("the doctor has ended", || {
        running.send(&ping());
        doctor.try_wait().unwrap().is_some()
    });
    let heard = heard(doctor);
    let (_, text) = heard.last().unwrap();
    assert!(text.contains(&format!("(process {}, user ", std::process::id())), "{text}");
    assert!(text.ends_with(" in the form of snort2.9-appid, which are stored"), "{text}");
    running.signal_now(Signal::SIGTERM);
    running.end();
}
