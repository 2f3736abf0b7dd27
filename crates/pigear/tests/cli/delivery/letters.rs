//! Dead letters: which are shown, and what becomes of them when they are sent again.

use std::fs;
use std::time::{Duration, Instant};

use super::{end, lane, picky, run};
use crate::harness::{Test, program, until};
use crate::room::Room;
use crate::running::Running;
use crate::snort::{objects, ping, sent};

#[test]
fn a_group_that_is_sent_again_counts_as_all_of_its_alerts() {
    for window in ["exec.group=300ms", "exec.group=0s"] {
        let mut running = picky().args(["exec.group=300ms"]).start();
        (0..3).for_each(|_| running.send(&ping()));
        until("the group is refused", || lane(running.room(), "exec") == Some((0, 1)));
        let (room, _) = end(running);
        // Also where the handler doesn't group any more.
        let running = sends_again(&room, &[window]);
        until("it is delivered", || lane(running.room(), "exec") == Some((0, 0)));
        let (room, _) = end(running);
        let stats = objects(&room.read("stats.json")).swap_remove(0);
        assert_eq!(stats["handlers"]["exec"]["handled"], 3, "{stats}");
        let (lanes, _) = run(&room, &["lanes"]);
        let words: Vec<_> = lanes.lines().nth(1).unwrap().split_whitespace().collect();
        assert_eq!(words[3..5], ["3", "3"], "{lanes}");
    }
}

/// A store in which the handler has refused this many alerts.
fn refused(alerts: u64) -> Room {
    let mut running = picky().start();
    (0..alerts).for_each(|_| running.send(&ping()));
    until("all are refused", || lane(running.room(), "exec") == Some((0, alerts)));
    end(running).0
}

/// A Pigear that sends those of a store again, with a handler that takes all.
fn sends_again(room: &Room, args: &[&str]) -> Running {
    let test = picky().args(args).args(["--stats", "stats.json"]).file("yes", "");
    fs::copy(room.at("a.db"), test.room().at("a.db")).unwrap();
    run(test.room(), &["redeliver"]);
    test.start()
}

#[test]
fn a_limit_leaves_out_no_dead_letter_that_is_sent_again() {
    let room = refused(3);
    for group in [&[][..], &["exec.group=50ms"][..]] {
        let running = sends_again(&room, &[&["exec.limit=1"], group].concat());
        until("none is left", || lane(running.room(), "exec") == Some((0, 0)));
        let (room, _) = end(running);
        let stats = objects(&room.read("stats.json")).swap_remove(0);
        let counts = ["handled", "muted"].map(|name| stats["handlers"]["exec"][name].clone());
        assert_eq!(counts, [3, 0], "{stats}");
    }
}

#[test]
fn what_the_filter_leaves_out_when_it_is_sent_again_stays_a_dead_letter() {
    let room = refused(3);
    for group in [&[][..], &["exec.group=50ms"][..]] {
        let filter = "exec.filter=msg.priority == 77";
        let running = sends_again(&room, &[&[filter], group].concat());
        let letters = |room| run(room, &["query", "--dead-letters"]).0;
        let reason = "exec: the handler's filter leaves it out";
        until("all stay", || letters(running.room()).matches(reason).count() == 3);
        let (room, stderr) = end(running);
        assert_eq!(lane(&room, "exec"), Some((0, 3)));
        let said = "warning: handler exec: 1 dead letter not sent again so far, since the filter leaves \
            out such alerts; they stay dead letters\n";
        assert!(stderr.starts_with(said), "{stderr}");
        let stats = objects(&room.read("stats.json")).swap_remove(0);
        let counts = ["handled", "filtered"].map(|name| stats["handlers"]["exec"][name].clone());
        assert_eq!(counts, [0, 3], "{stats}");
    }
}

#[test]
fn a_running_pigear_without_the_handler_is_not_waited_for() {
    let room = refused(3);
    let other = Test::new().args(["--store", "a.db", "--data-handler", "null"]);
    fs::copy(room.at("a.db"), other.room().at("a.db")).unwrap();
    let mut running = other.start();
    running.listens();
    let begin = Instant::now();
    let (said, status) = redelivered(running.room(), &["--wait", "3600"]);
    assert!(begin.elapsed() < Duration::from_secs(600), "{said}");
    let unused = "pigear: the running Pigear has no durable handler named exec: what is left is sent by one \
        that has, and removed by `pigear lanes drop exec`";
    let sums = "pigear: delivered 0, refused again 0, left 3 (3 still to be sent)";
    let error = "error: no dead letter was delivered";
    assert_eq!((said, status), ([sums, unused, error].join("\n"), Some(1)));
    end(running);
}

#[test]
fn dead_letters_that_a_format_leaves_out_are_counted() {
    let mut running = picky().start();
    running.send(&ping());
    until("it is refused", || lane(running.room(), "exec") == Some((0, 1)));
    let (room, _) = end(running);
    let query = ["query", "--dead-letters", "--format", "json"];
    let (letters, said) = run(&room, &query);
    assert_eq!((letters.lines().count(), &*said), (1, ""));
    let store = rusqlite::Connection::open(room.at("a.db")).unwrap();
    assert_eq!(store.execute("UPDATE dead_letter SET data = x'00'", []).unwrap(), 1);
    drop(store);
    let said = "pigear: 1 dead letter was left out: its alert is damaged\n";
    assert_eq!(run(&room, &query), (String::new(), said.to_owned()));
}

/// Two dead letters, of TCP and of ICMP.
fn two_refused() -> Running {
    let mut running = picky().args(["--sensor", "here"]).start();
    running.send(&sent("v2919/http").swap_remove(0));
    running.send(&ping());
    until("both are refused", || lane(running.room(), "exec") == Some((0, 2)));
    running
}

#[test]
fn dead_letters_of_some_alerts_are_shown() {
    let (room, _) = end(two_refused());
    let shown = |args: &[&str]| {
        let (letters, said) = run(&room, &[&["query", "--dead-letters"], args].concat());
        let lines = letters
            .lines()
            .filter(|line| line.starts_with(' '))
            .map(|line| line.split_whitespace().next().unwrap().parse::<u32>().unwrap());
        (lines.collect::<Vec<_>>(), said)
    };
    let only = |ids: &[u32]| (ids.to_vec(), String::new());
    assert_eq!(shown(&["--sensor", "here"]), only(&[2, 1]));
    for args in [
        &["--proto", "icmp"][..],
        &["--sid", "1:1000134"],
        &["--sid", "1000134", "--sensor", "here"],
        &["--text", "icmp echo"],
        &["--class", "none", "--priority", "3"],
        &["--filter", "alert.proto == \"ICMP\""],
        &["--since", "2025-06-15 18:06:40", "--until", "2025-06-15 18:06:41", "--utc"],
    ] {
        assert_eq!(shown(args), only(&[2]), "{args:?}");
    }
    assert_eq!(shown(&["--proto", "tcp", "--limit", "1"]), only(&[1]));
    let nothing = |args: &[&str], said: &str| {
        assert_eq!(shown(args), (vec![], format!("pigear: {said}\n")), "{args:?}");
    };
    nothing(&["--host", "203.0.113.77"], "no dead letter meets the condition");
    let of_exec = "no dead letter of exec meets the condition";
    nothing(&["--host", "203.0.113.77", "--lane", "exec"], of_exec);
    nothing(&["--proto", "udp", "--port", "1"], "no dead letter meets all conditions");
    let class = "no dead letters found: no stored alert has the class \"nosuch\"; there are ";
    let said = shown(&["--class", "nosuch"]).1;
    assert!(said.starts_with(&format!("pigear: {class}")), "{said}");
    nothing(
        &["--sensor", "x"],
        "no dead letters found: no stored alert has the sensor \"x\"; there are here",
    );
    nothing(&["--sid", "7"], "no dead letters found: no stored alert has sid 7");

    let output = program().args(["query", "--dead-letters", "--starred"]).output().unwrap();
    let stderr = String::from_utf8(output.stderr).unwrap();
    assert!(
        stderr.contains("hint: dead letters can be selected by --lane, and by all"),
        "{stderr}"
    );
}

#[test]
fn dead_letters_as_json_say_who_refused_them_and_why() {
    let (room, _) = end(two_refused());
    let query = ["query", "--dead-letters", "--proto", "icmp", "--format", "json"];
    let (json, _) = run(&room, &query);
    let letter = &objects(&json)[0];
    assert_eq!((&letter["msg"], &letter["handler"]), (&"ICMP Echo Request".into(), &"exec".into()));
    let reason = letter["reason"].as_str().unwrap();
    assert!(reason.contains('3'), "{reason}");
    assert!(letter["refused"].as_str().unwrap().ends_with('Z'), "{letter}");
    let schema = include_str!("../../../../../docs/alert.schema.json");
    let schema = serde_json::from_str(schema).unwrap();
    assert!(jsonschema::validator_for(&schema).unwrap().is_valid(letter), "{letter}");
    // Others have an alert alone.
    let (alerts, _) = run(&room, &["query", "--format", "json"]);
    assert!(objects(&alerts).iter().all(|alert| alert.get("reason").is_none()));
}

/// What `redeliver` says, but for its first line, and its status.
fn redelivered(room: &Room, args: &[&str]) -> (String, Option<i32>) {
    let mut command = program();
    command.args(["redeliver", "--store", "a.db"]).args(args).current_dir(room.path());
    let output = command.output().unwrap();
    let said = String::from_utf8(output.stderr).unwrap();
    (said.lines().skip(1).collect::<Vec<_>>().join("\n"), output.status.code())
}

#[test]
fn a_dead_letter_that_is_found_damaged_when_it_is_sent_is_not_left_to_be_sent() {
    let running = two_refused();
    let store = rusqlite::Connection::open(running.room().at("a.db")).unwrap();
    assert_eq!(store.execute("UPDATE dead_letter SET data = x'00'", []).unwrap(), 2);
    let said = "pigear: 2 dead letters are damaged alerts, and can't be sent again\n\
        pigear: delivered 0, refused again 0, left 2\n\
        error: no dead letter was delivered";
    assert_eq!(redelivered(running.room(), &[]), (said.to_owned(), Some(1)));
    let rows = "SELECT count(*) FROM dead_letter WHERE damaged AND NOT again \
        AND reason LIKE '%; it was refused: %'";
    assert_eq!(store.query_row(rows, [], |row| row.get(0)), Ok(2));
    // Now they are known.
    let said = "pigear: delivered 0, refused again 0, left 2\nerror: no dead letter was delivered";
    assert_eq!(redelivered(running.room(), &[]), (said.to_owned(), Some(1)));
    end(running);
}

#[test]
fn the_status_says_whether_a_running_pigear_delivered_any() {
    let running = two_refused();
    let said = "pigear: delivered 0, refused again 2, left 0\n\
        pigear: `pigear query --dead-letters` shows why they were refused\n\
        error: no dead letter was delivered";
    assert_eq!(redelivered(running.room(), &[]), (said.to_owned(), Some(1)));
    // No more is asked for than to send them.
    assert_eq!(redelivered(running.room(), &["--wait", "0"]).1, Some(0));
    until("they are refused again", || {
        let (letters, _) = run(running.room(), &["query", "--dead-letters"]);
        letters.contains("exec: ")
    });
    fs::write(running.room().at("yes"), "").unwrap();
    assert_eq!(redelivered(running.room(), &[]).1, Some(0));
    let (room, _) = end(running);
    assert_eq!(run(&room, &["redeliver"]).1, "pigear: there are no dead letters\n");
    let room = refused(1);
    let said = "pigear: delivered 0, refused again 0, left 1 (1 still to be sent)";
    assert_eq!(redelivered(&room, &[]), (said.to_owned(), Some(0)));
}

#[test]
fn redeliver_says_at_the_end_what_became_of_all() {
    let running = two_refused();
    let again = "pigear: 2 dead letters of exec are sent again by the running Pigear, or when it next starts\n";
    let said = "pigear: delivered 0, refused again 2, left 0\n\
        pigear: `pigear query --dead-letters` shows why they were refused\n\
        error: no dead letter was delivered";
    assert_eq!(redelivered(running.room(), &[]).0, said);
    let (room, _) = end(running);
    let (_, said) = run(&room, &["redeliver"]);
    let left = "pigear: delivered 0, refused again 0, left 2 (2 still to be sent)\n";
    assert_eq!(said, again.to_owned() + left);
    let store = rusqlite::Connection::open(room.at("a.db")).unwrap();
    let damaged = "UPDATE dead_letter SET damaged = 1, again = 0 WHERE id = 1";
    assert_eq!(store.execute(damaged, []).unwrap(), 1);
    drop(store);
    let (_, said) = run(&room, &["redeliver", "--wait", "0"]);
    let left = "pigear: delivered 0, refused again 0, left 2 (1 still to be sent)\n";
    assert!(said.ends_with(left), "{said}");
}
