//! Secrets stay out of what others can see.

#[cfg(feature = "exec")]
use std::fs;

use nix::sys::signal::Signal;

use crate::harness::Test;
#[cfg(feature = "exec")]
use crate::harness::until;
#[cfg(feature = "exec")]
use crate::snort::ping;

#[cfg(all(feature = "exec", feature = "http"))]
#[test]
fn a_program_gets_no_secret_from_the_environment() {
    let exec = ["--debug", "--data-handler", "exec", "exec.command=sh say"];
    let http = ["--data-handler", "http", "http.url=http://127.0.0.1:9/", "http.auth_env=SIEM"];
    let test = Test::new()
        .file("say", "env > variables")
        .args(exec)
        .args(http)
        .env("SIEM", "bearer:s3cret");
    let mut running = test.env("PIGEAR_TOKEN", "s3cret").start();
    running.listens();
    running.send(&ping());
    let written = || fs::read_to_string(running.room().at("variables")).unwrap_or_default();
    until("the program has written its variables", || written().contains("PATH="));
    let variables = written();
    running.signal(Signal::SIGTERM);
    let (_, ended) = running.end();
    for secret in ["s3cret", "SIEM", "PIGEAR_TOKEN"] {
        assert!(!ended.stderr.contains(secret) && !variables.contains(secret), "{variables}");
    }
}

#[cfg(feature = "nats")]
#[test]
fn what_the_client_of_nats_would_log_has_no_password() {
    let nats = ["--debug", "--data-handler", "nats", "url=nats://me:s3cret@127.0.0.1:9"];
    let mut running = Test::new().args(nats).start();
    running.listens();
    running.warns("trying again with the next alert");
    running.signal(Signal::SIGTERM);
    let (_, ended) = running.end();
    assert!(!ended.stderr.contains("s3cret"), "{}", ended.stderr);
}

/// What is hidden in each value that may have a secret.
#[cfg(all(feature = "exec", feature = "http", feature = "kafka", feature = "nats"))]
const SECRET: &str = "s3cret0s3cret";

/// A handler with a secret in each key that may have one, all of whose receivers are down.
#[cfg(all(feature = "exec", feature = "http", feature = "kafka", feature = "nats"))]
const HANDLERS: [&str; 10] = [
    "type = 'http'\nname = 'a'\nurl = 'http://127.0.0.1:9/?access=SECRET'\n\
     header.Authorization = 'Bearer SECRET'\nheader.X-Request = 'SECRET'\nheader.Cookie = 'SECRET'\n",
    "type = 'http'\nname = 'b'\nurl = 'http://me:SECRET@127.0.0.1:9/'\nproxy = 'http://me:SECRET@127.0.0.1:9'\n",
    "type = 'http'\nname = 'c'\nurl = 'http://127.0.0.1:9/services/SECRET#SECRET'\nauth = 'basic:me:SECRET'\n",
    "type = 'http'\nname = 'd'\nurl = 'http://127.0.0.1:9/'\nauth_env = 'SIEM'\n\
     template = 'pager'\nparam.routing_key = 'SECRET'\n",
    "type = 'http'\nname = 'e'\nurl_file = 'url'\nauth_file = 'auth'\n",
    "type = 'nats'\nname = 'f'\nurl = 'nats://127.0.0.1:9'\ntoken = 'SECRET'\n",
    "type = 'nats'\nname = 'g'\nurl = 'nats://me:SECRET@127.0.0.1:9,nats://127.0.0.1:9'\n",
    "type = 'nats'\nname = 'h'\nurl = 'nats://127.0.0.1:9'\nuser = 'me'\npassword = 'SECRET'\n",
    "type = 'kafka'\nname = 'i'\nurl = 'kafka://127.0.0.1:9'\nuser = 'me'\npassword = 'SECRET'\n",
    "type = 'exec'\nname = 'j'\ncommand = ['false', '--token', 'SECRET']\n",
];

/// A template.
#[cfg(all(feature = "exec", feature = "http", feature = "kafka", feature = "nats"))]
const PAGER: &str = r#"{"routing_key": "{{param.routing_key}}", "summary": "{{msg}}"}"#;

#[cfg(all(feature = "exec", feature = "http", feature = "kafka", feature = "nats"))]
fn configuration(handlers: &[&str]) -> String {
    let handlers = handlers.iter().map(|handler| format!("\n[[handler]]\n{handler}"));
    let text = format!(
        "serve_forever = true\nstats = 'stats.json'\n[store]\npath = 'a.db'\n\
         [[source]]\nlogdir = 'log'\n{}",
        handlers.collect::<String>()
    );
    text.replace("SECRET", SECRET)
}

#[cfg(all(
    feature = "exec",
    feature = "http",
    feature = "kafka",
    feature = "metrics",
    feature = "nats",
    feature = "web"
))]
#[test]
fn no_output_has_the_secret_of_a_key() {
    use crate::scrape::{address, ask, scrape};

    let mut all = HANDLERS.to_vec();
    all.push("type = 'web'\nlisten = '127.0.0.1:0'\ntoken = 'SECRET'\n");
    let test = Test::bare().loud().file("url", format!("http://127.0.0.1:9/{SECRET}"));
    let test = test
        .file("pager", PAGER)
        .file("auth", format!("bearer:{SECRET}"))
        .file("c.toml", configuration(&all));
    let test = test.with(|room| {
        room.set_mode("", 0o755);
        for file in ["c.toml", "url", "auth"] {
            room.set_mode(file, 0o644);
        }
    });
    let args = ["--debug", "--metrics", "127.0.0.1:0", "--config", "c.toml"];
    let mut running = test.args(args).env("SIEM", format!("bearer:{SECRET}")).start();
    running.listens();
    let metrics = address(&mut running);
    running.send(&ping());
    for handler in ["a", "b", "c", "d", "e", "f", "g", "h", "i", "j"] {
        running.warns(&format!("handler {handler}: "));
    }
    // It is warned of, by its key and not by its value.
    running.warns("is a secret, and all users can read the file");
    running.warns("the page is at http://");
    let said = running.stderr_so_far();
    let (_, from) = said.split_once("the page is at http://").unwrap();
    let page = from.split_once('/').unwrap().0.parse().unwrap();
    let login = format!("Authorization: Bearer {SECRET}\r\nConnection: close\r\n");
    let health = ask(page, "/api/v1/health", &login);
    assert_eq!(health.status(), "200");
    let mut outputs = vec![
        ("health", String::from_utf8(health.body).unwrap()),
        ("metrics", scrape(metrics)),
        ("readiness", ask(metrics, "/readyz", "").text().to_owned()),
    ];
    for args in [
        &["config", "show", "--config", "c.toml"][..],
        &["config", "show", "--json", "--config", "c.toml"],
        &["config", "check", "c.toml"],
        &["doctor", "--config", "c.toml"],
        &["doctor", "--json", "--config", "c.toml"],
        &["lanes", "--store", "a.db"],
        &["query", "--store", "a.db", "--dead-letters"],
    ] {
        let mut command = crate::harness::program();
        command.args(args).current_dir(running.room().path());
        let output = command.env("SIEM", format!("bearer:{SECRET}")).output().unwrap();
        let text = [output.stdout, output.stderr].concat();
        outputs.push((args[0], String::from_utf8(text).unwrap()));
    }
    running.signal(Signal::SIGTERM);
    let (room, ended) = running.end();
    outputs.extend([("stderr", ended.stderr), ("counters", room.read("stats.json"))]);
    for (of, text) in outputs {
        assert!(of == "query" || !text.is_empty(), "{of}");
        assert!(!text.contains(SECRET), "{of}: {text}");
    }
}

/// Each in a configuration that is refused, or may be.
#[cfg(all(feature = "exec", feature = "http", feature = "kafka", feature = "nats"))]
#[test]
fn a_mistake_beside_a_secret_does_not_show_it() {
    let mistakes = [
        ("'http://", "'htp://"),
        ("'http://", "'"),
        ("'nats://", "'amqp://"),
        ("'kafka://", "'amqp://"),
        ("127.0.0.1:9", "127.0.0.1:99999"),
        ("127.0.0.1:9", "a b"),
        ("127.0.0.1:9", ""),
        ("auth = 'basic:", "auth = 'basc:"),
        ("auth = ", "auht = "),
        ("token = ", "tokn = "),
        ("password = ", "pasword = "),
        ("header.Cookie", "header.'a b'"),
        ("'SECRET'", "'SECRET\\n'"),
        ("'SECRET'", "['SECRET']"),
        ("'SECRET'", "'SECRET"),
        ("Bearer SECRET", "SECRET\u{7f}"),
    ];
    let room = crate::room::Room::new();
    room.write("url", format!("htp://me:{SECRET}@127.0.0.1:9/{SECRET}"));
    room.write("auth", SECRET);
    room.write("pager", PAGER);
    for (right, wrong) in mistakes {
        for handler in HANDLERS.iter().filter(|handler| handler.contains(right)) {
            let text = configuration(&[&handler.replace(right, wrong)]);
            let played = "type = 'play'\nfrom = 'no-such-file'";
            room.write("c.toml", text.replace("logdir = 'log'", played));
            for args in [
                &["config", "check", "c.toml"][..],
                &["config", "show", "--config", "c.toml"],
                &["doctor", "--config", "c.toml"],
                // It ends, because there is nothing to play.
                &["--debug", "--config", "c.toml"],
            ] {
                let mut command = crate::harness::program();
                let output = command.args(args).current_dir(room.path()).output().unwrap();
                let text = [output.stdout, output.stderr].concat();
                let text = String::from_utf8(text).unwrap();
                assert!(!text.contains(SECRET), "{args:?} with {wrong} in {handler}: {text}");
            }
        }
    }
}

#[cfg(feature = "exec")]
#[test]
fn a_program_gets_the_environment_without_what_is_for_pigear_alone() {
    let exec = ["--data-handler", "exec", "command=sh say", "mode=stream"];
    let test = Test::new().file("say", "env > new; mv new variables; cat").args(exec);
    let own = [
        "PIGEAR_STORE_OF_MINE",
        "LISTEN_PIDFDID",
        "WATCHDOG_USEC",
        "CREDENTIALS_DIRECTORY",
        "NOTIFY_SOCKET_OF_MINE",
        "https_proxy",
    ];
    let test = own.iter().fold(test, |test, name| test.env(name, "/for-it"));
    let mut running = test.start();
    running.listens();
    running.send(&ping());
    let variables = running.room().at("variables");
    until("the program has written its variables", || variables.exists());
    let written = fs::read_to_string(variables).unwrap();
    let passed: Vec<_> = own.iter().filter(|name| written.contains(*name)).collect();
    assert_eq!(passed, [&"NOTIFY_SOCKET_OF_MINE", &"https_proxy"], "{written}");
    assert!(!written.contains("PIGEAR_"), "{written}");
    running.signal(Signal::SIGTERM);
    assert_eq!(running.end().1.status, Some(0));
}

#[cfg(feature = "exec")]
#[test]
fn a_secret_of_a_program_that_is_typed_is_warned_of() {
    let args = ["--data-handler", "exec", "command=cat --password=s3cret"];
    let mut running = Test::new().args(args).start();
    running.warns(
        "warning: command has a secret, and all users can see the command line, and that of the program, too; let \
         the program read the secret from a file\n",
    );
    running.signal(Signal::SIGTERM);
    let (_, ended) = running.end();
    assert!(!ended.stderr.contains("s3cret"), "{}", ended.stderr);
}

/// A variable of the same name says nothing of what is typed.
#[cfg(feature = "nats")]
#[test]
fn a_secret_in_an_address_that_is_typed_is_warned_of() {
    let servers = "nats://me:s3cret@127.0.0.1:9";
    let warning = "warning: --from is a secret, and all users can see the command line; use ";
    for variable in ["", "nats://127.0.0.1:8"] {
        let mut command = crate::harness::program();
        command.args(["sensors", "--from", servers]).env("PIGEAR_FROM", variable);
        let said = String::from_utf8(command.output().unwrap().stderr).unwrap();
        assert!(said.starts_with(warning) && !said.contains("s3cret"), "{said}");
    }
    for (typed, variable, is_warned_of) in
        [(Some(servers), "nats://127.0.0.1:8", true), (None, servers, false)]
    {
        let typed = typed.map(|it| ["--from", it]);
        let test = Test::bare().loud().args(["--socket-handler", "nats", "--data-handler", "null"]);
        let test = test.args(typed.into_iter().flatten()).env("PIGEAR_FROM", variable);
        let mut running = test.start();
        running.warns("will listen on ");
        running.signal_now(Signal::SIGTERM);
        let (_, ended) = running.end();
        assert_eq!(ended.stderr.contains(warning), is_warned_of, "{}", ended.stderr);
        assert!(!ended.stderr.contains("s3cret"), "{}", ended.stderr);
    }
}
