//! SSH by key only, without unneeded features. Tunnels to this host stay, because they are the way to the dashboards.

use provision::kinds::Sshd;

/// Keyword and value; docs/reference/hardening.md gives the reasons.
///
/// Algorithms are removed from the default list of the installed OpenSSH (8.9 of Ubuntu 22.04 to 10.0 of Debian 13,
/// `sshd -T`), so that its upgrades can add newer ones: no SHA-1, no NIST curves, no 64-bit tags, no MAC before
/// encryption, no group below 4096 bits.
const SETTINGS: &[(&str, &str)] = &[
    ("PasswordAuthentication", "no"),
    ("KbdInteractiveAuthentication", "no"),
    ("PubkeyAuthentication", "yes"),
    ("PermitEmptyPasswords", "no"),
    ("PermitRootLogin", "prohibit-password"),
    ("HostbasedAuthentication", "no"),
    ("StrictModes", "yes"),
    ("MaxAuthTries", "3"),
    ("LoginGraceTime", "30"),
    ("MaxSessions", "4"),
    ("MaxStartups", "10:30:60"),
    ("ClientAliveInterval", "300"),
    ("ClientAliveCountMax", "2"),
    ("AllowTcpForwarding", "local"),
    ("AllowAgentForwarding", "no"),
    ("X11Forwarding", "no"),
    ("PermitTunnel", "no"),
    ("GatewayPorts", "no"),
    ("PermitUserEnvironment", "no"),
    ("UseDNS", "no"),
    ("LogLevel", "VERBOSE"),
    (
        "KexAlgorithms",
        "-diffie-hellman-group14-sha256,diffie-hellman-group-exchange-sha256,\
         ecdh-sha2-nistp256,ecdh-sha2-nistp384,ecdh-sha2-nistp521",
    ),
    (
        "MACs",
        "-hmac-sha1,hmac-sha1-etm@openssh.com,umac-64@openssh.com,umac-64-etm@openssh.com,\
         umac-128@openssh.com,hmac-sha2-256,hmac-sha2-512",
    ),
];

/// Advice for everyone who logs in once the settings are effective.
pub const HINT: &str = "sshd now accepts three keys per connection. A client that offers four is refused, and banned if it repeats this. If your agent has more than three keys, name one (`ssh -o IdentitiesOnly=yes -i KEY`).";

/// The drop-in. Its name sorts before those of images and clouds, because the first value counts.
pub fn sshd() -> Sshd {
    let settings = SETTINGS.iter();
    Sshd {
        name: "00-aztec-kit.conf".into(),
        settings: settings
            .map(|(keyword, value)| ((*keyword).into(), (*value).into()))
            .collect(),
    }
}
