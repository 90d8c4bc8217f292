//! The server: a few requests a minute.

use std::cell::RefCell;
use std::io;
use std::net::SocketAddr;
use std::rc::Rc;
use std::time::Instant;

use hyper::header::CONTENT_TYPE;
use hyper::{Method, StatusCode};
use loopback::{Reply, Request, reply};

use crate::{Push, Store};

/// A busy node was seen to push 135 kB.
const BODY: usize = 16 << 20;
/// The text format of Prometheus.
const TEXT: &str = "text/plain; version=0.0.4; charset=utf-8";
const JSON: &str = "application/json";

/// Listens on an address, which should be one of this host's own, until the process ends.
///
/// # Errors
///
/// If the address is taken, or the system is out of resources.
pub fn serve(listen: SocketAddr) -> io::Result<()> {
    let store = Rc::new(RefCell::new(Store::default()));
    loopback::serve(listen, async move |request| answer(request, &store).await)
}

async fn answer(request: Request, store: &RefCell<Store>) -> Reply {
    match (request.method(), request.uri().path()) {
        (&Method::POST, "/v1/metrics") => take(request, store).await,
        (&Method::GET, "/metrics") => {
            let text = store.borrow().show(Instant::now());
            reply(StatusCode::OK, TEXT, text)
        }
        (_, "/v1/metrics" | "/metrics") => {
            reply(StatusCode::METHOD_NOT_ALLOWED, TEXT, "wrong method\n")
        }
        _ => {
            let said = "POST /v1/metrics or GET /metrics\n";
            reply(StatusCode::NOT_FOUND, TEXT, said)
        }
    }
}

async fn take(request: Request, store: &RefCell<Store>) -> Reply {
    let kind = request.headers().get(CONTENT_TYPE);
    let kind = kind.and_then(|kind| kind.to_str().ok()).unwrap_or_default();
    if !kind.starts_with(JSON) {
        let said = "only OTLP in JSON (application/json) is understood\n";
        return reply(StatusCode::UNSUPPORTED_MEDIA_TYPE, TEXT, said);
    }
    let Some(body) = loopback::read(request.into_body(), BODY).await else {
        let said = "the body is too large, too slow or broken\n";
        return reply(StatusCode::PAYLOAD_TOO_LARGE, TEXT, said);
    };
    match Push::read(&body) {
        Ok(pushes) => {
            let now = Instant::now();
            for push in pushes {
                store.borrow_mut().take(push, now);
            }
            reply(StatusCode::OK, JSON, "{}")
        }
        Err(error) => reply(StatusCode::BAD_REQUEST, TEXT, format!("{error}\n")),
    }
}
