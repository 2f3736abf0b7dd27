use super::{Options, Target};
use crate::handler::receiver::tls::Files;
use crate::probed::Probed;

/// Tries to reach the server, and sends no message.
pub(crate) fn probe(options: Options) -> Result<Probed, String> {
    let Options { target, ca, cert, key, .. } = options;
    let receiver = target.to_string();
    let how = match target {
        Target::Udp(_) => "has an address; over UDP nothing says whether it is there",
        Target::Tcp(_) => "accepts connections",
        Target::Tls(_) => "accepts connections, and its certificate is trusted",
        Target::Unix(_) => "is there, and may be written to",
    };
    let mut connect = target.connect(&Files { ca, cert, key })?;
    let result = connect().map(|_| how).map_err(|error| error.to_string());
    Ok(Probed { receiver, result })
}
