//! The endpoints, and what the real node 4.1.2 does with each at its start.

/// What the node does, as the run has to see it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Node {
    /// It serves its RPC.
    Starts,
    /// It ends by itself, and this is in its output.
    Exits(&'static str),
    /// It prints this, and then neither serves its RPC nor ends for so many seconds.
    Waits(&'static str, u64),
    /// It prints this, and never ends its first sync, which it does only if ten calls in a row take less than two blocks
    /// of the L1 (`syncFromL1` in archiver/dest/archiver.js). That was measured once, for fifteen minutes, and is not
    /// waited for here.
    TooSlow(&'static str),
}

/// One configuration: an endpoint that misbehaves, alone or beside a good one.
#[derive(Debug, Clone, Copy)]
pub(super) struct Row {
    /// Its name, which is that of its behaviour in `server.mjs` if it has one there.
    pub name: &'static str,
    /// The execution endpoints, separated by commas. `{name}` is the port of the row with this name, `{}` its own port.
    pub execution: &'static str,
    /// The consensus endpoints, in the same form. Without one, a file store has the blobs.
    pub consensus: &'static str,
    /// Whether the key `KEY` is sent to the consensus endpoint in the header `x-api-key`.
    pub key: bool,
    /// What the node does.
    pub node: Node,
    /// Whether the node mostly waits for the endpoint, so that others can start beside it.
    pub slow: bool,
}

/// The URL of an endpoint that is served by `server.mjs`.
const SERVED: &str = "http://127.0.0.1:{}";
/// An execution endpoint whose blocks have the roots of beacon blocks, which the node follows to their blobs.
const WITH_BEACON_ROOTS: &str = "http://127.0.0.1:5052";

/// The node has read the contracts from its L1.
const READ: &str = "telemetry:client Using NoopTelemetryClient";
const NO_DATA: &str = r#"function "getCanonicalRollup" returned no data"#;
const OUT_OF_SYNC: &str = "Ethereum node is out of sync";
const NO_SOURCE: &str = "No blob sources are reachable";

const fn row(name: &'static str, node: Node) -> Row {
    Row {
        name,
        execution: SERVED,
        consensus: "",
        key: false,
        node,
        slow: false,
    }
}

const fn consensus(name: &'static str, node: Node) -> Row {
    Row {
        execution: WITH_BEACON_ROOTS,
        consensus: SERVED,
        ..row(name, node)
    }
}

impl Row {
    const fn at(self, execution: &'static str) -> Row {
        Row { execution, ..self }
    }

    const fn beacon_at(self, consensus: &'static str) -> Row {
        Row { consensus, ..self }
    }

    const fn with_key(self) -> Row {
        Row { key: true, ..self }
    }

    const fn slow(self) -> Row {
        Row { slow: true, ..self }
    }

    /// Whether `server.mjs` has a behaviour of this name.
    pub fn is_served(&self) -> bool {
        self.execution.contains("{}") || self.consensus.contains("{}")
    }
}

use Node::{Exits, Starts, TooSlow, Waits};

/// Every row.
pub(super) const ROWS: &[Row] = &[
    row("slow 9 s", TooSlow(READ)).slow(),
    row("never answers", Exits("took too long to respond")).slow(),
    row("trickles", Waits("Genesis archive root", 60)).slow(),
    row("slow 3 s", TooSlow(READ)).slow(),
    row("first never answers", TooSlow(READ))
        .at("http://127.0.0.1:{never answers}, http://127.0.0.1:{fine}")
        .slow(),
    row(
        "no eth_getLogs",
        Waits(r#"The method "eth_getLogs" does not exist"#, 12),
    ),
    row(
        "300 MiB",
        Waits(
            "Rollup at 0x0000000000000000000000000000000000000000 is incompatible",
            12,
        ),
    ),
    row("fine", Starts),
    row("dead port", Exits("ECONNREFUSED")).at("http://127.0.0.1:2"),
    row("unresolvable name", Exits("ENOTFOUND")).at("http://l1.invalid:8545"),
    row("half-closed", Exits("UND_ERR_SOCKET")),
    row("reset after the request", Exits("ECONNRESET")),
    row("HTML as 200", Exits("is not valid JSON")),
    row("empty 200", Exits("Unexpected end of JSON input")),
    row("truncated JSON", Exits("Unterminated string in JSON")),
    row("closed within the body", Exits("Details: terminated")),
    row("result null", Exits(NO_DATA)),
    row("wrong chain id", Starts),
    row("another chain", Exits(NO_DATA)).at("http://127.0.0.1:8546"),
    row("hardhat", Exits(NO_DATA)).at("http://127.0.0.1:8551"),
    row("ganache", Exits(NO_DATA)).at("http://127.0.0.1:8552"),
    row("@ethereumjs/client", Exits(NO_DATA)).at("http://127.0.0.1:8553"),
    row("401", Exits("Status: 401")),
    row("402", Exits("Status: 402")),
    row("403", Exits("Status: 403")),
    row("404", Exits("Status: 404")),
    row("429", Exits("Status: 429")),
    row("429 at first", Starts),
    row("502 at first", Starts),
    row("502", Exits("Status: 502")),
    row("-32005", Exits("Request exceeds defined limit")),
    row("gzip", Starts),
    row("deflate", Starts),
    row("301", Exits("is not valid JSON")),
    row("307", Starts),
    row("308", Starts),
    row("redirect loop", Exits("redirect count exceeded")),
    row("self-signed", Exits("DEPTH_ZERO_SELF_SIGNED_CERT")).at("https://127.0.0.1:{}"),
    row("https to a plain port", Exits("ECONNRESET")).at("https://127.0.0.1:{}"),
    row("plain to a TLS port", Exits("UND_ERR_SOCKET")),
    row("head 320 s old", Exits(OUT_OF_SYNC)),
    row("head 4000 s ahead", Starts),
    row("user and password", Exits("URL that includes credentials"))
        .at("http://user:password@127.0.0.1:{}"),
    row("blocked port", Exits("bad port")).at("http://127.0.0.1:10080"),
    row("key in the path", Starts).at("http://127.0.0.1:{}/v2/KEY"),
    row("key in the query", Starts).at("http://127.0.0.1:{}/?key=KEY"),
    row("wrong id", Starts),
    row("missing id", Starts),
    row("no batches", Starts),
    row("no state of old blocks", Starts),
    row(
        "eth_call at latest only",
        Waits("Missing or invalid parameters", 12),
    ),
    row("no traces", Starts),
    row("first dead", Starts).at("http://127.0.0.1:2, http://127.0.0.1:{fine}"),
    row("first 401", Starts).at("http://127.0.0.1:{401}, http://127.0.0.1:{fine}"),
    row("first stale", Exits(OUT_OF_SYNC))
        .at("http://127.0.0.1:{head 320 s old}, http://127.0.0.1:{fine}"),
    row("first of another chain", Exits(NO_DATA))
        .at("http://127.0.0.1:8546, http://127.0.0.1:{fine}"),
    row("second of another chain", Starts).at("http://127.0.0.1:{fine}, http://127.0.0.1:8546"),
    row("second stale", Starts).at("http://127.0.0.1:{fine}, http://127.0.0.1:{head 320 s old}"),
    consensus("consensus: fine", Starts),
    consensus("consensus: dead", Exits(NO_SOURCE)).beacon_at("http://127.0.0.1:2"),
    consensus(
        "consensus: never answers",
        Waits("Testing configured blob sources", 20),
    )
    .slow(),
    consensus("consensus: 401", Exits(NO_SOURCE)),
    consensus("consensus: 404", Exits(NO_SOURCE)),
    consensus("consensus: 502 at first", Exits(NO_SOURCE)),
    consensus("consensus: 502", Exits(NO_SOURCE)),
    consensus(
        "consensus: HTML as 200",
        Waits("Error getting slot number", 12),
    ),
    consensus("consensus: 301", Starts),
    consensus("consensus: syncing", Starts),
    consensus("consensus: optimistic", Starts),
    consensus("consensus: other chain", Starts),
    consensus(
        "consensus: no blobs",
        Waits("Failed to fetch all blobs", 12),
    ),
    consensus(
        "consensus: custody",
        Waits("Custody group count of 4 is not sufficient", 12),
    ),
    consensus("consensus: key in a header", Starts).with_key(),
    consensus("consensus: key is missing", Exits(NO_SOURCE)),
    consensus("consensus: query", Exits(NO_SOURCE)).beacon_at("http://127.0.0.1:{}?token=KEY"),
    consensus("consensus: user and password", Exits(NO_SOURCE))
        .beacon_at("http://user:password@127.0.0.1:{}"),
    consensus("consensus: execution endpoint", Exits(NO_SOURCE)),
    consensus("consensus: first dead", Starts)
        .beacon_at("http://127.0.0.1:2, http://127.0.0.1:{consensus: fine}"),
];
