//! The server. It passes JSON-RPC on to the L1, and answers the Beacon API from it.

use std::io;
use std::net::SocketAddr;

use hyper::{Method, StatusCode};
use loopback::{Reply, Request, reply};
use serde_json::{Value, json};

use crate::l1::L1;
use crate::view::{self, Question};

/// The most bytes of a request. A transaction with blobs has some 2 MB.
const REQUEST: usize = 16 << 20;
const JSON: &str = "application/json";

/// Listens on an address, which should be one of this host's own, until the process ends. `l1` is the address of the
/// JSON-RPC of the L1, which may start later.
///
/// # Errors
///
/// If the address is taken, or the system is out of resources.
pub fn serve(listen: SocketAddr, l1: SocketAddr) -> io::Result<()> {
    let l1 = L1(l1);
    loopback::serve(listen, async move |request| answer(request, l1).await)
}

async fn answer(request: Request, l1: L1) -> Reply {
    match (request.method(), request.uri().path()) {
        (&Method::POST, "/") => pass(request, l1).await,
        (&Method::GET, path) => match Question::read(path) {
            Some(question) => tell(&question, l1).await,
            None => refuse(StatusCode::NOT_FOUND, "not answered here"),
        },
        _ => refuse(StatusCode::METHOD_NOT_ALLOWED, "wrong method"),
    }
}

async fn tell(question: &Question, l1: L1) -> Reply {
    let (method, params) = question.call();
    match l1
        .call(method, &params)
        .await
        .map(|it| question.answer(&it))
    {
        Ok(Some(answer)) => json_reply(StatusCode::OK, &answer),
        Ok(None) => refuse(StatusCode::NOT_FOUND, "no such block"),
        Err(error) => refuse(StatusCode::BAD_GATEWAY, &format!("the L1: {error}")),
    }
}

async fn pass(request: Request, l1: L1) -> Reply {
    let Some(request) = loopback::read(request.into_body(), REQUEST).await else {
        let why = "the body is too large, too slow or broken";
        return refuse(StatusCode::PAYLOAD_TOO_LARGE, why);
    };
    let block = view::asks_for_block(&request);
    match l1.post(request).await {
        Ok((status, answer)) => {
            let filled = block.then(|| view::with_root(&answer)).flatten();
            reply(status, JSON, filled.map_or(answer, Into::into))
        }
        Err(error) => refuse(StatusCode::BAD_GATEWAY, &format!("the L1: {error}")),
    }
}

/// An error in the format of the Beacon API.
fn refuse(status: StatusCode, why: &str) -> Reply {
    json_reply(status, &json!({"code": status.as_u16(), "message": why}))
}

fn json_reply(status: StatusCode, what: &Value) -> Reply {
    reply(status, JSON, what.to_string())
}
