//! The network of a machine: one cable to the outer machine, which routes and masquerades.
//!
//! The network namespace is created in advance, and not by systemd-nspawn. It keeps its addresses over power cuts and
//! reboots, and its deletion removes both ends of the cable. Its name also claims the slot: the kernel lets only one of
//! several runs create it.

use std::fs;
use std::net::{Ipv4Addr, Ipv6Addr};
use std::path::PathBuf;

use anyhow::{Context as _, Result, bail};

use crate::sh;

/// The number of machines that this outer machine can run at once.
const SLOTS: u8 = 200;

/// One of the numbered places for a machine on the outer machine's network.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Slot(u8);

impl Slot {
    /// Claims a free slot and wires it.
    pub fn claim() -> Result<Slot> {
        let addresses = sh::quiet("ip", &["-oneline", "-4", "address"])?;
        for number in 1..=SLOTS {
            let slot = Slot(number);
            // An address of the slot exists without its namespace: the outer machine is itself one of these machines.
            let taken = [slot.inner(), slot.outer()].map(|address| format!(" {address}/"));
            if slot.namespace_path().exists() || taken.iter().any(|it| addresses.contains(it)) {
                continue;
            }
            if sh::quiet("ip", &["netns", "add", &slot.namespace()]).is_ok() {
                slot.wire().inspect_err(|_| slot.release())?;
                return Ok(slot);
            }
        }
        bail!("cannot create a network namespace with `ip netns add`")
    }

    /// The slot with this number, which a run claimed before.
    pub fn claimed(number: u8) -> Slot {
        Slot(number)
    }

    /// The slot's number.
    pub fn number(self) -> u8 {
        self.0
    }

    /// The machine's address.
    pub fn inner(self) -> Ipv4Addr {
        Ipv4Addr::new(10, 213, self.0, 2)
    }

    /// The outer machine's address on the cable.
    pub fn outer(self) -> Ipv4Addr {
        Ipv4Addr::new(10, 213, self.0, 1)
    }

    /// Connects it with another slot by a cable for IPv6, and returns the addresses of its two ends. The outer machine
    /// is not used: to forward IPv6, it would have to give up its own autoconfiguration (accept_ra).
    pub fn cable_to(self, other: Slot) -> Result<(Ipv6Addr, Ipv6Addr)> {
        let near = Ipv6Addr::new(0xfd00, 0x213, self.0.into(), other.0.into(), 0, 0, 0, 1);
        let far = Ipv6Addr::new(0xfd00, 0x213, self.0.into(), other.0.into(), 0, 0, 0, 2);
        let ip = |args: String| sh::quiet("ip", &args.split(' ').collect::<Vec<_>>());
        let (here, there) = (self.namespace(), other.namespace());
        let (to, from) = (format!("to{}", other.0), format!("to{}", self.0));
        ip(format!(
            "link add {to} netns {here} type veth peer name {from} netns {there}"
        ))?;
        for (namespace, device, address) in [(&here, &to, near), (&there, &from, far)] {
            // The address is unique, and duplicate address detection takes a second.
            ip(format!(
                "-n {namespace} address add {address}/64 dev {device} nodad"
            ))?;
            ip(format!("-n {namespace} link set {device} up"))?;
        }
        Ok((near, far))
    }

    /// The network namespace, for `systemd-nspawn --network-namespace-path`.
    pub fn namespace_path(self) -> PathBuf {
        PathBuf::from("/run/netns").join(self.namespace())
    }

    /// Removes everything that [`Slot::claim`] made. Missing parts are not an error.
    pub fn release(self) {
        let table = self.table();
        let _ = sh::quiet("nft", &["delete", "table", "ip", &table]);
        let _ = sh::quiet("ip", &["link", "delete", &self.cable()]);
        let _ = sh::quiet("ip", &["netns", "delete", &self.namespace()]);
    }

    fn wire(self) -> Result<()> {
        let (cable, namespace) = (self.cable(), self.namespace());
        let mtu = outer_mtu();
        let inside = |args: &str| {
            let mut words = vec!["-n", &namespace];
            words.extend(args.split(' '));
            sh::quiet("ip", &words)
        };
        let outside = |args: &str| sh::quiet("ip", &args.split(' ').collect::<Vec<_>>());
        outside(&format!(
            "link add {cable} mtu {mtu} type veth peer name eth0 netns {namespace}"
        ))?;
        outside(&format!("address add {}/30 dev {cable}", self.outer()))?;
        outside(&format!("link set {cable} up"))?;
        inside("link set lo up")?;
        inside(&format!("link set eth0 mtu {mtu}"))?;
        inside(&format!("address add {}/30 dev eth0", self.inner()))?;
        inside("link set eth0 up")?;
        inside(&format!("route add default via {}", self.outer()))?;
        fs::write("/proc/sys/net/ipv4/ip_forward", "1").context("cannot enable forwarding")?;
        // Not towards other machines: a test wants to see the true sender there.
        sh::quiet(
            "nft",
            &[format!(
                "table ip {} {{ chain postrouting {{ type nat hook postrouting priority srcnat; \
                 ip saddr {}/30 oifname != \"azk*\" masquerade; }}; }}",
                self.table(),
                self.outer(),
            )],
        )?;
        Ok(())
    }

    fn namespace(self) -> String {
        format!("aztec-kit-{}", self.0)
    }

    fn cable(self) -> String {
        format!("azk{}", self.0)
    }

    fn table(self) -> String {
        format!("aztec_kit_{}", self.0)
    }
}

/// The MTU of the outer machine's default route. With a bigger one inside, long packets vanish.
fn outer_mtu() -> u32 {
    let routes = sh::quiet("ip", &["-json", "route", "show", "default"]).unwrap_or_default();
    serde_json::from_str::<serde_json::Value>(&routes)
        .ok()
        .and_then(|routes| routes[0]["dev"].as_str().map(str::to_owned))
        .and_then(|device| fs::read_to_string(format!("/sys/class/net/{device}/mtu")).ok())
        .and_then(|mtu| mtu.trim().parse().ok())
        .unwrap_or(1500)
}

/// The usable part of the outer machine's resolver configuration.
pub fn resolver() -> Result<String> {
    let configured = fs::read_to_string("/etc/resolv.conf").context("/etc/resolv.conf")?;
    // A resolver on the loopback (systemd-resolved) cannot be reached from the machine. The file with the true servers
    // is beside it.
    let only_loopback = configured
        .lines()
        .filter_map(|line| line.strip_prefix("nameserver"))
        .all(|address| address.trim().starts_with("127."));
    if only_loopback && let Ok(real) = fs::read_to_string("/run/systemd/resolve/resolv.conf") {
        return Ok(real);
    }
    Ok(configured)
}
