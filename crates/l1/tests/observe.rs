//! What an observation says about endpoints that work and endpoints that do not.

#![expect(clippy::unwrap_used, reason = "a failure here is a failed test")]

mod server;

use std::time::{Duration, Instant};

use l1::Cause;
use l1::observe::{BUDGET, Observed, Questions, Target, Targets, observe};
use server::{Reply, consensus, execution, result, serve, status};

fn targets(execution: &[&str], consensus: &[&str]) -> Targets {
    let target = |url: &&str| Target::new(url.parse().unwrap());
    Targets {
        execution: execution.iter().map(target).collect(),
        consensus: consensus.iter().map(target).collect(),
        traces: Vec::new(),
    }
}

fn light(execution: &[&str], consensus: &[&str]) -> Observed {
    observe(&targets(execution, consensus), &Questions::Light, BUDGET).unwrap()
}

#[test]
fn light_questions_cost_two_calls() {
    let (url, log) = serve(|request, _| execution(request, 20));
    let (beacon, calls) = serve(|request, _| consensus(request));
    let observed = light(&[&url], &[&beacon]);
    let [execution] = &observed.execution[..] else {
        panic!("one endpoint");
    };
    assert_eq!(execution.endpoint, url);
    assert_eq!(*execution.chain_id.as_ref().unwrap(), 11_155_111);
    assert!(execution.latency.is_some());
    let head = execution.head.as_ref().unwrap();
    assert_eq!((head.block.number, head.block.blobs), (5000, Some(2)));
    assert!((20..25).contains(&head.age), "{}", head.age);
    let sync = observed.consensus[0].sync.as_ref().unwrap().sync;
    assert_eq!((sync.head_slot, sync.syncing), (100, Some(false)));
    assert_eq!(
        (sync.optimistic, sync.execution_offline),
        (Some(false), Some(false))
    );
    assert_eq!(
        (log.lock().unwrap().len(), calls.lock().unwrap().len()),
        (2, 2)
    );
}

/// Eight of ten endpoints accept and never answer. The ages of the others are those of the moment of their answers.
#[test]
fn silent_endpoints_cost_no_more_than_the_budget() {
    let (good, _) = serve(|request, _| execution(request, 290));
    let (silent, _) = serve(|_, _| Reply::Silence);
    let mut urls = vec![silent.as_str(); 8];
    urls.extend([good.as_str(); 2]);
    let start = Instant::now();
    let observed = light(&urls, &[&silent]);
    let taken = start.elapsed();
    assert!(taken < Duration::from_secs(20), "{taken:?}");
    for endpoint in &observed.execution[..8] {
        let error = endpoint.chain_id.as_ref().unwrap_err();
        assert!(
            error.to_string().contains("no answer within 10 s"),
            "{error}"
        );
        assert_eq!(error.cause(), Some(Cause::NoAnswer));
    }
    for endpoint in &observed.execution[8..] {
        let age = endpoint.head.as_ref().unwrap().age;
        assert!((290..295).contains(&age), "{age}");
    }
    assert!(observed.consensus[0].sync.is_err());
}

#[test]
fn one_bad_gateway_is_no_failure() {
    let (url, log) = serve(|request, number| match number {
        0 => status("502 Bad Gateway"),
        1 => status("429 Too Many Requests"),
        _ => execution(request, 0),
    });
    let observed = light(&[&url], &[]);
    assert!(observed.execution[0].chain_id.is_ok() && observed.execution[0].head.is_ok());
    assert_eq!(log.lock().unwrap().len(), 4);
}

/// One question without an answer does not hide another.
#[test]
fn each_fact_has_its_own_error() {
    let (url, _) = serve(|request, _| match request.call() {
        "eth_chainId" => result(serde_json::Value::Null),
        _ => execution(request, 0),
    });
    let observed = light(&[&url], &[]);
    let error = observed.execution[0].chain_id.as_ref().unwrap_err();
    assert!(error.to_string().ends_with("the result is null"), "{error}");
    assert!(observed.execution[0].head.is_ok());
}

/// A key is sent as the node sends it: in its header, or as the parameter `key`. It is never shown.
#[test]
fn a_consensus_endpoint_gets_its_key() {
    const KEY: &str = "a+b=%26cdef";
    for header in [None, Some("X-Api-Key")] {
        let (url, log) = serve(|_, _| status("404 Not Found"));
        let target = Target::new(format!("{url}/PATH/").parse().unwrap()).with_key(KEY, header);
        assert!(!format!("{target:?}").contains("a+b"));
        let targets = Targets {
            consensus: vec![target],
            ..Targets::default()
        };
        let observed = observe(&targets, &Questions::Light, BUDGET).unwrap();
        let error = observed.consensus[0].chain_id.as_ref().unwrap_err();
        assert!(!error.to_string().contains("PATH"), "{error}");
        for request in log.lock().unwrap().iter() {
            let in_query = request.path().ends_with(&format!("?key={KEY}"));
            let in_header = request.headers.contains(&format!("x-api-key: {KEY}\r\n"));
            assert_eq!((in_query, in_header), (header.is_none(), header.is_some()));
            assert!(request.path().starts_with("/PATH/eth/v1/"));
        }
    }
}
