//! `--rules`: the rule of an alert.

use crate::harness::Test;
use crate::snort::{PING, ping};

/// A rule for [`ping`] with this revision.
fn rule(rev: u32) -> String {
    format!("alert icmp any any -> any any (msg:\"a ping\"; itype:8; sid:1000134; rev:{rev};)\n")
}

#[test]
fn rules_that_cannot_be_read_are_refused_at_the_start() {
    let problem = "error: cannot read none.rules: No such file or directory (os error 2)\n";
    Test::new().args(["--rules", "none.rules"]).stderr(problem).status(1);
    let fifo = "error: cannot read /dev/zero: it is not a regular file\n";
    Test::new().args(["--rules", "/dev/zero"]).stderr(fifo).status(1);
}

#[test]
fn a_broken_rule_is_said_and_passed_over() {
    let file = format!("{}\nalert icmp any any -> any any (sid:2\n{}", rule(1), rule(2));
    Test::new()
        .file("own.rules", file)
        .args(["--rules", "own.rules", "--count", "1"])
        .send(ping())
        .stdout(PING)
        .stderr(
            "warning: own.rules:3: the parenthesis with the rule's options is not closed; it is skipped\n",
        )
        .success();
}

#[test]
fn a_file_with_many_problems_hides_no_other() {
    let lines = |file, upto| {
        let line = |n| {
            format!(
                "warning: {file}:{n}: neither a rule nor another statement of Snort; it is skipped\n"
            )
        };
        (1..=upto).map(line).collect::<String>()
    };
    Test::new()
        .file("a.rules", "nonsense\n".repeat(8))
        .file("b.rules", "nonsense\n".to_owned() + &rule(1))
        .args(["--rules", "a.rules", "--rules", "b.rules", "--count", "1"])
        .send(ping())
        .stdout(PING)
        .stderr(
            lines("a.rules", 5) + &lines("b.rules", 1) + "warning: 3 problems more in the rules\n",
        )
        .success();
}

#[test]
fn no_handler_writes_to_a_file_of_rules() {
    Test::new()
        .file("own.rules", rule(1))
        .file("pigear.toml", "rules = [\"own.rules\"]\n[[handler]]\ntype = \"file\"\npath = \"own.rules\"\n")
        .args(["--config", "pigear.toml"])
        .stderr(
            "error: pigear.toml:4:8: own.rules is used by both the rules and handler file (pigear.toml:2); give each \
             its own file\n",
        )
        .status(2);
}

#[cfg(feature = "store")]
#[test]
fn a_query_shows_the_rule_beside_the_packet() {
    use crate::harness::program;
    use crate::snort::sent;

    let alert = sent("v2919/dns").swap_remove(0);
    let rules = "alert udp any any -> any 53 (msg:\"a name\"; content:\"|08|sinkhole|07|\"; nocase; \
        content:\"nothing\"; sid:1000110; rev:3;)";
    let room = Test::new()
        .file("own.rules", rules)
        .args(["--store", "a.db", "--data-handler", "null", "--count", "1"])
        .send(alert)
        .success();
    let ask = |args: &[&str]| {
        let mut command = program();
        command.args(["query", "--store", "a.db", "--rules", "own.rules"]).args(args);
        let output = command.current_dir(room.path()).output().unwrap();
        let text = |bytes| String::from_utf8(bytes).unwrap();
        (text(output.stdout), text(output.stderr), output.status.code())
    };
    let (shown, stderr, status) = ask(&["--packet", "1"]);
    assert_eq!((&*stderr, status), ("", Some(0)));
    let (_, shown) = shown.split_once("\nrule:\n").unwrap();
    assert_eq!(
        shown,
        format!(
            "{rules}\nown.rules:1\nrevision 3, but the alert has revision 4\ncontent \"|08|sinkhole|07|\": \
             [58..68] in the packet\ncontent \"nothing\": not found in the packet\n"
        )
    );
    let (_, stderr, status) = ask(&[]);
    assert_eq!(status, Some(2), "{stderr}");
    let (_, stderr, status) = ask(&["--packet", "1", "--format", "json"]);
    let expected = "error: --rules: rules are shown with the formats fast and full only\n";
    assert!(stderr.starts_with(expected), "{stderr}");
    assert_eq!(status, Some(2));
}

#[cfg(feature = "shell")]
mod in_the_shell {
    use std::fs;

    use super::{Test, ping, rule};
    use crate::running::Running;
    use crate::screen::{self, Screen};

    /// The shell after its first alert, with a file `own.rules` of this text.
    fn at_prompt(rules: &[u8]) -> (Running, Screen) {
        let test = Test::new().file("own.rules", rules);
        let test = test.args(["--data-handler", "shell", "--rules", "own.rules"]);
        let (mut running, screen) = screen::start(test, &[("NO_COLOR", "1")]);
        // Else this line may come after the prompt.
        screen.shows("listening on log/snort_alert");
        running.send(&ping());
        screen.prompts("pigear[1]>");
        (running, screen)
    }

    #[test]
    fn the_rule_of_an_alert_is_shown_as_it_is_now() {
        let (running, mut screen) = at_prompt(rule(2).as_bytes());
        screen.enters("rule");
        let shown = rule(2);
        screen.shows(&format!(
            "> rule\n{shown}own.rules:1\nrevision 2, but the alert has revision 1\npigear[1]>"
        ));
        fs::write(running.room().at("own.rules"), format!("{}# {}", rule(1), rule(9))).unwrap();
        let again = format!(
            "{}own.rules:1\nanother with the same id, revision 9: own.rules:2, commented out\n",
            rule(1)
        );
        let deadline = std::time::Instant::now() + crate::harness::DEADLINE;
        while !screen.text().contains(&again) {
            assert!(std::time::Instant::now() < deadline, "{}", screen.text());
            screen.enters("rule(msg)");
            screen.comes_to("pigear[1]>");
        }
        screen.enters("quit");
        assert_eq!(running.end().1.status, Some(0));
    }

    #[test]
    fn without_rules_it_is_said_what_to_do() {
        let test = Test::new().args(["--data-handler", "shell"]);
        let (mut running, mut screen) = screen::start(test, &[]);
        // Else this line may come after the prompt.
        screen.shows("listening on log/snort_alert");
        running.send(&ping());
        screen.prompts("pigear[1]>");
        screen.enters("rule");
        screen.shows("> rule\nno rules are read; start Pigear with --rules PATH\n");
        screen.enters("quit");
        assert_eq!(running.end().1.status, Some(0));
    }

    #[test]
    fn a_rule_cannot_control_the_terminal() {
        let hostile =
            b"alert icmp any any -> any any (msg:\"\x1b[2J\xe2\x80\xae\"; sid:1000134; rev:1;)\n";
        let (running, mut screen) = at_prompt(hostile);
        screen.enters("rule(alert)");
        screen.shows("own.rules:1\n");
        let bytes = screen.bytes();
        for part in [&b"\x1b[2J"[..], b"\xe2\x80\xae"] {
            assert!(!bytes.windows(part.len()).any(|window| window == part), "{part:?}");
        }
        screen.enters("quit");
        assert_eq!(running.end().1.status, Some(0));
    }
}
