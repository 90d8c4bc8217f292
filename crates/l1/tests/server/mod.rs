//! A small server that answers as a test says, well or badly.

#![allow(dead_code, reason = "each test uses a part of it")]

use std::io::{BufRead, BufReader, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::thread;

use serde_json::{Value, json};

/// A request.
#[derive(Debug, Clone, Default)]
pub struct Request {
    /// Method and path.
    pub line: String,
    /// The headers, in lower case.
    pub headers: String,
    pub body: Value,
}

impl Request {
    /// The method of the JSON-RPC call.
    pub fn call(&self) -> &str {
        self.body["method"].as_str().unwrap_or_default()
    }

    /// Its path and query.
    pub fn path(&self) -> &str {
        self.line.split(' ').nth(1).unwrap_or_default()
    }
}

/// An answer.
pub enum Reply {
    /// Status line without the version, other headers (each with its line end), and body.
    Http(&'static str, String, Vec<u8>),
    /// A body of this many bytes, in pieces: a list of numbers, which takes much memory if it is read as JSON.
    Long(usize),
    /// No answer. The connection stays open.
    Silence,
    /// The connection is closed.
    Close,
}

/// A result of JSON-RPC.
pub fn result(result: Value) -> Reply {
    json_reply(&json!({"jsonrpc": "2.0", "id": 1, "result": result}))
}

/// An error of JSON-RPC.
pub fn error(code: i64, message: &str) -> Reply {
    json_reply(&json!({"jsonrpc": "2.0", "id": 1, "error": {"code": code, "message": message}}))
}

/// A JSON document.
pub fn json_reply(body: &Value) -> Reply {
    Reply::Http("200 OK", String::new(), body.to_string().into_bytes())
}

/// A status without a body.
pub fn status(line: &'static str) -> Reply {
    Reply::Http(line, String::new(), Vec::new())
}

/// All requests that a server got.
pub type Log = Arc<Mutex<Vec<Request>>>;

/// Starts a server. `answer` gets the requests and their numbers, from 0. Returns its URL, without a path.
pub fn serve(answer: impl Fn(&Request, usize) -> Reply + Send + Sync + 'static) -> (String, Log) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let log = Log::default();
    let (answer, requests) = (Arc::new(answer), Arc::clone(&log));
    thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            let (answer, requests) = (Arc::clone(&answer), Arc::clone(&requests));
            thread::spawn(move || connection(&stream, &*answer, &requests));
        }
    });
    (url, log)
}

fn connection(
    mut stream: &TcpStream,
    answer: &dyn Fn(&Request, usize) -> Reply,
    log: &Mutex<Vec<Request>>,
) -> Option<()> {
    let mut reader = BufReader::new(stream);
    loop {
        let Some(request) = read(&mut reader) else {
            let _ = stream.write_all(b"HTTP/1.1 400 Bad Request\r\n\r\n");
            return None;
        };
        let number = {
            let mut log = log.lock().unwrap();
            log.push(request.clone());
            log.len() - 1
        };
        match answer(&request, number) {
            Reply::Http(status, headers, body) => {
                let length = body.len();
                let head =
                    format!("HTTP/1.1 {status}\r\n{headers}content-length: {length}\r\n\r\n");
                stream.write_all(head.as_bytes()).ok()?;
                stream.write_all(&body).ok()?;
            }
            Reply::Long(length) => {
                let head = format!("HTTP/1.1 200 OK\r\ncontent-length: {length}\r\n\r\n[");
                stream.write_all(head.as_bytes()).ok()?;
                let piece = b"1,".repeat(32 << 10);
                for at in (1..length).step_by(piece.len()) {
                    let rest = piece.len().min(length - at);
                    stream.write_all(&piece[..rest]).ok()?;
                }
            }
            Reply::Silence => thread::sleep(std::time::Duration::from_secs(60)),
            Reply::Close => return None,
        }
    }
}

fn read(reader: &mut impl BufRead) -> Option<Request> {
    let mut request = Request::default();
    let mut length = 0;
    loop {
        let mut line = String::new();
        if reader.read_line(&mut line).ok()? == 0 {
            return None;
        }
        if request.line.is_empty() {
            line.trim().clone_into(&mut request.line);
            continue;
        }
        let line = line.to_ascii_lowercase();
        if let Some(value) = line.strip_prefix("content-length:") {
            length = value.trim().parse().ok()?;
        }
        if line.trim().is_empty() {
            break;
        }
        request.headers.push_str(&line);
    }
    let mut body = vec![0; length];
    reader.read_exact(&mut body).ok()?;
    request.body = serde_json::from_slice(&body).unwrap_or_default();
    Some(request)
}

/// The answers of a good execution endpoint of Sepolia whose head is this old.
pub fn execution(request: &Request, age: u64) -> Reply {
    match request.call() {
        "eth_chainId" => result(json!("0xaa36a7")),
        "eth_getBlockByNumber" => result(block(5000, now() - age)),
        _ => error(-32601, "the method does not exist"),
    }
}

/// A block of Cancun.
pub fn block(number: u64, timestamp: u64) -> Value {
    json!({
        "number": format!("{number:#x}"), "timestamp": format!("{timestamp:#x}"), "transactions": [],
        "baseFeePerGas": "0x3b9aca00", "blobGasUsed": "0x40000",
        "parentBeaconBlockRoot": format!("0x{:064x}", 7),
    })
}

/// The answers of a good consensus endpoint of Sepolia.
pub fn consensus(request: &Request) -> Reply {
    match request.path().split('?').next().unwrap_or_default() {
        "/eth/v1/config/deposit_contract" => {
            json_reply(&json!({"data": {"chain_id": "11155111", "address": "0x00"}}))
        }
        "/eth/v1/node/syncing" => json_reply(&json!({"data": {
            "head_slot": "100", "sync_distance": "0", "is_syncing": false,
            "is_optimistic": false, "el_offline": false,
        }})),
        _ => status("404 Not Found"),
    }
}

/// The clock, in seconds since 1970.
pub fn now() -> u64 {
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
    now.unwrap().as_secs()
}

/// Starts a server with TLS and a certificate that nobody trusts. Returns its URL without TLS.
pub fn tls() -> String {
    use rustls::pki_types::pem::PemObject;
    use rustls::pki_types::{CertificateDer, PrivateKeyDer};

    let certificate = CertificateDer::from_pem_slice(include_bytes!("../data/self-signed.crt"));
    let key = PrivateKeyDer::from_pem_slice(include_bytes!("../data/self-signed.key"));
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = rustls::ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(vec![certificate.unwrap()], key.unwrap());
    let config = Arc::new(config.unwrap());
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    thread::spawn(move || {
        for mut stream in listener.incoming().flatten() {
            let mut tls = rustls::ServerConnection::new(Arc::clone(&config)).unwrap();
            while tls.is_handshaking() && tls.complete_io(&mut stream).is_ok() {}
        }
    });
    url
}
