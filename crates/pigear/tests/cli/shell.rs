//! The shell, in a terminal.

mod leaving;

use std::fs;

use pigear_alert::AlertMessage;
use pigear_alert::wire::{Dialect, encode};
use serde_json::Value;

use crate::harness::Test;
use crate::running::Running;
use crate::screen::{self, Screen};
use crate::snort::{PING, ping, sent};

/// What is typed for Ctrl-C and Ctrl-D.
const CTRL_C: &str = "\x03";
const CTRL_D: &str = "\x04";

fn shell() -> Test {
    Test::new().args(["--data-handler", "shell", "--stats", "stats.json"])
}

/// The shell after its first alert.
fn at_prompt(test: Test) -> (Running, Screen) {
    let (mut running, screen) = screen::start(test, &[]);
    screen.shows("listening on log/snort_alert");
    running.send(&ping());
    screen.prompts("pigear[1]>");
    (running, screen)
}

/// An alert with this message.
fn alert(msg: &[u8]) -> Vec<u8> {
    let mut message = AlertMessage::default();
    message.msg = msg.into();
    (message.sig_generator, message.sig_id, message.priority) = (1, 7, 2);
    encode(&message, Dialect::Snort3)
}

/// Quits, and returns how `shell` was counted.
fn quits(running: Running, mut screen: Screen) -> Value {
    screen.enters("quit");
    ends(running, &screen)
}

fn ends(running: Running, screen: &Screen) -> Value {
    let (room, ended) = running.end();
    assert_eq!(ended.status, Some(0), "{}", screen.text());
    screen.is_restored();
    serde_json::from_str::<Value>(&room.read("stats.json")).unwrap()["handlers"]["shell"].clone()
}

#[test]
fn the_session_of_the_manual_of_2012() {
    let test = Test::new().args(["--data-handler", "pigear.contrib.IPythonDataHandler"]);
    let (mut running, mut screen) = screen::start(test.args(["--stats", "stats.json"]), &[]);
    screen.shows("listening on log/snort_alert");
    screen.shows(&"#".repeat(82));
    screen.shows("opens a shell here on every alert");
    running.send(&alert(b"PROTOCOL-ICMP Echo Reply"));
    running.send(&ping());
    screen.shows("[**] [1:7:0] PROTOCOL-ICMP Echo Reply [**] [Priority: 2]");

    screen.shows("pigear[1");
    screen.types("msg.\t");
    screen.shows("priority         transhdr         tv_usec\n");
    let listed = screen.text();
    let words: Vec<_> = listed.split_whitespace().collect();
    for name in
        "caplen classification data dlthdr event_id event_reference msg nethdr pkt pktlen priority \
        sig_generator sig_id sig_rev transhdr ts_sec ts_usec tv_sec tv_usec val"
            .split(' ')
    {
        assert!(words.contains(&name), "{name} is not completed:\n{listed}");
    }
    screen.types("prio\t\r");
    screen.shows("> msg.priority\n2\n");
    screen.enters("print(msg.msg)");
    screen.shows("> print(msg.msg)\nPROTOCOL-ICMP Echo Reply\n");
    screen.enters("next");
    screen.shows(PING.trim_end());
    screen.prompts("pigear[2]>");
    screen.enters("msg.priority");
    screen.shows("pigear[2]> msg.priority\n3\n");
    screen.types(CTRL_D);
    screen.shows("waiting for the next alert; Ctrl-C ends");
    screen.types(CTRL_C);
    let counted = ends(running, &screen);
    assert_eq!(counted["handled"], 2);
}

#[test]
fn standard_input_that_is_no_terminal_is_refused() {
    Test::new()
        .args(["--data-handler", "shell"])
        .stderr(
            "error: handler shell: standard input is not a terminal, and a shell needs one; other handlers, \
             such as `print`, need none\n",
        )
        .status(1);
}

#[test]
fn two_shells_are_refused() {
    let test = Test::new().args(["--data-handler", "shell", "--data-handler", "shell"]);
    let (running, screen) = screen::start(test, &[]);
    let (_, ended) = running.end();
    assert_eq!(ended.status, Some(1));
    screen.shows("error: handler shell-2: only one shell can use a terminal");
}

#[test]
fn what_an_attacker_wrote_never_reaches_the_terminal() {
    let hostile = b"\x1b[2J\x1b]0;owned\x07\r\nfake> caf\xe9\x9b1m\xe2\x80\xae";
    let (mut running, mut screen) = screen::start(shell(), &[("NO_COLOR", "1")]);
    screen.shows("listening on log/snort_alert");
    running.send(&alert(hostile));
    screen.prompts("pigear[1]>");
    for line in [
        "msg.msg",
        "print(msg.msg)",
        "debug(msg.msg)",
        "msg",
        "alert",
        "alerts",
        "[msg.msg]",
        "#{m: msg.msg}",
        "throw msg.msg",
        "format(alert, \"full\")",
        "msg.msg.no_such(1)",
        "let x = #{known: 1234}; x[msg.msg] = 1; x",
    ] {
        screen.enters(line);
    }
    screen.types("x.\t");
    screen.enters(" + 1");
    screen.shows("> x.known + 1\n1235\n");
    let bytes = screen.bytes();
    let has = |part: &[u8]| bytes.windows(part.len()).any(|window| window == part);
    for part in
        [&b"\x1b[2J"[..], b"\x1b]0", b"\x07", b"\nfake>", b"\x9b1m\xe2", b"\xe2\x80\xae", b"\xe9"]
    {
        assert!(!has(part), "{part:?} reached the terminal");
    }
    screen.shows("\\x1b[2J\\x1b]0;owned\\x07\\x0d\\x0afake> caf");
    quits(running, screen);
}

#[test]
fn a_text_that_is_printed_over_several_lines_cannot_pass_for_the_shell() {
    let (mut running, mut screen) = screen::start(shell(), &[]);
    running.send(&alert(b"a\npigear[1]> quit"));
    screen.prompts("pigear[1]>");
    screen.enters("print(msg.msg)");
    screen.shows("\n  a\n  pigear[1]> quit\n");
    quits(running, screen);
}

#[test]
fn a_script_cannot_run_or_grow_without_end() {
    let (running, mut screen) = at_prompt(shell());
    screen.enters("fn f(n) { f(n + 1) } f(0)");
    screen.shows("error: its functions call each other too deep\n");
    screen.enters("let s = \"x\"; loop { s += s; }");
    screen.shows("error: length of string too large\n");
    screen.enters("import \"/etc/passwd\" as p;");
    screen.shows("error: 'import' is a reserved keyword");
    screen.enters("sleep(1000)");
    screen.shows("error: scripts can't sleep\n");
    quits(running, screen);
}

#[test]
fn mistakes_are_marked_and_harm_nothing() {
    let (running, mut screen) = at_prompt(shell());
    screen.enters("msg.priority +* 2");
    screen.shows("\n  | msg.priority +* 2\n  |               ^\n");
    screen.enters("mgs.priority");
    screen.shows("error: unknown variable `mgs`\n  | mgs.priority\n  | ^\n");
    screen.enters("msg.prio");
    screen.shows("error: unknown property 'prio'\n");
    screen.enters("msg.priority = 1");
    screen.enters("msg.priority");
    screen.shows("> msg.priority\n3\n");
    quits(running, screen);
}

#[test]
fn variables_and_functions_are_kept_over_lines_and_alerts() {
    let (mut running, mut screen) = at_prompt(shell());
    screen.enters("let seen = [msg.sig_id];");
    screen.enters("fn twice(n) {");
    screen.enters("    n * 2");
    screen.enters("}");
    screen.enters("fn urgent() { msg.priority < 3 }");
    screen.enters("next");
    screen.shows("waiting for the next alert");
    running.send(&alert(b"second"));
    screen.prompts("pigear[2]>");
    screen.enters("seen.push(msg.sig_id); seen");
    screen.shows("[1000134, 7]");
    screen.enters("twice(21)");
    screen.shows("\n42\n");
    screen.enters("urgent()");
    screen.shows("\ntrue\n");
    screen.enters("for a in alerts { print(`${a.message.sig_id}: ${a.proto}`) }");
    screen.shows("1000134: ICMP\n7: \n");
    screen.enters("let seen = 1; let seen = 2; seen + 100");
    screen.shows("\n102\n");
    screen.types("see\t + 1000\r");
    screen.shows("\n1002\n");
    quits(running, screen);
}

#[test]
fn each_alert_is_in_its_variables_whatever_was_in_them_before() {
    let (mut running, mut screen) = at_prompt(shell());
    screen.enters("let msg = 5; const alert = alerts[0];");
    screen.enters("msg + 20");
    screen.shows("\n25\n");
    screen.enters("next");
    screen.shows("waiting for the next alert");
    running.send(&alert(b"second"));
    screen.prompts("pigear[2]>");
    screen.enters("[msg.sig_id, alert.message.sig_id]");
    screen.shows("\n[7, 7]\n");
    quits(running, screen);
}

#[test]
fn alerts_in_lists_and_maps_are_shown_as_such() {
    let (running, mut screen) = at_prompt(shell());
    screen.enters("[alert, msg, #{a: alert, n: 1}]");
    screen.shows("\n[<Alert>, <AlertMessage>, #{\"a\": <Alert>, \"n\": 1}]\n");
    quits(running, screen);
}

#[test]
fn the_packet_can_be_taken_apart() {
    let (running, mut screen) = at_prompt(shell());
    screen.enters("layers");
    screen.shows("\n└─ IPv4 [14..34] source=192.168.10.21 destination=198.51.100.1 protocol=ICMP");
    screen.shows("\n   └─ ICMP [34..42] type=8 code=0");
    screen.enters("hexdump(msg.pkt)");
    screen.shows("\n0000  02 00 ");
    screen.enters("msg.pkt");
    screen.shows("bytes\n0000  02 00 ");
    screen.enters("print(msg.pkt)");
    screen.shows("bytes\n  0000  02 00 ");
    screen.enters("alert.layers");
    screen.shows("> alert.layers\nEthernet [0..14] destination=");
    screen.enters("print(alert.layers)");
    screen.shows("\n  IPv4 [14..34] ");
    screen.enters("print([1, 2])");
    screen.shows("\n[1, 2]\n");
    screen.enters("alert");
    screen.shows("Ethernet, IPv4, ICMP; `layers` shows them");
    screen.enters("alert.proto == \"icmp\" && alerts.some(|a| a.proto in [\"Icmp\"])");
    screen.shows("\ntrue\n");
    screen.enters("alert.src_ip");
    screen.shows("\n\"192.168.10.21\"\n");
    screen.enters("?");
    screen.shows("next, or Ctrl-D      continues with the next alert");
    screen.enters("help(msg)");
    screen.shows("  msg.priority           priority: 1 is the most severe, 0 none\n");
    screen.enters("?hexdump");
    screen.shows("  hexdump(msg.pkt)\n      bytes as a text of lines");
    screen.enters("msg");
    screen.shows("AlertMessage\n  msg                \"ICMP Echo Request\"\n  ts_sec             1750010800\n");
    quits(running, screen);
}

#[test]
fn alerts_are_received_meanwhile_and_wait() {
    let (mut running, mut screen) = at_prompt(shell());
    for _ in 0..300 {
        running.send(&ping());
    }
    screen.comes_to("pigear[1, 300 wait]>");
    screen.enters("alerts.len()");
    screen.shows("\n301\n");
    screen.prompts("pigear[1, 300 wait]>");
    screen.enters("next");
    screen.prompts("pigear[2, 299 wait]>");
    screen.enters("alerts");
    screen.shows("… 261 older\n");
    screen.shows("  alerts[300]  2025-06-15T18:06:40.999998Z");
    screen.enters("quit");
    screen.shows("299 more alerts were not examined");
    let counted = ends(running, &screen);
    assert_eq!((&counted["handled"], &counted["dropped"]), (&2.into(), &299.into()));
}

#[test]
fn the_numbers_in_the_list_are_indexes_and_alerts_can_be_passed_over() {
    let (mut running, mut screen) = at_prompt(shell());
    for msg in [&b"second"[..], b"third", b"fourth", b"fifth"] {
        running.send(&alert(msg));
    }
    screen.comes_to("pigear[1, 4 wait]>");
    screen.enters("next 3");
    screen.prompts("pigear[4, 1 wait]>");
    screen.enters("msg.msg");
    screen.shows("\n\"fourth\"\n");
    screen.enters("alerts");
    screen.shows("> alerts[3]    1970-01-01T00:00:00.000000Z [**] [1:7:0] fourth");
    screen.enters("alerts[3].message.msg + alerts[0].message.msg");
    screen.shows("\n\"fourthICMP Echo Request\"\n");
    screen.enters("next none");
    screen.shows("error: next takes a number of alerts, such as next 5\n");
    screen.enters("next 7");
    screen.shows("only 1 wait\n");
    screen.prompts("pigear[5]>");
    assert_eq!(quits(running, screen)["handled"], 5);
}

#[test]
fn behind_a_filter_only_alerts_that_waited_are_passed_over() {
    let test = shell().args(["--filter", "msg.sig_id == 7"]);
    let (mut running, mut screen) = screen::start(test, &[]);
    running.send(&alert(b"first"));
    screen.shows("[1:7:0] first");
    for datagram in [ping(), alert(b"second"), ping(), ping()] {
        running.send(&datagram);
    }
    screen.comes_to("pigear[1, up to 4 wait]>");
    screen.enters("next 4");
    screen.shows("waiting for the next alert; Ctrl-C ends");
    running.send(&alert(b"third"));
    screen.shows("skipped 1: no more of those that waited passed the filter\n");
    screen.shows("[1:7:0] third");
    screen.comes_to("pigear[3]>");
    let counted = quits(running, screen);
    assert_eq!((&counted["handled"], &counted["filtered"]), (&3.into(), &3.into()));
}

#[test]
fn alerts_have_their_numbers_also_if_more_wait_than_are_remembered() {
    let (mut running, mut screen) = at_prompt(shell());
    for _ in 0..1_200 {
        running.send(&ping());
    }
    screen.comes_to("pigear[1, 1200 wait]>");
    screen.enters("alerts");
    screen.shows("… 1161 older\n");
    screen.shows("  alerts[999]  2025-06-15T18:06:40.999998Z");
    quits(running, screen);
}

#[test]
fn with_count_all_alerts_are_shown_before_the_end() {
    let (mut running, mut screen) = at_prompt(shell().args(["--count", "3"]));
    running.send(&alert(b"second"));
    running.send(&alert(b"third"));
    let socket = running.room().socket();
    crate::harness::until("nothing more is received", || !socket.exists());
    screen.comes_to("pigear[1, 2 wait]>");
    screen.types(CTRL_D);
    screen.prompts("pigear[2, 1 wait]>");
    screen.enters("next");
    screen.prompts("pigear[3]>");
    screen.enters("msg.msg");
    screen.shows("\n\"third\"\n");
    screen.enters("next");
    let counted = ends(running, &screen);
    assert_eq!((&counted["handled"], &counted["dropped"]), (&3.into(), &0.into()));
    assert!(!screen.text().contains("waiting for the next alert"), "there is none");
}

#[test]
fn the_shell_sees_what_passes_the_filter() {
    let test = shell().args(["--filter", "msg.sig_id == 7"]);
    let (mut running, mut screen) = screen::start(test, &[]);
    running.send(&ping());
    running.send(&alert(b"passes"));
    screen.shows("[1:7:0] passes");
    running.send(&ping());
    screen.comes_to("pigear[1, up to 1 wait]>");
    screen.enters("alerts.len() + 70");
    screen.shows("\n71\n");
    let counted = quits(running, screen);
    assert_eq!((&counted["handled"], &counted["filtered"]), (&1.into(), &1.into()));
}

#[test]
fn the_shell_says_that_it_waits_though_alerts_wait_for_the_filter() {
    let test = shell().args(["--filter", "msg.sig_id == 7"]);
    let (mut running, mut screen) = screen::start(test, &[]);
    running.send(&alert(b"passes"));
    running.send(&ping());
    screen.comes_to("pigear[1, up to 1 wait]>");
    screen.enters("next");
    screen.shows("waiting for the next alert; Ctrl-C ends");
    screen.types(CTRL_C);
    let counted = ends(running, &screen);
    assert_eq!((&counted["handled"], &counted["filtered"]), (&1.into(), &1.into()));
}

#[test]
fn colours_are_used_unless_they_are_not_wanted() {
    for (environment, coloured) in
        [(&[][..], true), (&[("NO_COLOR", "1")], false), (&[("NO_COLOR", "")], true)]
    {
        let (mut running, mut screen) = screen::start(shell(), environment);
        running.send(&sent("v2919/http")[0]);
        screen.prompts("pigear[1]>");
        screen.enters("let x = 1");
        screen.shows("> let x = 1\npigear[1]>");
        let bytes = String::from_utf8_lossy(&screen.bytes()).into_owned();
        assert_eq!(bytes.contains("\x1b[35mlet"), coloured, "{environment:?}");
        assert_eq!(bytes.contains("\x1b[1;32mpigear"), coloured);
        assert_eq!(bytes.contains("\x1b[1mSCAN inventory"), coloured);
        quits(running, screen);
    }
}

#[test]
fn what_was_typed_is_kept_in_a_file() {
    let (running, mut screen) = at_prompt(shell().args(["history=typed"]));
    screen.enters("let x = 40");
    screen.enters("x + 2");
    screen.shows("\n42\n");
    screen.enters("quit");
    let (room, _) = running.end();
    assert_eq!(room.read("typed"), "#V2\nlet x = 40\nx + 2\nquit\n");
    let mode = std::os::unix::fs::MetadataExt::mode(&fs::metadata(room.at("typed")).unwrap());
    assert_eq!(mode & 0o777, 0o600);

    let (running, mut screen) = at_prompt(shell());
    screen.enters("3 + 4");
    screen.shows("\n7\n");
    screen.types("\x1b[A");
    screen.prompts("pigear[1]> 3 + 4");
    screen.types(CTRL_C);
    screen.prompts("pigear[1]>");
    screen.enters("quit");
    let (room, _) = running.end();
    assert_eq!(room.read(".local/state/pigear/history"), "#V2\n3 + 4\nquit\n");
}

#[test]
fn a_terminal_that_can_do_nothing_is_enough() {
    let (mut running, mut screen) = screen::start(shell(), &[("TERM", "dumb")]);
    running.send(&ping());
    screen.prompts("pigear[1]>");
    screen.enters("msg.priority");
    screen.shows("\n3\n");
    quits(running, screen);
}

/// The manual's session: its lines are typed, and must show what the manual has.
#[test]
fn the_manual_shows_what_the_shell_shows() {
    let manual = include_str!("../../../../docs/shell.md");
    let session = manual.split("```console\n").nth(1).unwrap().split("```").next().unwrap();
    let (_, session) = session.split_once('\n').unwrap();
    let (mut running, mut screen) = screen::start(shell(), &[("NO_COLOR", "1")]);
    screen.shows("listening on log/snort_alert");
    let alerts = sent("v2919/http");
    assert_eq!(alerts.len(), 6);
    for alert in &alerts {
        running.send(alert);
    }
    screen.comes_to("pigear[1, 5 wait]>");

    let mut typed = "";
    let mut open = false;
    for line in session.lines() {
        let prompted = line.split_once("]> ").filter(|(prompt, _)| prompt.starts_with("pigear["));
        let Some(input) = prompted.map(|(_, input)| input).or(Some(line).filter(|_| open)) else {
            continue;
        };
        if let Some((prompt, _)) = prompted.filter(|_| typed.is_empty()) {
            screen.prompts(&format!("{prompt}]>"));
        }
        // Behind a dot comes TAB, and then the rest of the line.
        let rest = input.strip_prefix(typed).unwrap_or(input);
        let before_tab = input.ends_with('.');
        typed = if before_tab { input } else { "" };
        screen.types(rest);
        screen.prompts(line);
        screen.types(if before_tab { "\t" } else { "\r" });
        open = input.ends_with('{') || (open && input != "}");
    }
    let (_, ended) = running.end();
    assert_eq!(ended.status, Some(0));
    screen.shows("pigear: received 6");
    let shown = screen.text();
    let from = |text: &str, start: &str| text[text.find(start).unwrap()..].trim_end().to_owned();
    assert_eq!(from(&shown, "> next\n"), from(session, "> next\n"));
    let (before, _) = session.split_once("\npigear[").unwrap();
    // The program may say where it listens between the two.
    let (banner, alert) = before.rsplit_once('\n').unwrap();
    assert!(shown.contains(banner) && shown.contains(alert), "{shown}");
}
