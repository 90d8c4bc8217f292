//! A push of the real node, and the text that Prometheus gets.

#![expect(clippy::unwrap_used, reason = "a test that cannot continue panics")]

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::time::{Duration, Instant};

use collector::{EXPIRES, HELD, Push, Refused, Store};

/// A part of the metrics that a sequencer of 4.1.2 pushed on a local network.
const NODE: &[u8] = include_bytes!("node-4.1.2.json");

#[test]
fn the_real_node_as_prometheus_sees_it() {
    let now = Instant::now();
    let mut store = Store::default();
    for push in Push::read(NODE).unwrap() {
        store.take(push, now);
    }
    insta::assert_snapshot!(store.show(now));
}

fn one(job: &str, value: u32) -> Push {
    let body = serde_json::json!({"resourceMetrics": [{
        "resource": {"attributes": [{"key": "service.name", "value": {"stringValue": job}}]},
        "scopeMetrics": [{"metrics": [{"name": "a.b", "unit": "1",
            "gauge": {"dataPoints": [{"asInt": value.to_string()}]}}]}],
    }]});
    Push::read(body.to_string().as_bytes()).unwrap().remove(0)
}

#[test]
fn the_last_push_of_each_process_counts_for_five_minutes() {
    let start = Instant::now();
    let mut store = Store::default();
    store.take(one("x", 1), start);
    store.take(one("y", 2), start);
    store.take(one("x", 3), start + EXPIRES / 2);
    let text = store.show(start + EXPIRES / 2);
    assert!(text.contains("a_b_ratio{job=\"x\"} 3\n"), "{text}");
    assert!(text.contains("a_b_ratio{job=\"y\"} 2\n"), "{text}");
    assert_eq!(text.matches("# TYPE a_b_ratio gauge").count(), 1, "{text}");
    let text = store.show(start + EXPIRES);
    assert!(!text.contains("a_b_ratio{job=\"y\""), "{text}");
    assert!(
        text.contains("otlp_last_push_age_seconds{job=\"y\"} 300\n"),
        "{text}"
    );
}

/// Prometheus rejects a whole scrape for one line that it does not understand, or that has a label twice.
#[test]
fn metrics_and_labels_without_a_valid_name_are_left_out() {
    let point = r#"{"asInt":2,"attributes":[{"key":"","value":{"stringValue":"v"}},
        {"key":"__name__","value":{"stringValue":"x"}},{"key":"le","value":{"stringValue":"a\u0000\"\\\n"}}]}"#;
    let histogram = point.replace("asInt", "count");
    let body = format!(
        r#"{{"resourceMetrics":[{{"scopeMetrics":[{{"metrics":[
        {{"name":"…","gauge":{{"dataPoints":[{point}]}}}},
        {{"name":"","unit":"s","sum":{{"isMonotonic":true,"dataPoints":[{point}]}}}},
        {{"name":"otlp.last.push.age.seconds","gauge":{{"dataPoints":[{point}]}}}},
        {{"name":"good","gauge":{{"dataPoints":[{point}]}}}},
        {{"name":"long","histogram":{{"dataPoints":[{histogram}]}}}}]}}]}}]}}"#
    );
    let mut store = Store::default();
    let now = Instant::now();
    for push in Push::read(body.as_bytes()).unwrap() {
        store.take(push, now);
    }
    let shown = store.show(now);
    let lines: Vec<_> = shown.lines().filter(|it| !it.starts_with('#')).collect();
    assert_eq!(
        lines,
        [
            r#"otlp_last_push_age_seconds{job=""} 0"#,
            r#"good{job="",le="a \"\\\n"} 2"#,
            r#"long_bucket{job="",le="+Inf"} 2"#,
            r#"long_count{job=""} 2"#,
        ]
    );
}

#[test]
fn the_number_of_processes_is_bounded() {
    let now = Instant::now();
    let mut store = Store::default();
    for number in 0..1000 {
        store.take(one(&format!("job{number}"), 1), now);
    }
    assert_eq!(store.show(now).matches("a_b_ratio{").count(), 256);
}

/// A small push that becomes about so many lines of a kilobyte.
fn large(job: &str, lines: usize) -> String {
    let points = vec![r#"{"asInt":1}"#; lines].join(",");
    let name = "a".repeat(1000);
    format!(
        r#"{{"resourceMetrics":[{{"resource":{{"attributes":[{{"key":"service.name","value":{{"stringValue":"{job}"}}}}]}},
        "scopeMetrics":[{{"metrics":[{{"name":"{name}","gauge":{{"dataPoints":[{points}]}}}}]}}]}}]}}"#
    )
}

#[test]
fn the_store_fits_in_a_small_host() {
    let (now, mut store) = (Instant::now(), Store::default());
    let push = |job: &str, lines| Push::read(large(job, lines).as_bytes()).unwrap().remove(0);
    let taken = (0..200).filter(|at| store.take(push(&format!("job{at}"), 1000), now));
    let taken = taken.count();
    assert!((20..=32).contains(&taken), "{taken}");
    assert!(store.show(now).len() <= HELD);
    // A known process replaces its own push.
    assert!(store.take(push("job0", 1000), now));
    assert!(!store.take(push("another", 1000), now));
    // Expired pushes make room.
    assert!(store.take(push("another", 1000), now + EXPIRES));
    assert!(store.show(now + EXPIRES).len() < HELD / 10);
}

#[test]
fn a_small_push_that_becomes_large_is_refused_while_it_is_read() {
    let push = large("x", 300_000);
    assert!(push.len() < 4 << 20);
    let refused = Push::read(push.as_bytes()).unwrap_err();
    assert!(matches!(refused, Refused::TooLarge), "{refused}");
}

/// A free port. It is unlikely that anything else takes it in the meantime.
fn address() -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    listener.local_addr().unwrap()
}

fn ask(address: SocketAddr, request: &[u8]) -> String {
    let deadline = Instant::now() + Duration::from_secs(10);
    let mut stream = loop {
        match TcpStream::connect(address) {
            Ok(stream) => break stream,
            Err(error) => assert!(Instant::now() < deadline, "{error}"),
        }
        std::thread::sleep(Duration::from_millis(10));
    };
    stream.write_all(request).unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    answer
}

#[test]
fn pushes_come_in_as_the_node_sends_them_and_go_out_as_text() {
    let address = address();
    std::thread::spawn(move || collector::serve(address));
    // Node.js sends a push in chunks and without a length.
    let head = "POST /v1/metrics HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\n\
                transfer-encoding: chunked\r\nconnection: close\r\n\r\n";
    let mut push = head.as_bytes().to_vec();
    for part in NODE.chunks(1000) {
        push.extend(format!("{:x}\r\n", part.len()).into_bytes());
        push.extend(part);
        push.extend(b"\r\n");
    }
    push.extend(b"0\r\n\r\n");
    let answer = ask(address, &push);
    assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
    let get = |path: &str| format!("GET {path} HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n");
    let answer = ask(address, get("/metrics").as_bytes());
    assert!(
        answer.contains("aztec_peer_manager_peer_count_peers{"),
        "{answer}"
    );
    let answer = ask(address, get("/other").as_bytes());
    assert!(answer.starts_with("HTTP/1.1 404"), "{answer}");
    let post = |kind: &str, body: &str| {
        format!(
            "POST /v1/metrics HTTP/1.1\r\nhost: x\r\ncontent-type: {kind}\r\ncontent-length: {}\r\nconnection: close\r\n\r\n{body}",
            body.len()
        )
    };
    let answer = ask(address, post("application/json", "[1]").as_bytes());
    assert!(answer.starts_with("HTTP/1.1 400"), "{answer}");
    let answer = ask(address, post("application/x-protobuf", "x").as_bytes());
    assert!(answer.starts_with("HTTP/1.1 415"), "{answer}");
}

fn posted(body: &str) -> String {
    format!(
        "POST /v1/metrics HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\ncontent-length: {}\r\n\
         connection: close\r\n\r\n{body}",
        body.len()
    )
}

/// An OTLP client sends a push again after a 503, and not after a 413.
#[test]
fn a_push_without_room_is_to_be_retried() {
    let address = address();
    std::thread::spawn(move || collector::serve(address));
    let answer = ask(address, posted(&large("x", 100_000)).as_bytes());
    assert!(answer.starts_with("HTTP/1.1 413"), "{answer}");
    let answers = (0..40).map(|at| ask(address, posted(&large(&format!("{at}"), 1000)).as_bytes()));
    let refused: Vec<_> = answers
        .filter(|answer| !answer.starts_with("HTTP/1.1 200"))
        .collect();
    assert!((1..40).contains(&refused.len()), "{}", refused.len());
    for answer in refused {
        assert!(answer.starts_with("HTTP/1.1 503"), "{answer}");
        assert!(answer.contains("retry-after: "), "{answer}");
    }
    // A known process is still accepted.
    let answer = ask(address, posted(&large("0", 1000)).as_bytes());
    assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
}

#[test]
fn only_so_many_bodies_are_received_at_once() {
    let address = address();
    std::thread::spawn(move || collector::serve(address));
    let ok = ask(address, posted(&large("x", 1)).as_bytes());
    assert!(ok.starts_with("HTTP/1.1 200"), "{ok}");
    // The server says `100` when it begins to read.
    let head = "POST /v1/metrics HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\n\
                content-length: 8\r\nexpect: 100-continue\r\n\r\n";
    let begun = || {
        let mut stream = TcpStream::connect(address).unwrap();
        stream.write_all(head.as_bytes()).unwrap();
        let mut head = [0; 12];
        stream.read_exact(&mut head).unwrap();
        (stream, String::from_utf8_lossy(&head).into_owned())
    };
    let mut open: Vec<_> = std::iter::repeat_with(begun)
        .take_while(|(_, head)| head == "HTTP/1.1 100")
        .take(60)
        .collect();
    assert_eq!(open.len(), 16);
    let (mut first, _) = open.remove(0);
    first.write_all(b"{\"a\": 1}").unwrap();
    let mut output = String::new();
    while !output.contains("200 OK") {
        let mut byte = [0];
        first.read_exact(&mut byte).unwrap();
        output.push(char::from(byte[0]));
    }
    let ok = ask(address, posted(&large("x", 1)).as_bytes());
    assert!(ok.starts_with("HTTP/1.1 200"), "{ok}");
}
