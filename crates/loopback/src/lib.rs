//! The HTTP server that the small services of aztec-kit share. It has one thread, for the few requests that the
//! processes of one host send to each other.

use std::convert::Infallible;
use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use http_body_util::{BodyExt, Full, Limited};
use hyper::body::{Body, Bytes, Incoming};
use hyper::header::{CONTENT_TYPE, HeaderValue};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Response, StatusCode};
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// A request. [`read`] reads its body.
pub type Request = hyper::Request<Incoming>;
/// An answer.
pub type Reply = Response<Full<Bytes>>;

/// A service. It has one type for all services, so the HTTP server is compiled once, here.
type Service = dyn Fn(Request) -> Pin<Box<dyn Future<Output = Reply>>>;

/// The most connections at once, enough for every process of a host to keep its connections open. Others wait until one
/// ends.
const CONNECTIONS: usize = 64;
/// The failures to accept a connection in a row, with a pause after each, after which the service ends: a minute.
const FAILURES: u32 = 600;
const PAUSE: Duration = Duration::from_millis(100);
/// The time limit for a body, and for the head of a request.
pub const PATIENCE: Duration = Duration::from_secs(30);

/// Listens on an address, which should be one of this host's own, and answers until the process ends.
///
/// # Errors
///
/// If the address is taken, or the system is out of resources for longer than a minute.
pub fn serve<A: AsyncFn(Request) -> Reply + 'static>(
    listen: SocketAddr,
    answer: A,
) -> io::Result<()> {
    let answer = Rc::new(answer);
    let service = move |request| -> Pin<Box<dyn Future<Output = Reply>>> {
        let answer = Rc::clone(&answer);
        Box::pin(async move { answer(request).await })
    };
    run(listen, Rc::new(service))
}

fn run(listen: SocketAddr, service: Rc<Service>) -> io::Result<()> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    tokio::task::LocalSet::new().block_on(&runtime, async {
        let listener = TcpListener::bind(listen).await?;
        accept(listener, service).await
    })
}

async fn accept(listener: TcpListener, service: Rc<Service>) -> io::Result<()> {
    let places = Arc::new(Semaphore::new(CONNECTIONS));
    // A closed semaphore would end the loop, but nothing closes it.
    while let Ok(place) = Arc::clone(&places).acquire_owned().await {
        let stream = accepted(&listener).await?;
        tokio::task::spawn_local(converse(stream, Rc::clone(&service), place));
    }
    Ok(())
}

/// The next connection. A temporary failure does not end the service, such as a peer that has closed the connection
/// already, or a moment without descriptors or memory: accept(2), ERRORS.
async fn accepted(listener: &TcpListener) -> io::Result<TcpStream> {
    let mut failures = 0;
    loop {
        match listener.accept().await {
            Ok((stream, _)) => return Ok(stream),
            Err(error) if failures == FAILURES => return Err(error),
            Err(_) => {
                failures += 1;
                tokio::time::sleep(PAUSE).await;
            }
        }
    }
}

async fn converse(stream: TcpStream, service: Rc<Service>, place: OwnedSemaphorePermit) {
    let service = service_fn(|request| {
        let answer = service(request);
        async move { Ok::<_, Infallible>(answer.await) }
    });
    let connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(PATIENCE)
        .serve_connection(TokioIo::new(stream), service);
    // An error of a connection concerns only its peer.
    let _ = connection.await;
    drop(place);
}

/// The whole body of a message; `None` if it has more than `limit` bytes, breaks off, or takes longer than
/// [`PATIENCE`].
pub async fn read<B: Body>(body: B, limit: usize) -> Option<Bytes>
where
    B::Error: Into<Box<dyn std::error::Error + Send + Sync>>,
{
    let body = Limited::new(body, limit).collect();
    let body = tokio::time::timeout(PATIENCE, body).await.ok()?.ok()?;
    Some(body.to_bytes())
}

/// An answer with a body of this content type.
pub fn reply(status: StatusCode, kind: &'static str, body: impl Into<Bytes>) -> Reply {
    let mut response = Response::new(Full::new(body.into()));
    *response.status_mut() = status;
    let kind = HeaderValue::from_static(kind);
    response.headers_mut().insert(CONTENT_TYPE, kind);
    response
}
