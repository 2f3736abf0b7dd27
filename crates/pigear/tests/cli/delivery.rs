//! Handlers that read from the store.

mod lanes;
mod letters;

use std::fs;
use std::process::Output;

use nix::sys::signal::Signal;

use crate::harness::{Test, program, until};
use crate::room::Room;
use crate::running::Running;
use crate::snort::{PING, objects, ping, sent};

/// What a command about the store `a.db` says, on standard output and error; it ends with status 0.
#[track_caller]
fn run(room: &Room, args: &[&str]) -> (String, String) {
    let mut command = program();
    command.args(args).args(["--store", "a.db"]).current_dir(room.path());
    let Output { stdout, stderr, status } = command.output().unwrap();
    let [stdout, stderr] = [stdout, stderr].map(|text| String::from_utf8(text).unwrap());
    assert_eq!(status.code(), Some(0), "{stderr}");
    (stdout, stderr)
}

/// How many alerts wait for a handler, and how many dead letters it has.
fn lane(room: &Room, name: &str) -> Option<(u64, u64)> {
    let (lanes, _) = run(room, &["lanes"]);
    let line = lanes.lines().find(|line| line.split_whitespace().next() == Some(name))?;
    let mut numbers = line.split_whitespace().skip(1).map(|number| number.parse().unwrap());
    Some((numbers.next()?, numbers.next()?))
}

/// Runs a program on each alert, which it does as long as there is a file `yes`.
const PICKY: [&str; 4] =
    ["--data-handler", "exec", "exec.command=sh -c 'test -e yes || exit 3'", "exec.format=fast"];

fn picky() -> Test {
    Test::new().args(["--store", "a.db"]).args(PICKY)
}

fn end(mut running: Running) -> (Room, String) {
    running.signal(Signal::SIGTERM);
    let (room, ended) = running.end();
    assert_eq!(ended.status, Some(0), "{}", ended.stderr);
    (room, ended.stderr)
}

#[test]
fn what_is_refused_is_a_dead_letter_and_can_be_sent_again() {
    let mut running = picky().start();
    running.send(&ping());
    running.send(&ping());
    until("both are refused", || lane(running.room(), "exec") == Some((0, 2)));

    let (letters, _) = run(running.room(), &["query", "--dead-letters"]);
    let mut lines = letters.lines();
    for id in [2, 1] {
        let head = lines.next().unwrap();
        let (time, reason) = head.split_once(' ').unwrap();
        assert!(time.starts_with("20") && time.ends_with('Z'), "{time}");
        assert_eq!(reason, "exec: sh ended with status 3");
        assert_eq!(
            lines.next().map(|line| format!("{line}\n")),
            Some(format!("     {id}  {PING}"))
        );
    }

    running.room().write("yes", "");
    let (_, said) = run(running.room(), &["redeliver", "--lane", "exec"]);
    let expected = "pigear: 2 dead letters of exec are sent again by the running Pigear, or when it next starts\n\
        pigear: delivered 2, refused again 0, left 0\n";
    assert_eq!(said, expected);
    until("both are taken", || lane(running.room(), "exec") == Some((0, 0)));
    assert_eq!(run(running.room(), &["query", "--dead-letters"]).0, "");
    assert_eq!(run(running.room(), &["redeliver"]).1, "pigear: there are no dead letters\n");

    let (_, stderr) = end(running);
    let logged = "error: handler exec: sh ended with status 3; 1 dead letter so far\n";
    assert!(stderr.starts_with(logged), "{stderr}");
}

#[test]
fn what_was_not_handed_on_is_handed_on_in_the_next_run() {
    let alerts = sent("v2919/icmp_ping");
    // Nobody listens there.
    let target = "syslog.target=tcp://127.0.0.1:9";
    let args = ["--store", "a.db", "--data-handler", "syslog", "--data-handler", "null"];
    let test = Test::new().args(args).args([target, "--stats", "stats.json"]);
    let mut running = test.start();
    for alert in &alerts {
        running.send(alert);
    }
    let count = alerts.len() as u64;
    until("all are stored", || lane(running.room(), "syslog") == Some((count, 0)));
    let (room, stderr) = end(running);
    assert!(stderr.contains("handler syslog") || stderr.contains("Connection refused"), "{stderr}");
    let stats = &objects(&room.read("stats.json"))[0]["handlers"]["syslog"];
    for (counter, expected) in [
        ("handled", 0),
        ("dropped", 0),
        ("failed", 0),
        ("received", count),
        ("waiting", count),
        ("lag", count),
    ] {
        assert_eq!(stats[counter], expected, "{counter}");
    }

    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let target = format!("syslog.target=tcp://{}", listener.local_addr().unwrap());
    let server = std::thread::spawn(move || {
        let (mut stream, _) = listener.accept().unwrap();
        let mut text = String::new();
        std::io::Read::read_to_string(&mut stream, &mut text).unwrap();
        text
    });
    let next = Test::new().args(args).args([&target, "--stats", "stats.json"]);
    fs::copy(room.at("a.db"), next.room().at("a.db")).unwrap();
    let running = next.start();
    until("all are handed on", || lane(running.room(), "syslog") == Some((0, 0)));
    end(running);
    let received = server.join().unwrap();
    assert_eq!(received.matches("[pigear@32473 ").count(), alerts.len());
}

#[test]
fn a_new_handler_begins_now_or_with_the_oldest() {
    let seen = |room: &Room, name: &str| fs::read_to_string(room.at(name)).unwrap_or_default();
    let first = Test::new().args(["--store", "a.db", "--data-handler", "null", "--count", "1"]);
    let room = first.send(ping()).success();
    let args = ["--store", "a.db", "--data-handler", "file", "--data-handler", "second=file"];
    let keys = ["file.path=all", "file.durable=true", "file.from=start", "second.path=new"];
    let test = Test::new().args(args).args(keys).args(["second.durable=true"]);
    fs::copy(room.at("a.db"), test.room().at("a.db")).unwrap();
    let mut running = test.start();
    running.send(&ping());
    until("both have all", || {
        seen(running.room(), "all") == PING.repeat(2) && seen(running.room(), "new") == PING
    });
    end(running);
}

#[test]
fn a_handler_that_is_no_longer_configured_is_named_and_can_be_dropped() {
    let mut running = picky().start();
    running.send(&ping());
    until("it is refused", || lane(running.room(), "exec") == Some((0, 1)));
    let (room, _) = end(running);

    // While no alert waits for it, there is nothing to say.
    let one_more = || ["--store", "a.db", "--data-handler", "null", "--count", "1"];
    let test = Test::new().args(one_more()).send(ping());
    fs::copy(room.at("a.db"), test.room().at("a.db")).unwrap();
    let room = test.success();
    let test = Test::new().args(one_more()).send(ping()).stderr(
        "warning: a.db: 1 alert waits for the handler exec, which isn't configured; it is delivered \
        once it is again. If it is not needed: `pigear lanes drop exec --store a.db`\n",
    );
    fs::copy(room.at("a.db"), test.room().at("a.db")).unwrap();
    let room = test.success();
    // The advice works as it is printed.
    let (_, dropped) = run(&room, &["lanes", "drop", "exec"]);
    let expected = "pigear: 2 alerts that waited for it will not be delivered; they stay in the store\n\
        pigear: its dead letter was removed too\n";
    assert_eq!(dropped, expected);
    assert_eq!(lane(&room, "exec"), None);
    let mut command = program();
    command.args(["--store", "a.db", "lanes", "drop", "exec"]).current_dir(room.path());
    let again = command.output().unwrap();
    assert_eq!(
        (&*String::from_utf8(again.stderr).unwrap(), again.status.code()),
        ("error: no lane named \"exec\"; the store has no lanes\n", Some(1))
    );
}

#[test]
fn a_lane_that_a_running_pigear_uses_is_not_dropped() {
    let mut running = picky().start();
    running.send(&ping());
    until("it is refused", || lane(running.room(), "exec") == Some((0, 1)));
    let drop = |room: &Room, path| {
        let mut command = program();
        command.args(["lanes", "drop", "exec", "--store", path]).current_dir(room.path());
        let output = command.output().unwrap();
        (String::from_utf8(output.stderr).unwrap(), output.status.code())
    };
    std::os::unix::fs::symlink("a.db", running.room().at("link.db")).unwrap();
    for path in ["a.db", "link.db"] {
        let (stderr, status) = drop(running.room(), path);
        let expected = format!(
            "error: cannot use the store {path}: a running Pigear (process {}) delivers from the lane exec\n\
            hint: nothing was changed; stop that Pigear, or take this handler out of its configuration and \
            reload it (SIGHUP), and then drop the lane\n",
            running.id()
        );
        assert_eq!((stderr, status), (expected, Some(1)));
    }
    assert_eq!(lane(running.room(), "exec"), Some((0, 1)));
    let (room, _) = end(running);

    // One that runs without this handler is no hindrance.
    let args = ["--store", "a.db", "--data-handler", "null", "null.durable=true"];
    let test = Test::new().args(args);
    fs::copy(room.at("a.db"), test.room().at("a.db")).unwrap();
    let running = test.start();
    until("the store is open", || lane(running.room(), "null").is_some());
    let expected = "pigear: lane exec was removed; no alerts waited for it\n\
        pigear: its dead letter was removed too\n";
    assert_eq!(drop(running.room(), "a.db"), (expected.to_owned(), Some(0)));
    assert_eq!(lane(running.room(), "exec"), None);
    end(running);
}

#[test]
fn a_position_that_cannot_be_written_at_the_end_is_an_error() {
    for args in [&[][..], &["--serve-forever"]] {
        let test = Test::new().args(["--store", "a.db", "--data-handler", "exec"]).args(args);
        let mut running = test.args(["exec.command=sh -c 'echo >> ran'"]).start();
        let ran = |running: &Running, lines| {
            fs::read(running.room().at("ran")).is_ok_and(|ran| ran.len() == lines)
        };
        running.send(&ping());
        until("it is handled", || ran(&running, 1) && lane(running.room(), "exec") == Some((0, 0)));
        let store = rusqlite::Connection::open(running.room().at("a.db")).unwrap();
        let full =
            "CREATE TRIGGER full BEFORE UPDATE ON lane BEGIN SELECT RAISE(ABORT, 'full'); END";
        store.execute_batch(full).unwrap();
        drop(store);
        running.send(&ping());
        until("the next is handled", || ran(&running, 2));
        running.signal(Signal::SIGTERM);
        let (_, ended) = running.end();
        let said = "error: handler exec: cannot record which alerts it is done with: full; they may be \
            delivered again in the next run\n";
        assert!(ended.stderr.contains(said), "{}", ended.stderr);
        // --serve-forever makes no difference.
        assert!(!ended.stderr.contains("hint: "), "{}", ended.stderr);
        assert_eq!(ended.status, Some(1));
    }
}

#[test]
fn a_handler_that_delivers_to_another_receiver_says_so() {
    let mut running = picky().start();
    running.send(&ping());
    until("it is refused", || lane(running.room(), "exec") == Some((0, 1)));
    let (room, _) = end(running);
    let args = ["--store", "a.db", "--data-handler", "exec", "exec.command=true"];
    let test = Test::new().args(args);
    fs::copy(room.at("a.db"), test.room().at("a.db")).unwrap();
    let mut running = test.start();
    running.warns(
        "warning: a.db: handler exec delivered to sh so far, and now delivers to true: what waits for \
        it, and its dead letters, go there; to keep them apart, give the new handler another name\n",
    );
    end(running);
}

#[test]
fn a_program_that_is_missing_for_a_while_makes_no_dead_letters() {
    let test = Test::new();
    let program = test.room().at("react");
    let write = |room: &Room| {
        room.write("react", "#!/bin/sh\ncat >> got\n");
        room.set_mode("react", 0o755);
    };
    write(test.room());
    let key = format!("command={}", program.display());
    let mut running = test.args(["--store", "a.db", "--data-handler", "exec", &key]).start();
    running.send(&ping());
    let got = running.room().at("got");
    until("it is handled", || got.exists() && lane(running.room(), "exec") == Some((0, 0)));
    fs::remove_file(&program).unwrap();
    running.send(&ping());
    running.warns(&format!(
        "warning: handler exec: cannot start {}: No such file or directory (os error 2); trying again \
        in 100ms\n",
        program.display()
    ));
    assert_eq!(lane(running.room(), "exec"), Some((1, 0)));
    write(running.room());
    until("the other is handled", || lane(running.room(), "exec") == Some((0, 0)));
    let (room, _) = end(running);
    assert_eq!(objects(&room.read("got")).len(), 2);
}

#[test]
fn a_full_disk_makes_no_dead_letters_of_a_durable_file() {
    let args = ["--store", "a.db", "--data-handler", "file", "path=/dev/full", "durable=true"];
    let mut running = Test::new().args(args).start();
    running.send(&ping());
    running.warns(
        "warning: handler file: cannot write /dev/full: No space left on device (os error 28); trying \
        again in 100ms\n",
    );
    assert_eq!(lane(running.room(), "file"), Some((1, 0)));
    let (room, _) = end(running);
    assert_eq!(lane(&room, "file"), Some((1, 0)));
}

#[test]
fn an_alert_that_cannot_be_decoded_is_a_dead_letter_and_the_others_are_delivered() {
    let first = Test::new().args(["--store", "a.db", "--data-handler", "null", "--count", "3"]);
    let room = first.send_all([ping(), ping(), ping()]).success();
    let connection = rusqlite::Connection::open(room.at("a.db")).unwrap();
    connection.execute("UPDATE alert SET data = x'ff' WHERE id = 2", []).unwrap();
    connection.close().unwrap();
    let args = ["--store", "a.db", "--data-handler", "file", "path=all", "durable=true"];
    let next = Test::new().args(args).args(["from=start"]);
    fs::copy(room.at("a.db"), next.room().at("a.db")).unwrap();
    let running = next.start();
    until("it is a dead letter", || lane(running.room(), "file") == Some((0, 1)));
    let (room, stderr) = end(running);
    assert_eq!(room.read("all"), PING.repeat(2));
    assert!(stderr.contains("alert 2 can't be delivered"), "{stderr}");
    let letters = rusqlite::Connection::open(room.at("a.db")).unwrap();
    let kept: Vec<u8> =
        letters.query_row("SELECT data FROM dead_letter", [], |row| row.get(0)).unwrap();
    assert!(kept.ends_with(&[0xff]), "{kept:?}");
}

#[test]
fn a_full_disk_makes_no_dead_letters_of_a_durable_standard_output() {
    let full = std::fs::File::options().write(true).open("/dev/full").unwrap();
    let args = ["--store", "a.db", "--data-handler", "print", "durable=true"];
    let mut running = Test::new().args(args).start_with(full);
    running.send(&ping());
    running.warns(
        "warning: handler print: cannot write to standard output: No space left on device (os error 28); \
        trying again in 100ms\n",
    );
    assert_eq!(lane(running.room(), "print"), Some((1, 0)));
    let (room, _) = end(running);
    assert_eq!(lane(&room, "print"), Some((1, 0)));
}

#[test]
fn the_account_of_a_durable_handler_goes_on_over_several_runs() {
    let total = |room: &Room| {
        let stats = objects(&room.read("stats.json")).swap_remove(0);
        stats["handlers"]["exec"].clone()
    };
    let mut running = picky().args(["--stats", "stats.json"]).start();
    running.send(&ping());
    running.send(&ping());
    until("both are refused", || lane(running.room(), "exec") == Some((0, 2)));
    let (room, _) = end(running);
    let first = total(&room);
    assert_eq!((&first["failed"], &first["received"]), (&2.into(), &2.into()));

    let next = picky().args(["--stats", "stats.json"]).file("yes", "");
    fs::copy(room.at("a.db"), next.room().at("a.db")).unwrap();
    let mut running = next.start();
    running.send(&ping());
    until("it is handled", || lane(running.room(), "exec") == Some((0, 2)));
    let (room, _) = end(running);
    let second = total(&room);
    assert_eq!((&second["handled"], &second["failed"]), (&1.into(), &0.into()));
    let expected = serde_json::json!(
        {"handled": 1, "dropped": 0, "failed": 2, "filtered": 0, "muted": 0}
    );
    assert_eq!(second["total"], expected);
}

#[test]
fn what_makes_no_sense_is_refused() {
    let record = ["--store", "a.db", "--data-handler", "record", "path=r", "durable=true"];
    let cases: [(&[&str], &str); 4] = [
        (&["durable=true"], "durable=true needs a store; give one with --store PATH"),
        (&["from=start"], "from=… is for handlers that get their alerts from a store"),
        (
            &["--store", "a.db", "from=start"],
            "from=… is for handlers that get their alerts from a store",
        ),
        (&record, "it cannot be durable: datagrams are not stored"),
    ];
    for (args, problem) in cases {
        let name = if args.contains(&"record") { "record" } else { "print" };
        Test::new().args(args).stderr(format!("error: handler {name}: {problem}\n")).status(2);
    }
    Test::new()
        .args(["durable=maybe"])
        .stderr(
            "error: durable=maybe: provided string was not `true` or `false`\n\
            hint: pigear --help lists commands and options\n",
        )
        .status(2);
}
