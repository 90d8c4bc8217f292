//! The proxy of the environment is not used. This is the only test of its process, because the environment is that of the
//! process.

#![expect(clippy::unwrap_used, reason = "a failure here is a failed test")]

mod server;

use std::process::Command;

use l1::observe::{BUDGET, Questions, Target, Targets, observe};
use server::{Reply, execution, serve};

/// The name of the variable that makes this process the one with a proxy.
const URL: &str = "L1_TEST_URL";

/// The unit of the node has no proxy, so the endpoint is asked without one. The address is not one of those for which a proxy
/// is never used, and leads to this host.
#[test]
fn the_proxy_of_the_environment_is_not_asked() {
    if let Ok(url) = std::env::var(URL) {
        let targets = Targets {
            execution: vec![Target::new(url.parse().unwrap())],
            ..Targets::default()
        };
        let observed = observe(&targets, &Questions::Light, BUDGET).unwrap();
        observed.execution[0].head.as_ref().unwrap();
        return;
    }
    let (url, _) = serve(|request, _| execution(request, 0));
    let (proxy, log) = serve(|_, _| Reply::Close);
    let port = url.rsplit(':').next().unwrap();
    let ran = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "the_proxy_of_the_environment_is_not_asked"])
        .env(URL, format!("http://0.0.0.0:{port}"))
        .env("http_proxy", &proxy)
        .env("HTTP_PROXY", &proxy)
        .status()
        .unwrap();
    assert!(ran.success() && log.lock().unwrap().is_empty());
}
