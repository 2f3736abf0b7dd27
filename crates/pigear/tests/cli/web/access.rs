//! Who may see the page, and under which names.

use std::io::Write;
use std::process::{Output, Stdio};

use rcgen::{CertificateParams, KeyPair};
use serde_json::json;

use super::client::{Answer, Page};
use super::trouble::stored;
use crate::harness::{Test, program};
use crate::room::Room;

/// Every endpoint that needs a login.
const ENDPOINTS: [(&str, &str); 17] = [
    ("GET", "alerts"),
    ("GET", "alerts/1"),
    ("GET", "alerts/1/packet"),
    ("GET", "packets"),
    ("GET", "export"),
    ("GET", "counts?by=sid"),
    ("GET", "series"),
    ("GET", "values?field=sid"),
    ("GET", "stream"),
    ("GET", "triage/actions"),
    ("GET", "health"),
    ("GET", "sensors"),
    ("GET", "session"),
    ("GET", "openapi.json"),
    ("POST", "logout"),
    ("GET", "nope"),
    ("DELETE", "alerts"),
];

/// `pigear web user add`, with the password on standard input.
fn add_user(room: &Room, args: &[&str], password: &str) -> Output {
    let mut command = program();
    command.args(["web", "user", "add", "--users", "users"]).args(args).current_dir(room.path());
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().unwrap();
    child.stdin.take().unwrap().write_all(password.as_bytes()).unwrap();
    child.wait_with_output().unwrap()
}

fn with_users() -> Page {
    let test = Test::new().with(|room| {
        let added = add_user(room, &["ann"], "correct horse\n");
        let said = String::from_utf8(added.stderr).unwrap();
        assert_eq!((&*said, added.status.code()), ("pigear: ann was added in users\n", Some(0)));
        assert!(add_user(room, &["bob", "--read-only"], "battery\n").status.success());
    });
    Page::of(test.args(["--store", "a.db", "--data-handler", "web"]), &["users=users"])
}

const JSON: &str = "Content-Type: application/json\n";

fn log_in(page: &Page, body: &serde_json::Value, headers: &str) -> Answer {
    page.request("POST", "api/v1/login", &format!("{JSON}{headers}"), &body.to_string())
}

/// The cookie of a session.
fn cookie(answer: &Answer) -> String {
    let cookie = answer.header("set-cookie").unwrap();
    format!("Cookie: other=1; {}\n", cookie.split(';').next().unwrap())
}

#[test]
fn without_a_login_each_endpoint_is_refused_and_says_how_to_log_in() {
    let page = with_users();
    for (method, path) in ENDPOINTS {
        let answer = page.request(method, &format!("api/v1/{path}"), "", "");
        assert_eq!(answer.problem(401)["login"], json!(["password"]), "{method} {path}");
        assert_eq!(answer.header("www-authenticate"), Some("Bearer"));
    }
    let port = page.address.port();
    for wrong in [
        "Authorization: Bearer x\n",
        "Authorization: Basic YTpi\n",
        &format!("Cookie: pigear_session_{port}=1.x\n"),
        &format!("Cookie: pigear_session_{port}=\n"),
    ] {
        page.request("GET", "api/v1/alerts", wrong, "").problem(401);
    }
    // The page itself has no secrets, and asks for the login.
    assert_eq!(page.request("GET", "", "", "").status, 200);
}

#[test]
fn a_login_is_a_cookie_until_it_ends() {
    let page = with_users();
    let answer = log_in(&page, &json!({ "name": "ann", "password": "correct horse" }), "");
    let session = answer.json(200);
    assert_eq!((&session["user"], &session["role"]), (&json!("ann"), &json!("full")));
    let set = answer.header("set-cookie").unwrap();
    for part in ["Path=/;", "HttpOnly", "SameSite=Strict", "Max-Age=43200"] {
        assert!(set.contains(part), "{set}");
    }
    assert!(!set.contains("Secure"), "{set}");
    let cookie = cookie(&answer);
    assert_eq!(page.request("GET", "api/v1/alerts", &cookie, "").status, 200);
    assert_eq!(page.request("GET", "api/v1/session", &cookie, "").json(200), session);
    let csrf = session["csrf"].as_str().unwrap();
    for headers in ["", "X-CSRF-Token: x\n"] {
        page.request("POST", "api/v1/logout", &format!("{cookie}{headers}"), "").problem(403);
    }
    let token = format!("{cookie}X-CSRF-Token: {csrf}\n");
    for other in ["Origin: http://evil.example\n", "Sec-Fetch-Site: cross-site\n", "Origin: null\n"]
    {
        let problem =
            page.request("POST", "api/v1/logout", &format!("{token}{other}"), "").problem(403);
        assert_eq!(problem["type"], "urn:pigear:problem:origin");
    }
    assert_eq!(page.request("GET", "api/v1/alerts", &cookie, "").status, 200);
    let own = format!("{token}Origin: http://{}\nSec-Fetch-Site: same-origin\n", page.address);
    let out = page.request("POST", "api/v1/logout", &own, "");
    assert_eq!(out.status, 204);
    assert!(out.header("set-cookie").unwrap().contains("Max-Age=0"));
    page.request("GET", "api/v1/alerts", &cookie, "").problem(401);
}

#[test]
fn a_user_who_is_removed_is_out_at_once_and_a_reader_is_known_as_one() {
    let page = with_users();
    let answer = log_in(&page, &json!({ "name": "bob", "password": "battery" }), "");
    assert_eq!(answer.json(200)["role"], "read-only");
    let cookie = cookie(&answer);
    assert_eq!(page.request("GET", "api/v1/alerts", &cookie, "").status, 200);
    let users = page.running.room().read("users");
    let others: Vec<_> = users.lines().filter(|line| !line.starts_with("bob:")).collect();
    page.running.room().write("users", others.join("\n"));
    page.request("GET", "api/v1/alerts", &cookie, "").problem(401);
}

#[test]
fn wrong_logins_are_refused_and_limited() {
    let page = with_users();
    for body in [
        json!({ "name": "ann", "password": "wrong" }),
        json!({ "name": "eve", "password": "correct horse" }),
    ] {
        let problem = log_in(&page, &body, "").problem(401);
        assert_eq!(problem["detail"], "the name or the password is wrong");
    }
    for body in [json!({ "token": "x" }), json!({ "name": "ann", "password": "" })] {
        log_in(&page, &body, "").problem(401);
    }
    page.request("GET", "api/v1/alerts", "Authorization: Bearer x\n", "").problem(401);
    for _ in 0..3 {
        log_in(&page, &json!({ "name": "ann", "password": "wrong" }), "").problem(401);
    }
    let right = json!({ "name": "ann", "password": "correct horse" });
    let answer = log_in(&page, &right, "");
    assert_eq!(answer.problem(429)["detail"], "too many wrong logins came with this name");
    let wait: u64 = answer.header("retry-after").unwrap().parse().unwrap();
    assert!((1..=60).contains(&wait), "{wait}");
    // Loopback may be everybody, so nobody else is locked out.
    log_in(&page, &json!({ "name": "bob", "password": "battery" }), "").json(200);
}

#[test]
fn a_missing_file_of_users_and_a_short_password_are_said_with_what_to_do() {
    let room = stored();
    let short = add_user(&room, &["ann"], "battery\n");
    assert!(short.status.success());
    let said = String::from_utf8(short.stderr).unwrap();
    assert!(said.contains("fewer than 12 characters"), "{said}");
    let mut command = program();
    command.args(["web", "--store", "a.db", "--listen", "127.0.0.1:0", "--users", "none"]);
    let output = command.current_dir(room.path()).output().unwrap();
    let said = String::from_utf8(output.stderr).unwrap();
    assert!(said.contains("`pigear web user add NAME --users none` makes it"), "{said}");
}

#[test]
fn a_login_that_is_none_is_refused() {
    let page = with_users();
    let right = json!({ "name": "ann", "password": "correct horse" }).to_string();
    page.request("POST", "api/v1/login", "", &right).problem(415);
    page.request("POST", "api/v1/login", "Content-Type: text/plain\n", &right).problem(415);
    for body in
        ["", "{}", "{", "[]", r#"{"name":"ann"}"#, r#"{"name":"ann","password":"x","more":1}"#]
    {
        page.request("POST", "api/v1/login", JSON, body).problem(400);
    }
    page.request("POST", "api/v1/login", JSON, &" ".repeat(300_000)).problem(413);
    let other = format!("{JSON}Origin: https://evil.example\n");
    page.request("POST", "api/v1/login", &other, &right).problem(403);
}

#[test]
fn a_login_from_another_port_says_what_to_give() {
    let page = Page::listening(&["hosts=ids.example"]);
    let from = |headers: &str| {
        let headers = format!("{JSON}Host: ids.example\n{headers}");
        page.request("POST", "api/v1/login", &headers, "{}").problem(403)
    };
    let problem = from("Origin: http://ids.example:8395\n");
    assert_eq!(problem["detail"], "the request comes from another site: http://ids.example:8395");
    let hint = problem["hint"].as_str().unwrap();
    for part in ["is ids.example here", "hosts=ids.example:8395", "Host with its port"] {
        assert!(hint.contains(part), "{hint}");
    }
    // A browser that knows better, and what is no address.
    for other in ["http://ids.example:8395\nSec-Fetch-Site: cross-site", "null", "http://a,b:1"] {
        let problem = from(&format!("Origin: {other}\n"));
        assert!(problem.get("hint").is_none(), "{problem}");
    }
}

#[test]
fn a_token_stands_for_a_login() {
    let test = Test::new().file("token", "s3cret-of-the-page\n");
    let test = test.args(["--store", "a.db", "--data-handler", "web"]);
    let page = Page::of(test, &["token_file=token"]);
    assert_eq!(page.problem("alerts", 401)["login"], json!(["token"]));
    let bearer = "Authorization: Bearer s3cret-of-the-page\n";
    assert_eq!(page.request("GET", "api/v1/alerts", bearer, "").status, 200);
    // No other site's page has the token, so no more is needed.
    assert_eq!(page.request("POST", "api/v1/logout", bearer, "").status, 204);
    page.request("GET", "api/v1/alerts", "Authorization: Bearer s3cret\n", "").problem(401);
    let answer = log_in(&page, &json!({ "token": "s3cret-of-the-page" }), "");
    assert_eq!(answer.json(200)["role"], "full");
    assert_eq!(page.request("GET", "api/v1/alerts", &cookie(&answer), "").status, 200);
}

#[test]
fn with_users_and_a_token_either_is_a_login() {
    let test = Test::new().file("token", "s3cret-of-the-page\n").with(|room| {
        assert!(add_user(room, &["ann"], "correct horse\n").status.success());
    });
    let test = test.args(["--store", "a.db", "--data-handler", "web"]);
    let page = Page::of(test, &["users=users", "token_file=token"]);
    assert_eq!(page.problem("alerts", 401)["login"], json!(["password", "token"]));
    let by_token = log_in(&page, &json!({ "token": "s3cret-of-the-page" }), "");
    assert!(by_token.json(200).get("user").is_none());
    let by_password = log_in(&page, &json!({ "name": "ann", "password": "correct horse" }), "");
    assert_eq!(by_password.json(200)["user"], "ann");
    for answer in [by_token, by_password] {
        assert_eq!(page.request("GET", "api/v1/alerts", &cookie(&answer), "").status, 200);
    }
}

#[test]
fn without_a_login_on_loopback_a_change_still_needs_the_token_against_forged_requests() {
    let page = Page::listening(&[]);
    let session = page.json("session");
    assert_eq!(session["login"], json!([]));
    page.request("POST", "api/v1/logout", "", "").problem(403);
    let token = format!("X-CSRF-Token: {}\n", session["csrf"].as_str().unwrap());
    assert_eq!(page.request("POST", "api/v1/logout", &token, "").status, 204);
}

#[test]
fn only_names_of_this_page_are_answered() {
    let page = Page::listening(&["hosts=ids.example,sensor1"]);
    let port = page.address.port();
    for host in
        ["localhost", "127.0.0.1:1", "ids.example", "SENSOR1:8080", &format!("[::1]:{port}")]
    {
        let answer = page.request("GET", "api/v1/health", &format!("Host: {host}\n"), "");
        assert_eq!(answer.status, 200, "{host}");
    }
    for host in ["evil.example", "ids.example.evil", "192.0.2.1", "127.0.0.1.evil", ""] {
        for path in ["api/v1/health", "", "app.js", "nope"] {
            let problem = page.request("GET", path, &format!("Host: {host}\n"), "").problem(421);
            assert_eq!(problem["type"], "urn:pigear:problem:host", "{host}");
        }
    }
    let none = page.ask("GET / HTTP/1.0\r\n\r\n");
    none.problem(400);
    let two = page
        .ask("GET http://evil.example/ HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n");
    two.problem(421);
}

#[test]
fn every_response_has_what_keeps_a_page_safe() {
    let page = Page::listening(&[]);
    for path in ["", "app.js", "style.css", "api/v1/alerts", "api/v1/nope", "nope", "api/v1/login"]
    {
        let answer = page.request("GET", path, "", "");
        let policy = answer.header("content-security-policy").unwrap();
        assert!(policy.starts_with("default-src 'none'; script-src 'self';"), "{policy}");
        assert!(
            policy.contains("frame-ancestors 'none'") && !policy.contains("unsafe"),
            "{policy}"
        );
        assert_eq!(answer.header("x-content-type-options"), Some("nosniff"), "{path}");
        assert_eq!(answer.header("referrer-policy"), Some("no-referrer"), "{path}");
        let is_api = path.starts_with("api/");
        assert_eq!(
            answer.header("cache-control") == Some("no-store"),
            is_api || answer.status != 200
        );
    }
    let html = String::from_utf8(page.request("GET", "", "", "").body).unwrap();
    assert!(
        !html.contains("style=") && !html.contains("onclick=") && !html.contains("//"),
        "{html}"
    );
    assert!(html.matches("<script").count() == html.matches("></script>").count(), "{html}");
    let script = page.request("GET", "app.js", "Accept-Encoding: gzip\n", "");
    assert_eq!(script.header("content-encoding"), Some("gzip"));
    let known = format!("If-None-Match: {}\n", script.header("etag").unwrap());
    assert_eq!(page.request("GET", "app.js", &known, "").status, 304);
}

#[test]
fn the_page_names_all_of_its_scripts_so_that_a_browser_asks_for_them_at_once() {
    let page = Page::listening(&["path=/ids"]);
    let links = page.request("GET", "", "", "").header("link").unwrap().to_owned();
    let links: Vec<_> = links.split(", ").collect();
    let mut scripts = vec!["app.js".to_owned()];
    for n in 0.. {
        let Some(script) = scripts.get(n).cloned() else { break };
        assert!(links.contains(&&*format!("<{script}>; rel=modulepreload")), "{script}: {links:?}");
        let text = String::from_utf8(page.request("GET", &script, "", "").body).unwrap();
        let imported = text.split(" from \"./").skip(1).map(|rest| rest.split('"').next().unwrap());
        for import in imported {
            if !scripts.iter().any(|known| known == import) {
                scripts.push(import.to_owned());
            }
        }
    }
    assert!(scripts.len() > 5, "{scripts:?}");
    assert_eq!(links.len(), scripts.len(), "{links:?}");
}

#[test]
fn with_a_certificate_all_of_it_is_encrypted() {
    let test = Test::new().file("token", "s3cret").with(|room| {
        let key = KeyPair::generate().unwrap();
        let params = CertificateParams::new(vec!["localhost".to_owned()]).unwrap();
        room.write("cert.pem", params.self_signed(&key).unwrap().pem());
        room.write("key.pem", key.serialize_pem());
    });
    let keys = ["tls_cert=cert.pem", "tls_key=key.pem", "token_file=token"];
    let page = Page::of(test.args(["--store", "a.db", "--data-handler", "web"]), &keys);
    assert!(page.running.stderr_so_far().contains("the page is at https://127.0.0.1:"));
    let body = r#"{"token":"s3cret"}"#;
    let request = format!(
        "POST /api/v1/login HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n\
         Content-Length: {}\r\nConnection: close\r\n\r\n{body}",
        body.len()
    );
    let answer = encrypted(&page, &request);
    assert_eq!(answer.status, 200);
    assert!(answer.header("set-cookie").unwrap().ends_with("; Secure"));
    // What isn't encrypted is told so.
    let mut stream = page.connect();
    stream.write_all(b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n").unwrap();
    let problem = Answer::read(&mut stream).problem(400);
    assert_eq!(problem["detail"], "this port speaks TLS: use https://");
}

/// Sends a request over TLS, to a server that has the certificate of the test.
fn encrypted(page: &Page, request: &str) -> Answer {
    use rustls::pki_types::pem::PemObject;
    use rustls::pki_types::{CertificateDer, ServerName};

    let mut roots = rustls::RootCertStore::empty();
    let pem = page.running.room().read("cert.pem");
    roots.add(CertificateDer::from_pem_slice(pem.as_bytes()).unwrap()).unwrap();
    let provider = std::sync::Arc::new(rustls::crypto::ring::default_provider());
    let config = rustls::ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_root_certificates(roots)
        .with_no_client_auth();
    let name = ServerName::try_from("localhost").unwrap();
    let client = rustls::ClientConnection::new(std::sync::Arc::new(config), name).unwrap();
    let mut stream = rustls::StreamOwned::new(client, page.connect());
    stream.write_all(request.as_bytes()).unwrap();
    Answer::read(&mut stream)
}

#[test]
fn another_sites_page_reads_nothing() {
    let page = Page::pinged(&[]);
    let own = format!("Origin: http://{}\nSec-Fetch-Site: same-origin\n", page.address);
    let typed = "Sec-Fetch-Site: none\n".to_owned();
    for headers in [String::new(), own, typed] {
        assert_eq!(page.request("GET", "api/v1/alerts", &headers, "").status, 200, "{headers}");
    }
    for headers in [
        "Sec-Fetch-Site: cross-site\n",
        "Sec-Fetch-Site: same-site\n",
        "Host: a1.localhost\nSec-Fetch-Site: cross-site\n",
        "Origin: https://other.example\n",
        "Origin: null\n",
    ] {
        for path in ["alerts", "stream", "export", "session", "nope"] {
            let problem = page.request("GET", &format!("api/v1/{path}"), headers, "").problem(403);
            assert_eq!(problem["type"], "urn:pigear:problem:origin", "{path} {headers}");
        }
        // A link to the page itself may be anywhere.
        assert_eq!(page.request("GET", "", headers, "").status, 200, "{headers}");
    }
}
