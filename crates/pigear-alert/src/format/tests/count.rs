use std::num::NonZeroU64;

use super::*;

/// An alert in a format, as one of so many.
fn counted(format: FormatName, count: Option<u64>) -> String {
    let mut alert = alert(AlertMessage { pkt: [].into(), classification: 0, ..ping() });
    alert.received = "2026-11-18T16:27:50Z".parse().unwrap();
    alert.count = count.and_then(NonZeroU64::new);
    written(&*format.format(Colour::Never), &alert)
}

#[test]
fn a_group_says_how_many_it_stands_for() {
    for (format, part) in [
        (FormatName::Fast, " (3 alike)\n"),
        (FormatName::Full, " (3 alike)\n"),
        (FormatName::Json, ",\"count\":3"),
        (FormatName::Eve, ",\"count\":3"),
        (FormatName::Ecs, ",\"count\":3"),
        (FormatName::Ocsf, ",\"count\":3"),
        (FormatName::Cef, " cnt=3"),
        (FormatName::Snort, " (3 alike)\n"),
        (FormatName::AlertJson, ", \"count\" : 3"),
    ] {
        let (one, three) = (counted(format, None), counted(format, Some(3)));
        let end = if part.ends_with('\n') { "\n" } else { "" };
        assert_eq!(three.replacen(part, end, 1), one, "{three}");
        assert_ne!(three, one);
    }
}

#[test]
fn a_group_of_one_is_an_alert_as_any_other() {
    let formats = [
        FormatName::Fast,
        FormatName::Full,
        FormatName::Eve,
        FormatName::Ecs,
        FormatName::Ocsf,
        FormatName::Cef,
        FormatName::Snort,
        FormatName::AlertJson,
        FormatName::Csv,
    ];
    for format in formats {
        assert_eq!(counted(format, Some(1)), counted(format, None));
    }
}
