//! The access to a virtual machine: one SSH connection, which all commands share.

use std::net::TcpListener;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use anyhow::{Context as _, Result};

use crate::sh;

/// A firewall may let an address try six times in half a minute (ufw(8), `limit`), and every attempt counts.
const BETWEEN_TRIES: Duration = Duration::from_secs(7);

/// A connection to root's SSH, at a port of the outer machine's loopback.
#[derive(Debug)]
pub(super) struct Door {
    port: u16,
    key: PathBuf,
    socket: PathBuf,
    master: Option<Child>,
}

impl Door {
    /// A door at a free port. Its commands find the connection at `socket`.
    pub(super) fn new(key: PathBuf, socket: PathBuf) -> Result<Door> {
        // The port is free again at once, and the kernel does not assign the same port twice in a row.
        let listener = TcpListener::bind(("127.0.0.1", 0)).context("no free port")?;
        let port = listener.local_addr()?.port();
        Ok(Door {
            port,
            key,
            socket,
            master: None,
        })
    }

    pub(super) fn port(&self) -> u16 {
        self.port
    }

    /// Logs in again.
    pub(super) fn open(&mut self, limit: Duration) -> Result<()> {
        sh::wait_for("a login over SSH", limit, || {
            let mut master = self
                .ssh()
                .args(["-M", "-N", "root@127.0.0.1"])
                .stdin(Stdio::null())
                .stdout(Stdio::null())
                .stderr(Stdio::null())
                .spawn()
                .context("cannot start ssh")?;
            let opened = sh::wait_for("the connection", Duration::from_secs(60), || {
                let ended = master.try_wait()?.is_some();
                Ok((ended || self.socket.exists()).then_some(!ended))
            });
            if let Ok(true) = opened {
                self.master = Some(master);
                return Ok(Some(()));
            }
            let _ = master.kill();
            let _ = master.wait();
            std::thread::sleep(BETWEEN_TRIES);
            Ok(None)
        })
    }

    /// Ends the connection, if there is one.
    pub(super) fn close(&mut self) {
        if let Some(mut master) = self.master.take() {
            let _ = master.kill();
            let _ = master.wait();
        }
        let _ = std::fs::remove_file(&self.socket);
    }

    /// The command that runs these words inside.
    pub(super) fn command(&self, argv: &[String]) -> Command {
        let mut command = self.ssh();
        let words: Vec<_> = argv.iter().map(|word| quoted(word)).collect();
        command.args(["root@127.0.0.1", "--", &words.join(" ")]);
        command
    }

    fn ssh(&self) -> Command {
        let mut command = sh::command("ssh");
        command
            // Without the outer machine's own configuration.
            .args(["-F", "none", "-o", "BatchMode=yes", "-o", "LogLevel=ERROR"])
            .args(["-o", "StrictHostKeyChecking=no"])
            .args(["-o", "UserKnownHostsFile=/dev/null"])
            .args(["-o", "ConnectTimeout=30"])
            .arg("-S")
            .arg(&self.socket)
            .arg("-i")
            .arg(&self.key)
            .args(["-p", &self.port.to_string()]);
        command
    }
}

/// A word, quoted for a shell: sshd passes the whole command line to one.
fn quoted(word: &str) -> String {
    format!("'{}'", word.replace('\'', r"'\''"))
}

#[cfg(test)]
mod tests {
    use super::quoted;

    #[test]
    fn a_shell_reads_a_quoted_word_as_it_was() -> anyhow::Result<()> {
        for word in ["plain", "it's $HOME", "a\nb \\ \"c\"", "''", ""] {
            let script = format!("printf %s {}", quoted(word));
            assert_eq!(crate::sh::quiet("sh", &["-c", &script])?, word);
        }
        Ok(())
    }
}
