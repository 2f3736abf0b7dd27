//! Where the contents of a rule are in a packet.

use std::ops::Range;

use pigear_alert::Alert;

use super::content::{Content, Cursor, Distance};
use super::rule::Rule;

/// The most ranges of one content.
const MAX_RANGES: usize = 1_000;

/// The most contents of a rule that are looked for.
const MAX_CONTENTS: usize = 256;

/// Where one content of a rule is in a packet.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ContentMatches {
    /// The content's index in [`Rule::contents`].
    pub content: usize,
    /// Its bytes in the packet, in order; they may overlap. Empty if it was not found.
    pub ranges: Vec<Range<usize>>,
    /// Whether there are more than the thousand ranges that are given.
    pub has_more: bool,
}

impl Rule {
    /// Finds the contents of the rule in a packet with this payload.
    ///
    /// There is one entry for each content, in the rule's order, except for those that are empty or must not
    /// be there. Its ranges are those where Snort may have found it:
    ///
    /// * `nocase` counts for ASCII letters, as in Snort.
    /// * `offset` and `depth` count from the payload's beginning, if they are plain numbers.
    /// * `distance` and `within` count from the end of a match of the content before it in the same buffer,
    ///   or from the payload's beginning if there is none. A match that none of the next content follows is
    ///   left out if another has one that follows. If something else than a content comes between, such as
    ///   `pcre` or `byte_jump`, or the number is a variable, then they don't count.
    /// * A content in another buffer than the payload (`http_uri`, `file_data`) is looked for in the whole
    ///   payload: where the buffer is there, nothing states. It isn't found if Snort decoded or decompressed
    ///   it.
    ///
    /// The first 256 contents are looked for, and the first 1,000 ranges of each are given.
    #[must_use]
    pub fn find(&self, packet: &[u8], payload: Range<usize>) -> Vec<ContentMatches> {
        let start = payload.start.min(packet.len());
        let bytes = packet.get(start..payload.end.min(packet.len())).unwrap_or_default();
        let contents = self.contents.get(..MAX_CONTENTS).unwrap_or(&self.contents);
        let mut found: Vec<Vec<usize>> = Vec::new();
        for content in contents {
            found.push(positions(content, bytes, contents, &found));
        }
        for (index, content) in contents.iter().enumerate().rev() {
            leave_out_unfollowed(content, index, contents, &mut found);
        }
        let is_wanted =
            |(_, content): &(usize, &Content)| !content.is_negated && !content.bytes.is_empty();
        let wanted = contents.iter().enumerate().filter(is_wanted);
        let matches = wanted.map(|(index, content)| {
            let positions = found.get(index).map(Vec::as_slice).unwrap_or_default();
            let range = |at: &usize| start + at..start + at + content.bytes.len();
            ContentMatches {
                content: index,
                ranges: positions.iter().take(MAX_RANGES).map(range).collect(),
                has_more: positions.len() > MAX_RANGES,
            }
        });
        matches.collect()
    }

    /// Finds the contents of the rule in the packet of an alert; see [`find`](Self::find). If there is none,
    /// in the part of the stream that Snort [inspected](Alert::inspected).
    #[must_use]
    pub fn find_in(&self, alert: &Alert) -> Vec<ContentMatches> {
        match alert.inspected() {
            Some(inspected) => self.find(inspected, 0..inspected.len()),
            None => self.find(&alert.message.pkt, alert.dissection().payload.clone()),
        }
    }
}

/// Where a content may begin in the payload, given where those before it begin.
fn positions(
    content: &Content,
    payload: &[u8],
    contents: &[Content],
    found: &[Vec<usize>],
) -> Vec<usize> {
    if content.is_negated || content.bytes.is_empty() {
        return Vec::new();
    }
    if content.buffer.is_some() {
        return occurrences(payload, content, 0..payload.len());
    }
    let len = payload.len();
    match (content.is_relative(), content.cursor) {
        (false, _) => occurrences(
            payload,
            content,
            window(content.offset.as_ref(), content.depth.as_ref(), len),
        ),
        (true, Cursor::Unknown) => occurrences(payload, content, 0..len),
        (true, Cursor::Start) => occurrences(
            payload,
            content,
            window(content.distance.as_ref(), content.within.as_ref(), len),
        ),
        (true, Cursor::After(before)) => {
            let mut positions = occurrences(payload, content, 0..len);
            let before_len = contents.get(before).map_or(0, |before| before.bytes.len());
            let before = found.get(before).map(Vec::as_slice).unwrap_or_default();
            let gap = Gap::of(content, before_len);
            positions.retain(|at| gap.any_before(*at, before));
            positions
        }
    }
}

/// Leaves out the matches of the content before this one that none of this one follows, if others have one.
fn leave_out_unfollowed(
    content: &Content,
    index: usize,
    contents: &[Content],
    found: &mut [Vec<usize>],
) {
    let Cursor::After(before) = content.cursor else { return };
    if content.is_negated || content.buffer.is_some() || !content.is_relative() {
        return;
    }
    let before_len = contents.get(before).map_or(0, |before| before.bytes.len());
    let gap = Gap::of(content, before_len);
    let Some((earlier, later)) = found.split_at_mut_checked(index) else { return };
    let (Some(earlier), Some(later)) = (earlier.get_mut(before), later.first()) else { return };
    if !later.is_empty() {
        earlier.retain(|at| gap.any_after(*at, later));
    }
}

/// How far a content may begin after the beginning of the one before it, both ends included.
struct Gap {
    least: i64,
    most: i64,
}

impl Gap {
    fn of(content: &Content, before_len: usize) -> Self {
        let bytes = |distance: &Option<Distance>| distance.as_ref().and_then(Distance::bytes);
        let before_len = i64::try_from(before_len).unwrap_or(i64::MAX / 4);
        let len = i64::try_from(content.bytes.len()).unwrap_or(i64::MAX / 4);
        let is_variable = content.distance.is_some() && bytes(&content.distance).is_none();
        if is_variable {
            return Self { least: i64::MIN / 4, most: i64::MAX / 4 };
        }
        let least = before_len + i64::from(bytes(&content.distance).unwrap_or(0));
        let within = bytes(&content.within).map(|within| least + i64::from(within) - len);
        Self { least, most: within.unwrap_or(i64::MAX / 4) }
    }

    /// Whether one of the sorted positions is so far before this one.
    fn any_before(&self, at: usize, positions: &[usize]) -> bool {
        let at = signed(at);
        Self::any_between(positions, at - self.most, at - self.least)
    }

    /// Whether one of the sorted positions is so far after this one.
    fn any_after(&self, at: usize, positions: &[usize]) -> bool {
        let at = signed(at);
        Self::any_between(positions, at + self.least, at + self.most)
    }

    fn any_between(positions: &[usize], least: i64, most: i64) -> bool {
        let first = positions.partition_point(|at| signed(*at) < least);
        positions.get(first).is_some_and(|at| signed(*at) <= most)
    }
}

fn signed(at: usize) -> i64 {
    i64::try_from(at).unwrap_or(i64::MAX / 4)
}

/// The part of a payload that is searched: from `skip` on, `take` bytes. What isn't a plain number doesn't
/// count.
fn window(skip: Option<&Distance>, take: Option<&Distance>, len: usize) -> Range<usize> {
    let bytes = |distance: Option<&Distance>| distance.map(Distance::bytes);
    let skip = match bytes(skip) {
        // Nothing says where the other number counts from.
        Some(None) => return 0..len,
        skip => i64::from(skip.flatten().unwrap_or(0)),
    };
    let end = bytes(take).flatten().map_or(i64::MAX, |take| skip + i64::from(take));
    let within = |at: i64| usize::try_from(at.max(0)).unwrap_or(usize::MAX).min(len);
    within(skip)..within(end).max(within(skip))
}

/// Where a content begins in a part of the payload.
fn occurrences(payload: &[u8], content: &Content, window: Range<usize>) -> Vec<usize> {
    let start = window.start;
    let Content { bytes, nocase, .. } = content;
    let is_same = |found: &[u8]| {
        if *nocase { found.eq_ignore_ascii_case(bytes) } else { found == bytes }
    };
    let windows = payload.get(window).unwrap_or_default().windows(bytes.len().max(1)).enumerate();
    windows.filter(|(_, found)| is_same(found)).map(|(at, _)| start + at).collect()
}
