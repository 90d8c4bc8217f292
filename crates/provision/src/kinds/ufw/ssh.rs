//! Where SSH comes in, and who is in already.

use std::collections::BTreeSet;
use std::net::IpAddr;
use std::path::Path;

use crate::Fault;
use crate::host::{Probe, Query};
use crate::tools::sockets::{self, Socket};

/// The ports that the SSH server listens on by its own word; none where there is no SSH server.
///
/// Under socket activation it does not listen itself, and `Port` in its configuration means nothing.
pub(super) fn ports(probe: &dyn Probe) -> Result<BTreeSet<u16>, Fault> {
    if probe.meta(Path::new("/usr/sbin/sshd"))?.is_none() {
        return Ok(BTreeSet::new());
    }
    let socket = probe.ask(&Query::SshSocket)?.stdout;
    let by_socket = listens(&socket);
    if !socket.lines().any(|line| line.starts_with("ActiveState=")) {
        return Err(Fault::new(
            "systemd did not tell the ActiveState of ssh.socket",
        ));
    }
    if socket.lines().any(|line| line == "ActiveState=active") && !by_socket.is_empty() {
        return Ok(by_socket);
    }
    let effective = probe.ask(&Query::Sshd).map_err(|fault| {
        Fault::new("the SSH server does not accept its own configuration, so its ports are unknown")
            .fix("Make `sshd -t` say nothing, then run the same command again.")
            .because(fault)
    })?;
    let ports = addresses(&effective.stdout);
    if ports.is_empty() {
        return Err(
            Fault::new("the SSH server names no port that it listens on").fix(
                "Look for `listenaddress` in what `sshd -T` says, then run the same command again.",
            ),
        );
    }
    Ok(ports)
}

/// `listenaddress 0.0.0.0:22` of `sshd -T`, which has `Port` worked in.
fn addresses(effective: &str) -> BTreeSet<u16> {
    let lines = effective.lines();
    lines
        .filter_map(|line| line.strip_prefix("listenaddress ")?.rsplit_once(':'))
        .filter_map(|(_, port)| port.trim().parse().ok())
        .collect()
}

/// `Listen=[::]:22 (Stream)` of `systemctl show`.
fn listens(shown: &str) -> BTreeSet<u16> {
    let lines = shown.lines();
    lines
        .filter_map(|line| line.strip_prefix("Listen=")?.strip_suffix(" (Stream)"))
        .filter_map(|address| address.rsplit(':').next()?.parse().ok())
        .collect()
}

/// Sockets of both families of one protocol, `tcp` or `udp`.
fn table(probe: &dyn Probe, proto: &str) -> Result<Vec<Socket>, Fault> {
    let mut all = Vec::new();
    for name in [proto.to_owned(), format!("{proto}6")] {
        let text = probe.read(&Path::new("/proc/net").join(name))?;
        all.extend(sockets::parse(&String::from_utf8_lossy(
            &text.unwrap_or_default(),
        )));
    }
    Ok(all)
}

/// What this host listens on for others: protocol and port of every socket that is not bound to loopback.
pub fn listening(probe: &dyn Probe) -> Result<BTreeSet<(super::Proto, u16)>, Fault> {
    let mut open = BTreeSet::new();
    for (proto, state) in [
        (super::Proto::Tcp, sockets::LISTENS),
        (super::Proto::Udp, sockets::BOUND),
    ] {
        let sockets = table(probe, proto.name())?.into_iter();
        open.extend(
            sockets
                .filter(|socket| socket.state == state && !socket.local.is_loopback())
                .map(|socket| (proto, socket.port)),
        );
    }
    Ok(open)
}

/// An SSH session that is going on: the client's address, and where on this host it came in.
pub type Session = (IpAddr, IpAddr, u16);

/// The SSH sessions that come from other hosts.
pub fn sessions(probe: &dyn Probe) -> Result<BTreeSet<Session>, Fault> {
    let mut inodes = BTreeSet::new();
    for pid in probe.list(Path::new("/proc"))?.unwrap_or_default() {
        if !pid.bytes().all(|byte| byte.is_ascii_digit()) {
            continue;
        }
        let process = Path::new("/proc").join(pid);
        // A process may end while it is looked at.
        let comm = probe.read(&process.join("comm")).ok().flatten();
        // `sshd` until OpenSSH 9.7, `sshd-session` since 9.8.
        if !comm.is_some_and(|comm| comm.starts_with(b"sshd")) {
            continue;
        }
        let fds = process.join("fd");
        for fd in probe.list(&fds).ok().flatten().unwrap_or_default() {
            let target = probe.link(&fds.join(fd)).ok().flatten();
            inodes.extend(target.and_then(|target| {
                let name = target
                    .to_str()?
                    .strip_prefix("socket:[")?
                    .strip_suffix(']')?;
                name.parse::<u64>().ok()
            }));
        }
    }
    let sockets = table(probe, "tcp")?.into_iter();
    Ok(sockets
        .filter(|socket| socket.state == sockets::ESTABLISHED && inodes.contains(&socket.inode))
        .filter(|socket| !socket.remote.is_loopback())
        .map(|socket| (socket.remote, socket.local, socket.port))
        .collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ports_are_the_effective_ones() {
        // OpenSSH 10.0 and systemd 257, Debian 13.
        let effective =
            "port 22\naddressfamily any\nlistenaddress [::]:2222\nlistenaddress 0.0.0.0:22\n";
        assert_eq!(addresses(effective), BTreeSet::from([22, 2222]));
        let socket = "Listen=[::]:2022 (Stream)\nListen=0.0.0.0:22 (Stream)\nActiveState=active\n";
        assert_eq!(listens(socket), BTreeSet::from([22, 2022]));
    }
}
