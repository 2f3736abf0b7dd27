//! `null`: counts only.

use std::sync::Arc;

use crate::description::Description;
use pigear_alert::Alert;
use pigear_pipeline::{Failure, Handler, Progress};
use serde::Deserialize;

pub(crate) const DESCRIPTION: Description = Description { about: "counts only", files: &[] };

/// `null` has no keys.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Options {}

/// Counts only: its lane does that for every handler.
#[derive(Clone, Copy, Debug, Default)]
pub struct Null;

impl Handler for Null {
    fn handle(&mut self, _: &[Arc<Alert>]) -> Result<Progress, Failure> {
        Ok(Progress::All)
    }
}
