//! Resources that any server on the internet needs, whatever it serves; independent of any chain.
//!
//! A bundle is one file: a pure function from its settings to resources of [`provision`], which it adds to the graph of
//! its caller. Bundles neither observe nor change a host.

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

/// A closed enum of kinds that includes all kinds of the bundles.
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
