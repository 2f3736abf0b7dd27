//! Pigear confines itself: to a user, to files, to TCP ports.

use std::fs;
use std::io::Read;
use std::net::TcpListener;
use std::os::unix::fs::MetadataExt;
use std::process::Command;

use nix::sys::signal::Signal;
use nix::unistd::Uid;

use crate::harness::{DEADLINE, NOBODY, Test, is_root, program, until};
use crate::requirements::missing;
use crate::running::Running;
use crate::snort::{PING, can_send, ping, send};

/// Whether the kernel confines; if not, the caller skips its test.
#[track_caller]
fn confines() -> bool {
    let mut running = Test::new().loud().args(["--sandbox", "on", "--count", "1"]).start();
    let socket = running.room().socket();
    until("it runs, or has ended", || can_send(&socket) || running.has_ended());
    if running.has_ended() {
        let (_, ended) = running.end();
        missing(format_args!("there is no Landlock: {}", ended.stderr));
        return false;
    }
    true
}

/// A field of the status of each thread.
fn of_threads(running: &Running, field: &str) -> Vec<String> {
    let tasks = fs::read_dir(format!("/proc/{}/task", running.id())).unwrap();
    let status = |task: fs::DirEntry| {
        let status = fs::read_to_string(task.path().join("status")).unwrap();
        let line = status.lines().find_map(|line| line.strip_prefix(field)).unwrap();
        line.trim_start_matches(':').split_whitespace().collect::<Vec<_>>().join(" ")
    };
    tasks.map(|task| status(task.unwrap())).collect()
}

#[test]
fn all_threads_of_a_confined_pigear_have_no_new_privileges() {
    if !confines() {
        return;
    }
    let args = ["--sandbox", "on", "--store", "alerts.db", "--stats", "stats.json"];
    let mut running = Test::new().loud().args(args).start();
    running.send(&ping());
    running.prints(PING);
    let threads = of_threads(&running, "NoNewPrivs");
    assert!(threads.len() > 5 && threads.iter().all(|it| it == "1"), "{threads:?}");
    let limits = fs::read_to_string(format!("/proc/{}/limits", running.id())).unwrap();
    let core = limits.lines().find(|line| line.starts_with("Max core file size")).unwrap();
    assert_eq!(core.split_whitespace().collect::<Vec<_>>()[4..6], ["0", "0"], "{core}");
    let kept = if Uid::effective().is_root() {
        "capabilities chown, dac_override, fowner, net_bind_service only"
    } else {
        "no capabilities"
    };
    running.warns(&format!(
        "pigear: confined to its files and TCP ports; no new privileges, no core dumps, {kept}\n"
    ));
    running.signal(Signal::SIGTERM);
    let (_, ended) = running.end();
    assert_eq!(ended.status, Some(0), "{}", ended.stderr);
}

/// What the doctor says about the Pigear that has the socket.
fn doctor(running: &Running) -> String {
    let mut command = program();
    command.args(["doctor", "--json", "--logdir"]).arg(running.room().at("log"));
    let report = command.output().unwrap().stdout;
    let report: serde_json::Value = serde_json::from_slice(&report).unwrap();
    let mut findings = report["findings"].as_array().unwrap().iter();
    let finding = findings.find(|finding| finding["check"] == "pigear").unwrap();
    finding["found"].as_str().unwrap().to_owned()
}

/// What a Pigear that stays root does for its own work, as the kernel counts it.
const KEPT: &str = "000000000000040b";
const NOTHING: &str = "0000000000000000";

#[test]
fn a_confined_pigear_that_stays_root_has_no_more_capabilities_than_it_needs() {
    if !is_root("start a program as root") || !confines() {
        return;
    }
    for args in [["--sandbox", "on"], ["--user", "root"]] {
        let mut running = Test::new().args(args).start();
        running.send(&ping());
        running.prints(PING);
        for (field, value) in [
            ("CapEff", KEPT),
            ("CapPrm", KEPT),
            ("CapInh", NOTHING),
            ("CapBnd", NOTHING),
            ("CapAmb", NOTHING),
        ] {
            let threads = of_threads(&running, field);
            assert!(threads.iter().all(|it| it == value), "{args:?}: {field}: {threads:?}");
        }
        running.signal(Signal::SIGTERM);
        assert_eq!(running.end().1.status, Some(0));
    }
}

/// The log directory, its socket and the maps are another user's, and closed to all others.
#[test]
fn a_confined_pigear_that_stays_root_does_its_work_for_another_user() {
    if !is_root("start a program as root") || !confines() {
        return;
    }
    let config = "serve_forever = true\nsandbox = \"on\"\n[names]\nsid_msg_map = \"maps/sids\"\n";
    let test = Test::new().loud().with(|room| {
        fs::create_dir(room.at("maps")).unwrap();
        room.write("maps/pigear.toml", config);
        room.write("maps/sids", "1000134 || ICMP Echo Request one\n");
        for path in ["maps/pigear.toml", "maps/sids"] {
            room.set_mode(path, 0o600);
        }
        for path in ["maps/pigear.toml", "maps/sids", "maps", "log"] {
            room.hand_over(path);
        }
    });
    let mut running = test.args(["--config", "maps/pigear.toml"]).start();
    running.listens();
    running.room().write("maps/pigear.toml", format!("# again\n{config}"));
    running.signal_now(Signal::SIGHUP);
    running.warns("read the configuration again");
    let socket = running.room().socket();
    fs::remove_file(&socket).unwrap();
    until("it is bound again", || can_send(&socket));
    let bound = || fs::metadata(&socket).unwrap();
    until("Snort's user may send", || bound().uid() == NOBODY && bound().mode() & 0o777 == 0o660);
    send(&socket, &ping());
    until("it is handled", || running.stdout_so_far().contains("Echo Request one"));
    running.signal_now(Signal::SIGTERM);
    let (_, ended) = running.end();
    assert_eq!(ended.status, Some(0), "{}", ended.stderr);
    assert!(!ended.stderr.contains("cannot"), "{}", ended.stderr);
    assert!(!socket.exists());
}

#[test]
fn the_doctor_sees_whether_a_pigear_is_confined() {
    if !confines() || !is_root("look at a process whose memory is closed to its user") {
        return;
    }
    for (sandbox, expected) in [
        (
            "on",
            ": confined by Landlock, no new privileges, no capabilities, no core dumps, memory closed to its user",
        ),
        ("off", ": not confined by Landlock, may get new privileges, no capabilities"),
    ] {
        let test = Test::new().loud().without_rights().with(|room| room.hand_over("log"));
        let mut running = test.args(["--sandbox", sandbox]).start();
        running.warns("listening on");
        let found = doctor(&running);
        assert!(found.contains(expected), "{sandbox}: {found}");
        running.signal(Signal::SIGTERM);
        assert_eq!(running.end().1.status, Some(0));
    }
}

#[test]
#[cfg(feature = "metrics")]
fn a_confined_pigear_serves_metrics() {
    if !confines() {
        return;
    }
    let mut running = crate::scrape::measured(Test::new().args(["--sandbox", "on"])).start();
    let address = crate::scrape::address(&mut running);
    assert!(crate::scrape::scrape(address).contains("pigear_"));
    running.signal(Signal::SIGTERM);
    assert_eq!(running.end().1.status, Some(0));
}

#[test]
fn a_confined_pigear_does_all_that_it_should() {
    if !confines() {
        return;
    }
    let receiver = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = receiver.local_addr().unwrap();
    let config = format!(
        "serve_forever = true\nsandbox = \"on\"\nstats = \"stats/s.json\"\n\
         [store]\npath = \"store/a.db\"\nkeep_days = 7\n[names]\nsid_msg_map = \"maps/sids\"\n\
         [[handler]]\ntype = \"file\"\npath = \"files/out\"\nrotate = \"100\"\nkeep = 3\ncompress = \"gzip\"\n\
         [[handler]]\ntype = \"pcap\"\npath = \"files/p.pcapng\"\n\
         [[handler]]\ntype = \"record\"\npath = \"files/r\"\n\
         [[handler]]\ntype = \"print\"\n\
         [[handler]]\ntype = \"syslog\"\ntarget = \"tcp://{address}\"\n"
    );
    let test = Test::new().file("pigear.toml", config).with(|room| {
        for dir in ["stats", "store", "maps", "files"] {
            fs::create_dir(room.at(dir)).unwrap();
        }
        room.write("maps/sids", "1000134 || ICMP Echo Request one\n");
    });
    let mut running = test.args(["--config", "pigear.toml"]).start();
    for _ in 0..5 {
        running.send(&ping());
    }
    let (mut stream, _) = receiver.accept().unwrap();
    stream.set_read_timeout(Some(DEADLINE)).unwrap();
    assert!(stream.read(&mut [0; 100]).unwrap() > 0);
    // A map is replaced by another file, and a log directory is made again.
    running.room().write("maps/new", "1000134 || ICMP Echo Request two\n");
    fs::rename(running.room().at("maps/new"), running.room().at("maps/sids")).unwrap();
    fs::remove_file(running.room().socket()).unwrap();
    until("the new map is used", || {
        send(&running.room().socket(), &ping());
        running.stdout_so_far().contains("ICMP Echo Request two")
    });
    running.signal(Signal::SIGTERM);
    let (room, ended) = running.end();
    assert_eq!(ended.status, Some(0), "{}", ended.stderr);
    let unexpected = ended.stderr.lines().find(|line| !line.contains("log/snort_alert"));
    assert_eq!(unexpected, None, "{}", ended.stderr);
    assert!(room.list("files").len() >= 5, "{:?}", room.list("files"));
    assert!(room.at("stats/s.json").exists());
}

#[test]
fn a_confined_pigear_gets_at_nothing_else() {
    if !confines() {
        return;
    }
    let other = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = other.local_addr().unwrap().port();
    let syslog = |port: u16| {
        format!(
            "sandbox = \"on\"\nserve_forever = true\n[[handler]]\ntype = \"syslog\"\n\
             target = \"tcp://127.0.0.1:{port}\"\n"
        )
    };
    // What it is asked to read later is behind a link.
    let config = format!("{}[names]\nsid_msg_map = \"maps/sids\"\n", syslog(1));
    let test = Test::new().loud().file("pigear.toml", config).with(|room| {
        for dir in ["maps", "secrets"] {
            fs::create_dir(room.at(dir)).unwrap();
        }
        room.write("maps/sids", "1000134 || ICMP Echo Request one\n");
        room.write("secrets/map", "1000134 || a secret\n");
    });
    // The configuration isn't in the directory of the secrets, which would be readable then.
    test.room().write("maps/pigear.toml", test.room().read("pigear.toml"));
    // Temporary files may be written, and the directory of a test is usually among them.
    let temporary = test.room().at("tmp");
    fs::create_dir(&temporary).unwrap();
    let test = test.env("TMPDIR", temporary);
    let mut running = test.args(["--config", "maps/pigear.toml"]).start();
    running.listens();
    fs::remove_file(running.room().at("maps/sids")).unwrap();
    std::os::unix::fs::symlink(running.room().at("secrets/map"), running.room().at("maps/sids"))
        .unwrap();
    running.warns("warning: cannot read maps/sids: Permission denied (os error 13); keeping the previous names\n");
    // Another port needs a restart, and so does another directory.
    running.room().write("maps/pigear.toml", syslog(port));
    running.signal_now(Signal::SIGHUP);
    running.warns(&format!(
        "cannot reload, so the configuration stays as it was: the sandbox doesn't allow TCP port {port}: that needs a restart"
    ));
    let file = "sandbox = \"on\"\nserve_forever = true\n[[handler]]\ntype = \"file\"\npath = \"secrets/out\"\n";
    running.room().write("maps/pigear.toml", file);
    running.signal_now(Signal::SIGHUP);
    running.warns("cannot reload, so the configuration stays as it was: the sandbox doesn't allow secrets: that needs a restart");
    running.signal(Signal::SIGTERM);
    assert_eq!(running.end().1.status, Some(0));
}

#[cfg(feature = "exec")]
#[test]
fn a_program_writes_only_where_it_may() {
    if !confines() {
        return;
    }
    let write = "for dir in may files store; do echo x >$dir/x 2>/dev/null && echo wrote $dir; done; \
        ls / >/dev/null && echo read; sudo -n true 2>/dev/null && echo became root; true";
    let command = format!("command=sh -c '{write}'");
    let test = Test::new().with(|room| {
        for dir in ["may", "files", "store"] {
            fs::create_dir(room.at(dir)).unwrap();
        }
    });
    let dir = test.room().at("may");
    // Temporary files may be written, and the directory of a test is usually among them.
    let temporary = test.room().at("tmp");
    fs::create_dir(&temporary).unwrap();
    let mut running = test
        .args(["--sandbox", "on", "--sandbox-write"])
        .args([dir])
        .args(["--store", "store/a.db", "--debug", "--serve-forever", "--data-handler", "exec"])
        .args([command, "exec.durable=false".to_owned()])
        .env("TMPDIR", temporary)
        .start();
    running.send(&ping());
    running.warns("wrote may");
    running.signal(Signal::SIGTERM);
    let (room, ended) = running.end();
    assert!(ended.stderr.contains("read"), "{}", ended.stderr);
    for unwanted in ["wrote files", "wrote store", "became root"] {
        assert!(!ended.stderr.contains(unwanted), "{}", ended.stderr);
    }
    assert!(!room.at("files/x").exists() && !room.at("store/x").exists());
}

/// Whether the kernel can keep a confined program from sending signals: Linux 6.12.
#[cfg(feature = "exec")]
fn scopes_signals() -> bool {
    let release = fs::read_to_string("/proc/sys/kernel/osrelease").unwrap();
    let mut numbers = release.split(['.', '-']).map_while(|part| part.trim().parse::<u32>().ok());
    (numbers.next().unwrap(), numbers.next().unwrap()) >= (6, 12)
}

#[cfg(feature = "exec")]
#[test]
fn a_program_has_no_capabilities_and_cannot_signal_pigear() {
    if !confines() {
        return;
    }
    let look = "grep -h ^Cap /proc/self/status; kill -0 $PPID 2>/dev/null && echo signals pigear; \
        kill -0 $$ && echo signals itself";
    let mut running = Test::new()
        .args(["--sandbox", "on", "--debug", "--serve-forever", "--data-handler", "exec"])
        .args([format!("command=sh -c '{look}'")])
        .start();
    running.send(&ping());
    running.warns("signals itself");
    running.signal(Signal::SIGTERM);
    let (_, ended) = running.end();
    for field in ["CapInh", "CapPrm", "CapEff", "CapAmb"] {
        assert!(ended.stderr.contains(&format!("{field}:\\x09{NOTHING}")), "{}", ended.stderr);
    }
    assert_eq!(ended.stderr.contains("signals pigear"), !scopes_signals(), "{}", ended.stderr);
}

#[test]
fn a_directory_to_write_to_that_is_not_there_is_an_error() {
    Test::new()
        .args(["--sandbox", "on", "--sandbox-write", "no/dir"])
        .stderr("error: no such directory: no/dir for sandbox_write\nhint: mkdir -p no/dir creates what is missing\n")
        .status(1);
}

#[cfg(feature = "exec")]
#[test]
fn root_is_told_once_that_programs_run_as_root() {
    if !is_root("start a program as root") || !confines() {
        return;
    }
    let warning =
        "programs of exec run as root, without capabilities; --user USER runs them as another user";
    let warnings = |args: &[&str]| {
        let args = ["--sandbox", "on", "--data-handler", "exec"].iter().chain(args);
        let mut running = Test::new().args(args.copied()).start();
        running.listens();
        running.signal(Signal::SIGTERM);
        running.end().1.stderr.matches(warning).count()
    };
    assert_eq!(warnings(&["command=cat"]), 1);
    assert_eq!(warnings(&["--data-handler", "exec", "exec.command=cat", "exec-2.command=cat"]), 1);
    assert_eq!(warnings(&["command=cat", "--user", "nobody"]), 0);
}

#[test]
fn root_binds_the_socket_and_becomes_another_user() {
    if !is_root("become another user") {
        return;
    }
    let test = Test::new().loud().with(|room| {
        room.set_mode("", 0o755);
        fs::create_dir(room.at("out")).unwrap();
        room.hand_over("out");
    });
    let args =
        ["--user", "nobody", "--sandbox", "off", "--data-handler", "file", "path=out/alerts"];
    let mut running = test.args(args).start();
    running.send(&ping());
    running.warns("pigear: runs as nobody\n");
    let alerts = running.room().at("out/alerts");
    until("it is written", || fs::read_to_string(&alerts).is_ok_and(|text| text == PING));
    assert_eq!(fs::metadata(&alerts).unwrap().uid(), NOBODY);
    assert_eq!(
        fs::metadata(running.room().socket()).unwrap().uid(),
        0,
        "that of the log directory"
    );
    let all = |it: u32| [it; 4].map(|it| it.to_string()).join(" ");
    for (field, value) in
        [("Uid", all(NOBODY)), ("CapEff", "0".repeat(16)), ("CapPrm", "0".repeat(16))]
    {
        let threads = of_threads(&running, field);
        assert!(threads.iter().all(|it| *it == value), "{field}: {threads:?}");
    }
    let groups = of_threads(&running, "Groups");
    assert!(groups.iter().all(|it| it == &NOBODY.to_string()), "{groups:?}");
    running.signal(Signal::SIGTERM);
    let (_, ended) = running.end();
    assert_eq!(ended.status, Some(0), "{}", ended.stderr);
}

#[test]
fn a_user_that_does_not_exist_is_an_error() {
    Test::new()
        .args(["--user", "no_such_user"])
        .stderr("error: unknown user \"no_such_user\"\n")
        .status(2);
}

#[test]
fn only_root_becomes_another_user() {
    Test::new()
        .without_rights()
        .args(["--user", "daemon"])
        .stderr(
            "error: --user daemon: only root can become another user\n\
             hint: pigear --help lists commands and options\n",
        )
        .status(2);
}

/// What is said about a secret that all users can read, typed as it is, keeps it from them and not from Pigear's user.
#[cfg(feature = "http")]
#[test]
fn a_configuration_whose_secret_was_hidden_is_still_read_by_the_user() {
    if !is_root("become another user") {
        return;
    }
    let text = "user = 'nobody'\nsandbox = 'off'\n[[source]]\nlogdir = 'log'\n\
        [[handler]]\ntype = 'http'\nurl = 'http://127.0.0.1:1/'\nauth = 'bearer:s3cret'\n";
    let test = Test::bare().loud().file("pigear.toml", text).with(|room| {
        room.set_mode("", 0o755);
        room.set_mode("pigear.toml", 0o644);
        room.hand_over("log");
    });
    let mut running = test.args(["--config", "pigear.toml", "--serve-forever"]).start();
    running.listens();
    running.warns("all users can read the file: ");
    let said = running.stderr_so_far();
    let (_, behind) = said.split_once("all users can read the file: ").unwrap();
    let command = behind.lines().next().unwrap();
    let mut shell = Command::new("sh");
    let typed = shell.args(["-c", command]).current_dir(running.room().path()).status();
    assert!(typed.unwrap().success(), "{command}");
    let mode = fs::metadata(running.room().at("pigear.toml")).unwrap().mode();
    assert_eq!(mode & 0o777, 0o640, "{command}");
    running.signal_now(Signal::SIGHUP);
    running.warns("pigear: read the configuration again");
    running.signal(Signal::SIGTERM);
    let (_, ended) = running.end();
    assert!(!ended.stderr.contains("cannot reload"), "{}", ended.stderr);
}
