//! `pigear doctor`: what stops a start, and what is only not to be seen.

use std::fs;
use std::net::TcpListener;

use nix::unistd::{Uid, chown};

use super::{doctor, wrong};
use crate::harness::{NOBODY, Test, is_root, program};
use crate::room::Room;

/// What is wrong about the start with this configuration, in a room with the directory `log`.
fn stops(room: &Room, text: &str) -> Vec<String> {
    room.write("pigear.toml", format!("{text}\n[[source]]\nlogdir = 'log'\n"));
    wrong(room, "start", &["--config", "pigear.toml"])
}

/// The error of a start with the same configuration.
fn refusal(room: &Room) -> String {
    let mut command = program();
    let output = command.args(["--config", "pigear.toml"]).current_dir(room.path()).output();
    let output = output.unwrap();
    assert_ne!(output.status.code(), Some(0));
    String::from_utf8(output.stderr).unwrap()
}

#[cfg(feature = "exec")]
#[test]
fn a_program_that_is_missing_stops_the_start() {
    let room = Room::new();
    let found = stops(&room, "handler = [{ type = 'exec', command = '/no/program' }]");
    assert_eq!(found, ["pigear.toml:1: handler exec: /no/program does not exist"]);
    assert!(refusal(&room).contains(&found[0]));
}

#[test]
fn all_that_stops_a_start_says_what_to_do() {
    let room = Room::new();
    room.write("file", "x");
    room.write("recording", "x");
    fs::create_dir(room.at("dir")).unwrap();
    for (text, problem) in [
        #[cfg(feature = "exec")]
        ("handler = [{ type = 'exec', command = '/no/program' }]", "/no/program does not exist"),
        #[cfg(feature = "exec")]
        ("handler = [{ type = 'exec', command = './file' }]", "./file is not executable"),
        (
            "handler = [{ type = 'record', path = 'recording' }]",
            "recording exists; a recording never",
        ),
        ("handler = [{ type = 'record', path = 'dir' }]", "dir exists; a recording never"),
        ("handler = [{ type = 'record', path = 'file/x' }]", "file is a file, not a directory"),
        ("handler = [{ type = 'file', path = 'file/x' }]", "file is a file, not a directory"),
        ("handler = [{ type = 'file', path = 'file/x/y' }]", "file is a file, not a directory"),
        ("handler = [{ type = 'pcap', path = 'file/x' }]", "file is a file, not a directory"),
        ("handler = [{ type = 'file', path = 'dir' }]", "cannot open dir: it is a directory"),
        ("stats = 'dir'", "cannot write dir: it is a directory"),
        ("stats = 'file/x'", "file is a file, not a directory"),
        #[cfg(feature = "metrics")]
        ("metrics = '192.0.2.1:9187'", "cannot serve metrics at 192.0.2.1:9187: "),
    ] {
        let found = stops(&room, text);
        assert!(found.len() == 1 && found[0].contains(problem), "{text}: {found:?}");
        let (_, findings) = doctor(&room, "start", &["--config", "pigear.toml"]);
        let says =
            |key: &str| findings[0][key].as_str().is_some_and(|text| !text.starts_with("or "));
        assert!(says("do"), "{findings:?}");
        refusal(&room);
    }
    // A recording gets another name.
    room.write("pigear.toml", "serve_forever = true\n[[source]]\nlogdir = 'log'\n[[handler]]\ntype = 'record'\npath = 'recording'\n");
    let found = wrong(&room, "start", &["--config", "pigear.toml"]);
    assert_eq!(found, Vec::<String>::new());
}

#[test]
fn directories_that_are_missing_stop_the_start() {
    let room = Room::new();
    let handlers = "stats = 'no-stats/a.json'\nhandler = [{ type = 'file', path = 'no-file/a' }, \
        { type = 'pcap', path = 'no-pcap/a' }, { type = 'record', path = 'no-record/a.gz' }]";
    let found = stops(&room, handlers);
    for (name, what) in [
        ("no-stats", "the counters"),
        ("no-file", "handler file (pigear.toml:2)"),
        ("no-pcap", "handler pcap (pigear.toml:2)"),
        ("no-record", "handler record (pigear.toml:2)"),
    ] {
        let expected = format!("the directory {name} for {what} is not there");
        assert!(found.contains(&expected), "{expected} is not in {found:?}");
    }
    assert_eq!(found.len(), 4, "{found:?}");
    assert!(refusal(&room).contains("no such directory: "));
}

#[test]
fn a_directory_that_the_sandbox_would_leave_open_must_be_there() {
    let room = Room::new();
    let found = stops(&room, "sandbox = 'on'\nsandbox_write = ['none']");
    assert_eq!(found, ["the directory none for sandbox_write is not there"]);
    let refused = refusal(&room);
    assert!(refused.starts_with("error: no such directory: none for sandbox_write\n"), "{refused}");
    // Without the sandbox it says nothing.
    assert_eq!(stops(&room, "sandbox_write = ['none']"), Vec::<String>::new());
}

#[test]
fn what_the_user_of_pigear_may_not_write_stops_the_start() {
    if !is_root("make files of root that another user would write") {
        return;
    }
    let room = Room::new();
    room.set_mode("", 0o755);
    fs::create_dir(room.at("pigear")).unwrap();
    let config = "user = 'nobody'\nhandler = [{ type = 'file', path = 'pigear/a' }]";
    room.write("pigear.toml", format!("{config}\n[[source]]\nlogdir = 'log'\n"));
    let (_, findings) = doctor(&room, "start", &["--config", "pigear.toml"]);
    let out = room.at("pigear").canonicalize().unwrap();
    let out = out.display();
    let expected = format!("{out} can't be written by nobody: root:root, mode 0755");
    assert_eq!(findings[0]["found"], expected, "{findings:?}");
    let typed = findings[0]["type"].as_str().unwrap_or_default();
    assert_eq!(typed, format!("chown -h nobody {out}"));
    chown(&room.at("pigear"), Some(Uid::from_raw(NOBODY)), None).unwrap();
    assert_eq!(stops(&room, config), Vec::<String>::new());
    room.write("pigear/a", "");
    let found = stops(&room, config);
    assert_eq!(found, [format!("{out}/a can't be written by nobody: root:root, mode 0644")]);
}

#[cfg(feature = "store")]
#[test]
fn a_store_that_the_user_of_pigear_may_not_make_is_wrong() {
    if !is_root("make files of root that another user would write") {
        return;
    }
    let room = Room::new();
    room.set_mode("", 0o755);
    fs::create_dir(room.at("out")).unwrap();
    room.write("pigear.toml", "user = 'nobody'\n[store]\npath = 'out/a.db'\n");
    let found = wrong(&room, "store", &["--config", "pigear.toml"]);
    assert!(found.len() == 1 && found[0].contains("/out can't be written by nobody"), "{found:?}");
}

#[cfg(feature = "metrics")]
#[test]
fn a_port_that_another_program_has_stops_the_start() {
    let room = Room::new();
    let other = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = other.local_addr().unwrap();
    let config = format!("metrics = '{address}'");
    let found = stops(&room, &config);
    assert!(found.len() == 1, "{found:?}");
    assert!(found[0].starts_with(&format!("cannot serve metrics at {address}: ")), "{found:?}");
    assert!(refusal(&room).contains(&found[0]));
    drop(other);
    // A running Pigear has it itself.
    let metrics = address.to_string();
    let mut running = Test::new().args(["--metrics", metrics.as_str()]).start();
    running.listens();
    running.room().write("pigear.toml", format!("{config}\n[[source]]\nlogdir = 'log'\n"));
    let found = wrong(running.room(), "start", &["--config", "pigear.toml"]);
    assert_eq!(found, Vec::<String>::new());
    running.signal_now(nix::sys::signal::Signal::SIGTERM);
    running.end();
}

#[cfg(all(feature = "web", feature = "store"))]
#[test]
fn a_page_without_its_port_or_files_stops_the_start() {
    let room = Room::new();
    let other = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = other.local_addr().unwrap();
    let page =
        |more: &str| format!("store = {{ path = 'a.db' }}\nhandler = [{{ type = 'web', {more} }}]");
    let found = stops(&room, &page(&format!("listen = '{address}'")));
    let taken = format!(
        "pigear.toml:2: handler web: cannot listen on {address}: another program listens there"
    );
    assert!(found.len() == 1 && found[0].starts_with(&taken), "{found:?}");
    for more in ["users = 'none'", "tls_cert = 'none.pem', tls_key = 'none.key'"] {
        let found = stops(&room, &page(&format!("listen = '127.0.0.1:0', {more}")));
        assert!(found.len() == 1 && found[0].contains("none"), "{more}: {found:?}");
    }
}

#[cfg(feature = "http")]
#[test]
fn a_template_that_is_missing_stops_the_start() {
    let room = Room::new();
    let handler = "handler = [{ type = 'http', url = 'http://127.0.0.1:1/', template = 'none' }]";
    let found = stops(&room, handler);
    assert!(found.len() == 1 && found[0].contains("none"), "{found:?}");
}

#[test]
fn a_log_whose_directory_is_missing_stops_the_start() {
    let room = Room::new();
    room.write("pigear.toml", "[[source]]\ntype = 'unified2'\nfrom = 'none/unified2.log'\n");
    let found = wrong(&room, "start", &["--config", "pigear.toml"]);
    assert!(found.len() == 1, "{found:?}");
    assert!(found[0].starts_with("cannot read the log none/unified2.log: "), "{found:?}");
}

#[cfg(feature = "http")]
#[test]
fn credentials_that_only_the_service_gets_are_not_wrong() {
    let room = Room::new();
    room.write(
        "pigear.toml",
        "[[source]]\nlogdir = 'log'\n[[handler]]\ntype = 'http'\nname = 'siem'\n\
        url = 'http://127.0.0.1:1/'\nauth_file = 'credential:siem'\n",
    );
    for check in ["receivers", "start"] {
        let found = wrong(&room, check, &["--config", "pigear.toml"]);
        assert_eq!(found, Vec::<String>::new(), "{check}");
    }
    let (_, findings) = doctor(&room, "receivers", &["--config", "pigear.toml"]);
    assert_eq!(
        findings[0]["found"],
        "handler siem: not looked at: only the service gets auth_file = \"credential:siem\""
    );
}

#[test]
fn directories_of_packet_threads_are_made_by_pigear() {
    let room = Room::new();
    room.write("pigear.toml", "[[source]]\nlogdir = 'log'\ninstances = 2\nid_subdir = true\n");
    let found = wrong(&room, "socket", &["--config", "pigear.toml"]);
    assert_eq!(found, ["log/0/snort_alert, log/1/snort_alert are not there"]);
}

#[cfg(feature = "store")]
#[test]
fn more_than_the_disk_has_is_not_to_be_kept() {
    let room = Room::new();
    room.write("pigear.toml", "[store]\npath = 'a.db'\nkeep_bytes = '10000TB'\n");
    let (_, findings) = doctor(&room, "store", &["--config", "pigear.toml"]);
    let texts = findings.iter().map(|it| it["found"].as_str().unwrap());
    assert!(texts.clone().any(|it| it.contains("are to be kept, and the disk has room for")));
}

#[cfg(feature = "store")]
#[test]
fn a_store_without_a_version_is_damaged() {
    let mut running = Test::new().args(["--store", "a.db"]).start();
    running.listens();
    running.signal_now(nix::sys::signal::Signal::SIGTERM);
    let (room, _) = running.end();
    let mut store = fs::read(room.at("a.db")).unwrap();
    store[60..64].fill(0);
    fs::write(room.at("a.db"), store).unwrap();
    room.write("pigear.toml", "[store]\npath = 'a.db'\n[[source]]\nlogdir = 'log'\n");
    let found = wrong(&room, "store", &["--config", "pigear.toml"]);
    assert_eq!(found, ["a.db is damaged: its version is 0, which no Pigear writes"]);
    let refused = refusal(&room);
    let expected = "error: cannot use the store a.db: it is damaged: its version is 0, which no Pigear writes\n";
    assert!(refused.starts_with(expected) && !refused.contains("CREATE"), "{refused}");
}

#[cfg(feature = "store")]
#[test]
fn the_store_of_the_running_pigear_is_not_missing() {
    let mut running = Test::new().args(["--store", "a.db"]).start();
    running.listens();
    let log = running.room().at("log");
    let (_, findings) = doctor(running.room(), "store", &["--logdir", log.to_str().unwrap()]);
    let path = running.room().at("a.db").canonicalize().unwrap();
    let expected = format!("process {} was started with --store {}", running.id(), path.display());
    assert_eq!((findings.len(), &findings[0]["found"]), (1, &expected.into()), "{findings:?}");
    running.signal_now(nix::sys::signal::Signal::SIGTERM);
    running.end();
}

#[test]
fn the_environment_counts_as_it_does_for_a_start() {
    let room = Room::new();
    room.write("pigear.toml", "[[source]]\nlogdir = 'elsewhere'\n");
    let said = |name: &str, value: &str| {
        let mut command = program();
        let output = command.arg("doctor").env(name, value).current_dir(room.path()).output();
        String::from_utf8(output.unwrap().stdout).unwrap()
    };
    assert!(said("PIGEAR_CONFIG", "pigear.toml").contains("WRONG  socket: elsewhere: No such"));
    assert!(said("PIGEAR_LOGDIR", "nowhere").contains("WRONG  socket: nowhere: No such"));
}

#[test]
fn a_misspelt_variable_is_warned_of() {
    let said = |name: &str| {
        let mut command = program();
        command.args(["--logdir", "/nonexistent"]).env(name, "x");
        String::from_utf8(command.output().unwrap().stderr).unwrap()
    };
    let expected = "warning: the variable PIGEAR_STROE sets nothing; did you mean PIGEAR_STORE?\n";
    assert!(said("PIGEAR_STROE").starts_with(expected), "{}", said("PIGEAR_STROE"));
    // What a container platform says of a service named pigear.
    assert!(!said("PIGEAR_SERVICE_HOST").contains("PIGEAR_"));
}

#[test]
fn a_misspelt_variable_is_warned_of_where_one_looks_for_it() {
    let room = Room::new();
    room.write("pigear.toml", "[[source]]\nlogdir = 'log'\n");
    let run = |args: &[&str], name: &str| {
        let mut command = program();
        let output = command.args(args).env(name, "x").current_dir(room.path()).output().unwrap();
        let text = |bytes| String::from_utf8(bytes).unwrap();
        (text(output.stdout), text(output.stderr))
    };
    let said = "the variable PIGEAR_STROE sets nothing; did you mean PIGEAR_STORE?";
    let warning = format!("warning: {said}\n");
    let mut all = vec![&["config", "show"][..], &["config", "check", "pigear.toml"]];
    if cfg!(feature = "store") {
        all.push(&["query"]);
    }
    for args in all {
        let (_, stderr) = run(args, "PIGEAR_STROE");
        assert!(stderr.starts_with(&warning), "{args:?}: {stderr}");
    }
    for args in [&["doctor"][..], &["doctor", "--config", "pigear.toml"]] {
        let (stdout, _) = run(args, "PIGEAR_STROE");
        assert!(stdout.contains(&format!("note   configuration: {said}\n")), "{stdout}");
    }
    // It reads no such variable, or none at all.
    for (args, name) in [
        (&["query"][..], "PIGEAR_STATZ"),
        (&["query", "--store", "a.db"], "PIGEAR_STROE"),
        (&["config", "example"], "PIGEAR_STROE"),
    ] {
        assert!(!run(args, name).1.contains("sets nothing"), "{args:?}");
    }
}

#[test]
fn root_needs_no_sudo() {
    if !is_root("be root") {
        return;
    }
    let room = Room::new();
    room.write("pigear.toml", "[store]\npath = 'no/a.db'\n[[source]]\nlogdir = 'nolog'\n");
    let mut command = program();
    command.args(["doctor", "--config", "pigear.toml"]).current_dir(room.path());
    let text = String::from_utf8(command.output().unwrap().stdout).unwrap();
    assert!(!text.contains("sudo "), "{text}");
    let mut clinic = super::clinic::Clinic::new(&[]).unwrap();
    nix::unistd::mkfifo(&clinic.room.at("snort.conf"), nix::sys::stat::Mode::S_IRWXU).unwrap();
    clinic.snort(0, &["-c", "ROOM/snort.conf", "-l", "ROOM/log"]);
    let log = clinic.room.at("log");
    let (_, findings) = doctor(&clinic.room, "snort", &["--logdir", log.to_str().unwrap()]);
    let asked = findings.iter().find(|it| it["found"].as_str().unwrap().contains("may have been"));
    assert!(asked.unwrap()["type"].is_null(), "{findings:?}");
}
