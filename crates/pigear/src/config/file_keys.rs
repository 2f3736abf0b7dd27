//! The keys of a configuration file, with their places.

use toml::de::{DeTable, DeValue};
use toml::{Table, Value};

use super::check::entries;
use super::lines::Lines;

/// A key of a configuration file.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct FileKey {
    /// The name of its table; empty at the top.
    pub(crate) table: String,
    /// Which one, of several tables of this name. The table of the page is the last handler.
    pub(crate) index: usize,
    /// Of a table within it, with a dot between.
    pub(crate) key: String,
    pub(crate) value: Value,
    /// Counted from 1.
    pub(crate) line: usize,
}

impl FileKey {
    /// All keys of a file.
    pub(crate) fn all(text: &str) -> Vec<Self> {
        let (root, _) = DeTable::parse_recoverable(text);
        let Ok(values) = toml::from_str::<Table>(text) else { return Vec::new() };
        let mut keys = Keys { lines: Lines::of(text), found: Vec::new() };
        let handlers = values.get("handler").and_then(Value::as_array).map_or(0, Vec::len);
        for (key, at, value) in entries(root.get_ref(), &values) {
            let name = key.get_ref().as_ref();
            match (at.get_ref(), value) {
                (DeValue::Table(table), Value::Table(values)) if name == "web" => {
                    keys.add_table(("handler", handlers), "", (table, values));
                }
                (DeValue::Table(table), Value::Table(values)) => {
                    keys.add_table((name, 0), "", (table, values));
                }
                (DeValue::Array(all), Value::Array(values)) if is_of_tables(values) => {
                    for (index, (at, value)) in all.iter().zip(values).enumerate() {
                        if let (DeValue::Table(table), Value::Table(values)) = (at.get_ref(), value)
                        {
                            keys.add_table((name, index), "", (table, values));
                        }
                    }
                }
                (at, value) => keys.add(("", 0), name, (at, value), key.span().start),
            }
        }
        keys.found
    }
}

fn is_of_tables(values: &[Value]) -> bool {
    !values.is_empty() && values.iter().all(Value::is_table)
}

struct Keys {
    lines: Lines,
    found: Vec<FileKey>,
}

impl Keys {
    fn add_table(
        &mut self,
        place: (&str, usize),
        parent: &str,
        (table, values): (&DeTable<'_>, &Table),
    ) {
        for (key, at, value) in entries(table, values) {
            let name = key.get_ref();
            match (at.get_ref(), value) {
                (DeValue::Table(table), Value::Table(values)) if parent.is_empty() => {
                    self.add_table(place, &format!("{name}."), (table, values));
                }
                (at, value) => {
                    let name = format!("{parent}{name}");
                    self.add(place, &name, (at, value), key.span().start);
                }
            }
        }
    }

    fn add(
        &mut self,
        (table, index): (&str, usize),
        key: &str,
        (at, value): (&DeValue<'_>, &Value),
        offset: usize,
    ) {
        // Permissions are in octal.
        let value = match (at, value) {
            (DeValue::Integer(written), Value::Integer(number)) if written.radix() == 8 => {
                Value::String(format!("0o{number:o}"))
            }
            _ => value.clone(),
        };
        let line = self.lines.line(offset);
        self.found.push(FileKey {
            table: table.to_owned(),
            index,
            key: key.to_owned(),
            value,
            line,
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_key_has_its_table_and_its_line() {
        let text = "rules = ['a']\n[store]\npath = 'x'\n[[handler]]\nname = 'a'\n[handler.header]\nA = 'x'\n\
            [[handler]]\nmode = 0o640\n[web]\nlisten = 'y'\n";
        let found: Vec<_> = FileKey::all(text)
            .into_iter()
            .map(|it| format!("{}: {}[{}].{}", it.line, it.table, it.index, it.key))
            .collect();
        let mut sorted = found.clone();
        sorted.sort();
        let expected = [
            "11: handler[2].listen",
            "1: [0].rules",
            "3: store[0].path",
            "5: handler[0].name",
            "7: handler[0].header.A",
            "9: handler[1].mode",
        ];
        assert_eq!(sorted, expected);
        let mode = FileKey::all(text).into_iter().find(|it| it.key == "mode").unwrap();
        assert_eq!(mode.value, Value::String("0o640".to_owned()));
    }
}
