//! The configuration file.

use crate::harness::{Test, counters, program};
use crate::room::Room;
use crate::snort::{PING, ping};

#[test]
fn a_file_does_what_options_do() {
    let typed = Test::new()
        .args(["--serve-forever", "--count", "2", "--stats", "stats.json", "--sensor", "dmz"])
        .args(["--data-handler", "print", "--data-handler", "file"])
        .args(["print.format=fast", "file.path=alerts", "file.format=fast"]);
    let configured = Test::bare().args(["--config", "pigear.toml"]).file(
        "pigear.toml",
        r#"
        serve_forever = true
        count = 2
        stats = "stats.json"
        [[source]]
        logdir = "log"
        sensor = "dmz"
        [[handler]]
        type = "print"
        format = "fast"
        [[handler]]
        type = "file"
        path = "alerts"
        format = "fast"
        "#,
    );
    for test in [typed, configured] {
        let bad = "datagram has 3 bytes, but an alert has 65864, 65880 or 65928 (Snort 2.9 and 3), \
            or 1844, 1856 or 1864 (older)";
        let room = test
            .send_all([ping(), b"bad".to_vec(), ping()])
            .stdout(PING.repeat(2))
            .stderr(format!("warning: {bad}; 1 malformed so far\n"))
            .success();
        assert_eq!(room.read("alerts"), PING.repeat(2));
        let handlers = [("file", [2, 0, 0]), ("print", [2, 0, 0])];
        assert_eq!(room.read("stats.json"), counters([2, 1, 0, 0], &handlers));
    }
}

#[test]
fn options_beside_a_file_take_precedence() {
    Test::new()
        .file(
            "pigear.toml",
            "count = 5\n[[handler]]\ntype = 'print'\nname = 'screen'\nformat = 'json'\n",
        )
        .args(["--config", "pigear.toml", "--count", "1", "screen.format=fast"])
        .send(ping())
        .stdout(PING)
        .stats(counters([1, 0, 0, 0], &[("screen", [1, 0, 0])]))
        .success();
}

#[test]
fn a_mistake_is_named_with_file_and_line() {
    for (text, stderr, status) in [
        (
            "count = 1\nx = 1\n",
            "error: pigear.toml:2:1: unknown key `x`; expected one of `serve_forever`, `count`, `stats`, `metrics`, \
             `rules`, `filter`, `user`, `sandbox`, `sandbox_write`, `names`, `store`, `source`, `handler`, `web`\n",
            2,
        ),
        (
            "[[source]]\nlogdir = 7\n",
            "error: pigear.toml:2:10: expected a path in quotes, not 7\n",
            2,
        ),
        ("count = 0\n", "error: pigear.toml:1:9: expected a whole number from 1, not 0\n", 2),
        (
            "[[source]]\nsocket_mode = 660\n",
            "error: pigear.toml:2:15: expected permissions in octal, such as \"0640\" or 0o640\n",
            2,
        ),
        (
            "\n[[handler]]\ntype = 'print'\nformta = 'json'\n",
            "error: pigear.toml:4:1: unknown key `formta`; did you mean `format`? (handler print)\n\
             hint: pigear --help lists handlers and keys\n",
            2,
        ),
        (
            "[[handler]]\ntype = 'prnt'\n",
            "error: pigear.toml:2:8: unknown handler \"prnt\"; known are exec, file, http, kafka, nats, null, pcap, print, record, shell, socket, syslog, web\n\
             hint: pigear --help lists handlers and keys\n",
            2,
        ),
        (
            "user = 'nosuchuser'\n[[source]]\nlogdir = 'log'\n",
            "error: pigear.toml:1:8: unknown user \"nosuchuser\"\n",
            2,
        ),
        (
            "[[source]]\nlogdir = 'log'\nallow_uid = ['nobodyy']\n",
            "error: pigear.toml:3:14: unknown user \"nobodyy\"\n",
            2,
        ),
        (
            "[[handler]]\ntype = 'null'\nname = 'a'\n[[handler]]\ntype = 'print'\nname = 'a'\n",
            "error: pigear.toml:4:1: another handler is named a\n",
            2,
        ),
        (
            "[[handler]]\ntype = 'null'\nname = ''\n[[handler]]\ntype = 'print'\nfilter = 'true'\nwhen_full = 'spill'\ndurable = false\n",
            "pigear.toml:1:1: a handler's name must not be empty or have control characters\n\
             pigear.toml:4:1: when_full = \"spill\" is the same as durable = true, but durable = false is given, too\n\
             error: pigear.toml has 2 mistakes\n",
            2,
        ),
        (
            "count = 0\nstast = 'x'\n[[source]]\nsocket_group = 'nosuchgroup'\n",
            "pigear.toml:1:9: expected a whole number from 1, not 0\n\
             pigear.toml:2:1: unknown key `stast`; did you mean `stats`?\n\
             pigear.toml:4:16: unknown group \"nosuchgroup\"\n\
             error: pigear.toml has 3 mistakes\n",
            2,
        ),
        (
            "[[handler]]\ntype = 'file'\npath = 'no-such/x'\n",
            "error: no such directory: no-such for handler file (pigear.toml:1)\n\
             hint: mkdir -p no-such creates what is missing\n",
            1,
        ),
    ] {
        let test = Test::bare().file("pigear.toml", text).args(["--config", "pigear.toml"]);
        test.stderr(stderr).status(status);
    }
}

#[test]
fn what_the_command_line_replaces_is_no_mistake_at_a_start() {
    let text = "user = 'nosuchuser'\n[store]\nkeep_days = 7\n[[handler]]\ntype = 'file'\n";
    let test =
        Test::new().file("pigear.toml", text).args(["--config", "pigear.toml", "--count", "1"]);
    // The sandbox would be on with a user.
    let test = test.args(["--user", "root", "--sandbox", "off", "--store", "a.db", "file.path=x"]);
    if !crate::harness::can_change_user() {
        return;
    }
    let room = test.send(ping()).success();
    assert_eq!(room.read("x"), PING);
}

#[test]
fn no_more_than_ten_mistakes_are_printed_at_a_start() {
    let room = Room::new();
    room.write("pigear.toml", "x = 1\n".to_owned() + &"[[handler]]\ntype = 'x'\n".repeat(11));
    let args = ["--config", "pigear.toml"];
    let output = program().args(args).current_dir(room.path()).output().unwrap();
    let stderr = String::from_utf8(output.stderr).unwrap();
    assert_eq!((stderr.lines().count(), output.status.code()), (13, Some(2)), "{stderr}");
    let end = "pigear.toml: and 2 more\nerror: pigear.toml has 12 mistakes\n\
        hint: pigear config check pigear.toml prints all\n";
    assert!(stderr.ends_with(end), "{stderr}");
}

#[test]
fn two_handlers_of_one_name_are_refused_before_anything_is_made() {
    let text = "[[source]]\nlogdir = 'log'\n[[handler]]\nname = 'a'\ntype = 'file'\npath = 'x'\n\
        [[handler]]\nname = 'a'\ntype = 'file'\npath = 'y'\n";
    let room =
        Test::bare().file("pigear.toml", text).args(["--config", "pigear.toml", "--count", "1"]);
    let room = room.stderr("error: pigear.toml:7:1: another handler is named a\n").status(2);
    assert!(["x", "y", "log/snort_alert"].iter().all(|path| !room.at(path).exists()));
    // What the command line replaces doesn't hide it.
    let room = Test::bare().file("pigear.toml", text).args(["--config", "pigear.toml", "a.path=z"]);
    room.stderr("error: pigear.toml:7:1: another handler is named a\n").status(2);
    let room =
        Test::bare().file("pigear.toml", text).args(["config", "show", "--config", "pigear.toml"]);
    let said = "pigear.toml:7:1: another handler is named a\nerror: pigear.toml has 1 mistake\n";
    room.stderr(said).status(2);
}

#[test]
fn a_name_that_was_given_is_not_made_up_for_another() {
    let text =
        "[[handler]]\ntype = 'file'\npath = 'x'\n[[handler]]\nname = 'file'\ntype = 'null'\n";
    let test = Test::new().file("pigear.toml", text).args(["--config", "pigear.toml"]);
    let expected = counters([1, 0, 0, 0], &[("file", [1, 0, 0]), ("file-2", [1, 0, 0])]);
    let room = test.args(["--count", "1", "file-2.path=y"]).stats(expected).send(ping()).success();
    assert_eq!(room.read("y"), PING);
}

#[test]
fn each_command_says_all_mistakes_of_the_configuration() {
    let text = "count = 0\n[[source]]\nlogdri = 'a'\n[store]\npath = 'a.db'\n[web]\nlisen = 'x'\n";
    let commands = [
        &[][..],
        &["query"],
        &["top"],
        &["lanes"],
        &["lanes", "drop", "x"],
        &["redeliver"],
        &["web"],
        &["config", "show"],
    ];
    for command in commands {
        let test = Test::bare().file("pigear.toml", text).args(command.iter().copied());
        let test = test.args(["--config", "pigear.toml"]);
        let expected = "pigear.toml:1:9: expected a whole number from 1, not 0\n\
            pigear.toml:3:1: unknown key `logdri`; did you mean `logdir`?\n\
            pigear.toml:7:1: unknown key `lisen`; did you mean `listen`? (handler web)\n\
            error: pigear.toml has 3 mistakes\n";
        test.stderr(expected).status(2);
    }
}

#[test]
fn a_file_that_is_not_there_is_an_error() {
    Test::new()
        .args(["--config", "no-such.toml"])
        .stderr(
            "error: cannot read no-such.toml: No such file or directory (os error 2)\n\
             hint: give the path of a configuration file; `pigear config example` prints one with all keys\n",
        )
        .status(1);
}

#[test]
fn a_source_is_configured_in_one_place() {
    Test::new()
        .file("pigear.toml", "[[source]]\nlogdir = 'log'\n")
        .args(["--config", "pigear.toml"])
        .stderr(
            "error: --logdir can't be used with pigear.toml, which has sources of its own\n\
             hint: write it into its [[source]], and leave out --logdir\n",
        )
        .status(2);
}

#[test]
fn a_variable_that_contradicts_the_file_is_named() {
    let room = Room::new();
    let sources = "[[source]]\nlogdir = 'log'\n[[source]]\nfrom = 'log/other'\n";
    room.write("pigear.toml", sources);
    let said = |arguments: &[&str], variables: &[(&str, &str)]| {
        let mut command = program();
        command.args(arguments).envs(variables.iter().copied()).current_dir(room.path());
        let output = command.output().unwrap();
        assert_eq!(output.status.code(), Some(2), "{variables:?}");
        String::from_utf8(output.stderr).unwrap()
    };
    let file = ["--config", "pigear.toml"];
    for (variable, value) in [
        ("PIGEAR_SENSOR", "dmz"),
        ("PIGEAR_LOGDIR", "log"),
        ("PIGEAR_FROM", "log/other"),
        ("PIGEAR_SOCKET_HANDLER", "unified2"),
        ("PIGEAR_ID_SUBDIR", "yes"),
    ] {
        let expected = format!(
            "error: {variable} can't be used with pigear.toml, which has sources of its own\n\
             hint: write it into one of its [[source]], and unset {variable}\n"
        );
        assert_eq!(said(&file, &[(variable, value)]), expected);
        // The doctor takes the same variables.
        let of_doctor = said(&["doctor", "--config", "pigear.toml"], &[(variable, value)]);
        assert_eq!(of_doctor, expected);
    }
    let mixed = [&file[..], &["--instances", "2"]].concat();
    let text = said(&mixed, &[("PIGEAR_SENSOR", "dmz"), ("PIGEAR_LOGDIR", "log")]);
    assert!(
        text.contains("leave out --instances and unset PIGEAR_LOGDIR PIGEAR_SENSOR\n"),
        "{text}"
    );
    // Of options that exclude each other, the user may see only one.
    let text = said(&["--logdir", "log"], &[("PIGEAR_FROM", "log/other")]);
    assert!(text.contains("hint: in the environment, PIGEAR_FROM is --from\n"), "{text}");
}

#[test]
fn several_sources_are_merged() {
    let test = Test::bare().args(["--config", "pigear.toml"]).file(
        "pigear.toml",
        "count = 2\n[[source]]\nlogdir = 'log'\n[[source]]\nfrom = 'log/other'\n",
    );
    let mut running = test.start();
    running.send(&ping());
    running.room().send_to("log/other", &ping());
    let (room, ended) = running.end();
    assert_eq!((ended.stdout, &*ended.stderr, ended.status), (PING.repeat(2), "", Some(0)));
    assert_eq!(room.list("log"), Vec::<String>::new());
}
