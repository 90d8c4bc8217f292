//! The ports of the SSH server, and the sessions in progress.

use std::collections::BTreeSet;
use std::net::IpAddr;
use std::path::Path;

use super::rule::Proto;
use crate::Fault;
use crate::host::{Probe, Query};
use crate::kinds::sshd::program::{effective_config, running_options};
use crate::tools::sockets::{self, Socket};

/// The ports at which the SSH server listens, or will listen after its next start; none without an SSH server. They
/// follow from its configuration, the options that it was started with, and the sockets of its process.
///
/// Under socket activation it does not listen itself, and `Port` in its configuration has no effect.
pub fn ports(probe: &dyn Probe) -> Result<BTreeSet<u16>, Fault> {
    if probe.meta(Path::new("/usr/sbin/sshd"))?.is_none() {
        return Ok(BTreeSet::new());
    }
    let shown = probe.ask(&Query::SshSocket)?.stdout;
    let socket = block(&shown, "ssh.socket");
    let service = block(&shown, "ssh.service");
    let not_reported = |what| Fault::new(format!("systemd did not report {what}"));
    let state =
        value(socket, "ActiveState").ok_or_else(|| not_reported("ActiveState of ssh.socket"))?;
    let pid = value(service, "MainPID").and_then(|pid| pid.parse().ok());
    let pid = pid.ok_or_else(|| not_reported("MainPID of ssh.service"))?;
    let mut ports = listens(socket);
    if state != "active" || ports.is_empty() {
        let options = running_options(pid, probe)?;
        ports = addresses(&effective_config(&options, probe)?);
        if ports.is_empty() {
            return Err(
                Fault::new("the SSH server does not name a port that it listens on").fix(
                    "Find `listenaddress` in the output of `sshd -T` and correct it, then run the same command again.",
                ),
            );
        }
    }
    ports.extend(listening_of(pid, probe)?);
    Ok(ports)
}

/// The lines about one unit.
fn block<'a>(shown: &'a str, unit: &str) -> &'a str {
    let id = format!("Id={unit}");
    let mut blocks = shown.split("\n\n");
    let found = blocks.find(|block| block.lines().any(|line| line == id));
    found.unwrap_or_default()
}

fn value<'a>(block: &'a str, key: &str) -> Option<&'a str> {
    let mut lines = block.lines().filter_map(|line| line.split_once('='));
    lines.find(|(name, _)| *name == key).map(|(_, value)| value)
}

/// The ports at which a process listens for other hosts.
fn listening_of(pid: u32, probe: &dyn Probe) -> Result<BTreeSet<u16>, Fault> {
    if pid == 0 {
        return Ok(BTreeSet::new());
    }
    let inodes = inodes(&Path::new("/proc").join(pid.to_string()), probe);
    let sockets = table(probe, "tcp")?.into_iter();
    Ok(sockets
        .filter(|socket| socket.state == sockets::LISTENS && inodes.contains(&socket.inode))
        .filter(|socket| !socket.local.is_loopback())
        .map(|socket| socket.port)
        .collect())
}

/// The sockets of a process. It may end meanwhile, and then has none.
fn inodes(process: &Path, probe: &dyn Probe) -> BTreeSet<u64> {
    let fds = process.join("fd");
    let names = probe.list(&fds).ok().flatten().unwrap_or_default();
    let inode = |fd: String| {
        let target = probe.link(&fds.join(fd)).ok().flatten()?;
        let inode = target.to_str()?.strip_prefix("socket:[")?;
        inode.strip_suffix(']')?.parse().ok()
    };
    names.into_iter().filter_map(inode).collect()
}

/// `listenaddress 0.0.0.0:22` of `sshd -T`, which includes `Port`.
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

/// Parses the two outputs that contain the ports of SSH.
#[cfg(feature = "fuzz")]
pub(crate) fn ports_in(effective: &str, shown: &str) -> [BTreeSet<u16>; 2] {
    [addresses(effective), listens(block(shown, "ssh.socket"))]
}

/// The sockets of both address families of one protocol, `tcp` or `udp`.
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

/// Protocol and port of every socket that is not bound to loopback.
pub fn listening(probe: &dyn Probe) -> Result<BTreeSet<(Proto, u16)>, Fault> {
    let mut open = BTreeSet::new();
    for (proto, state) in [(Proto::Tcp, sockets::LISTENS), (Proto::Udp, sockets::BOUND)] {
        let sockets = table(probe, proto.name())?.into_iter();
        open.extend(
            sockets
                .filter(|socket| socket.state == state && !socket.local.is_loopback())
                .map(|socket| (proto, socket.port)),
        );
    }
    Ok(open)
}

/// The connections from other hosts: the local port and the client's address.
pub fn connected(probe: &dyn Probe) -> Result<BTreeSet<(u16, IpAddr)>, Fault> {
    let sockets = table(probe, "tcp")?.into_iter();
    Ok(sockets
        .filter(|socket| socket.state == sockets::ESTABLISHED)
        .filter(|socket| !socket.remote.is_loopback() && socket.remote != socket.local)
        .map(|socket| (socket.port, socket.remote))
        .collect())
}

/// An SSH session in progress: the client's address, the local address and the local port.
pub type Session = (IpAddr, IpAddr, u16);

/// The SSH sessions from other hosts.
pub fn sessions(probe: &dyn Probe) -> Result<BTreeSet<Session>, Fault> {
    let mut inodes = BTreeSet::new();
    for pid in probe.list(Path::new("/proc"))?.unwrap_or_default() {
        if !pid.bytes().all(|byte| byte.is_ascii_digit()) {
            continue;
        }
        let process = Path::new("/proc").join(pid);
        // A process may end meanwhile.
        let comm = probe.read(&process.join("comm")).ok().flatten();
        // `sshd` until OpenSSH 9.7, `sshd-session` since 9.8.
        if !comm.is_some_and(|comm| comm.starts_with(b"sshd")) {
            continue;
        }
        inodes.extend(self::inodes(&process, probe));
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
        let shown = "Id=ssh.socket\nListen=[::]:2022 (Stream)\nListen=0.0.0.0:22 (Stream)\nActiveState=active\n\n\
                     MainPID=7\nId=ssh.service\nActiveState=active\n";
        let socket = block(shown, "ssh.socket");
        assert_eq!(listens(socket), BTreeSet::from([22, 2022]));
        assert!(block(shown, "ssh.service").starts_with("MainPID=7"));
    }
}
