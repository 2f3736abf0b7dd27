//! What keys say about alerts, what others say, and older alerts.

use std::collections::BTreeMap;

use ratatui::termion::event::Key;

use super::{App, CommentLine, Mode};
use crate::store::{MarkKind, Marks};
use crate::top::change::Change;
use crate::top::detail::Detail;
use crate::top::editor::Editor;
use crate::top::message::Triaged;

impl App {
    /// The alert that is open.
    pub(super) fn detail(&self) -> Option<&Detail> {
        match &self.mode {
            Mode::Detail(detail) => Some(detail),
            Mode::Comment(line) => line.detail.as_ref(),
            Mode::List | Mode::Filter(_) | Mode::Help => None,
        }
    }

    /// The alert that is open, or else selected, and what was said about it.
    fn subject(&self) -> Option<(i64, Marks)> {
        let open = self.detail().map(|detail| (detail.id, detail.marks));
        open.or_else(|| self.list.selected().map(|entry| (entry.id, entry.marks)))
    }

    pub(super) fn press_for_triage(&mut self, key: Key) {
        if key == Key::Char('u') {
            self.to_change = Some(Change::Undo);
            return;
        }
        let Some((alert, marks)) = self.subject() else { return };
        let (kind, is_set) = match key {
            Key::Char('e' | 'a') => (MarkKind::Acknowledged, !marks.is_acknowledged),
            Key::Char('s') => (MarkKind::Starred, !marks.is_starred),
            Key::Char('c') => return self.begin_comment(alert),
            _ => return,
        };
        self.to_change = Some(Change::Mark { alert, kind, is_set });
    }

    fn begin_comment(&mut self, alert: i64) {
        let detail = match std::mem::replace(&mut self.mode, Mode::List) {
            Mode::Detail(detail) => Some(detail),
            _ => None,
        };
        self.mode = Mode::Comment(CommentLine { alert, editor: Editor::default(), detail });
    }

    pub(super) fn edit_comment(&mut self, key: Key) {
        let Mode::Comment(line) = &mut self.mode else { return };
        match key {
            Key::Esc => {}
            Key::Char('\n') => {
                let text = line.editor.text().trim().to_owned();
                if !text.is_empty() {
                    self.to_change = Some(Change::Comment { alert: line.alert, text });
                }
            }
            _ => return line.editor.press(key),
        }
        let detail = line.detail.take();
        self.mode = detail.map_or(Mode::List, Mode::Detail);
    }

    /// Shows what became of a change.
    pub(super) fn triaged(&mut self, triaged: Triaged) {
        let Triaged { outcome, marks, is_undone } = triaged;
        self.note = Some(outcome);
        self.mark(&marks);
        if is_undone && self.wanted.is_about_triage() {
            // The alert may be one that is wanted again.
            self.hide(self.wanted.hides_acknowledged);
        }
    }

    /// Shows what was said about alerts.
    pub(super) fn mark(&mut self, marks: &BTreeMap<i64, Marks>) {
        self.list.mark(marks, |marks| self.wanted.accepts(marks));
        let detail = match &mut self.mode {
            Mode::Detail(detail) => Some(detail),
            Mode::Comment(line) => line.detail.as_mut(),
            Mode::List | Mode::Filter(_) | Mode::Help => None,
        };
        if let Some(detail) = detail
            && let Some(marks) = marks.get(&detail.id).filter(|marks| **marks != detail.marks)
        {
            detail.marks = *marks;
            self.to_open = Some(detail.id);
        }
        self.go_on();
    }

    /// Shows acknowledged alerts, or not.
    pub(super) fn hide(&mut self, hides_acknowledged: bool) {
        self.want(self.wanted.hiding(hides_acknowledged));
        self.begin();
        (self.counts, self.new_failures) = (None, None);
    }

    /// Looks for older alerts, if the list ends soon.
    pub(super) fn go_on(&mut self) {
        if !self.is_searching
            && let Some(before) = self.list.wants_before()
        {
            self.further = Some((self.search, before));
            self.is_searching = true;
        }
    }
}
