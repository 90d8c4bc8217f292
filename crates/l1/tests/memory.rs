//! A long answer costs little memory. This is the only test of its process, because it measures the process.

#![expect(clippy::unwrap_used, reason = "a failure here is a failed test")]

mod server;

use l1::observe::{BUDGET, BlobsApi, Deep, Questions, Target, Targets, observe};
use server::{Reply, serve};

/// The most memory that this process had, in KiB.
fn peak() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find(|line| line.starts_with("VmHWM"));
    let words = line.unwrap().split_whitespace();
    words.rev().nth(1).unwrap().parse().unwrap()
}

#[test]
fn an_answer_of_300_mib_costs_at_most_32_mb() {
    let (url, _) = serve(|_, _| Reply::Long(300 << 20));
    let target = || vec![Target::new(url.parse().unwrap())];
    let targets = Targets {
        execution: target(),
        consensus: target(),
        traces: target(),
    };
    let before = peak();
    let questions = Questions::Deep(Deep {
        chain_id: 1,
        rollup: None,
        blobs: BlobsApi::Blobs,
    });
    let observed = observe(&targets, &questions, BUDGET).unwrap();
    for error in [
        observed.execution[0].chain_id.as_ref().unwrap_err(),
        observed.execution[0].head.as_ref().unwrap_err(),
        observed.consensus[0].chain_id.as_ref().unwrap_err(),
    ] {
        assert!(error.to_string().contains("longer than"), "{error}");
    }
    let cost = peak() - before;
    println!("{cost} KiB");
    assert!(cost < 32_000, "{cost} KiB");
}
