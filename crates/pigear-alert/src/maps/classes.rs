mod stock;
#[cfg(test)]
mod tests;

use std::collections::HashSet;

use super::lines;
use super::lua::{self, Entry, Table};
use super::problem::{MapProblem, Parsed, c_number, quoted, required};

/// A class of alerts, such as `trojan-activity`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Class {
    /// The short name, as rules write it after `classtype:`.
    pub name: Box<str>,
    /// The description in Snort's logs; empty where a Lua table has none.
    pub description: Box<str>,
    /// The default priority of the class's rules; 1 is the most urgent.
    pub priority: u32,
}

/// The classes by number, which is their position in the list that Snort read.
///
/// A list that differs from Snort's in one place gives wrong names from there on. So an invalid entry of
/// a Lua table keeps its number, without a name, and a class defined twice counts once: the first
/// definition is used, as in Snort. Snort 2 doesn't start with an invalid `config` line, so such a line
/// has no number to keep.
///
/// The default is [`Classes::stock`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Classes(Vec<Option<Class>>);

impl Default for Classes {
    fn default() -> Self {
        Self::stock()
    }
}

impl Classes {
    /// The 38 classes of Snort's own lists, the same in `classification.config` of Snort 2.9 and
    /// `snort_defaults.lua` of Snort 3.
    #[must_use]
    pub fn stock() -> Self {
        let class = |&(name, priority, description): &(&str, u32, &str)| {
            Some(Class { name: name.into(), description: description.into(), priority })
        };
        Self(stock::CLASSES.iter().map(class).collect())
    }

    /// No class at all.
    pub(super) fn none() -> Self {
        Self(Vec::new())
    }

    /// Parses Snort's list in either form: the Lua table `classifications` (or `default_classifications`) of
    /// Snort 3, else `config classification:` lines. Other text is ignored, so a whole `snort.lua` or
    /// `snort.conf` is accepted.
    ///
    /// The list is empty when the text has none, as in a `snort.lua` that says
    /// `classifications = default_classifications` or a `snort.conf` that includes its list.
    #[must_use]
    pub fn parse(text: &str) -> Parsed<Self> {
        match lua::table(text, "classifications") {
            Some(table) => from_table(&table),
            None => from_configs(text),
        }
    }

    /// The class of a number from an alert. 0 stands for no class.
    #[must_use]
    pub fn get(&self, number: u32) -> Option<&Class> {
        let index = usize::try_from(number.checked_sub(1)?).ok()?;
        self.0.get(index)?.as_ref()
    }

    /// All classes with their numbers.
    pub fn iter(&self) -> impl Iterator<Item = (u32, &Class)> {
        (1..).zip(&self.0).filter_map(|(number, class)| Some((number, class.as_ref()?)))
    }

    /// The number of classes.
    #[must_use]
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether there is no class.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

fn from_configs(text: &str) -> Parsed<Classes> {
    let mut parsed = empty();
    let mut names = HashSet::new();
    for (line, argument) in lines::configs(text, "classification") {
        match argument.and_then(|argument| configured(&argument)) {
            // Snort 2 ignores case.
            Ok(class) if !names.insert(class.name.to_ascii_lowercase()) => {
                parsed.report(line, duplicate(&class));
            }
            Ok(class) => parsed.value.0.push(Some(class)),
            Err(problem) => parsed.report(line, problem),
        }
    }
    parsed
}

fn configured(argument: &str) -> Result<Class, MapProblem> {
    let fields = split_at_commas(argument);
    if fields.len() > 3 {
        return Err(MapProblem::TooManyFields { found: fields.len(), allowed: 3 });
    }
    let field = |index: usize| fields.get(index).map_or("", |field| field.trim());
    Ok(Class {
        name: required("short name", field(0))?.into(),
        description: required("description", field(1))?.into(),
        priority: c_number("priority", field(2))?,
    })
}

/// An escaped comma doesn't separate, and loses its backslash.
fn split_at_commas(text: &str) -> Vec<String> {
    let mut fields = vec![];
    let mut beginning = String::new();
    for part in text.split(',') {
        if let Some(part) = part.strip_suffix('\\') {
            beginning = beginning + part + ",";
        } else {
            fields.push(std::mem::take(&mut beginning) + part);
        }
    }
    fields
}

fn from_table(table: &Table<'_>) -> Parsed<Classes> {
    let mut parsed = empty();
    let mut names = HashSet::new();
    for entry in &table.entries {
        match tabled(entry) {
            Ok(class) if !names.insert(class.name.clone()) => {
                parsed.report(entry.line, duplicate(&class));
            }
            Ok(class) => parsed.value.0.push(Some(class)),
            Err(problem) => {
                parsed.value.0.push(None);
                parsed.report(entry.line, problem);
            }
        }
    }
    if !table.closed {
        parsed.report(table.line, MapProblem::Unclosed);
    }
    parsed
}

fn tabled(entry: &Entry<'_>) -> Result<Class, MapProblem> {
    let name = entry.text("name", "short name")?.unwrap_or_default();
    Ok(Class {
        name: required("short name", name)?.into(),
        description: entry.text("text", "description")?.unwrap_or_default().into(),
        priority: entry.number("priority", "priority")?.unwrap_or(1),
    })
}

fn empty() -> Parsed<Classes> {
    Parsed { value: Classes(Vec::new()), problems: Vec::new() }
}

fn duplicate(class: &Class) -> MapProblem {
    MapProblem::Duplicate { name: quoted(&class.name) }
}
