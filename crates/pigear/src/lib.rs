//! What is *done* with alerts: handlers, configuration, and the command.
