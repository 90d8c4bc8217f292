//! Tables as `nft list ruleset` prints them, and as nft(8) reads them.

/// One table.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Table {
    /// Family and name: `inet mine`.
    pub name: String,
    /// What its author says of it.
    pub comment: Option<String>,
    /// In their order.
    pub chains: Vec<Chain>,
}

/// One chain.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Chain {
    /// Name within its table.
    pub name: String,
    /// `filter`, `nat` or `route`; empty for a chain that others jump to.
    pub kind: String,
    /// Where packets come by: `input`, `forward`, `prerouting`, …; empty as above.
    pub hook: String,
    /// Whether what no rule is about is dropped.
    pub drops: bool,
    /// In their order.
    pub rules: Vec<String>,
}

impl Chain {
    /// Whether it looks at what comes in to this host.
    pub fn filters_input(&self) -> bool {
        self.kind == "filter" && self.hook == "input"
    }

    /// Whether what no rule lets in is shut out: by its policy, or by a rule that is about everything.
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

    /// What two printings of the same chain have in common, whatever version of nft printed it: where it is, and in
    /// what each rule ends.
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
    /// Whether it is that one, as far as two printings can be compared: name, comment, and the shape of all chains.
    pub fn is_like(&self, other: &Self) -> bool {
        let shapes = |table: &'_ Self| -> bool {
            let (ours, theirs) = (self.chains.iter(), table.chains.iter());
            ours.map(Chain::shape).eq(theirs.map(Chain::shape))
        };
        self.name == other.name && self.comment == other.comment && shapes(other)
    }
}

/// All tables of a listing or of a file, in their order; sets and maps are left out.
pub fn tables(text: &str) -> Vec<Table> {
    let mut tables: Vec<Table> = Vec::new();
    // Every line that ends in a brace opens a block, and a brace alone closes it.
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

impl Chain {
    fn read(&mut self, line: &str) {
        let words: Vec<_> = line.split_whitespace().collect();
        match words.as_slice() {
            [] | ["comment", ..] => {}
            [first, ..] if first.starts_with('#') => {}
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

    /// Printed by nft 1.0.6 (Debian 12), terse: our table, one of firewalld's kind, one of `nftables.service`'s, and
    /// the filter of iptables-nft.
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
    }
}
