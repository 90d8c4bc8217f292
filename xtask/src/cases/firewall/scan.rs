//! A scan of the ports of a host, from another one.

use std::collections::BTreeSet;
use std::net::IpAddr;
use std::time::Duration;

use anyhow::Result;

use crate::machine::Machine;

/// Every TCP port, and every UDP port of the listeners, at which a second host gets an answer. A scan this fast misses
/// answers on a busy machine, and never invents one, so it is repeated while one of the `expected` ports is missing.
pub(super) fn scan(
    outside: &Machine,
    address: IpAddr,
    expected: &[&str],
) -> Result<BTreeSet<String>> {
    let mut open = BTreeSet::new();
    for _ in 0..5 {
        open.extend(scan_once(outside, address)?);
        if expected.iter().all(|port| open.contains(*port)) {
            break;
        }
    }
    Ok(open)
}

fn scan_once(outside: &Machine, address: IpAddr) -> Result<Vec<String>> {
    let family = if address.is_ipv6() { "-6" } else { "-4" };
    let tcp = "-sS -p- --min-rate 8000 --max-retries 1";
    let udp = "-sU -p 22,8080,8880,40400";
    let mut open = Vec::new();
    for how in [tcp, udp] {
        let line = format!("nmap {family} -n -Pn {how} -oG - {address}");
        let found = outside
            .command(&line.split(' ').collect::<Vec<_>>())
            .limit(Duration::from_secs(600))
            .run()?
            .ok()?;
        // `Ports: 22/open/tcp//ssh///, …`
        for port in found.stdout.split([' ', '\t', ',']) {
            let fields: Vec<_> = port.split('/').collect();
            if let [number, "open", proto, ..] = fields[..] {
                open.push(format!("{proto}/{number}"));
            }
        }
    }
    Ok(open)
}
