//! The files with names for an alert's numbers, read at the start and again when they change.

mod file_state;
mod files;
mod loading;
mod watched;

pub(crate) use file_state::{FileState, NameFile};
pub use files::{NameFileError, NameFiles};
#[cfg(feature = "command")]
pub(crate) use loading::{look_at_list, look_at_map};
pub use watched::Watched;
