use std::sync::mpsc::Sender;

use super::change::{ChangeError, LaneChange};
use crate::lane::LaneEnd;
use crate::source_error::SourceError;

/// An event in a running pipeline.
pub(super) enum Event {
    StopRequested,
    Change(LaneChange, Sender<Result<(), ChangeError>>),
    SourceEnded(String, Result<(), SourceError>),
    LaneEnded(String, LaneEnd),
}
