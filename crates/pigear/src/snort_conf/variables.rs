use std::collections::HashMap;

/// The longest value: a variable that is made of others grows fast.
const MAX_VALUE: usize = 64 << 10;

/// The variables of a `snort.conf`.
#[derive(Debug, Default)]
pub(crate) struct Variables(HashMap<String, String>);

impl Variables {
    /// Takes a statement `var NAME VALUE`, or `ipvar` or `portvar`. Others are ignored.
    pub(crate) fn define(&mut self, statement: &str) {
        let Some(("var" | "ipvar" | "portvar", rest)) = statement.split_once(char::is_whitespace)
        else {
            return;
        };
        let Some((name, value)) = rest.trim_start().split_once(char::is_whitespace) else { return };
        // A value that can't be expanded is none.
        match self.expand(value.trim()) {
            Some(value) if value.len() <= MAX_VALUE => self.0.insert(name.to_owned(), value),
            _ => self.0.remove(name),
        };
    }

    /// A text with the values of `$NAME`, `$(NAME)`, `$(NAME:-DEFAULT)` and `$(NAME:?MESSAGE)`. `None` if
    /// a variable is undefined.
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
                expanded.push_str(self.0.get(name)?);
                after
            };
        }
        Some(expanded + rest)
    }

    fn value<'a>(&'a self, inside: &'a str) -> Option<&'a str> {
        let (name, default) = match inside.split_once(':') {
            Some((name, default)) => (name, default.strip_prefix('-')),
            None => (inside, None),
        };
        self.0.get(name).map(String::as_str).or(default)
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
}
