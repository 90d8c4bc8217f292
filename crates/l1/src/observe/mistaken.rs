//! Endpoints that are well, and are not what the configuration says: of the other API, or with TLS.

use super::target::Target;
use crate::{
    beacon::{self, Api},
    cause::Cause,
    client::Connection,
    error::Error,
    http::endpoint::Endpoint,
    limits::Limits,
    retry::Patience,
};

/// What an endpoint was asked as.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Asked {
    Execution,
    Consensus,
}

/// The error of the first question, or a better one if the endpoint is not what it was asked as.
pub(super) async fn explained(
    error: Error,
    target: &Target,
    asked: Asked,
    limits: Limits,
) -> Error {
    let better = match error.cause() {
        Some(Cause::Unreachable | Cause::Refused) if has_tls(target, limits).await => {
            Some(Cause::OnlyTls)
        }
        Some(cause) if !can_be_other_api(cause) => None,
        None => None,
        Some(_) => match asked {
            Asked::Execution if is_consensus(target, limits).await => Some(Cause::IsConsensus),
            Asked::Consensus if is_execution(target, limits).await => Some(Cause::IsExecution),
            _ => None,
        },
    };
    match (better, error) {
        (Some(cause), Error::Rpc { endpoint, call, .. }) => Error::Rpc {
            endpoint,
            call,
            reason: words(cause).to_owned(),
            cause,
        },
        (_, error) => error,
    }
}

fn words(cause: Cause) -> &'static str {
    match cause {
        Cause::IsExecution => {
            "this is an execution endpoint (JSON-RPC), not a consensus endpoint (Beacon API)"
        }
        Cause::IsConsensus => {
            "this is a consensus endpoint (Beacon API), not an execution endpoint (JSON-RPC)"
        }
        _ => "the server speaks TLS on this port: the URL says http",
    }
}

/// Whether the server of another API can cause such an error.
fn can_be_other_api(cause: Cause) -> bool {
    matches!(
        cause,
        Cause::OtherAnswer | Cause::Path | Cause::NoMethod | Cause::Refused | Cause::Server
    )
}

/// Whether the port of a URL without TLS has TLS.
async fn has_tls(target: &Target, limits: Limits) -> bool {
    let tls = target.endpoint().ok().and_then(|plain| plain.with_tls());
    let Some(endpoint) = tls else {
        return false;
    };
    match api(endpoint, limits).open("").await {
        Ok(_) => true,
        Err(failure) => failure.cause() == Cause::Certificate,
    }
}

async fn is_consensus(target: &Target, limits: Limits) -> bool {
    let Ok(endpoint) = target.endpoint() else {
        return false;
    };
    let answer = api(endpoint, limits).get(beacon::VERSION).await;
    answer.is_ok_and(|answer| answer["data"]["version"].is_string())
}

async fn is_execution(target: &Target, limits: Limits) -> bool {
    let endpoint = target.endpoint();
    let connection = endpoint.and_then(|it| Connection::to(it, limits, Patience::None));
    match connection {
        Ok(connection) => connection.chain_id().await.is_ok(),
        Err(_) => false,
    }
}

fn api(endpoint: Endpoint, limits: Limits) -> Api {
    Api {
        endpoint,
        limits,
        patience: Patience::None,
    }
}
