//! `/var/lib/dpkg/status`: which packages are installed, without running dpkg-query.

/// The installed version of each of `names`, in their order; `None` where it is not installed.
pub fn installed(status: &str, names: &[String]) -> Vec<Option<String>> {
    let mut found = vec![None; names.len()];
    let (mut position, mut ok) = (None, false);
    for line in status.lines() {
        if let Some(name) = line.strip_prefix("Package: ") {
            position = names.iter().position(|wanted| wanted == name);
            ok = false;
        } else if position.is_some() {
            if let Some(state) = line.strip_prefix("Status: ") {
                ok = state.ends_with(" ok installed");
            } else if ok
                && let Some(version) = line.strip_prefix("Version: ")
                && let Some(index) = position.take()
            {
                found[index] = Some(version.to_owned());
            }
        }
    }
    found
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
