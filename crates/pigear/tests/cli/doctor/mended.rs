//! What the doctor prints, typed as it is printed, mends each broken set-up. docs/doctor.md has the transcripts.

use std::fs;
use std::net::TcpListener;
use std::os::unix::fs::symlink;
use std::os::unix::net::UnixDatagram;
use std::thread;
use std::time::{Duration, Instant};

use insta::assert_snapshot;
use nix::sys::signal::Signal;
use nix::sys::stat::Mode;
use nix::unistd::mkfifo;

use super::clinic::Clinic;
use crate::disk::SmallDisk;
use crate::harness::{NOBODY, Test, until};
#[cfg(feature = "store")]
use crate::running::Running;
#[cfg(feature = "store")]
use crate::snort::can_send;

/// One that looks at the log directory only.
const LOGDIR: [&str; 2] = ["--logdir", "ROOM/log"];

/// The same where Snort runs as a user who could be anyone.
const OF_NOBODY: [&str; 4] = ["--logdir", "ROOM/log", "--snort-user", "nobody"];

#[test]
fn a_missing_directory_is_made() {
    let Some(mut clinic) = Clinic::new(&LOGDIR) else { return };
    fs::remove_dir(clinic.room.at("log")).unwrap();
    assert_snapshot!("missing_directory", clinic.mend());
}

#[test]
fn a_directory_that_is_closed_to_snort_is_opened() {
    let Some(mut clinic) = Clinic::new(&OF_NOBODY) else { return };
    clinic.room.set_mode("log", 0o700);
    clinic.snort(NOBODY, &["-A", "unsock", "-l", "ROOM/log"]);
    assert_snapshot!("closed_directory", clinic.mend());
}

#[test]
fn a_directory_above_that_is_closed_to_snort_is_opened() {
    let Some(mut clinic) = Clinic::new(&OF_NOBODY) else { return };
    clinic.snort(NOBODY, &["-A", "unsock", "-l", "ROOM/log"]);
    clinic.room.set_mode("", 0o700);
    let transcript = clinic.mend();
    assert!(transcript.contains("\n$ chmod o+x /srv\n"), "{transcript}");
}

#[test]
fn a_socket_that_snort_may_not_write_to_is_handed_over() {
    let Some(mut clinic) = Clinic::new(&OF_NOBODY) else { return };
    clinic.treat();
    clinic.snort(NOBODY, &["-A", "unsock", "-l", "ROOM/log"]);
    clinic.room.set_mode("log/snort_alert", 0o600);
    let transcript = clinic.mend();
    let (_, broken) = transcript.split_once("--logdir /srv/log\n$ pigear doctor").unwrap();
    assert_snapshot!("closed_socket", format!("$ pigear doctor{broken}"));
}

#[test]
fn a_snort_whose_alerts_are_refused_is_let_in() {
    let Some(mut clinic) = Clinic::new(&OF_NOBODY) else { return };
    clinic.treat();
    clinic.snort(NOBODY, &["-A", "unsock", "-l", "ROOM/log"]);
    let transcript = clinic.mend();
    assert!(transcript.contains("Pigear refuses what nobody sends"), "{transcript}");
    assert!(transcript.contains("\n$ chown -h nobody /srv/log\n"), "{transcript}");
}

#[test]
fn a_path_that_is_too_long_gets_a_short_name() {
    let long = "x".repeat(110);
    let Some(mut clinic) = Clinic::new(&["--logdir", &format!("ROOM/{long}")]) else { return };
    fs::create_dir(clinic.room.at(&long)).unwrap();
    clinic.treat();
    clinic.with_args(&["--logdir", "ROOM/snort-log"]);
    assert_snapshot!("long_path", clinic.mend().replace(&long, "a-very-long-name"));
}

#[test]
fn a_socket_of_a_dead_pigear_is_replaced() {
    let Some(mut clinic) = Clinic::new(&LOGDIR) else { return };
    drop(UnixDatagram::bind(clinic.room.socket()).unwrap());
    assert_snapshot!("dead_socket", clinic.mend());
}

#[test]
fn what_is_in_the_way_of_the_socket_is_moved() {
    type Put = fn(&std::path::Path);
    let things: [(&str, Put); 4] = [
        ("a named pipe", |path| mkfifo(path, Mode::S_IRWXU).unwrap()),
        ("a directory", |path| fs::create_dir(path).unwrap()),
        ("a symbolic link", |path| symlink("/nowhere", path).unwrap()),
        ("a file", |path| fs::write(path, "x").unwrap()),
    ];
    for (kind, put) in things {
        let Some(mut clinic) = Clinic::new(&LOGDIR) else { return };
        put(&clinic.room.socket());
        // The first free name.
        clinic.room.write("log/snort_alert.old", "");
        let transcript = clinic.mend();
        assert!(transcript.contains("$ mv -nT /srv/log/snort_alert /srv/log/snort_alert.old2\n"));
        assert!(transcript.contains(&format!("is not a socket but {kind}\n")), "{transcript}");
        if kind == "a named pipe" {
            assert_snapshot!("fifo", transcript);
        }
    }
}

#[test]
fn a_mistake_in_the_configuration_is_corrected() {
    let text =
        "serve_forever = true\nstast = \"ROOM/stats.json\"\n[[source]]\nlogdir = \"ROOM/log\"\n";
    let Some(mut clinic) = Clinic::configured(text) else { return };
    assert_snapshot!("mistake", clinic.mend());
}

#[cfg(all(feature = "http", feature = "syslog"))]
#[test]
fn a_secret_that_all_can_read_is_hidden() {
    let text = "[[source]]\nlogdir = \"ROOM/log\"\n[[handler]]\ntype = \"syslog\"\n\
        target = \"unix:ROOM/reader\"\n[[handler]]\ntype = \"http\"\nurl = \"http://127.0.0.1:PORT/\"\n\
        auth = \"bearer:s3cret\"\n";
    let server = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = server.local_addr().unwrap().port().to_string();
    let Some(mut clinic) = Clinic::configured(&text.replace("PORT", &port)) else { return };
    let _reader = UnixDatagram::bind(clinic.room.at("reader")).unwrap();
    clinic.room.set_mode("pigear.toml", 0o644);
    let transcript = clinic.mend();
    assert!(transcript.contains("$ chmod o-r /srv/pigear.toml\n"), "{transcript}");
    assert!(!transcript.contains("s3cret"), "{transcript}");
}

#[test]
fn a_map_that_is_elsewhere_is_found() {
    let text = "[names]\nsid_msg_map = \"ROOM/none.map\"\n[[source]]\nlogdir = \"ROOM/log\"\n";
    let Some(mut clinic) = Clinic::configured(text) else { return };
    clinic.room.write("sid-msg.map", "384 || ICMP PING\n");
    assert_snapshot!("map", clinic.mend());
}

#[cfg(feature = "syslog")]
#[test]
fn a_receiver_that_is_down_is_wrong_until_it_is_there() {
    let text = "[[source]]\nlogdir = \"ROOM/log\"\n[[handler]]\ntype = \"syslog\"\ntarget = \"tcp://PORT\"\n";
    let address = crate::ports::free_address();
    let Some(mut clinic) = Clinic::configured(&text.replace("PORT", &address.to_string())) else {
        return;
    };
    // It can't be known how it is started: that is not typed.
    let lines = clinic.examine();
    assert!(lines.iter().all(|line| line.starts_with("pigear ")), "{lines:?}");
    let _server = TcpListener::bind(address).unwrap();
    assert_snapshot!("receiver", clinic.mend());
}

/// A configuration with a store.
#[cfg(feature = "store")]
const STORED: &str =
    "[[source]]\nlogdir = \"ROOM/log\"\n[store]\npath = \"ROOM/store/alerts.db\"\nkeep_days = 9\n";

#[cfg(feature = "store")]
#[test]
fn a_store_without_a_directory_gets_one() {
    let Some(mut clinic) = Clinic::configured(STORED) else { return };
    assert_snapshot!("store_directory", clinic.mend());
}

#[cfg(feature = "store")]
#[test]
fn a_store_of_a_newer_pigear_is_moved_away() {
    let Some(mut clinic) = Clinic::configured(STORED) else { return };
    fs::create_dir(clinic.room.at("store")).unwrap();
    let path = clinic.room.at("store/alerts.db");
    let mut running = Test::new().args(["--store".into(), path.clone()]).start();
    running.listens();
    running.signal_now(Signal::SIGTERM);
    running.end();
    let store = rusqlite::Connection::open(&path).unwrap();
    store.pragma_update(None, "user_version", 1_000).unwrap();
    drop(store);
    assert_snapshot!("newer_store", clinic.mend());
}

/// Another Pigear that has the store, and receives in another directory.
#[cfg(feature = "store")]
fn another(clinic: &Clinic) -> Running {
    fs::create_dir(clinic.room.at("store")).unwrap();
    fs::create_dir(clinic.room.at("other")).unwrap();
    let args = ["--logdir".into(), clinic.room.at("other")];
    let store = ["--store".into(), clinic.room.at("store/alerts.db")];
    let other = Test::bare().args(args).args(store).start();
    let socket = clinic.room.at("other/snort_alert");
    until("the other one listens", || can_send(&socket));
    until("the other one has the store", || {
        let found = super::wrong(&clinic.room, "store", &["--config", "pigear.toml"]);
        found.iter().any(|it| it.contains("has it locked"))
    });
    other
}

#[cfg(feature = "store")]
#[test]
fn a_pigear_that_receives_keeps_its_store_and_this_one_gets_another() {
    let Some(mut clinic) = Clinic::configured(STORED) else { return };
    let other = another(&clinic);
    let lines = clinic.examine();
    assert!(lines.iter().all(|line| line.starts_with("pigear ")), "{lines:?}");
    let text = clinic.room.read("pigear.toml");
    clinic.room.write("pigear.toml", text.replace("alerts.db", "other.db"));
    assert_snapshot!("locked_store", clinic.mend());
    other.signal_now(Signal::SIGTERM);
    assert_eq!(other.end().1.status, Some(0));
}

#[cfg(feature = "store")]
#[test]
fn a_store_that_a_pigear_without_its_socket_has_is_released() {
    let Some(mut clinic) = Clinic::configured(STORED) else { return };
    let other = another(&clinic);
    // Without the directory it can't bind the socket again.
    fs::rename(clinic.room.at("other"), clinic.room.at("moved")).unwrap();
    // Its end is noticed while the line that is typed waits for it.
    let other = thread::spawn(move || other.end().1.status);
    assert_snapshot!("store_of_leftover", clinic.mend());
    assert_eq!(other.join().unwrap(), Some(0));
}

#[cfg(feature = "store")]
#[test]
fn a_store_that_is_damaged_is_moved_away() {
    let Some(mut clinic) = Clinic::configured(STORED) else { return };
    fs::create_dir(clinic.room.at("store")).unwrap();
    let path = clinic.room.at("store/alerts.db");
    let mut running = Test::new().args(["--store".into(), path.clone()]).start();
    running.listens();
    running.signal_now(Signal::SIGTERM);
    running.end();
    let mut store = fs::read(&path).unwrap();
    // All pages but the first.
    store[4096..].fill(0xff);
    fs::write(&path, store).unwrap();
    let transcript = clinic.mend();
    assert!(
        transcript.contains("mv -nT /srv/store/alerts.db$end /srv/store/alerts.db.old$end; done\n"),
        "{transcript}"
    );
}

#[cfg(feature = "store")]
#[test]
fn a_full_disk_gets_room() {
    let Some(mut clinic) = Clinic::configured(STORED) else { return };
    let Some(_disk) = SmallDisk::mount_of(&clinic.room.at("store"), "1m") else { return };
    assert_snapshot!("full_disk", clinic.mend());
}

/// A configuration whose handlers write to one disk.
const WRITING: &str = "[[source]]\nlogdir = \"ROOM/log\"\n\
    [[handler]]\ntype = \"file\"\npath = \"ROOM/store/alerts.log\"\n\
    [[handler]]\ntype = \"record\"\npath = \"ROOM/store/alerts.rec\"\n";

#[test]
fn a_disk_that_handlers_write_to_is_named_once() {
    let Some(mut clinic) = Clinic::configured(WRITING) else { return };
    let Some(_disk) = SmallDisk::mount_of(&clinic.room.at("store"), "1m") else { return };
    let transcript = clinic.mend();
    let found =
        "WRONG  disk: 1 MiB are free on the disk of /srv/store/alerts.log, /srv/store/alerts.rec\n";
    assert!(
        transcript.matches("are free").count() == 1 && transcript.contains(found),
        "{transcript}"
    );
}

#[cfg(feature = "store")]
#[test]
fn the_store_and_the_files_of_handlers_on_one_disk_are_named_together() {
    let text = format!("{STORED}{}", WRITING.split_once("[[handler]]").unwrap().1).replacen(
        "type = \"file\"",
        "[[handler]]\ntype = \"pcap\"",
        1,
    );
    let Some(mut clinic) = Clinic::configured(&text) else { return };
    let Some(_disk) = SmallDisk::mount_of(&clinic.room.at("store"), "1m") else { return };
    let transcript = clinic.mend();
    let names = ["alerts.db", "alerts.log", "alerts.rec"].map(|name| format!("/srv/store/{name}"));
    let found = format!("WRONG  disk: 1 MiB are free on the disk of {}\n", names.join(", "));
    assert!(
        transcript.matches("are free").count() == 1 && transcript.contains(&found),
        "{transcript}"
    );
}

#[test]
fn what_is_no_file_takes_no_space() {
    let room = crate::room::Room::new();
    room.write("pigear.toml", "[[handler]]\ntype = 'file'\npath = '/dev/full'\n");
    let (_, findings) = super::doctor(&room, "disk", &["--config", "pigear.toml"]);
    assert!(findings.is_empty(), "{findings:?}");
}

#[test]
fn a_snort_that_is_older_than_the_socket_is_started_again() {
    let Some(clinic) = Clinic::new(&LOGDIR) else { return };
    let mut clinic = clinic.treating("is older than");
    clinic.snort(0, &["-A", "unsock", "-l", "ROOM/log"]);
    let began = Instant::now();
    // The kernel says when a process started in whole seconds, more or less.
    until("Snort is older", || began.elapsed() > Duration::from_millis(2_100));
    assert_snapshot!("old_snort", clinic.mend());
}

#[test]
fn a_snort_that_is_not_asked_for_the_socket_is_asked() {
    let Some(mut clinic) = Clinic::new(&LOGDIR) else { return };
    clinic.room.write("snort.conf", "config logdir: log\n");
    clinic.snort(0, &["-c", "ROOM/snort.conf", "-l", "ROOM/log"]);
    assert_snapshot!("unasked_snort", clinic.mend());
}

#[test]
fn the_transcripts_in_the_manual_are_those_of_the_tests() {
    let root = env!("CARGO_MANIFEST_DIR");
    let manual = fs::read_to_string(format!("{root}/../../docs/doctor.md")).unwrap();
    let dir = fs::read_dir(format!("{root}/tests/cli/doctor/snapshots")).unwrap();
    let mut number = 0;
    for entry in dir {
        let text = fs::read_to_string(entry.unwrap().path()).unwrap();
        let transcript = text.splitn(3, "---\n").nth(2).unwrap();
        assert!(manual.contains(&format!("```console\n{transcript}```\n")), "{transcript}");
        number += 1;
    }
    assert_eq!(manual.matches("```console\n$ pigear doctor").count(), number);
}
