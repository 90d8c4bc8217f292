//! The files of UFW: ufw(8), and `backend_iptables.py` of 0.36.2, which writes them.

use std::net::IpAddr;

/// One rule, from its `### tuple ###` line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Tuple {
    /// `allow`, `limit`, `deny` or `reject`, without its logging.
    pub action: String,
    /// Whether it forwards packets between two other hosts.
    pub route: bool,
    /// `tcp`, `udp`, `any`, …
    pub proto: String,
    /// `any`, a port, or several as in `80,443` and `1000:2000`.
    pub port: String,
    /// The local address: `0.0.0.0/0`, `::/0`, or one of several.
    pub to: String,
    /// The remote port, as `port`.
    pub from_port: String,
    /// The remote address or network.
    pub from: String,
    /// `in`, `out`, or with an interface `in_eth0`.
    pub direction: String,
    /// Its comment.
    pub comment: String,
}

/// The addresses that mean any, in the files of both address families.
const ANY: [&str; 2] = ["0.0.0.0/0", "::/0"];

impl Tuple {
    /// Whether it covers everybody.
    pub fn from_anywhere(&self) -> bool {
        ANY.contains(&self.from.as_str())
    }

    /// Whether it covers all connections to this port of this host, on every interface and address.
    pub fn is_about(&self, proto: &str, port: u16) -> bool {
        !self.route
            && self.direction == "in"
            && ANY.contains(&self.to.as_str())
            && self.from_port == "any"
            && (self.proto == "any" || self.proto == proto)
            && covers(&self.port, port)
    }

    /// Whether it covers some connections to this port: at some interface, to some address, or from somebody.
    pub fn concerns(&self, proto: &str, port: u16) -> bool {
        !self.route
            && (self.direction == "in" || self.interface().is_some())
            && self.from_port == "any"
            && (self.proto == "any" || self.proto == proto)
            && covers(&self.port, port)
    }

    /// The only incoming interface that it covers.
    pub fn interface(&self) -> Option<&str> {
        self.direction.strip_prefix("in_")
    }

    /// Whether it forwards everybody's packets to that port of that address (`ufw route allow`).
    pub fn lets_through(&self, proto: &str, to: &str, port: u16) -> bool {
        self.route
            && self.allows()
            && self.from_anywhere()
            && self.from_port == "any"
            && (ANY.contains(&self.to.as_str()) || self.to == to)
            && (self.proto == "any" || self.proto == proto)
            && covers(&self.port, port)
    }

    /// The same as a rule of nftables, for packets whose destination has been rewritten; `None` if it does not allow
    /// forwarding, or nftables cannot express it.
    pub fn through(&self) -> Option<String> {
        if !self.route || !self.allows() || self.from_port != "any" {
            return None;
        }
        let mut rule = Vec::new();
        for part in self.direction.split('!') {
            let (word, name) = match part.split_once('_') {
                Some(("in", name)) => ("iifname", name),
                Some(("out", name)) => ("oifname", name),
                _ if matches!(part, "in" | "out") => continue,
                _ => return None,
            };
            let plain = |c: char| c.is_ascii_alphanumeric() || ".-_:@+".contains(c);
            if !name.chars().all(plain) {
                return None;
            }
            rule.push(format!("{word} \"{}\"", name.replace('+', "*")));
        }
        for (word, address) in [("saddr", &self.from), ("daddr", &self.to)] {
            if !ANY.contains(&address.as_str()) {
                let base = address.split('/').next()?.parse::<IpAddr>().ok()?;
                let rest = address.trim_start_matches(|c: char| c != '/');
                let digits = rest.trim_start_matches('/');
                if !digits.chars().all(|c| c.is_ascii_digit()) {
                    return None;
                }
                let family = if base.is_ipv6() { "ip6" } else { "ip" };
                rule.push(format!("{family} {word} {address}"));
            }
        }
        match self.proto.as_str() {
            "any" => rule.push("meta l4proto { tcp, udp }".into()),
            "tcp" | "udp" => rule.push(format!("meta l4proto {}", self.proto)),
            _ => return None,
        }
        if self.port != "any" {
            let plain = |c: char| c.is_ascii_digit() || ",:".contains(c);
            if !self.port.chars().all(plain) {
                return None;
            }
            let ports = self.port.replace(':', "-").replace(',', ", ");
            rule.push(format!("th dport {{ {ports} }}"));
        }
        rule.push("ct status dnat accept".into());
        Some(rule.join(" "))
    }

    /// Whether it allows connections.
    pub fn allows(&self) -> bool {
        matches!(self.action.as_str(), "allow" | "limit")
    }
}

fn covers(ports: &str, port: u16) -> bool {
    ports == "any"
        || ports.split(',').any(|part| {
            let (first, last) = part.split_once(':').unwrap_or((part, part));
            first.parse().is_ok_and(|first| port >= first)
                && last.parse().is_ok_and(|last| port <= last)
        })
}

/// The rules in `user.rules` or `user6.rules`, in order.
pub fn tuples(text: &str) -> Vec<Tuple> {
    text.lines()
        .filter_map(|line| tuple(line.strip_prefix("### tuple ### ")?))
        .collect()
}

/// `[route:]ACTION[_log] PROTO PORT TO PORT FROM [APP APP] DIRECTION[_INTERFACE] [comment=HEX]`
fn tuple(line: &str) -> Option<Tuple> {
    let mut words: Vec<_> = line.split_whitespace().collect();
    let comment = words.pop_if(|word| word.starts_with("comment="));
    let comment = comment.and_then(|word| const_hex::decode(&word["comment=".len()..]).ok());
    let direction = words.pop()?.to_owned();
    let [action, proto, port, to, from_port, from, ..] = words[..] else {
        return None;
    };
    let (route, action) = match action.strip_prefix("route:") {
        Some(action) => (true, action),
        None => (false, action),
    };
    let action = action.split('_').next()?;
    Some(Tuple {
        action: action.into(),
        route,
        proto: proto.into(),
        port: port.into(),
        to: to.into(),
        from_port: from_port.into(),
        from: from.into(),
        direction,
        comment: String::from_utf8_lossy(&comment.unwrap_or_default()).into_owned(),
    })
}

/// The value of a variable in `ufw.conf` or `/etc/default/ufw`, which a shell reads: the last assignment counts.
pub fn variable(text: &str, name: &str) -> Option<String> {
    let mut values = text.lines().filter_map(|line| {
        let value = line.trim().strip_prefix(name)?.strip_prefix('=')?;
        let value = value.split('#').next()?.trim();
        Some(value.trim_matches(['"', '\'']).to_owned())
    });
    values.next_back()
}

#[cfg(test)]
mod tests {
    use super::*;

    // Written by ufw 0.36.2.
    const RULES: &str = "\
### RULES ###

### tuple ### limit tcp 22 0.0.0.0/0 any 0.0.0.0/0 in comment=617a7465632d6b69743a20535348
-A ufw-user-input -p tcp --dport 22 -j ufw-user-limit-accept

### tuple ### allow tcp 8180 0.0.0.0/0 any 10.0.0.0/8 in
### tuple ### allow tcp 22 0.0.0.0/0 any 0.0.0.0/0 OpenSSH - in
### tuple ### allow tcp 80,443 0.0.0.0/0 any 0.0.0.0/0 in
### tuple ### deny tcp 1000:2000 0.0.0.0/0 any 0.0.0.0/0 in_eth0
### tuple ### allow any 53 0.0.0.0/0 any 0.0.0.0/0 in
### tuple ### route:allow any any 1.2.3.4 any 0.0.0.0/0 in_eth0
### tuple ### reject any 25 0.0.0.0/0 any 0.0.0.0/0 out
### tuple ### allow_log tcp 2222 0.0.0.0/0 any 0.0.0.0/0 in
";

    #[test]
    fn reads_every_form_of_rule() {
        let all = tuples(RULES);
        assert_eq!(all.len(), 9);
        let about = |proto, port| -> Vec<usize> {
            let hits = all.iter().enumerate();
            hits.filter(|(_, tuple)| tuple.is_about(proto, port))
                .map(|(at, _)| at)
                .collect()
        };
        assert_eq!(about("tcp", 22), [0, 2], "its own word, and an application");
        assert_eq!(about("tcp", 443), [3], "a list");
        assert_eq!(about("tcp", 1500), [0; 0], "one interface is not all");
        assert_eq!(about("udp", 53), [5], "any protocol");
        assert_eq!(about("tcp", 25), [0; 0], "going out");
        assert_eq!(about("tcp", 2222), [8], "logged");
        assert_eq!(all[0].comment, "aztec-kit: SSH");
        assert!(all[8].allows() && !all[4].allows() && all[6].route);
        assert!(!all[1].from_anywhere() && all[0].from_anywhere());
    }

    #[test]
    fn what_is_let_through_can_be_said_to_nftables() {
        let lines = "### tuple ### route:allow tcp 30303 0.0.0.0/0 any 0.0.0.0/0 in\n\
                     ### tuple ### route:allow any 80,1000:2000 172.18.0.2 any 10.0.0.0/8 in_eth0!out_br-lan+\n\
                     ### tuple ### route:deny tcp 81 0.0.0.0/0 any 0.0.0.0/0 in\n\
                     ### tuple ### route:allow tcp 82 0.0.0.0/0 any 0.0.0.0/0 in_a\"b\n\
                     ### tuple ### allow tcp 83 0.0.0.0/0 any 0.0.0.0/0 in\n";
        let said: Vec<_> = tuples(lines).iter().filter_map(Tuple::through).collect();
        assert_eq!(
            said,
            [
                "meta l4proto tcp th dport { 30303 } ct status dnat accept",
                "iifname \"eth0\" oifname \"br-lan*\" ip saddr 10.0.0.0/8 ip daddr 172.18.0.2 \
                 meta l4proto { tcp, udp } th dport { 80, 1000-2000 } ct status dnat accept",
            ]
        );
        let all = tuples(lines);
        assert!(all[0].lets_through("tcp", "172.31.0.2", 30303));
        assert!(!all[0].lets_through("udp", "172.31.0.2", 30303));
        assert!(
            !all[1].lets_through("tcp", "172.18.0.2", 80),
            "not everybody"
        );
    }

    #[test]
    fn reads_variables_as_a_shell_does() {
        let text =
            "# ENABLED=maybe\nENABLED=no\nDEFAULT_INPUT_POLICY=\"DROP\" # mine\nENABLED=yes\n";
        assert_eq!(variable(text, "ENABLED").as_deref(), Some("yes"));
        assert_eq!(
            variable(text, "DEFAULT_INPUT_POLICY").as_deref(),
            Some("DROP")
        );
        assert_eq!(variable(text, "IPV6"), None);
    }
}
