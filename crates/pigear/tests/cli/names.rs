//! The lists that name an alert's numbers.

use nix::sys::signal::Signal;

use crate::harness::{Test, until};
use crate::snort::{PING, ping, recording};

fn named(name: &str) -> String {
    PING.replace("ICMP Echo Request", name)
}

const MAP: &str = "#v2\n1 || 1000134 || 1 || NOCLASS || 0 || ICMP Echo Request ";

#[test]
fn broken_lines_are_named_and_passed_over() {
    Test::new()
        .file("classes", "# fine\nconfig classification: x\nconfig classification: a,b,1\n")
        .file("references", "config reference: url http://\nreference\n")
        .file("sids", "1000134 || ICMP Echo Request of mine\n\nbroken\nbroken || too\n")
        .file("gens", "116 || 1 || fine\nx || 2 || y\n")
        .args(["--class-config", "classes", "--reference-config", "references"])
        .args(["--sid-msg-map", "sids", "--gen-msg-map", "gens", "--count", "1"])
        .send(ping())
        .stdout(named("ICMP Echo Request of mine"))
        .stderr(
            "warning: classes:2: no description; the line is skipped\n\
             warning: sids:3: sid is \"broken\", not a number up to 4294967295; the line is skipped\n\
             warning: sids:4: sid is \"broken\", not a number up to 4294967295; the line is skipped\n\
             warning: gens:2: generator is \"x\", not a number up to 4294967295; the line is skipped\n",
        )
        .success();
}

#[test]
fn a_file_of_another_kind_is_a_few_lines() {
    let line = |n| {
        format!(
            "warning: sids:{n}: sid is \"broken\", not a number up to 4294967295; the line is skipped\n"
        )
    };
    let lines: String = (1..=5).map(line).collect();
    Test::new()
        .file("sids", "broken\n".repeat(100))
        .args(["--sid-msg-map", "sids", "--count", "1"])
        .send(ping())
        .stdout(PING)
        .stderr(lines + "warning: sids: 95 more invalid lines\n")
        .success();
}

#[test]
fn a_list_without_entries_leaves_what_is_built_in() {
    Test::new()
        .file("classes", "# nothing\n")
        .args(["--class-config", "classes", "--count", "1"])
        .send(ping())
        .stdout(PING)
        .stderr("warning: classes has no classes; the built-in ones are used\n")
        .success();
}

#[test]
fn lists_beside_snort_conf_are_used_and_its_log_directory() {
    let mut running = Test::bare()
        .file("snort.conf", "var X y\nconfig logdir: log # here\n")
        .file("sid-msg.map", "1000134 || ICMP Echo Request as the map has it\n")
        .args(["--snort-conf", "snort.conf", "--count", "1"])
        .start();
    running.send(&ping());
    let (_, ended) = running.end();
    let stdout = named("ICMP Echo Request as the map has it");
    assert_eq!((ended.stdout, &*ended.stderr, ended.status), (stdout, "", Some(0)));
}

#[test]
fn a_list_that_changed_is_read_again() {
    for ask in [Some(Signal::SIGHUP), None] {
        let test = Test::new().file("sids", "1000134 || ICMP Echo Request one\n");
        let mut running = test.args(["--sid-msg-map", "sids"]).start();
        running.send(&ping());
        running.prints(&named("ICMP Echo Request one"));
        running.room().write("sids", "1000134 || ICMP Echo Request and two\n");
        if let Some(signal) = ask {
            running.signal(signal);
        }
        until("the new name is used", || {
            running.send(&ping());
            running.stdout_so_far().contains(&named("ICMP Echo Request and two"))
        });
        running.signal(Signal::SIGTERM);
        assert_eq!(running.end().1.status, Some(0));
    }
}

#[test]
fn lists_beside_a_pipe_are_read_again_and_the_pipe_is_not() {
    for ask in [Some(Signal::SIGHUP), None] {
        let test = Test::new().file("sids", "1000134 || ICMP Echo Request one\n").with(|room| {
            nix::unistd::mkfifo(&room.at("classes"), nix::sys::stat::Mode::S_IRWXU).unwrap();
        });
        let path = test.room().at("classes");
        let writer = std::thread::spawn(move || {
            std::fs::write(path, "config classification: misc-activity,Class of a pipe,3\n")
                .unwrap();
        });
        let args = ["--sid-msg-map", "sids", "--class-config", "classes", "format=json"];
        let mut running = test.args(args).start();
        writer.join().unwrap();
        running.listens();
        running.room().write("sids", "1000134 || ICMP Echo Request and two\n");
        if let Some(signal) = ask {
            running.signal(signal);
        }
        until("the new name is used", || {
            running.send(&ping());
            running.stdout_so_far().contains("ICMP Echo Request and two")
        });
        running.signal(Signal::SIGTERM);
        let (_, ended) = running.end();
        assert_eq!((ended.stderr.contains("warning"), ended.status), (false, Some(0)));
    }
}

#[test]
fn a_list_that_is_gone_leaves_the_names_from_before() {
    let test = Test::new().file("sids", "1000134 || ICMP Echo Request one\n");
    let mut running = test.args(["--sid-msg-map", "sids", "--count", "1"]).start();
    running.listens();
    std::fs::remove_file(running.room().at("sids")).unwrap();
    running.signal(Signal::SIGHUP);
    running.warns(
        "warning: cannot read sids: No such file or directory (os error 2); keeping the previous names\n",
    );
    running.send(&ping());
    let (_, ended) = running.end();
    assert_eq!((ended.stdout, ended.status), (named("ICMP Echo Request one"), Some(0)));
}

#[test]
fn a_recording_is_named_too() {
    Test::bare()
        .file("sids", format!("{MAP}of version two\n"))
        .args(["--socket-handler", "play", "--count", "1", "--sid-msg-map", "sids", "--from"])
        .args([recording("v2919/icmp_ping")])
        .stdout(named("ICMP Echo Request of version two"))
        .success();
}
