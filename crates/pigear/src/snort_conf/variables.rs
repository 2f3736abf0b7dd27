use std::collections::HashMap;

/// The longest value: a variable that is made of others grows fast.
pub(crate) const MAX_VALUE: usize = 64 << 10;

/// The most bytes of all values together: many can be made of a long one.
pub(crate) const MAX_VALUES: usize = 16 << 20;

/// The variables of a `snort.conf`.
#[derive(Debug, Default)]
pub(crate) struct Variables {
    values: HashMap<String, String>,
    /// The bytes of all values.
    len: usize,
}

impl Variables {
    /// Takes a statement `var NAME VALUE`, or `ipvar` or `portvar`. Others are ignored.
    pub(crate) fn define(&mut self, statement: &str) {
        let Some(("var" | "ipvar" | "portvar", rest)) = statement.split_once(char::is_whitespace)
        else {
            return;
        };
        let Some((name, value)) = rest.trim_start().split_once(char::is_whitespace) else { return };
        // A value that can't be expanded is none.
        let value = self.expand(value.trim());
        self.len -= self.values.remove(name).map_or(0, |old| old.len());
        if let Some(value) = value.filter(|value| self.len + value.len() <= MAX_VALUES) {
            self.len += value.len();
            self.values.insert(name.to_owned(), value);
        }
    }

    /// A text with the values of `$NAME`, `$(NAME)`, `$(NAME:-DEFAULT)` and `$(NAME:?MESSAGE)`. `None` if
    /// a variable is undefined, or the text would be too long.
    pub(crate) fn expand(&self, text: &str) -> Option<String> {
        let (mut expanded, mut rest) = (String::new(), text);
        while let Some((before, after)) = rest.split_once('$') {
            expanded.push_str(before);
            rest = if let Some((inside, after)) = in_parentheses(after) {
                expanded.push_str(self.value(inside)?);
                after
            } else {
                let is_end = |c: char| !(c.is_ascii_alphanumeric() || c == '_');
                let (name, after) = after.split_at(after.find(is_end).unwrap_or(after.len()));
                expanded.push_str(self.values.get(name)?);
                after
            };
            if expanded.len() > MAX_VALUE {
                return None;
            }
        }
        Some(expanded + rest).filter(|text| text.len() <= MAX_VALUE)
    }

    fn value<'a>(&'a self, inside: &'a str) -> Option<&'a str> {
        let (name, default) = match inside.split_once(':') {
            Some((name, default)) => (name, default.strip_prefix('-')),
            None => (inside, None),
        };
        self.values.get(name).map(String::as_str).or(default)
    }
}

fn in_parentheses(text: &str) -> Option<(&str, &str)> {
    text.strip_prefix('(')?.split_once(')')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_those_of_the_moment() {
        let mut variables = Variables::default();
        for statement in
            ["var A x", "portvar \t B\t  [$A, $(A)]", "var A y", "ipvar C $UNKNOWN", "vary D z"]
        {
            variables.define(statement);
        }
        let expanded = |text| variables.expand(text);
        assert_eq!(expanded("$A/$B_/").as_deref(), None);
        assert_eq!(expanded("$A/$(B)_").as_deref(), Some("y/[x, x]_"));
        assert_eq!(expanded("$(C:-c)$(A:?no)").as_deref(), Some("cy"));
        assert_eq!(expanded("$(C:?no)"), None);
        assert_eq!(expanded("$D"), None);
        assert_eq!(expanded("5 $").as_deref(), None);
    }

    #[test]
    fn values_that_double_come_to_an_end() {
        let mut variables = Variables::default();
        variables.define("var A xxxxxxxx");
        (0..64).for_each(|_| variables.define("var A $A$A"));
        assert_eq!(variables.expand("$A"), None);
    }

    #[test]
    fn many_long_values_come_to_an_end() {
        let mut variables = Variables::default();
        variables.define(&format!("var A {}", "x".repeat(MAX_VALUE)));
        (0..1_000).for_each(|number| variables.define(&format!("var B{number} $A")));
        let len = variables.values.values().map(String::len).sum::<usize>();
        assert!(len <= MAX_VALUES && len == variables.len, "{len}");
        variables.define("var A y");
        variables.define("var C z");
        assert_eq!(variables.expand("$A$C").as_deref(), Some("yz"));
    }

    #[test]
    fn a_long_value_is_not_repeated_without_end() {
        let mut variables = Variables::default();
        variables.define(&format!("var A {}", "x".repeat(MAX_VALUE)));
        assert_eq!(variables.expand(&"$A".repeat(1_000)), None);
    }
}
