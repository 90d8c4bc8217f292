//! The redirects that the node follows: those of `fetch` (Fetch standard, HTTP-redirect fetch; undici 7 of Node 24).

use reqwest::Method;
use url::Url;

/// The most redirects of one request, as in `fetch`.
pub(crate) const MOST: usize = 20;

/// The status of a redirect.
pub(crate) fn is_redirect(status: u16) -> bool {
    matches!(status, 301 | 302 | 303 | 307 | 308)
}

/// Whether a request stays as it is. Otherwise it becomes a GET without a body, as in `fetch`: 301 and 302 of a POST, and any
/// 303.
pub(crate) fn keeps_method(status: u16, method: &Method) -> bool {
    match status {
        301 | 302 => method != Method::POST,
        303 => method == Method::GET,
        _ => true,
    }
}

/// The next URL of a request, `None` if it must not be followed. `fetch` goes anywhere. A request with a key goes to no other
/// host, which would get the key, and does not lose its TLS, because anybody on the way could then read it.
pub(crate) fn next(from: &Url, location: &str, has_secret: bool) -> Option<Url> {
    let next = from.join(location).ok()?;
    let fits = matches!(next.scheme(), "http" | "https");
    // `fetch` takes no user in a location either.
    let is_open = next.username().is_empty() && next.password().is_none();
    let keeps_host = next.host_str() == from.host_str();
    let keeps_tls = from.scheme() == "http" || next.scheme() == "https";
    (fits && is_open && (!has_secret || keeps_host && keeps_tls)).then_some(next)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn from(url: &str) -> Url {
        url.parse().unwrap()
    }

    #[test]
    fn a_request_with_a_key_stays_at_its_host() {
        let url = from("http://a.example/KEY");
        let to = |location, secret| next(&url, location, secret).map(String::from);
        assert_eq!(to("/x", true).unwrap(), "http://a.example/x");
        let tls = to("https://a.example/KEY", true);
        assert_eq!(tls.unwrap(), "https://a.example/KEY");
        assert_eq!(to("http://b.example/KEY", true), None);
        let tls = from("https://a.example/KEY");
        assert_eq!(next(&tls, "http://a.example/KEY", true), None);
        assert_eq!(to("//b.example/KEY", true), None);
        assert_eq!(to("http://b.example/", false).unwrap(), "http://b.example/");
        assert_eq!(to("file:///etc/passwd", false), None);
        assert_eq!(to("http://user@a.example/", false), None);
    }

    #[test]
    fn the_method_changes_as_in_fetch() {
        let keeps = |status| keeps_method(status, &Method::POST);
        assert_eq!(
            [301, 302, 303, 307, 308].map(keeps),
            [false, false, false, true, true]
        );
        assert!(keeps_method(301, &Method::GET));
    }
}
