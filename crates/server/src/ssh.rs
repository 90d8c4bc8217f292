//! SSH by key only, with what it needs and no more: tunnels to this host stay, since dashboards are reached so.

use provision::kinds::Sshd;

/// Keyword and value; why is in docs/reference/hardening.md.
///
/// Algorithms are taken out of the list that the installed OpenSSH has by itself (8.9 of Ubuntu 22.04 to 10.0 of
/// Debian 13, `sshd -T`), so that newer ones come with its upgrades: no SHA-1, no NIST curves, no 64-bit tags, no
/// MAC before encryption, no group below 4096 bits.
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

/// What whoever logs in has to know once this is in force.
pub const HINT: &str = "sshd now takes three keys per connection, and who shows four is refused and in time banned: with more in your agent, name one (`ssh -o IdentitiesOnly=yes -i KEY`).";

/// The drop-in; its name sorts before those of images and clouds, because the first value wins.
pub fn sshd() -> Sshd {
    let settings = SETTINGS.iter();
    Sshd {
        name: "00-aztec-kit.conf".into(),
        settings: settings
            .map(|(keyword, value)| ((*keyword).into(), (*value).into()))
            .collect(),
    }
}
