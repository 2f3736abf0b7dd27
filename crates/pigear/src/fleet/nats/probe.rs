use super::access::Access;
use super::options::Options;
use crate::fleet::runtime::Runtime;
use crate::probed::Probed;

/// Connects, and publishes nothing.
pub(crate) fn probe(options: &Options) -> Result<Probed, String> {
    let access = Access::new(options.access())?;
    let runtime = Runtime::new("nats").map_err(|error| format!("cannot start threads: {error}"))?;
    let _entered = runtime.enter();
    let connect = access.connect(|_| ());
    let result = runtime.run(connect).map(|_| "takes the connection, and its credentials");
    Ok(Probed { receiver: access.shown().to_owned(), result })
}
