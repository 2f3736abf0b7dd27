//! Certificates, good and bad, with a real nginx.

use std::fs;
use std::path::Path;

use rcgen::{
    BasicConstraints, CertificateParams, CertifiedIssuer, DnType, ExtendedKeyUsagePurpose, IsCa,
    KeyPair, KeyUsagePurpose,
};

use crate::harness::Pigear;
use crate::nginx::Nginx;
use crate::program::run;

const LISTEN: &str = "ssl";
const SETTINGS: &str = "ssl_certificate DIR/server.pem; ssl_certificate_key DIR/server.key;";
const CLIENT: &str = "ssl_client_certificate DIR/ca.pem; ssl_verify_client on;";

fn certificates(dir: &Path) {
    let mut params = CertificateParams::default();
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    params.key_usages = vec![KeyUsagePurpose::KeyCertSign];
    params.distinguished_name.push(DnType::CommonName, "test CA");
    let ca = CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap();
    fs::write(dir.join("ca.pem"), ca.pem()).unwrap();
    for (name, host, purpose) in [
        ("server", "localhost", ExtendedKeyUsagePurpose::ServerAuth),
        ("other", "elsewhere.example", ExtendedKeyUsagePurpose::ServerAuth),
        ("client", "sensor", ExtendedKeyUsagePurpose::ClientAuth),
    ] {
        let key = KeyPair::generate().unwrap();
        let mut params = CertificateParams::new(vec![host.to_owned()]).unwrap();
        params.distinguished_name = rcgen::DistinguishedName::new();
        params.distinguished_name.push(DnType::CommonName, host);
        params.extended_key_usages = vec![purpose];
        let certificate = params.signed_by(&key, &ca).unwrap();
        fs::write(dir.join(name).with_extension("pem"), certificate.pem()).unwrap();
        fs::write(dir.join(name).with_extension("key"), key.serialize_pem()).unwrap();
    }
}

/// What is logged about a server that isn't trusted.
fn complaint(nginx: &Nginx, ca: &str) -> String {
    let (url, ca) = (format!("url={}", nginx.url("https")), format!("ca={}", nginx.file(ca)));
    let (stderr, status) = run(&["--data-handler", "http", "--count", "1", &url, &ca]);
    assert_eq!(status, Some(1), "{stderr}");
    let (_, rest) = stderr.lines().next().unwrap().split_once("cannot connect: ").unwrap();
    rest.split_once("; attempt 1").unwrap().0.to_owned()
}

/// Sends one alert, which arrives if it should.
fn arrives(should: bool, nginx: &Nginx, keys: &[(&str, &str)]) {
    let url = nginx.url("https");
    let pigear = Pigear::start(&[&[("url", &*url)], keys].concat());
    pigear.send_numbered(0..1);
    pigear.receives(1);
    if should {
        pigear.deals_with(1);
    }
    assert_eq!(pigear.end().0, u64::from(should));
}

#[test]
fn a_server_is_trusted_if_its_issuer_is() {
    let Some(nginx) = Nginx::start_with(LISTEN, SETTINGS, certificates) else { return };
    arrives(true, &nginx, &[("ca", &nginx.file("ca.pem"))]);
    arrives(false, &nginx, &[]); // The system knows no such issuer.
    assert_eq!(complaint(&nginx, "other.pem"), "invalid peer certificate: UnknownIssuer");
}

#[test]
fn a_server_with_the_name_of_another_is_not_trusted() {
    let settings = SETTINGS.replace("server.", "other.");
    let Some(nginx) = Nginx::start_with(LISTEN, &settings, certificates) else { return };
    let complaint = complaint(&nginx, "ca.pem");
    assert!(
        complaint.starts_with("invalid peer certificate: certificate not valid for name"),
        "{complaint}"
    );
}

#[test]
fn a_server_that_wants_a_certificate_gets_it() {
    let settings = format!("{SETTINGS} {CLIENT}");
    let Some(nginx) = Nginx::start_with(LISTEN, &settings, certificates) else { return };
    let (ca, cert, key) =
        (nginx.file("ca.pem"), nginx.file("client.pem"), nginx.file("client.key"));
    arrives(true, &nginx, &[("ca", &ca), ("cert", &cert), ("key", &key)]);
    assert_eq!(nginx.logged(1)[0].client, "CN=sensor");
    arrives(false, &nginx, &[("ca", &ca)]);
}
