//! Visitors behind a server in between, and what each of them may have.

use std::io::{Read, Write};
use std::net::TcpStream;

use serde_json::json;
use tempfile::TempDir;

use super::client::{Answer, PINGS, Page, Stream};
use super::nginx::{Process, program as nginx};
use crate::harness::Test;
use crate::requirements::missing;

const TRUSTED: &str = "trusted_proxies=127.0.0.1";

fn page(keys: &[&str]) -> Page {
    let test = Test::new().file("token", "s3cret-of-the-page\n");
    Page::of(test.args(["--store", "a.db", "--data-handler", "web"]), keys)
}

/// The status of a wrong login, with these headers.
fn wrong_login(page: &Page, headers: &str) -> u16 {
    let headers = format!("Content-Type: application/json\n{headers}");
    let body = json!({ "token": "wrong" }).to_string();
    page.request("POST", "api/v1/login", &headers, &body).status
}

fn from(address: &str) -> String {
    format!("X-Forwarded-For: {address}\n")
}

#[test]
fn wrong_logins_count_by_the_address_that_a_trusted_server_says() {
    let page = page(&["token_file=token", TRUSTED]);
    for _ in 0..5 {
        assert_eq!(wrong_login(&page, &from("203.0.113.5")), 401);
    }
    assert_eq!(wrong_login(&page, &from("203.0.113.5")), 429);
    // What the client wrote before its own address doesn't count.
    assert_eq!(wrong_login(&page, &from("192.0.2.77, 203.0.113.5")), 429);
    assert_eq!(wrong_login(&page, &from("203.0.113.6")), 401);
    assert_eq!(wrong_login(&page, "Forwarded: for=203.0.113.5;proto=https\n"), 429);
    let log = page.running.stderr_so_far();
    assert_eq!(log.matches("wrong logins from 203.0.113.5").count(), 1, "{log}");
}

#[test]
fn an_untrusted_address_is_not_believed() {
    for keys in [&["token_file=token"][..], &["token_file=token", "trusted_proxies=192.0.2.1"]] {
        let page = page(keys);
        let statuses: Vec<_> =
            (1..=6).map(|n| wrong_login(&page, &from(&format!("203.0.113.{n}")))).collect();
        assert_eq!(statuses, [401, 401, 401, 401, 401, 429]);
    }
}

#[test]
fn a_real_nginx_says_whose_request_it_is() {
    let Some(program) = nginx() else {
        missing("nginx is not installed; `make peers` installs it");
        return;
    };
    let page = page(&["token_file=token", TRUSTED]);
    let dir = TempDir::new().unwrap();
    let server = format!(
        "server {{ listen 127.0.0.1:PORT; location / {{ proxy_pass http://{}; \
         proxy_set_header Host localhost; \
         proxy_set_header X-Forwarded-For $proxy_add_x_forwarded_for; }} }}",
        page.address
    );
    let nginx = Process::start(program, dir.path(), &server).unwrap();
    let through = |forged: &str| {
        let body = r#"{"token":"wrong"}"#;
        let mut stream = TcpStream::connect(("127.0.0.1", nginx.port)).unwrap();
        let request = format!(
            "POST /api/v1/login HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n\
             {forged}Content-Length: {}\r\nConnection: close\r\n\r\n{body}",
            body.len()
        );
        stream.write_all(request.as_bytes()).unwrap();
        Answer::read(&mut stream).status
    };
    // All come from loopback through nginx, which writes that at the end, whatever is before it.
    let statuses: Vec<_> = (1..=3).map(|_| through("")).collect();
    assert_eq!(statuses, [401; 3]);
    // Another client, as a second server before nginx would say.
    let others: Vec<_> = (1..=3).map(|_| through("X-Forwarded-For: 203.0.113.9\r\n")).collect();
    assert_eq!(others, [401; 3]);
    assert_eq!((through(""), through(""), through("")), (401, 401, 429));
    assert_eq!(through("X-Forwarded-For: 203.0.113.9\r\n"), 401);
}

#[test]
fn the_block_for_nginx_in_the_manual_lets_users_log_in_on_any_port() {
    let Some(program) = nginx() else {
        missing("nginx is not installed; `make peers` installs it");
        return;
    };
    let page = page(&["token_file=token", "path=/pigear", "hosts=ids.example", TRUSTED]);
    let manual = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/web.md");
    let manual = std::fs::read_to_string(manual).unwrap();
    let block = manual.split("```nginx\n").nth(1).unwrap().split("```").next().unwrap();
    let block = block.replace("127.0.0.1:8080", &page.address.to_string());
    let dir = TempDir::new().unwrap();
    let server = format!("server {{ listen 127.0.0.1:PORT; {block} }}");
    let nginx = Process::start(program, dir.path(), &server).unwrap();
    let host = format!("ids.example:{}", nginx.port);
    let body = json!({ "token": "s3cret-of-the-page" }).to_string();
    let mut stream = TcpStream::connect(("127.0.0.1", nginx.port)).unwrap();
    let request = format!(
        "POST /pigear/api/v1/login HTTP/1.1\r\nHost: {host}\r\nOrigin: http://{host}\r\n\
         Content-Type: application/json\r\nContent-Length: {}\r\nConnection: close\r\n\r\n{body}",
        body.len()
    );
    stream.write_all(request.as_bytes()).unwrap();
    Answer::read(&mut stream).json(200);
}

#[test]
fn an_address_and_a_session_have_some_streams_and_others_are_served() {
    let page = page(&["token_file=token", TRUSTED]);
    let bearer = "Authorization: Bearer s3cret-of-the-page\r\n";
    let open = |address: &str, login: &str| {
        Stream::open(&page, "", &format!("X-Forwarded-For: {address}\r\n{login}"))
    };
    let refused = |address: &str, login: &str| {
        let headers = format!("X-Forwarded-For: {address}\n{}", login.replace('\r', ""));
        let answer = page.request("GET", "api/v1/stream", &headers, "");
        assert_eq!(answer.problem(429)["type"], "urn:pigear:problem:streams");
        assert_eq!(answer.header("retry-after"), Some("5"));
    };
    let mut streams: Vec<_> = (0..32).map(|_| open("203.0.113.5", bearer)).collect();
    refused("203.0.113.5", bearer);
    streams.push(open("203.0.113.6", bearer));
    let json = "Content-Type: application/json\n";
    let body = json!({ "token": "s3cret-of-the-page" }).to_string();
    let login = page.request("POST", "api/v1/login", json, &body);
    let cookie = login.header("set-cookie").unwrap().split(';').next().unwrap();
    let cookie = format!("Cookie: {cookie}\r\n");
    streams.extend((0..16).map(|_| open("203.0.113.7", &cookie)));
    refused("203.0.113.8", &cookie);
    let headers = bearer.replace('\r', "");
    let health = page.request("GET", "api/v1/health", &headers, "").json(200);
    assert_eq!(health["streams"], json!({ "open": 49, "refused": 2, "stalled": 0 }));
}

#[test]
fn slow_filters_of_one_visitor_do_not_hold_up_another() {
    let mut page = page(&[TRUSTED]);
    let rounds = 20;
    for _ in 0..rounds {
        page.ping();
    }
    // Each alert takes long, so a query runs until its time is up, or its client goes away.
    let slow = "let n = 0; while n < 10000 { n += 1; } false";
    let query = format!("filter={}", encoded(slow));
    let mut begun: Vec<_> = (0..6)
        .map(|_| {
            let mut stream = page.connect();
            let head = format!(
                "GET /api/v1/alerts?{query} HTTP/1.1\r\nHost: localhost\r\n\
                 X-Forwarded-For: 203.0.113.5\r\n\r\n"
            );
            stream.write_all(head.as_bytes()).unwrap();
            stream
        })
        .collect();
    // A reader of one of them would wait: nothing has come.
    let quick = page.request("GET", "api/v1/counts?by=sid", &from("203.0.113.6"), "");
    assert_eq!(quick.json(200)["total"], rounds * PINGS);
    for stream in &mut begun {
        stream.set_nonblocking(true).unwrap();
        assert!(stream.read(&mut [0; 1]).is_err(), "a slow query was over before");
    }
}

/// A text as a value of a query.
fn encoded(text: &str) -> String {
    text.bytes().fold(String::new(), |all, byte| format!("{all}%{byte:02X}"))
}
