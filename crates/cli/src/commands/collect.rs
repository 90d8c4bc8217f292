//! `aztec-kit collect`

use std::io;
use std::net::{Ipv4Addr, SocketAddr};

use provision::Fault;

use crate::args::CollectArgs;
use crate::exit::{self, Failure};

/// Takes metrics until it is stopped.
pub fn run(args: &CollectArgs) -> Result<u8, Failure> {
    collector::serve(SocketAddr::from((Ipv4Addr::LOCALHOST, args.port)))
        .map_err(|error| cannot_listen(args.port, "ports.otlp", error))?;
    Ok(exit::OK)
}

/// A port on loopback that a service of ours cannot have; `key` sets another one in `kit.toml`.
pub(super) fn cannot_listen(port: u16, key: &str, error: io::Error) -> Fault {
    Fault::new(format!("failed to listen on 127.0.0.1:{port}"))
        .fix(format!(
            "`ss -lntp sport = :{port}` tells who does; {key} in kit.toml sets another port."
        ))
        .because(error)
}
