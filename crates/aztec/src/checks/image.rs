//! Can this host run the official image?

use std::path::Path;
use std::time::Duration;

use l1::http_probe;
use provision::Fault;
use provision::engine::Cx;
use provision::host::Probe;
use provision::kinds::{Image, Place, Upstream};

use super::finding::{Finding, GIB, Verdict, failed, gib};
use super::topic::Topic;
use crate::facts::HostFacts;
use crate::names::Runtime;
use crate::roles::base;
use crate::runtime::{self, Choice};
use crate::settings::Settings;

/// The image and what an engine needs beside it to unpack it. The image of 4.1.2 that our own tests build has
/// 2 GiB; the official one carries more tools.
const IMAGE_BYTES: u64 = 8 * GIB;
/// A registry across the world.
const CALL: Duration = Duration::from_secs(10);

/// The engine, the image, and the room for it.
pub(super) fn findings(
    settings: &Settings,
    choice: &Choice,
    probe: &dyn Probe,
) -> Result<Vec<Finding>, Fault> {
    let image = base::image(settings, choice.engine);
    let survey = image.survey(&Cx::of(probe)).and_then(|survey| {
        if survey.place == Place::Unasked {
            reachable(&image)?;
        }
        Ok(survey)
    });
    let mut findings = Vec::new();
    let fetched = match survey {
        Ok(survey) => {
            let status = if survey.moved {
                Verdict::Warn
            } else {
                Verdict::Pass
            };
            findings.push(Finding::new(Topic::Image, status, survey.text));
            survey.place != Place::Here
        }
        Err(fault) => {
            findings.push(failed(Topic::Image, &fault));
            true
        }
    };
    let storage = Path::new(choice.engine.storage());
    let space = probe.space(storage)?;
    let (place, has) = (storage.display(), gib(space.free));
    findings.push(if fetched && (space.read_only || space.free < IMAGE_BYTES) {
        Finding::new(
            Topic::DiskForImage,
            Verdict::Fail,
            format!(
                "{place} has {has} left, and the image needs up to {}. Free some, or give it another disk.",
                gib(IMAGE_BYTES)
            ),
        )
    } else {
        Finding::new(Topic::DiskForImage, Verdict::Pass, format!("{place} has {has} left"))
    });
    Ok(findings)
}

/// Without an engine nobody is here who can ask for the image: whether its registry answers at all is what can be
/// known before one is installed.
///
/// Not more: the public registry tells what it has only to whoever has fetched a token elsewhere first, as the
/// engines do.
fn reachable(image: &Image) -> Result<(), Fault> {
    // Its API has another name (docker 26.1.5, registry/config.go: DefaultRegistryHost).
    let host = match image.registry() {
        "docker.io" => "registry-1.docker.io",
        other => other,
    };
    // Any answer will do: the public one is that one has to log in (distribution v2.8, docs/spec/api.md).
    http_probe::get(&format!("https://{host}"), "v2/", CALL)
        .map(drop)
        .map_err(|error| {
            let engine = image.engine.name();
            Fault::new(format!(
                "{}:{} is not here, and its registry does not answer",
                image.name, image.tag
            ))
            .fix(format!(
                "Let this host reach https://{host}, or install {engine} and `{engine} load` the image, which \
                 `docker save` writes elsewhere."
            ))
            .because(error)
        })
}

/// Whether the tag still names, in the registry, the image that this host is pinned to. Asks over the network, and
/// the public registry counts such questions: for who asks, and not for every run.
///
/// # Errors
///
/// When the host cannot be looked at.
pub fn upstream(
    settings: &Settings,
    facts: &HostFacts,
    probe: &dyn Probe,
) -> Result<Option<Finding>, Fault> {
    let choice = runtime::choose(settings, facts);
    if !settings.has_role() || choice.runtime == Runtime::Native {
        return Ok(None);
    }
    let image = base::image(settings, choice.engine);
    let upstream = image.upstream(&Cx::of(probe))?;
    Ok(upstream.map(|upstream| {
        let reference = format!("{}:{}", image.name, image.tag);
        let (status, text) = match upstream {
            Upstream::Same => (
                Verdict::Pass,
                format!("{reference} is there what it is here"),
            ),
            Upstream::Moved => (
                Verdict::Warn,
                format!(
                    "{reference} has moved: it is another image there than the one that this host is pinned to, which \
                     goes on running. {}",
                    image.update()
                ),
            ),
            Upstream::Untold(why) => (
                Verdict::Pass,
                format!("{reference} could not be compared: {why}"),
            ),
        };
        Finding::new(Topic::ImageRegistry, status, text)
    }))
}
