use std::sync::Arc;

use pigear_alert::Alert;
use rhai::{Dynamic, Map};

use super::tokens::{KEYWORDS, is_name};
use crate::script::fields::{ALERT, MSG};
use crate::script::functions::{FUNCTIONS, TEXT_METHODS};
use crate::script::{AlertFields, SnortMessage, Word};

/// The shell's own commands.
const COMMANDS: [&str; 6] = ["alerts", "help", "layers", "next", "quit", "rule"];

const BYTES_METHODS: &[&str] = &["contains", "extract", "hex", "hexdump", "len", "text"];
const LIST_METHODS: &[&str] =
    &["all", "contains", "extract", "filter", "is_empty", "len", "map", "reverse", "some", "sort"];

/// The candidates for completion.
#[derive(Default)]
pub(super) struct Completion {
    alert: Option<Arc<Alert>>,
    /// The user's variables, and the fields of each.
    variables: Vec<(String, Vec<String>)>,
    functions: Vec<String>,
}

impl Completion {
    pub(super) fn look_at(&mut self, alert: &Arc<Alert>) {
        self.alert = Some(Arc::clone(alert));
    }

    pub(super) fn know<'a>(
        &mut self,
        variables: impl Iterator<Item = (&'a str, Dynamic)>,
        functions: impl Iterator<Item = String>,
    ) {
        self.variables =
            variables.map(|(name, value)| (name.to_owned(), members(&value))).collect();
        self.functions = functions.collect();
    }

    /// The start of the word at the end of `before`, and its completions.
    pub(super) fn complete(&self, before: &str) -> (usize, Vec<String>) {
        let start = before.len()
            - before.chars().rev().take_while(|&c| is_name(c)).map(char::len_utf8).sum::<usize>();
        let word = before.get(start..).unwrap_or_default();
        let chain = before.get(..start).and_then(|before| before.strip_suffix('.'));
        let mut all = chain.map_or_else(|| self.words(word), |chain| self.behind(chain));
        all.retain(|name| name.starts_with(word));
        all.sort_unstable();
        all.dedup();
        (start, all)
    }

    /// The completions of a word that stands alone.
    fn words(&self, word: &str) -> Vec<String> {
        // Listing all keywords at once is not useful.
        let keywords = KEYWORDS.into_iter().filter(|_| !word.is_empty());
        let own = self
            .variables
            .iter()
            .map(|(name, _)| name.clone())
            .chain(self.functions.iter().cloned());
        let functions = FUNCTIONS.iter().map(|function| function.name);
        let known = ["msg", "alert", "print"].into_iter().chain(COMMANDS).chain(functions);
        known.chain(keywords).map(ToOwned::to_owned).chain(own).collect()
    }

    /// The completions after a dot.
    fn behind(&self, chain: &str) -> Vec<String> {
        let start = chain.rfind(|letter| !is_name(letter) && letter != '.').map_or(0, |at| {
            at + chain.get(at..).and_then(|rest| rest.chars().next()).map_or(0, char::len_utf8)
        });
        let names: Vec<_> = chain.get(start..).unwrap_or_default().split('.').collect();
        let own = |name: &str| self.variables.iter().find(|(own, _)| own == name);
        match *names {
            [variable] if own(variable).is_some() => {
                own(variable).map(|(_, members)| members.clone()).unwrap_or_default()
            }
            ["msg"] => MSG.iter().map(|field| field.name.to_owned()).collect(),
            ["alert"] => ALERT.iter().map(|field| field.name.to_owned()).collect(),
            ["alerts"] => owned(LIST_METHODS),
            [variable, field] => {
                self.field(variable, field).as_ref().map(members).unwrap_or_default()
            }
            _ => Vec::new(),
        }
    }

    fn field(&self, variable: &str, name: &str) -> Option<Dynamic> {
        let fields = match variable {
            "msg" => MSG,
            "alert" => ALERT,
            _ => return None,
        };
        Some(fields.iter().find(|field| field.name == name)?.get(self.alert.as_ref()?))
    }
}

fn members(value: &Dynamic) -> Vec<String> {
    if value.is::<SnortMessage>() {
        MSG.iter().map(|field| field.name.to_owned()).collect()
    } else if value.is::<AlertFields>() {
        ALERT.iter().map(|field| field.name.to_owned()).collect()
    } else if value.is_string() || value.is::<Word>() {
        owned(&[TEXT_METHODS, &["contains", "len"]].concat())
    } else if value.is_blob() {
        owned(BYTES_METHODS)
    } else if value.is_array() {
        owned(LIST_METHODS)
    } else {
        value.as_map_ref().map(|map| names_of(&map)).unwrap_or_default()
    }
}

/// The keys that are identifiers. Others may be texts from an alert, which would reach the terminal
/// unescaped.
fn names_of(map: &Map) -> Vec<String> {
    let keys = map.keys().filter(|key| !key.is_empty() && key.chars().all(is_name));
    keys.map(ToString::to_string).collect()
}

fn owned(names: &[&str]) -> Vec<String> {
    names.iter().map(ToString::to_string).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn complete(before: &str) -> (usize, Vec<String>) {
        let mut completion = Completion::default();
        let map: Map = [("key".into(), 1_i64.into())].into_iter().collect();
        let variables = [("mine", Dynamic::from_map(map)), ("title", "x".into())];
        completion.know(variables.into_iter(), ["myself".to_owned()].into_iter());
        completion.complete(before)
    }

    fn names(before: &str) -> Vec<String> {
        complete(before).1
    }

    #[test]
    fn all_fields_stand_behind_the_dot() {
        for name in "caplen classification data dlthdr event_id event_reference msg nethdr pkt pktlen priority \
            sig_generator sig_id sig_rev transhdr ts_sec ts_usec val tv_sec tv_usec"
            .split(' ')
        {
            assert!(names("msg.").iter().any(|completed| completed == name), "{name}");
        }
        assert_eq!(names("1 + alert.src_"), ["src_ip", "src_port"]);
    }

    #[test]
    fn a_word_is_completed_from_where_it_begins() {
        assert_eq!(complete("print(msg.prio"), (10, vec!["priority".to_owned()]));
        assert_eq!(complete("hexd"), (0, vec!["hexdump".to_owned()]));
        assert_eq!(complete("my"), (0, vec!["myself".to_owned()]));
        assert_eq!(names("whi"), ["while"]);
        assert_eq!(names("ü.x"), Vec::<String>::new());
    }

    #[test]
    fn what_an_attacker_wrote_is_not_completed() {
        let mut completion = Completion::default();
        let map: Map = ["first\x1b[2J\x07", "caf\u{e9}\u{202e}", "first", ""]
            .map(|key| (key.into(), 1.into()))
            .into();
        completion.know([("by_msg", Dynamic::from_map(map))].into_iter(), std::iter::empty());
        assert_eq!(completion.complete("by_msg.fi"), (7, vec!["first".to_owned()]));
        assert_eq!(completion.complete("by_msg.").1, ["first"]);
    }

    #[test]
    fn variables_have_what_their_values_have() {
        assert_eq!(names("mine."), ["key"]);
        assert_eq!(names("title.to_"), ["to_lower", "to_upper"]);
        assert_eq!(names("nothing."), Vec::<String>::new());
    }
}
