//! What people say about alerts is found, undone, and removed with the alerts.

use std::cell::Cell;

use super::delivery::numbered;
use super::keeping::{is_consistent, keep_bytes, tidy};
use super::querying::{finds, several};
use super::*;
use crate::store::triage::TriageRule;

const ACKNOWLEDGE: (MarkKind, bool) = (MarkKind::Acknowledged, true);
const STAR: (MarkKind, bool) = (MarkKind::Starred, true);

fn triage(place: &Place) -> TriageWriter {
    TriageWriter::open(&place.path()).unwrap()
}

fn with(set: impl FnOnce(&mut Criteria)) -> Criteria {
    let mut criteria = Criteria::default();
    set(&mut criteria);
    criteria
}

fn of(place: &Place, criteria: &Criteria) -> Vec<i64> {
    found(&mut place.reader(), criteria)
}

fn acknowledged(place: &Place) -> Vec<i64> {
    of(place, &with(|c| c.acknowledged = Some(true)))
}

#[test]
fn marks_and_comments_are_found_in_every_segment_and_among_the_newest() {
    let all = several();
    let (place, _store) = Place::with(&all);
    let mut triage = triage(&place);
    let last = all.len() as i64;
    let ids: Vec<i64> = (1..=last).filter(|id| id % 1_000 == 7 || *id == last).collect();
    assert_eq!(triage.mark(&ids, ACKNOWLEDGE, "ann").unwrap().alerts, ids.len() as u64);
    assert_eq!(triage.mark(&[7, last], STAR, "bob").unwrap().alerts, 2);
    triage.comment(7, "ann", "A false alarm").unwrap().unwrap();
    triage.comment(7, "bob", "really?").unwrap().unwrap();

    let newest: Vec<_> = ids.iter().rev().copied().collect();
    assert_eq!(acknowledged(&place), newest);
    assert_eq!(of(&place, &with(|c| c.starred = Some(true))), [last, 7]);
    assert_eq!(of(&place, &with(|c| c.comment = Some("FALSE".into()))), [7]);
    assert_eq!(of(&place, &with(|c| c.comment = Some("true".into()))), [0_i64; 0]);
    let unseen = with(|c| c.acknowledged = Some(false));
    assert_eq!(of(&place, &unseen).len(), all.len() - ids.len());
    let counts = place.reader().count(&unseen, CountBy::Sid).unwrap();
    let counted: u64 = counts.iter().map(|count| count.alerts).sum();
    assert_eq!(counted, (all.len() - ids.len()) as u64);
    // Together with others.
    let both = with(|c| (c.acknowledged, c.priority) = (Some(true), vec![1]));
    finds(&mut place.reader(), &all, &with(|c| c.priority = vec![1]), |alert| {
        alert.priority() == Some(1)
    });
    let of_both = of(&place, &both);
    assert!(!of_both.is_empty() && of_both.len() < ids.len());

    let alert = place.reader().get(7).unwrap().unwrap();
    let said = alert.triage.unwrap();
    assert_eq!(
        (said.acknowledged.unwrap().by, said.starred.unwrap().by),
        ("ann".into(), "bob".into())
    );
    let texts: Vec<_> = said.comments.iter().map(|comment| &*comment.text).collect();
    assert_eq!(texts, ["A false alarm", "really?"]);
    assert!(triage.remove_comment(said.comments[0].id, None).unwrap());
    assert!(!triage.remove_comment(said.comments[0].id, None).unwrap());
    assert_eq!(of(&place, &with(|c| c.comment = Some("FALSE".into()))), [0_i64; 0]);
}

#[test]
fn an_action_is_undone_to_what_was_there_before() {
    let (place, _store) = Place::with(&numbered(0..2_000));
    let mut triage = triage(&place);
    triage.mark(&[5], ACKNOWLEDGE, "ann").unwrap();
    let first = place.reader().get(5).unwrap().unwrap().triage;
    let all = triage.mark(&of(&place, &Criteria::default()), ACKNOWLEDGE, "bob").unwrap();
    assert_eq!((all.alerts, acknowledged(&place).len()), (1_999, 2_000));
    // Who was first stays so.
    assert_eq!(place.reader().get(5).unwrap().unwrap().triage, first);
    triage.mark(&[6], STAR, "ann").unwrap();
    assert_eq!(triage.undo(all.id, "ann").unwrap(), Some(1_999));
    assert_eq!((acknowledged(&place), triage.undo(all.id, "ann").unwrap()), (vec![5], None));
    assert_eq!(of(&place, &with(|c| c.starred = Some(true))), [6]);

    let none = triage.mark(&[5, 6], (MarkKind::Acknowledged, false), "bob").unwrap();
    assert_eq!((none.alerts, acknowledged(&place).len()), (1, 0));
    triage.undo(none.id, "ann").unwrap();
    assert_eq!(place.reader().get(5).unwrap().unwrap().triage, first);
    // An action that was long ago stays.
    let old = triage.mark(&[7], ACKNOWLEDGE, "ann").unwrap();
    for alert in 100..200 {
        triage.mark(&[alert], ACKNOWLEDGE, "ann").unwrap();
    }
    assert_eq!(triage.undo(old.id, "ann").unwrap(), None);
    // What can't be undone any more takes no space.
    let unstarred = triage.mark(&[6], (MarkKind::Starred, false), "ann").unwrap();
    assert_eq!(number(&place, "SELECT count(*) FROM triage_removed"), 1);
    for alert in 200..300 {
        triage.mark(&[alert], STAR, "ann").unwrap();
    }
    assert_eq!(number(&place, "SELECT count(*) FROM triage_removed"), 0);
    assert_eq!(triage.undo(unstarred.id, "ann").unwrap(), None);
    let listed = place.reader().triage_actions().unwrap();
    assert_eq!((listed.len(), listed[0].alerts, &*listed[0].by), (100, 1, "ann"));
}

fn number(place: &Place, sql: &str) -> i64 {
    Connection::open(place.path()).unwrap().query_row(sql, [], |row| row.get(0)).unwrap()
}

#[test]
fn what_is_said_goes_with_the_alerts() {
    let (place, store) = Place::with(&numbered(0..5_000));
    let mut triage = triage(&place);
    let all = triage.mark(&of(&place, &Criteria::default()), ACKNOWLEDGE, "ann").unwrap();
    triage.comment(1, "ann", "the first").unwrap().unwrap();
    tidy(&store, keep_bytes(1_000_000));
    let left = of(&place, &Criteria::default());
    assert!(!left.is_empty() && left.len() < 4_000, "{}", left.len());
    assert_eq!(acknowledged(&place), left);
    let marks = "SELECT count(*) FROM triage_mark WHERE block < (SELECT min(id) FROM block)";
    assert_eq!(number(&place, marks), 0);
    assert_eq!(number(&place, "SELECT count(*) FROM comment"), 0);
    // Nothing is said of what isn't there any more.
    assert_eq!(triage.mark(&[1], STAR, "ann").unwrap().alerts, 0);
    assert_eq!(triage.comment(1, "ann", "gone").unwrap(), None);
    assert_eq!(triage.undo(all.id, "ann").unwrap(), Some(left.len() as u64));
    is_consistent(&place.path());
}

#[test]
fn a_rule_acknowledges_what_comes_after_it() {
    let (place, store) = Place::with(&numbered(0..10));
    let mut triage = triage(&place);
    let even = triage.add_rule("even", "ann").unwrap();
    triage.add_rule("broken", "bob").unwrap();
    let compile = |rule: &TriageRule| {
        let test: Test = Box::new(|alert| alert.message.event_id % 2 == 0);
        (rule.expression == "even").then_some(test)
    };
    assert_eq!(triage.apply_rules(compile).unwrap().alerts, 0);
    put(&store, &numbered(10..20));
    assert_eq!(triage.apply_rules(compile).unwrap().alerts, 5);
    assert_eq!(triage.apply_rules(compile).unwrap().alerts, 0);
    let ids = acknowledged(&place);
    assert!(ids.len() == 5 && ids.iter().all(|id| *id > 10), "{ids:?}");
    let said = place.reader().get(ids[0]).unwrap().unwrap().triage.unwrap();
    assert_eq!(said.acknowledged.unwrap().by, format!("rule {even}"));
    let names: Vec<_> =
        place.reader().triage_rules().unwrap().into_iter().map(|rule| rule.expression).collect();
    assert_eq!(names, ["even", "broken"]);
    assert!(triage.remove_rule(even).unwrap() && !triage.remove_rule(even).unwrap());
    put(&store, &numbered(20..30));
    assert_eq!(triage.apply_rules(compile).unwrap().alerts, 0);
}

#[test]
fn a_comment_has_text_and_is_not_endless() {
    let (place, _store) = Place::with(&numbered(0..1));
    let mut triage = triage(&place);
    for text in ["", " \n", &"x".repeat(10_001)] {
        let problem = triage.comment(1, "ann", text).unwrap_err().source;
        assert!(matches!(problem, StoreProblem::Comment { .. }), "{problem}");
    }
    assert!(triage.comment(1, "ann", &"x".repeat(10_000)).unwrap().is_some());
}

#[test]
fn a_store_of_an_older_pigear_is_read_and_gets_no_triage_until_it_is_upgraded() {
    let place = upgrading::of_version_3();
    assert_eq!(acknowledged(&place), [0_i64; 0]);
    assert_eq!(of(&place, &with(|c| c.acknowledged = Some(false))).len(), 140);
    let problem = TriageWriter::open(&place.path()).err().unwrap().source;
    assert!(matches!(problem, StoreProblem::Older { needed: 5 }), "{problem}");
    drop(place.open());
    assert_eq!(triage(&place).mark(&[1], STAR, "ann").unwrap().alerts, 1);
}

#[test]
fn json_has_what_was_said_as_the_schema_says() {
    let (place, _store) = Place::with(&case("v2919/http")[..1]);
    let mut triage = triage(&place);
    triage.mark(&[1], ACKNOWLEDGE, "ann").unwrap();
    triage.comment(1, "bob", "<b>why?</b>").unwrap();
    let alert = place.reader().get(1).unwrap().unwrap();
    let mut text = Vec::new();
    FormatName::Json.format(Colour::Never).write(&alert, &mut text);
    let object: serde_json::Value = serde_json::from_slice(&text).unwrap();
    let schema =
        fs::read(Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/alert.schema.json"));
    let schema = serde_json::from_slice(&schema.unwrap()).unwrap();
    let valid =
        jsonschema::draft202012::options().should_validate_formats(true).build(&schema).unwrap();
    assert!(valid.is_valid(&object), "{object}");
    let said = &object["triage"];
    assert_eq!((&said["acknowledged"]["by"], said.get("starred")), (&"ann".into(), None));
    assert_eq!(said["comments"][0]["text"], "<b>why?</b>");
}

#[test]
fn what_was_changed_since_is_not_undone() {
    let (place, _store) = Place::with(&numbered(0..3));
    let mut triage = triage(&place);
    let first = triage.mark(&[1, 2], STAR, "ann").unwrap();
    triage.mark(&[1], (MarkKind::Starred, false), "bob").unwrap();
    triage.mark(&[1], STAR, "bob").unwrap();
    assert_eq!(triage.undo(first.id, "ann").unwrap(), Some(1));
    assert_eq!(of(&place, &with(|c| c.starred = Some(true))), [1]);
}

#[test]
fn rules_take_no_persons_undo_away() {
    let (place, store) = Place::with(&numbered(0..1));
    let mut triage = triage(&place);
    let starred = triage.mark(&[1], STAR, "ann").unwrap();
    triage.add_rule("all", "ann").unwrap();
    for n in 0..30 {
        put(&store, &numbered(n..n + 1));
        assert_eq!(triage.apply_rules(|_| Some(Box::new(|_| true))).unwrap().alerts, 1);
    }
    assert_eq!(triage.undo(starred.id, "ann").unwrap(), Some(1));
}

/// The bytes of the store that are in use.
fn used(place: &Place) -> i64 {
    let pages = "SELECT (SELECT page_count FROM pragma_page_count) \
        - (SELECT freelist_count FROM pragma_freelist_count)";
    number(place, pages) * 8_192
}

#[test]
fn marks_take_next_to_nothing_of_the_space_of_alerts() {
    let (place, _store) = Place::with(&numbered(0..30_000));
    let mut triage = triage(&place);
    let (all, before) = (of(&place, &Criteria::default()), used(&place));
    let ids: Vec<_> = all.iter().copied().filter(|id| id % 3 > 0).collect();
    let action = triage.mark(&ids, ACKNOWLEDGE, "ann").unwrap();
    assert_eq!((action.alerts, acknowledged(&place)), (20_000, ids));
    // A byte an alert, and the pages that tables begin with.
    let taken = used(&place) - before;
    assert!(taken < 20_000 + 8 * 8_192, "{taken}");
    triage.mark(&all, (MarkKind::Acknowledged, false), "bob").unwrap();
    let taken = used(&place) - before;
    assert!(taken < 20_000 + 8 * 8_192, "{taken}");
}

#[test]
fn marks_of_version_4_are_kept_when_the_store_is_upgraded() {
    let place = upgrading::of_version_3();
    let mut connection = Connection::open(place.path()).unwrap();
    schema::migrate_to(&mut connection, 3, 4).unwrap();
    connection
        .execute_batch(
            "INSERT INTO triage_action (at, by) VALUES (1, 'ann'), (2, 'bob');
            INSERT INTO triage SELECT id, 0, 1000000, 'ann' FROM alert WHERE id <= 64;
            INSERT INTO triage VALUES (127, 0, 3000000, 'rule 7'), (63, 1, 2000000, 'bob');
            INSERT INTO triage_before VALUES (63, 2, 1, NULL, NULL);
            INSERT INTO comment (alert, at, by, text) VALUES (5, 1, 'ann', 'seen');",
        )
        .unwrap();
    drop(connection);
    drop(place.open());
    let newest: Vec<_> = [127].into_iter().chain((1..=64).rev()).collect();
    assert_eq!(acknowledged(&place), newest);
    let said = place.reader().get(63).unwrap().unwrap().triage.unwrap();
    let (first, star) = (said.acknowledged.unwrap(), said.starred.unwrap());
    assert_eq!((first.at.as_second(), &*first.by), (1, "ann"));
    assert_eq!((star.at.as_second(), &*star.by), (2, "bob"));
    assert_eq!(of(&place, &with(|c| c.comment = Some("seen".into()))), [5]);
    // A page that is still open must not undo what has an old action's number now.
    let listed = place.reader().triage_actions().unwrap();
    let alerts: Vec<_> = listed.iter().map(|action| (&*action.by, action.alerts)).collect();
    assert_eq!(alerts, [("bob", 1), ("ann", 64)]);
    assert!(listed.iter().all(|action| action.id > 2), "{listed:?}");
    assert_eq!(triage(&place).undo(listed[1].id, "ann").unwrap(), Some(64));
    assert_eq!(acknowledged(&place), [127]);
}

#[test]
fn an_action_that_fails_changes_nothing() {
    let (place, _store) = Place::with(&numbered(0..1_000));
    let mut triage = triage(&place);
    let full = "CREATE TRIGGER full BEFORE INSERT ON triage_mark WHEN new.block = 9 \
        BEGIN SELECT RAISE(ABORT, 'full'); END";
    Connection::open(place.path()).unwrap().execute_batch(full).unwrap();
    let all = of(&place, &Criteria::default());
    triage.mark(&all, ACKNOWLEDGE, "ann").unwrap_err();
    assert_eq!(acknowledged(&place), [0_i64; 0]);
    assert_eq!(place.reader().triage_actions().unwrap(), []);
}

#[test]
fn actions_of_filters_go_with_their_alerts() {
    let (place, store) = Place::with(&numbered(0..1));
    triage(&place).add_rule("all", "ann").unwrap();
    for n in 0..20 {
        put(&store, &numbered(n * 200..n * 200 + 200));
        triage(&place).apply_rules(|_| Some(Box::new(|_| true))).unwrap();
    }
    assert_eq!(number(&place, "SELECT count(*) FROM triage_action"), 20);
    tidy(&store, keep_bytes(1_000_000));
    let left = of(&place, &Criteria::default());
    let actions = number(&place, "SELECT count(*) FROM triage_action");
    assert!(actions < 20 && left.len() < 3_900, "{actions} {}", left.len());
    assert_eq!(acknowledged(&place), left);
}

#[test]
fn a_store_that_is_locked_can_be_marked_soon_and_one_that_is_gone_cannot() {
    let (place, store) = Place::with(&numbered(0..1));
    TriageWriter::check(&place.path()).unwrap();
    let other = Connection::open(place.path()).unwrap();
    other.execute_batch("BEGIN IMMEDIATE").unwrap();
    TriageWriter::check(&place.path()).unwrap();
    drop((other, store));
    fs::remove_file(place.path()).unwrap();
    let problem = TriageWriter::check(&place.path()).unwrap_err().source;
    assert!(matches!(problem, StoreProblem::Missing), "{problem}");
}

#[test]
fn the_comments_of_a_store_are_not_endless() {
    let (place, _store) = Place::with(&numbered(0..1));
    let full = "INSERT INTO comment (alert, at, by, text) VALUES (1, 1, 'ann', replace(printf('%.*c', 2000000 - 2, 'x'), 'x', 'ä'))";
    Connection::open(place.path()).unwrap().execute_batch(full).unwrap();
    // Four bytes are left.
    let mut triage = triage(&place);
    let problem = triage.comment(1, "ann", "ä more").unwrap_err().source;
    assert!(matches!(problem, StoreProblem::TooManyComments { .. }), "{problem}");
    assert!(triage.comment(1, "ann", "more").unwrap().is_some());
}

#[test]
fn a_comment_is_made_on_each_of_several_alerts_or_on_none() {
    let (place, _store) = Place::with(&numbered(0..5));
    let mut triage = triage(&place);
    let all = [2, 4, 99].into_iter().collect();
    let added = triage.comment_on_each(&all, "ann", "a scan").unwrap();
    assert_eq!(added.len(), 2, "alert 99 isn't stored");
    let comments = |alert| {
        let triage = place.reader().get(alert).unwrap().unwrap().triage;
        triage.map_or(0, |triage| triage.comments.len())
    };
    assert_eq!((comments(2), comments(3), comments(4)), (1, 0, 1));
    for _ in 1..100 {
        triage.comment(4, "bob", "again").unwrap();
    }
    let problem = triage.comment_on_each(&all, "ann", "more").unwrap_err().source;
    let is_full = matches!(problem, StoreProblem::TooManyCommentsOfAlert { alert: 4, .. });
    assert!(is_full && comments(2) == 1, "{problem}");

    let other = triage.comment(2, "bob", "mine").unwrap().unwrap();
    let problem = triage.remove_comments(&[added[0], other], Some("ann")).unwrap_err().source;
    assert!(matches!(problem, StoreProblem::CommentOfOther { .. }), "{problem}");
    assert_eq!(comments(2), 2);
    assert_eq!(triage.remove_comments(&[added[0], added[1], 10_000], Some("ann")).unwrap(), 2);
    assert_eq!((comments(2), comments(4)), (1, 99));
}

#[test]
fn what_was_undone_is_not_put_back() {
    let (place, _store) = Place::with(&numbered(0..5));
    let mut triage = triage(&place);
    let first = triage.mark(&[2, 3], ACKNOWLEDGE, "ann").unwrap();
    let back = triage.mark(&[2, 3], (MarkKind::Acknowledged, false), "bob").unwrap();
    assert_eq!(triage.undo(first.id, "ann").unwrap(), Some(0));
    // It removed the marks of the first action only, and there is no such action any more.
    assert_eq!(triage.undo(back.id, "bob").unwrap(), Some(0));
    assert_eq!(acknowledged(&place), [0_i64; 0]);
    assert_eq!(number(&place, "SELECT count(*) FROM triage_removed"), 0);
}

#[test]
fn actions_that_change_nothing_take_no_undo_away() {
    let (place, _store) = Place::with(&numbered(0..5));
    let mut triage = triage(&place);
    triage.mark(&[1], STAR, "ann").unwrap();
    let removed = triage.mark(&[1], (MarkKind::Starred, false), "ann").unwrap();
    for _ in 0..101 {
        assert_eq!(triage.mark(&[77], ACKNOWLEDGE, "bob").unwrap().alerts, 0);
    }
    assert_eq!(place.reader().triage_actions().unwrap().len(), 2);
    assert_eq!(triage.undo(removed.id, "ann").unwrap(), Some(1));
    assert_eq!(of(&place, &with(|c| c.starred = Some(true))), [1]);
}

/// A test of a filter that does something when it sees the first alert, and passes all.
fn at_first(act: impl FnOnce() + 'static) -> Test {
    let act = Cell::new(Some(act));
    Box::new(move |_| {
        if let Some(act) = act.take() {
            act();
        }
        true
    })
}

#[test]
fn a_filter_that_two_pages_apply_does_not_begin_again() {
    let (place, store) = Place::with(&numbered(0..10));
    let mut triage = triage(&place);
    triage.add_rule("all", "ann").unwrap();
    put(&store, &numbered(10..20));
    let mut other = TriageWriter::open(&place.path()).unwrap();
    let mut act = Some(move || {
        put(&store, &numbered(20..30));
        assert_eq!(other.apply_rules(|_| Some(Box::new(|_| true))).unwrap().alerts, 20);
    });
    // The other page is further when this one has searched.
    let applied = triage.apply_rules(|_| act.take().map(at_first));
    assert_eq!(applied.unwrap().alerts, 0);
    assert_eq!(number(&place, "SELECT done FROM triage_rule"), 30);
}

#[test]
fn a_filter_that_is_removed_while_it_searches_acknowledges_nothing() {
    let (place, store) = Place::with(&numbered(0..1));
    let mut triage = triage(&place);
    let rule = triage.add_rule("all", "ann").unwrap();
    put(&store, &numbered(1..3));
    let mut other = TriageWriter::open(&place.path()).unwrap();
    let mut act = Some(move || assert!(other.remove_rule(rule).unwrap()));
    let applied = triage.apply_rules(|_| act.take().map(at_first));
    assert_eq!(applied.unwrap().alerts, 0);
    assert_eq!(acknowledged(&place), [0_i64; 0]);
}

#[test]
fn what_a_filter_finds_in_another_store_is_not_acknowledged_in_this_one() {
    let (place, store) = Place::with(&numbered(0..5));
    let mut triage = triage(&place);
    triage.add_rule("all", "ann").unwrap();
    put(&store, &numbered(5..9));
    let (other, _other) = Place::with(&numbered(0..9));
    let (path, others) = (place.path(), other.path());
    let away = |end: &str| path.with_file_name(format!("away.db{end}"));
    let applied = triage.apply_rules(|_| {
        for end in ["", "-wal", "-shm"] {
            fs::rename(path.with_file_name(format!("alerts.db{end}")), away(end)).unwrap();
        }
        std::os::unix::fs::symlink(&others, &path).unwrap();
        Some(Box::new(|_| true))
    });
    assert_eq!(applied.unwrap().alerts, 0);
    assert_eq!(of(&other, &with(|c| c.acknowledged = Some(true))), [0_i64; 0]);
    let moved = Connection::open(away("")).unwrap();
    let marks = "SELECT count(*) FROM triage_mark";
    assert_eq!(moved.query_row(marks, [], |row| row.get::<_, i64>(0)).unwrap(), 0);
}
