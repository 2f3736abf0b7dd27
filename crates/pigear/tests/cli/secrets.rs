//! Secrets stay out of what others can see.

#[cfg(all(feature = "exec", feature = "http"))]
use std::fs;

use nix::sys::signal::Signal;

use crate::harness::Test;
#[cfg(all(feature = "exec", feature = "http"))]
use crate::harness::until;
#[cfg(all(feature = "exec", feature = "http"))]
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
