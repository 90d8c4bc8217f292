//! The server between a reader of blobs and an L1. Both are plain sockets in these tests.

#![expect(clippy::unwrap_used, reason = "a test that cannot continue panics")]

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::time::{Duration, Instant};

use serde_json::{Value, json};

const PARENT: &str = "0x0e1b6a0fd87c973e4235219eaeb3fa1892683ba08f74712a23b953358dfe47ec";

/// An L1 that knows one block.
fn l1() -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let mut stream = stream.unwrap();
            let call = body(&mut stream);
            let result = match call["method"].as_str().unwrap() {
                "eth_getBlockByNumber" => json!({
                    "number": "0x10", "hash": PARENT, "parentHash": PARENT, "parentBeaconBlockRoot": "0x00",
                }),
                "anvil_getBlobSidecarsByBlockId" if call["params"][0] == "0x10" => {
                    json!({"blobs": ["0x1"], "commitments": ["0x2"], "proofs": ["0x3"]})
                }
                "eth_chainId" => json!("0x7a69"),
                _ => Value::Null,
            };
            let answer = json!({"jsonrpc": "2.0", "id": call["id"], "result": result}).to_string();
            let length = answer.len();
            write!(
                stream,
                "HTTP/1.1 200 OK\r\nContent-Length: {length}\r\n\r\n{answer}"
            )
            .unwrap();
        }
    });
    address
}

/// The JSON of a request, whose head contains its length.
fn body(stream: &mut TcpStream) -> Value {
    let mut text = Vec::new();
    let mut byte = [0];
    while !text.ends_with(b"\r\n\r\n") {
        stream.read_exact(&mut byte).unwrap();
        text.push(byte[0]);
    }
    let head = String::from_utf8(text).unwrap().to_lowercase();
    let (_, length) = head.split_once("content-length: ").unwrap();
    let length = length.split("\r\n").next().unwrap().parse().unwrap();
    let mut body = vec![0; length];
    stream.read_exact(&mut body).unwrap();
    serde_json::from_slice(&body).unwrap()
}

/// A free port. It is unlikely that anything else takes it in the meantime.
fn free() -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    listener.local_addr().unwrap()
}

fn served(l1: SocketAddr) -> SocketAddr {
    let address = free();
    std::thread::spawn(move || beacon::serve(address, l1));
    address
}

/// The status and the JSON of an answer.
fn ask(address: SocketAddr, method: &str, path: &str, body: &str) -> (u16, Value) {
    let deadline = Instant::now() + Duration::from_secs(10);
    let mut stream = loop {
        match TcpStream::connect(address) {
            Ok(stream) => break stream,
            Err(error) => assert!(Instant::now() < deadline, "{error}"),
        }
        std::thread::sleep(Duration::from_millis(10));
    };
    let length = body.len();
    write!(
        stream,
        "{method} {path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Length: {length}\r\n\r\n{body}"
    )
    .unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    let (head, body) = answer.split_once("\r\n\r\n").unwrap();
    let status = head.split(' ').nth(1).unwrap().parse().unwrap();
    (status, serde_json::from_str(body).unwrap())
}

#[test]
fn calls_are_passed_on_and_blocks_get_a_root() {
    let beacon = served(l1());
    let call = |method: &str| {
        let call = json!({"jsonrpc": "2.0", "id": 7, "method": method, "params": []});
        ask(beacon, "POST", "/", &call.to_string())
    };
    let (status, answer) = call("eth_chainId");
    assert_eq!(
        (status, answer),
        (200, json!({"jsonrpc": "2.0", "id": 7, "result": "0x7a69"}))
    );
    let (_, answer) = call("eth_getBlockByNumber");
    assert_eq!(answer["result"]["parentBeaconBlockRoot"], PARENT);
}

#[test]
fn the_beacon_api_is_answered_from_the_l1() {
    let beacon = served(l1());
    let get = |path: &str| ask(beacon, "GET", path, "");
    let (status, answer) = get("/eth/v1/beacon/headers");
    assert_eq!((status, &answer["data"][0]["root"]), (200, &PARENT.into()));
    let (status, answer) = get("/eth/v1/beacon/blob_sidecars/16");
    assert_eq!((status, &answer["data"][0]["blob"]), (200, &"0x1".into()));
    for absent in [
        "/eth/v1/beacon/blob_sidecars/17",
        "/eth/v1/node/version",
        "/",
    ] {
        let (status, answer) = get(absent);
        assert_eq!((status, &answer["code"]), (404, &404.into()), "{absent}");
    }
    assert_eq!(ask(beacon, "PUT", "/", "").0, 405);
}

#[test]
fn an_unreachable_l1_is_an_error_of_the_gateway() {
    let beacon = served(free());
    let (status, answer) = ask(beacon, "GET", "/eth/v1/beacon/headers/head", "");
    let message = answer["message"].as_str().unwrap();
    assert!(
        status == 502 && message.starts_with("the L1: "),
        "{message}"
    );
    let (status, _) = ask(beacon, "POST", "/", "{}");
    assert_eq!(status, 502);
}
