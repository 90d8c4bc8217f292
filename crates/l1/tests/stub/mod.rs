//! An L1 that answers the calls of a registration. The tests of this crate, those of the command line, and the benchmark of
//! keys share it.

use std::io::{BufRead, BufReader, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::thread;

use serde_json::{Value, json};

/// Starts one. Each of its contracts answers 1, and to a call with arguments (1, 2), the generator of BN254. If `answers` is
/// false for the number of a request, the answer is "too many requests". Returns its URL and the count of requests.
pub fn chain(answers: fn(u32) -> bool) -> (String, Arc<AtomicU32>) {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let address = listener.local_addr().expect("it has an address");
    let requests = Arc::new(AtomicU32::new(0));
    let count = Arc::clone(&requests);
    thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            let count = Arc::clone(&count);
            thread::spawn(move || serve(&stream, &count, answers));
        }
    });
    (format!("http://{address}"), requests)
}

/// Answers until the client closes the connection, or sends something that is not a request.
fn serve(mut stream: &TcpStream, count: &AtomicU32, answers: fn(u32) -> bool) -> Option<()> {
    let mut reader = BufReader::new(stream);
    loop {
        let body = request(&mut reader)?;
        let call = serde_json::from_slice(&body).ok()?;
        let (status, body) = if answers(count.fetch_add(1, Ordering::Relaxed)) {
            ("200 OK", answer(&call))
        } else {
            ("429 Too Many Requests", json!("slow down"))
        };
        let body = body.to_string();
        let head = format!(
            "content-type: application/json\r\ncontent-length: {}",
            body.len()
        );
        let answer = format!("HTTP/1.1 {status}\r\n{head}\r\n\r\n{body}");
        stream.write_all(answer.as_bytes()).ok()?;
    }
}

/// The body of a request.
fn request(reader: &mut impl BufRead) -> Option<Vec<u8>> {
    let mut length = 0;
    loop {
        let mut line = String::new();
        if reader.read_line(&mut line).ok()? == 0 {
            return None;
        }
        let line = line.trim().to_ascii_lowercase();
        if let Some(value) = line.strip_prefix("content-length:") {
            length = value.trim().parse().ok()?;
        }
        if line.is_empty() {
            break;
        }
    }
    let mut body = vec![0; length];
    reader.read_exact(&mut body).ok()?;
    Some(body)
}

fn answer(call: &Value) -> Value {
    if let Value::Array(calls) = call {
        // The answers are in another order than the calls.
        return calls.iter().rev().map(answer).collect();
    }
    let word = |number: u32| format!("{number:064x}");
    let data = call["params"][0]["data"].as_str().unwrap_or_default();
    let result = match (call["method"].as_str(), data.len()) {
        (Some("eth_chainId"), _) => "0x7a69".to_owned(),
        // The data is only a selector.
        (_, 10) => format!("0x{}", word(1)),
        _ => format!("0x{}{}", word(1), word(2)),
    };
    json!({"jsonrpc": "2.0", "id": call["id"], "result": result})
}
