//! Alerts are acknowledged, starred and commented on, and older ones are listed.

use super::*;
use crate::store::{MarkKind, TriageWriter};
use crate::top::list::MAX_ENTRIES;

/// The list, without what is above it.
fn list(top: &mut Top) -> String {
    let screen = top.screen(80, 24);
    let lines = screen.lines().skip_while(|line| !line.contains("alerts, newest"));
    lines.skip(1).collect::<Vec<_>>().join("\n")
}

/// The line of the list with this text.
fn line(top: &mut Top, text: &str) -> String {
    let list = list(top);
    let found = list.lines().find(|line| line.contains(text)).map(str::to_owned);
    found.unwrap_or_else(|| panic!("no {text:?} in\n{list}"))
}

fn last_line(top: &mut Top) -> String {
    top.screen(80, 24).lines().last().unwrap().to_owned()
}

fn three() -> Top {
    Top::new(vec![alert(b"first"), alert(b"second"), alert(b"third")])
}

#[test]
fn keys_acknowledge_and_star_the_selected_alert_and_take_that_back() {
    let mut top = three();
    top.types("je");
    assert!(line(&mut top, "second").starts_with("\" 1 high    +"), "{}", line(&mut top, "second"));
    assert!(last_line(&mut top).contains("alert 2 is acknowledged; u undoes it"));
    top.types("s");
    assert!(line(&mut top, "second").starts_with("\"*1 high    +"));
    top.types("a");
    assert!(line(&mut top, "second").starts_with("\"*1 high     "));
    top.types("uu");
    assert!(line(&mut top, "second").starts_with("\" 1 high    +"), "{}", line(&mut top, "second"));
    top.types("uu");
    assert!(last_line(&mut top).contains("there is nothing to undo"));
    top.types("j");
    assert!(last_line(&mut top).contains("e acknowledge"));
    assert!(!list(&mut top).contains('+'));
}

#[test]
fn a_comment_is_written_counted_and_removed() {
    let mut top = three();
    top.types("cit is a\tprinter");
    assert!(top.screen(80, 24).contains("comment: it is a printer"));
    top.press(Key::Char('\n'));
    assert!(line(&mut top, "third").contains("third (1 comment)"));
    top.types("cnever mind");
    top.press(Key::Esc);
    top.types("c  ");
    top.press(Key::Char('\n'));
    assert!(line(&mut top, "third").contains("third (1 comment)"));
    top.types("u");
    assert!(!line(&mut top, "third").contains("comment"));
}

#[test]
fn a_long_message_is_cut_and_not_the_number_of_its_comments() {
    let mut top = Top::new(vec![alert(&[b'm'; 200])]);
    top.types("cseen\n");
    assert!(line(&mut top, "mm").contains("mmm… (1 comment)"), "{}", line(&mut top, "mm"));
}

#[test]
fn an_open_alert_is_commented_on_and_shows_it() {
    let mut top = three();
    top.types("\ncseen before");
    assert!(top.screen(80, 24).contains("pigear top  alert 3"));
    top.press(Key::Char('\n'));
    let screen = top.screen(80, 40);
    assert!(
        screen.contains("alert 3 has your comment") && screen.contains("seen before"),
        "{screen}"
    );
    top.types("e");
    assert!(top.screen(80, 40).contains("Acknowledged"), "{}", top.screen(80, 40));
}

#[test]
fn what_others_say_is_shown_of_the_alerts_on_the_screen() {
    let mut top = three();
    top.screen(80, 24);
    let mut other = TriageWriter::open(&top.path()).unwrap();
    let action = other.mark(&[1, 3], (MarkKind::Acknowledged, true), "ann").unwrap();
    other.comment(1, "ann", "a test").unwrap();
    top.look();
    assert!(line(&mut top, "first (1 comment)").starts_with("\" 1 high    +"));
    other.undo(action.id, "ann").unwrap();
    top.look();
    assert!(line(&mut top, "third").starts_with("\" 1 high     "));
}

#[test]
fn acknowledged_alerts_are_hidden_by_a_key_and_come_back_when_undone() {
    let mut top = three();
    top.types("jeh");
    let screen = top.screen(80, 24);
    assert!(screen.contains("acknowledged alerts are hidden (h)"), "{screen}");
    let shown = list(&mut top);
    assert!(!shown.contains("second") && shown.contains("third"), "{shown}");
    top.types("e");
    assert!(!list(&mut top).contains("third"), "{}", list(&mut top));
    top.types("u");
    assert!(list(&mut top).contains("third"));
    top.screen(80, 24);
    let mut other = TriageWriter::open(&top.path()).unwrap();
    other.mark(&[1], (MarkKind::Acknowledged, true), "ann").unwrap();
    top.look();
    assert!(!list(&mut top).contains("first"));
    top.types("h");
    let screen = list(&mut top);
    assert!(["first", "second", "third"].iter().all(|text| screen.contains(text)), "{screen}");
}

#[test]
fn a_store_that_cannot_be_changed_says_why() {
    let mut top = three();
    let connection = rusqlite::Connection::open(top.path()).unwrap();
    connection.pragma_update(None, "user_version", 3).unwrap();
    top.types("e");
    let note = last_line(&mut top);
    assert!(note.contains("not changed: it was written by an older Pigear"), "{note}");
    assert!(line(&mut top, "third").starts_with("\" 1 high     "));
}

#[test]
fn the_list_goes_on_into_older_alerts() {
    let count = 2 * MAX_ENTRIES + 10;
    let mut top = Top::new((1..=count).map(|n| alert(format!("alert {n};").as_bytes())).collect());
    for n in [1_011, 11, 1, 1] {
        top.screen(80, 24);
        top.press(Key::End);
        assert!(list(&mut top).contains(&format!("alert {n};")), "{n}\n{}", list(&mut top));
    }
    top.press(Key::Home);
    assert!(list(&mut top).contains(&format!("alert {count};")));
    top.press(Key::End);
    assert!(list(&mut top).contains("alert 1011;"));
}

#[test]
fn what_is_said_of_an_alert_is_not_said_of_another_stores() {
    let mut top = three();
    top.screen(80, 24);
    top.types("s");
    // Another store takes its place, with the same numbers.
    let other = three();
    let new = top.path().with_file_name("new.db");
    let connection = rusqlite::Connection::open(other.path()).unwrap();
    connection.execute("VACUUM INTO ?1", [new.to_str().unwrap()]).unwrap();
    drop(top.store.take());
    for end in ["-wal", "-shm"] {
        let _ = fs::remove_file(top.path().with_file_name(format!("alerts.db{end}")));
    }
    fs::rename(new, top.path()).unwrap();
    for keys in ["e", "cseen\n"] {
        top.types(keys);
        let screen = top.screen(80, 24);
        assert!(screen.contains("not changed: another store is there now"), "{screen}");
    }
    let mut store = crate::store::Reader::open(&top.path()).unwrap();
    assert!(store.get(3).unwrap().unwrap().triage.is_none());
    // Once it is shown, it is about those alerts; what was done before is not undone there.
    top.look();
    top.types("u");
    assert!(top.screen(80, 24).contains("nothing to undo"), "{}", top.screen(80, 24));
    top.types("e");
    assert!(top.screen(80, 24).contains("alert 3 is acknowledged"), "{}", top.screen(80, 24));
}
