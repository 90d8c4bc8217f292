//! Who can reach what listens here, compared with what is wanted.

use std::collections::BTreeSet;

use provision::Fault;
use provision::host::{Probe, Query};
use provision::kinds::{Proto, listening};

use super::preflight::{Finding, Verdict};
use crate::features::firewall::ufw;
use crate::settings::Settings;

const CHECK: &str = "exposure";

/// What keeps the firewall from being what is wanted, before anything is touched.
pub(super) fn obstacles(settings: &Settings, probe: &dyn Probe) -> Result<Vec<Finding>, Fault> {
    let Some(ufw) = ufw(settings) else {
        return Ok(Vec::new());
    };
    let found = match ufw.obstacles(probe) {
        Ok(found) => found,
        Err(fault) => vec![fault],
    };
    Ok(found
        .iter()
        .map(|fault| {
            let message = format!("{}. {}", fault.chain(), fault.remedy().unwrap_or_default());
            Finding::new("firewall", Verdict::Fail, message.trim_end())
        })
        .collect())
}

/// Which of the ports that are for this host alone others can reach.
pub fn exposure(settings: &Settings, probe: &dyn Probe) -> Finding {
    reachable(settings, probe).unwrap_or_else(|fault| Finding::unanswered(CHECK, &fault))
}

fn reachable(settings: &Settings, probe: &dyn Probe) -> Result<Finding, Fault> {
    let open = listening(probe)?;
    let private: BTreeSet<u16> = settings
        .ports()
        .into_iter()
        .filter(|(key, ..)| !key.ends_with("p2p") && *key != "p2p.port")
        .map(|(_, port, _)| port)
        .filter(|port| open.contains(&(Proto::Tcp, *port)))
        .collect();
    let Some(ufw) = ufw(settings) else {
        return Ok(unguarded(&private));
    };
    // The files of UFW say what it would do; only the kernel knows whether it does.
    let loaded = |v6| {
        let filter = probe.ask(&Query::Filter { v6 })?;
        Ok::<_, Fault>(filter.stdout.contains("-before-input"))
    };
    let has_v6 = probe
        .read("/proc/net/if_inet6".as_ref())?
        .is_some_and(|text| !text.is_empty());
    if !loaded(false)? || has_v6 && !loaded(true)? {
        return Ok(Finding::new(
            CHECK,
            Verdict::Fail,
            "the kernel has no rules of UFW, and everybody can connect. Run `aztec-kit plan`; if that says in sync, `ufw reload`.",
        ));
    }
    let mut reached = Vec::new();
    for port in &private {
        if ufw.opens(probe, Proto::Tcp, *port)? {
            reached.push(*port);
        }
    }
    if !reached.is_empty() {
        return Ok(Finding::new(
            CHECK,
            Verdict::Warn,
            format!(
                "firewall rules of yours let everybody reach {}. Look at them with `ufw status`.",
                list(&reached)
            ),
        ));
    }
    let mut seen = BTreeSet::new();
    for (proto, port) in &open {
        if ufw.opens(probe, *proto, *port)? {
            seen.insert(format!("{port}/{}", proto.name()));
        }
    }
    let seen: Vec<_> = seen.into_iter().collect();
    let message = if seen.is_empty() {
        "nothing that listens can be reached by everybody".into()
    } else {
        format!(
            "of all that listens, everybody can reach {} and nothing else",
            seen.join(", ")
        )
    };
    Ok(Finding::new(CHECK, Verdict::Pass, message))
}

fn unguarded(private: &BTreeSet<u16>) -> Finding {
    if private.is_empty() {
        return Finding::new(
            CHECK,
            Verdict::Pass,
            "nothing private listens to other hosts",
        );
    }
    let ports: Vec<_> = private.iter().copied().collect();
    Finding::new(
        CHECK,
        Verdict::Warn,
        format!(
            "{} listen on every interface and are for this host alone. Close them: `aztec-kit setup --with-firewall`.",
            list(&ports)
        ),
    )
}

fn list(ports: &[u16]) -> String {
    let ports: Vec<_> = ports.iter().map(ToString::to_string).collect();
    ports.join(", ")
}

#[cfg(test)]
mod tests {
    use provision::host::FileType;
    use provision::host::fake::FakeHost;

    use super::*;

    /// A host on which something listens, at an address as the kernel writes it.
    fn seen(address: &str, kit_toml: &str) -> Finding {
        let mut host = FakeHost::debian().with_ufw();
        host.plant("/proc/net", FileType::Directory, b"", 0o755);
        let row = format!("head\n 0: {address}:1F90 00000000:0000 0A 0:0 0:0 0 0 0 1 1\n");
        host.plant("/proc/net/tcp", FileType::File, row.as_bytes(), 0o444);
        exposure(&Settings::parse(kit_toml).unwrap(), &host)
    }

    #[test]
    fn a_port_for_this_host_alone_must_not_listen_for_others() {
        let open = seen("00000000", "");
        assert!(
            open.status == Verdict::Warn && open.message.starts_with("8080 "),
            "{open:?}"
        );
        assert_eq!(seen("0100007F", "").status, Verdict::Pass);
        let elsewhere = seen("00000000", "[ports]\nrpc = 9080\n");
        assert_eq!(
            elsewhere.status,
            Verdict::Pass,
            "not a port of ours: {elsewhere:?}"
        );
    }

    #[test]
    fn rules_that_the_kernel_does_not_have_do_not_count() {
        let flushed = seen("00000000", "[firewall]\nenabled = true\n");
        assert_eq!(flushed.status, Verdict::Fail, "{flushed:?}");
    }
}
