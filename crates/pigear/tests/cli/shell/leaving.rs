//! What ends the shell, and what does not.

use nix::sys::signal::Signal;

use super::{CTRL_C, at_prompt, ends, quits, shell};
use crate::harness::counters;
use crate::snort::ping;

#[test]
fn ctrl_c_gives_up_the_line_and_ends_a_script() {
    let (running, mut screen) = at_prompt(shell());
    screen.types("never entered");
    screen.shows("never entered");
    screen.types(CTRL_C);
    screen.prompts("pigear[1]>");
    screen.enters("loop { }");
    // The terminal shows what is typed while a script runs, and not before.
    screen.is_restored();
    screen.types(CTRL_C);
    screen.shows("interrupted\n");
    screen.prompts("pigear[1]>");
    screen.types("fn unfinished() {\r");
    screen.shows("fn unfinished() {");
    screen.types(CTRL_C);
    screen.prompts("pigear[1]>");
    screen.enters("20 + 3");
    screen.shows("\n23\n");
    assert_eq!(quits(running, screen)["handled"], 1);
}

#[test]
fn ctrl_z_does_not_halt_the_program_with_which_snort_would_stand_still() {
    let (running, mut screen) = at_prompt(shell());
    assert!(!screen.suspends());
    screen.types("\x1a");
    screen.enters("20 + 3");
    screen.shows("\n23\n");
    screen.enters("loop { }");
    screen.is_restored();
    assert!(!screen.suspends());
    screen.types(CTRL_C);
    screen.prompts("pigear[1]>");
    screen.enters("quit");
    ends(running, &screen);
    assert!(screen.suspends());
}

#[test]
fn whoever_comes_from_ipython_can_leave_too() {
    for line in ["quit()", "exit", "exit()"] {
        let (mut running, mut screen) = at_prompt(shell());
        running.send(&ping());
        screen.comes_to("pigear[1, 1 wait]>");
        screen.enters(line);
        screen.shows("1 more alert was not examined");
        let counted = ends(running, &screen);
        assert_eq!((&counted["handled"], &counted["dropped"]), (&1.into(), &1.into()), "{line}");
    }
}

#[test]
fn a_signal_ends_the_program_at_the_prompt_and_in_a_script() {
    for line in ["", "msg.", "loop { }\r"] {
        let (mut running, mut screen) = at_prompt(shell());
        running.send(&ping());
        screen.types(line);
        screen.shows(line.trim_end());
        running.signal(Signal::SIGTERM);
        let counted = ends(running, &screen);
        assert_eq!((&counted["handled"], &counted["dropped"]), (&0.into(), &2.into()));
        screen.shows("pigear: received 2");
    }
}

#[test]
fn a_terminal_that_is_closed_ends_the_program() {
    let (running, screen) = at_prompt(shell());
    drop(screen);
    let (room, ended) = running.end();
    assert_eq!(ended.status, Some(0));
    assert_eq!(room.read("stats.json"), counters([1, 0, 0, 0], &[("shell", [1, 0, 0])]));
}

#[test]
fn a_terminal_that_is_closed_while_no_alert_is_shown_ends_the_program() {
    let (mut running, mut screen) = at_prompt(shell());
    running.signal(Signal::SIGHUP);
    screen.enters("next");
    screen.shows("waiting for the next alert");
    drop(screen);
    let (room, ended) = running.end();
    assert_eq!(ended.status, Some(0));
    assert!(!room.socket().exists());
    assert_eq!(room.read("stats.json"), counters([1, 0, 0, 0], &[("shell", [1, 0, 0])]));
}

#[test]
fn a_terminal_that_is_closed_while_a_script_runs_ends_the_program() {
    let (running, mut screen) = at_prompt(shell());
    screen.enters("loop { }");
    screen.is_restored();
    drop(screen);
    let (_, ended) = running.end();
    assert_eq!(ended.status, Some(0));
}
