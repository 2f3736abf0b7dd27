//! The lists that name an alert's numbers.

use nix::sys::signal::Signal;

use crate::harness::{Test, until};
use crate::running::STOCK_CLASSES;
use crate::snort::{PING, ping, recording, sent};

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
fn a_list_that_has_no_entries_any_more_leaves_those_from_before() {
    let mut running = Test::new()
        .file("classes", "config classification: a,A class of mine,1\n")
        .args(["--class-config", "classes"])
        .start();
    running.listens();
    running.room().write("classes", "# nothing\n");
    running.signal(Signal::SIGHUP);
    running.warns("warning: classes has no classes; the previous ones stay\n");
    running.signal(Signal::SIGTERM);
    assert_eq!(running.end().1.status, Some(0));
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

const CLASS: &str = "Generic ICMP event";

/// What `print` writes of [`pong`].
const PONG: &str = "2025-06-15T18:06:41.015617Z [**] [1:1000131:1] ICMP Echo Reply [**] \
    [Classification: Generic ICMP event] [Priority: 3] {ICMP} 198.51.100.1 -> 192.168.10.21\n";

/// An alert of class 31.
fn pong() -> Vec<u8> {
    sent("v2919/icmp_ping").swap_remove(1)
}

fn classed(description: &str) -> String {
    PONG.replace(CLASS, description)
}

/// A list in which number 31, that of the pong, has this description.
fn classes(description: &str, line: impl Fn(usize, &str) -> String) -> String {
    (1..=31).map(|n| line(n, if n == 31 { description } else { "x" })).collect()
}

fn snort_2(n: usize, description: &str) -> String {
    format!("config classification: c{n},{description},1\n")
}

fn snort_3(n: usize, description: &str) -> String {
    format!("{{ name = 'c{n}', text = '{description}' }},\n")
}

#[test]
fn stock_classes_are_said_once_at_start() {
    let mut running = Test::new().args(["--count", "2"]).start();
    running.warns(STOCK_CLASSES);
    running.send(&pong());
    running.send(&pong());
    running.prints(&PONG.repeat(2));
    assert_eq!(running.stderr_so_far(), STOCK_CLASSES);
    let list = classes("Given", snort_2);
    let mut running =
        Test::new().file("c", list).args(["--class-config", "c", "--count", "1"]).start();
    running.send(&pong());
    running.prints(&classed("Given"));
    assert_eq!(running.stderr_so_far(), "");
}

#[test]
fn snort_lua_has_its_classes_from_the_defaults_beside_it() {
    let defaults =
        format!("default_classifications =\n{{\n{}}}\n", classes("From defaults", snort_3));
    for lua in
        ["include 'snort_defaults.lua'\nclassifications = default_classifications\n", "x = 1\n"]
    {
        Test::new()
            .with(|room| std::fs::create_dir(room.at("etc")).unwrap())
            .file("etc/snort.lua", lua)
            .file("etc/snort_defaults.lua", &defaults)
            .args(["--class-config", "etc/snort.lua", "--count", "1"])
            .send(pong())
            .stdout(classed("From defaults"))
            .success();
    }
}

#[test]
fn problems_are_named_where_they_stand() {
    Test::new()
        .file("snort.lua", "include 'snort_defaults.lua'\n")
        .file(
            "snort_defaults.lua",
            "default_classifications =\n{\n{ name = 'a' },\n{ text = 'b' },\n}\n",
        )
        .args(["--class-config", "snort.lua", "--count", "1"])
        .send(pong())
        .stdout(PONG.replace(" [Classification: Generic ICMP event]", ""))
        .stderr("warning: snort_defaults.lua:4: no short name; the line is skipped\n")
        .success();
}

#[test]
fn a_configuration_is_read_as_snort_reads_it() {
    let conf = "\u{feff}var BASE .\r\nvar LISTS $(BASE)/lists\r\ninclude $LISTS/my-classes\r\n\
        include $RULES/none.rules\r\nconfig \\\r\n LOGDIR: $BASE/log\r\n";
    for (name, with) in [("snort.conf", conf), ("other.conf", "config logdir: log\n")] {
        let mut running = Test::bare()
            .with(|room| std::fs::create_dir(room.at("lists")).unwrap())
            .file(name, with)
            .file("lists/my-classes", classes("Included", snort_2))
            .file("snort.lua", format!("classifications = {{\n{}}}\n", classes("Of Lua", snort_3)))
            .file("community-sid-msg.map", "1000131 || ICMP Echo Reply of Debian\n")
            .args(["--snort-conf", name, "--count", "1"])
            .start();
        running.send(&pong());
        let (_, ended) = running.end();
        let class = if name == "snort.conf" { "Included" } else { "Of Lua" };
        let stdout = classed(class).replace("ICMP Echo Reply", "ICMP Echo Reply of Debian");
        assert_eq!((ended.stdout, &*ended.stderr, ended.status), (stdout, "", Some(0)));
    }
}

#[test]
fn several_maps_are_joined_and_the_later_wins() {
    let test = || {
        Test::bare()
            .file("a", "1000134 || ICMP Echo Request a\n7 || x\n")
            .file("b", "1000134 || ICMP Echo Request b\n")
            .file("c", "8 || y\n")
    };
    test()
        .args(["--sid-msg-map", "a", "--sid-msg-map", "b", "--sid-msg-map", "c", "--count", "1"])
        .args(["--logdir", "log"])
        .send(ping())
        .stdout(named("ICMP Echo Request b"))
        .success();
    for (maps, name) in [("[\"b\", \"a\"]", "a"), ("\"b\"", "b")] {
        test()
            .file(
                "config",
                format!("[names]\nsid_msg_map = {maps}\n[[source]]\nlogdir = \"log\"\n"),
            )
            .args(["--config", "config", "--count", "1"])
            .send(ping())
            .stdout(named(&format!("ICMP Echo Request {name}")))
            .success();
    }
}

#[test]
fn a_list_that_was_included_is_read_again() {
    let test = Test::new().file("snort.lua", "include 'snort_defaults.lua'\n").file(
        "snort_defaults.lua",
        format!("default_classifications = {{\n{}}}\n", classes("Old", snort_3)),
    );
    let mut running = test.args(["--class-config", "snort.lua"]).start();
    running.send(&pong());
    running.prints(&classed("Old"));
    let new = format!("default_classifications = {{\n{}}}\n", classes("Newer", snort_3));
    running.room().write("snort_defaults.lua", new);
    until("the list is read again", || {
        running.send(&pong());
        running.stdout_so_far().contains(&classed("Newer"))
    });
}

#[test]
fn a_map_of_another_kind_is_told() {
    Test::new()
        .file("map", "1 || 1 || snort general alert\n2 || 1 || tag: Tagged Packet\n")
        .args(["--sid-msg-map", "map", "--count", "1"])
        .send(ping())
        .stdout(PING)
        .stderr(
            "warning: map:1: a line of gen-msg.map; the line is skipped\n\
             warning: map:2: a line of gen-msg.map; the line is skipped\n",
        )
        .success();
}
