//! The effect of a run on an image, without pulling it.

use super::names::Names;
use super::pin::{Pin, short};
use super::registry::{Place, offered};
use super::store::{self, Stored, check_architecture};
use crate::Fault;
use crate::host::Probe;
use crate::tools::images::Row;

/// The effect of a run on an image.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Survey {
    /// A description for people.
    pub text: String,
    /// The location of the image.
    pub place: Place,
    /// Whether its tag names another image on this host.
    pub moved: bool,
}

impl Survey {
    fn new(text: String, place: Place) -> Self {
        Self {
            text,
            place,
            moved: false,
        }
    }
}

/// The effect of a run on an image.
///
/// # Errors
///
/// When a run would fail: the engine does not answer, the pinned image is lost or another one has its name, or the
/// image is for another architecture.
pub(super) fn survey(
    names: Names<'_>,
    pin: Option<&Pin>,
    stored: &Stored,
    probe: &dyn Probe,
) -> Result<Survey, Fault> {
    let (pinned, tagged) = match stored {
        Stored::Missing => {
            let (name, reference) = (names.engine.name(), names.reference());
            let text = format!("a run installs {name} and pulls {reference}");
            return Ok(Survey::new(text, Place::Unasked));
        }
        Stored::Silent(why) => return Err(store::silent(names.engine, why)),
        Stored::Has { pinned, tagged } => (pinned.as_ref(), tagged.as_ref()),
    };
    match pin {
        None => unpinned(names, tagged, probe),
        Some(pin) => pinned_survey(names, pin, (pinned, tagged), probe),
    }
}

fn unpinned(names: Names<'_>, tagged: Option<&Row>, probe: &dyn Probe) -> Result<Survey, Fault> {
    let reference = names.reference();
    let Some(row) = tagged else {
        let place = offered(names, &format!(":{}", names.tag), probe)?;
        return Ok(Survey::new(format!("a run pulls {reference}"), place));
    };
    check_architecture(names, row, probe)?;
    let id = short(&row.id);
    let text = format!("a run pins this host to {reference}, which is here as {id}");
    Ok(Survey::new(text, Place::Here))
}

fn pinned_survey(
    names: Names<'_>,
    pin: &Pin,
    stored: (Option<&Row>, Option<&Row>),
    probe: &dyn Probe,
) -> Result<Survey, Fault> {
    match stored {
        (Some(row), tagged) => {
            check_architecture(names, row, probe)?;
            Ok(Survey {
                moved: tagged.is_some_and(|row| !pin.is(row)),
                ..Survey::new(pinned_text(names, pin, tagged), Place::Here)
            })
        }
        (None, Some(other)) => Err(Fault::new(format!(
            "{} is {} here, and this host is pinned to {}",
            names.reference(),
            short(&other.id),
            pin.short()
        ))
        .because(store::gone(names, pin))),
        (None, None) => {
            let digest = pin.digest.as_ref();
            let digest = digest.ok_or_else(|| store::gone(names, pin))?;
            let place = offered(names, &format!("@{digest}"), probe)?;
            let text = format!("a run pulls {} again by its digest", pin.short());
            Ok(Survey::new(text, place))
        }
    }
}

/// A description of a pinned image that the engine has.
pub(super) fn pinned_text(names: Names<'_>, pin: &Pin, tagged: Option<&Row>) -> String {
    let text = format!("{} is {}", names.reference(), pin.short());
    match tagged {
        Some(row) if !pin.is(row) => format!(
            "{text}; the tag has moved to {} here, which aztec-kit does not follow",
            short(&row.id)
        ),
        _ => text,
    }
}
