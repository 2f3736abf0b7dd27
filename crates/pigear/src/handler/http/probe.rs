use std::io;

use reqwest::Url;

use super::answer::server_of;
use super::client;
use super::failure::without_tls;
use super::options::Options;
use super::target::Target;
use crate::handler::receiver::{tcp, tls};
use crate::probed::Probed;

/// Connects to the server, or to the proxy, and sends no request.
pub(crate) fn probe(options: Options) -> Result<Probed, String> {
    options.check()?;
    let target = Target::new(&options).map_err(|error| error.to_string())?;
    let url = target.url();
    // For what is wrong with headers and files.
    client::client(&options, url).map_err(|error| error.to_string())?;
    let proxy = options.proxy.as_ref().and_then(|proxy| Url::parse(proxy.reveal()).ok());
    let receiver = match &proxy {
        Some(proxy) => format!("{} (over the proxy {})", server_of(url), server_of(proxy)),
        None => server_of(url),
    };
    let Options { ca, cert, key, .. } = options;
    let result = connect(proxy.as_ref().unwrap_or(url), &tls::Files { ca, cert, key });
    let result = match (result, &proxy) {
        (Ok(_), Some(_)) => Ok("the proxy accepts connections"),
        (result, _) => result.map_err(|error| said(&error)),
    };
    Ok(Probed { receiver, result })
}

/// An error in the words in which a request fails.
fn said(error: &io::Error) -> String {
    // The end of the connection has no text of its own.
    let is_end = error.kind() == io::ErrorKind::UnexpectedEof && error.get_ref().is_none();
    let error = if is_end { "tls handshake eof".to_owned() } else { error.to_string() };
    without_tls(&error).map_or(error, str::to_owned)
}

fn connect(url: &Url, files: &tls::Files) -> io::Result<&'static str> {
    // An address of IPv6 has brackets in a URL.
    let host = url.host_str().unwrap_or_default();
    let host = host.trim_start_matches('[').trim_end_matches(']');
    let stream = tcp(host, url.port_or_known_default().unwrap_or_default())?;
    if url.scheme() != "https" {
        return Ok("accepts connections");
    }
    let config = tls::Config::read(files).map_err(io::Error::other)?;
    config.connect(stream, tls::server_name(host).map_err(io::Error::other)?)?;
    Ok("accepts connections, and its certificate is trusted")
}
