//! What is in force of a source where nothing is said, for a start, help and `config show`.

use std::time::Duration;

use pigear_pipeline::complete::Completed;
use pigear_pipeline::source::unix::SocketSettings;

use crate::config::SourceKind;

/// Snort's configuration.
pub(super) const SNORT_CONF: &str = "/etc/snort/snort.conf";

/// How long an alert waits for Snort's log.
pub(super) const COMPLETE_WAIT: Duration = Duration::from_millis(500);

/// The value of an option of a source that isn't given, by the option's field, if it is always the same.
#[cfg(feature = "command")]
pub(crate) fn usual_of_source(field: &str) -> Option<String> {
    Some(match field {
        "snort_conf" => SNORT_CONF.to_owned(),
        "kind" => SourceKind::default().to_string(),
        "complete" => match Completed::default() {
            Completed::Lacking => "lacking".to_owned(),
            Completed::All => "all".to_owned(),
        },
        "complete_wait" => format!("{COMPLETE_WAIT:?}"),
        "socket_mode" => format!("{:04o}", SocketSettings::default().mode),
        _ => return None,
    })
}
