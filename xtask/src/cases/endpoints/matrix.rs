//! The comparison of the node and preflight, and its table.

use super::disagrees;
use super::node::{Did, Seen};
use super::preflight::Said;
use super::rows::{Node, Row};

/// One row with what was measured.
#[derive(Debug, Clone)]
pub(super) struct Line {
    pub name: &'static str,
    pub port: u16,
    stated: Node,
    node: Seen,
    pub preflight: Said,
}

impl Line {
    pub fn new(row: &Row, port: u16, node: Seen, preflight: Said) -> Line {
        Line {
            name: row.name,
            port,
            stated: row.node,
            node,
            preflight,
        }
    }

    /// A node that starts gets no `fail`, and one that does not start gets one.
    fn agrees(&self) -> bool {
        let starts = self.node.did == Did::Started || matches!(self.stated, Node::Starting(_));
        starts != self.preflight.verdict.is_failure()
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
        let what = format!(
            "the node did {:?}, and preflight says {:?}: {}",
            self.node.did, self.preflight.verdict, self.preflight.text
        );
        disagrees::wrong(name, self.agrees(), &what)
    }
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
        "| row | node | preflight | agrees | seen |\n| --- | --- | --- | --- | --- |\n",
    );
    for line in lines {
        let node = match (line.node.did, line.stated) {
            (Did::Started, _) => "starts".to_owned(),
            (Did::Exited(code), _) => format!("exits {code}"),
            (Did::Waited, Node::Starting(_)) => "starting".to_owned(),
            (Did::Waited, _) => "waits".to_owned(),
        };
        let agrees = if line.agrees() { "yes" } else { "NO" };
        text.push_str(&format!(
            "| {} | {node}, {} s | {:?}, {:.1} s, {} MB | {agrees} | {} |\n",
            line.name,
            line.node.seconds,
            line.preflight.verdict,
            line.preflight.seconds,
            line.preflight.peak,
            short(&line.preflight.text.replace('\n', " "), 150),
        ));
    }
    text
}
