//! Stand-ins for other programs: servers in Perl, which every Debian can run, and well-known keys.

use std::time::Duration;

use anyhow::Result;
use serde_json::{Value, json};

use crate::machine::{Machine, Process};
use crate::sh;

/// The first half of a server on loopback. It has read a request with the body `$body`, and answers to `$c`.
const SERVER: &str = r#"
use IO::Socket::INET;
$s = IO::Socket::INET->new(LocalAddr => "127.0.0.1", LocalPort => PORT, Listen => 16,
    ReuseAddr => 1) or die;
$| = 1; print "listening\n";
while ($c = $s->accept) {
    $length = 0; $body = "";
    while (($line = <$c>) =~ /\S/) { $length = $1 if $line =~ /^content-length: *(\d+)/i }
    read $c, $body, $length if $length;
"#;

/// A program that serves one page for every request.
pub(super) fn page(port: u16) -> String {
    server(
        port,
        r#"
    print $c "HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 6\r\n\r\n<html>";
"#,
    )
}

/// A program that answers JSON-RPC. `result` is Perl that makes the JSON of a result from the call, `$body`.
pub(super) fn json_rpc(port: u16, result: &str) -> String {
    let answer = r#"
    $id = $body =~ /"id" *: *("[^"]*"|\d+)/ ? $1 : 0;
    $answer = RESULT;
    $answer = qq({"jsonrpc":"2.0","id":$id,"result":$answer});
    print $c "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nConnection: close\r\n",
        "Content-Length: ", length $answer, "\r\n\r\n$answer";
"#;
    server(port, &answer.replace("RESULT", result))
}

fn server(port: u16, answer: &str) -> String {
    let first = SERVER.replace("PORT", &port.to_string());
    format!("{first}{answer}    close $c;\n}}\n")
}

/// Starts a Perl program, and waits until it prints "listening".
pub(super) fn listening(machine: &Machine, program: &str) -> Result<Process> {
    let process = machine.spawn(&["perl", "-e", program])?;
    sh::wait_for("a listener", Duration::from_secs(180), || {
        Ok(process.printed()?.contains("listening").then_some(()))
    })?;
    Ok(process)
}

/// A keystore with the first attester of the well-known test mnemonic.
pub(super) fn keystore() -> Value {
    json!({
        "schemaVersion": 1,
        "validators": [{
            "attester": {
                "eth": "0xac0974bec39a17e36ba4a6b4d238ff944bacb478cbed5efcae784d7bf4f2ff80",
                "bls": "0x285526323b860bde9d845bed1bcaffe6a0da0373b3cf08f45f5ee3c85e095da5",
            },
            "feeRecipient": format!("0x{:064}", 0),
        }],
    })
}
