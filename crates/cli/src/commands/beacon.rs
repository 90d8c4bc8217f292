//! `aztec-kit beacon`

use std::net::{Ipv4Addr, SocketAddr};

use super::collect::cannot_listen;
use crate::args::BeaconArgs;
use crate::exit::{self, Failure};

/// Serves the L1 until it is stopped.
pub fn run(args: &BeaconArgs) -> Result<u8, Failure> {
    let here = |port| SocketAddr::from((Ipv4Addr::LOCALHOST, port));
    beacon::serve(here(args.port), here(args.l1_port))
        .map_err(|error| cannot_listen(args.port, "ports.l1_beacon", error))?;
    Ok(exit::OK)
}
