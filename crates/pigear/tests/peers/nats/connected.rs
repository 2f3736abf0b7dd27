//! A central Pigear without its server, which all who ask are told, and what can never come.

use super::sensors::{api, page_of};
use super::server::{JETSTREAM, Server, generations};
use super::{arrive, central, numbered, send, sensor, stored};
use crate::harness::until;
use crate::scrape::{address, ask, shows};

#[test]
fn a_source_without_its_server_is_not_ready_and_says_why() {
    for generation in generations() {
        let mut server = Server::down(&generation, JETSTREAM);
        let page = ["--data-handler", "web", "web.listen=127.0.0.1:0", "--metrics", "127.0.0.1:0"];
        let mut there = central(&server.url()).loud().args(page).start();
        let (address, page) = (address(&mut there), page_of(&mut there));
        let name = format!("{} stream PIGEAR", server.url());
        let sample =
            |is_connected| format!("pigear_source_connected{{source=\"{name}\"}} {is_connected}");
        let ready = || ask(address, "/readyz", "").status().to_owned();
        let problem = || {
            let sockets = api(&page, "/api/v1/health")["sockets"].clone();
            assert_eq!(sockets[0]["socket"], *name);
            sockets[0]["problem"].as_str().map(str::to_owned)
        };
        there.warns("; trying again in ");
        shows(address, &sample(0));
        assert_eq!((ready().as_str(), ask(address, "/healthz", "").status()), ("503", "200"));
        let text = ask(address, "/readyz", "").text().to_owned();
        assert!(text.starts_with(&format!("source {name}: cannot connect")), "{text}");
        assert!(problem().is_some_and(|it| it.contains("cannot connect")));

        server.up();
        let mut here = sensor(&server.url(), &[]).loud().start();
        send(&mut here, 0..1);
        assert_eq!(arrive(&there, 1), numbered(0..1));
        until("it is ready", || ready() == "200");
        shows(address, &sample(1));
        assert_eq!(problem(), None);
        there.warns(&format!("pigear: source {name}: works again\n"));

        server.kill();
        until("it is not ready", || ready() == "503");
        shows(address, &sample(0));
        assert!(problem().is_some());
        assert_eq!(ask(address, "/healthz", "").status(), "200", "a restart doesn't help");
        send(&mut here, 1..2);
        server.up();
        until("it is ready again", || ready() == "200");
        assert_eq!(arrive(&there, 2), numbered(0..2));
        until("its end is logged", || {
            there.stderr_so_far().matches(": works again\n").count() == 2
        });
        here.warns(": connected again\n");
    }
}

#[test]
fn a_selection_that_the_stream_has_no_subject_for_is_said() {
    for generation in generations() {
        let server = Server::start(&generation, JETSTREAM);
        let here = sensor(&server.url(), &["stream=OLD", "subject=old.SENSOR.PRIORITY"]);
        let mut here = here.start();
        send(&mut here, 0..3);
        let mut there = central(&format!("{}?stream=OLD&consumer=nosub", server.url())).start();
        there.warns(
            "stream OLD has the subjects old.*.*, and not pigear.alerts.*.*, so no alerts of these come; give the \
             sensors' subject with subject=",
        );
        assert!(stored(there.room(), "central.db").is_empty());
    }
}

#[test]
fn a_stream_that_can_not_be_created_is_said_with_what_helps() {
    for generation in generations() {
        let server = Server::start(&generation, JETSTREAM);
        let config = r#"{"name":"PIGEAR","subjects":["pigear.>"],"storage":"file"}"#;
        server.client().ask("$JS.API.STREAM.CREATE.PIGEAR", config).unwrap();
        let mut here = sensor(&server.url(), &["stream=OTHER"]).start();
        send(&mut here, 0..1);
        here.warns(
            "; another stream has alerts of pigear.alerts.*.*: choose others with subject=, or that stream with \
             stream=",
        );
        let keys = ["stream=SHORT", "subject=short.SENSOR.PRIORITY", "max_age=30s"];
        let mut here =
            sensor(&server.url(), &[&keys[..], &["duplicate_window=1m"]].concat()).start();
        send(&mut here, 0..1);
        here.warns("; duplicate_window= must not exceed max_age=");
        let here_url = server.url();
        let mut here = sensor(&here_url, &keys).start();
        send(&mut here, 0..1);
        until("the stream has a shorter window", || {
            let info = server.client().ask("$JS.API.STREAM.INFO.SHORT", "").unwrap();
            info.contains("\"duplicate_window\":30000000000")
        });
    }
}
