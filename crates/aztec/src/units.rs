//! The units of a host, derived from its desired state. Every check and command uses this list.

use provision::Fault;
use provision::engine::Graph;
use provision::tools::sshd_config::covers;

use crate::desired::with_roles;
use crate::facts::HostFacts;
use crate::features;
use crate::kinds::Kind;
use crate::roles::KitToml;
use crate::settings::Settings;

/// The units that a host runs. Each group is in the order of their dependencies.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Units {
    /// The units of its roles, and the proxy in front of them. `start` and `stop` act on these.
    pub work: Vec<String>,
    /// The units of monitoring and hardening, including programs of the distribution.
    pub care: Vec<String>,
}

impl Units {
    /// The units of a host with these settings, even if aztec-kit refuses that host; pure.
    pub fn of(settings: &Settings, facts: &HostFacts) -> Self {
        let (mut graph, base) = with_roles(settings, facts, KitToml::from(""));
        let roles = running(&graph);
        features::add(&mut graph, settings, facts, &base);
        let (work, care) = running(&graph)
            .into_iter()
            .partition(|unit| roles.contains(unit) || unit == server::caddy::UNIT);
        Self { work, care }
    }

    /// Whether a unit of this host has to stay up from its first start on. A unit of a role may crash until another unit that
    /// it needs answers.
    pub fn stays_up(&self, unit: &str) -> bool {
        unit == server::caddy::UNIT || self.care.iter().any(|other| other == unit)
    }

    /// The units that match a pattern, in the form of systemctl(1): `*` stands for any letters, `?` for one.
    ///
    /// # Errors
    ///
    /// When no unit matches.
    pub fn like(&self, pattern: &str) -> Result<Vec<String>, Fault> {
        let mut all = self.all();
        if all.iter().any(|unit| covers(pattern, unit)) {
            all.retain(|unit| covers(pattern, unit));
            return Ok(all);
        }
        let known = match all.as_slice() {
            [] => "This host has no services.".to_owned(),
            all => format!("The services of this host are {}.", all.join(", ")),
        };
        Err(Fault::new(format!("no service of this host matches `{pattern}`")).fix(known))
    }

    /// All units.
    pub fn all(&self) -> Vec<String> {
        [&self.work[..], &self.care].concat()
    }
}

/// The units of a graph that run, in its order.
fn running(graph: &Graph<Kind>) -> Vec<String> {
    let resources = graph.nodes().iter().map(|node| &node.resource);
    resources
        .filter_map(|resource| match resource {
            Kind::Service(service) if service.active => Some(service.unit.clone()),
            _ => None,
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn units(kit_toml: &str) -> Units {
        let facts = HostFacts {
            sshd: true,
            ..HostFacts::debian()
        };
        Units::of(&Settings::parse(kit_toml).unwrap(), &facts)
    }

    #[test]
    fn the_units_of_roles_are_distinguished_from_monitoring_and_hardening() {
        let Units { work, care } = units(
            "network = \"local\"\n[monitoring]\nenabled = true\n[hardening]\nenabled = true\n",
        );
        assert_eq!(work, ["aztec-l1.service", "aztec-node.service"]);
        for unit in [
            "prometheus.service",
            "prometheus-alertmanager.service",
            "prometheus-node-exporter.service",
            "aztec-collector.service",
            "aztec-metrics.timer",
            "fail2ban.service",
            "chrony.service",
        ] {
            assert!(care.iter().any(|it| it == unit), "{unit} of {care:?}");
        }
    }

    #[test]
    fn a_pattern_selects_units_of_this_host() {
        let units = units("network = \"local\"\n[monitoring]\nenabled = true\n");
        let work = units.like("aztec-*").unwrap();
        assert!(
            work.contains(&"aztec-node.service".into())
                && work.iter().all(|it| it.starts_with("aztec-")),
            "{work:?}"
        );
        assert_eq!(
            units.like("aztec-l?.service").unwrap(),
            ["aztec-l1.service"]
        );
        let none = units.like("aztec-prover*").unwrap_err();
        assert!(none.chain().contains("`aztec-prover*`"), "{none:?}");
        assert!(
            none.remedy()
                .is_some_and(|fix| fix.contains("aztec-l1.service, "))
        );
    }

    #[test]
    fn a_host_without_a_role_can_have_units() {
        let Units { work, care } = units("[node]\nenabled = false\n[monitoring]\nenabled = true\n");
        assert!(work.is_empty(), "{work:?}");
        assert!(care.contains(&"prometheus.service".to_owned()), "{care:?}");
    }
}
