//! A TLS proxy offers the node's RPC to other hosts, but only the listed methods.

use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use serde_json::json;

use super::support::{Kit, applied};
use super::{Context, chain};
use crate::machine::Machine;
use crate::sh;

/// A service of the distribution listens soon. A restarted node does not.
const STARTS: Duration = Duration::from_secs(180);
const NAME: &str = "rpc.test";
const SETUP: &[&str] = &[
    "setup",
    "--with-caddy",
    "--domain",
    NAME,
    "--yes",
    "--patience",
    "0",
    "--json",
];
/// The configuration of an operator who had Caddy before aztec-kit.
const OPERATORS: &str = "http://blog.test {\n\trespond \"a blog\"\n}\n";
const CADDYFILE: &str = "/etc/caddy/Caddyfile";

pub(super) fn run(context: &Context) -> Result<()> {
    let machine = chain::boot(context, "caddy")?;
    let kit = Kit(&machine);
    let client = context.boot(&context.root()?, "caddy-client")?;
    client.shell("command -v curl || apt-get install --yes curl")?;

    squatter(&machine)?;
    kit.json(SETUP, 0)?;
    offers(&machine, &client)?;
    kit.in_sync()?;
    let again = applied(&kit.json(SETUP, 0)?)?;
    ensure!(again.is_empty(), "a second setup changes {again:?}");

    switch(&machine, false)?;
    kit.apply()?;
    kit.in_sync()?;
    for left in [
        "/etc/caddy/aztec-kit.Caddyfile",
        "/etc/systemd/system/caddy.service.d",
        "/usr/bin/caddy",
    ] {
        ensure!(!machine.exists(left)?, "{left} is still there");
    }
    beside_the_operators(&machine, &client)
}

/// If port 443 belongs to another program, the run is refused and changes nothing.
fn squatter(machine: &Machine) -> Result<()> {
    let stop = "systemctl stop squatter";
    machine
        .shell("systemd-run --quiet --unit squatter systemd-socket-activate --listen 443 cat")?;
    sh::wait_for("the squatter listens", STARTS, || {
        Ok(machine
            .exec(&["sh", "-c", "ss -lnt | grep -q ':443 '"])?
            .ok()
            .ok())
    })?;
    let output = Kit(machine).run(SETUP)?.expect(2)?;
    ensure!(
        output
            .stderr
            .contains("port 443: systemd-socket- listens on it"),
        "{}",
        output.stderr
    );
    ensure!(
        !machine.exists("/etc/caddy")?,
        "Caddy was installed all the same"
    );
    machine.shell(stop).map(drop)
}

fn switch(machine: &Machine, on: bool) -> Result<()> {
    let script = format!(
        "sed -i '/^\\[caddy\\]/,/^\\[/ s/^enabled = .*/enabled = {on}/' /etc/aztec/kit.toml"
    );
    machine.shell(&script).map(drop)
}

/// Sends an HTTPS request from another host. Returns the status and the body.
fn ask(machine: &Machine, client: &Machine, path: &str, args: &[&str]) -> Result<(u16, String)> {
    let resolve = format!("{NAME}:443:{}", machine.ip());
    let url = format!("https://{NAME}{path}");
    let head = [
        "curl",
        "--silent",
        "--insecure",
        "--include",
        "--max-time",
        "10",
        "--resolve",
        &resolve,
        "--write-out",
        "\n%{http_code}",
        &url,
    ];
    let output = client.exec(&[&head, args].concat())?;
    let (body, status) = output
        .stdout
        .rsplit_once('\n')
        .context("curl prints no status")?;
    Ok((status.parse().unwrap_or(0), body.to_owned()))
}

fn call(machine: &Machine, client: &Machine, body: &str) -> Result<(u16, String)> {
    ask(
        machine,
        client,
        "/",
        &["--header", "content-type: application/json", "--data", body],
    )
}

/// The node reads a body according to its headers. The proxy must check the same body that the node reads.
fn as_read(machine: &Machine, client: &Machine, body: &str) -> Result<()> {
    client
        .command(&["sh", "-c", "gzip >/root/body.gz"])
        .stdin(body.to_owned())
        .run()?
        .ok()?;
    let json = "content-type: application/json";
    let requests: &[(&str, &[&str])] = &[
        (
            "a compressed body",
            &[
                "--header",
                json,
                "--header",
                "content-encoding: gzip",
                "--data-binary",
                "@/root/body.gz",
            ],
        ),
        (
            "a form",
            &["--data", "jsonrpc=2.0&id=1&method=nodeAdmin_getConfig"],
        ),
    ];
    for (what, args) in requests {
        let (status, answer) = ask(machine, client, "/", args)?;
        ensure!(status == 403, "{what}: {status} {answer}");
    }
    // A listed method under another name is read as the method that was checked.
    let listed = r#"{"jsonrpc":"2.0","id":1,"method":"node_getBlockNumber","params":[]}"#;
    let odd = [
        "--header",
        "content-type: text/plain; charset=utf-16",
        "--data",
        listed,
    ];
    let (status, answer) = ask(machine, client, "/", &odd)?;
    ensure!(
        status == 200 && answer.contains("\"result\":"),
        "{status} {answer}"
    );
    Ok(())
}

fn offers(machine: &Machine, client: &Machine) -> Result<()> {
    sh::wait_for("the proxy answers", STARTS, || {
        let (status, _) = ask(machine, client, "/status", &[])?;
        Ok((status == 200).then_some(()))
    })?;
    let one = |method: &str| json!({"jsonrpc": "2.0", "id": 1, "method": method, "params": []});
    let (status, answer) = call(machine, client, &one("node_getBlockNumber").to_string())?;
    ensure!(
        status == 200 && answer.contains("\"result\":"),
        "a listed method: {status} {answer}"
    );
    for header in [
        "strict-transport-security: max-age",
        "x-content-type-options: nosniff",
    ] {
        ensure!(
            answer.to_lowercase().contains(header),
            "no {header}: {answer}"
        );
    }
    ensure!(
        !answer.to_lowercase().contains("\nserver: caddy"),
        "{answer}"
    );
    let batch = json!([
        one("node_getBlockNumber"),
        one("node_registerContractFunctionSignatures")
    ]);
    let long = json!({"method": "node_sendTx", "params": ["a".repeat(1_100_000)]}).to_string();
    client
        .command(&["tee", "/root/long.json"])
        .stdin(long)
        .run()?
        .ok()?;
    let refused: &[(&str, &str)] = &[
        (
            "another method",
            &one("node_registerContractFunctionSignatures").to_string(),
        ),
        ("the admin API", &one("nodeAdmin_getConfig").to_string()),
        ("a batch", &batch.to_string()),
        (
            "a duplicate key",
            r#"{"method":"node_getBlockNumber","method":"nodeAdmin_getConfig"}"#,
        ),
        ("an escape", r#"{"me\u0074hod":"nodeAdmin_getConfig"}"#),
        ("a body over the limit", "@/root/long.json"),
    ];
    for (what, body) in refused {
        let (status, answer) = call(machine, client, body)?;
        ensure!((400..500).contains(&status), "{what}: {status} {answer}");
    }
    as_read(machine, client, &one("nodeAdmin_getConfig").to_string())?;
    let (status, _) = ask(machine, client, "/admin", &[])?;
    ensure!(status == 403, "another path: {status}");
    let plain = format!("http://{}/", machine.ip());
    let redirect = [
        "curl",
        "--silent",
        "--output",
        "/dev/null",
        "--write-out",
        "%{http_code}",
        "--header",
        "Host: rpc.test",
        &plain,
    ];
    let redirect = client.exec(&redirect)?.stdout;
    ensure!(redirect == "308", "plain HTTP: {redirect}");
    Ok(())
}

/// The operator's own sites stay, and the file of aztec-kit is imported, or the run is refused.
fn beside_the_operators(machine: &Machine, client: &Machine) -> Result<()> {
    machine.shell("apt-get install --yes caddy >/dev/null 2>&1")?;
    machine
        .command(&["tee", CADDYFILE])
        .stdin(OPERATORS)
        .run()?
        .ok()?;
    machine.shell("systemctl reload-or-restart caddy")?;
    switch(machine, true)?;
    let output = Kit(machine)
        .run(&["apply", "--yes", "--patience", "0"])?
        .expect(2)?;
    ensure!(
        output.stderr.contains("caddy.import = true"),
        "{}",
        output.stderr
    );
    machine.shell("sed -i '/^\\[caddy\\]/a import = true' /etc/aztec/kit.toml")?;
    let output = Kit(machine)
        .run(&["apply", "--yes", "--patience", "0"])?
        .expect(2)?;
    ensure!(
        output.stderr.contains("does not import"),
        "{}",
        output.stderr
    );
    machine.shell(&format!(
        "sed -i '1i import /etc/caddy/aztec-kit*.caddy' {CADDYFILE}"
    ))?;
    Kit(machine).apply()?;
    Kit(machine).in_sync()?;
    offers_beside(machine, client)?;
    switch(machine, false)?;
    Kit(machine).apply()?;
    let kept = machine.shell(&format!("cat {CADDYFILE}"))?;
    ensure!(
        kept.ends_with(OPERATORS),
        "the operator's Caddyfile is now {kept}"
    );
    blog(machine, client)
}

fn offers_beside(machine: &Machine, client: &Machine) -> Result<()> {
    sh::wait_for("the imported site answers", STARTS, || {
        let (status, _) = ask(machine, client, "/status", &[])?;
        Ok((status == 200).then_some(()))
    })?;
    blog(machine, client)
}

fn blog(machine: &Machine, client: &Machine) -> Result<()> {
    let url = format!("http://{}/", machine.ip());
    let page = client
        .exec(&["curl", "--silent", "--header", "Host: blog.test", &url])?
        .stdout;
    ensure!(page == "a blog", "the operator's site serves {page}");
    Ok(())
}
