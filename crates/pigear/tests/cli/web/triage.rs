//! What people say about alerts: who may, what was done, and how it is undone.

use std::fs::{self, Permissions};
use std::io::Write;
use std::os::unix::fs::{PermissionsExt, chown};
use std::process::Stdio;

use nix::sys::signal::Signal;
use serde_json::{Value, json};

use super::client::{Answer, LAST, PINGS, Page};
use crate::harness::{NOBODY, Test, can_change_user, program, program_as, until};
use crate::room::Room;

/// Headers of a change that the page makes.
fn headers(page: &Page) -> String {
    let session = page.json("session");
    format!("Content-Type: application/json\nX-CSRF-Token: {}\n", session["csrf"].as_str().unwrap())
}

fn post(page: &Page, path: &str, body: &Value) -> Answer {
    page.request("POST", &format!("api/v1/{path}"), &headers(page), &body.to_string())
}

#[test]
fn the_latest_actions_are_listed_and_one_of_them_is_undone() {
    let page = Page::pinged(&[]);
    assert_eq!(page.json("triage/actions")["actions"], json!([]));
    let starred = post(&page, "triage", &json!({ "ids": [3, 5], "mark": "starred", "set": true }));
    let starred = starred.json(200)["action"].clone();
    let all = json!({ "criteria": { "proto": "icmp" }, "mark": "acknowledged", "set": true });
    let all = post(&page, "triage", &all).json(200);
    assert_eq!(all["alerts"], PINGS);

    let listed = page.json("triage/actions")["actions"].clone();
    let newest = &listed[0];
    assert_eq!((&newest["id"], &newest["alerts"]), (&all["action"], &json!(PINGS)));
    assert_eq!((&newest["by"], &newest["mark"]), (&json!("local"), &json!("acknowledged")));
    assert_eq!((&newest["set"], &newest["undoable"]), (&json!(true), &json!(true)));
    assert_eq!(newest["criteria"], json!({ "proto": "icmp" }));
    assert!(newest["at"].is_string() && newest.get("undone").is_none(), "{newest}");
    assert_eq!((&listed[1]["id"], listed[1].get("criteria")), (&starred, None));

    let undone = post(&page, "triage/undo", &json!({ "action": all["action"] })).json(200);
    assert_eq!(undone["alerts"], PINGS);
    let newest = page.json("triage/actions")["actions"][0].clone();
    assert_eq!((&newest["id"], &newest["undoable"]), (&all["action"], &json!(false)));
    assert_eq!(newest["undone"]["by"], "local");
    let problem = post(&page, "triage/undo", &json!({ "action": all["action"] })).problem(409);
    assert!(problem["detail"].as_str().unwrap().contains("undone"), "{problem}");
    assert_eq!(page.json("alerts?starred=yes")["alerts"].as_array().unwrap().len(), 2);
}

#[test]
fn the_marks_of_named_alerts_are_read_by_who_may_change_nothing() {
    let page = Page::pinged(&[]);
    let read = |ids: &[i64]| {
        let body = json!({ "ids": ids }).to_string();
        page.request("POST", "api/v1/triage/marks", "Content-Type: application/json\n", &body)
    };
    assert_eq!(read(&[1, 3]).json(200)["marks"], json!([]));
    post(&page, "triage", &json!({ "ids": [3, 5], "mark": "starred", "set": true })).json(200);
    let acknowledged = json!({ "ids": [2, 3], "mark": "acknowledged", "set": true });
    let acknowledged = post(&page, "triage", &acknowledged).json(200);
    let comments = post(&page, "comments", &json!({ "ids": [1, 4], "text": "why" })).json(201);
    let mark = |id: i64, acknowledged: bool, starred: bool| json!({ "id": id, "acknowledged": acknowledged, "starred": starred, "comments": 0 });
    let mut commented = mark(1, false, false);
    (commented["comments"], commented["last_comment"]) = (json!(1), comments["ids"][0].clone());
    let found = read(&[5, 3, 1, 6, 999, -1]).json(200);
    assert_eq!(found["marks"], json!([commented, mark(3, true, true), mark(5, false, true)]));
    assert_eq!(found["store"], page.json("alerts")["store"]);
    post(&page, "triage/undo", &json!({ "action": acknowledged["action"] })).json(200);
    assert_eq!(read(&[2, 3]).json(200)["marks"], json!([mark(3, false, true)]));
    assert!(read(&[]).problem(400)["detail"].as_str().unwrap().contains("1 to 10000 ids"));
}

#[cfg(feature = "script")]
#[test]
fn what_a_filter_fails_on_is_not_marked_and_said() {
    let page = Page::pinged(&[]);
    let filter = "msg.event_id == 1 || msg.msg.len() / 0 == 1";
    let mark = json!({ "criteria": { "filter": filter }, "mark": "starred", "set": true });
    let done = post(&page, "triage", &mark).json(200);
    let failed = &done["filter_failed"];
    assert!(failed["alerts"].as_u64() > Some(0), "{done}");
    assert_eq!(done["alerts"].as_u64().unwrap() + failed["alerts"].as_u64().unwrap(), PINGS as u64);
    assert!(failed["problem"].as_str().unwrap().contains("zero"), "{done}");
}

#[cfg(feature = "script")]
#[test]
fn too_many_or_too_long_filters_are_refused_wherever_they_come_in() {
    let page = Page::pinged(&[]);
    let (many, long) = (vec!["true"; 17], [format!("true{}", " ".repeat(8 << 10))]);
    let long = long.each_ref().map(String::as_str);
    for (filters, part) in [(&many[..], "more than 16 filters"), (&long[..], "8192 bytes")] {
        let query: Vec<_> = filters.iter().map(|it| format!("filter={it}")).collect();
        let query = query.join("&").replace(' ', "+");
        let refused = |problem: Value| {
            assert_eq!(problem["parameter"], "filter", "{problem}");
            assert!(problem["detail"].as_str().unwrap().contains(part), "{problem}");
        };
        let paths = ["alerts", "packets", "export", "counts", "series", "values", "stream"];
        for path in paths {
            let more = match path {
                "counts" => "by=sid&",
                "values" => "field=sid&",
                _ => "",
            };
            refused(page.problem(&format!("{path}?{more}{query}"), 400));
        }
        let mark = json!({ "criteria": { "filter": filters }, "mark": "starred", "set": true });
        refused(post(&page, "triage", &mark).problem(400));
    }
    let rule = json!({ "expression": long[0] });
    assert_eq!(post(&page, "triage/rules", &rule).problem(400)["parameter"], "filter");
    assert_eq!(page.json("triage/rules")["rules"], json!([]));
}

#[test]
fn a_criterion_without_values_marks_nothing() {
    let page = Page::pinged(&[]);
    let mark = |criteria: Value| {
        post(&page, "triage", &json!({ "criteria": criteria, "mark": "starred", "set": true }))
    };
    for name in ["sid", "filter", "class", "text"] {
        for criteria in [json!({ name: [] }), json!({ "priority": "3", name: [] })] {
            assert_eq!(mark(criteria).problem(400)["parameter"], name);
        }
    }
    assert_eq!(page.json("alerts?starred=yes")["alerts"], json!([]));
    assert_eq!(mark(json!({})).json(200)["alerts"], LAST);
}

#[test]
fn a_number_that_no_alert_has_changes_nothing_whatever_it_is() {
    let page = Page::pinged(&[]);
    let mark = |ids: &[i64]| {
        post(&page, "triage", &json!({ "ids": ids, "mark": "starred", "set": true })).json(200)
    };
    for id in [i64::MAX, i64::MAX - 1, i64::MAX - 64, i64::MIN, i64::MIN + 1, -64, -1, 0] {
        assert_eq!(mark(&[id])["alerts"], 0, "{id}");
        page.problem(&format!("alerts/{id}"), if id < 1 { 400 } else { 404 });
    }
    assert_eq!(mark(&[i64::MIN, -1, 0, 3, i64::MAX])["alerts"], 1);
}

#[test]
fn an_action_is_still_listed_when_the_program_starts_again() {
    let mut page = Page::pinged(&[]);
    let body = json!({ "criteria": {}, "mark": "acknowledged", "set": true });
    let action = post(&page, "triage", &body).json(200)["action"].clone();
    page.running.signal(Signal::SIGKILL);
    let page = Page::over(page.running.end().0, &[]);
    assert_eq!(page.json("triage/actions")["actions"][0]["id"], action);
    let undone = post(&page, "triage/undo", &json!({ "action": action })).json(200);
    assert_eq!(undone["alerts"], LAST);
}

#[test]
fn a_comment_has_no_control_characters() {
    let page = Page::pinged(&[]);
    for wrong in ["a\u{1b}[31mb", "a\0b", "\u{7}", "a\u{9b}b"] {
        post(&page, "alerts/1/comments", &json!({ "text": wrong })).problem(400);
    }
    assert_eq!(post(&page, "alerts/1/comments", &json!({ "text": "one\r\n\ttwo" })).status, 201);
    let said = page.json("alerts/1")["triage"]["comments"][0].clone();
    assert_eq!((&said["text"], &said["by"]), (&json!("one\n\ttwo"), &json!("local")));
    assert!(said["at"].is_string());
}

#[test]
fn alerts_that_are_named_are_commented_on_and_exported() {
    let page = Page::pinged(&[]);
    let chosen = json!({ "ids": [9, 3, 9, 5, 99] });
    let comment =
        |ids: &Value, text: &str| post(&page, "comments", &json!({ "ids": ids, "text": text }));
    let added = comment(&chosen["ids"], "one scan").json(201)["ids"].clone();
    assert_eq!(added.as_array().unwrap().len(), 3);
    assert_eq!(ids(&page.json("alerts?comment=one%20scan")["alerts"]), [9, 5, 3]);
    let removed = post(&page, "comments/remove", &json!({ "ids": added })).json(200);
    assert_eq!(removed["comments"], 3);
    assert_eq!(page.json("alerts?comment=")["alerts"], json!([]));

    // What changes nothing needs no token.
    let read = |path: &str, body: &Value| {
        let kind = "Content-Type: application/json\n";
        page.request("POST", &format!("api/v1/{path}"), kind, &body.to_string())
    };
    let lines = read("export?packet=no", &chosen);
    let lines: Vec<Value> = str::from_utf8(&lines.body)
        .unwrap()
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    let one = |id: i64| {
        serde_json::from_slice::<Value>(&page.get(&format!("alerts/{id}/export?packet=no")).body)
            .unwrap()
    };
    assert_eq!(lines, [one(9), one(5), one(3)]);
    let capture = read("packets", &chosen);
    assert_eq!(capture.header("content-type"), Some("application/x-pcapng"));
    assert_eq!(capture.body, page.get("packets?filter=msg.event_id%20in%20[3,5,9]").body);

    let schemas = page.json("openapi.json")["components"]["schemas"].clone();
    for name in ["ExportRequest", "CommentsRequest", "CommentsRemoval"] {
        let ids = &schemas[name]["properties"]["ids"];
        assert_eq!((&ids["minItems"], &ids["maxItems"]), (&json!(1), &json!(10_000)), "{name}");
    }
    let store = format!("store={}", "0".repeat(16));
    for path in ["export", "packets", "comments", "comments/remove"] {
        let body = |ids: Value| match path {
            "comments" => json!({ "ids": ids, "text": "seen" }),
            _ => json!({ "ids": ids }),
        };
        let ask = |path: &str, ids: Value| post(&page, path, &body(ids));
        ask(path, json!([])).problem(400);
        ask(path, json!(vec![1; 10_001])).problem(400);
        ask(&format!("{path}?{store}"), json!([1])).problem(409);
        if path != "comments/remove" {
            ask(path, json!([99, -1])).problem(404);
        }
    }
}

fn ids(alerts: &Value) -> Vec<i64> {
    alerts.as_array().unwrap().iter().map(|alert| alert["id"].as_i64().unwrap()).collect()
}

#[test]
fn what_reaches_its_limit_is_a_conflict() {
    let page = Page::pinged(&[]);
    let comment =
        |alert: i64| post(&page, &format!("alerts/{alert}/comments"), &json!({ "text": "seen" }));
    for _ in 0..100 {
        assert_eq!(comment(5).status, 201);
    }
    let problem = comment(5).problem(409);
    assert!(problem["detail"].as_str().unwrap().contains("100 comments"), "{problem}");
    let problem = comment(99).problem(404);
    assert!(problem["detail"].as_str().unwrap().contains("no alert 99"), "{problem}");
    let rule = || post(&page, "triage/rules", &json!({ "expression": "msg.sig_id == 1" }));
    for _ in 0..100 {
        assert_eq!(rule().status, 201);
    }
    rule().problem(409);
}

#[test]
fn alerts_that_come_while_it_is_asked_are_not_marked() {
    let mut page = Page::pinged(&[]);
    let asked = page.json("alerts?limit=1");
    let (last, store) = (asked["last"].clone(), asked["store"].as_str().unwrap().to_owned());
    page.ping();
    let body = |through: &Value| json!({ "criteria": {}, "through": through, "mark": "acknowledged", "set": true });
    let path = format!("triage?store={store}");
    assert_eq!(post(&page, &path, &body(&last)).json(200)["alerts"], LAST);
    let left = page.json("alerts?acknowledged=no&limit=100")["alerts"].clone();
    let ids: Vec<_> = left.as_array().unwrap().iter().map(|alert| &alert["id"]).collect();
    assert!(ids.len() == PINGS && ids.iter().all(|id| id.as_i64().unwrap() > LAST), "{ids:?}");
    let named = json!({ "ids": [1], "through": 5, "mark": "acknowledged", "set": true });
    post(&page, &path, &named).problem(400);
    // What changes nothing is no action.
    let nothing = post(&page, &path, &body(&last)).json(200);
    assert_eq!((&nothing["alerts"], nothing.get("action")), (&json!(0), None));
}

/// The headers of a change by a user who logs in.
fn headers_of(page: &Page, user: &str) -> String {
    let body = json!({ "name": user, "password": "correct horse" }).to_string();
    let answer = page.request("POST", "api/v1/login", "Content-Type: application/json\n", &body);
    let cookie = answer.header("set-cookie").unwrap().split(';').next().unwrap().to_owned();
    let cookie = format!("Cookie: {cookie}\n");
    let session = page.request("GET", "api/v1/session", &cookie, "").json(200);
    let csrf = session["csrf"].as_str().unwrap();
    format!("{cookie}Content-Type: application/json\nX-CSRF-Token: {csrf}\n")
}

#[test]
fn users_remove_their_own_comments_only() {
    let room = stored();
    for user in ["ann", "bob"] {
        let mut command = program();
        command.args(["web", "user", "add", user, "--users", "users"]);
        command.current_dir(room.path()).stdin(Stdio::piped()).stdout(Stdio::null());
        let mut child = command.stderr(Stdio::null()).spawn().unwrap();
        child.stdin.take().unwrap().write_all(b"correct horse\n").unwrap();
        assert!(child.wait().unwrap().success());
    }
    fs::write(room.at("token"), "s3cret-of-the-page\n").unwrap();
    let page = Page::over(room, &["--users", "users", "--token-file", "token"]);
    let (ann, bob) = (headers_of(&page, "ann"), headers_of(&page, "bob"));
    let token = "Authorization: Bearer s3cret-of-the-page\nContent-Type: application/json\n";
    let comment = || {
        let path = "api/v1/alerts/1/comments";
        page.request("POST", path, &ann, r#"{"text":"mine"}"#).json(201)["id"].clone()
    };
    let remove = |headers: &str, id: &Value| {
        page.request("DELETE", &format!("api/v1/comments/{id}"), headers, "")
    };
    let first = comment();
    let problem = remove(&bob, &first).problem(403);
    assert!(problem["detail"].as_str().unwrap().contains("ann"), "{problem}");
    assert_eq!(remove(&ann, &first).status, 204);
    remove(&ann, &first).problem(404);
    assert_eq!(remove(token, &comment()).status, 204);
}

/// A store with the alerts of `icmp_ping`, which no program writes.
fn stored() -> Room {
    let mut page = Page::pinged(&[]);
    page.running.signal(Signal::SIGTERM);
    page.running.end().0
}

#[test]
fn a_page_says_whether_alerts_can_be_marked() {
    let page = Page::over(stored(), &[]);
    let session = page.json("session");
    assert_eq!(session["can_triage"], true);
    assert_eq!(session.get("triage_problem"), None);
    // A failed change is no surprise then.
    let room = page.running.room();
    fs::rename(room.at("a.db"), room.at("b.db")).unwrap();
    until("it is said", || page.json("session")["can_triage"] == false);
    let session = page.json("session");
    assert!(session["triage_problem"].as_str().unwrap().contains("there is no store"), "{session}");
}

#[test]
fn a_page_over_a_store_that_it_may_only_read_says_so() {
    if !can_change_user() {
        return;
    }
    let room = stored();
    chown(room.path(), Some(NOBODY), None).unwrap();
    fs::set_permissions(room.at("a.db"), Permissions::from_mode(0o444)).unwrap();
    let mut command = program_as(NOBODY, &room);
    command.args(["web", "--store", "a.db", "--listen", "127.0.0.1:0"]).current_dir(room.path());
    let page = Page::from(command, room);
    let session = page.json("session");
    assert_eq!(session["can_triage"], false, "{session}");
    assert!(session["triage_problem"].is_string(), "{session}");
    let body = json!({ "ids": [1], "mark": "starred", "set": true });
    post(&page, "triage", &body).problem(503);
    assert_eq!(page.last(), LAST);
}

/// The name and the value of the session's cookie, after a login.
fn cookie(page: &Page) -> String {
    let body = json!({ "token": "s3cret-of-the-page" }).to_string();
    let answer = page.request("POST", "api/v1/login", "Content-Type: application/json\n", &body);
    answer.header("set-cookie").unwrap().split(';').next().unwrap().to_owned()
}

#[test]
fn two_pages_of_a_machine_have_cookies_of_different_names() {
    let with_token = |keys: &[&str]| {
        let test = Test::new().file("token", "s3cret-of-the-page\n");
        let keys: Vec<_> = [&["token_file=token"], keys].concat();
        Page::of(test.args(["--store", "a.db", "--data-handler", "web"]), &keys)
    };
    let (one, other) = (with_token(&[]), with_token(&["path=/a/b"]));
    let (of_one, of_other) = (cookie(&one), cookie(&other));
    let name = |cookie: &str| cookie.split_once('=').unwrap().0.to_owned();
    assert_eq!(name(&of_one), format!("pigear_session_{}", one.address.port()));
    assert_eq!(name(&of_other), format!("pigear_session_{}_a_b", other.address.port()));
    // A browser sends both to both.
    let both = format!("Cookie: {of_one}; {of_other}\n");
    for page in [&one, &other] {
        assert_eq!(page.request("GET", "api/v1/alerts", &both, "").status, 200);
        let described = page.request("GET", "api/v1/openapi.json", &both, "").json(200);
        let described = &described["components"]["securitySchemes"]["session"]["name"];
        assert!(both.contains(described.as_str().unwrap()), "{described}");
    }
}

#[test]
fn an_origin_has_the_port_that_was_configured() {
    let page = Page::listening(&["hosts=ids.example, other.example:8443"]);
    let headers = headers(&page);
    // As a server in between sends it, which has another name and port for this one.
    let answered = |origin: &str| {
        let headers = format!("{headers}Host: 127.0.0.1\nOrigin: {origin}\n");
        page.request("POST", "api/v1/logout", &headers, "").status
    };
    for own in ["https://ids.example", "http://IDS.example", "https://other.example:8443"] {
        assert_eq!(answered(own), 204, "{own}");
    }
    for other in [
        "https://ids.example:9999",
        "https://other.example",
        "https://other.example:8444",
        "http://127.0.0.1:1",
        "ids.example",
    ] {
        assert_eq!(answered(other), 403, "{other}");
    }
}
