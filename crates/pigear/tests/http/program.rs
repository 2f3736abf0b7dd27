//! The real program.

use std::fs;
use std::io::{Read, Write};
use std::net::TcpListener;
use std::path::Path;
use std::process::Command;
use std::thread;

use crate::harness::keys_of;
use crate::ports::free_address;
use crate::server::{Reply, Server};

/// What the program writes to standard error, and its status.
pub(crate) fn run(args: &[&str]) -> (String, Option<i32>) {
    let data = Path::new(env!("CARGO_MANIFEST_DIR")).join("../pigear-alert/tests/data");
    let output = Command::new(env!("CARGO_BIN_EXE_pigear"))
        .args(["--socket-handler", "play", "--from"])
        .arg(data.join("v2919/icmp_ping/alerts.dgrams.gz"))
        .args(args)
        .arg("--quiet")
        .env("PIGEAR_TEST_AUTH", "bearer:s3cret-t0ken")
        .env("http_proxy", "http://127.0.0.1:9/")
        .output()
        .unwrap();
    assert!(output.stdout.is_empty());
    (String::from_utf8(output.stderr).unwrap(), output.status.code())
}

#[test]
fn the_handler_of_2012_posts_a_form() {
    let server = Server::start(|_, _| Reply::ok());
    let url = format!("url={}", server.url());
    let handler = ["--data-handler", "pigear.contrib.HttpSendHandler"];
    assert_eq!(run(&[&handler[..], &[&url]].concat()), (String::new(), Some(0)));
    let requests = server.requests();
    assert_eq!(requests.len(), 27);
    for request in requests {
        assert_eq!(request.header("content-type"), "application/x-www-form-urlencoded");
        assert!(request.body.starts_with(b"alert=%7B%22msg%22%3A%22"));
    }
}

#[test]
fn a_refusal_ends_the_program_with_the_reason() {
    let said = |path: &str| format!("no \x1b[31mthanks, s3cret-t0ken, {path} s3cret%2Dquery");
    let server =
        Server::start(move |_, request| Reply::status(400).body(said(&request.target[..18])));
    let url = format!("url=http://{}/hook/s3cret-path?k=s3cret-query", server.address);
    let (stderr, status) =
        run(&["--data-handler", "http", "--count", "1", &url, "auth_env=PIGEAR_TEST_AUTH"]);
    let expected = format!(
        "warning: url is a secret, and all users can see the command line; use url_file=FILE or --config FILE\n\
        error: handler http: http://{}: 400 Bad Request: no \\x1b[31mthanks, …, … …\n\
        hint: with --serve-forever, errors are counted and the next alert is handled\n",
        server.address
    );
    assert_eq!((stderr, status), (expected, Some(1)));
    assert_eq!(server.requests()[0].header("authorization"), "Bearer s3cret-t0ken");
}

#[test]
fn a_dead_letter_has_no_path_that_the_receiver_repeats() {
    let dir = tempfile::tempdir().unwrap();
    let store = dir.path().join("alerts.db");
    let server = Server::start(|_, request| {
        let target = &request.target;
        let escaped = target.replace('/', "\\/");
        Reply::status(404).body(format!(r#"{{"error":"no {target}, {escaped}"}}"#))
    });
    let url_file = dir.path().join("url");
    fs::write(&url_file, format!("http://{}/hooks/T0P5ECRET/xyzzyxyzzy\n", server.address))
        .unwrap();
    let url_file = format!("url_file={}", url_file.display());
    let store_key = store.to_str().unwrap();
    let args = [
        "--serve-forever",
        "--count",
        "1",
        "--store",
        store_key,
        "--data-handler",
        "http",
        &url_file,
    ];
    let (stderr, _) = run(&args);
    let letters = pigear::store::Reader::open(&store).unwrap().dead_letters(None, 10).unwrap();
    let expected = format!("http://{}: 404 Not Found: {{\"error\":\"no …, …\"}}", server.address);
    assert_eq!(letters.iter().map(|letter| &*letter.reason).collect::<Vec<_>>(), [expected]);
    assert!(!stderr.contains("T0P5ECRET") && !stderr.contains("xyzzy"), "{stderr}");
}

/// What is logged of the first attempt to send something there, and of the end.
fn complaints(url: &str, timeout: &str) -> (String, String) {
    let keys = [format!("url={url}"), format!("timeout={timeout}")];
    let args = ["--data-handler", "http", "--count", "1", &keys[0], &keys[1]];
    let (stderr, status) = run(&args);
    let (lines, last) = stderr.trim_end().rsplit_once('\n').unwrap();
    assert_eq!((last, status), ("error: not delivered: 1 alert of handler http", Some(1)));
    let first = stderr.lines().next().unwrap().split_once("; attempt 1").unwrap().0;
    (first.to_owned(), lines.lines().last().unwrap().to_owned())
}

#[test]
fn what_can_not_be_reached_is_said_and_so_is_what_was_dropped() {
    let (refuses, hangs) = (free_address(), Server::start(|_, _| Reply::Hang));
    let cases = [
        (refuses.to_string(), "cannot connect: Connection refused (os error 111)"),
        (
            "does-not-exist.invalid".to_owned(),
            "cannot connect: failed to lookup address information",
        ),
        (hangs.address.to_string(), "no answer in time"),
    ];
    thread::scope(|scope| {
        for (server, problem) in cases {
            scope.spawn(move || {
                let (first, last) = complaints(&format!("http://{server}/x"), "200ms");
                let expected = format!("warning: handler http: http://{server}: {problem}");
                assert!(first.starts_with(&expected), "{first}");
                let dropped = "warning: handler http: could not finish in time; 1 alert dropped";
                assert_eq!(last, dropped);
            });
        }
    });
}

#[test]
fn what_is_said_to_a_request_is_told() {
    let said = |reply: Reply, keys: &[&str]| {
        let server = Server::start(move |_, _| reply.clone());
        let url = format!("url={}", server.url());
        let (stderr, status) =
            run(&[&["--data-handler", "http", "--count", "1", &url], keys].concat());
        assert_eq!(status, Some(1), "{stderr}");
        let begin = format!("error: handler http: http://{}: ", server.address);
        let told = stderr.lines().next().and_then(|line| line.strip_prefix(&begin));
        told.unwrap_or_else(|| panic!("{begin:?}: {stderr}")).to_owned()
    };
    let page = Reply::status(401).body("<html><h1>Authorization Required</h1></html>");
    assert_eq!(said(page, &[]), "401 Unauthorized (check the token or URL)");
    let large = Reply::status(413).body("too large");
    assert_eq!(said(large, &["encoding=ndjson"]), "413 Payload Too Large: too large");
    let elsewhere =
        Reply::status(302).header("location", "https://user:s3cret@other.example/s3cret");
    assert_eq!(
        said(elsewhere, &[]),
        "302 Found: redirect to https://other.example not followed; use that URL if it is correct"
    );
    let there = Reply::status(308).header("location", "/alerts/s3cret");
    assert!(said(there, &[]).starts_with("308 Permanent Redirect: redirect to another path there"));
    let no_bulk = Reply::ok().body("<html>\x1b[31mLog in</html>");
    assert_eq!(
        said(no_bulk, &["template=preset:elasticsearch"]),
        "not the answer to a bulk request (does the URL end in /_bulk?): <html>\\x1b[31mLog in</html>"
    );
    assert_eq!(said(Reply::status(499), &[]), "499");
}

#[test]
fn secrets_are_never_shown() {
    let url = format!("url=http://user:s3cret-1@{}/s3cret-2?s3cret-3", free_address());
    // Without the limit it would wait for the server for ever, since nobody asks it to end.
    let limit = ["--count", "1"];
    let args = ["--debug", "--data-handler", "http", &url, "header.X-Key=s3cret-4"];
    let (stderr, status) = run(&[&args[..], &limit].concat());
    assert!(stderr.contains("Connection refused"), "{stderr}");
    assert!(!stderr.contains("s3cret"), "{stderr}");
    assert_eq!(status, Some(1));
    let keys = [("url", "http://x:s3cret@y/"), ("header.X", "s3cret"), ("proxy", "s3cret")];
    let options: pigear::handler::http::Options = keys_of(&keys).options().unwrap();
    assert!(!format!("{options:?}").contains("s3cret"));
}

#[test]
fn compressed_requests_say_so() {
    for compress in ["gzip", "zstd"] {
        let server = Server::start(|_, _| Reply::ok());
        let url = format!("url={}", server.url());
        let compress_key = format!("compress={compress}");
        let args = ["--data-handler", "http", &url, &compress_key, "encoding=ndjson"];
        assert_eq!(run(&args), (String::new(), Some(0)));
        let request = server.requests().remove(0);
        assert_eq!(request.header("content-encoding"), compress);
        let text = match compress {
            "gzip" => {
                let reader = flate2::read::GzDecoder::new(&*request.body);
                std::io::read_to_string(reader).unwrap()
            }
            _ => String::from_utf8(zstd::stream::decode_all(&*request.body).unwrap()).unwrap(),
        };
        assert_eq!(text.lines().count(), 27);
    }
}

#[test]
fn requests_go_through_the_proxy_that_was_named() {
    let proxy = Server::start(|_, _| Reply::ok());
    let proxy_key = format!("proxy=http://{}", proxy.address);
    let args =
        ["--data-handler", "http", "url=http://receiver.invalid/x", &proxy_key, "--count", "1"];
    assert_eq!(run(&args), (String::new(), Some(0)));
    assert_eq!(proxy.requests()[0].target, "http://receiver.invalid/x");
}

/// The complaint about a template.
fn template(text: &str, keys: &[&str]) -> (String, Option<i32>) {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("t.j2");
    fs::write(&path, text).unwrap();
    let template = format!("template={}", path.display());
    let server = Server::start(|_, _| Reply::ok());
    let url = format!("url={}", server.url());
    let args = ["--data-handler", "http", "--count", "1", &url, &template];
    let (stderr, status) = run(&[&args[..], keys].concat());
    (stderr.replace(&*path.to_string_lossy(), "t.j2"), status)
}

#[test]
fn a_template_with_an_error_is_refused_at_the_start_with_its_line() {
    let error = |text: &str| {
        let (stderr, status) = template(text, &[]);
        assert_eq!(status, Some(2), "{stderr}");
        stderr.lines().next().unwrap().to_owned()
    };
    assert!(error("{\n\"a\": {{ msg }\n}").starts_with("error: handler http: t.j2:2: "));
    assert_eq!(
        error("{}\n\n{{ msg|nope }}"),
        "error: handler http: t.j2:3: filter nope is unknown"
    );
    assert!(error("{% if msg %}{}").starts_with("error: handler http: t.j2:1: "));
    let no_json = error("{\"msg\": {{ msg }}}");
    assert!(no_json.starts_with("error: handler http: t.j2: the result is not JSON:"), "{no_json}");
}

#[test]
fn wrong_values_of_keys_are_wrong_usage() {
    for (keys, problem) in [
        (&["batch=0"][..], "batch=0: expected at least 1"),
        (&["batch=7"], "batch=7 needs encoding=ndjson or encoding=array"),
        (&["header.a b=c"], "header.a b: not a valid header name"),
        (&["header.a=c\nd"], "header.a: has characters that are not allowed in a header"),
        (&["proxy=x"], "proxy: expected http://SERVER:PORT or https://SERVER:PORT"),
        (&["key=x"], "key needs its certificate; give cert"),
        (&["auth=x"], "auth: expected basic:USER:PASS, bearer:TOKEN, splunk:TOKEN or apikey:KEY"),
        (&["auth=bearer:x", "auth_file=x"], "give only one of auth, auth_file and auth_env"),
        (&["escape=url"], "escape needs a template"),
        (&["param.a=b"], "param needs a template, of the body or the URL"),
        (&["encoding=array", "format=fast"], "encoding=array needs JSON, which format=fast is not"),
    ] {
        let args = [&["--data-handler", "http", "url=http://127.0.0.1:1/"], keys].concat();
        let (stderr, status) = run(&args);
        let first = stderr.lines().next().unwrap_or_default();
        assert_eq!((first, status), (&*format!("error: handler http: {problem}"), Some(2)));
    }
    let url = "url=http://127.0.0.1:1/{{ mzg }}";
    let (stderr, status) = run(&["--data-handler", "http", url]);
    assert!(stderr.starts_with("error: handler http: url:1: there is no mzg"), "{stderr}");
    assert_eq!(status, Some(2));
    let (stderr, status) = run(&["--data-handler", "http", "url=http://127.0.0.1:1/", "ca=none"]);
    assert!(stderr.starts_with("error: handler http: cannot read none: "), "{stderr}");
    assert_eq!(status, Some(1), "the file may be there later");
}

#[test]
fn a_field_that_is_missing_is_empty() {
    let text =
        r#"{"vlan": "{{ vlan }}", "none": "{{ thread }}", "port": {{ src_port|default(0) }}}"#;
    assert_eq!(template(text, &[]), (String::new(), Some(0)));
}
#[test]
fn a_field_that_is_missing_where_json_needs_one_fails_the_alert() {
    // The alert of the trial has no packet; the one that comes has.
    let text = r#"{"x": {% if src_ip %}{{ src_port }}{% else %}0{% endif %}}"#;
    let (stderr, status) = template(text, &[]);
    assert!(stderr.starts_with("error: handler http: t.j2: the result is not JSON:"), "{stderr}");
    assert_eq!(status, Some(1));
}

#[test]
fn a_server_without_tls_is_said_to_have_none() {
    let closes = Server::start(|_, _| Reply::ok());
    let (first, _) = complaints(&format!("https://{}/", closes.address), "10s");
    let expected = "the server closed the connection in the TLS handshake; write http:// instead of https://, \
        if it doesn't speak TLS";
    assert!(first.ends_with(expected), "{first}");
    // As Apache and nginx do.
    let answers = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = answers.local_addr().unwrap();
    thread::spawn(move || {
        for stream in answers.incoming() {
            let mut stream = stream.unwrap();
            let _ = stream.read(&mut [0; 1_024]);
            let _ = stream.write_all(b"HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n");
        }
    });
    let (first, _) = complaints(&format!("https://{address}/"), "10s");
    let expected = "the server doesn't speak TLS on this port; write http:// instead of https://?";
    assert!(first.ends_with(expected), "{first}");
}
