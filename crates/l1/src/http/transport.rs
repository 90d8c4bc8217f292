//! The reasons why a request has no answer, in words. They contain no URL.

use std::{error::Error as _, time::Duration};

use crate::cause::Cause;

/// The cause of an error, and the words for it. Both are without the URL.
pub(crate) fn explained(error: &reqwest::Error) -> (Cause, String) {
    let inner = innermost(error);
    let cause = cause_of(error, &inner);
    let words = match cause {
        Cause::NoAnswer => "no answer in time".to_owned(),
        Cause::NoTls => "the server does not speak TLS on this port: the URL says https".to_owned(),
        _ => inner,
    };
    (cause, words)
}

fn cause_of(error: &reqwest::Error, inner: &str) -> Cause {
    if error.is_timeout() {
        return Cause::NoAnswer;
    }
    // rustls: the first bytes of the server are no TLS record (`InvalidMessage`).
    if inner.contains("corrupt message") {
        return Cause::NoTls;
    }
    if inner.contains("certificate") {
        return Cause::Certificate;
    }
    Cause::Unreachable
}

/// The words for an answer that did not come within this time.
pub(crate) fn too_late(limit: Duration) -> String {
    match limit.as_secs() {
        0 => format!("no answer within {} ms", limit.as_millis()),
        seconds => format!("no answer within {seconds} s"),
    }
}

/// The innermost error, such as a refused connection or an unknown certificate authority. The outermost contains the URL.
pub(crate) fn innermost(error: &reqwest::Error) -> String {
    let mut cause = error.source();
    while let Some(deeper) = cause.and_then(|cause| cause.source()) {
        cause = Some(deeper);
    }
    cause.map_or_else(|| "the request failed".to_owned(), ToString::to_string)
}
