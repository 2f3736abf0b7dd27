//! Leaving a file, and remembering where it was left.

use std::io;

use pigear_alert::plural;
use tracing::warn;

use super::Reader;
use super::file::{FilePosition, FoundFile, Open};
use crate::source::unified2::input;
use crate::source::unified2::set_aside::SetAside;
use crate::source::unified2::spool::FileId;
use crate::source::unified2::window::CompleteEvent;

impl Reader {
    /// The open file was truncated or recreated. If its contents were copied before, the copy comes first.
    pub(super) fn close_truncated(&mut self) {
        let Some(open) = &mut self.open else { return };
        let damage = open.tail.take_damage();
        self.log_skipped(damage);
        let Some(open) = self.open.take() else { return };
        warn!("{} was truncated or recreated", open.file.name.to_string_lossy());
        self.remember(open.file.id, open.left());
        self.left.remove(&open.file.id);
        self.note_last(&open);
        self.listing.recheck();
    }

    pub(super) fn leave_open(&mut self, out: &mut Vec<CompleteEvent>) {
        let Some(open) = self.open.take() else { return };
        if open.detour.is_some() {
            self.window.finish(out);
        }
        let half = open.tail.pending();
        if half > 0 {
            self.damaged += 1;
            warn!(
                "{} ends with an incomplete record of {}",
                open.file.name.to_string_lossy(),
                plural::count(half, "byte")
            );
        }
        self.remember(open.file.id, open.left());
        self.left.insert(open.file.id, open.left());
        self.note_last(&open);
    }

    /// Stores the position in a file that is no longer open.
    pub(super) fn note_last(&mut self, open: &Open) {
        match &open.detour {
            Some(detour) => {
                (self.last, self.begun) = (Some(detour.place.clone()), detour.begun);
                self.scanned = 0;
            }
            None => self.last = Some(open.place()),
        }
    }

    /// Remembers a file of which there may be a copy.
    pub(super) fn remember(&mut self, id: FileId, left: FilePosition) {
        const MAX_COPIED: usize = 64;
        self.copied.push_front((id, left));
        self.copied.truncate(MAX_COPIED);
    }

    /// Sets aside the open file, which can't be read at present.
    pub(super) fn set_open_aside(&mut self, error: io::Error) {
        let Some(mut open) = self.open.take() else { return };
        if input::is_damaged(&error) {
            self.note_last(&open);
            let (left, written) = (open.left(), open.tail.written().unwrap_or_default());
            // The original may still be there, and its length is another one.
            self.remember(open.file.id, FilePosition { end: left.offset, ..left });
            let found = FoundFile { length: left.end, written };
            self.stop_decompressing(open.place(), found, &error);
            return;
        }
        let mut trouble = open.trouble.take().unwrap_or_else(|| SetAside::known(open.place()));
        trouble.place = open.place();
        trouble.fail(self.shown(&open.file.name), error);
        self.note_last(&open);
        self.set_aside.push(trouble);
    }

    pub(super) fn mark_readable(&mut self) {
        if let Some(open) = &mut self.open
            && let Some(trouble) = open.trouble.take()
        {
            let path = self.listing.spool().dir().join(&open.file.name);
            trouble.succeed(path.display());
        }
    }
}
