use ratatui::termion::event::Key;

/// A line that is being edited.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Editor {
    letters: Vec<char>,
    cursor: usize,
}

impl Editor {
    /// With this text, and the cursor behind it.
    pub(super) fn new(text: &str) -> Self {
        let letters: Vec<char> = text.chars().collect();
        Self { cursor: letters.len(), letters }
    }

    pub(super) fn text(&self) -> String {
        self.letters.iter().collect()
    }

    /// The text before the cursor.
    pub(super) fn before(&self) -> String {
        self.letters.iter().take(self.cursor).collect()
    }

    /// Types or moves. Other keys do nothing.
    pub(super) fn press(&mut self, key: Key) {
        match key {
            Key::Home | Key::Ctrl('a') => self.cursor = 0,
            Key::End | Key::Ctrl('e') => self.cursor = self.letters.len(),
            Key::Ctrl('u') => {
                self.letters.drain(..self.cursor);
                self.cursor = 0;
            }
            Key::Ctrl('k') => self.letters.truncate(self.cursor),
            Key::Ctrl('w') => self.delete_word(),
            Key::Backspace | Key::Ctrl('h') => self.delete_before(),
            Key::Delete if self.cursor < self.letters.len() => {
                self.letters.remove(self.cursor);
            }
            Key::Left | Key::Ctrl('b') => self.cursor = self.cursor.saturating_sub(1),
            Key::Right | Key::Ctrl('f') => {
                self.cursor = (self.cursor + 1).min(self.letters.len());
            }
            Key::Char(letter) => self.insert(letter),
            _ => {}
        }
    }

    fn insert(&mut self, letter: char) {
        let letter = if letter.is_control() { ' ' } else { letter };
        self.letters.insert(self.cursor, letter);
        self.cursor += 1;
    }

    fn delete_before(&mut self) {
        if self.cursor > 0 {
            self.cursor -= 1;
            self.letters.remove(self.cursor);
        }
    }

    fn delete_word(&mut self) {
        let before = self.letters.get(..self.cursor).unwrap_or_default();
        let spaces = before.iter().rev().take_while(|letter| letter.is_whitespace()).count();
        let word = before.iter().rev().skip(spaces).take_while(|it| !it.is_whitespace()).count();
        let start = self.cursor - spaces - word;
        self.letters.drain(start..self.cursor);
        self.cursor = start;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn press(editor: &mut Editor, keys: &[Key]) {
        for key in keys {
            editor.press(*key);
        }
    }

    #[test]
    fn it_is_edited_where_the_cursor_is() {
        let mut editor = Editor::new("msg.sid == 1");
        press(&mut editor, &[Key::Home, Key::Right, Key::Delete, Key::Char('ü'), Key::Alt('x')]);
        assert_eq!((editor.text(), editor.before()), ("müg.sid == 1".into(), "mü".into()));
        press(&mut editor, &[Key::End, Key::Ctrl('w'), Key::Ctrl('w')]);
        assert_eq!(editor.text(), "müg.sid ");
        press(&mut editor, &[Key::Left, Key::Ctrl('k')]);
        assert_eq!(editor.text(), "müg.sid");
        press(&mut editor, &[Key::Backspace, Key::Ctrl('u')]);
        press(&mut editor, &[Key::Backspace, Key::Delete, Key::Left, Key::Right, Key::Ctrl('w')]);
        assert_eq!(editor, Editor::default());
    }

    #[test]
    fn control_characters_become_spaces() {
        let mut editor = Editor::default();
        press(&mut editor, &['a', '\t', '\u{9b}', 'b'].map(Key::Char));
        assert_eq!(editor.text(), "a  b");
    }
}
