//! The client of the current SSH session. `sudo` removes the variable, but the shell above it still has it.

use std::fs;
use std::net::IpAddr;

/// No process of a session has more ancestors than this.
const ANCESTORS: usize = 32;

/// The address of the SSH client that this process belongs to.
pub fn address() -> Option<IpAddr> {
    let mut pid = std::process::id();
    for _ in 0..ANCESTORS {
        let environ = fs::read(format!("/proc/{pid}/environ")).unwrap_or_default();
        if let Some(client) = client(&environ) {
            return Some(client);
        }
        pid = parent(&fs::read_to_string(format!("/proc/{pid}/status")).ok()?)?;
    }
    None
}

/// The first word of `SSH_CONNECTION`: ssh(1), ENVIRONMENT.
fn client(environ: &[u8]) -> Option<IpAddr> {
    let value = environ
        .split(|byte| *byte == 0)
        .find_map(|entry| entry.strip_prefix(b"SSH_CONNECTION="))?;
    let value = String::from_utf8_lossy(value);
    let address = value.split_whitespace().next()?;
    // A link-local address carries its interface: fe80::1%eth0.
    address.split('%').next()?.parse().ok()
}

fn parent(status: &str) -> Option<u32> {
    let line = status.lines().find_map(|line| line.strip_prefix("PPid:"))?;
    line.trim().parse().ok().filter(|pid| *pid > 0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_the_client_and_the_parent() {
        let environ = b"HOME=/root\0SSH_CONNECTION=192.0.2.7 50000 192.0.2.1 22\0";
        assert_eq!(client(environ), Some([192, 0, 2, 7].into()));
        assert_eq!(client(b"HOME=/root\0"), None);
        assert_eq!(parent("Name:\tbash\nPPid:\t17\n"), Some(17));
        assert_eq!(parent("Name:\tsystemd\nPPid:\t0\n"), None);
    }
}
