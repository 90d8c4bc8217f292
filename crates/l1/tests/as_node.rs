//! Requests look like those of the node, and answers are read as the node reads them.

#![expect(clippy::unwrap_used, reason = "a failure here is a failed test")]

mod server;

use std::io::Write;

use flate2::Compression;
use flate2::write::{GzEncoder, ZlibEncoder};
use l1::observe::{BUDGET, BlobsApi, Deep, Execution, Questions, Target, Targets, observe};
use l1::{Cause, Error};
use serde_json::json;
use server::{Log, Reply, Request, execution, serve, status};

fn ask(url: &str, questions: &Questions) -> Execution {
    let targets = Targets {
        execution: vec![Target::new(url.parse().unwrap())],
        ..Targets::default()
    };
    observe(&targets, questions, BUDGET)
        .unwrap()
        .execution
        .remove(0)
}

fn light(url: &str) -> Execution {
    ask(url, &Questions::Light)
}

fn deep(url: &str) -> Execution {
    let questions = Questions::Deep(Deep {
        chain_id: 1,
        rollup: None,
        blobs: BlobsApi::Blobs,
    });
    ask(url, &questions)
}

fn lines(log: &Log) -> Vec<String> {
    log.lock()
        .unwrap()
        .iter()
        .map(|it| it.line.clone())
        .collect()
}

#[test]
fn requests_look_like_those_of_the_node() {
    let (url, log) = serve(|request, _| execution(request, 0));
    light(&url).head.unwrap();
    let request = log.lock().unwrap()[0].clone();
    for header in [
        "accept: */*\r\n",
        "accept-language: *\r\n",
        "sec-fetch-mode: cors\r\n",
        "user-agent: node\r\n",
        "accept-encoding: gzip, deflate\r\n",
        "content-type: application/json\r\n",
    ] {
        assert!(request.headers.contains(header), "{}", request.headers);
    }
}

fn compressed(request: &Request, encoding: &'static str) -> Reply {
    let Reply::Http(status, _, body) = execution(request, 0) else {
        panic!("an answer");
    };
    let body = match encoding {
        "gzip" => {
            let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
            encoder.write_all(&body).unwrap();
            encoder.finish().unwrap()
        }
        _ => {
            let mut encoder = ZlibEncoder::new(Vec::new(), Compression::fast());
            encoder.write_all(&body).unwrap();
            encoder.finish().unwrap()
        }
    };
    Reply::Http(status, format!("content-encoding: {encoding}\r\n"), body)
}

#[test]
fn compressed_answers_are_read() {
    for encoding in ["gzip", "deflate"] {
        let (url, _) = serve(move |request, _| compressed(request, encoding));
        light(&url).head.unwrap();
    }
}

fn moved(line: &'static str, to: &str) -> Reply {
    Reply::Http(line, format!("location: {to}\r\n"), Vec::new())
}

#[test]
fn redirects_are_those_of_the_node() {
    for line in ["307 Temporary Redirect", "308 Permanent Redirect"] {
        let (url, log) = serve(move |request, _| match request.path() {
            "/old/KEY" => moved(line, "/new/KEY"),
            _ => execution(request, 0),
        });
        light(&format!("{url}/old/KEY")).head.unwrap();
        let posts = lines(&log)
            .into_iter()
            .filter(|line| line == "POST /new/KEY HTTP/1.1");
        assert_eq!(posts.count(), 2);
    }
    // `fetch` follows these with a GET, which is no call.
    let (url, log) = serve(|request, _| match request.path() {
        "/old/KEY" => moved("301 Moved Permanently", "/new/KEY"),
        _ => status("405 Method Not Allowed"),
    });
    let error = light(&format!("{url}/old/KEY")).head.unwrap_err();
    assert!(lines(&log).contains(&"GET /new/KEY HTTP/1.1".to_owned()));
    assert_eq!(error.cause(), Some(Cause::Moved));
    assert!(
        error
            .to_string()
            .contains("redirects to 127.0.0.1 (HTTP status 301)"),
        "{error}"
    );
}

#[test]
fn a_key_is_not_sent_to_another_host() {
    let (other, log) = serve(|request, _| execution(request, 0));
    let port = other.rsplit(':').next().unwrap().to_owned();
    let to = format!("http://localhost:{port}/KEY");
    let (url, _) = serve(move |_, _| moved("308 Permanent Redirect", &to));
    let error = light(&format!("{url}/KEY")).head.unwrap_err();
    assert_eq!(error.cause(), Some(Cause::Moved));
    assert!(
        error.to_string().contains("redirects to localhost"),
        "{error}"
    );
    assert!(log.lock().unwrap().is_empty());
    // Without a key, the node's way is followed.
    light(&url).head.unwrap();
}

#[test]
fn a_loop_of_redirects_ends() {
    let (url, log) = serve(|_, _| moved("308 Permanent Redirect", "/"));
    assert_eq!(light(&url).head.unwrap_err().cause(), Some(Cause::Moved));
    assert_eq!(log.lock().unwrap().len(), 2 * 21);
}

/// Messages of an endpoint are one short line, and its URL is not in them.
#[test]
fn the_message_of_an_endpoint_shows_no_key() {
    let long = "x".repeat(3_000);
    let (url, _) = serve(move |_, _| {
        let message = format!("\u{1b}[2K\nkey not allowed: POST /v3/SECRETKEY9?t=TOKEN77 {long}");
        server::error(-32000, &message)
    });
    let error = light(&format!("{url}/v3/SECRETKEY9?t=TOKEN77"))
        .head
        .unwrap_err();
    let text = error.to_string();
    assert!(text.contains("key not allowed"), "{text}");
    assert!(
        !text.contains("SECRETKEY9") && !text.contains("TOKEN77"),
        "{text}"
    );
    assert!(
        !text.contains(char::is_control) && text.chars().count() < 400,
        "{text}"
    );
}

fn refused(line: &'static str, headers: &'static str, body: &'static str) -> Error {
    let (url, _) = serve(move |_, _| Reply::Http(line, headers.to_owned(), body.into()));
    light(&url).chain_id.unwrap_err()
}

/// Each kind of refusal has its own advice.
#[test]
fn a_refusal_says_what_to_do() {
    for (line, cause, fix) in [
        ("401 Unauthorized", Cause::NotAllowed, "API key"),
        ("403 Forbidden", Cause::NotAllowed, "plan"),
        ("402 Payment Required", Cause::Quota, "quota"),
        ("429 Too Many Requests", Cause::Quota, "quota"),
        ("404 Not Found", Cause::Path, "path"),
        ("500 Internal Server Error", Cause::Server, "synced"),
    ] {
        let error = refused(line, "", "");
        assert_eq!(error.cause(), Some(cause), "{error}");
        assert!(error.fix().contains(fix), "{}", error.fix());
        assert!(error.to_string().contains(&line[..3]), "{error}");
    }
    let slow = refused("429 Too Many Requests", "retry-after: 3600\r\n", "");
    assert!(
        slow.to_string().ends_with("429 (it asks to wait 3600 s)"),
        "{slow}"
    );
    let page = refused("200 OK", "", "<!doctype html><p>hello");
    assert!(page.to_string().contains("web page"), "{page}");
    let words = refused("400 Bad Request", "", r#"{"message":"no such project"}"#);
    assert!(
        words.to_string().ends_with("400: no such project"),
        "{words}"
    );
    let quota = json!({"error": {"code": -32005, "message": "daily request count exceeded"}});
    let quota = refused("200 OK", "", Box::leak(quota.to_string().into_boxed_str()));
    assert_eq!(quota.cause(), Some(Cause::Quota));
}

/// A URL with the wrong scheme is recognised, and not only told as a broken connection.
#[test]
fn the_wrong_scheme_is_told_in_words() {
    let (url, _) = serve(|_, _| Reply::Close);
    let error = light(&url.replace("http:", "https:")).chain_id.unwrap_err();
    assert_eq!(error.cause(), Some(Cause::NoTls), "{error}");
    assert!(error.to_string().contains("the URL says https"), "{error}");
    let error = deep(&server::tls()).chain_id.unwrap_err();
    assert_eq!(error.cause(), Some(Cause::OnlyTls), "{error}");
    assert!(error.fix().contains("https"), "{}", error.fix());
}
