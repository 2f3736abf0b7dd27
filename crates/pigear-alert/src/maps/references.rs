use super::lines;
use super::lua::{self, Entry, Table};
use super::problem::{MapProblem, Parsed, required};

/// A reference from a rule to a description of its subject: `cve,2021-41773`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Reference<'a> {
    /// The system: `cve`, `bugtraq`, `url`, …
    pub system: &'a str,
    /// The id within the system: a number, a name, or a URL without its `http://`.
    pub id: &'a str,
}

impl Reference<'_> {
    /// As Snort shows it: the URL or, if the system is unknown, its name and the id: `md5 0123abcd`.
    #[must_use]
    pub fn shown(&self, systems: &ReferenceSystems) -> String {
        self.url(systems).unwrap_or_else(|| format!("{} {}", self.system, self.id))
    }

    /// The URL, if the system is known.
    ///
    /// It is the system's prefix and the id, without duplication: an id that is a whole URL is not changed,
    /// and `CVE-2021-41773` loses its prefix after `…?id=CVE-`, as does `CAN-2004-0120`, which is what CVE's
    /// candidates were called.
    #[must_use]
    pub fn url(&self, systems: &ReferenceSystems) -> Option<String> {
        let prefix = systems.prefix(self.system)?;
        if ["http://", "https://"].iter().any(|scheme| starts_with_ignoring_case(self.id, scheme)) {
            return Some(self.id.to_owned());
        }
        let ending = prefix.rsplit(['/', '=', '?', '#']).next().unwrap_or_default();
        let candidate = if ending.eq_ignore_ascii_case("CVE-") { "CAN-" } else { ending };
        let id = if starts_with_ignoring_case(self.id, ending)
            || starts_with_ignoring_case(self.id, candidate)
        {
            &self.id[ending.len()..]
        } else {
            self.id
        };
        Some(format!("{prefix}{id}"))
    }
}

fn starts_with_ignoring_case(text: &str, beginning: &str) -> bool {
    text.get(..beginning.len()).is_some_and(|head| head.eq_ignore_ascii_case(beginning))
}

/// The reference systems, and their URL prefixes.
///
/// The default is [`ReferenceSystems::stock`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReferenceSystems(Vec<(Box<str>, Box<str>)>);

impl Default for ReferenceSystems {
    fn default() -> Self {
        Self::stock()
    }
}

/// The systems of Snort's own lists. The prefixes of `cve`, `nessus` and `msb` are their current ones;
/// `bugtraq`, `arachnids`, `mcafee` and `osvdb` have closed, and keep their last one.
const STOCK: [(&str, &str); 8] = [
    ("bugtraq", "http://www.securityfocus.com/bid/"),
    ("cve", "https://www.cve.org/CVERecord?id=CVE-"),
    ("arachnids", "http://www.whitehats.com/info/IDS"),
    ("nessus", "https://www.tenable.com/plugins/nessus/"),
    ("mcafee", "http://vil.nai.com/vil/content/v_"),
    ("osvdb", "http://osvdb.org/show/osvdb/"),
    ("msb", "https://technet.microsoft.com/en-us/security/bulletin/"),
    ("url", "http://"),
];

impl ReferenceSystems {
    /// The eight systems that Snort's own lists have.
    #[must_use]
    pub fn stock() -> Self {
        Self(STOCK.iter().map(|&(name, prefix)| (name.into(), prefix.into())).collect())
    }

    /// Parses Snort's list in either form: the Lua table `references` (or `default_references`) of Snort 3,
    /// else `config reference:` lines. Other text is ignored.
    ///
    /// The list is empty when the text has none. Of two entries for one system the later is used, as in
    /// Snort.
    #[must_use]
    pub fn parse(text: &str) -> Parsed<Self> {
        match lua::table(text, "references") {
            Some(table) => from_table(&table),
            None => from_configs(text),
        }
    }

    /// The URL prefix of a system. Its name is case-insensitive.
    #[must_use]
    pub fn prefix(&self, system: &str) -> Option<&str> {
        let found = self.0.iter().rfind(|(name, _)| name.eq_ignore_ascii_case(system));
        found.map(|(_, prefix)| &**prefix)
    }

    /// All names and prefixes, as parsed.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &str)> {
        self.0.iter().map(|(name, prefix)| (&**name, &**prefix))
    }

    /// Whether there are no systems.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    fn add(&mut self, (name, prefix): (&str, &str)) {
        self.0.push((name.into(), prefix.into()));
    }
}

fn from_configs(text: &str) -> Parsed<ReferenceSystems> {
    let mut parsed = empty();
    for (line, argument) in lines::configs(text, "reference") {
        match argument.as_deref().map_err(MapProblem::clone).and_then(configured) {
            Ok(system) => parsed.value.add(system),
            Err(problem) => parsed.report(line, problem),
        }
    }
    parsed
}

fn configured(argument: &str) -> Result<(&str, &str), MapProblem> {
    // Sagan's lists have a comma in between.
    if let Some((name, prefix)) = argument.split_once(',')
        && !argument.contains(char::is_whitespace)
    {
        return Ok((required("system", name)?, required("address", prefix)?));
    }
    let mut fields = argument.split_whitespace();
    let name = required("system", fields.next().unwrap_or_default())?;
    let prefix = required("address", fields.next().unwrap_or_default())?;
    match fields.count() {
        0 => Ok((name, prefix)),
        more => Err(MapProblem::TooManyFields { found: 2 + more, allowed: 2 }),
    }
}

fn from_table(table: &Table<'_>) -> Parsed<ReferenceSystems> {
    let mut parsed = empty();
    for entry in &table.entries {
        match tabled(entry) {
            Ok(system) => parsed.value.add(system),
            Err(problem) => parsed.report(entry.line, problem),
        }
    }
    if !table.closed {
        parsed.report(table.line, MapProblem::Unclosed);
    }
    parsed
}

fn tabled<'a>(entry: &'a Entry<'_>) -> Result<(&'a str, &'a str), MapProblem> {
    let name = required("system", entry.text("name", "system")?.unwrap_or_default())?;
    let prefix = required("address", entry.text("url", "address")?.unwrap_or_default())?;
    Ok((name, prefix))
}

fn empty() -> Parsed<ReferenceSystems> {
    Parsed { value: ReferenceSystems(Vec::new()), problems: Vec::new() }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn problems(parsed: &Parsed<ReferenceSystems>) -> Vec<String> {
        parsed.problems.iter().map(ToString::to_string).collect()
    }

    fn url(system: &str, id: &str) -> Option<String> {
        Reference { system, id }.url(&ReferenceSystems::stock())
    }

    #[test]
    fn an_address_is_prefix_and_id() {
        assert_eq!(
            url("CVE", "2021-41773").as_deref(),
            Some("https://www.cve.org/CVERecord?id=CVE-2021-41773")
        );
        assert_eq!(url("url", "example.org/a?b=c").as_deref(), Some("http://example.org/a?b=c"));
        assert_eq!(url("nobody", "1"), None);
    }

    #[test]
    fn an_address_says_nothing_twice() {
        assert_eq!(url("url", "HTTPS://example.org").as_deref(), Some("HTTPS://example.org"));
        assert_eq!(
            url("cve", "cve-2021-41773").as_deref(),
            Some("https://www.cve.org/CVERecord?id=CVE-2021-41773")
        );
        assert_eq!(url("arachnids", "IDS4"), url("arachnids", "4"));
        assert_eq!(url("cve", "CAN-2004-0120"), url("cve", "2004-0120"));
        assert_eq!(url("cve", "été").as_deref(), Some("https://www.cve.org/CVERecord?id=CVE-été"));
    }

    #[test]
    fn each_broken_line_is_named_and_skipped() {
        let parsed = ReferenceSystems::parse(
            "config reference: a http://a/\nconfig reference a b\nconfig reference:\nconfig reference: c\n\
             config reference: d e f\nvar X y\nconfig reference: A http://later/",
        );
        assert_eq!(
            problems(&parsed),
            [
                "line 2: no colon after reference",
                "line 3: no system",
                "line 4: no address",
                "line 5: 3 fields, but at most 2 are allowed",
            ]
        );
        assert_eq!(parsed.value.iter().count(), 2);
        assert_eq!(parsed.value.prefix("a"), Some("http://later/"));
    }

    #[test]
    fn a_comma_may_stand_between_system_and_address() {
        let parsed = ReferenceSystems::parse(
            "config reference: cve,http://a/?name=\nconfig reference: url http://b/?x,y",
        );
        assert_eq!(problems(&parsed), [""; 0]);
        let systems: Vec<_> = parsed.value.iter().collect();
        assert_eq!(systems, [("cve", "http://a/?name="), ("url", "http://b/?x,y")]);
    }

    #[test]
    fn each_broken_entry_is_named_and_skipped() {
        let parsed = ReferenceSystems::parse(
            "default_references = {\n{ url = 'x' },\n{ name = 'a' },\n{ name = b, url = 'x' },\n\
             { name = 'c', url = 'http://c/' } ",
        );
        assert_eq!(
            problems(&parsed),
            [
                "line 2: no system",
                "line 3: no address",
                "line 4: system is not a plain string or number",
                "line 1: the table is not closed",
            ]
        );
        assert_eq!(parsed.value.prefix("C"), Some("http://c/"));
    }
}
