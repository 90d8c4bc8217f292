//! Whether something else signs with an attester that this host is about to start with.

use provision::Fault;
use provision::engine::Receipt;
use provision::host::Probe;

use crate::checks::finding::Finding;
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
        let about = Topic::Signer.of(attester);
        match verdict {
            signer::Verdict::Held => Finding::pass(about, "it signs here already"),
            signer::Verdict::Free {
                because,
                certain: true,
            } => Finding::pass(about, because),
            signer::Verdict::Free { because, .. } => Finding::warn(about, because)
                .fix("Make sure that no other host signs with this attester."),
            signer::Verdict::Refused { what, fix } => Finding::fail(about, what).fix(fix),
        }
    });
    Ok(findings.collect())
}
