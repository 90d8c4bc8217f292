//! Translates answers of the L1 into those of the Beacon API
//! (<https://ethereum.github.io/beacon-APIs>: getBlockHeaders, getBlockHeader, getBlobSidecars).
//!
//! Fields that need a consensus layer (proposers, signatures, inclusion proofs) are left out, not invented.

use serde_json::{Value, json};

/// One request of the Beacon API.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Question {
    /// The headers of the newest slot.
    Headers,
    /// One header.
    Header(BlockId),
    /// The blobs of one block.
    Sidecars(BlockId),
}

/// How the Beacon API names a block.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum BlockId {
    /// The newest block.
    Head,
    /// By its slot.
    Slot(u64),
    /// By its root: `0x` and 64 digits.
    Root(String),
}

impl Question {
    /// Reads the path of a request. `None` if this server does not answer it.
    pub fn read(path: &str) -> Option<Self> {
        let path = path.strip_prefix("/eth/v1/beacon/")?;
        match path.split_once('/') {
            None if path == "headers" => Some(Self::Headers),
            Some(("headers", id)) => Some(Self::Header(BlockId::read(id)?)),
            Some(("blob_sidecars", id)) => Some(Self::Sidecars(BlockId::read(id)?)),
            _ => None,
        }
    }

    /// The call of the L1 that answers it: method and parameters.
    pub fn call(&self) -> (&'static str, Value) {
        match self {
            Self::Headers => Self::Header(BlockId::Head).call(),
            Self::Header(BlockId::Root(hash)) => ("eth_getBlockByHash", json!([hash, false])),
            Self::Header(id) => ("eth_getBlockByNumber", json!([id.on_l1(), false])),
            Self::Sidecars(id) => ("anvil_getBlobSidecarsByBlockId", json!([id.on_l1()])),
        }
    }

    /// The answer, from the result of that call. `None` if there is no such block.
    pub fn answer(&self, result: &Value) -> Option<Value> {
        let data = match self {
            Self::Headers => json!([header(result)?]),
            Self::Header(_) => header(result)?,
            Self::Sidecars(_) => sidecars(result)?,
        };
        Some(json!({"execution_optimistic": false, "finalized": false, "data": data}))
    }
}

impl BlockId {
    fn read(text: &str) -> Option<Self> {
        if text == "head" {
            return Some(Self::Head);
        }
        let Some(digits) = text.strip_prefix("0x") else {
            return text.parse().ok().map(Self::Slot);
        };
        let hex = digits.len() == 64 && digits.bytes().all(|byte| byte.is_ascii_hexdigit());
        hex.then(|| Self::Root(text.to_owned()))
    }

    fn on_l1(&self) -> String {
        match self {
            Self::Head => "latest".into(),
            Self::Slot(number) => format!("{number:#x}"),
            Self::Root(hash) => hash.clone(),
        }
    }
}

fn header(block: &Value) -> Option<Value> {
    let number = block["number"].as_str()?.strip_prefix("0x")?;
    let slot = u64::from_str_radix(number, 16).ok()?;
    Some(json!({
        "root": block["hash"].as_str()?,
        "canonical": true,
        "header": {"message": {
            "slot": slot.to_string(),
            "parent_root": block["parentHash"].as_str()?,
        }},
    }))
}

/// A block without blobs has empty lists.
fn sidecars(result: &Value) -> Option<Value> {
    let list = |name: &str| result[name].as_array();
    let (blobs, commitments, proofs) = (list("blobs")?, list("commitments")?, list("proofs")?);
    let all = blobs.iter().zip(commitments).zip(proofs).enumerate();
    all.map(|(index, ((blob, commitment), proof))| {
        Some(json!({
            "index": index.to_string(),
            "blob": blob.as_str()?,
            "kzg_commitment": commitment.as_str()?,
            "kzg_proof": proof.as_str()?,
        }))
    })
    .collect()
}

/// Adds the beacon root to each block without one, in a JSON-RPC answer of the L1 or a batch of them. `None` if there is
/// nothing to add.
pub fn with_root(answer: &[u8]) -> Option<Vec<u8>> {
    let mut answer: Value = serde_json::from_slice(answer).ok()?;
    let filled = match &mut answer {
        Value::Array(batch) => batch.iter_mut().filter_map(fill).count() > 0,
        one => fill(one).is_some(),
    };
    filled.then(|| answer.to_string().into_bytes())
}

/// Whether a JSON-RPC request, or one of a batch, asks for a block. The answer is read only in this case.
pub fn asks_for_block(request: &[u8]) -> bool {
    let asks = |call: &Value| {
        let method = call["method"].as_str();
        method.is_some_and(|method| method.starts_with("eth_getBlockBy"))
    };
    match serde_json::from_slice(request) {
        Ok(Value::Array(batch)) => batch.iter().any(asks),
        Ok(one) => asks(&one),
        Err(_) => false,
    }
}

fn fill(answer: &mut Value) -> Option<()> {
    const ROOT: &str = "parentBeaconBlockRoot";
    let block = answer.get_mut("result")?;
    let parent = block["parentHash"].as_str()?.to_owned();
    let root = block.get_mut(ROOT)?;
    let zero = root
        .as_str()?
        .strip_prefix("0x")?
        .bytes()
        .all(|digit| digit == b'0');
    zero.then(|| *root = parent.into())
}

#[cfg(test)]
mod tests {
    use super::*;

    const HASH: &str = "0xdefd7456950765bb98dd7ab99a7d6c13c9b5a3a0d98b846564816352794a7535";
    const PARENT: &str = "0x0e1b6a0fd87c973e4235219eaeb3fa1892683ba08f74712a23b953358dfe47ec";
    const ZERO: &str = "0x0000000000000000000000000000000000000000000000000000000000000000";

    fn block(root: &str) -> Value {
        json!({"number": "0x36", "hash": HASH, "parentHash": PARENT, "parentBeaconBlockRoot": root})
    }

    /// The archiver goes from a block to the root in it, to a slot, to the next slot, to the blobs.
    #[test]
    fn the_blobs_of_a_block_are_found_by_the_root_in_it() {
        let answer = json!({"jsonrpc": "2.0", "id": 1, "result": block(ZERO)}).to_string();
        let seen: Value = serde_json::from_slice(&with_root(answer.as_bytes()).unwrap()).unwrap();
        let root = seen["result"]["parentBeaconBlockRoot"].as_str().unwrap();

        let question = Question::read(&format!("/eth/v1/beacon/headers/{root}")).unwrap();
        assert_eq!(
            question.call(),
            ("eth_getBlockByHash", json!([PARENT, false]))
        );
        let parent = json!({"number": "0x35", "hash": PARENT, "parentHash": ZERO});
        let header = question.answer(&parent).unwrap();
        assert_eq!(header["data"]["root"], PARENT);
        assert_eq!(header["data"]["header"]["message"]["slot"], "53");

        let question = Question::read("/eth/v1/beacon/blob_sidecars/54").unwrap();
        assert_eq!(
            question.call(),
            ("anvil_getBlobSidecarsByBlockId", json!(["0x36"]))
        );
        let kept = json!({"blobs": ["0x1", "0x2"], "commitments": ["0x3", "0x4"], "proofs": ["0x5", "0x6"]});
        let sidecars = question.answer(&kept).unwrap();
        assert_eq!(
            sidecars["data"][1],
            json!({"index": "1", "blob": "0x2", "kzg_commitment": "0x4", "kzg_proof": "0x6"})
        );
    }

    #[test]
    fn a_block_without_blobs_differs_from_a_missing_block() {
        let question = Question::Sidecars(BlockId::Slot(7));
        let none = json!({"blobs": [], "commitments": [], "proofs": []});
        assert_eq!(question.answer(&none).unwrap()["data"], json!([]));
        for question in [question, Question::Headers, Question::Header(BlockId::Head)] {
            assert_eq!(question.answer(&Value::Null), None);
        }
    }

    #[test]
    fn other_paths_are_not_questions() {
        let head = "/eth/v1/beacon/headers/head";
        assert_eq!(Question::read(head), Some(Question::Header(BlockId::Head)));
        assert_eq!(
            Question::read("/eth/v1/beacon/headers"),
            Some(Question::Headers)
        );
        for path in [
            "/",
            "/eth/v1/beacon/",
            "/eth/v1/beacon/blob_sidecars",
            "/eth/v1/beacon/headers/",
            "/eth/v1/beacon/headers/-1",
            "/eth/v1/beacon/headers/0x12",
            "/eth/v1/beacon/headers/finalized",
            "/eth/v1/beacon/headers/1/2",
            "/eth/v1/node/syncing",
        ] {
            assert_eq!(Question::read(path), None, "{path}");
        }
    }

    #[test]
    fn only_a_missing_root_is_added() {
        let one = |result: Value| json!({"id": 1, "result": result});
        for untouched in [
            one(block(HASH)),
            one(Value::Null),
            one("0x1".into()),
            json!({"id": 1, "error": {"code": -1, "message": "no"}}),
            json!([]),
        ] {
            assert_eq!(
                with_root(untouched.to_string().as_bytes()),
                None,
                "{untouched}"
            );
        }
        assert_eq!(with_root(b"no JSON"), None);
        let batch = json!([one("0x1".into()), one(block(ZERO))]);
        let filled: Value =
            serde_json::from_slice(&with_root(batch.to_string().as_bytes()).unwrap()).unwrap();
        assert_eq!(filled, json!([one("0x1".into()), one(block(PARENT))]));
    }

    #[test]
    fn only_requests_for_a_block_are_recognised() {
        let call = |method: &str| json!({"method": method, "params": []});
        let asks = |request: &Value| asks_for_block(request.to_string().as_bytes());
        assert!(asks(&call("eth_getBlockByHash")));
        assert!(asks(&json!([
            call("eth_chainId"),
            call("eth_getBlockByNumber")
        ])));
        assert!(!asks(&call("eth_getLogs")));
        assert!(!asks(&json!([call("eth_chainId")])));
        assert!(!asks_for_block(b"no JSON"));
    }
}
