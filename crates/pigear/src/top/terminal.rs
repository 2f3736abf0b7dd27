//! The terminal: taken for the screen, and left as it was found.

use std::io::{self, Stdout, Write};
use std::panic;
use std::process;
use std::sync::Once;
use std::sync::atomic::{AtomicBool, Ordering};

use ratatui::Frame;
use ratatui::backend::CrosstermBackend;
use ratatui::crossterm::cursor::{Hide, Show};
use ratatui::crossterm::event::{DisableBracketedPaste, EnableBracketedPaste};
use ratatui::crossterm::execute;
use ratatui::crossterm::terminal::{
    EnterAlternateScreen, LeaveAlternateScreen, disable_raw_mode, enable_raw_mode,
};
use signal_hook::consts::SIGTSTP;
use signal_hook::low_level::emulate_default_handler;

/// Whether the terminal is taken, and has to be restored.
static TAKEN: AtomicBool = AtomicBool::new(false);

/// The terminal while the screen is shown. It is restored when this is dropped, and before a panic is
/// reported.
pub(super) struct Terminal(ratatui::Terminal<CrosstermBackend<Stdout>>);

impl Terminal {
    /// # Errors
    /// If the terminal can't be used.
    pub(super) fn open() -> io::Result<Self> {
        restore_before_a_panic_is_reported();
        let terminal = ratatui::Terminal::new(CrosstermBackend::new(io::stdout()))?;
        // From now on it is restored in any case.
        let mut terminal = Self(terminal);
        take()?;
        terminal.clear()?;
        Ok(terminal)
    }

    pub(super) fn draw(&mut self, draw: impl FnOnce(&mut Frame<'_>)) -> io::Result<()> {
        self.0.draw(draw).map(drop)
    }

    /// Draws everything the next time.
    pub(super) fn clear(&mut self) -> io::Result<()> {
        self.0.clear()
    }

    /// Stops the program, as Ctrl-Z does elsewhere. Returns when it goes on.
    pub(super) fn suspend(&mut self) -> io::Result<()> {
        restore();
        emulate_default_handler(SIGTSTP)?;
        self.resume()
    }

    /// Takes the terminal after the program was stopped: another one may have changed it meanwhile.
    pub(super) fn resume(&mut self) -> io::Result<()> {
        restore();
        take()?;
        self.clear()
    }
}

impl Drop for Terminal {
    fn drop(&mut self) {
        restore();
    }
}

/// Leaves the terminal as it was found, and ends the program by a signal.
pub(super) fn die(signal: i32) -> ! {
    restore();
    end(signal)
}

/// The same while another thread may be waiting for a terminal that takes no output: only the terminal's
/// settings are restored.
pub(super) fn die_at_once(signal: i32) -> ! {
    if TAKEN.swap(false, Ordering::SeqCst) {
        let _ = disable_raw_mode();
    }
    end(signal)
}

fn end(signal: i32) -> ! {
    let _ = emulate_default_handler(signal);
    // If that is not possible, with the status that a shell would report.
    process::exit(128 + signal)
}

fn take() -> io::Result<()> {
    enable_raw_mode()?;
    TAKEN.store(true, Ordering::SeqCst);
    execute!(io::stdout(), EnterAlternateScreen, EnableBracketedPaste, Hide)
}

fn restore() {
    if TAKEN.swap(false, Ordering::SeqCst) {
        // First the settings, which need no terminal that takes output. A closed one needs nothing.
        let _ = disable_raw_mode();
        let mut stdout = io::stdout();
        let _ = execute!(stdout, DisableBracketedPaste, LeaveAlternateScreen, Show);
        let _ = stdout.flush();
    }
}

/// A panic is reported on the terminal, where it would otherwise be drawn over, or vanish with the screen.
fn restore_before_a_panic_is_reported() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        let report = panic::take_hook();
        panic::set_hook(Box::new(move |panic| {
            restore();
            report(panic);
        }));
    });
}
