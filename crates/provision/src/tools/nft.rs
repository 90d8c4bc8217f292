//! Tables in the output of `nft list ruleset`, and in the input of nft(8).

use std::net::{IpAddr, SocketAddr};

/// One table.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Table {
    /// Family and name: `inet mine`.
    pub name: String,
    /// Its comment.
    pub comment: Option<String>,
    /// Its chains in order.
    pub chains: Vec<Chain>,
}

/// One chain.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Chain {
    /// Name within its table.
    pub name: String,
    /// `filter`, `nat` or `route`; empty for a chain that is only a jump target.
    pub kind: String,
    /// Its hook: `input`, `forward`, `prerouting`, …; empty as above.
    pub hook: String,
    /// Whether packets without a rule are dropped.
    pub drops: bool,
    /// Its rules in order.
    pub rules: Vec<String>,
}

impl Chain {
    /// Whether it filters incoming packets of this host.
    pub fn filters_input(&self) -> bool {
        self.kind == "filter" && self.hook == "input"
    }

    /// Whether it blocks packets without a matching rule: by its policy, or by a rule for everything.
    pub fn shuts(&self) -> bool {
        let all = |rule: &String| {
            let mut words = rule.split_whitespace();
            let first = words.next();
            // `counter packets 0 bytes 0 drop`
            let first = match first {
                Some("counter") => words.find(|word| matches!(*word, "drop" | "reject")),
                first => first,
            };
            matches!(first, Some("drop" | "reject"))
        };
        self.drops || self.rules.iter().any(all)
    }

    /// The part of a chain that every version of nft prints in the same form: its place, and the end of each rule.
    fn shape(&self) -> (&str, &str, &str, bool, Vec<&str>) {
        let ends = self.rules.iter();
        let ends = ends.filter_map(|rule| rule.split_whitespace().next_back());
        (
            &self.name,
            &self.kind,
            &self.hook,
            self.drops,
            ends.collect(),
        )
    }
}

impl Table {
    /// Whether it equals another table, as far as two outputs can be compared: name, comment, and the shape of all
    /// chains.
    pub fn is_like(&self, other: &Self) -> bool {
        let shapes = |table: &'_ Self| -> bool {
            let (ours, theirs) = (self.chains.iter(), table.chains.iter());
            ours.map(Chain::shape).eq(theirs.map(Chain::shape))
        };
        self.name == other.name && self.comment == other.comment && shapes(other)
    }
}

impl Table {
    /// Whether another table closes at least the same hooks, whatever it allows: it has each chain in its place, and
    /// the same end of its last rule.
    pub fn closes_like(&self, other: &Self) -> bool {
        let end = |chain: &Chain| -> Option<String> {
            let last = chain.rules.last()?;
            last.split_whitespace().next_back().map(ToOwned::to_owned)
        };
        let place = |chain: &Chain| (chain.name.clone(), chain.kind.clone(), chain.hook.clone());
        self.chains.iter().all(|ours| {
            let mut others = other.chains.iter();
            others.any(|it| place(it) == place(ours) && end(it).is_some() && end(it) == end(ours))
        })
    }
}

/// All tables of a listing or of a file, in order; sets and maps are skipped.
pub fn tables(text: &str) -> Vec<Table> {
    let mut tables: Vec<Table> = Vec::new();
    // Every line that ends with a brace opens a block, and a brace alone closes it.
    let mut blocks: Vec<&str> = Vec::new();
    for line in text.lines().map(str::trim) {
        if let Some(head) = line.strip_suffix('{') {
            let (word, name) = head.trim().split_once(' ').unwrap_or((head.trim(), ""));
            let name = name.trim().to_owned();
            match (blocks.as_slice(), word, tables.last_mut()) {
                ([], "table", _) => tables.push(Table {
                    name,
                    ..Table::default()
                }),
                (["table"], "chain", Some(table)) => table.chains.push(Chain {
                    name,
                    ..Chain::default()
                }),
                _ => {}
            }
            blocks.push(word);
            continue;
        }
        if line == "}" {
            blocks.pop();
            continue;
        }
        let Some(table) = tables.last_mut() else {
            continue;
        };
        match blocks.as_slice() {
            ["table"] => {
                if let Some(comment) = line.strip_prefix("comment ") {
                    table.comment = Some(comment.trim_matches('"').to_owned());
                }
            }
            ["table", "chain"] => {
                if let Some(chain) = table.chains.last_mut() {
                    chain.read(line);
                }
            }
            _ => {}
        }
    }
    tables
}

/// Connections to a port that are forwarded to another address before any filter sees them.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Passed {
    /// `tcp` or `udp`.
    pub proto: String,
    /// The first and the last port of this host.
    pub ports: (u16, u16),
    /// Their new address.
    pub to: IpAddr,
    /// Their new port, if it differs.
    pub port: Option<u16>,
}

/// Connections from outside that are forwarded by `dnat` of any table. A forward to a map is skipped, because it does
/// not name a port.
pub fn passed(tables: &[Table]) -> Vec<Passed> {
    let chains = tables.iter().flat_map(|table| &table.chains);
    let mut all: Vec<_> = chains
        .filter(|chain| chain.hook != "output")
        .flat_map(|chain| &chain.rules)
        .flat_map(|rule| passed_by(rule).unwrap_or_default())
        .collect();
    all.sort();
    all.dedup();
    all
}

/// `iifname != "docker0" tcp dport { 80, 8080-8090 } counter packets 0 bytes 0 dnat to 172.17.0.2:80`
fn passed_by(rule: &str) -> Option<Vec<Passed>> {
    let words: Vec<_> = rule.split_whitespace().collect();
    let at = |word: &str| words.iter().position(|other| *other == word);
    let own = |pair: &[&str]| {
        matches!(pair, ["iif" | "iifname", "\"lo\""])
            || matches!(pair, ["daddr", to] if to.starts_with("127.") || *to == "::1")
    };
    if words.windows(2).any(own) {
        return None;
    }
    // `dnat to`, or `dnat ip to` in a table of both address families.
    let dnat = at("dnat")?;
    let to = words[dnat..].iter().position(|word| *word == "to")? + dnat + 1;
    let (to, port) = address(words.get(to)?)?;
    let dport = at("dport").filter(|at| *at < dnat)?;
    let protos: &[&str] = match *words.get(dport.checked_sub(1)?)? {
        "tcp" => &["tcp"],
        "udp" => &["udp"],
        _ => &["tcp", "udp"],
    };
    let ports = words[dport + 1..].iter();
    let ports = ports.take_while(|word| !word.starts_with(|c: char| c.is_ascii_lowercase()));
    let mut found = Vec::new();
    for part in ports {
        let part = part.trim_matches([',', '{', '}']);
        let (first, last) = part.split_once('-').unwrap_or((part, part));
        let (Ok(first), Ok(last)) = (first.parse(), last.parse()) else {
            continue;
        };
        found.extend(protos.iter().map(|proto| Passed {
            proto: (*proto).to_owned(),
            ports: (first, last),
            to,
            port,
        }));
    }
    Some(found)
}

/// `10.0.0.9`, `10.0.0.9:80`, `[fd00::2]:80`, `10.0.0.9-10.0.0.12`.
pub(super) fn address(text: &str) -> Option<(IpAddr, Option<u16>)> {
    if let Ok(socket) = text.parse::<SocketAddr>() {
        return Some((socket.ip(), Some(socket.port())));
    }
    let first = text.split('-').next()?;
    Some((first.parse().ok()?, None))
}

impl Chain {
    fn read(&mut self, line: &str) {
        let words: Vec<_> = line.split_whitespace().collect();
        match words.as_slice() {
            [] | ["comment", ..] => {}
            [first, ..] if first.starts_with('#') => {}
            // In files the policy may be on a line of its own.
            ["policy", policy] => self.drops = policy.starts_with("drop"),
            ["type", kind, "hook", hook, ..] => {
                self.kind = (*kind).into();
                self.hook = (*hook).into();
                self.drops = line.contains("policy drop");
            }
            _ => self.rules.push(line.to_owned()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Printed by nft 1.0.6 (Debian 12), terse: the table of aztec-kit, one like that of firewalld, one of
    /// `nftables.service`, and the filter of iptables-nft.
    const LISTED: &str = "\
table inet aztec_kit {
	comment \"aztec-kit 0123456789abcdef\"
	chain published {
		type filter hook forward priority filter - 10; policy accept;
		ct state established,related accept
		ip saddr 10.0.0.0/8 meta l4proto tcp ct status dnat ct original proto-dst 8180 accept
		oifname \"docker*\" drop
	}
}
table inet firewalld {
	chain filter_INPUT {
		type filter hook input priority filter + 10; policy accept;
		ct state { established, related } accept
		ct state invalid drop
		reject with icmpx admin-prohibited
	}
}
table ip own {
	map m {
		type inet_service : ipv4_addr . inet_service
		elements = { 5000 : 10.0.0.9 . 80,
			     5001 : 10.0.0.9 . 81 }
	}

	chain in {
		type filter hook input priority filter - 5; policy drop;
		tcp dport { 22, 80 } counter packets 0 bytes 0 accept
	}
}
table inet f2b-table {
	set addr-set-sshd {
		type ipv4_addr
	}

	chain f2b-chain {
		type filter hook input priority filter - 1; policy accept;
		ip saddr @addr-set-sshd reject with icmp port-unreachable
	}
}
";

    #[test]
    fn reads_tables_and_tells_who_shuts() {
        let all = tables(LISTED);
        let names: Vec<_> = all.iter().map(|table| table.name.as_str()).collect();
        assert_eq!(
            names,
            [
                "inet aztec_kit",
                "inet firewalld",
                "ip own",
                "inet f2b-table"
            ]
        );
        assert_eq!(
            all[0].comment.as_deref(),
            Some("aztec-kit 0123456789abcdef")
        );
        let first = |at: usize| all[at].chains[0].clone();
        assert_eq!(
            (first(0).rules.len(), first(0).hook),
            (3, "forward".to_owned())
        );
        let shuts = |at: usize| first(at).filters_input() && first(at).shuts();
        assert!(!shuts(0) && shuts(1) && shuts(2), "policy or last rule");
        assert!(!shuts(3), "who is banned is not everybody");
    }

    #[test]
    fn what_is_missing_or_changed_is_another_table() {
        let ours = tables(LISTED).remove(0);
        let with = |from: &str, to: &str| tables(&LISTED.replace(from, to)).remove(0);
        assert!(ours.is_like(&with("policy accept;", "policy accept;\n\t\t# a note")));
        assert!(!ours.is_like(&with("0123456789abcdef", "fedcba9876543210")));
        assert!(!ours.is_like(&with("\t\toifname \"docker*\" drop\n", "")));
        assert!(!ours.is_like(&with("\"docker*\" drop", "\"docker*\" accept")));
        assert!(!ours.is_like(&with("hook forward", "hook input")));
        // A table without a mark, from an earlier version, and with other rules: it closes the same.
        assert!(ours.closes_like(&with("0123456789abcdef", "")));
        assert!(ours.closes_like(&with(
            "\t\toifname \"docker*\" drop\n",
            "\t\taccept\n\t\tdrop\n"
        )));
        assert!(!ours.closes_like(&with("hook forward", "hook input")));
        assert!(!ours.closes_like(&with("drop", "accept")));
    }

    #[test]
    fn reads_what_is_passed_on() {
        // nft 1.0.6: rules of Docker through iptables-nft, of an operator, of netavark.
        let listed = "table ip nat {\n\tchain DOCKER {\n\
            \t\tiifname != \"docker0\" tcp dport 8080 counter packets 0 bytes 0 dnat to 172.17.0.2:80\n\
            \t\tiifname != \"docker0\" ip daddr 127.0.0.1 tcp dport 8081 counter packets 0 bytes 0 dnat to 172.17.0.2:80\n\
            \t\tiif \"lo\" tcp dport 7000 redirect to :7001\n\
            \t\tudp dport { 53, 9000-9002 } dnat to 10.0.0.9\n\
            \t\ttcp dport 8090 dnat ip to 10.88.0.2:80\n\
            \t\ttcp dport 8091 dnat to [fd00::2]:80\n\
            \t\tdnat ip to tcp dport map @m\n\t}\n\
            \tchain out {\n\t\ttype nat hook output priority -100; policy accept;\n\
            \t\ttcp dport 1 dnat to 10.0.0.1\n\t}\n}\n";
        let found: Vec<_> = passed(&tables(listed))
            .into_iter()
            .map(|it| format!("{} {:?} {} {:?}", it.proto, it.ports, it.to, it.port))
            .collect();
        assert_eq!(
            found,
            [
                "tcp (8080, 8080) 172.17.0.2 Some(80)",
                "tcp (8090, 8090) 10.88.0.2 Some(80)",
                "tcp (8091, 8091) fd00::2 Some(80)",
                "udp (53, 53) 10.0.0.9 None",
                "udp (9000, 9002) 10.0.0.9 None",
            ]
        );
    }
}
