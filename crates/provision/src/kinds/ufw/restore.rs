//! Restores the prior state of UFW. Rules that the operator added since then stay.

use std::path::Path;

use super::prior::Prior;
use super::program::{delete, make, systemctl, ufw};
use super::rule::Rule;
use super::state::{RULES, Seen};
use crate::Fault;
use crate::engine::ApplyCx;
use crate::host::NewFile;
use crate::tools::ufw::{Tuple, tuples};

/// Restores the prior state on a host where UFW is installed.
pub(super) fn restore(prior: &Prior, now: &Seen, cx: &mut ApplyCx<'_>) -> Result<(), Fault> {
    let texts = prior.texts(cx.host_mut.probe())?;
    let before = |v6: bool| tuples(texts[usize::from(v6)].as_deref().unwrap_or_default());
    if now.enabled && !prior.enabled {
        ufw(cx, &["--force", "disable"], &[])?;
    }
    if now.policy != prior.policy {
        let word = match prior.policy.as_str() {
            "ACCEPT" => "allow",
            "REJECT" => "reject",
            _ => "deny",
        };
        ufw(cx, &["default", word, "incoming"], &[])?;
    }
    let (ours, had) = (own_rules(|v6| now.tuples(v6)), own_rules(before));
    for rule in had.iter().filter(|rule| !ours.contains(rule)) {
        make(cx, rule, now)?;
    }
    for rule in ours.iter().filter(|rule| !had.contains(rule)) {
        delete(cx, rule, now)?;
    }
    let restored = restore_texts(&texts, cx)?;
    if prior.enabled && !now.enabled {
        ufw(cx, &["--force", "enable"], &[])?;
    } else if prior.enabled && restored {
        ufw(cx, &["reload"], &[])?;
    }
    if now.at_boot && !prior.at_boot {
        systemctl(cx, "disable")?;
    }
    prior.restored(cx.host_mut)
}

/// The rules of aztec-kit in both address families, without duplicates.
fn own_rules(tuples: impl Fn(bool) -> Vec<Tuple>) -> Vec<Rule> {
    let mut rules: Vec<Rule> = Vec::new();
    for tuple in [false, true].into_iter().flat_map(tuples) {
        rules.extend(Rule::of(&tuple).filter(|rule| !rules.contains(rule)));
    }
    rules
}

/// Restores a file with the same rules byte for byte. Another one has rules that the operator added since. Returns
/// whether a file was restored.
fn restore_texts(texts: &[Option<String>; 2], cx: &mut ApplyCx<'_>) -> Result<bool, Fault> {
    let now = Seen::read(cx.host_mut.probe())?;
    let mut restored = false;
    for (v6, text) in [false, true].into_iter().zip(texts) {
        let Some(text) = text else {
            continue;
        };
        if now.tuples(v6) != tuples(text) || now.texts[usize::from(v6)].as_ref() == Some(text) {
            continue;
        }
        let path = Path::new(RULES[usize::from(v6)]);
        let Some(meta) = cx.host_mut.meta(path)? else {
            continue;
        };
        cx.host_mut.put(&NewFile {
            path,
            bytes: text.as_bytes(),
            uid: meta.uid,
            gid: meta.gid,
            mode: meta.mode,
        })?;
        restored = true;
    }
    Ok(restored)
}
