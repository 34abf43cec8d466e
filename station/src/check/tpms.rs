//! What a product whose units attest with their TPM needs of the station.

use super::{Finding, Scene};
use crate::error_text::with_causes;
use crate::product::{EkCertificate, Product, TpmRules};
use crate::tpm::{read_makers, read_makers_if_any};

pub(super) fn check(scene: &Scene<'_>, product: &Product, id: &str) -> Vec<Finding> {
    let Some(rules) = product.attestation.tpm() else { return Vec::new() };
    [makers(scene, rules, id)].into_iter().chain(no_fixture(scene, id)).collect()
}

fn makers(scene: &Scene<'_>, rules: &TpmRules, id: &str) -> Finding {
    let (id, folder) = (format!("{id}/makers"), scene.folder.makers());
    let todo =
        "put the certificates of the TPMs' makers there, roots and intermediates, as they publish them";
    let read = match rules.ek_certificate {
        EkCertificate::Required => read_makers(&folder),
        EkCertificate::AbsentOk => read_makers_if_any(&folder),
    };
    match read {
        Ok(makers) if !makers.is_empty() => {
            Finding::ok(id, format!("{} certificates of TPMs' makers", makers.len()))
        }
        Ok(_) => {
            let seen = format!("{} has none: only TPMs without a certificate are taken", folder.display());
            Finding::warning(id, seen, todo)
        }
        Err(error) => Finding::failed(id, with_causes(&error), todo),
    }
}

fn no_fixture(scene: &Scene<'_>, id: &str) -> Option<Finding> {
    let fixtures = &scene.config.fixtures;
    let none = !fixtures.is_empty() && fixtures.iter().all(|fixture| fixture.tcti.is_none());
    none.then(|| {
        let todo = "say how the TPM of the unit in a fixture is reached, as in tcti = \"device:/dev/tpm1\"";
        Finding::failed(format!("{id}/tcti"), "no fixture in station.toml has a `tcti`", todo)
    })
}
