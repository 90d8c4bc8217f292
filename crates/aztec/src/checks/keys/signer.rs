//! Whether something else signs with an attester that this host is about to start with.

use provision::Fault;
use provision::engine::Receipt;
use provision::host::Probe;

use crate::checks::finding::{Finding, Severity};
use crate::checks::topic::Topic;
use crate::kinds::SignerClaim;
use crate::signer;

/// One finding for each attester that does not sign here yet.
pub(super) fn preflight(
    claim: Option<&SignerClaim>,
    receipt: &Receipt,
    probe: &dyn Probe,
) -> Result<Vec<Finding>, Fault> {
    let judged = claim.map_or(Ok(Vec::new()), |claim| claim.preview(receipt, probe))?;
    let findings = judged.into_iter().map(|(attester, verdict)| {
        let (status, message) = match verdict {
            signer::Verdict::Held => (Severity::Pass, "it signs here already".into()),
            signer::Verdict::Free { because, certain } => {
                let status = if certain {
                    Severity::Pass
                } else {
                    Severity::Warn
                };
                (status, because)
            }
            signer::Verdict::Refused { what, fix } => {
                return Finding::fail(Topic::Signer.of(attester), what).fix(fix);
            }
        };
        Finding::new(Topic::Signer.of(attester), status, message)
    });
    Ok(findings.collect())
}
