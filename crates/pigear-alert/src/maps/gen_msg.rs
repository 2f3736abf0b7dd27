use std::collections::HashMap;

use super::lines;
use super::problem::{MapProblem, Parsed, number, required};
use super::sid_msg::Form;

/// The messages of alerts that come from decoders and preprocessors rather than rules: `gen-msg.map`.
///
/// One line an alert: `generator || alert || message`.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct GenMsgMap(HashMap<(u32, u32), Box<str>>);

impl GenMsgMap {
    /// Parses a `gen-msg.map`. Of two lines for one alert the later is used.
    #[must_use]
    pub fn parse(text: &str) -> Parsed<Self> {
        let mut parsed = Parsed::<Self>::default();
        for (line, entry) in lines::entries(text) {
            match message(entry) {
                Ok((key, message)) => {
                    parsed.value.0.insert(key, message.into());
                }
                Err(problem) => parsed.report(line, problem),
            }
        }
        parsed
    }

    /// The message of a generator's alert.
    #[must_use]
    pub fn get(&self, generator: u32, alert: u32) -> Option<&str> {
        self.0.get(&(generator, alert)).map(|message| &**message)
    }

    /// The number of alerts with a message.
    #[must_use]
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

fn message(line: &str) -> Result<((u32, u32), &str), MapProblem> {
    if Form::told_by(line) == Some(Form::Version2) {
        return Err(MapProblem::OtherMap { map: "sid-msg.map" });
    }
    let mut fields = line.splitn(3, "||").map(str::trim);
    let generator = number("generator", fields.next().unwrap_or_default())?;
    let alert = number("alert", fields.next().unwrap_or_default())?;
    let message = required("message", fields.next().unwrap_or_default())?;
    Ok(((generator, alert), message))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_broken_line_is_named_and_skipped() {
        let text = "# gid || alert || text\n\n116 || 1 || not IPv4\nx || 1 || a\n116 || -1 || a\n116\n116 || 2\n116 || 3 ||  \r\n1||2||a || b";
        let parsed = GenMsgMap::parse(text);
        let problems: Vec<String> = parsed.problems.iter().map(ToString::to_string).collect();
        assert_eq!(
            problems,
            [
                "line 4: generator is \"x\", not a number up to 4294967295",
                "line 5: alert is \"-1\", not a number up to 4294967295",
                "line 6: no alert",
                "line 7: no message",
                "line 8: no message",
            ]
        );
        assert_eq!(parsed.value.get(116, 1), Some("not IPv4"));
        assert_eq!(parsed.value.get(1, 2), Some("a || b"));
        assert_eq!(parsed.value.len(), 2);
    }

    #[test]
    fn a_line_of_sid_msg_map_is_told() {
        let parsed =
            GenMsgMap::parse("1 || 7 || 3 || misc-activity || 0 || LOCAL one\n116 || 1 || 2 || 3");
        let problems: Vec<String> = parsed.problems.iter().map(ToString::to_string).collect();
        assert_eq!(problems, ["line 1: a line of sid-msg.map"]);
        assert_eq!(parsed.value.get(116, 1), Some("2 || 3"));
    }
}
