use ratatui::crossterm::event::{KeyCode, KeyEvent, KeyModifiers};

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
    pub(super) fn press(&mut self, key: KeyEvent) {
        let has_control = key.modifiers.contains(KeyModifiers::CONTROL);
        match key.code {
            KeyCode::Char('a') if has_control => self.cursor = 0,
            KeyCode::Char('e') if has_control => self.cursor = self.letters.len(),
            KeyCode::Char('u') if has_control => {
                self.letters.drain(..self.cursor);
                self.cursor = 0;
            }
            KeyCode::Char('k') if has_control => self.letters.truncate(self.cursor),
            KeyCode::Char('w') if has_control => self.delete_word(),
            KeyCode::Char('h') if has_control => self.delete_before(),
            KeyCode::Char(letter) if !has_control && !key.modifiers.contains(KeyModifiers::ALT) => {
                self.insert(letter);
            }
            KeyCode::Backspace => self.delete_before(),
            KeyCode::Delete if self.cursor < self.letters.len() => {
                self.letters.remove(self.cursor);
            }
            KeyCode::Left => self.cursor = self.cursor.saturating_sub(1),
            KeyCode::Right => self.cursor = (self.cursor + 1).min(self.letters.len()),
            KeyCode::Home => self.cursor = 0,
            KeyCode::End => self.cursor = self.letters.len(),
            _ => {}
        }
    }

    /// Inserts a text; its line breaks become spaces.
    pub(super) fn paste(&mut self, text: &str) {
        text.trim_end_matches(['\r', '\n']).chars().for_each(|letter| self.insert(letter));
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

    fn press(editor: &mut Editor, code: KeyCode, modifiers: KeyModifiers) {
        editor.press(KeyEvent::new(code, modifiers));
    }

    #[test]
    fn it_is_edited_where_the_cursor_is() {
        let mut editor = Editor::new("msg.sid == 1");
        for code in [KeyCode::Home, KeyCode::Right, KeyCode::Delete, KeyCode::Char('ü')] {
            press(&mut editor, code, KeyModifiers::NONE);
        }
        assert_eq!((editor.text(), editor.before()), ("müg.sid == 1".into(), "mü".into()));
        press(&mut editor, KeyCode::End, KeyModifiers::NONE);
        press(&mut editor, KeyCode::Char('w'), KeyModifiers::CONTROL);
        press(&mut editor, KeyCode::Char('w'), KeyModifiers::CONTROL);
        assert_eq!(editor.text(), "müg.sid ");
        press(&mut editor, KeyCode::Backspace, KeyModifiers::NONE);
        press(&mut editor, KeyCode::Char('u'), KeyModifiers::CONTROL);
        for code in [KeyCode::Backspace, KeyCode::Delete, KeyCode::Left, KeyCode::Right] {
            press(&mut editor, code, KeyModifiers::NONE);
        }
        assert_eq!(editor, Editor::default());
    }

    #[test]
    fn what_is_pasted_stays_one_line_without_control_characters() {
        let mut editor = Editor::default();
        editor.paste("a == 1\n&& \x1bb\r\n");
        assert_eq!(editor.text(), "a == 1 &&  b");
    }
}
