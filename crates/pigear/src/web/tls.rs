//! TLS with the user's own certificate.

use std::path::Path;
use std::sync::Arc;

use rustls::ServerConfig;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};

use crate::crypto;
use crate::input_file::{self, MAX_SMALL};
use crate::keys::SetupError;

/// The configuration, if there is a certificate.
pub(super) fn config(
    cert: Option<&Path>,
    key: Option<&Path>,
) -> Result<Option<Arc<ServerConfig>>, SetupError> {
    let cert = match (cert, key) {
        (None, None) => return Ok(None),
        (None, Some(_)) => {
            let problem = "tls_key needs its certificate; give tls_cert";
            return Err(SetupError::Keys(problem.to_owned()));
        }
        (Some(cert), _) => cert,
    };
    let key = key.unwrap_or(cert);
    let chain = CertificateDer::pem_slice_iter(&pem(cert)?).collect::<Result<Vec<_>, _>>();
    let chain = chain.map_err(|error| format!("cannot read {}: {error}", cert.display()))?;
    if chain.is_empty() {
        return Err(format!("cannot read {}: it has no certificate", cert.display()).into());
    }
    let private = PrivateKeyDer::from_pem_slice(&pem(key)?);
    let private = private.map_err(|error| format!("cannot read {}: {error}", key.display()))?;
    let mut config = ServerConfig::builder_with_provider(crypto::provider())
        .with_safe_default_protocol_versions()
        .map_err(|error| error.to_string())?
        .with_no_client_auth()
        .with_single_cert(chain, private)
        .map_err(|error| {
            format!("{} is not the key of {}: {error}", key.display(), cert.display())
        })?;
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    Ok(Some(Arc::new(config)))
}

fn pem(path: &Path) -> Result<Vec<u8>, String> {
    input_file::read(path, MAX_SMALL)
        .map_err(|error| format!("cannot read {}: {error}", path.display()))
}
