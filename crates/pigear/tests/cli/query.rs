//! `pigear query`: what is asked, and what is answered when there is nothing.

use std::fs::{self, File};
use std::io::Read;
use std::process::Output;

use nix::pty::openpty;
use nix::sys::signal::Signal;

use crate::harness::{Test, program};
use crate::room::Room;
use crate::snort::{PING, objects, sent};

/// When the alerts of `stored` are from, as messages say it.
const SPAN: &str = "stored alerts span from 2025-06-15 18:06:40+00:00 to 2025-06-15 18:06:41+00:00";

/// What `pigear query --store a.db ARGS` writes: standard output, standard error, status.
fn ask(room: &Room, args: &[&str]) -> (String, String, i32) {
    run(room, &[&["query", "--store", "a.db"], args].concat(), &[])
}

fn run(room: &Room, args: &[&str], variables: &[(&str, &str)]) -> (String, String, i32) {
    let mut command = program();
    command.env("TZ", "UTC").envs(variables.iter().copied());
    let Output { stdout, stderr, status } =
        command.args(args).current_dir(room.path()).output().unwrap();
    let text = |bytes| String::from_utf8(bytes).unwrap();
    (text(stdout), text(stderr), status.code().unwrap())
}

/// Nothing is found, for this reason.
#[track_caller]
fn finds_nothing(room: &Room, args: &[&str], reason: &str) {
    let expected = (String::new(), format!("pigear: no alerts found: {reason}\n"), 0);
    assert_eq!(ask(room, args), expected);
    let counting = [args, &["--count-by", "sid"]].concat();
    assert_eq!(ask(room, &counting), expected, "counts");
    let saving = [args, &["--pcap", "none.pcapng"]].concat();
    let error = format!("error: nothing is written to none.pcapng: {reason}\n");
    assert_eq!(ask(room, &saving), (String::new(), error, 1), "packets");
    assert!(!room.at("none.pcapng").exists());
}

/// It fails, with this on standard error.
#[track_caller]
fn fails(room: &Room, args: &[&str], stderr: &str, status: i32) {
    assert_eq!(ask(room, args), (String::new(), stderr.to_owned(), status));
}

/// A directory with a store in which the alerts of a case are.
fn stored(case: &str) -> Room {
    let alerts = sent(case);
    Test::new()
        .args(["--store", "a.db", "--data-handler", "null", "--count", &alerts.len().to_string()])
        .args(["--sensor", "dmz"])
        .send_all(alerts)
        .success()
}

#[test]
fn an_empty_answer_says_why() {
    let room = stored("v2919/icmp_ping");
    let reason = format!("nothing is stored from that time; {SPAN}");
    finds_nothing(&room, &["--since", "1h"], &reason);
    finds_nothing(&room, &["--since", "yesterday"], &reason);
    finds_nothing(&room, &["--until", "2025-06-15"], &reason);
    let classes = "attempted-recon, bad-unknown, icmp-event, misc-activity, none";
    let class = format!("no stored alert has the class \"trojan\"; there are {classes}");
    finds_nothing(&room, &["--class", "trojan"], &class);
    finds_nothing(&room, &["--sid", "7"], "no stored alert has sid 7");
    finds_nothing(&room, &["--gid", "7"], "no stored alert has gid 7");
    finds_nothing(&room, &["--priority", "9"], "no stored alert has priority 9");
    finds_nothing(&room, &["--text", "sip"], "no stored message contains \"sip\"");
    let sensor = "no stored alert has the sensor \"lan\"; there are dmz";
    finds_nothing(&room, &["--sensor", "lan"], sensor);
    finds_nothing(&room, &["--port", "1"], &format!("no alert meets the condition; {SPAN}"));
    let all = format!("no alert meets all conditions; {SPAN}");
    finds_nothing(&room, &["--port", "1", "--host", "10.0.0.1"], &all);
}

/// Who exports gets no part of the alerts without being told.
#[test]
fn that_there_are_more_is_said_unless_a_limit_was_given() {
    let alerts: Vec<_> = sent("v2919/icmp_ping").into_iter().cycle().take(101).collect();
    let room = Test::new()
        .args(["--store", "a.db", "--data-handler", "null", "--count", "101"])
        .send_all(alerts)
        .success();
    let more = "pigear: these are the newest 100, and there are more: --limit N shows N of them\n";
    for (args, lines, said) in [
        (&["--format", "fast"][..], 100, more),
        (&["--format", "json"], 100, more),
        (&["--format", "fast", "--limit", "100"], 100, ""),
        (&["--format", "fast", "--limit", "101"], 101, ""),
        (&["--format", "fast", "--id", "1,2"], 2, ""),
    ] {
        let (stdout, stderr, status) = ask(&room, args);
        assert_eq!((stdout.lines().count(), &*stderr, status), (lines, said, 0), "{args:?}");
    }
    let first = "2025-06-15T18:06:41Z";
    let (stdout, stderr, _) = ask(&room, &["--format", "fast", "--since", first]);
    assert!(stdout.lines().count() < 100 && stderr.is_empty(), "{stderr}");
}

#[test]
fn a_mistake_in_a_filter_names_the_page_of_filters() {
    let room = stored("v2919/icmp_ping");
    let error = "error: --filter: unknown variable `mgs`; did you mean `msg`?\n  | mgs.sid\n  | ^\n\
        hint: https://github.com/beezz/pigear/blob/HEAD/docs/script.md has all fields and functions\n";
    fails(&room, &["--filter", "mgs.sid"], error, 2);
}

#[test]
fn an_empty_store_says_so() {
    let mut running = Test::new().args(["--store", "a.db", "--data-handler", "null"]).start();
    running.signal(Signal::SIGTERM);
    let (room, _) = running.end();
    finds_nothing(&room, &[], "the store is empty");
    fails(&room, &["--packet", "1"], "error: there is no alert 1 in the store; it is empty\n", 1);
    fails(&room, &["--dead-letters"], "pigear: there are no dead letters\n", 0);
    let lane = ["--dead-letters", "--lane", "nope"];
    fails(&room, &lane, "error: no lane named \"nope\"; the store has no lanes\n", 1);
}

#[test]
fn a_reversed_span_is_refused() {
    let room = stored("v2919/icmp_ping");
    let args = ["--since", "2025-06-16", "--until", "2025-06-15 12:00"];
    let times = "--since is 2025-06-16T00:00:00Z, and --until is 2025-06-15T12:00:00Z";
    let error = format!(
        "error: {times}: --since must be the earlier one\nhint: pigear --help lists commands and options\n"
    );
    fails(&room, &args, &error, 2);
}

#[test]
fn a_time_is_local_unless_utc_is_asked_for() {
    let room = stored("v2919/icmp_ping");
    let args = ["query", "--store", "a.db", "--limit", "1", "--since", "2025-06-15 19:00"];
    let east = [("TZ", "Etc/GMT-2")];
    let (stdout, stderr, _) = run(&room, &args, &east);
    assert!(stdout.starts_with("    27  2025-06-15T18:06:41.146548Z"), "{stdout}{stderr}");
    let (stdout, stderr, _) = run(&room, &[&args[..], &["--utc"]].concat(), &east);
    assert_eq!(stdout, "");
    assert!(
        stderr.contains(
            "nothing is stored from that time; stored alerts span from 2025-06-15 18:06:40+00:00"
        ),
        "{stderr}"
    );
}

#[test]
fn a_terminal_shows_local_time_unless_utc_is_asked_for() {
    let room = stored("v2919/icmp_ping");
    let shown = |args: &[&str]| {
        let terminal = openpty(None, None).unwrap();
        let mut command = program();
        command.args(["query", "--store", "a.db"]).args(args).current_dir(room.path());
        command.envs([("TZ", "Etc/GMT-2"), ("NO_COLOR", "1")]).stdout(terminal.slave);
        assert!(command.status().unwrap().success());
        drop(command);
        let mut bytes = Vec::new();
        // A terminal without a writer ends with an error.
        let _ = File::from(terminal.master).read_to_end(&mut bytes);
        String::from_utf8(bytes).unwrap()
    };
    assert!(shown(&["--id", "1"]).starts_with("     1  2025-06-15T20:06:40.999998+02:00 [**]"));
    assert!(shown(&["--id", "1", "--utc"]).starts_with("     1  2025-06-15T18:06:40.999998Z [**]"));
    assert!(shown(&["--packet", "1"]).starts_with("2025-06-15T20:06:40.999998+02:00 [**]"));
    // A named format is the same everywhere.
    assert!(shown(&["--id", "1", "--format", "fast"]).starts_with("2025-06-15T18:06:40.999998Z"));
    let hours = shown(&["--count-by", "hour"]);
    assert!(hours.contains("hour (Etc/GMT-2)") && hours.contains("2025-06-15 20:00"), "{hours}");
    let hours = shown(&["--count-by", "hour", "--utc"]);
    assert!(hours.contains("hour (UTC)") && hours.contains("2025-06-15 18:00"), "{hours}");
    assert!(shown(&["--count-by", "hour", "--format", "csv"]).contains("2025-06-15T18:00:00Z,27"));
}

#[test]
fn alerts_are_shown_by_number() {
    let room = stored("v2919/icmp_ping");
    let (stdout, stderr, status) = ask(&room, &["--id", "3,1", "--format", "json"]);
    assert_eq!((&*stderr, status), ("", 0));
    let ids: Vec<_> = objects(&stdout).iter().map(|alert| alert["event_id"].clone()).collect();
    let (all, _, _) = ask(&room, &["--format", "json"]);
    let all = objects(&all);
    assert_eq!(ids, [all[24]["event_id"].clone(), all[26]["event_id"].clone()]);
    let (stdout, stderr, status) = ask(&room, &["--id", "1,99"]);
    let error = "error: there is no alert 99 in the store; its alerts have the numbers 1 to 27\n";
    assert_eq!((stdout, &*stderr, status), (format!("     1  {PING}"), error, 1));
}

#[test]
fn what_is_written_for_wireshark_is_said() {
    let room = stored("v2919/icmp_ping");
    let one = ["--packet", "1", "--pcap", "one.pcapng"];
    fails(&room, &one, "pigear: wrote 1 packet to one.pcapng\n", 0);
    let some = ["--id", "1,2", "--pcap", "some.pcapng"];
    fails(&room, &some, "pigear: wrote 2 packets to some.pcapng\n", 0);
    let len = |name: &str| fs::metadata(room.at(name)).unwrap().len();
    assert!(len("one.pcapng") < len("some.pcapng"));
    let missing = ["--packet", "99", "--pcap", "none.pcapng"];
    let error = "error: there is no alert 99 in the store; its alerts have the numbers 1 to 27\n";
    fails(&room, &missing, error, 1);
    assert!(!room.at("none.pcapng").exists());
}

#[test]
fn a_file_without_packets_is_not_written() {
    let room = stored("v3122/appmix");
    let (all, _, _) = ask(&room, &["--format", "json"]);
    let all = objects(&all);
    let without: Vec<_> = (0..all.len())
        .filter(|&n| all[n]["caplen"] == 0)
        .map(|n| (all.len() - n).to_string())
        .collect();
    let with = all.len() - without.len();
    assert!(without.len() > 1 && with > 0);
    let hint =
        "hint: Snort 3 sends alerts of rebuilt streams without a packet; --complete-from adds it\n";
    let error = format!(
        "error: nothing is written to x.pcapng: none of the {} alerts has a packet\n{hint}",
        without.len()
    );
    fails(&room, &["--pcap", "x.pcapng", "--id", &without.join(",")], &error, 1);
    let error = format!("error: nothing is written to x.pcapng: the alert has no packet\n{hint}");
    fails(&room, &["--pcap", "x.pcapng", "--packet", &without[0]], &error, 1);
    assert!(!room.at("x.pcapng").exists());
    let packets = if with == 1 { "packet" } else { "packets" };
    let said = format!(
        "pigear: wrote {with} {packets} to x.pcapng; {} alerts have no packet\n",
        without.len()
    );
    fails(&room, &["--pcap", "x.pcapng"], &said, 0);
}

#[test]
fn counts_are_for_other_programs_too() {
    let room = stored("v2919/icmp_ping");
    let (csv, _, _) = ask(&room, &["--count-by", "class", "--format", "csv"]);
    assert!(csv.starts_with("class,alerts\n"), "{csv}");
    assert_eq!(csv.lines().skip(1).map(alerts_of).sum::<u64>(), 27);
    let (json, _, _) = ask(&room, &["--count-by", "sid", "--format", "json", "--limit", "1"]);
    let first = "{\"gid\":1,\"sid\":1000130,\"msg\":\"ICMP ping sweep\",\"alerts\":9}\n";
    assert_eq!(json, first);
    let error = "error: --format eve: counts are a table, json, or csv\nhint: pigear --help lists commands and options\n";
    fails(&room, &["--count-by", "sid", "--format", "eve"], error, 2);
}

fn alerts_of(line: &str) -> u64 {
    line.rsplit(',').next().unwrap().parse().unwrap()
}

#[test]
fn the_total_counts_what_is_not_shown_too() {
    let room = stored("v2919/icmp_ping");
    let (table, _, _) = ask(&room, &["--count-by", "sid", "--limit", "1"]);
    let lines: Vec<_> =
        table.lines().map(|line| line.split_whitespace().collect::<Vec<_>>()).collect();
    assert_eq!(lines[0], ["alerts", "signature"]);
    assert_eq!(lines[2], ["27", "total"]);
    assert_eq!(table.lines().last(), Some("and 5 more; --limit 6 shows all"));
}

#[test]
fn the_store_may_be_named_by_the_environment() {
    let room = stored("v2919/icmp_ping");
    let ask = |args: &[&str], store| run(&room, args, &[("PIGEAR_STORE", store)]);
    let (stdout, _, _) = ask(&["query", "--id", "1"], "a.db");
    assert_eq!(stdout, format!("     1  {PING}"));
    let (stdout, _, _) = ask(&["lanes"], "a.db");
    assert!(stdout.starts_with("lane "), "{stdout}");
    let (stdout, _, _) = ask(&["query", "--id", "1", "--store", "a.db"], "no-such.db");
    assert_eq!(stdout, format!("     1  {PING}"));
    for text in ["", "[store]\npath = ''\n"] {
        room.write("empty.toml", text);
        let (_, stderr, status) = ask(&["query", "--config", "empty.toml"], "a.db");
        assert!(stderr.starts_with("error: empty.toml has no [store] with a path\n"), "{stderr}");
        assert_eq!(status, 2);
    }
}

#[test]
fn options_that_would_be_ignored_are_refused() {
    let room = Room::new();
    for args in [
        &["--id", "1", "--since", "1h"][..],
        &["--packet", "1", "--sid", "7"],
        &["--dead-letters", "--starred"],
        &["--rules", ".", "--sid", "7"],
        &["--rules", ".", "--count-by", "sid"],
        &["--lane", "x", "--starred"],
        &["--lane", "x", "--rules", "."],
    ] {
        let (_, stderr, status) = ask(&room, args);
        assert!(stderr.contains("cannot be used with"), "{args:?}: {stderr}");
        assert_eq!(status, 2);
    }
}

#[test]
fn of_several_values_those_that_no_stored_alert_has_are_said() {
    let room = stored("v2919/icmp_ping");
    for (option, values, known, said) in [
        ("--class", "NONE,nope", "none", "no stored alert has the class \"nope\"; there are"),
        ("--sid", "[1:1000134],7", "1000134", "no stored alert has sid 7\n"),
    ] {
        let args = [option, values];
        let (found, stderr, status) = ask(&room, &args);
        assert_eq!((&found, status), (&ask(&room, &[option, known]).0, 0), "{args:?}");
        assert!(found.contains("1:1000134") && stderr.contains(said), "{args:?}: {stderr}");
        let (_, counted, _) = ask(&room, &[&args[..], &["--count-by", "sid"]].concat());
        assert_eq!(counted, stderr);
    }
    let (_, stderr, _) = ask(&room, &["--id", "1,x"]);
    assert!(stderr.contains("expected a whole number"), "{stderr}");
}

#[test]
fn what_stands_alone_is_told_its_criterion() {
    let room = stored("v2919/icmp_ping");
    for (alone, hint) in [
        ("192.0.2.1", "--host \"192.0.2.1\""),
        ("2001:db8::/32", "--host \"2001:db8::/32\""),
        ("1:469:4", "--sid \"1:469:4\""),
        ("ICMP ping", "--text \"ICMP ping\""),
    ] {
        let (_, said, status) = ask(&room, &[alone]);
        let expected = format!("error: unexpected argument '{alone}'\nhint: write {hint}\n");
        assert_eq!((said, status), (expected, 2));
    }
}

#[test]
fn a_class_that_no_stored_alert_has_is_said_also_of_a_filter() {
    let room = stored("v2919/icmp_ping");
    let (_, by_option, _) = ask(&room, &["--class", "nope"]);
    assert!(by_option.contains("no stored alert has the class \"nope\"; there are"), "{by_option}");
    let (_, by_filter, _) = ask(&room, &["--filter", "alert.class == \"nope\""]);
    assert_eq!(by_filter, by_option);
    let (_, none, _) =
        ask(&room, &["--filter", "alert.class == \"MISC-activity\" && msg.sig_id == 7"]);
    assert!(none.contains("no alert meets the condition"), "{none}");
}

#[test]
fn what_people_said_about_alerts_is_a_criterion() {
    let room = stored("v2919/icmp_ping");
    let store = rusqlite::Connection::open(room.at("a.db")).unwrap();
    let said = "INSERT INTO triage_action (id, at, by, kind, alerts) \
            VALUES (1, 1, 'ann', 0, 1), (2, 2, 'ann', 1, 1); \
        INSERT INTO triage_mark VALUES (0, 0, 1, 1 << 2), (0, 1, 2, 1 << 3); \
        INSERT INTO comment VALUES (1, 3, 3, 'bob', 'Look at this')";
    store.execute_batch(said).unwrap();
    let numbers = |args: &[&str]| {
        let (stdout, stderr, status) = ask(&room, args);
        assert_eq!((&*stderr, status), ("", 0));
        let number = |line: &str| line.split_whitespace().next().unwrap().parse().unwrap();
        stdout.lines().map(number).collect::<Vec<u32>>()
    };
    let all = numbers(&[]).len();
    assert_eq!(numbers(&["--acknowledged"]), [2]);
    assert_eq!(numbers(&["--acknowledged=no"]).len(), all - 1);
    assert_eq!(numbers(&["--starred=yes"]), [3]);
    assert_eq!(numbers(&["--comment", "look"]), [3]);
    finds_nothing(
        &room,
        &["--starred", "--acknowledged"],
        &format!("no alert meets all conditions; {SPAN}"),
    );
    let (stdout, _, _) = ask(&room, &["--comment", "look", "--format", "json"]);
    for format in [&[][..], &["--format", "fast"], &["--format", "full"]] {
        let (text, _, _) = ask(&room, &[&["--packet", "3"][..], format].concat());
        let said = "[Starred by ann at 1970-01-01T00:00:00Z]\n[Comment by bob at 1970-01-01T00:00:00Z: Look at this]\n";
        assert_eq!(text.matches(said).count(), 1, "{format:?} {text}");
    }
    let (text, _, _) = ask(&room, &["--packet", "1"]);
    assert!(!text.contains("ann"), "{text}");
    let said = &objects(&stdout)[0]["triage"];
    assert_eq!(
        (&said["starred"]["by"], &said["comments"][0]["by"]),
        (&"ann".into(), &"bob".into())
    );
}

#[test]
fn packets_go_to_standard_output_if_asked_to() {
    let room = stored("v2919/icmp_ping");
    ask(&room, &["--id", "1,2", "--pcap", "some.pcapng"]);
    let mut command = program();
    command.args(["query", "--store", "a.db", "--id", "1,2", "--pcap", "-"]);
    let Output { stdout, stderr, status } = command.current_dir(room.path()).output().unwrap();
    assert_eq!(stdout, fs::read(room.at("some.pcapng")).unwrap());
    assert_eq!(stderr, b"pigear: wrote 2 packets to standard output\n");
    assert!(status.success() && !room.at("-").exists());
    let file = File::create(room.at("redirected")).unwrap();
    assert!(command.stdout(file).status().unwrap().success());
    assert_eq!(fs::read(room.at("redirected")).unwrap(), stdout);
}

#[test]
fn packets_are_not_written_to_a_terminal() {
    let room = stored("v2919/icmp_ping");
    let terminal = openpty(None, None).unwrap();
    let mut command = program();
    command.args(["query", "--store", "a.db", "--pcap", "-"]).stdout(terminal.slave);
    let output = command.stderr(std::process::Stdio::piped()).current_dir(room.path()).output();
    let output = output.unwrap();
    let error = "error: packets are not written to a terminal\nhint: give a file, or a pipe: \
        pigear query … --pcap - | tcpdump -r -\n";
    assert_eq!((&*String::from_utf8_lossy(&output.stderr), output.status.code()), (error, Some(1)));
}

#[test]
fn a_packet_in_a_format_for_programs_has_nothing_behind_it() {
    let room = stored("v2919/icmp_ping");
    for format in ["json", "eve", "ecs", "ocsf", "cef", "snort", "alert_json"] {
        let one = ask(&room, &["--packet", "1", "--format", format]);
        assert_eq!(one, ask(&room, &["--id", "1", "--format", format]), "{format}");
    }
    let (text, _, _) = ask(&room, &["--packet", "1", "--format", "fast"]);
    assert!(text.contains("\nEthernet [0..14]"), "{text}");
}

#[test]
fn alerts_without_a_class_are_found_by_the_name_that_counts_give_them() {
    let room = stored("v2919/icmp_ping");
    let (table, _, _) = ask(&room, &["--count-by", "class"]);
    let row = table.lines().find(|line| line.ends_with(" none")).unwrap();
    let (all, _, _) = ask(&room, &["--class", "none", "--format", "json"]);
    let alerts = objects(&all);
    assert_eq!(row.split_whitespace().next(), Some(&*alerts.len().to_string()));
    assert!(!alerts.is_empty() && alerts.iter().all(|alert| alert["class"].is_null()));
    let (both, _, _) = ask(&room, &["--class", "none,icmp-event", "--format", "json"]);
    assert!(objects(&both).len() > alerts.len());
}

#[test]
fn a_signature_may_be_named_with_its_generator() {
    let room = stored("v2919/icmp_ping");
    let (all, _, _) = ask(&room, &["--format", "json"]);
    let alert = &objects(&all)[0];
    let (gid, sid) = (&alert["sig_generator"], &alert["sig_id"]);
    let found = |sid: &str| objects(&ask(&room, &["--sid", sid, "--format", "json"]).0).len();
    let by_sid = found(&sid.to_string());
    assert!(by_sid > 0);
    assert_eq!(found(&format!("{gid}:{sid}")), by_sid);
    assert_eq!(found(&format!("7:{sid}")), 0);
    assert_eq!(found(&format!("7:{sid},{gid}:{sid},{sid}")), by_sid);
    let wrong_gid = format!("7:{sid}");
    finds_nothing(&room, &["--sid", &wrong_gid], &format!("no stored alert has sid {wrong_gid}"));
    let number = "from 0 to 4294967295, or with its generator, such as 1:384";
    for (wrong, said) in [
        ("1:", number),
        (":1", number),
        ("1:x", number),
        ("1:2:3", "alerts are not selected by their revision; give 1:2"),
    ] {
        let (_, stderr, status) = ask(&room, &["--sid", wrong]);
        assert!(stderr.contains(said), "{stderr}");
        assert_eq!(status, 2);
    }
}

#[test]
fn a_priority_may_be_written_as_a_word_and_counts_have_both() {
    let room = stored("v2919/icmp_ping");
    for (words, numbers) in [("high,medium", "1,2"), ("Very-Low", "4"), ("unknown", "0")] {
        let found = ask(&room, &["--priority", words, "--format", "json"]);
        assert_eq!(found, ask(&room, &["--priority", numbers, "--format", "json"]), "{words}");
    }
    assert!(!ask(&room, &["--priority", "medium"]).0.is_empty());
    let (_, stderr, status) = ask(&room, &["--priority", "urgent"]);
    let words = "expected a number, or unknown, high, medium, low, very-low";
    assert!(stderr.contains(words) && status == 2, "{stderr}");
    // As an alert's line has the numbers.
    let (table, _, _) = ask(&room, &["--count-by", "priority"]);
    let names: Vec<_> = table.lines().filter_map(|line| line.split("  ").last()).collect();
    assert!(names.contains(&"2 (medium)") && names.contains(&"3 (low)"), "{table}");
}

#[test]
fn a_class_is_found_by_its_description_too() {
    let room = stored("v2919/icmp_ping");
    let by_name = ask(&room, &["--class", "attempted-recon", "--format", "json"]);
    assert!(!by_name.0.is_empty());
    for description in ["Attempted Information Leak", "attempted information leak"] {
        let found = ask(&room, &["--class", description, "--format", "json"]);
        assert_eq!(found, by_name, "{description}");
    }
    let classes = "attempted-recon, bad-unknown, icmp-event, misc-activity, none";
    let class = format!("no stored alert has the class \"Attempted Denial\"; there are {classes}");
    finds_nothing(&room, &["--class", "Attempted Denial"], &class);
}
