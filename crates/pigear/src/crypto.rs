//! The cryptography of TLS: ring's, everywhere.

use rustls::crypto::ring;

/// For a configuration of TLS that is made here.
#[cfg(any(
    feature = "kafka",
    feature = "syslog",
    feature = "web",
    all(feature = "http", feature = "command")
))]
pub(crate) fn provider() -> std::sync::Arc<rustls::crypto::CryptoProvider> {
    std::sync::Arc::new(ring::default_provider())
}

/// For libraries that use what the program has chosen. The embedding program may have chosen another.
#[cfg(any(feature = "http", feature = "nats"))]
pub(crate) fn install() {
    let _ = ring::default_provider().install_default();
}
