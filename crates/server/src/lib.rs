//! What any server on the internet needs, whatever it serves; independent of any chain.
//!
//! A bundle is one file: a pure function from its settings to resources of [`provision`], added to the graph
//! of whoever calls it. Bundles look at nothing and change nothing.

pub mod audit;
pub mod bans;
pub mod caddy;
pub mod clock;
pub mod firewall;
pub mod integrity;
pub mod kernel;
pub mod monitoring;
mod packet_filter;
pub mod private;
pub mod ssh;
pub mod updates;

use provision::engine::Resource;
use provision::kinds::{
    Baseline, Directory, DropIn, File, NftTable, Packages, Secret, Service, Sshd, Sysctl, Ufw, Unit,
};

/// A list of kinds that has all that the bundles are made of.
pub trait Kinds:
    Resource
    + From<Baseline>
    + From<Directory>
    + From<DropIn>
    + From<File>
    + From<NftTable>
    + From<Packages>
    + From<Secret>
    + From<Service>
    + From<Sshd>
    + From<Sysctl>
    + From<Ufw>
    + From<Unit>
{
}

impl<K> Kinds for K where
    K: Resource
        + From<Baseline>
        + From<Directory>
        + From<DropIn>
        + From<File>
        + From<NftTable>
        + From<Packages>
        + From<Secret>
        + From<Service>
        + From<Sshd>
        + From<Sysctl>
        + From<Ufw>
        + From<Unit>
{
}
