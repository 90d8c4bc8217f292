//! Single values of `kit.toml`, and their refusals.

use std::net::IpAddr;
use std::path::PathBuf;

use provision::Fault;

pub(super) fn bad(key: &str, what: impl std::fmt::Display) -> Fault {
    Fault::new(format!("kit.toml: {key}: {what}"))
}

pub(super) fn address(text: &str) -> Result<IpAddr, Fault> {
    let fix = "Write the public address of this host, for example 203.0.113.7.";
    let ip: IpAddr = text
        .parse()
        .map_err(|_| bad("p2p.ip", format!("`{text}` is not an IP address")).fix(fix))?;
    if ip.is_unspecified() || ip.is_multicast() {
        return Err(bad("p2p.ip", format!("peers cannot reach {ip}")).fix(fix));
    }
    Ok(ip)
}

/// Name and host of a mail address. This does not check that the address exists.
pub(super) fn mail_address(text: &str) -> Option<(&str, &str)> {
    let parts = text.split_once('@');
    parts.filter(|(name, host)| !name.is_empty() && !host.is_empty())
}

pub(super) fn data_dir(path: PathBuf) -> Result<PathBuf, Fault> {
    let plain = path.is_absolute()
        && path.parent().is_some()
        && path.to_str().is_some_and(|text| {
            text.chars()
                .all(|c| c.is_ascii_alphanumeric() || "/-_.".contains(c))
                && !text.contains("..")
        });
    if plain {
        // The same directory always has the same text.
        return Ok(path.components().collect());
    }
    Err(bad(
        "data_dir",
        format!("`{}` cannot be a data directory", path.display()),
    )
    .fix(
        "Write an absolute path of letters, digits, `-`, `_` and `.`, for example /var/lib/aztec.",
    ))
}
