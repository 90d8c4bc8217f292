//! Sockets, as `/proc/net/{tcp,tcp6,udp,udp6}` lists them: proc_net(5).

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// A row.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Socket {
    /// The local address; unspecified when it is bound to all.
    pub local: IpAddr,
    /// The local port.
    pub port: u16,
    /// The remote address; unspecified when there is none.
    pub remote: IpAddr,
    /// The state, in the numbers of the kernel.
    pub state: u8,
    /// The inode number, which is also in `/proc/<pid>/fd` of its owner.
    pub inode: u64,
}

/// `TCP_ESTABLISHED`.
pub const ESTABLISHED: u8 = 1;
/// `TCP_LISTEN`.
pub const LISTENS: u8 = 0x0A;
/// `TCP_CLOSE`, the state of a bound UDP socket.
pub const BOUND: u8 = 7;

/// The rows of one table. An IPv4 address in an IPv6 table is returned as IPv4.
pub fn parse(table: &str) -> Vec<Socket> {
    table.lines().skip(1).filter_map(row).collect()
}

fn row(line: &str) -> Option<Socket> {
    let fields: Vec<_> = line.split_whitespace().collect();
    let (local, port) = end(fields.get(1)?)?;
    let (remote, _) = end(fields.get(2)?)?;
    Some(Socket {
        local,
        port,
        remote,
        state: u8::from_str_radix(fields.get(3)?, 16).ok()?,
        inode: fields.get(9)?.parse().ok()?,
    })
}

/// `0100007F:0016`: words of 32 bits, each in host byte order.
fn end(text: &str) -> Option<(IpAddr, u16)> {
    let (address, port) = text.split_once(':')?;
    let mut bytes = Vec::with_capacity(16);
    for word in address.as_bytes().chunks(8) {
        let word = u32::from_str_radix(std::str::from_utf8(word).ok()?, 16).ok()?;
        bytes.extend_from_slice(&word.to_ne_bytes());
    }
    let address = match <[u8; 16]>::try_from(bytes.as_slice()) {
        Ok(bytes) => Ipv6Addr::from(bytes).to_canonical(),
        Err(_) => Ipv4Addr::from(<[u8; 4]>::try_from(bytes.as_slice()).ok()?).into(),
    };
    Some((address, u16::from_str_radix(port, 16).ok()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_both_families() {
        let table = "  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode\n\
             0: 0100007F:2161 00000000:0000 0A 00000000:00000000 00:00000000 00000000  0  0 4711 1\n\
             1: 0203D50A:0016 0103D50A:9C4C 01 00000000:00000000 02:00000000 00000000  0  0 4712 4\n";
        let sockets = parse(table);
        assert_eq!(sockets[0].local, IpAddr::from([127, 0, 0, 1]));
        assert_eq!(
            (sockets[0].port, sockets[0].state, sockets[0].inode),
            (8545, LISTENS, 4711)
        );
        assert_eq!(sockets[1].remote, IpAddr::from([10, 213, 3, 1]));
        assert_eq!((sockets[1].port, sockets[1].state), (22, ESTABLISHED));
        let six = "head\n 0: 00000000000000000000000000000000:0016 00000000000000000000000000000000:0000 0A 0:0 0:0 0 0 0 1 1\n\
             1: 0000000000000000FFFF00000203D50A:0016 0000000000000000FFFF00000103D50A:9C4C 01 0:0 0:0 0 0 0 2 1\n";
        let sockets = parse(six);
        assert!(sockets[0].local.is_unspecified());
        assert_eq!(sockets[1].local, IpAddr::from([10, 213, 3, 2]), "mapped");
    }
}
