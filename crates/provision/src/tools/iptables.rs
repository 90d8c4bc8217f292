//! The filter as `iptables -S` and `ip6tables -S` print it: iptables(8).

use std::collections::BTreeMap;

use super::nft::{self, Passed};

/// The chains of one address family.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Filter {
    /// The treatment of packets without a rule, by built-in chain: `ACCEPT` or `DROP`.
    pub policies: BTreeMap<String, String>,
    /// Rules by chain, in order; a chain without rules has an empty list.
    pub chains: BTreeMap<String, Vec<Rule>>,
}

/// One rule.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Rule {
    words: Vec<String>,
}

/// Matches that still cover everybody; any other match (a mark, a set, an owner) restricts the rule.
const BROAD: [&str; 7] = [
    "tcp",
    "udp",
    "multiport",
    "comment",
    "conntrack",
    "state",
    "addrtype",
];

impl Rule {
    /// The argument of an option, and whether a `!` precedes it.
    fn option(&self, names: &[&str]) -> Option<(bool, &str)> {
        let at = self
            .words
            .iter()
            .position(|word| names.contains(&word.as_str()))?;
        let not = at > 0 && self.words[at - 1] == "!";
        Some((not, self.words.get(at + 1)?))
    }

    /// The target of a rule: `ACCEPT`, `DROP`, the name of a chain, …
    pub fn target(&self) -> &str {
        self.option(&["-j", "-g"]).map_or("", |(_, target)| target)
    }

    /// Whether it covers new connections from any address at any interface.
    pub fn is_about_everybody(&self) -> bool {
        let only = |names: &[&str]| matches!(self.option(names), Some((false, _)));
        let states = self.option(&["--ctstate", "--state"]);
        let new =
            states.is_none_or(|(not, states)| not || states.split(',').any(|state| state == "NEW"));
        let has_ports = self
            .option(&["-p"])
            .is_none_or(|(_, proto)| matches!(proto, "tcp" | "udp" | "all"));
        let own = |(not, to): (bool, &str)| {
            !not && ["127.", "224.", "::1", "ff"]
                .iter()
                .any(|it| to.starts_with(it))
        };
        let here = self.option(&["-d"]).is_some_and(own);
        let mut pairs = self.words.windows(2);
        let broad = pairs.all(|pair| pair[0] != "-m" || BROAD.contains(&pair[1].as_str()));
        new && has_ports && broad && !here && !only(&["-i"]) && !only(&["-s"])
    }

    /// Whether it is restricted to some ports.
    pub fn names_ports(&self) -> bool {
        self.option(&["--dport", "--dports"]).is_some()
    }

    /// The text in the form of iptables.
    pub fn shown(&self) -> String {
        self.words.join(" ")
    }
}

impl Filter {
    /// The chains in an output.
    pub fn parse(text: &str) -> Self {
        let mut filter = Self::default();
        for line in text.lines() {
            let words = words(line);
            match words.iter().map(String::as_str).collect::<Vec<_>>()[..] {
                ["-P", chain, policy, ..] => {
                    filter.policies.insert(chain.into(), policy.into());
                    filter.chains.entry(chain.into()).or_default();
                }
                ["-N", chain] => {
                    filter.chains.entry(chain.into()).or_default();
                }
                ["-A", chain, ..] => {
                    let rules = filter.chains.entry(chain.into()).or_default();
                    rules.push(Rule { words });
                }
                _ => {}
            }
        }
        filter
    }

    /// The rules of a chain; none if it does not exist.
    pub fn rules(&self, chain: &str) -> &[Rule] {
        self.chains.get(chain).map_or(&[], Vec::as_slice)
    }

    /// Whether a chain sends all packets to another one.
    pub fn jumps(&self, chain: &str, to: &str) -> bool {
        let plain = ["-A", chain, "-j", to];
        self.rules(chain).iter().any(|rule| rule.words == plain)
    }

    /// Rules that accept everybody, in a chain and in those that it leads to. Chains whose names begin with `but` are
    /// not followed.
    pub fn accepting(&self, chain: &str, but: &str) -> Vec<&Rule> {
        let (mut found, mut met) = (Vec::new(), vec![chain]);
        let mut next = 0;
        while let Some(chain) = met.get(next).copied() {
            next += 1;
            for rule in self.rules(chain) {
                if !rule.is_about_everybody() {
                    continue;
                }
                match rule.target() {
                    "ACCEPT" => found.push(rule),
                    other if other.starts_with(but) || met.contains(&other) => {}
                    other => met.push(other),
                }
            }
        }
        found
    }
}

/// Connections from outside that are forwarded, in `iptables -t nat -S`: see [`nft::passed`].
pub fn passed(printed: &str) -> Vec<Passed> {
    let filter = Filter::parse(printed);
    let rules = filter.chains.values().flatten();
    let mut all: Vec<_> = rules.filter_map(passed_by).collect();
    all.sort();
    all.dedup();
    all
}

fn passed_by(rule: &Rule) -> Option<Passed> {
    let own = rule
        .option(&["-d"])
        .is_some_and(|(_, to)| to.starts_with("127."));
    if rule.target() != "DNAT" || own {
        return None;
    }
    let (_, ports) = rule.option(&["--dport"])?;
    let (first, last) = ports.split_once(':').unwrap_or((ports, ports));
    let (to, port) = nft::address(rule.option(&["--to-destination"])?.1)?;
    Some(Passed {
        proto: rule.option(&["-p"])?.1.to_owned(),
        ports: (first.parse().ok()?, last.parse().ok()?),
        to,
        port,
    })
}

/// The words of a line. A quoted word is one, because a comment may contain anything.
fn words(line: &str) -> Vec<String> {
    let (mut words, mut word) = (Vec::new(), String::new());
    let (mut quoted, mut letters) = (false, line.chars());
    while let Some(letter) = letters.next() {
        match letter {
            '\\' if quoted => word.extend(letters.next()),
            '"' => quoted = !quoted,
            ' ' if !quoted => words.push(std::mem::take(&mut word)),
            other => word.push(other),
        }
    }
    words.push(word);
    words.retain(|word| !word.is_empty());
    words
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Printed by iptables 1.8.9 (nf_tables), Debian 12.
    const PRINTED: &str = r#"-P INPUT DROP
-P FORWARD ACCEPT
-P OUTPUT ACCEPT
-N f2b-sshd
-N mine
-N ufw-before-input
-N ufw-user-input
-A INPUT -p tcp -m tcp --dport 9999 -j ACCEPT
-A INPUT -s 10.0.0.0/8 -p tcp -m multiport --dports 9999,80:90 -m comment --comment "a b -j ACCEPT" -j ACCEPT
-A INPUT -m comment --comment "to \"everybody\" -j ACCEPT" -j mine
-A INPUT -i lo -j ACCEPT
-A INPUT ! -i eth0 -p udp -m udp --dport 53 -j ACCEPT
-A INPUT -p icmp -j ACCEPT
-A INPUT -p esp -j ACCEPT
-A INPUT -d 224.0.0.251/32 -p udp -m udp --dport 5353 -j ACCEPT
-A INPUT -m mark --mark 0x10000/0x10000 -j ACCEPT
-A INPUT -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT
-A INPUT -j ufw-before-input
-A mine -j mine
-A mine -p tcp -m tcp --dport 25 -j DROP
-A mine -j ACCEPT
-A ufw-before-input -p tcp -m tcp --dport 22 -j ACCEPT
"#;

    #[test]
    fn tells_who_comes_in_past_a_chain() {
        let filter = Filter::parse(PRINTED);
        assert_eq!(filter.policies["INPUT"], "DROP");
        assert!(filter.jumps("INPUT", "ufw-before-input") && !filter.jumps("INPUT", "mine"));
        assert!(filter.chains.contains_key("ufw-user-input"));
        let past: Vec<_> = filter.accepting("INPUT", "ufw-").into_iter().collect();
        let shown: Vec<_> = past.iter().map(|rule| rule.shown()).collect();
        assert_eq!(
            shown,
            [
                "-A INPUT -p tcp -m tcp --dport 9999 -j ACCEPT",
                "-A INPUT ! -i eth0 -p udp -m udp --dport 53 -j ACCEPT",
                "-A mine -j ACCEPT",
            ]
        );
        assert!(past[0].names_ports() && !past[2].names_ports());
    }

    #[test]
    fn reads_what_docker_passes_on() {
        // iptables 1.8.9, Docker's rules.
        let printed = "-P PREROUTING ACCEPT\n-N DOCKER\n\
            -A PREROUTING -m addrtype --dst-type LOCAL -j DOCKER\n\
            -A DOCKER ! -i docker0 -p tcp -m tcp --dport 8080 -j DNAT --to-destination 172.17.0.2:80\n\
            -A DOCKER -d 127.0.0.1/32 ! -i docker0 -p tcp -m tcp --dport 8081 -j DNAT --to-destination 172.17.0.2:80\n";
        let found = passed(printed);
        assert_eq!(found.len(), 1, "{found:?}");
        assert_eq!(
            (found[0].ports, found[0].port, found[0].to.to_string()),
            ((8080, 8080), Some(80), "172.17.0.2".to_owned())
        );
    }
}
