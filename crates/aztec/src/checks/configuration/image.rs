//! Whether this host can run the official image.

use std::path::Path;
use std::time::Duration;

use l1::http_probe;
use provision::Fault;
use provision::engine::Cx;
use provision::host::Probe;
use provision::kinds::{Image, Place, Upstream};

use crate::checks::finding::{Finding, GIB, failed, gib};
use crate::checks::topic::Topic;
use crate::facts::HostFacts;
use crate::names::Runtime;
use crate::roles::base;
use crate::runtime::{self, Choice};
use crate::settings::Settings;

/// The size of the image, and the space that an engine needs to unpack it. The image of 4.1.2 that our own tests build has
/// 2 GiB; the official one carries more tools.
const IMAGE_BYTES: u64 = 8 * GIB;
/// Long enough for a registry on another continent.
const CALL: Duration = Duration::from_secs(10);

/// The findings about the engine, the image, and the space for it.
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
            findings.push(match survey.moved {
                true => Finding::warn(Topic::Image, survey.text).fix(image.update()),
                false => Finding::pass(Topic::Image, survey.text),
            });
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
    findings.push(if fetched && space.read_only {
        Finding::fail(
            Topic::DiskForImage,
            format!("{place} is on a read-only file system"),
        )
        .fix("Remount it, or mount another disk there.")
    } else if fetched && space.free < IMAGE_BYTES {
        let needs = gib(IMAGE_BYTES);
        let seen = format!("{place} has {has} free, and the image needs up to {needs}");
        Finding::fail(Topic::DiskForImage, seen)
            .fix("Free some space, or mount another disk there.")
    } else {
        Finding::pass(Topic::DiskForImage, format!("{place} has {has} free"))
    });
    Ok(findings)
}

/// Before an engine is installed, nothing on this host can ask for the image. This only checks whether its registry
/// answers.
///
/// It cannot check more: the public registry lists its images only to clients that have fetched a token elsewhere, as the
/// engines do.
fn reachable(image: &Image) -> Result<(), Fault> {
    // Its API has another name (docker 26.1.5, registry/config.go: DefaultRegistryHost).
    let host = match image.registry() {
        "docker.io" => "registry-1.docker.io",
        other => other,
    };
    // Any answer counts: the public registry answers that a login is needed (distribution v2.8, docs/spec/api.md).
    http_probe::get(&format!("https://{host}"), "v2/", CALL)
        .map(drop)
        .map_err(|error| {
            let engine = image.engine.name();
            Fault::new(format!(
                "{}:{} is not on this host, and its registry does not answer",
                image.name, image.tag
            ))
            .fix(format!(
                "Let this host reach https://{host}. Or write the image to a file elsewhere with `docker save`, install \
                 {engine} here, and load the file with `{engine} load`."
            ))
            .because(error)
        })
}

/// Whether the tag in the registry still names the image that this host is pinned to. This asks over the network, and
/// the public registry counts such requests. For that reason it is done on demand and not in every run.
///
/// # Errors
///
/// When the host cannot be observed.
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
        match upstream {
            Upstream::Same => Finding::pass(
                Topic::ImageRegistry,
                format!("{reference} in its registry is the image that this host is pinned to"),
            ),
            Upstream::Moved => Finding::warn(
                Topic::ImageRegistry,
                format!(
                    "{reference} has moved: its registry has another image than the one that this host is pinned to, which \
                     continues to run"
                ),
            )
            .fix(image.update()),
            // The pinned image runs without its registry, so this must not stop a host.
            Upstream::Untold(why) => Finding::warn(
                Topic::ImageRegistry,
                format!("{reference} could not be compared with its registry: {why}"),
            )
            .fix(
                "This host continues to run its pinned image. Let it reach the registry. An image that was loaded from a file can be compared only after it was pulled.",
            ),
        }
    }))
}
