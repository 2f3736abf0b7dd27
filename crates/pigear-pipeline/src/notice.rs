/// Where messages for the user go that are neither warnings nor errors: the target of a log event.
pub const NOTICE: &str = "pigear::notice";
