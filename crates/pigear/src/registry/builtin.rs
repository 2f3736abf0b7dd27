//! The built-in handlers.

use std::convert::Infallible;

use pigear_pipeline::OnError;

use super::{Registry, Requirements};
use crate::handler::{file, null, pcap, print, record, socket};
use crate::keys::SetupError;

impl Registry {
    /// The built-in handlers.
    #[must_use]
    pub fn builtin() -> Self {
        let mut registry = Self::empty();
        registry.register_writer("print", print::DESCRIPTION, print::Print::new);
        registry.checked("print", print::Options::check);
        #[cfg(feature = "exec")]
        registry.register_writer(
            "exec",
            crate::handler::exec::DESCRIPTION,
            crate::handler::exec::Exec::new,
        );
        #[cfg(feature = "exec")]
        registry.checked("exec", crate::handler::exec::Options::check);
        registry.register_writer("file", file::DESCRIPTION, file::File::new);
        registry.checked("file", file::Options::check);
        #[cfg(feature = "http")]
        registry.register_writer(
            "http",
            crate::handler::http::DESCRIPTION,
            crate::handler::http::Http::new,
        );
        #[cfg(feature = "http")]
        registry.checked("http", crate::handler::http::check);
        #[cfg(feature = "kafka")]
        registry.register_writer("kafka", crate::fleet::kafka::DESCRIPTION, |options| {
            crate::fleet::kafka::Kafka::new(&options)
        });
        #[cfg(feature = "kafka")]
        registry.checked("kafka", |options: &crate::fleet::kafka::Options| {
            options.check().map_err(SetupError::Keys)
        });
        #[cfg(feature = "nats")]
        {
            let sensors = registry.sensors.clone();
            registry.register_writer("nats", crate::fleet::nats::DESCRIPTION, move |options| {
                crate::fleet::nats::Nats::new(options)
                    .map(|nats| nats.with_sensors(sensors.clone()))
            });
        }
        #[cfg(feature = "nats")]
        registry.checked("nats", |options: &crate::fleet::nats::Options| {
            options.check().map_err(SetupError::Keys)
        });
        registry.register("pcap", pcap::DESCRIPTION, pcap::Pcap::new);
        registry.checked("pcap", pcap::Options::check);
        let on_error = registry.on_error.clone();
        registry.register("record", record::DESCRIPTION, move |options| match on_error.get() {
            OnError::Stop => record::Record::new(options),
            OnError::GoOn => record::Record::with_free_name(options),
        });
        registry.checked("record", record::Options::check);
        registry.register_writer("socket", socket::DESCRIPTION, socket::Socket::new);
        registry.checked("socket", socket::Options::check);
        #[cfg(feature = "shell")]
        {
            let rules = registry.rules.clone();
            registry.register("shell", crate::shell::DESCRIPTION, move |options| {
                crate::shell::Shell::new(options).map(|shell| shell.with_rules(rules.clone()))
            });
        }
        #[cfg(feature = "syslog")]
        registry.register_writer(
            "syslog",
            crate::handler::syslog::DESCRIPTION,
            crate::handler::syslog::Syslog::new,
        );
        #[cfg(feature = "syslog")]
        registry.checked("syslog", crate::handler::syslog::Options::check);
        #[cfg(feature = "web")]
        {
            let (rules, sensors) = (registry.rules.clone(), registry.sensors.clone());
            let streams = registry.streams.clone();
            registry.register("web", crate::web::DESCRIPTION, move |options| {
                crate::web::Web::new(options, rules.clone(), sensors.clone(), streams.clone())
            });
            registry.checked("web", crate::web::Options::check);
        }
        registry.register("null", null::DESCRIPTION, |null::Options {}| {
            Ok::<_, Infallible>(null::Null)
        });
        registry.add_requirements();
        #[cfg(feature = "command")]
        registry.add_probes();
        #[cfg(feature = "command")]
        registry.add_looks();
        registry
    }

    fn add_requirements(&mut self) {
        const NONE: Requirements = Requirements { delivers: false, datagram: false, listens: None };
        const DELIVERS: Requirements = Requirements { delivers: true, ..NONE };

        for kind in self.kinds.values_mut() {
            kind.requirements = Some(Box::new(|_| Some(NONE)));
        }
        for name in ["exec", "http", "kafka", "nats"] {
            if let Some(kind) = self.kinds.get_mut(name) {
                kind.requirements = Some(Box::new(|_| Some(DELIVERS)));
            }
        }
        if let Some(record) = self.kinds.get_mut("record") {
            record.requirements = Some(Box::new(|_| Some(Requirements { datagram: true, ..NONE })));
        }
        #[cfg(feature = "syslog")]
        self.requiring("syslog", |options: &crate::handler::syslog::Options| Requirements {
            delivers: options.delivers(),
            ..NONE
        });
        #[cfg(feature = "web")]
        self.requiring("web", |options: &crate::web::Options| Requirements {
            listens: Some(options.listen.0),
            ..NONE
        });
    }
}
