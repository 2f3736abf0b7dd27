#[cfg(test)]
mod tests;

use std::borrow::Cow;

use super::encoding::latin_1;
use super::{Class, Classes, GenMsgMap, ReferenceSystems, Rule, SidMsgMap};

/// The names of one alert, as stored.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Looked {
    /// The whole message.
    pub message: Box<[u8]>,
    /// The class.
    pub class: Option<Class>,
    /// The rule's references, as [`Names::references`] gives them.
    pub references: Vec<String>,
}

/// All maps for an alert's numbers.
///
/// The default has the classes and reference systems that come with Snort, and no rules.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Names {
    /// The classes, by number.
    pub classes: Classes,
    /// The URL prefixes of reference systems.
    pub references: ReferenceSystems,
    /// The rules, from `sid-msg.map`.
    pub rules: SidMsgMap,
    /// The alerts of decoders and preprocessors, from `gen-msg.map`.
    pub generators: GenMsgMap,
    /// Fixed names that replace all these maps.
    pub looked: Option<Box<Looked>>,
}

impl From<Looked> for Names {
    /// The names of a stored alert: every look-up returns these.
    fn from(looked: Looked) -> Self {
        Self {
            classes: Classes::none(),
            references: ReferenceSystems::default(),
            rules: SidMsgMap::default(),
            generators: GenMsgMap::default(),
            looked: Some(Box::new(looked)),
        }
    }
}

impl Names {
    /// The class of a number; see [`Classes::get`].
    ///
    /// Snort 2 sends 25 with every decoder alert (generator 116), whatever its list has there, and names no
    /// class for them in its own logs; don't look those up.
    #[must_use]
    pub fn class(&self, number: u32) -> Option<&Class> {
        match &self.looked {
            Some(looked) => looked.class.as_ref(),
            None => self.classes.get(number),
        }
    }

    /// The rule of an alert; see [`SidMsgMap::get`].
    #[must_use]
    pub fn rule(&self, generator: u32, sid: u32) -> Option<&Rule> {
        self.rules.get(generator, sid)
    }

    /// The whole message of an alert, given the one that Snort sent.
    ///
    /// Snort truncates messages at 255 bytes, perhaps within a character. So the text of a map is used if it
    /// begins with the sent one, which is always true of an empty message; otherwise the map is about another
    /// rule, and the sent message is used. The maps are `sid-msg.map` and then, except for rules (generators
    /// 1 and 3), `gen-msg.map`.
    ///
    /// A message that isn't UTF-8 is compared as Latin-1, as [`text`](super::text) reads such lines.
    ///
    /// Some programs write maps with the backslashes that a message needs within a rule. Snort sends none, so
    /// the text is also compared without them.
    #[must_use]
    pub fn message<'a>(&'a self, generator: u32, sid: u32, sent: &'a [u8]) -> Cow<'a, [u8]> {
        if let Some(looked) = &self.looked {
            return Cow::Borrowed(&looked.message);
        }
        let rule = self.rule(generator, sid).map(Rule::message);
        let built_in =
            if matches!(generator, 1 | 3) { None } else { self.generators.get(generator, sid) };
        let mut texts = rule.into_iter().chain(built_in);
        texts.find_map(|text| completed(sent, text)).unwrap_or(Cow::Borrowed(sent))
    }

    /// The rule's references, each as a URL or, if its system is unknown, as `SYSTEM ID`: see
    /// [`Reference::shown`](super::Reference::shown).
    pub fn references(&self, generator: u32, sid: u32) -> impl Iterator<Item = String> {
        let looked = self.looked.iter().flat_map(|looked| looked.references.iter().cloned());
        let references = self.rule(generator, sid).into_iter().flat_map(Rule::references);
        looked.chain(references.map(|reference| reference.shown(&self.references)))
    }
}

fn completed<'a>(sent: &[u8], text: &'a str) -> Option<Cow<'a, [u8]>> {
    if begins_with(text, sent) {
        return Some(text.as_bytes().into());
    }
    let plain = text.contains('\\').then(|| without_escapes(text))?;
    begins_with(&plain, sent).then(|| plain.into_bytes().into())
}

fn begins_with(text: &str, sent: &[u8]) -> bool {
    let is_latin_1 = || str::from_utf8(sent).is_err() && text.starts_with(&*latin_1(sent));
    text.as_bytes().starts_with(sent) || is_latin_1()
}

fn without_escapes(text: &str) -> String {
    let mut letters = text.chars();
    std::iter::from_fn(|| match letters.next()? {
        '\\' => letters.next(),
        letter => Some(letter),
    })
    .collect()
}
