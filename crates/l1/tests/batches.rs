//! Many calls of one contract go into few requests.

mod stub;

use std::sync::atomic::Ordering;
use std::time::Duration;

use keys::G1Point;
use l1::{Address, Reader, U256};

const LIMIT: Duration = Duration::from_secs(10);

#[test]
fn many_calls_are_a_few_requests_even_if_a_quota_is_used_up() {
    let points: Vec<_> = (0..250)
        .map(|x| G1Point {
            x: U256::from(x),
            y: U256::ONE,
        })
        .collect();
    for (answers, most) in [
        ((|_| true) as fn(u32) -> bool, 3),
        (|number| number != 1, 5),
    ] {
        let (url, requests) = stub::chain(answers);
        let reader = Reader::connect(&url, LIMIT).unwrap();
        let digests = reader.registration_digests(Address::ZERO, &points).unwrap();
        assert_eq!(digests.len(), points.len());
        let requests = requests.load(Ordering::Relaxed);
        assert!(requests <= most, "{requests} requests");
    }
}
