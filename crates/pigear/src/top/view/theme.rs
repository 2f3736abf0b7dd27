use ratatui::style::{Color, Modifier, Style};

/// How things look. Without colours, attributes and words tell them apart.
#[derive(Clone, Debug)]
pub(in crate::top) struct Theme {
    has_colour: bool,
    pub(super) title: Style,
    pub(super) heading: Style,
    pub(super) dim: Style,
    pub(super) selected: Style,
    pub(super) address: Style,
    pub(super) alarm: Style,
    pub(super) bars: Style,
    pub(super) notice: Style,
}

impl Theme {
    pub(in crate::top) fn new(has_colour: bool) -> Self {
        let coloured = |colour| if has_colour { Style::new().fg(colour) } else { Style::new() };
        Self {
            has_colour,
            title: Style::new().add_modifier(Modifier::REVERSED),
            heading: Style::new().add_modifier(Modifier::BOLD),
            dim: Style::new().add_modifier(Modifier::DIM),
            selected: Style::new().add_modifier(Modifier::REVERSED),
            address: coloured(Color::Cyan),
            alarm: coloured(Color::Red).add_modifier(Modifier::BOLD),
            bars: coloured(Color::Cyan),
            notice: coloured(Color::Yellow),
        }
    }

    /// 1 is the most severe.
    pub(super) fn priority(&self, priority: Option<u32>) -> Style {
        match (priority, self.has_colour) {
            (Some(1), true) => Style::new().fg(Color::Red).add_modifier(Modifier::BOLD),
            (Some(2), true) => Style::new().fg(Color::Yellow),
            (Some(3), true) => Style::new().fg(Color::Green),
            (Some(1), false) => self.heading,
            (Some(2), false) | (None | Some(_), true) => Style::new(),
            (None | Some(_), false) => self.dim,
        }
    }
}
