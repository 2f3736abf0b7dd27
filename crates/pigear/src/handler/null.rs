//! `null`: counts only.

use std::convert::Infallible;
use std::sync::Arc;

use pigear_alert::Alert;
use pigear_pipeline::{Handler, HandlerError};
use serde::Deserialize;

pub(crate) const ABOUT: &str = "counts only";

/// `null` has no keys.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Options {}

/// Counts only: what its lane does for every handler.
#[derive(Debug)]
pub struct Null;

impl Null {
    /// There is nothing to start.
    ///
    /// # Errors
    /// None.
    pub fn new(_: Options) -> Result<Self, Infallible> {
        Ok(Self)
    }
}

impl Handler for Null {
    fn handle(&mut self, _: &[Arc<Alert>]) -> Result<(), HandlerError> {
        Ok(())
    }
}
