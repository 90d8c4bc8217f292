//! `[ports]`: the ports that this host listens on.

use std::collections::BTreeMap;
use std::fmt;

use serde::Deserialize;
use serde::de::{Deserializer, MapAccess, Visitor};

use super::tables::Known;
use crate::names::{Component, Port, port};

/// The port numbers that `kit.toml` sets.
#[derive(Debug, Clone, Default)]
pub struct Ports(BTreeMap<&'static str, u16>);

impl Ports {
    /// Every possible port. Components that replace each other share their ports, which are listed once.
    pub fn known() -> impl Iterator<Item = &'static Port> {
        let components = Component::all().filter(|it| it.spec().instead_of.is_none());
        components
            .flat_map(|component| component.spec().ports)
            .chain(port::OTHERS)
    }

    /// The number of a port.
    pub fn of(&self, port: &Port) -> u16 {
        self.0.get(port.key).copied().unwrap_or(port.default)
    }

    /// Sets the number of a port.
    pub(super) fn set(&mut self, port: &Port, number: u16) {
        self.0.insert(port.key, number);
    }
}

/// The table `[ports]`.
impl<'de> Deserialize<'de> for Ports {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(Table)
    }
}

struct Table;

impl<'de> Visitor<'de> for Table {
    type Value = Ports;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("a map")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Ports, A::Error> {
        let names: Vec<_> = Ports::known().filter_map(Port::name).collect();
        let mut ports = Ports::default();
        while let Some(name) = map.next_key_seed(Known(&names))? {
            let port = Ports::known().find(|port| port.name() == Some(name));
            let number = map.next_value()?;
            ports.0.extend(port.map(|port| (port.key, number)));
        }
        Ok(ports)
    }
}
