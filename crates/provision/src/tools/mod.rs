//! Pure parsers of files and program output, one file per source.

pub mod accounts;
pub mod addresses;
pub mod apt;
pub mod clock;
pub mod dpkg;
pub mod images;
pub mod iptables;
pub mod journal;
pub mod mounts;
pub mod network;
pub mod nft;
pub mod os_release;
pub mod redact;
pub mod routes;
pub mod scrub;
pub mod sockets;
pub mod sshd_command;
pub mod sshd_config;
pub mod stat;
pub mod sysctl_d;
pub mod systemctl;
pub mod ufw;
pub mod unit_file;
