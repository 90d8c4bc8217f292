//! The comparison of the node and preflight, and its table.

use super::dictionary::{Dictionary, SILENT};
use super::disagrees;
use super::node::{Did, Seen};
use super::preflight::{Said, Verdict};
use super::rows::{Node, Row};

/// One row with what was measured.
#[derive(Debug, Clone)]
pub(super) struct Line {
    pub name: &'static str,
    pub port: u16,
    stated: Node,
    node: Seen,
    /// The entry of the dictionary that explains why the node does not work.
    explained: Option<String>,
    pub preflight: Said,
}

impl Line {
    pub fn new(row: &Row, port: u16, node: Seen, preflight: Said, dictionary: &Dictionary) -> Line {
        Line {
            explained: dictionary.explains(&node.log).map(str::to_owned),
            name: row.name,
            port,
            stated: row.node,
            node,
            preflight,
        }
    }

    /// A node that starts gets no `fail`, and one that does not start gets one. One that is too slow to start gets at
    /// least a warning.
    fn agrees(&self) -> bool {
        let verdict = self.preflight.verdict;
        match self.stated {
            Node::Starts => !verdict.is_failure(),
            Node::Exits(_) | Node::Waits(..) => verdict.is_failure(),
            Node::TooSlow(_) => verdict != Verdict::Pass,
        }
    }

    /// Every way in which this row is not as stated.
    fn wrong(&self) -> Option<String> {
        let Line { name, .. } = self;
        if !self.node.is(self.stated) {
            return Some(format!(
                "{name}: stated is {:?}, and the node did {:?} within {} s. The end of its log:\n{}",
                self.stated,
                self.node.did,
                self.node.seconds,
                end(&self.node.log),
            ));
        }
        let needs = matches!(self.stated, Node::Exits(_) | Node::Waits(..));
        if needs && self.explained.is_none() && !SILENT.contains(name) {
            return Some(format!(
                "{name}: errors.toml has no entry for what the node says:\n{}",
                errors(&self.node.log)
            ));
        }
        let what = format!(
            "the node did {:?}, and preflight says {:?}: {}",
            self.node.did, self.preflight.verdict, self.preflight.text
        );
        disagrees::wrong(name, self.agrees(), &what)
    }
}

/// The first lines of a log that may be the reason of an end, each shortened.
fn errors(log: &str) -> String {
    let words = ["ERROR", "WARN", "Details:", "Status:", "[cause]", "code:"];
    let told = log
        .lines()
        .filter(|line| words.iter().any(|word| line.contains(word)));
    told.take(12)
        .map(|line| format!("    {}\n", short(line, 160)))
        .collect()
}

/// The last lines of a log, each shortened.
fn end(log: &str) -> String {
    let lines: Vec<_> = log.lines().collect();
    let last = lines.iter().skip(lines.len().saturating_sub(12));
    last.map(|line| format!("    {}\n", short(line, 160)))
        .collect()
}

fn short(text: &str, length: usize) -> String {
    text.chars().take(length).collect()
}

/// What is wrong, one text for each row that is not as stated.
pub(super) fn wrong(lines: &[Line]) -> Vec<String> {
    lines.iter().filter_map(Line::wrong).collect()
}

/// All rows as a table.
pub(super) fn table(lines: &[Line]) -> String {
    let mut text = String::from(
        "| row | node | explained | preflight | agrees | seen |\n| --- | --- | --- | --- | --- | --- |\n",
    );
    for line in lines {
        let node = match (line.node.did, line.stated) {
            (Did::Started, _) => "starts".to_owned(),
            (Did::Exited(code), _) => format!("exits {code}"),
            (Did::Waited, Node::TooSlow(_)) => "is too slow".to_owned(),
            (Did::Waited, _) => "waits".to_owned(),
        };
        let agrees = if line.agrees() { "yes" } else { "NO" };
        text.push_str(&format!(
            "| {} | {node}, {} s | {} | {:?}, {:.1} s, {} MB | {agrees} | {} |\n",
            line.name,
            line.node.seconds,
            line.explained.as_deref().unwrap_or("-"),
            line.preflight.verdict,
            line.preflight.seconds,
            line.preflight.peak,
            short(&line.preflight.text.replace('\n', " "), 150),
        ));
    }
    text
}

#[cfg(test)]
mod tests {
    use super::{Did, Line, Node, Said, Seen, Verdict};

    fn line(stated: Node, did: Did, log: &str, verdict: Verdict) -> Line {
        Line {
            name: "a row",
            port: 1,
            stated,
            node: Seen {
                did,
                log: log.to_owned(),
                seconds: 1,
            },
            explained: Some("unreachable".to_owned()),
            preflight: Said {
                verdict,
                text: String::new(),
                seconds: 1.0,
                peak: 1,
            },
        }
    }

    #[test]
    fn a_start_gets_no_failure_and_an_end_gets_one() {
        let exits = Node::Exits("ENOTFOUND");
        let ended = |verdict| line(exits, Did::Exited(1), "x ENOTFOUND x", verdict).wrong();
        assert_eq!(ended(Verdict::Fail), None);
        assert_eq!(ended(Verdict::Refused), None);
        assert!(ended(Verdict::Warn).is_some() && ended(Verdict::Unknown).is_some());
        let started = |verdict| line(Node::Starts, Did::Started, "", verdict).wrong();
        assert_eq!(started(Verdict::Unknown), None);
        assert!(started(Verdict::Fail).is_some());
        let slow = |verdict| line(Node::TooSlow("a"), Did::Waited, "a", verdict).wrong();
        assert_eq!(slow(Verdict::Warn), None);
        assert!(slow(Verdict::Pass).is_some());
    }

    #[test]
    fn what_the_table_states_has_to_be_seen() {
        let exits = Node::Exits("ENOTFOUND");
        for (did, log) in [
            (Did::Exited(1), "ECONNREFUSED"),
            (Did::Exited(0), "ENOTFOUND"),
            (Did::Started, "ENOTFOUND"),
            (Did::Waited, "ENOTFOUND"),
        ] {
            let wrong = line(exits, did, log, Verdict::Fail).wrong();
            assert!(wrong.is_some_and(|wrong| wrong.contains("stated is Exits")));
        }
    }

    #[test]
    fn an_end_has_to_be_explained() {
        let log = "[1] ERROR: cli ENOTFOUND";
        let mut line = line(Node::Exits("ENOTFOUND"), Did::Exited(1), log, Verdict::Fail);
        assert_eq!(line.wrong(), None);
        line.explained = None;
        let wrong = line.wrong().unwrap();
        assert!(wrong.contains("no entry") && wrong.contains(log), "{wrong}");
    }
}
