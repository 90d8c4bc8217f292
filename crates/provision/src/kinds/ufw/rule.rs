//! Connections to accept, and their form in UFW.

use std::fmt;
use std::net::IpAddr;

use serde::{Deserialize, Serialize};

use crate::tools::network::holds;
use crate::tools::ufw::Tuple;

/// The comments of aztec-kit's rules begin with this. All other rules are the operator's.
const MARK: &str = "aztec-kit: ";

/// A transport protocol.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Proto {
    /// TCP.
    Tcp,
    /// UDP.
    Udp,
}

impl Proto {
    /// Its name in UFW.
    pub fn name(self) -> &'static str {
        match self {
            Self::Tcp => "tcp",
            Self::Udp => "udp",
        }
    }
}

/// Connections to accept.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Rule {
    /// Protocol.
    pub proto: Proto,
    /// Port of this host.
    pub port: u16,
    /// An address or network in its shortest form, for example `10.0.0.0/8`; `None` means everyone.
    pub from: Option<String>,
    /// Their purpose, in a few words.
    pub purpose: String,
    /// Whether an address may connect only six times in 30 seconds (`ufw limit`).
    pub limit: bool,
}

impl fmt::Display for Rule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let from = self.from.as_deref().unwrap_or("anywhere");
        write!(f, "{}/{} from {from}", self.port, self.proto.name())
    }
}

impl Rule {
    /// The action in UFW.
    pub(super) fn action(&self) -> &'static str {
        if self.limit { "limit" } else { "allow" }
    }

    /// The arguments of `ufw` that add or delete it, without its comment; for one address family or both.
    pub(super) fn arguments(&self, only: Option<bool>) -> Vec<String> {
        let any = match only {
            None => "any",
            Some(false) => "0.0.0.0/0",
            Some(true) => "::/0",
        };
        let from = self.from.as_deref().unwrap_or(any);
        let port = self.port.to_string();
        let words = [
            self.action(),
            "proto",
            self.proto.name(),
            "from",
            from,
            "to",
            "any",
            "port",
            &port,
        ];
        words.map(String::from).into()
    }

    pub(super) fn comment(&self) -> String {
        format!("{MARK}{}", self.purpose)
    }

    /// Whether it belongs in the file of that family.
    pub(super) fn in_family(&self, v6: bool) -> bool {
        self.from
            .as_ref()
            .is_none_or(|from| from.contains(':') == v6)
    }

    /// Whether this line is exactly the one that aztec-kit writes.
    pub(super) fn is(&self, tuple: &Tuple) -> bool {
        tuple.action == self.action()
            && tuple.proto == self.proto.name()
            && self.same_source(tuple)
            && tuple.is_about(self.proto.name(), self.port)
            && tuple.port == self.port.to_string()
    }

    /// Whether this line of the operator allows the same.
    pub(super) fn is_met_by(&self, tuple: &Tuple) -> bool {
        tuple.allows()
            && tuple.is_about(self.proto.name(), self.port)
            && (tuple.from_anywhere() || self.same_source(tuple))
    }

    /// Whether this line of the operator contradicts it: UFW would replace that line by the rule.
    pub(super) fn contradicts(&self, tuple: &Tuple) -> bool {
        !tuple.allows()
            && tuple.is_about(self.proto.name(), self.port)
            && (tuple.from_anywhere() || self.same_source(tuple))
    }

    fn same_source(&self, tuple: &Tuple) -> bool {
        match &self.from {
            None => tuple.from_anywhere(),
            Some(from) => *from == tuple.from,
        }
    }

    /// Whether it accepts a TCP connection from that address to that port.
    pub fn lets_in(&self, remote: IpAddr, port: u16) -> bool {
        self.proto == Proto::Tcp
            && self.port == port
            && self.from.as_deref().is_none_or(|from| holds(from, remote))
    }

    /// The rule of a line that aztec-kit wrote.
    pub(super) fn of(tuple: &Tuple) -> Option<Self> {
        Some(Self {
            proto: match tuple.proto.as_str() {
                "tcp" => Proto::Tcp,
                "udp" => Proto::Udp,
                _ => return None,
            },
            port: tuple.port.parse().ok()?,
            from: (!tuple.from_anywhere()).then(|| tuple.from.clone()),
            purpose: tuple.comment.strip_prefix(MARK)?.to_owned(),
            limit: tuple.action == "limit",
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tools::ufw::tuples;

    fn rule(limit: bool, from: Option<&str>) -> Rule {
        Rule {
            proto: Proto::Tcp,
            port: 22,
            from: from.map(String::from),
            purpose: "SSH".into(),
            limit,
        }
    }

    fn tuple(text: &str) -> Tuple {
        tuples(&format!("### tuple ### {text}\n")).remove(0)
    }

    #[test]
    fn the_rules_of_the_operator_count_as_written() {
        let ours = rule(true, None);
        let open = tuple("allow tcp 22 0.0.0.0/0 any 0.0.0.0/0 in");
        assert!(ours.is_met_by(&open) && !ours.is(&open));
        let some = tuple("allow tcp 22 0.0.0.0/0 any 10.0.0.0/8 in");
        assert!(!ours.is_met_by(&some), "some is not all");
        assert!(rule(false, Some("10.0.0.0/8")).is_met_by(&some));
        let shut = tuple("deny any 20:30 ::/0 any ::/0 in");
        assert!(ours.contradicts(&shut) && !ours.is_met_by(&shut));
    }

    #[test]
    fn own_lines_are_recognised() {
        let ours = tuple("limit tcp 22 ::/0 any ::/0 in comment=617a7465632d6b69743a20535348");
        assert_eq!(Rule::of(&ours), Some(rule(true, None)));
        assert!(rule(true, None).is(&ours) && !rule(false, None).is(&ours));
        assert_eq!(Rule::of(&tuple("limit tcp 22 ::/0 any ::/0 in")), None);
    }
}
