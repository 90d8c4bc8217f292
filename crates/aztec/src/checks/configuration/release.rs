//! How aztec-kit knows the configured release.

use crate::checks::finding::Finding;
use crate::checks::topic::Topic;
use crate::data::Basis;
use crate::layout;
use crate::settings::Settings;

/// Whether aztec-kit knows the configured release.
pub fn release(settings: &Settings) -> Finding {
    let version = &settings.release.version;
    let known = |seen: String| Finding::pass(Topic::Release, seen);
    match &settings.release.basis {
        Basis::Carried => known(format!("Aztec {version}")),
        Basis::Host(place) => known(format!(
            "Aztec {version}, as {} describes it",
            place.display()
        )),
        Basis::Described(like) => known(format!(
            "Aztec {version}, as kit.toml describes it on top of {like}"
        )),
        Basis::Assumed(like) => Finding::warn(
            Topic::Release,
            format!("aztec-kit does not know Aztec {version} and treats it like {like}"),
        )
        .fix(format!(
            "Once you know that it is, or how it differs, describe it in {}/{version}/release.toml: like = \"{like}\".",
            layout::RELEASES
        )),
    }
}
