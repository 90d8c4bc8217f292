//! Who can connect, seen from a second host; and that nobody is cut off, whatever happens in between.
//!
//! No role of Aztec runs here: small listeners stand at the ports of one, so it takes no node, and any Debian.

use std::collections::BTreeSet;
use std::net::IpAddr;
use std::time::Duration;

use anyhow::{Context as _, Result, ensure};

use super::Context;
use super::support::{Kit, Listing, applied, reached, reaches, rolled_back};
use crate::machine::{Machine, Process, Root};
use crate::sh;

const KIT_TOML: &str = "\
[node]
enabled = false

[firewall]
enabled = true
allow = [{ port = 40400 }, { port = 40400, proto = \"udp\" }]
";

const CONFIG: &str = "/etc/aztec/kit.toml";

/// UFW is there and has a rule of the operator, but is off.
const PACKAGES: &str = "openssh-server openssh-client ufw nmap docker.io busybox-static";

/// Answers whoever comes to a port, over IPv4 and IPv6.
const LISTENER: &str = r#"use IO::Socket::IP;
my ($proto, $port) = @ARGV;
my @listen = $proto eq "tcp" ? (Listen => 9, ReuseAddr => 1) : ();
my $socket = IO::Socket::IP->new(LocalHost => "::", V6Only => 0, LocalPort => $port, Proto => $proto, @listen) or die;
while (1) {
    $proto eq "tcp" ? $socket->accept : $socket->recv(my $word, 99) && $socket->send("yes");
}
"#;

/// The ports of a node, and of what may stand beside it.
const LISTENERS: &str = r#"
for at in tcp-443 tcp-8080 tcp-8180 tcp-8880 tcp-9090 tcp-40400 udp-8080 udp-40400; do
    systemd-run --quiet --collect --unit="$at" perl /root/listen.pl "${at%-*}" "${at#*-}"
done
"#;

/// A container with a published port, of an image that nobody has to download.
const PUBLISH: &str = r#"
mkdir -p /var/tmp/box/bin
cp /bin/busybox /var/tmp/box/bin/
tar --directory=/var/tmp/box --create . | docker import - box
docker run --detach --restart=always --publish 7000:80 box /bin/busybox httpd -f -p 80
"#;

/// `ufw limit` counts the tries of this time: ufw(8).
const RATE: Duration = Duration::from_secs(31);

pub(super) fn run(context: &Context) -> Result<()> {
    let mut case = Walled::boot(context, "trixie")?;
    let Walled { host, outside, .. } = &case;
    refused(host, outside).context("what would cut someone off")?;
    case.holds()?;
    sshd_late_or_mute(&case.host).context("an sshd that does not answer")?;
    let Walled {
        host,
        outside,
        before,
        ..
    } = &mut case;
    unconfirmed(host, outside).context("a change that nobody confirms")?;
    removal_unconfirmed(host, outside).context("a removal that nobody confirms")?;
    removed(host, before).context("the removal")?;
    killed(host, before).context("a kill in the middle")?;
    power_cut(host, before).context("a power cut in the window")?;
    no_way_in(host, outside).context("a removal that leaves no way in")
}

/// UFW, iptables, Docker and sshd are other ones there; what the kit refuses and takes back is its own doing, and
/// `ssh-old` has the timer that takes back.
pub(super) fn run_previous(context: &Context) -> Result<()> {
    let case = Walled::boot(context, "bookworm")?;
    case.holds()?;
    removed(&case.host, &case.before).context("the removal")
}

pub(super) fn root(suite: &str) -> Result<Root> {
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

/// A host with listeners that anybody reaches, and another host that looks at it.
struct Walled {
    host: Machine,
    outside: Machine,
    v6: IpAddr,
    /// UFW's files as the operator had them.
    before: String,
}

impl Walled {
    fn boot(context: &Context, suite: &str) -> Result<Walled> {
        let root = root(suite)?;
        let mut options = context.options()?;
        options.plain.push("/var/lib/docker".to_owned());
        let host = Machine::boot_with(&root, "walled", options)?;
        let outside = context.boot(&root, "outside")?;
        let (_, v6) = outside.cable_to(&host)?;
        context.push_kit(&host)?;
        befriend(&outside, &host)?;
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

    /// The firewall closes what it must, whatever writes rules beside it, and however sshd is started.
    fn holds(&self) -> Result<()> {
        let Walled {
            host, outside, v6, ..
        } = self;
        closed(host, outside, *v6).context("the firewall")?;
        flushed(host, outside).context("the kernel loses rules")?;
        reloaded(host, outside).context("Docker and UFW begin anew")?;
        by_socket(host, outside).context("an SSH server that systemd starts")
    }
}

/// The outside may log in as root, with a key.
fn befriend(outside: &Machine, host: &Machine) -> Result<()> {
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
fn files(host: &Machine) -> Result<String> {
    host.shell(
        "find /etc/ufw /etc/default/ufw -type f -exec stat -c '%n %a %U' {} + | sort; \
         find /etc/ufw /etc/default/ufw -type f -exec sha256sum {} + | sort -k2",
    )
}

/// Every port at which a second host is answered, TCP and the UDP ports of the listeners. A scan that is this fast
/// misses answers on a busy machine, and never invents one: it is repeated while one of these ports is missing.
fn scan(outside: &Machine, address: IpAddr, expected: &[&str]) -> Result<BTreeSet<String>> {
    let mut open = BTreeSet::new();
    for _ in 0..5 {
        open.extend(scan_once(outside, address)?);
        if expected.iter().all(|port| open.contains(*port)) {
            break;
        }
    }
    Ok(open)
}

fn scan_once(outside: &Machine, address: IpAddr) -> Result<Vec<String>> {
    let family = if address.is_ipv6() { "-6" } else { "-4" };
    let every = "-sS -p- --min-rate 8000 --max-retries 1";
    let some = "-sU -p 22,8080,8880,40400";
    let mut open = Vec::new();
    for how in [every, some] {
        let line = format!("nmap {family} -n -Pn {how} -oG - {address}");
        let found = outside
            .command(&line.split(' ').collect::<Vec<_>>())
            .limit(Duration::from_secs(600))
            .run()?
            .ok()?;
        // `Ports: 22/open/tcp//ssh///, …`
        for port in found.stdout.split([' ', '\t', ',']) {
            let fields: Vec<_> = port.split('/').collect();
            if let [number, "open", proto, ..] = fields[..] {
                open.push(format!("{proto}/{number}"));
            }
        }
    }
    Ok(open)
}

/// Waits until the container answers at its published port.
fn published(host: &Machine) -> Result<()> {
    let asked = "curl --silent --output /dev/null --max-time 3 http://127.0.0.1:7000";
    sh::wait_for("a published port", Duration::from_secs(180), || {
        let answer = host.exec(&["bash", "-c", asked])?;
        Ok((answer.status == 0).then_some(()))
    })
}

/// A session that says something every second.
fn session(outside: &Machine, port: &str) -> Result<Process> {
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

fn lives(session: &Process) -> Result<()> {
    let before = session.printed()?.len();
    sh::wait_for("the session goes on", Duration::from_secs(180), || {
        Ok((session.printed()?.len() > before).then_some(()))
    })
}

/// Sessions at other ports than those of the configuration, and kernels that cannot filter.
fn refused(host: &Machine, outside: &Machine) -> Result<()> {
    host.shell("mkdir -p /run/sshd; systemd-run --quiet --collect --unit=other-sshd /usr/sbin/sshd -D -p 2222")?;
    sh::wait_for("the other sshd", Duration::from_secs(180), || {
        Ok(reaches(outside, host, 2222)?.then_some(()))
    })?;
    let mut other = session(outside, "2222")?;
    let listing = Listing::of(host)?;
    let refusal = Kit(host).run(&["apply", "--yes"])?.expect(2)?;
    ensure!(
        refusal.stderr.contains("port 2222") && refusal.stderr.contains("firewall.allow"),
        "{}",
        refusal.stderr
    );
    listing.still(host, "a refusal")?;
    lives(&other)?;
    other.kill_tree()?;
    host.shell("systemctl stop other-sshd; rm -f /run/systemd/transient/other-sshd.service")?;

    host.write(
        "/usr/local/sbin/iptables",
        "#!/bin/sh\necho no such table >&2; exit 3\n",
        0o755,
    )?;
    let listing = Listing::of(host)?;
    let refusal = Kit(host).run(&["apply", "--yes"])?.expect(2)?;
    ensure!(
        refusal.stderr.contains("cannot filter"),
        "{}",
        refusal.stderr
    );
    listing.still(host, "a refusal")?;
    host.shell("rm /usr/local/sbin/iptables")?;
    Ok(())
}

/// Closed but for SSH and peers, while a session goes on and a second one confirms.
fn closed(host: &Machine, outside: &Machine, v6: IpAddr) -> Result<()> {
    let mut first = session(outside, "22")?;
    let report = Kit(host).json(&["apply", "--yes", "--json"], 0)?;
    ensure!(
        report["unconfirmed"].to_string().contains("firewall[ufw]"),
        "nothing waits: {report}"
    );
    for address in [host.ip().into(), v6] {
        let wanted = ["tcp/22", "tcp/40400", "udp/40400"];
        let open = scan(outside, address, &wanted)?;
        ensure!(
            open.iter().eq(&wanted),
            "a second host reaches {open:?} of {address}"
        );
    }
    lives(&first)?;
    // The scan has used up what one address may try in half a minute.
    std::thread::sleep(RATE);
    let kept = outside.exec_ok(&["ssh", "walled", super::KIT, "confirm"])?;
    ensure!(kept.stdout.contains("firewall[ufw]"), "{}", kept.stdout);
    first.kill_tree()?;
    let again = outside.exec_ok(&["ssh", "walled", super::KIT, "confirm"])?;
    ensure!(again.stdout.contains("no change waits"), "{}", again.stdout);
    let v6 = host.shell("ip6tables -S INPUT | head -1")?;
    ensure!(v6.trim() == "-P INPUT DROP", "IPv6: {v6}");
    let rules = host.shell("ufw show added")?;
    ensure!(
        rules.contains("ufw allow 9999/tcp"),
        "the operator's rule: {rules}"
    );

    let listing = Listing::of(host)?;
    let changed = applied(&Kit(host).json(&["apply", "--yes", "--json"], 0)?)?;
    ensure!(changed.is_empty(), "a second run changes {changed:?}");
    Kit(host).in_sync()?;
    listing.still(host, "a second run")
}

/// What the kernel has lost is seen, and comes back by what the finding says.
fn flushed(host: &Machine, outside: &Machine) -> Result<()> {
    let exposure = || -> Result<(String, String)> {
        let status = Kit(host).json(&["status", "--json"], 0)?;
        let word = |key: &str| {
            status["exposure"][key]
                .as_str()
                .unwrap_or_default()
                .to_owned()
        };
        Ok((word("status"), word("message")))
    };
    let good = exposure()?;
    ensure!(good.0 == "pass", "before: {good:?}");
    // The table alone: Docker's port is open until the next run.
    host.shell("nft delete table inet aztec_kit")?;
    let (status, message) = exposure()?;
    ensure!(
        status == "fail" && message.contains("aztec-kit apply"),
        "{status}: {message}"
    );
    let apply = ["apply", "--yes", "--confirm", "--json"];
    let changed = applied(&Kit(host).json(&apply, 0)?)?;
    ensure!(changed == ["nft_table[inet aztec_kit]"], "{changed:?}");
    ensure!(
        !reaches(outside, host, 7000)?,
        "a second host reaches a container"
    );
    // Whoever starts or reloads nftables.service flushes everything: ours comes back with it.
    let back = "timeout 60 sh -c 'until nft list table inet aztec_kit >&2; do sleep 1; done'";
    for verb in ["start", "reload"] {
        host.shell(&format!("systemctl {verb} nftables && {back}"))?;
    }
    host.shell("systemctl stop nftables")?;
    // The flush took UFW's chains with it, and the stop our table.
    let (status, message) = exposure()?;
    ensure!(
        status == "fail" && message.contains("everybody can connect"),
        "{status}: {message}"
    );
    host.shell("ufw reload >&2; systemctl start aztec-kit-published-ports")?;
    // Everything is dropped, and `ufw reload` would change nothing.
    host.shell("iptables -F; iptables -P INPUT DROP")?;
    let (status, message) = exposure()?;
    let remedy = "/lib/ufw/ufw-init flush-all; ufw reload";
    ensure!(
        status == "fail" && message.contains("nobody can connect") && message.contains(remedy),
        "{status}: {message}"
    );
    host.shell(&format!(
        "{{ {remedy}; systemctl restart docker aztec-kit-published-ports; }} >&2"
    ))?;
    published(host)?;
    let now = exposure()?;
    ensure!(now == good, "afterwards: {now:?}");
    Kit(host).in_sync()
}

/// The published port stays closed, also while Docker and UFW write their rules anew.
fn reloaded(host: &Machine, outside: &Machine) -> Result<()> {
    host.shell("systemctl restart docker; ufw reload >&2")?;
    published(host)?;
    ensure!(
        !reaches(outside, host, 7000)?,
        "a second host reaches a container"
    );
    // What the operator lets through is let through, as soon as a run has seen it.
    let apply = ["apply", "--yes", "--confirm", "--json"];
    for (rule, lets_in) in [("allow", true), ("delete allow", false)] {
        host.shell(&format!("ufw route {rule} proto tcp to any port 80 >&2"))?;
        let changed = applied(&Kit(host).json(&apply, 0)?)?;
        ensure!(changed == ["nft_table[inet aztec_kit]"], "{changed:?}");
        match lets_in {
            true => reached(outside, host, 7000)?,
            false => ensure!(!reaches(outside, host, 7000)?, "still open"),
        }
    }
    Kit(host).in_sync()
}

/// systemd listens in the place of sshd, at another port: that one is open, counted, and the old one closed.
fn by_socket(host: &Machine, outside: &Machine) -> Result<()> {
    const PORT: u16 = 2200;
    let dir = "/etc/systemd/system/ssh.socket.d";
    let begin = "systemctl daemon-reload; systemctl stop ssh.service ssh.socket; systemctl start";
    host.shell(&format!(
        "mkdir {dir}; printf '[Socket]\\nListenStream=\\nListenStream={PORT}\\n' >{dir}/port.conf; \
         {begin} ssh.socket"
    ))?;
    let apply = ["apply", "--yes", "--confirm", "--json"];
    let changed = applied(&Kit(host).json(&apply, 0)?)?;
    ensure!(changed == ["firewall[ufw]"], "{changed:?}");
    Kit(host).in_sync()?;
    outside.exec_ok(&["ssh", "-p", "2200", "walled", "true"])?;
    ensure!(!reaches(outside, host, 22)?, "the old port is open");
    let mut refused = false;
    for _ in 0..8 {
        refused |= !reaches(outside, host, PORT)?;
    }
    ensure!(refused, "one address may try as often as it likes");

    host.shell(&format!("rm -r {dir}; {begin} ssh.service"))?;
    let changed = applied(&Kit(host).json(&apply, 0)?)?;
    ensure!(changed == ["firewall[ufw]"], "{changed:?}");
    Ok(())
}

/// What stands in for sshd: one that leaves something running which keeps its output open, and one that says nothing.
/// A plan once took that for an sshd without a port, and removed the rule that lets SSH in.
const LATE: &str = "#!/bin/sh\nsleep 3 &\nexec /root/sshd \"$@\"\n";
const MUTE: &str = "#!/bin/sh\n";

fn sshd_late_or_mute(host: &Machine) -> Result<()> {
    let kit = Kit(host);
    host.shell("cp /usr/sbin/sshd /root/sshd")?;
    for (script, answers) in [(LATE, true), (MUTE, false)] {
        host.write("/root/instead", script, 0o755)?;
        host.shell("mount --bind /root/instead /usr/sbin/sshd")?;
        let plan = kit.run(&["plan", "--check"]);
        let status = kit.json(&["status", "--json"], 0);
        let apply = kit.run(&["apply", "--yes", "--confirm", "--patience", "0"]);
        host.shell("umount /usr/sbin/sshd")?;
        let (plan, status, apply) = (plan?, status?, apply?);
        if answers {
            plan.expect(0)?;
            ensure!(status["unanswered"] == serde_json::json!([]), "{status}");
            apply.expect(0)?;
        } else {
            let plan = plan.expect(1)?;
            ensure!(plan.stderr.contains("printed nothing"), "{}", plan.stderr);
            let told = status["unanswered"].to_string();
            ensure!(told.contains("firewall[ufw]"), "{status}");
            ensure!(status["pending"] == serde_json::json!([]), "{status}");
            let apply = apply.expect(1)?;
            ensure!(apply.stderr.contains("printed nothing"), "{}", apply.stderr);
        }
    }
    host.shell("rm /root/sshd /root/instead")?;
    kit.run(&["plan", "--check"])?.expect(0)?;
    Ok(())
}

/// A later change goes back to what was confirmed before.
fn unconfirmed(host: &Machine, outside: &Machine) -> Result<()> {
    let before = files(host)?;
    let more = KIT_TOML.replace("allow = [", "allow = [{ port = 9090 }, ");
    host.write(CONFIG, &more, 0o600)?;
    Kit(host)
        .run(&["apply", "--yes", "--confirm-within", "30"])?
        .ok()?;
    reached(outside, host, 9090)?;
    rolled_back(host)?;
    ensure!(!reaches(outside, host, 9090)?, "the new port is still open");
    reached(outside, host, 40400)?;
    ensure!(files(host)? == before, "UFW's files differ");
    Kit(host).run(&["plan", "--check"])?.expect(3)?;
    let status = Kit(host).json(&["status", "--json"], 0)?;
    ensure!(
        status["rolled_back"].to_string().contains("firewall[ufw]"),
        "{status}"
    );
    host.write(CONFIG, KIT_TOML, 0o600)
}

/// Without the firewall; a host must have something.
fn open_host(host: &Machine) -> Result<()> {
    let nothing = "[hardening]\nenabled = true\nssh = false\naide = false\nfail2ban = false\nupdates = false\n\
                   chrony = false\nauditd = false\nkernel = false\n";
    let text = KIT_TOML.replace("= true", "= false");
    host.write(CONFIG, &format!("{nothing}{text}"), 0o600)
}

/// A removal can cut somebody off as well: where UFW was on, by its default.
fn removal_unconfirmed(host: &Machine, outside: &Machine) -> Result<()> {
    let before = files(host)?;
    open_host(host)?;
    let output = Kit(host)
        .run(&["apply", "--yes", "--confirm-within", "30"])?
        .ok()?;
    let told = output.stderr.find("unconfirmed:").context("not reported")?;
    let removed = output.stderr.find("remove firewall[ufw]");
    ensure!(removed.is_some_and(|at| told < at), "{}", output.stderr);
    reached(outside, host, 9090)?;
    rolled_back(host)?;
    ensure!(!reaches(outside, host, 9090)?, "still open");
    ensure!(files(host)? == before, "UFW's files differ");
    host.write(CONFIG, KIT_TOML, 0o600)?;
    let again = Kit(host).run(&["plan", "--check"])?.expect(0)?;
    ensure!(again.stdout.contains("in sync"), "{}", again.stdout);
    Ok(())
}

fn removed(host: &Machine, before: &str) -> Result<()> {
    open_host(host)?;
    let refused = Kit(host).run(&["apply"])?.expect(2)?;
    ensure!(refused.stderr.contains("--yes"), "{}", refused.stderr);
    Kit(host).run(&["apply", "--yes", "--confirm"])?.ok()?;
    as_before(host, before)?;
    host.write(CONFIG, KIT_TOML, 0o600)
}

fn as_before(host: &Machine, before: &str) -> Result<()> {
    let now = files(host)?;
    ensure!(now == before, "UFW's files were\n{before}and are\n{now}");
    let status = host.shell("ufw status")?;
    ensure!(status.trim() == "Status: inactive", "{status}");
    let tables = host.shell("nft list tables 2>/dev/null || true")?;
    ensure!(!tables.contains("aztec_kit"), "{tables}");
    Ok(())
}

/// Killed as soon as it has begun to close: nobody is there to confirm.
fn killed(host: &Machine, before: &str) -> Result<()> {
    let mut kit = host.spawn(&[super::KIT, "apply", "--yes", "--confirm-within", "15"])?;
    sh::wait_for("rules of ours", Duration::from_secs(180), || {
        // `aztec-kit: SSH` in the hex of UFW's files.
        let rules = host.read("/etc/ufw/user.rules")?;
        Ok(rules.contains("617a7465632d6b69743a20").then_some(()))
    })?;
    kit.kill()?;
    rolled_back(host)?;
    as_before(host, before)
}

/// The firewall comes up with the host, and goes when nobody confirms it. The time begins anew with the boot.
fn power_cut(host: &mut Machine, before: &str) -> Result<()> {
    Kit(host)
        .run(&["apply", "--yes", "--confirm-within", "120"])?
        .ok()?;
    host.kill_power()?;
    host.start()?;
    let status = host.shell("ufw status | head -1")?;
    ensure!(
        status.trim() == "Status: active",
        "after the power cut: {status}"
    );
    rolled_back(host)?;
    as_before(host, before)
}

/// UFW was on before us, and sshd has moved since, by its command line: nobody but us lets it in.
fn no_way_in(host: &Machine, outside: &Machine) -> Result<()> {
    let apply = ["apply", "--yes", "--confirm", "--json"];
    host.shell("ufw allow 22/tcp >&2; ufw --force enable >&2")?;
    Kit(host).json(&apply, 0)?;
    host.shell("echo 'SSHD_OPTS=\"-p 2222\"' >/etc/default/ssh; systemctl restart ssh")?;
    let changed = applied(&Kit(host).json(&apply, 0)?)?;
    ensure!(changed == ["firewall[ufw]"], "{changed:?}");
    reached(outside, host, 2222)?;
    open_host(host)?;
    let listing = Listing::of(host)?;
    let refusal = Kit(host).run(&["apply", "--yes"])?.expect(2)?;
    ensure!(
        refusal.stderr.contains("SSH at port 2222"),
        "{}",
        refusal.stderr
    );
    listing.still(host, "a refusal")?;
    host.shell("ufw allow 2222/tcp >&2")?;
    Kit(host).json(&apply, 0)?;
    reached(outside, host, 2222)?;
    Ok(())
}
