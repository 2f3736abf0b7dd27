use std::borrow::Cow;

/// A token of Lua, as far as tables need it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Token<'a> {
    Name(&'a str),
    Number(&'a str),
    Text(Cow<'a, str>),
    Symbol(char),
}

/// The tokens of a text, each with its line number from 1. Any text is accepted.
pub(super) struct Lexer<'a> {
    rest: &'a str,
    line: usize,
}

impl<'a> Lexer<'a> {
    pub(super) fn new(text: &'a str) -> Self {
        Self { rest: text.strip_prefix('\u{feff}').unwrap_or(text), line: 1 }
    }

    /// Skips these symbols if they come next.
    pub(super) fn take_symbols(&mut self, symbols: &str) -> bool {
        let (rest, line) = (self.rest, self.line);
        for symbol in symbols.chars() {
            if !self.next().is_some_and(|(_, token)| token == Token::Symbol(symbol)) {
                (self.rest, self.line) = (rest, line);
                return false;
            }
        }
        true
    }

    fn skip_blanks_and_comments(&mut self) {
        loop {
            let blanks = self.rest.len() - self.rest.trim_start().len();
            self.take(blanks);
            let Some(comment) = self.rest.strip_prefix("--") else {
                return;
            };
            let length = match long_string(comment) {
                Some((whole, _)) => whole,
                None => comment.find('\n').unwrap_or(comment.len()),
            };
            self.take(2 + length);
        }
    }

    fn take(&mut self, length: usize) -> &'a str {
        let (taken, rest) = self.rest.split_at(length);
        self.line += taken.matches('\n').count();
        self.rest = rest;
        taken
    }

    fn take_while(&mut self, wanted: impl Fn(char) -> bool) -> &'a str {
        let length = self.rest.find(|c| !wanted(c)).unwrap_or(self.rest.len());
        self.take(length)
    }

    fn take_quoted(&mut self, quote: char) -> Token<'a> {
        let inside = &self.rest[quote.len_utf8()..];
        let length = quoted_length(inside, quote);
        let text = &inside[..length];
        let end = usize::from(inside[length..].starts_with(quote));
        self.take(quote.len_utf8() + length + end);
        Token::Text(unescaped(text))
    }
}

impl<'a> Iterator for Lexer<'a> {
    type Item = (usize, Token<'a>);

    fn next(&mut self) -> Option<Self::Item> {
        self.skip_blanks_and_comments();
        let line = self.line;
        let first = self.rest.chars().next()?;
        let token = match first {
            '\'' | '"' => self.take_quoted(first),
            '0'..='9' => Token::Number(self.take_while(|c| c.is_ascii_alphanumeric() || c == '.')),
            '_' | 'a'..='z' | 'A'..='Z' => {
                Token::Name(self.take_while(|c| c.is_ascii_alphanumeric() || c == '_'))
            }
            _ => {
                if let Some((whole, text)) = long_string(self.rest) {
                    self.take(whole);
                    Token::Text(text.into())
                } else {
                    self.take(first.len_utf8());
                    Token::Symbol(first)
                }
            }
        };
        Some((line, token))
    }
}

/// The length of a quoted string: to its quote or, if it is not closed, to the end of the line.
fn quoted_length(inside: &str, quote: char) -> usize {
    let mut escaped = false;
    let end = inside.find(|c| {
        let ends = !escaped && (c == quote || c == '\n');
        escaped = c == '\\' && !escaped;
        ends
    });
    end.unwrap_or(inside.len())
}

/// A `[[…]]` or `[==[…]==]` at the beginning: its length, and its contents.
fn long_string(text: &str) -> Option<(usize, &str)> {
    let inside = text.strip_prefix('[')?.trim_start_matches('=').strip_prefix('[')?;
    let opening = text.len() - inside.len();
    let closing = format!("]{}]", "=".repeat(opening - 2));
    let (length, end) =
        inside.find(&closing).map_or((inside.len(), 0), |length| (length, closing.len()));
    Some((opening + length + end, &inside[..length]))
}

/// Resolves common escapes; other backslashes are removed.
fn unescaped(text: &str) -> Cow<'_, str> {
    if !text.contains('\\') {
        return text.into();
    }
    let mut plain = String::with_capacity(text.len());
    let mut letters = text.chars();
    while let Some(letter) = letters.next() {
        plain.extend(match letter {
            '\\' => letters.next().map(|escaped| match escaped {
                'n' => '\n',
                't' => '\t',
                'r' => '\r',
                other => other,
            }),
            other => Some(other),
        });
    }
    plain.into()
}
