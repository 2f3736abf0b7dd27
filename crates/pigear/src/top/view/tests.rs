mod harness;
mod triage;

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::mpsc::{Receiver, channel};

use jiff::tz::TimeZone;
use pigear_alert::wire::{Decoder, Dialect, encode};
use pigear_alert::{Alert, AlertMessage};
use pigear_pipeline::recording::Reader as Recording;
use pigear_pipeline::{AlertFactory, Handler, Totals};
use ratatui::Terminal;
use ratatui::backend::TestBackend;
use ratatui::style::Color;
use ratatui::termion::event::Key;
use tempfile::TempDir;

use super::*;
use crate::store::{LaneState, Selection, Store, Unstorable};
use crate::top::app::Outcome;
use crate::top::change::Triage;
use crate::top::counter::Counter;
use crate::top::detail;
use crate::top::message::{Message, TailUpdate};
use crate::top::outbox::Outbox;
use crate::top::tail::Tail;
use crate::top::wanted::{Order, Wanted};
use harness::{Top, lanes, recorded};
pub(in crate::top) use harness::{alert, put};

#[test]
fn the_screen_has_everything_at_80_columns_and_24_rows() {
    let mut top = Top::new(recorded());
    insta::assert_snapshot!(top.screen(80, 24));
}

#[test]
fn a_larger_screen_has_more_of_it() {
    let mut top = Top::new(recorded());
    top.app.take(Message::Tail(Box::new(TailUpdate {
        lanes: Some(lanes()),
        received: vec![(1_795_019_261, 7), (1_795_019_215, 1_000)],
        ..TailUpdate::default()
    })));
    insta::assert_snapshot!(top.screen(120, 40));
    top.app.lanes.truncate(2);
    insta::assert_snapshot!("lanes_at_80_columns", top.screen(80, 24));
}

#[test]
fn a_screen_that_is_too_small_says_so() {
    let mut top = Top::new(recorded());
    insta::assert_snapshot!(top.screen(60, 20));
    for (width, height) in [(1, 1), (79, 24), (80, 23), (5, 200)] {
        assert!(!top.screen(width, height).contains("alerts, newest"), "{width} {height}");
    }
    assert!(top.screen(80, 24).contains("alerts, newest"));
}

#[test]
fn on_a_screen_that_is_too_small_only_the_keys_that_leave_it_act() {
    let mut top = Top::new(recorded());
    top.screen(60, 20);
    for key in [Key::Char('e'), Key::Char('s'), Key::Char('u'), Key::Char('/'), Key::Char('\n')] {
        assert_eq!(top.app.take(Message::Key(key)), Outcome::Draw);
        assert!(top.app.take_change().is_none() && top.app.take_opening().is_none(), "{key:?}");
        assert!(matches!(top.app.mode, Mode::List), "{key:?}");
    }
    for (key, outcome) in [
        (Key::Char('q'), Outcome::Quit),
        (Key::Ctrl('c'), Outcome::Quit),
        (Key::Ctrl('z'), Outcome::Suspend),
    ] {
        assert_eq!(top.app.take(Message::Key(key)), outcome, "{key:?}");
    }
    top.screen(80, 24);
    top.app.take(Message::Key(Key::Char('s')));
    assert!(top.app.take_change().is_some());
    // What is being written stays, and q isn't part of it.
    top.app.take(Message::Key(Key::Char('/')));
    top.screen(60, 20);
    top.app.take(Message::Key(Key::Char('x')));
    assert_eq!(top.app.take(Message::Key(Key::Char('q'))), Outcome::Quit);
    let Mode::Filter(line) = &top.app.mode else { panic!("the filter is gone") };
    assert_eq!(line.editor.text(), "");
}

#[test]
fn no_screen_is_drawn_beyond_its_end() {
    let mut top = Top::new(recorded());
    top.app.lanes = [lanes(), lanes(), lanes()].concat();
    for key in [Key::Null, Key::Char('\n'), Key::Esc, Key::Char('?'), Key::Esc, Key::Char('/')] {
        top.press(key);
        for (width, height) in [(80, 24), (81, 25), (109, 24), (110, 24), (300, 24), (80, 200)] {
            top.screen(width, height);
        }
    }
}

#[test]
fn an_alert_is_shown_with_its_headers_and_bytes() {
    let mut top = Top::new(recorded());
    top.press(Key::Char('\n'));
    insta::assert_snapshot!(top.screen(80, 24));
    top.press(Key::Char('G'));
    insta::assert_snapshot!("the_end_of_an_alert", top.screen(80, 24));
    top.press(Key::Esc);
    assert!(top.screen(80, 24).contains("alerts, newest"));
}

#[test]
fn an_alert_that_is_gone_says_so() {
    let mut top = Top::new(recorded());
    let id = top.app.list.selected().unwrap().id;
    rusqlite::Connection::open(top.path())
        .unwrap()
        .execute("DELETE FROM alert WHERE id = ?1", [id])
        .unwrap();
    top.press(Key::Char('\n'));
    let screen = top.screen(80, 24);
    assert!(screen.contains(&format!("alert {id} is not in the store any more")), "{screen}");
}

#[test]
fn an_alert_of_another_store_is_not_opened_by_its_number() {
    let mut top = Top::new(vec![alert(b"the one that is shown")]);
    top.store.take().unwrap().close();
    fs::remove_file(top.path()).unwrap();
    put(&Store::open(&top.path()).unwrap(), vec![alert(b"in the new one")]);
    top.press(Key::Char('\n'));
    let screen = top.screen(80, 24);
    assert!(screen.contains("another store is there now"), "{screen}");
    assert!(!screen.contains("in the new one"), "{screen}");
}

#[test]
fn help_names_the_keys() {
    let mut top = Top::new(recorded());
    top.press(Key::Char('?'));
    insta::assert_snapshot!(top.screen(80, 24));
    top.press(Key::Char('x'));
    assert!(top.screen(80, 24).contains("alerts, newest"));
}

#[test]
fn a_wrong_filter_is_marked_where_it_is_wrong() {
    let mut top = Top::new(recorded());
    top.types("/msg.priority <= 2 && alert.src_prt == 5");
    top.press(Key::Char('\n'));
    insta::assert_snapshot!(top.screen(80, 24));
    // The words are those of the command line.
    let problem =
        crate::script::Filter::compile("msg.priority <= 2 && alert.src_prt == 5").err().unwrap();
    let screen = top.screen(80, 24);
    for line in problem.to_string().lines() {
        assert!(screen.contains(line), "{line}");
    }
    top.press(Key::Backspace);
    assert!(!top.screen(80, 24).contains("did you mean"), "it was changed");
    top.press(Key::Esc);
    assert!(top.app.wanted.filter.is_none());
}

#[test]
fn a_filter_changes_all_that_is_shown() {
    let mut top = Top::new(recorded());
    top.types("/alert.dst_port == 80");
    top.press(Key::Char('\n'));
    insta::assert_snapshot!(top.screen(80, 24));
    top.types("/");
    "alert.dst_port == 80".chars().for_each(|_| top.press(Key::Backspace));
    top.press(Key::Char('\n'));
    assert!(!top.screen(80, 24).contains("only:"));
    assert!(top.screen(80, 24).contains("ICMP"));
}

#[test]
fn a_filter_that_fails_says_so() {
    let mut top = Top::new(recorded());
    top.types("/msg.msg.len() / (msg.priority - msg.priority) > 0");
    top.press(Key::Char('\n'));
    let screen = top.screen(80, 24);
    assert!(screen.contains("the filter failed for 42 alerts, which are left out: "), "{screen}");
}

#[test]
fn criteria_of_the_command_line_are_named() {
    let mut selection = Selection::default();
    for (name, value) in [("sid", "1000130"), ("src", "203.0.113.0/24"), ("acknowledged", "no")] {
        selection.set(name, value).unwrap();
    }
    let mut top = Top::with(recorded(), selection, true);
    let screen = top.screen(80, 24);
    let options = "only: --sid 1000130 --src 203.0.113.0/24 --acknowledged no";
    assert!(screen.contains(options) && !screen.contains("Echo Reply"), "{screen}");
}

#[test]
fn new_alerts_come_on_top_and_a_paused_list_counts_them() {
    let mut top = Top::new(recorded());
    top.put(vec![alert(b"the newest")]);
    top.look();
    let line = |top: &mut Top, n: usize| top.screen(80, 24).lines().nth(n).unwrap().to_owned();
    let first =
        top.screen(80, 24).lines().position(|line| line.contains("alerts, newest")).unwrap() + 1;
    assert!(line(&mut top, first).contains("the newest"));
    top.press(Key::Char('p'));
    top.put(vec![alert(b"one more"), alert(b"and one")]);
    top.look();
    assert!(line(&mut top, first).contains("the newest"));
    assert!(line(&mut top, first - 1).contains("paused   2 new"), "{}", line(&mut top, first - 1));
    top.press(Key::Char('p'));
    assert!(line(&mut top, first).contains("and one"));
}

#[test]
fn the_period_is_changed_with_a_key() {
    let mut top = Top::new(recorded());
    for name in ["whole store", "last 5 minutes", "last hour", "last 24 hours", "whole store"] {
        let screen = top.screen(80, 24);
        assert!(screen.contains(&format!("top signatures, {name}")), "{screen}");
        top.press(Key::Char('t'));
    }
    top.press(Key::Char('T'));
    top.press(Key::Char('T'));
    assert!(top.screen(80, 24).contains("last 24 hours"));
}

#[test]
fn an_empty_store_says_so() {
    insta::assert_snapshot!(Top::new(Vec::new()).screen(80, 24));
}

#[test]
fn a_store_that_goes_away_and_comes_back_is_shown_again() {
    let mut top = Top::new(recorded());
    top.store.take().unwrap().close();
    let (path, away) = (top.path(), top.dir.path().join("away.db"));
    fs::rename(&path, &away).unwrap();
    top.look();
    let screen = top.screen(80, 24);
    assert!(
        screen.contains("cannot read the store: there is no store; waiting for it"),
        "{screen}"
    );
    fs::write(&path, "not a database, but longer than its header: ".repeat(40)).unwrap();
    top.look();
    assert!(top.screen(80, 24).contains("the file is not a Pigear store; waiting for it"));
    fs::remove_file(&path).unwrap();
    let store = Store::open(&path).unwrap();
    put(&store, vec![alert(b"in the new one")]);
    top.look();
    let screen = top.screen(80, 24);
    assert!(screen.contains("in the new one") && !screen.contains("cannot read"), "{screen}");
    assert!(!screen.contains("ICMP"), "{screen}");
}

#[test]
fn text_of_alerts_is_escaped() {
    let text = "a\x1b[31mb\u{202e}c\u{200b}d\r\ne<script>";
    let alerts = [text.as_bytes(), b"\xff\xfe\x9b", &[b'w'; 255]].map(alert);
    let mut top = Top::new(alerts.into());
    // In the list and among the signatures; in the headline.
    for (key, count) in [(Key::Null, 2), (Key::Down, 2), (Key::Down, 2), (Key::Char('\n'), 1)] {
        top.press(key);
        let screen = top.screen(200, 40);
        let is_safe = |letter: char| letter == '\n' || pigear_alert::visible::is_visible(letter);
        assert!(screen.chars().all(is_safe), "{screen}");
        let shown = r"a\x1b[31mb\u{202e}c\u{200b}d\x0d\x0ae<script>";
        assert_eq!(screen.matches(shown).count(), count, "{screen}");
    }
}

#[test]
fn without_colours_words_and_attributes_tell_priorities() {
    for (colour, is_coloured) in [(true, true), (false, false)] {
        let mut top = Top::with(recorded(), Selection::default(), colour);
        top.app.take(Message::Tail(Box::new(TailUpdate {
            lanes: Some(lanes()),
            ..TailUpdate::default()
        })));
        let mut coloured = 0;
        for key in [
            Key::Null,
            Key::Char('\n'),
            Key::Esc,
            Key::Char('?'),
            Key::Esc,
            Key::Char('/'),
            Key::Char('x'),
            Key::Char('\n'),
        ] {
            top.press(key);
            let terminal = top.terminal(120, 40);
            let cells = terminal.backend().buffer().content().iter();
            coloured +=
                cells.filter(|cell| (cell.fg, cell.bg) != (Color::Reset, Color::Reset)).count();
        }
        assert_eq!(coloured > 0, is_coloured);
    }
    let mut top = Top::with(recorded(), Selection::default(), false);
    let screen = top.screen(80, 24);
    for word in ["1 high", "2 medium", "3 low"] {
        assert!(screen.contains(word), "{word}:\n{screen}");
    }
    let styles = [Some(1), Some(2), Some(3)].map(|priority| top.theme.priority(priority));
    assert!(styles[0] != styles[1] && styles[1] != styles[2]);
}

#[test]
fn new_alerts_are_shown_while_older_ones_are_looked_for() {
    let mut top = Top::new(recorded());
    top.types("/msg.priority == 1");
    let wanted = top.app.wanted.filtered(Some("msg.priority == 1".to_owned()));
    top.order.change(wanted.clone());
    top.app.wanted = wanted;
    top.app.take(Message::Key(Key::Esc));
    top.tail.look().unwrap();
    let search = top.tail.take_search().unwrap();
    put(top.store.as_ref().unwrap(), vec![alert(b"stored meanwhile")]);
    top.tail.look().unwrap();
    top.receive();
    let screen = top.screen(80, 24);
    assert!(screen.contains("stored meanwhile") && screen.contains("searching …"), "{screen}");
    assert!(!screen.contains("cmd.exe"), "{screen}");
    search.run().unwrap();
    top.receive();
    let screen = top.screen(80, 24);
    let place =
        |text: &str| screen.find(text).unwrap_or_else(|| panic!("no {text:?} on\n{screen}"));
    assert!(place("stored meanwhile") < place("WEB-IIS cmd.exe access  "));
    assert_eq!(screen.matches("stored meanwhile").count(), 1);
    assert!(!screen.contains("searching"), "{screen}");
}

#[test]
fn what_a_former_search_finds_is_not_shown() {
    let mut top = Top::new(recorded());
    let mut search = |filter: &str| {
        top.order.change(top.order.wanted().filtered(Some(filter.to_owned())));
        top.app.wanted = top.order.wanted();
        top.tail.look().unwrap();
        top.tail.take_search().unwrap()
    };
    let (former, latter) = (search("msg.priority == 3"), search("msg.priority == 1"));
    latter.run().unwrap();
    former.run().unwrap();
    top.receive();
    let screen = top.screen(80, 24);
    assert!(screen.contains("1 high") && !screen.contains("3 low"), "{screen}");
}
