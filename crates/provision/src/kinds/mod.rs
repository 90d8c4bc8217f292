//! The kinds of resources, one file or folder each. A kind may contain another one, as a drop-in contains a file. No kind
//! runs the programs of another one.

pub(crate) mod baseline;
mod before;
mod directory;
mod disk;
mod drop_in;
mod file;
mod group;
mod image;
mod lock;
mod nft_table;
mod npm_tree;
mod owner;
mod package;
mod secret;
mod secret_digest;
mod service;
pub(crate) mod sshd;
mod sysctl;
pub(crate) mod ufw;
mod unit;
mod user;

pub use baseline::Baseline;
pub use before::prune;
pub use directory::Directory;
pub use disk::{Disk, Gone, gone, mounted};
pub use drop_in::DropIn;
pub use file::File;
pub use group::Group;
pub use image::{Image, Pin, Place, Survey, Upstream};
pub use lock::{Lock, LockText};
pub use nft_table::{Loaded, NftTable, ROUTED};
pub use npm_tree::NpmTree;
pub use owner::{Accounts, Owner};
pub use package::Packages;
pub use secret::{Maker, Random, Secret, SecretSeen};
pub use secret_digest::SecretDigest;
pub use service::{Input, Service, last_words};
pub use sshd::{Outlook, Sshd};
pub use sysctl::Sysctl;
pub use ufw::{
    Fate, Incoming, Proto, Rule, Session, Ufw, connected, incoming, listening, sessions, shutting,
    ssh_ports,
};
pub use unit::Unit;
pub use user::User;
