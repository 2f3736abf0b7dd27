//! Certificates and keys of TLS, in PEM files.

use std::fmt::Display;
use std::path::Path;

use rustls::RootCertStore;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};

use crate::input_file::{self, MAX_SMALL};

/// The certificates to trust: those of a file, or the system's.
pub(crate) fn roots(ca: Option<&Path>) -> Result<RootCertStore, String> {
    let mut roots = RootCertStore::empty();
    let Some(path) = ca else {
        roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
        let missing = "the system has no trusted certificates; give them with ca=FILE";
        return if roots.is_empty() { Err(missing.to_owned()) } else { Ok(roots) };
    };
    for certificate in certificates(path)? {
        roots.add(certificate).map_err(|error| unreadable(path, error))?;
    }
    Ok(roots)
}

/// The certificate of a client and its key, which may be in the same file.
pub(crate) fn identity(
    cert: &Path,
    key: &Path,
) -> Result<(Vec<CertificateDer<'static>>, PrivateKeyDer<'static>), String> {
    let chain = certificates(cert)?;
    let read = PrivateKeyDer::from_pem_slice(&pem(key)?);
    Ok((chain, read.map_err(|error| unreadable(key, error))?))
}

/// What is said if both don't belong together.
pub(crate) fn not_its_key(cert: &Path, key: &Path, problem: impl Display) -> String {
    format!("{} is not the key of {}: {problem}", key.display(), cert.display())
}

/// Which files have the client's certificate and its key.
pub(crate) fn identity_files<'a>(
    cert: Option<&'a Path>,
    key: Option<&'a Path>,
) -> Result<Option<(&'a Path, &'a Path)>, String> {
    match (cert, key) {
        (None, None) => Ok(None),
        (Some(cert), key) => Ok(Some((cert, key.unwrap_or(cert)))),
        (None, Some(_)) => Err("key needs its certificate; give cert".to_owned()),
    }
}

fn certificates(path: &Path) -> Result<Vec<CertificateDer<'static>>, String> {
    match CertificateDer::pem_slice_iter(&pem(path)?).collect::<Result<Vec<_>, _>>() {
        Ok(all) if all.is_empty() => Err(unreadable(path, "it has no certificate")),
        Ok(all) => Ok(all),
        Err(error) => Err(unreadable(path, error)),
    }
}

fn pem(path: &Path) -> Result<Vec<u8>, String> {
    input_file::read(path, MAX_SMALL).map_err(|error| unreadable(path, error))
}

fn unreadable(path: &Path, problem: impl Display) -> String {
    format!("cannot read {}: {problem}", path.display())
}
