//! Programs that may change the host.

use std::path::PathBuf;
use std::time::Duration;

/// A program that changes something. It never contains a secret, because `argv` and `env` are shown and logged.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Invocation {
    /// Program and arguments; no shell is involved.
    pub argv: Vec<String>,
    /// Variables added to the small fixed environment.
    pub env: Vec<(String, String)>,
    /// Working directory.
    pub dir: Option<PathBuf>,
    /// The program and its process group are killed after this time.
    pub timeout: Duration,
    /// The account that it runs as, by name or number, with the group of the same name; root when there is none.
    pub account: Option<String>,
    /// Whether it may be killed with this process at any moment (a download) or must be left to finish (dpkg).
    pub dies_with_us: bool,
}

impl Invocation {
    /// An invocation with the default timeout of three minutes. A command that takes a second on an idle host took over
    /// a minute on a busy one (`ufw enable`).
    pub fn new<S: Into<String>>(argv: impl IntoIterator<Item = S>) -> Self {
        Self {
            argv: argv.into_iter().map(Into::into).collect(),
            env: Vec::new(),
            dir: None,
            timeout: Duration::from_secs(180),
            account: None,
            dies_with_us: false,
        }
    }

    /// Runs it as an account, with only the group of that account, and without a way to become root again.
    #[must_use]
    pub fn account(mut self, account: impl Into<String>) -> Self {
        self.account = Some(account.into());
        self
    }

    /// Adds a variable.
    #[must_use]
    pub fn env(mut self, name: impl Into<String>, value: impl Into<String>) -> Self {
        self.env.push((name.into(), value.into()));
        self
    }

    /// Sets the working directory.
    #[must_use]
    pub fn dir(mut self, dir: impl Into<PathBuf>) -> Self {
        self.dir = Some(dir.into());
        self
    }

    /// Sets the timeout.
    #[must_use]
    pub fn timeout(mut self, timeout: Duration) -> Self {
        self.timeout = timeout;
        self
    }

    /// Lets the program be killed when this process dies.
    #[must_use]
    pub fn dies_with_us(mut self) -> Self {
        self.dies_with_us = true;
        self
    }

    /// The command line that is executed. setpriv(1) of util-linux, an essential package, drops privileges, and ties
    /// the life of the program to this process.
    pub fn started(&self) -> Vec<String> {
        let mut before = Vec::new();
        if let Some(account) = &self.account {
            before.push(format!("--reuid={account}"));
            before.push(format!("--regid={account}"));
            before
                .extend(["--clear-groups", "--no-new-privs", "--inh-caps=-all"].map(String::from));
        }
        if self.dies_with_us {
            before.extend(["--pdeathsig", "KILL"].map(String::from));
        }
        if before.is_empty() {
            return self.argv.clone();
        }
        let mut argv = vec!["setpriv".to_owned()];
        argv.append(&mut before);
        argv.push("--".into());
        argv.extend(self.argv.iter().cloned());
        argv
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn privileges_are_dropped_before_the_program_starts() {
        let order = Invocation::new(["node", "--version"]);
        assert_eq!(order.started(), ["node", "--version"]);
        let started = order.clone().dies_with_us().started();
        assert_eq!(
            started.join(" "),
            "setpriv --pdeathsig KILL -- node --version"
        );
        let started = order.account("aztec").dies_with_us().started();
        assert_eq!(
            started.join(" "),
            "setpriv --reuid=aztec --regid=aztec --clear-groups --no-new-privs --inh-caps=-all --pdeathsig KILL \
             -- node --version"
        );
    }
}
