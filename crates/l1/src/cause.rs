//! What kind of failure a call had, and what an operator can do about it.

/// The kind of a failed call to an endpoint.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Cause {
    /// The endpoint did not answer in time.
    NoAnswer,
    /// There was no connection, or it broke.
    Unreachable,
    /// The certificate of the endpoint is not trusted.
    Certificate,
    /// The URL says `https`, and the port is not one of TLS.
    NoTls,
    /// The URL says `http`, and the port is one of TLS.
    OnlyTls,
    /// HTTP 401 or 403: the key is missing or wrong, or the plan does not include the call.
    NotAllowed,
    /// A quota is used up: HTTP 402 or 429, or an error of JSON-RPC that means the same.
    Quota,
    /// HTTP 404: the path is wrong.
    Path,
    /// HTTP 301 to 308: the endpoint is elsewhere.
    Moved,
    /// HTTP 5xx: the endpoint, or a proxy before it, failed.
    Server,
    /// The answer was longer than the limit.
    TooLong,
    /// The endpoint is an execution endpoint, and was asked as a consensus endpoint.
    IsExecution,
    /// The endpoint is a consensus endpoint, and was asked as an execution endpoint.
    IsConsensus,
    /// The answer is not one of this API: not JSON, or of another shape.
    OtherAnswer,
    /// The endpoint does not have the method.
    NoMethod,
    /// The call reverted.
    Reverted,
    /// The endpoint answered with another error.
    Refused,
}

impl Cause {
    /// Whether the endpoint answers no question of this API.
    pub(crate) fn is_silence(self) -> bool {
        matches!(
            self,
            Self::NoAnswer
                | Self::Unreachable
                | Self::Certificate
                | Self::NoTls
                | Self::OnlyTls
                | Self::IsExecution
                | Self::IsConsensus
        )
    }

    /// What the operator can do about it, as whole sentences.
    #[must_use]
    pub fn fix(self) -> &'static str {
        match self {
            Self::NoAnswer | Self::Unreachable | Self::Server | Self::Reverted => {
                "Check that the L1 node is up, synced and reachable from this host."
            }
            Self::Certificate => {
                "Install the certificate authority of the L1 endpoint in the CA store of this host."
            }
            Self::NoTls => "Write http instead of https in the URL, or name the port that has TLS.",
            Self::OnlyTls => "Write https instead of http in the URL.",
            Self::NotAllowed => {
                "Check the API key in the URL, and that the plan of the provider includes this call."
            }
            Self::Quota => {
                "Raise the quota at the provider, or name an endpoint with a larger one. A node makes at least two calls a \
                 second."
            }
            Self::Path => "Check the path of the URL. Providers put the API key there.",
            Self::Moved => "Name the address that the endpoint redirects to.",
            Self::TooLong | Self::OtherAnswer => {
                "Check that the URL is that of an L1 endpoint of this kind."
            }
            Self::IsExecution => {
                "Name it under l1.rpc_urls, and a consensus endpoint (Beacon API) under l1.consensus_urls."
            }
            Self::IsConsensus => {
                "Name it under l1.consensus_urls, and an execution endpoint (JSON-RPC) under l1.rpc_urls."
            }
            Self::NoMethod => "Enable this method at the L1 node, or name an endpoint that has it.",
            Self::Refused => "Look into the log of the L1 node, or ask the provider.",
        }
    }
}
