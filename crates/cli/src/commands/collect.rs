//! `aztec-kit collect`

use std::io;
use std::net::{Ipv4Addr, SocketAddr};

use provision::Fault;

use crate::args::CollectArgs;
use crate::exit::{self, Failure};

/// Receives metrics until it is stopped.
pub fn run(args: &CollectArgs) -> Result<u8, Failure> {
    collector::serve(SocketAddr::from((Ipv4Addr::LOCALHOST, args.port)))
        .map_err(|error| cannot_listen(args.port, "ports.otlp", error))?;
    Ok(exit::OK)
}

/// The fault of a service of aztec-kit that cannot listen on its loopback port. `key` of `kit.toml` sets the port.
pub(super) fn cannot_listen(port: u16, key: &str, error: io::Error) -> Fault {
    Fault::new(format!("failed to listen on 127.0.0.1:{port}"))
        .fix(format!(
            "Run `ss -lntp sport = :{port}` to see which process listens there, or set {key} in kit.toml to another port."
        ))
        .because(error)
}
