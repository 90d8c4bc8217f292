//! `/var/lib/dpkg/status`: which packages are installed, without running dpkg-query.

use memchr::memmem::Finder;

/// The installed version of each of `names`, in order; `None` if it is not installed.
pub fn installed(status: &str, names: &[String]) -> Vec<Option<String>> {
    names.iter().map(|name| version(status, name)).collect()
}

/// The file has a megabyte or more on a development host, and is searched for a few names, so the text between them is
/// not parsed.
fn version(status: &str, name: &str) -> Option<String> {
    let head = format!("Package: {name}\n");
    let found = Finder::new(&head);
    let at = found.find_iter(status.as_bytes());
    let begins = at.filter(|at| *at == 0 || status.as_bytes()[at - 1] == b'\n');
    // If there are two architectures, the last one.
    let versions = begins.filter_map(|at| installed_version(&status[at + head.len()..]));
    versions.last().map(str::to_owned)
}

/// The version in the rest of a paragraph if its package is installed: deb822(5).
fn installed_version(rest: &str) -> Option<&str> {
    let mut lines = rest
        .lines()
        .take_while(|line| !line.starts_with("Package: "));
    let state = lines.find_map(|line| line.strip_prefix("Status: "))?;
    let mut rest = state.ends_with(" ok installed").then_some(lines)?;
    rest.find_map(|line| line.strip_prefix("Version: "))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts_only_whole_installations() {
        let status = "Package: npm\nStatus: install ok installed\nVersion: 9.2.0\n\n\
                      Package: chrony\nStatus: deinstall ok config-files\nVersion: 4.6\n\n\
                      Package: ufw\nStatus: install ok half-configured\nVersion: 0.36\n";
        let names = ["npm", "chrony", "ufw", "absent"].map(String::from);
        assert_eq!(
            installed(status, &names),
            [Some("9.2.0".to_owned()), None, None, None]
        );
    }
}
