//! The reason why a call has no result.

use alloy_primitives::Bytes;
use serde_json::Value;

use crate::{
    cause::Cause,
    revert::{bytes_in, revert_reason},
    secrets::Secrets,
};

/// The reason why a call has no result.
#[derive(Debug)]
pub(crate) enum Failure {
    /// There is no answer. The words contain no URL.
    Transport(Cause, String),
    /// The answer is longer than this number of bytes.
    TooLong(usize),
    /// The answer is an HTTP error.
    Status(Status),
    /// The endpoint redirects, and the redirect was not followed or led to no answer.
    Moved {
        status: u16,
        /// The host that it redirects to.
        to: Option<String>,
    },
    /// The answer is a page for people.
    Page,
    /// The result is `null`, and the method never has that result.
    Null,
    /// The answer is not JSON-RPC, or its result does not fit the method.
    NotThatAnswer,
    /// The server answered with an error of JSON-RPC.
    Refused(Refused),
}

/// An HTTP status that is an error.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Status {
    pub code: u16,
    /// The time until the next call, in seconds, if the server sent one (`Retry-After`).
    pub retry_after: Option<u64>,
    /// What the server wrote.
    pub message: String,
}

/// The `error` of an answer: JSON-RPC 2.0, section 5.1.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Refused {
    /// Zero if the server sent none.
    pub code: i64,
    pub message: String,
    pub data: Value,
    /// The HTTP status of the answer.
    pub status: u16,
    /// See [`Status::retry_after`].
    pub retry_after: Option<u64>,
}

impl Failure {
    /// The reason in words. Foreign text is one short line without the secrets of the endpoint.
    pub(crate) fn reason(&self, secrets: &Secrets) -> String {
        match self {
            Self::Transport(_, words) => words.clone(),
            Self::TooLong(limit) => format!("the answer is longer than {limit} bytes"),
            Self::Status(status) => status.words(secrets),
            Self::Moved { status, to } => {
                let to = to.as_ref().map(|host| format!(" to {host}"));
                let to = to.unwrap_or_default();
                format!("it redirects{to} (HTTP status {status})")
            }
            Self::Page => "the answer is a web page, not JSON".to_owned(),
            Self::Null => "the result is null".to_owned(),
            Self::NotThatAnswer => "the answer does not fit this call".to_owned(),
            Self::Refused(refused) => match self.revert_data() {
                Some(data) => format!("reverted with {}", revert_reason(&data)),
                None => {
                    let message = secrets.cut_from(&refused.message);
                    let wait = wait(refused.retry_after);
                    format!("the node answered error {}: {message}{wait}", refused.code)
                }
            },
        }
    }

    /// The kind of this failure.
    pub(crate) fn cause(&self) -> Cause {
        match self {
            Self::Transport(cause, _) => *cause,
            Self::TooLong(_) => Cause::TooLong,
            Self::Status(status) => status_cause(status.code),
            Self::Moved { .. } => Cause::Moved,
            Self::Page | Self::Null | Self::NotThatAnswer => Cause::OtherAnswer,
            Self::Refused(_) if self.is_limit() => Cause::Quota,
            Self::Refused(refused) => match refused.code {
                // The daily quota of Infura (MetaMask developer documentation).
                _ if refused.status == 402 => Cause::Quota,
                _ if self.revert_data().is_some() => Cause::Reverted,
                // JSON-RPC 2.0, section 5.1, and EIP-1474.
                -32601 | -32004 => Cause::NoMethod,
                _ if matches!(refused.status, 401 | 403) => Cause::NotAllowed,
                _ => Cause::Refused,
            },
        }
    }

    /// Whether a quota is used up, so that the call may succeed later: HTTP 429 and 503, -32005 of EIP-1474, -32007 of
    /// QuickNode (wevm/viem#5083) and -32016 of Base (base/node#368). A proxy may quote these in an error of its own.
    pub(crate) fn is_limit(&self) -> bool {
        match self {
            Self::Status(status) => matches!(status.code, 429 | 503),
            Self::Refused(refused) => {
                let message = refused.message.to_ascii_lowercase();
                matches!(refused.status, 429 | 503)
                    || matches!(refused.code, -32005 | -32007 | -32016 | 429)
                    || ["rate limit", "too many requests"]
                        .iter()
                        .any(|words| message.contains(words))
            }
            _ => false,
        }
    }

    /// The time until the next call, in seconds, if the server sent one.
    pub(crate) fn retry_after(&self) -> Option<u64> {
        match self {
            Self::Status(status) => status.retry_after,
            Self::Refused(refused) => refused.retry_after,
            _ => None,
        }
    }

    /// The data of a call that reverted, `None` for any other error.
    pub(crate) fn revert_data(&self) -> Option<Bytes> {
        let Self::Refused(refused) = self else {
            return None;
        };
        // 3 is the code of a revert. Without it, only the message shows that the call reverted.
        if refused.code != 3 && !refused.message.contains("revert") {
            return None;
        }
        Some(bytes_in(&refused.data).unwrap_or_default())
    }
}

impl Status {
    fn words(&self, secrets: &Secrets) -> String {
        let message = match secrets.cut_from(&self.message) {
            message if message.is_empty() => message,
            message => format!(": {message}"),
        };
        let wait = wait(self.retry_after);
        format!("the answer is HTTP status {}{message}{wait}", self.code)
    }
}

/// The wait that a server asks for, in words.
fn wait(seconds: Option<u64>) -> String {
    let words = seconds.map(|seconds| format!(" (it asks to wait {seconds} s)"));
    words.unwrap_or_default()
}

fn status_cause(code: u16) -> Cause {
    match code {
        401 | 403 => Cause::NotAllowed,
        402 | 429 => Cause::Quota,
        404 => Cause::Path,
        300..=399 => Cause::Moved,
        500.. => Cause::Server,
        _ => Cause::Refused,
    }
}
