//! What the API answers is what `pigear query` prints.

use serde_json::{Value, json};

use super::client::{LAST, PINGS, Page};
use crate::harness::{Test, until};
use crate::snort::objects;

/// The ids of a page.
fn ids(page: &Value) -> Vec<i64> {
    page["alerts"].as_array().unwrap().iter().map(|alert| alert["id"].as_i64().unwrap()).collect()
}

#[test]
fn alerts_are_those_of_query_newest_first_and_pages_are_the_whole() {
    let page = Page::pinged(&[]);
    let whole = page.json("alerts?limit=1000");
    let newest: Vec<_> = (1..=LAST).rev().collect();
    assert_eq!(ids(&whole), newest);
    assert!(whole.get("next").is_none() && whole["last"] == PINGS, "{whole}");
    let mut alerts = whole["alerts"].as_array().unwrap().clone();
    for alert in &mut alerts {
        alert.as_object_mut().unwrap().remove("id");
    }
    let printed = String::from_utf8(page.query(&["--format", "json"])).unwrap();
    assert_eq!(alerts, objects(&printed));
    let (mut found, mut cursor) = (Vec::new(), String::new());
    for _ in 0..PINGS {
        let part = page.json(&format!("alerts?limit=5{cursor}"));
        found.extend(ids(&part));
        let Some(next) = part["next"].as_str() else { break };
        cursor = format!("&cursor={next}");
    }
    assert_eq!(found, newest);
}

#[test]
fn criteria_have_the_names_and_the_meaning_of_the_options_of_query() {
    let page = Page::pinged(&[]);
    for (parameter, options) in [
        ("sid=1000134,1000131", &["--sid", "1000134,1000131"][..]),
        ("sid=1000134&sid=1000131", &["--sid", "1000134,1000131"]),
        ("gid=116", &["--gid", "116"]),
        ("priority=2", &["--priority", "2"]),
        ("priority=medium", &["--priority", "2"]),
        ("class=Generic+ICMP+event", &["--class", "icmp-event"]),
        ("class=icmp-event", &["--class", "icmp-event"]),
        ("src=192.168.10.0/24", &["--src", "192.168.10.0/24"]),
        ("dst=198.51.100.20", &["--dst", "198.51.100.20"]),
        ("host=198.51.100.20", &["--host", "198.51.100.20"]),
        ("ip=198.51.100.20", &["--host", "198.51.100.20"]),
        ("port=80", &["--port", "80"]),
        ("proto=icmp", &["--proto", "icmp"]),
        ("sensor=nope", &["--sensor", "nope"]),
        ("text=echo", &["--text", "echo"]),
        ("since=2025-06-15T18:06:41Z", &["--since", "2025-06-15T18:06:41Z"]),
        ("until=2025-06-15+18:06:41", &["--until", "2025-06-15 18:06:41"]),
        ("filter=msg.caplen+%3E+100", &["--filter", "msg.caplen > 100"]),
        (
            "filter=let+n+%3D+msg.caplen%3B+n+%3E+100&filter=msg.sig_id+!%3D+1000134",
            &["--filter", "let n = msg.caplen; n > 100", "--filter", "msg.sig_id != 1000134"],
        ),
    ] {
        let printed = page.query(&[options, &["--limit", "1000", "--format", "json"]].concat());
        let exported = page.get(&format!("export?format=json&{parameter}"));
        assert_eq!((exported.status, &exported.body), (200, &printed), "{parameter}");
        let listed = page.json(&format!("alerts?limit=1000&{parameter}"));
        let alerts = objects(&String::from_utf8(printed).unwrap()).len();
        assert_eq!(ids(&listed).len(), alerts, "{parameter}");
        assert_eq!(listed.get("reason").is_some(), alerts == 0, "{listed}");
        let total = page.json(&format!("counts?by=priority&{parameter}"))["total"].clone();
        assert_eq!(total, alerts, "{parameter}");
        let points = page.json(&format!("series?interval=1s&{parameter}"))["points"].clone();
        let counted: u64 =
            points.as_array().unwrap().iter().map(|point| point["alerts"].as_u64().unwrap()).sum();
        assert_eq!(counted, alerts as u64, "{parameter}");
    }
}

#[test]
fn a_selection_is_exported_in_every_format_as_query_prints_it() {
    let page = Page::pinged(&[]);
    for format in ["fast", "full", "json", "eve", "ecs", "ocsf", "cef", "snort", "alert_json"] {
        let printed = page.query(&["--format", format, "--limit", "7"]);
        let exported = page.get(&format!("export?format={format}&limit=7"));
        assert_eq!(exported.status, 200);
        assert_eq!(exported.body, printed, "{format}");
        let name = match format {
            "json" => "alerts.json".to_owned(),
            "eve" | "ecs" | "ocsf" | "alert_json" => format!("alerts.{format}.json"),
            _ => format!("alerts.{format}.txt"),
        };
        let disposition = format!("attachment; filename=\"{name}\"");
        assert_eq!(exported.header("content-disposition"), Some(&*disposition));
    }
    let csv = page.get("export?format=csv&fields=sid,msg&limit=2");
    assert_eq!(csv.header("content-type"), Some("text/csv; charset=utf-8"));
    assert_eq!(String::from_utf8(csv.body).unwrap().lines().count(), 2);
    let lean = page.json("alerts?packet=no&payload=no&limit=1");
    assert!(lean["alerts"][0].get("pkt").is_none(), "{lean}");
}

#[cfg(feature = "script")]
#[test]
fn a_download_whose_filter_fails_says_so_or_was_to_leave_alerts_out() {
    let page = Page::pinged(&[]);
    // It fails on all but the first.
    let filter = "filter=msg.event_id+%3D%3D+1+%7C%7C+msg.msg.len()+/+0+%3D%3D+1";
    let failed = page.json(&format!("alerts?{filter}"))["filter_failed"].clone();
    assert!(failed["alerts"].as_u64() > Some(1), "{failed}");
    for path in ["export?format=csv&", "export?", "packets?"] {
        let problem = page.problem(&format!("{path}{filter}"), 422);
        assert_eq!(problem["type"], "urn:pigear:problem:filter-failed");
        let detail = format!("the filter failed on {} alerts: ", failed["alerts"]);
        assert!(problem["detail"].as_str().unwrap().starts_with(&detail), "{problem}");
        assert!(problem["hint"].as_str().unwrap().contains("partial=yes"), "{problem}");
        assert_eq!(page.get(&format!("{path}{filter}&partial=yes")).status, 200);
        // A filter that fails on no alert needs no leave.
        assert_eq!(page.get(&format!("{path}filter=msg.event_id+%3D%3D+1")).status, 200);
    }
    let left = page.get(&format!("export?{filter}&partial=yes")).body;
    assert_eq!(objects(&String::from_utf8(left).unwrap()).len(), 1);
    page.problem(&format!("export?{filter}&partial=some"), 400);
}

#[test]
fn counts_are_those_of_query() {
    let page = Page::pinged(&[]);
    for by in ["sid", "src", "dst", "class", "priority", "proto", "port", "sensor", "hour", "day"] {
        let printed = page.query(&["--count-by", by, "--format", "json"]);
        let counts = page.json(&format!("counts?by={by}&limit=1000"));
        let expected = objects(&String::from_utf8(printed).unwrap());
        assert_eq!(counts["counts"], Value::Array(expected), "{by}");
        assert_eq!((&counts["total"], &counts["more"]), (&json!(PINGS), &json!(0)), "{by}");
    }
    let one = page.json("counts?by=sid&limit=1");
    assert_eq!(one["counts"].as_array().unwrap().len(), 1);
    assert!(one["more"].as_u64().unwrap() > 0);
}

#[test]
fn values_are_completed_by_their_beginning_and_signatures_by_their_message() {
    let page = Page::pinged(&[]);
    let values = |query: &str| page.json(&format!("values?{query}"))["values"].clone();
    let echo = values("field=sid&prefix=echo+req");
    assert_eq!(echo[0]["value"], "1:1000134");
    assert_eq!(echo[0]["label"], "ICMP Echo Request");
    assert_eq!(values("field=sid&prefix=1000134")[0], echo[0]);
    assert_eq!(values("field=sid&prefix=1:1000134")[0], echo[0]);
    let class = values("field=class&prefix=ICMP")[0].clone();
    assert_eq!(
        (&class["value"], &class["label"]),
        (&json!("icmp-event"), &json!("Generic ICMP event"))
    );
    assert_eq!(values("field=class&prefix=generic+icmp")[0], class);
    assert_eq!(values("field=src&prefix=nothing"), json!([]));
    assert_eq!(values("field=priority&limit=1").as_array().unwrap().len(), 1);
    page.problem("values?field=hour", 400);
}

#[test]
fn criteria_are_checked_without_a_search() {
    let page = Page::pinged(&[]);
    let right =
        "criteria?src=10.0.0.0/8&sid=1:384&priority=high,2&since=1h&filter=msg.caplen+%3E+1";
    assert_eq!(page.get(right).status, 204);
    for (query, parameter, detail) in [
        ("src=nosuch", "src", "src: \"nosuch\": expected an address or a network"),
        (
            "priority=urgent",
            "priority",
            "priority: \"urgent\": expected a number, or unknown, high,",
        ),
        (
            "sid=1:384:8",
            "sid",
            "sid: \"1:384:8\": alerts are not selected by their revision; give 1:384",
        ),
        ("since=tomorrowish", "since", "since: \"tomorrowish\": "),
        ("filter=alert.dst_prt", "filter", ""),
        ("limit=1", "limit", "unknown parameter \"limit\""),
    ] {
        let problem = page.problem(&format!("criteria?{query}"), 400);
        assert_eq!(problem["parameter"], parameter);
        assert!(problem["detail"].as_str().unwrap().starts_with(detail), "{problem}");
    }
}

#[test]
fn an_alert_has_its_layers_and_its_packet() {
    let page = Page::pinged(&[]);
    let first = page.json("alerts?limit=1")["alerts"][0].clone();
    let id = first["id"].as_i64().unwrap();
    let mut details = page.json(&format!("alerts/{id}"));
    let layers = details["layers"].clone();
    let names: Vec<_> = layers.as_array().unwrap().iter().map(|layer| &layer["name"]).collect();
    assert_eq!(names[..2], ["Ethernet", "IPv4"]);
    assert_eq!((&layers[0]["start"], &layers[0]["end"]), (&json!(0), &json!(14)));
    assert_eq!(layers[1]["fields"]["source"], first["src_ip"]);
    let eve = page.get(&format!("alerts/{id}/export?format=eve"));
    let eve = &objects(&String::from_utf8(eve.body).unwrap())[0];
    assert_eq!(details["community_id"], eve["community_id"]);
    for added in ["store", "layers", "payload", "community_id"] {
        details.as_object_mut().unwrap().remove(added);
    }
    assert_eq!(details, first);
    page.query(&["--id", &id.to_string(), "--pcap", "one.pcapng"]);
    let packet = page.get(&format!("alerts/{id}/packet"));
    assert_eq!(packet.header("content-type"), Some("application/x-pcapng"));
    assert_eq!(packet.body, std::fs::read(page.running.room().at("one.pcapng")).unwrap());
    page.query(&["--pcap", "all.pcapng"]);
    let all = page.get("packets").body;
    assert_eq!(all, std::fs::read(page.running.room().at("all.pcapng")).unwrap());
    let none = page.problem("packets?sid=7", 404);
    assert_eq!(none["detail"], "no alerts found: no stored alert has sid 7");
}

#[test]
fn mistakes_are_problems_that_name_what_is_wrong() {
    let page = Page::pinged(&[]);
    for (path, parameter, part) in [
        ("alerts?sids=1", "sids", "unknown parameter"),
        ("alerts?by=sid", "by", "unknown parameter"),
        ("alerts?limit=0", "limit", "from 1 to 1000"),
        ("alerts?limit=x", "limit", "from 1 to 1000"),
        ("alerts?limit=1&limit=2", "limit", "given twice"),
        ("alerts?cursor=-1", "cursor", "from 1"),
        ("alerts?sid=x", "sid", "whole number"),
        ("alerts?port=70000", "port", "65535"),
        ("alerts?src=10.0.0.0/33", "src", "src: \"10.0.0.0/33\": expected an address"),
        ("alerts?proto=x", "proto", "expected tcp"),
        ("alerts?since=never", "since", "since: \"never\": expected today"),
        ("alerts?since=2025-06-16&until=2025-06-15", "since", "must be the earlier one"),
        ("alerts?packet=maybe", "packet", "yes or no"),
        ("export?format=xml", "format", "unknown format"),
        ("export?format=cef&fields=msg", "format", "no choice of fields"),
        ("counts", "by", "missing"),
        ("counts?by=colour", "by", "cannot count by"),
        ("series?interval=soon", "interval", "expected a time"),
        ("series?interval=1ms", "interval", "at least a second"),
        ("stream?last_event_id=x", "last_event_id", "whole number"),
        ("health?x=1", "x", "unknown parameter"),
        ("alerts/x", "id", "whole number"),
        ("alerts/0", "id", "whole number"),
        ("alerts/%FF", "id", "whole number"),
    ] {
        let problem = page.problem(path, 400);
        assert_eq!(problem["parameter"], parameter, "{path}");
        assert!(problem["detail"].as_str().unwrap().contains(part), "{path}: {problem}");
    }
    assert_eq!(page.problem("alerts?sids=1", 400)["hint"], "did you mean sid?");
    let last = page.problem("alerts/99", 404);
    assert_eq!(
        last["detail"],
        "there is no alert 99 in the store; its alerts have the numbers 1 to 27"
    );
    for path in ["nope", "alerts/1/nope", ""] {
        page.problem(path, 404);
    }
}

#[test]
fn an_alert_passes_all_filters_also_those_with_statements() {
    let page = Page::pinged(&[]);
    let total = |parameters: &str| {
        let counts = page.json(&format!("counts?by=sid&{parameters}"));
        counts["total"].as_u64().unwrap()
    };
    let (statement, excluded) =
        ("filter=let+n+%3D+msg.sig_id%3B+n+%3E+0", "filter=!(msg.sig_id+%3D%3D+1000134)");
    let all = total("");
    assert_eq!(total(statement), all);
    let others = total(excluded);
    assert!(others < all, "{others} of {all}");
    assert_eq!(total(&format!("{statement}&{excluded}")), others);
    assert_eq!(total(&format!("{excluded}&{statement}&filter=false")), 0);
    page.problem(&format!("alerts?{statement}&{excluded}&filter=mgs"), 400);
}

#[test]
fn a_broken_filter_is_marked_where_it_is_broken_everywhere() {
    let page = Page::pinged(&[]);
    for path in [
        "alerts?",
        "export?",
        "packets?",
        "counts?by=sid&",
        "series?",
        "values?field=sid&",
        "stream?",
    ] {
        let problem = page.problem(&format!("{path}filter=true+%26%26+mgs.priority"), 400);
        assert_eq!(problem["type"], "urn:pigear:problem:filter", "{path}");
        assert_eq!((&problem["line"], &problem["column"]), (&json!(1), &json!(9)), "{path}");
        assert!(problem["detail"].as_str().unwrap().contains("unknown variable `mgs`"), "{path}");
    }
}

#[test]
fn other_methods_are_refused_with_those_that_there_are() {
    let page = Page::pinged(&[]);
    for (method, path, allowed) in [
        ("POST", "api/v1/alerts", "GET,HEAD"),
        ("DELETE", "api/v1/alerts/1", "GET,HEAD"),
        ("PUT", "api/v1/health", "GET,HEAD"),
        ("OPTIONS", "api/v1/counts", "GET,HEAD"),
        ("GET", "api/v1/login", "POST"),
        ("PATCH", "", "GET,HEAD"),
    ] {
        let answer = page.request(method, path, "", "");
        answer.problem(405);
        assert_eq!(answer.header("allow"), Some(allowed), "{method} {path}");
    }
    for path in ["api/v1/alerts", "api/v1/export", "api/v1/packets", "api/v1/health", "", "app.js"]
    {
        let (head, get) = (page.request("HEAD", path, "", ""), page.request("GET", path, "", ""));
        assert_eq!((head.status, head.body.len()), (200, 0), "{path}");
        assert_eq!(head.header("content-type"), get.header("content-type"), "{path}");
    }
}

#[test]
fn health_has_the_store_its_lanes_and_the_counters() {
    let page = Page::pinged(&["durable=true"]);
    let health = page.json("health");
    assert_eq!(health["version"], env!("CARGO_PKG_VERSION"));
    assert_eq!(health["store"]["last_id"], PINGS);
    let origin = &health["origins"][0];
    assert_eq!(origin["pid"], std::process::id());
    assert!(origin["socket"].as_str().unwrap().ends_with("snort_alert"), "{origin}");
    assert!(origin["sensor"].is_string() && origin["uid"].is_number(), "{origin}");
    assert_eq!(health["store"]["last"], "2025-06-15T18:06:41.146548Z");
    assert!(health["store"]["bytes"].as_u64().unwrap() > 10_000);
    assert_eq!(health["dead_letters"], 0);
    assert_eq!(health["lanes"][0]["name"], "web");
    assert_eq!(health["counters"]["received"], PINGS);
}

#[test]
fn health_says_what_is_kept_and_what_lanes_leave_out() {
    let test = Test::new().args(["--store", "a.db", "--keep-days", "7", "--keep-bytes", "100MiB"]);
    let test = test.args(["--data-handler", "web"]);
    let mut page = Page::of(test, &["durable=true", "filter=alert.priority == 2"]);
    page.ping();
    until("it is known", || {
        let health = page.json("health");
        let (lane, store) = (&health["lanes"][0], &health["store"]);
        let kept = serde_json::json!({"days": 7, "bytes": 100 << 20});
        lane["filtered"].as_u64() > Some(0) && lane["muted"] == 0 && store["retention"] == kept
    });
    assert_eq!(page.json("health")["store"]["store"], page.json("alerts")["store"]);
}

#[test]
fn the_description_has_every_path_and_alerts_are_as_it_says() {
    let page = Page::pinged(&[]);
    let description = page.json("openapi.json");
    assert!(description["openapi"].as_str().unwrap().starts_with("3.1"));
    for (path, operations) in description["paths"].as_object().unwrap() {
        let path = path.trim_start_matches('/').replace("{id}", "1");
        for (method, operation) in operations.as_object().unwrap() {
            // Of a stream, only the head comes to an end.
            let method = if method == "get" { "HEAD".to_owned() } else { method.to_uppercase() };
            let answer = page.request(&method, &path, "", "");
            let is_nowhere = String::from_utf8_lossy(&answer.body).contains("nothing at this path");
            assert!(!is_nowhere && answer.status != 405, "{method} {path}");
            assert!(operation["responses"]["default"].is_object(), "{method} {path}");
        }
    }
    let referenced = description.to_string();
    for name in referenced.split("#/components/schemas/").skip(1) {
        let name = name.split('"').next().unwrap();
        assert!(description["components"]["schemas"][name].is_object(), "{name}");
    }
    let check = |path: &str, name: &str| {
        let mut schema = description.clone();
        schema["$ref"] = format!("#/components/schemas/{name}").into();
        let validator = jsonschema::validator_for(&schema).unwrap();
        let answer = page.json(path);
        let errors: Vec<_> = validator.iter_errors(&answer).map(|it| it.to_string()).collect();
        assert!(errors.is_empty(), "{path}: {errors:?}");
    };
    let events = page.get("stream?last_event_id=0&timeout=0");
    assert_eq!(events.header("content-type"), Some("text/event-stream"));
    assert_eq!(events.header("x-accel-buffering"), Some("no"));
    let events = String::from_utf8(events.body).unwrap();
    let mut schema = description.clone();
    schema["$ref"] = "#/components/schemas/Alert".into();
    let validator = jsonschema::validator_for(&schema).unwrap();
    let data: Vec<Value> = events
        .lines()
        .filter_map(|line| line.strip_prefix("data: "))
        .map(|text| serde_json::from_str(text).unwrap())
        .collect();
    assert_eq!(data.len(), PINGS);
    assert!(data.iter().all(|alert| validator.is_valid(alert)), "{events}");
    assert!(events.starts_with("retry: 2000\n:\nid: 0-"), "{events}");
    check("alerts", "AlertPage");
    check("alerts/1", "AlertDetails");
    check("counts?by=sid", "Counts");
    check("series", "SeriesObject");
    check("values?field=sid", "Values");
    check("health", "Health");
    check("session", "SessionObject");
}
