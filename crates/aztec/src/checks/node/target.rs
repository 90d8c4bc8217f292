//! The chains that a check asks: the L1 and the node of this host.

use std::time::Duration;

use l1::rpc::Rpc;
use l1::{Address, Reader};
use provision::Fault;
use provision::host::Probe;
use serde::Serialize;
use serde_json::Value;

use crate::checks::l1::registry::registry;
use crate::names::{Role, port};
use crate::settings::Settings;

/// A busy node answers slowly.
const CALL: Duration = Duration::from_secs(5);

/// Block numbers of both chains at one moment; `None` if a chain did not answer.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Sample {
    /// Head of the L1.
    pub l1_head: Option<u64>,
    /// Newest L2 block.
    pub proposed: Option<u64>,
    /// Newest L2 block whose checkpoint is on the L1.
    pub checkpointed: Option<u64>,
    /// Newest L2 block with a proof on the L1.
    pub proven: Option<u64>,
    /// Newest L2 block that cannot be undone.
    pub finalized: Option<u64>,
}

/// The endpoints that are asked.
#[derive(Debug)]
pub struct Target {
    /// Every execution endpoint, in the order of the configuration.
    l1: Vec<Reader>,
    node: Rpc,
    rpc: String,
    tips: String,
    pub(super) registry: Option<Address>,
    /// Whether a role follows an L1, and whether this host has a node.
    asks: (bool, bool),
}

impl Target {
    /// Prepares the connections; nothing is asked yet.
    pub fn new(settings: &Settings, probe: &dyn Probe) -> Result<Self, Fault> {
        let failed = |error: l1::Error| {
            Fault::new("failed to prepare a check")
                .fix(error.fix())
                .because(error.to_string())
        };
        let node = format!("http://127.0.0.1:{}", settings.port(&port::RPC));
        Ok(Self {
            l1: settings
                .l1_rpc_urls()
                .iter()
                .map(|url| Reader::connect(url.expose().as_str(), CALL))
                .collect::<Result<_, _>>()
                .map_err(failed)?,
            node: Rpc::connect(&node, CALL).map_err(failed)?,
            rpc: settings.release.facts.rpc.clone(),
            tips: settings.release.facts.tips.clone(),
            registry: registry(settings, probe)?,
            asks: (settings.has_role(), settings.has(Role::Node)),
        })
    }

    /// The answer of the first endpoint of the L1 that has one, or why the last one has none. The node asks them in the
    /// same order.
    pub(super) fn l1<T>(
        &self,
        ask: impl Fn(&Reader) -> Result<T, l1::Error>,
    ) -> Result<T, l1::Error> {
        let (last, first) = self.l1.split_last().ok_or_else(|| l1::Error::Url {
            problem: "there is none".into(),
        })?;
        let found = first.iter().find_map(|reader| ask(reader).ok());
        found.map_or_else(|| ask(last), Ok)
    }

    /// Asks the node; `method` without the prefix that the release gives it.
    pub(in crate::checks) fn node(&self, method: &str) -> Result<Value, l1::Error> {
        self.node.call(&format!("{}_{method}", self.rpc))
    }

    /// The current block numbers of the chains that a role of this host follows.
    pub fn sample(&self) -> Sample {
        let (l1, node) = self.asks;
        let tips = node.then(|| self.node(&self.tips).unwrap_or_default());
        let tips = tips.unwrap_or_default();
        let nested = |tip: &str| tips[tip]["block"]["number"].as_u64();
        Sample {
            l1_head: l1.then(|| self.l1(Reader::block_number).ok()).flatten(),
            proposed: tips["proposed"]["number"].as_u64(),
            checkpointed: nested("checkpointed"),
            proven: nested("proven"),
            finalized: nested("finalized"),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::io::ErrorKind;
    use std::net::TcpListener;

    use provision::host::fake::FakeHost;

    use super::*;

    #[test]
    fn a_chain_that_no_role_follows_is_not_asked() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        listener.set_nonblocking(true).unwrap();
        let port = listener.local_addr().unwrap().port();
        let kit_toml = format!(
            "[node]\nenabled = false\n[hardening]\nenabled = true\n[ports]\nrpc = {port}\n"
        );
        let settings = Settings::parse(&kit_toml).unwrap();
        let target = Target::new(&settings, &FakeHost::debian()).unwrap();
        assert_eq!(target.sample(), Sample::default());
        let came = listener.accept().map(drop).map_err(|error| error.kind());
        assert_eq!(came, Err(ErrorKind::WouldBlock));
    }
}
