//! Which failed calls are made again, and when.

use std::time::Duration;

use crate::{cause::Cause, failure::Failure, limits::Limits};

/// The waits while a quota is used up, one after the other, until the server answers.
const QUOTA: [Duration; 4] = [
    Duration::from_millis(500),
    Duration::from_secs(1),
    Duration::from_secs(2),
    Duration::from_secs(4),
];

/// The first wait of the node. Each wait is twice as long as the one before (viem 2.38.2, utils/buildRequest.js).
const NODE: Duration = Duration::from_millis(150);
/// The number of times that the node makes a call again (the same file).
const NODE_RETRIES: u32 = 3;

/// How a caller treats a failed call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Patience {
    /// Each call is made once.
    None,
    /// Calls are made again while a quota is used up, for callers that need every answer.
    Quota,
    /// Calls are made again as the node does, except after a time limit: an endpoint that does not answer has had its time.
    Node,
}

impl Patience {
    /// The wait before the next attempt after so many failed ones (from 1), `None` if there is none.
    pub(crate) fn wait(self, failed: u32, failure: &Failure) -> Option<Duration> {
        match self {
            Self::None => None,
            Self::Quota => {
                let index = usize::try_from(failed.saturating_sub(1)).ok()?;
                let wait = QUOTA.get(index).filter(|_| failure.is_limit());
                wait.copied()
            }
            Self::Node if failed > NODE_RETRIES || !node_retries(failure) => None,
            Self::Node => Some(match failure.retry_after() {
                Some(seconds) => Duration::from_secs(seconds),
                None => NODE * (1 << failed.saturating_sub(1).min(8)),
            }),
        }
    }
}

/// Makes a call, and makes it again as long as this helps and there is time.
pub(crate) async fn patiently<T>(
    patience: Patience,
    limits: Limits,
    call: impl AsyncFn() -> Result<T, Failure>,
) -> Result<T, Failure> {
    let mut failed = 0;
    loop {
        let failure = match call().await {
            Ok(answer) => return Ok(answer),
            Err(failure) => failure,
        };
        failed += 1;
        match patience.wait(failed, &failure) {
            Some(wait) if wait < limits.left() => tokio::time::sleep(wait).await,
            _ => return Err(failure),
        }
    }
}

/// `shouldRetry` of viem 2.38.2 (utils/buildRequest.js), which is as in 2.47.
fn node_retries(failure: &Failure) -> bool {
    match failure {
        Failure::Transport(cause, _) => *cause == Cause::Unreachable,
        Failure::Status(status) => is_retried(status.code),
        // viem reads the body of an error only for its words.
        Failure::Refused(refused) if !(200..300).contains(&refused.status) => {
            is_retried(refused.status)
        }
        Failure::Refused(refused) => matches!(refused.code, -1 | -32005 | -32603),
        // viem cannot read a page as JSON, and takes that for a broken connection.
        Failure::Page => true,
        Failure::NotThatAnswer | Failure::Null | Failure::TooLong(_) | Failure::Moved { .. } => {
            false
        }
    }
}

fn is_retried(status: u16) -> bool {
    matches!(status, 403 | 408 | 413 | 429 | 500 | 502 | 503 | 504)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::failure::{Refused, Status};

    fn status(code: u16, retry_after: Option<u64>) -> Failure {
        Failure::Status(Status {
            code,
            retry_after,
            message: String::new(),
        })
    }

    #[test]
    fn the_node_makes_a_call_four_times() {
        let bad_gateway = status(502, None);
        let waits = [1, 2, 3, 4].map(|failed| Patience::Node.wait(failed, &bad_gateway));
        let millis = |millis| Some(Duration::from_millis(millis));
        assert_eq!(waits, [millis(150), millis(300), millis(600), None]);
        let asked = Patience::Node.wait(1, &status(429, Some(7)));
        assert_eq!(asked, Some(Duration::from_secs(7)));
        for code in [400, 401, 402, 404] {
            assert_eq!(Patience::Node.wait(1, &status(code, None)), None, "{code}");
        }
    }

    #[test]
    fn a_call_that_cannot_succeed_is_not_made_again() {
        let late = Failure::Transport(Cause::NoAnswer, String::new());
        assert_eq!(Patience::Node.wait(1, &late), None);
        let refused = |code| {
            Failure::Refused(Refused {
                code,
                message: String::new(),
                data: serde_json::Value::Null,
                status: 200,
                retry_after: None,
            })
        };
        assert_eq!(Patience::Node.wait(1, &refused(-32601)), None);
        assert!(Patience::Node.wait(1, &refused(-32005)).is_some());
        assert_eq!(Patience::Quota.wait(5, &refused(-32005)), None);
        assert_eq!(Patience::None.wait(1, &refused(-32005)), None);
    }
}
