//! The reports of the network about attesters, from the L1 and from the node of this host.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use l1::reader::AttesterStatus;
use l1::rpc::Rpc;
use l1::{Address, Reader};
use serde_json::Value;

use super::claim::Slot;
use crate::names::port;
use crate::settings::{Endpoint, Live, Settings};

/// Long enough for a public endpoint on another continent, and for a busy node.
const CALL: Duration = Duration::from_secs(10);

/// The sources to ask, for one run. They are never recorded: another run may ask elsewhere, and a statement of the
/// operator on the command line holds for one run only.
#[derive(Debug, Clone, Default)]
pub struct Guard {
    /// The operator stated that nothing else signs.
    pub only_signer: bool,
    l1_urls: Vec<Endpoint>,
    l1_chain_id: u64,
    registry: Option<Address>,
    rollup: Option<u64>,
    node: String,
    rpc: String,
}

/// The reports of the network.
#[derive(Debug, Clone)]
pub struct Evidence {
    /// The view of the L1, or why there is none.
    pub chain: Result<Chain, String>,
    /// The view of the node of this host, or why there is none.
    pub view: Result<View, String>,
}

/// The rollup as the L1 has it.
#[derive(Debug, Clone)]
pub struct Chain {
    /// The rollup.
    pub rollup: Address,
    /// The slot of its clock.
    pub slot: u64,
    /// Seconds of a slot.
    pub slot_seconds: u64,
    /// Slots of an epoch: as long as a committee is on duty.
    pub epoch_slots: u64,
    /// The status of each attester.
    pub standing: BTreeMap<Address, AttesterStatus>,
}

/// A duty of a validator in a slot, and whether it was done.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Duty {
    /// The validator signed.
    Signed,
    /// The validator did not sign.
    Missed,
}

/// The observations of the sentinel of a node.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct View {
    /// It started to watch after this slot.
    pub initial: Option<u64>,
    /// The last slot that it judged.
    pub last: Option<u64>,
    /// Duties of each attester, oldest first.
    pub history: BTreeMap<Address, Vec<(u64, Duty)>>,
}

impl View {
    /// The number of slots that it watched without a pause.
    pub fn watched(&self) -> u64 {
        let (last, initial) = (self.last.unwrap_or(0), self.initial.unwrap_or(u64::MAX));
        last.saturating_sub(initial)
    }

    /// Reads the answer to `getValidatorsStats` (4.1.2 stdlib validators/schemas.js; 5.x has the same form with other
    /// words). An answer that is not understood is an error, because it could be a signature.
    ///
    /// # Errors
    ///
    /// Why there is no view.
    pub fn read(answer: &Value) -> Result<Self, String> {
        let Some(stats) = answer["stats"].as_object() else {
            return Err("the node of this host gave an answer in an unknown form".into());
        };
        // A node without a sentinel reports a window of no slots (4.1.2 aztec-node server.js).
        if answer["slotWindow"].as_u64().unwrap_or(0) == 0 {
            return Err("its sentinel is off (SENTINEL_ENABLED)".into());
        }
        let mut view = Self {
            initial: answer["initialSlot"].as_u64(),
            last: answer["lastProcessedSlot"].as_u64(),
            history: BTreeMap::new(),
        };
        for (attester, stats) in stats {
            let attester = attester
                .parse()
                .map_err(|_| "the node of this host names something that is not an attester")?;
            let duties = stats["history"].as_array().and_then(|history| {
                let read =
                    |duty: &Value| Some((duty["slot"].as_u64()?, read_duty(&duty["status"])?));
                history.iter().map(read).collect()
            });
            let unread = "the node of this host reports duties in an unknown form";
            view.history.insert(attester, duties.ok_or(unread)?);
        }
        Ok(view)
    }
}

/// The words for a duty of which the sentinel saw nothing. Every other word of 4.1.2, 5.x and 6.x means that
/// something with the key was seen, `checkpoint-missed` too: blocks of the proposer, and no checkpoint. Sources:
/// 4.1.2 aztec-node/dest/sentinel/sentinel.js; docs/reference/release-6.md, section 6.
const SILENCE: [&str; 2] = ["blocks-missed", "attestation-missed"];

/// An unknown word counts as a signature: if it counted as silence, a second signer could start.
fn read_duty(status: &Value) -> Option<Duty> {
    Some(if SILENCE.contains(&status.as_str()?) {
        Duty::Missed
    } else {
        Duty::Signed
    })
}

impl Guard {
    /// A guard that asks the L1 and the node of these settings.
    pub fn new(settings: &Settings, live: &Live) -> Self {
        Self {
            only_signer: settings.only_signer,
            l1_urls: live.rpc_urls.clone(),
            l1_chain_id: settings.network.l1_chain_id,
            registry: settings
                .network
                .registry
                .as_deref()
                .and_then(|registry| registry.parse().ok()),
            rollup: live.rollup,
            node: format!("http://127.0.0.1:{}", settings.port(&port::RPC)),
            rpc: settings.release.facts.rpc.clone(),
        }
    }

    /// Asks the network about these attesters. If the operator stated that nothing else signs, it asks nobody.
    pub fn ask(&self, attesters: &BTreeSet<Address>) -> Evidence {
        if self.only_signer || attesters.is_empty() {
            let nobody = || "nobody was asked".to_owned();
            return Evidence {
                chain: Err(nobody()),
                view: Err(nobody()),
            };
        }
        let chain = self.chain(attesters);
        let registered = chain.as_ref().ok().filter(|chain| {
            let mut standings = chain.standing.values();
            standings.any(|standing| *standing != AttesterStatus::None)
        });
        let view = match registered {
            Some(chain) => self.view(chain.rollup),
            None => Err("it was not asked".into()),
        };
        Evidence { chain, view }
    }

    /// The current slot of the rollup; `None` if no L1 endpoint reports it.
    pub fn slot(&self) -> Option<Slot> {
        let Chain { rollup, slot, .. } = self.chain(&BTreeSet::new()).ok()?;
        Some(Slot { rollup, slot })
    }

    fn chain(&self, attesters: &BTreeSet<Address>) -> Result<Chain, String> {
        let registry = self
            .registry
            .ok_or("the registry of this network is not known")?;
        let mut failure = "no L1 endpoint is known".to_owned();
        for url in &self.l1_urls {
            match self.ask_l1(url.expose().as_str(), registry, attesters) {
                Ok(chain) => return Ok(chain),
                Err(why) => failure = why,
            }
        }
        Err(failure)
    }

    /// The view of the node of this host on this rollup. Each rollup has slots of its own, so the view of a node on another
    /// rollup proves nothing.
    fn view(&self, rollup: Address) -> Result<View, String> {
        let ask = |method: &str| {
            Rpc::connect(&self.node, CALL)
                .and_then(|node| node.call(&format!("{}_{method}", self.rpc)))
                // The node listens only once its first sync is done.
                .map_err(|_| format!("no node answers at {}", self.node))
        };
        follows(&ask("getNodeInfo")?, rollup)?;
        View::read(&ask("getValidatorsStats")?)
    }

    fn ask_l1(
        &self,
        url: &str,
        registry: Address,
        attesters: &BTreeSet<Address>,
    ) -> Result<Chain, String> {
        // The text is the end of a sentence.
        let text = |error: l1::Error| format!("{error}. {}", error.fix().trim_end_matches('.'));
        let reader = Reader::connect(url, CALL).map_err(text)?;
        // Another chain can have a registry at the same address. Its attesters prove nothing about this chain.
        let (found, configured) = (reader.chain_id().map_err(text)?, self.l1_chain_id);
        if found != configured {
            return Err(format!(
                "{} is on chain {found}, and the network is on chain {configured}; name an endpoint of the right chain",
                reader.endpoint()
            ));
        }
        read_chain(&reader, registry, self.rollup, attesters).map_err(text)
    }
}

/// Whether a node is on a rollup, by its answer to `getNodeInfo`.
fn follows(info: &Value, rollup: Address) -> Result<(), String> {
    let followed = info["l1ContractAddresses"]["rollupAddress"].as_str();
    match followed.and_then(|text| text.parse::<Address>().ok()) {
        Some(followed) if followed == rollup => Ok(()),
        Some(other) => Err(format!(
            "the node of this host follows another rollup, {other}"
        )),
        None => Err("the node of this host does not say which rollup it follows".into()),
    }
}

fn read_chain(
    reader: &Reader,
    registry: Address,
    version: Option<u64>,
    attesters: &BTreeSet<Address>,
) -> l1::Result<Chain> {
    let rollup = reader.rollup(registry, version)?;
    let clock = reader.slot_clock(rollup)?;
    let mut standing = BTreeMap::new();
    for attester in attesters {
        standing.insert(*attester, reader.attester_status(rollup, *attester)?);
    }
    Ok(Chain {
        rollup,
        slot: clock.slot,
        slot_seconds: clock.slot_seconds,
        epoch_slots: clock.epoch_slots,
        standing,
    })
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    /// An answer of a 4.1.2 node, with duties of both sorts added.
    const ANSWER: &str = r#"{"stats": {"0x7b6723312baebd6a463302713c6cca6546560b1e": {
        "address": "0x7b6723312baebd6a463302713c6cca6546560b1e",
        "lastProposal": {"timestamp": "1795396791", "slot": 191, "date": "2026-11-23T01:19:51.000Z"},
        "totalSlots": 3,
        "missedProposals": {"currentStreak": 0, "rate": 0, "count": 0, "total": 3},
        "missedAttestations": {"currentStreak": 0, "count": 0, "total": 0},
        "history": [
            {"slot": 187, "status": "attestation-missed"}, {"slot": 188, "status": "checkpoint-missed"},
            {"slot": 189, "status": "checkpoint-mined"}, {"slot": 190, "status": "blocks-missed"},
            {"slot": 191, "status": "attestation-sent"}]}},
        "lastProcessedSlot": 191, "initialSlot": 188, "slotWindow": 48}"#;

    #[test]
    fn a_node_of_another_rollup_has_seen_nothing_of_this_one() {
        let of = |rollup: Address| json!({"l1ContractAddresses": {"rollupAddress": rollup}});
        let (this, other) = (Address::repeat_byte(1), Address::repeat_byte(2));
        assert!(follows(&of(this), this).is_ok());
        assert!(
            follows(&of(other), this)
                .unwrap_err()
                .contains("another rollup")
        );
        assert!(follows(&json!({}), this).is_err());
    }

    #[test]
    fn the_answer_of_the_real_node_is_read() {
        let attester: Address = "0x7b6723312baebd6a463302713c6cca6546560b1e"
            .parse()
            .unwrap();
        let view = View::read(&serde_json::from_str(ANSWER).unwrap()).unwrap();
        assert_eq!((view.last, view.watched()), (Some(191), 3));
        assert_eq!(
            view.history[&attester],
            [
                (187, Duty::Missed),
                (188, Duty::Signed),
                (189, Duty::Signed),
                (190, Duty::Missed),
                (191, Duty::Signed)
            ]
        );
    }

    #[test]
    fn only_a_duty_without_any_sign_counts_as_missed() {
        let duty = |status: Value| {
            let answer = json!({
                "stats": {"0x7b6723312baebd6a463302713c6cca6546560b1e": {"history": [{"slot": 9, "status": status}]}},
                "initialSlot": 1, "lastProcessedSlot": 9, "slotWindow": 48,
            });
            let view = View::read(&answer);
            view.map(|view| view.history.into_values().flatten().collect::<Vec<_>>())
        };
        let signed = [
            // 4.1.2 alone, every release, 5.x and 6.x, 6.x alone.
            "checkpoint-proposed",
            "checkpoint-mined",
            "checkpoint-missed",
            "attestation-sent",
            "checkpoint-valid",
            "checkpoint-invalid",
            "checkpoint-unvalidated",
            "checkpoint-unpublished",
            "checkpoint-orphaned",
            // Of an unknown release.
            "checkpoint-of-tomorrow",
            "attestation-of-tomorrow",
            "of-tomorrow",
        ];
        for word in signed {
            assert_eq!(duty(json!(word)), Ok(vec![(9, Duty::Signed)]), "{word}");
        }
        for word in ["blocks-missed", "attestation-missed"] {
            assert_eq!(duty(json!(word)), Ok(vec![(9, Duty::Missed)]), "{word}");
        }
        for unknown in [json!(null), json!(7), json!({"is": "blocks-missed"})] {
            assert!(duty(unknown.clone()).is_err(), "{unknown}");
        }
    }

    #[test]
    fn a_node_without_a_sentinel_has_no_view() {
        // The answer of 4.1.2 without a sentinel.
        let off = View::read(&json!({"stats": {}, "slotWindow": 0}));
        assert!(off.unwrap_err().contains("SENTINEL_ENABLED"));
        assert!(View::read(&json!(null)).is_err());
        assert!(View::read(&json!({"stats": {"x": {}}, "slotWindow": 1})).is_err());
        // A node that has just started has watched nothing.
        let young = View::read(&json!({"stats": {}, "initialSlot": 9, "slotWindow": 48})).unwrap();
        assert_eq!(young.watched(), 0);
    }
}
