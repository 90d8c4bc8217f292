//! A TLS proxy in front of one JSON-RPC server: Caddy of the distribution, without any plugin.
//!
//! Stock Caddy has no matcher for JSON. One regular expression over the whole body decides which methods are allowed,
//! in the syntax of RE2 (linear time), see [`allowed`].

use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use provision::engine::{Graph, ResourceId};
use provision::kinds::{Directory, File, Input, Owner, Packages, Service};
use provision::systemd::{Section, UnitFile, Value};

use crate::Kinds;

/// The whole configuration, if Caddy serves only this site.
pub const CONFIG: &str = "/etc/caddy/aztec-kit.Caddyfile";
/// The site alone, which the operator's own configuration imports.
pub const SITE: &str = "/etc/caddy/aztec-kit.caddy";
/// The operator's own configuration, which is never written.
pub const OPERATORS: &str = "/etc/caddy/Caddyfile";
/// The service of the distribution's package.
pub const UNIT: &str = "caddy.service";
const DROP_IN: &str = "/etc/systemd/system/caddy.service.d";

/// The settings of the proxy.
#[derive(Debug, Clone)]
pub struct Proxy {
    /// Host name of the certificate.
    pub domain: String,
    /// Sent to the certificate authority.
    pub email: Option<String>,
    /// Whether certificates come from Caddy's own authority instead of a public one.
    pub internal: bool,
    /// Port of the server on the loopback interface.
    pub upstream: u16,
    /// The allowed JSON-RPC methods.
    pub methods: Vec<String>,
    /// Whether the operator's own Caddyfile stays active and imports the site.
    pub import: bool,
}

/// The largest body that the node reads by default (`RPC_MAX_BODY_SIZE`, 4.1.2 and 5.2.0).
const BODY: &str = "1MB";

/// Adds the package, the configuration and the service; returns the id of the last.
pub fn add<K: Kinds>(graph: &mut Graph<K>, proxy: &Proxy) -> ResourceId {
    let packages = graph.add(
        Packages {
            purpose: "TLS proxy".into(),
            names: vec!["caddy".into()],
        },
        [],
    );
    let config = File::new(
        if proxy.import { SITE } else { CONFIG },
        if proxy.import {
            site(proxy)
        } else {
            caddyfile(proxy)
        },
        Owner::root(0o644),
    )
    .checked_by(CHECK.split(' '));
    let mut inputs = vec![config.input()];
    let config = graph.add(config, [packages.clone()]);
    let mut after = vec![packages.clone(), config];
    if proxy.import {
        inputs.push(Input {
            id: ResourceId::new("file", OPERATORS),
            path: PathBuf::from(OPERATORS),
            wanted: None,
        });
    } else {
        let directory = Directory {
            path: DROP_IN.into(),
            owner: Owner::root(0o755),
        };
        let directory = graph.add(directory, [packages]);
        let path = Path::new(DROP_IN).join("aztec-kit.conf");
        let drop_in = File::new(path, drop_in().to_string(), Owner::root(0o644));
        inputs.push(drop_in.input());
        after.push(graph.add(drop_in, [directory]));
    }
    graph.add(
        Service {
            unit: UNIT.into(),
            active: true,
            at_boot: true,
            inputs,
        },
        after,
    )
}

/// The check runs as the account of Caddy, because it creates the keys of the internal authority, which Caddy must own.
const CHECK: &str = "runuser -u caddy -- env HOME=/var/lib/caddy XDG_DATA_HOME=/var/lib/caddy/.local/share \
                     caddy validate --adapter caddyfile --config";

fn drop_in() -> UnitFile {
    let run = format!("/usr/bin/caddy run --adapter caddyfile --config {CONFIG}");
    UnitFile::new()
        .comment(
            "Written by aztec-kit: its own configuration in the place of the package's example.",
        )
        .comment("No reload: the admin interface that it needs is off.")
        .section(
            Section::service()
                .each("ExecStart", ["".into(), Value::raw(run)])
                .set("ExecReload", ""),
        )
}

fn caddyfile(proxy: &Proxy) -> String {
    let mut text = String::from("# Written by aztec-kit.\n{\n\tadmin off\n");
    if let Some(email) = &proxy.email {
        let _ = writeln!(text, "\temail {email}");
    }
    // The authority is for the clients of this host. The host itself has no reason to trust it.
    text.push_str("\tskip_install_trust\n");
    text.push_str(
        "\tservers {\n\t\tmax_header_size 16KB\n\t\ttimeouts {\n\t\t\tread_header 10s\n\t\t\tread_body 30s\n\
         \t\t\twrite 60s\n\t\t\tidle 2m\n\t\t}\n\t}\n}\n\n",
    );
    text + &site(proxy)
}

/// A browser may only read an answer. Source: OWASP Secure Headers Project, REST.
const HEADERS: &[(&str, &str)] = &[
    ("Strict-Transport-Security", "max-age=31536000"),
    ("X-Content-Type-Options", "nosniff"),
    ("X-Frame-Options", "DENY"),
    ("Referrer-Policy", "no-referrer"),
    (
        "Content-Security-Policy",
        "default-src 'none'; frame-ancestors 'none'",
    ),
];

fn site(proxy: &Proxy) -> String {
    let mut text = format!(
        "# Written by aztec-kit: the RPC of the node, and of its methods only those listed.\n{} {{\n",
        proxy.domain
    );
    if proxy.internal {
        text.push_str("\ttls internal\n");
    }
    let _ = writeln!(text, "\trequest_body {{\n\t\tmax_size {BODY}\n\t}}");
    text.push_str("\theader {\n");
    for (name, value) in HEADERS {
        let _ = writeln!(text, "\t\t{name} \"{value}\"");
    }
    text.push_str("\t\t-Server\n\t}\n");
    let upstream = format!("reverse_proxy 127.0.0.1:{}", proxy.upstream);
    let _ = write!(
        text,
        "\t# Is it there? And may a page ask (CORS)? Neither reaches a method.\n\
         \t@status {{\n\t\tmethod GET HEAD\n\t\tpath /status\n\t}}\n\
         \thandle @status {{\n\t\t{upstream}\n\t}}\n\
         \t@cors {{\n\t\tmethod OPTIONS\n\t\tpath /\n\t}}\n\
         \thandle @cors {{\n\t\t{upstream}\n\t}}\n\
         \t# Every \"method\" of the body must be one of these; no escapes, which could spell another. What is judged\n\
         \t# here is what the node reads: JSON as it is, not compressed, and called so whatever the client calls it.\n\
         \t@rpc {{\n\t\tmethod POST\n\t\tpath /\n\t\theader !Content-Encoding\n\
         \t\texpression `{{http.request.body}}.matches(r'{}')`\n\t}}\n\
         \thandle @rpc {{\n\t\t{upstream} {{\n\t\t\theader_up Content-Type application/json\n\t\t}}\n\t}}\n\
         \thandle {{\n\t\trespond \"this is not offered here\" 403\n\t}}\n}}\n",
        allowed(&proxy.methods)
    );
    text
}

/// A regular expression (RE2) for a whole JSON text, an object or a batch. Every string `method` in it must be a key
/// with one of these names as its value, and escapes are not allowed.
///
/// The node also accepts other content types, such as a form or a compressed body, if the client declares them:
/// koa-bodyparser 4.4.1 of 4.1.2. A text that does not begin like JSON is refused.
///
/// A duplicate key, a batch, or a name spelled with `\u` cannot bypass it: the text is matched as a sequence of strings
/// and of the text between them, and a string is either not the word `method` or followed by an allowed name.
pub fn allowed(methods: &[String]) -> String {
    const WORD: &str = "method";
    const SPACE: &str = r"[ \t\r\n]*";
    const CHAR: &str = r#"[^"\\]"#;
    let mut others = vec![
        format!("{CHAR}{{0,{}}}", WORD.len() - 1),
        format!("{CHAR}{{{},}}", WORD.len() + 1),
    ];
    for (at, letter) in WORD.char_indices() {
        let rest = WORD.len() - 1 - at;
        others.push(format!(r#"{CHAR}{{{at}}}[^{letter}"\\]{CHAR}{{{rest}}}"#));
    }
    format!(
        r#"^{SPACE}[{{\[](?:{CHAR}|"(?:{})"|"{WORD}"{SPACE}:{SPACE}"(?:{})")+$"#,
        others.join("|"),
        methods.join("|")
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn proxy() -> Proxy {
        Proxy {
            domain: "rpc.example.org".into(),
            email: Some("ops@example.org".into()),
            internal: false,
            upstream: 8080,
            methods: vec!["node_getBlock".into(), "node_sendTx".into()],
            import: false,
        }
    }

    #[test]
    fn only_listed_methods_get_through_however_they_are_spelled() {
        let re = regex::Regex::new(&allowed(&proxy().methods)).unwrap();
        for passes in [
            r#"{"jsonrpc":"2.0","id":1,"method":"node_getBlock","params":["latest"]}"#,
            r#"[{"method" : "node_getBlock"},{"params":["0xabc", {"a": 1}],"method":"node_sendTx"}]"#,
            r#"{"methods":"x","Method":"y","metho":"z"}"#,
            " \n{}",
        ] {
            assert!(re.is_match(passes), "{passes}");
        }
        for fails in [
            "",
            r#"{"method":"nodeAdmin_setConfig"}"#,
            r#"{"method":"node_getBlocks"}"#,
            r#"{"method":"node_getBlock","method":"p2p_getPeers"}"#,
            r#"{"me\u0074hod":"nodeAdmin_setConfig"}"#,
            r#"{"method":["node_getBlock"]}"#,
            r#"["method","nodeAdmin_setConfig"]"#,
            r#"{"method":"node_getBlock","params":["unclosed"#,
            // A form, a text that is no JSON, and the first bytes of a compressed body.
            "jsonrpc=2.0&id=1&method=nodeAdmin_setConfig&params=",
            "method",
            "\u{1f}\u{8b}\u{8}{}",
        ] {
            assert!(!re.is_match(fails), "{fails}");
        }
    }

    /// The node decodes a body before it reads it, and reads a form if the headers declare one. The proxy must check the same
    /// text that the node reads.
    #[test]
    fn the_proxy_refuses_bodies_that_the_node_would_decode() {
        let site = site(&proxy());
        let (_, rpc) = site.split_once("\t@rpc {\n").unwrap();
        let (matcher, rest) = rpc.split_once("\n\t}\n").unwrap();
        let conditions: Vec<_> = matcher.lines().map(str::trim).collect();
        assert_eq!(
            conditions[..3],
            ["method POST", "path /", "header !Content-Encoding"]
        );
        assert!(conditions[3].starts_with("expression "), "{matcher}");
        let (handled, otherwise) = rest.split_once("\n\thandle {\n").unwrap();
        assert!(
            handled.starts_with("\thandle @rpc {\n")
                && handled.contains("header_up Content-Type application/json"),
            "{handled}"
        );
        assert!(
            otherwise.trim_start().starts_with("respond "),
            "{otherwise}"
        );
    }

    #[test]
    fn the_operators_own_configuration_gets_a_site_and_nothing_global() {
        let mut proxy = proxy();
        assert!(caddyfile(&proxy).contains("\tadmin off\n\temail ops@example.org\n"));
        proxy.import = true;
        let site = site(&proxy);
        assert!(site.contains("\nrpc.example.org {\n") && !site.contains("admin off"));
    }
}
