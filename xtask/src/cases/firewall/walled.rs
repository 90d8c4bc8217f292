//! The hosts of the case: one with listeners and a published port, and a second one outside.

use std::net::IpAddr;
use std::time::Duration;

use anyhow::{Result, ensure};

use super::scan::scan;
use crate::cases::Context;
use crate::machine::{Machine, Process, Root};
use crate::sh;

pub(super) const KIT_TOML: &str = "\
[node]
enabled = false

[firewall]
enabled = true
allow = [{ port = 40400 }, { port = 40400, proto = \"udp\" }]
";

pub(super) const CONFIG: &str = "/etc/aztec/kit.toml";

/// UFW is installed with a rule of the operator, and disabled.
const PACKAGES: &str = "openssh-server openssh-client ufw nmap docker.io busybox-static";

/// Answers each connection to a port, over IPv4 and IPv6.
const LISTENER: &str = r#"use IO::Socket::IP;
my ($proto, $port) = @ARGV;
my @listen = $proto eq "tcp" ? (Listen => 9, ReuseAddr => 1) : ();
my $socket = IO::Socket::IP->new(LocalHost => "::", V6Only => 0, LocalPort => $port, Proto => $proto, @listen) or die;
while (1) {
    $proto eq "tcp" ? $socket->accept : $socket->recv(my $word, 99) && $socket->send("yes");
}
"#;

/// The ports of a node, and of programs that may run beside it.
const LISTENERS: &str = r#"
for at in tcp-443 tcp-8080 tcp-8180 tcp-8880 tcp-9090 tcp-40400 udp-8080 udp-40400; do
    systemd-run --quiet --collect --unit="$at" perl /root/listen.pl "${at%-*}" "${at#*-}"
done
"#;

/// A container with a published port. Its image needs no download.
const PUBLISH: &str = r#"
mkdir -p /var/tmp/box/bin
cp /bin/busybox /var/tmp/box/bin/
tar --directory=/var/tmp/box --create . | docker import - box
docker run --detach --restart=always --publish 7000:80 box /bin/busybox httpd -f -p 80
"#;

pub(in crate::cases) fn root(suite: &str) -> Result<Root> {
    // A package of its own since Debian 13.
    let client = if suite == "bookworm" {
        ""
    } else {
        "docker-cli"
    };
    let packages = format!("{PACKAGES} {client}");
    let recipe = format!("3 {packages}");
    Root::layered(&Root::pristine(suite)?, "walled", &recipe, |machine| {
        machine.shell(&format!(
            "export DEBIAN_FRONTEND=noninteractive; apt-get -qq update; \
             apt-get -qq --yes --no-install-recommends install {packages} >&2; \
             ufw allow 9999/tcp >&2; mkdir -m 700 -p /root/.ssh"
        ))?;
        Ok(())
    })
}

/// A host with listeners that every other host reaches, and a second host that scans it.
pub(super) struct Walled {
    pub host: Machine,
    pub outside: Machine,
    pub v6: IpAddr,
    /// UFW's files as the operator left them: [`files`].
    pub before: String,
}

impl Walled {
    pub fn boot(context: &Context, suite: &str) -> Result<Walled> {
        let root = root(suite)?;
        let mut options = context.options()?;
        options.plain.push("/var/lib/docker".to_owned());
        let host = Machine::boot_with(&root, "walled", options)?;
        let outside = context.boot(&root, "outside")?;
        let (_, v6) = outside.cable_to(&host)?;
        context.push_kit(&host)?;
        authorize(&outside, &host)?;
        host.write("/root/listen.pl", LISTENER, 0o644)?;
        host.shell(LISTENERS)?;
        host.shell(PUBLISH)?;
        host.write(CONFIG, KIT_TOML, 0o600)?;
        let before = files(&host)?;
        published(&host)?;
        for address in [host.ip().into(), v6.into()] {
            let there = ["tcp/443", "tcp/7000", "tcp/8080", "tcp/8880", "udp/8080"];
            let open = scan(&outside, address, &there)?;
            for port in there {
                ensure!(
                    open.contains(port),
                    "the scan of {address} misses {port}: {open:?}"
                );
            }
        }
        Ok(Walled {
            host,
            outside,
            v6: v6.into(),
            before,
        })
    }
}

/// Lets the second host log in as root, with a key.
fn authorize(outside: &Machine, host: &Machine) -> Result<()> {
    outside.shell("ssh-keygen -q -t ed25519 -N '' -f /root/.ssh/id_ed25519 <<<y >/dev/null")?;
    let key = outside.read("/root/.ssh/id_ed25519.pub")?;
    host.write("/root/.ssh/authorized_keys", &key, 0o600)?;
    outside.shell(&format!(
        "printf 'Host walled\\nHostName {}\\nStrictHostKeyChecking no\\nConnectTimeout 20\\n' >/root/.ssh/config",
        host.ip()
    ))?;
    sh::wait_for("a first login", Duration::from_secs(180), || {
        Ok((outside.exec(&["ssh", "walled", "true"])?.status == 0).then_some(()))
    })
}

/// Every file of UFW with its digest and mode.
pub(super) fn files(host: &Machine) -> Result<String> {
    host.shell(
        "find /etc/ufw /etc/default/ufw -type f -exec stat -c '%n %a %U' {} + | sort; \
         find /etc/ufw /etc/default/ufw -type f -exec sha256sum {} + | sort -k2",
    )
}

/// Waits until the container answers at its published port.
pub(super) fn published(host: &Machine) -> Result<()> {
    let get = "curl --silent --output /dev/null --max-time 3 http://127.0.0.1:7000";
    sh::wait_for("a published port", Duration::from_secs(180), || {
        let output = host.exec(&["bash", "-c", get])?;
        Ok((output.status == 0).then_some(()))
    })
}

/// An SSH session that prints a line every second.
pub(super) fn session(outside: &Machine, port: &str) -> Result<Process> {
    let argv = [
        "ssh",
        "-p",
        port,
        "walled",
        "while echo beat; do sleep 1; done",
    ];
    let session = outside.spawn(&argv)?;
    sh::wait_for("the session", Duration::from_secs(180), || {
        Ok(session.printed()?.contains("beat").then_some(()))
    })?;
    Ok(session)
}
