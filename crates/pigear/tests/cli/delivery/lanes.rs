//! The lanes of a store: their names, and what `pigear lanes` shows.

use super::{end, lane, picky, run};
use crate::harness::{Test, program, until};
use crate::snort::ping;

#[test]
fn an_unknown_lane_is_an_error_that_names_those_that_there_are() {
    let mut running = picky().start();
    running.send(&ping());
    until("it is refused", || lane(running.room(), "exec") == Some((0, 1)));
    let (room, _) = end(running);
    let commands = [
        &["redeliver", "--lane", "exce"][..],
        &["query", "--dead-letters", "--lane", "exce"],
        &["lanes", "drop", "exce"],
    ];
    for command in commands {
        let output =
            program().args(command).args(["--store", "a.db"]).current_dir(room.path()).output();
        let output = output.unwrap();
        assert_eq!(
            (&*String::from_utf8(output.stderr).unwrap(), output.status.code()),
            ("error: no lane named \"exce\"; lanes are: exec\n", Some(1)),
            "{command:?}"
        );
    }
    assert_eq!(lane(&room, "exec"), Some((0, 1)));
}

#[test]
fn lanes_shows_the_account_and_the_receiver_of_each() {
    let mut running = picky().start();
    running.send(&ping());
    until("it is refused", || lane(running.room(), "exec") == Some((0, 1)));
    let (room, _) = end(running);
    let (lanes, _) = run(&room, &["lanes"]);
    let words: Vec<Vec<_>> = lanes.lines().map(|line| line.split_whitespace().collect()).collect();
    let head = "lane waiting dead letters handled failed last moved target";
    assert_eq!(words[0].join(" "), head);
    let [name, waiting, letters, handled, failed, _, target @ ..] = &words[1][..] else {
        panic!("{lanes}")
    };
    let counts = [waiting, letters, handled, failed].map(|word| word.parse::<u64>().unwrap());
    assert_eq!((*name, counts), ("exec", [0, 1, 0, 1]));
    assert!(!target.is_empty(), "{lanes}");
}

#[test]
fn no_handler_has_the_name_of_the_store() {
    let args = ["--store", "a.db", "--data-handler", "store=null"];
    Test::new()
        .args(args)
        .stderr(
            "error: handler store: the store itself has this name in counters; give the handler another \
            one\n",
        )
        .status(2);
}

#[test]
fn a_second_durable_handler_of_a_kind_needs_a_name_of_its_own() {
    let args = ["--store", "a.db", "--data-handler", "exec", "--data-handler", "exec"];
    let commands = ["exec.command=true", "exec-2.command=true"];
    let expected = "error: handler exec-2: the store must know it by a name of its own, since the next \
        configuration may give this one to another receiver; write --data-handler NAME=exec, or \
        name = \"NAME\" in a configuration file\n";
    Test::new().args(args).args(commands).stderr(expected).status(2);
    // In memory the number is enough.
    let in_memory = ["exec-2.durable=false", "--count", "1"];
    Test::new().args(args).args(commands).args(in_memory).send(ping()).success();
}
