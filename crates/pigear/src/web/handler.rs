//! The handler that serves the page. Its lane only counts: alerts are read from the store.

use std::sync::Arc;

use pigear_alert::Alert;
use pigear_pipeline::{Context, Failure, Handler, Needs, Progress};

use super::options::Options;
use super::server::{Running, Server};
use crate::rules::SharedRules;

/// Serves the page while the pipeline runs.
pub(crate) struct Web {
    server: Option<Server>,
    running: Option<Running>,
    url: String,
}

impl Web {
    /// Binds the address, so that one that is in use is an error at the start.
    ///
    /// # Errors
    /// If there is no store, a file can't be read, others could see the page without a login, or the address
    /// can't be used.
    pub(crate) fn new(options: Options, rules: SharedRules) -> Result<Self, String> {
        let server = Server::bind(options, rules)?;
        let url = server.url().to_owned();
        Ok(Self { server: Some(server), running: None, url })
    }
}

impl Handler for Web {
    fn needs(&self) -> Needs {
        Needs { target: Some(self.url.clone()), ..Needs::default() }
    }

    fn start(&mut self, context: Context) -> Result<(), Failure> {
        if let Some(server) = self.server.take() {
            let running = server.start(Some(context.stats));
            self.running = Some(running.map_err(Failure::retry)?);
        }
        Ok(())
    }

    fn handle(&mut self, _: &[Arc<Alert>]) -> Result<Progress, Failure> {
        Ok(Progress::All)
    }

    fn finish(&mut self) -> Result<(), Failure> {
        if let Some(running) = self.running.take() {
            running.stop();
        }
        Ok(())
    }
}
