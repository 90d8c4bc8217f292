//! The server. It gets a few requests a minute.

use std::cell::{Cell, RefCell};
use std::io;
use std::net::SocketAddr;
use std::rc::Rc;
use std::time::Instant;

use hyper::header::{CONTENT_TYPE, HeaderValue, RETRY_AFTER};
use hyper::{Method, StatusCode};
use loopback::{Reply, Request, reply};

use crate::{Push, Refused, Store};

/// The most bytes of a body. A busy node was seen to push 135 kB.
const BODY: usize = 4 << 20;
/// The most bodies that are received at once. Each takes memory while it is received.
const BODIES: usize = 16;
/// The seconds after which a client retries a push. The next push comes within a minute anyway.
const AGAIN: HeaderValue = HeaderValue::from_static("5");
/// The text format of Prometheus.
const TEXT: &str = "text/plain; version=0.0.4; charset=utf-8";
const JSON: &str = "application/json";

/// Listens on an address, which should be one of this host's own, until the process ends.
///
/// # Errors
///
/// If the address is taken, or the system is out of resources.
pub fn serve(listen: SocketAddr) -> io::Result<()> {
    let state = Rc::new(State::default());
    loopback::serve(listen, async move |request| answer(request, &state).await)
}

/// The state that the requests share.
#[derive(Default)]
struct State {
    store: RefCell<Store>,
    /// The number of bodies that are being received.
    bodies: Cell<usize>,
}

/// One of the places for bodies that are being received.
struct Place<'a>(&'a Cell<usize>);

impl<'a> Place<'a> {
    /// Takes a free place, if there is one.
    fn of(bodies: &'a Cell<usize>) -> Option<Self> {
        let free = bodies.get() < BODIES;
        free.then(|| {
            bodies.set(bodies.get() + 1);
            Self(bodies)
        })
    }
}

impl Drop for Place<'_> {
    fn drop(&mut self) {
        self.0.set(self.0.get() - 1);
    }
}

async fn answer(request: Request, state: &State) -> Reply {
    match (request.method(), request.uri().path()) {
        (&Method::POST, "/v1/metrics") => take(request, state).await,
        (&Method::GET, "/metrics") => {
            let text = state.store.borrow().show(Instant::now());
            reply(StatusCode::OK, TEXT, text)
        }
        (_, "/v1/metrics" | "/metrics") => {
            reply(StatusCode::METHOD_NOT_ALLOWED, TEXT, "wrong method\n")
        }
        _ => {
            let message = "POST /v1/metrics or GET /metrics\n";
            reply(StatusCode::NOT_FOUND, TEXT, message)
        }
    }
}

/// The client tries again: OTLP 1.x, "OTLP/HTTP Throttling".
fn busy(message: &'static str) -> Reply {
    let mut reply = reply(StatusCode::SERVICE_UNAVAILABLE, TEXT, message);
    reply.headers_mut().insert(RETRY_AFTER, AGAIN);
    reply
}

async fn take(request: Request, state: &State) -> Reply {
    let kind = request.headers().get(CONTENT_TYPE);
    let kind = kind.and_then(|kind| kind.to_str().ok()).unwrap_or_default();
    if !kind.starts_with(JSON) {
        let message = "only OTLP in JSON (application/json) is supported\n";
        return reply(StatusCode::UNSUPPORTED_MEDIA_TYPE, TEXT, message);
    }
    let Some(_place) = Place::of(&state.bodies) else {
        return busy("too many pushes at once\n");
    };
    let Some(body) = loopback::read(request.into_body(), BODY).await else {
        let message = "the body is too large, too slow or broken\n";
        return reply(StatusCode::PAYLOAD_TOO_LARGE, TEXT, message);
    };
    let pushes = match Push::read(&body) {
        Ok(pushes) => pushes,
        Err(refused) => {
            let status = match refused {
                Refused::Unread(_) => StatusCode::BAD_REQUEST,
                Refused::TooLarge => StatusCode::PAYLOAD_TOO_LARGE,
            };
            return reply(status, TEXT, format!("{refused}\n"));
        }
    };
    let (now, mut store) = (Instant::now(), state.store.borrow_mut());
    let mut all = true;
    for push in pushes {
        all &= store.take(push, now);
    }
    match all {
        true => reply(StatusCode::OK, JSON, "{}"),
        false => busy("there is no room for another push\n"),
    }
}
