//! The whole configuration of sshd: its file and all included files, in the order in which sshd reads them.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use sha2::{Digest, Sha256};

use crate::Fault;
use crate::host::Probe;
use crate::tools::sshd_config::{self, Directive};

/// The base of relative paths: sshd_config(5), Include.
pub(super) const DIR: &str = "/etc/ssh";
/// The main configuration file.
pub(super) const MAIN: &str = "/etc/ssh/sshd_config";
/// The place of options of the running sshd that are not in a file.
const COMMAND_LINE: &str =
    "the command line of ssh.service (SSHD_OPTS in /etc/default/ssh, or a drop-in of the unit)";
/// The limit of sshd itself (servconf.c, `SERVCONF_MAX_DEPTH`).
const DEPTH: usize = 16;

/// One directive with its place.
#[derive(Debug)]
pub(super) struct Line {
    pub file: PathBuf,
    pub directive: Directive,
    /// Its `Match` block.
    pub only_for: Option<String>,
}

impl Line {
    /// A description of its place for people.
    pub fn place(&self) -> String {
        if self.file == Path::new(COMMAND_LINE) {
            return COMMAND_LINE.into();
        }
        format!("line {} of {}", self.directive.line, self.file.display())
    }
}

/// All directives, and their files.
#[derive(Debug, Default)]
pub(super) struct Config {
    pub lines: Vec<Line>,
    pub texts: BTreeMap<PathBuf, String>,
}

impl Config {
    /// Reads it as it is, or as it would be with one more file.
    pub fn read(probe: &dyn Probe, more: Option<(&Path, &str)>) -> Result<Self, Fault> {
        Self::read_from(probe, more, Path::new(MAIN))
    }

    /// The same, from another main file.
    pub fn read_from(
        probe: &dyn Probe,
        more: Option<(&Path, &str)>,
        main: &Path,
    ) -> Result<Self, Fault> {
        let mut config = Self::default();
        config.walk(probe, more, main, None, 0)?;
        Ok(config)
    }

    fn walk(
        &mut self,
        probe: &dyn Probe,
        more: Option<(&Path, &str)>,
        file: &Path,
        only_for: Option<&str>,
        depth: usize,
    ) -> Result<(), Fault> {
        let text = match more {
            Some((path, text)) if path == file => text.to_owned(),
            _ => match probe.text(file)? {
                Some(text) => text,
                None => return Ok(()),
            },
        };
        // A `Match` block ends at the next one or at the end of its file.
        let mut only_for = only_for.map(ToOwned::to_owned);
        for directive in sshd_config::parse(&text) {
            match directive.keyword.as_str() {
                "match" => only_for = Some(directive.value.clone()),
                "include" if depth < DEPTH => {
                    for pattern in directive.value.split_whitespace() {
                        for path in included(probe, more, pattern)? {
                            self.walk(probe, more, &path, only_for.as_deref(), depth + 1)?;
                        }
                    }
                    continue;
                }
                _ => {}
            }
            self.lines.push(Line {
                file: file.to_owned(),
                directive,
                only_for: only_for.clone(),
            });
        }
        self.texts.insert(file.to_owned(), text);
        Ok(())
    }

    /// Adds the options of a command line in front, because they override every file.
    pub fn after(mut self, options: &[String]) -> Self {
        if options.is_empty() {
            return self;
        }
        let given = options.windows(2).filter_map(|pair| match pair {
            [flag, value] if flag == "-o" => Some(value.replacen('=', " ", 1)),
            [flag, value] if flag == "-p" => Some(format!("Port {value}")),
            _ => None,
        });
        let text: String = given.map(|line| line + "\n").collect();
        let lines = sshd_config::parse(&text).into_iter().map(|directive| Line {
            file: COMMAND_LINE.into(),
            directive,
            only_for: None,
        });
        self.lines.splice(0..0, lines);
        self.texts.insert(COMMAND_LINE.into(), options.join(" "));
        self
    }

    /// The first line of a keyword outside of `Match` blocks: the one that counts.
    pub fn first(&self, keyword: &str) -> Option<&Line> {
        self.lines
            .iter()
            .find(|line| line.only_for.is_none() && line.directive.keyword == keyword)
    }

    /// SHA-256 over all of it.
    pub fn digest(&self) -> String {
        let mut hash = Sha256::new();
        for (path, text) in &self.texts {
            hash.update(path.as_os_str().as_encoded_bytes());
            hash.update([0]);
            hash.update(text);
            hash.update([0]);
        }
        const_hex::encode(hash.finalize())
    }
}

/// The files of one pattern, sorted. Only the last part of a path may be a pattern, because nobody writes others.
fn included(
    probe: &dyn Probe,
    more: Option<(&Path, &str)>,
    pattern: &str,
) -> Result<Vec<PathBuf>, Fault> {
    let pattern = Path::new(DIR).join(pattern);
    let (Some(dir), Some(name)) = (pattern.parent(), pattern.file_name()) else {
        return Ok(Vec::new());
    };
    let name = name.to_string_lossy();
    let mut names = probe.list(dir)?.unwrap_or_default();
    if let Some((path, _)) = more
        && path.parent() == Some(dir)
    {
        names.extend(
            path.file_name()
                .map(|name| name.to_string_lossy().into_owned()),
        );
    }
    names.retain(|other| sshd_config::covers(&name, other));
    names.sort();
    names.dedup();
    Ok(names.into_iter().map(|name| dir.join(name)).collect())
}

/// The text for a copy of [`DIR`] elsewhere: its includes refer to the copy.
pub(super) fn moved(text: &str, to: &Path) -> String {
    let line = |line: &str| {
        let directive = sshd_config::parse(line).pop();
        match directive.filter(|directive| directive.keyword == "include") {
            None => line.to_owned(),
            Some(include) => {
                let patterns = include.value.split_whitespace();
                let moved = patterns.map(|pattern| {
                    let pattern = Path::new(DIR).join(pattern);
                    let inside = pattern.strip_prefix(DIR);
                    inside.map_or_else(|_| pattern.clone(), |inside| to.join(inside))
                });
                let moved: Vec<_> = moved.map(|path| path.display().to_string()).collect();
                format!("Include {}", moved.join(" "))
            }
        }
    };
    text.lines().map(|it| line(it) + "\n").collect()
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::moved;

    #[test]
    fn a_copy_includes_what_is_in_the_copy() {
        let text = "Include /etc/ssh/sshd_config.d/*.conf more\nPort 22\nInclude /opt/x\n";
        assert_eq!(
            moved(text, Path::new("/run/copy")),
            "Include /run/copy/sshd_config.d/*.conf /run/copy/more\nPort 22\nInclude /opt/x\n"
        );
    }
}
