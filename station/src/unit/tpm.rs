//! Units that attest with their TPM: where it comes from, and which a product takes. Pure.

use certkit::{EndorsementCertificate, EndorsementKeyTemplate, MakerCertificate};
use time::OffsetDateTime;

use super::{Facts, Refusal};
use crate::error_text::with_causes;
use crate::ledger::entry::{Disposition, TpmKey, TpmKeyFrom, TpmOrigin, hex};
use crate::product::{EkCertificate, SoftwareTpm, TpmRules};
use crate::tpm::{KeyOrigin, TpmReading};

/// What the ledger is to have of a unit's TPM. `makers` are the roots and intermediates that the engineer trusts.
///
/// # Errors
/// Why the unit is not touched.
pub fn judge_tpm(
    rules: &TpmRules,
    makers: &[MakerCertificate],
    facts: &Facts,
    now: OffsetDateTime,
) -> Result<TpmKey, Refusal> {
    let refused = |disposition, why: String| Refusal {
        reason: format!("unit {}: {why}", facts.shown),
        disposition,
        failure: true,
    };
    let held = |why: String| refused(Disposition::Hold, why);
    let Some(tpm) = facts.tpm.as_deref() else {
        return Err(held("nothing asks its TPM, and the product's units attest with it".to_owned()));
    };
    let make = &tpm.make;
    if make.locked_out {
        let why = "its TPM is locked out after too many wrong authorisations: its software could not use it; wait as long as \
                   its maker says, or have its owner clear it (`tpm2_dictionarylockout --clear-lockout`)";
        return Err(refused(Disposition::Rework, why.to_owned()));
    }
    let software = make.seems_software();
    if software && rules.software_tpm == SoftwareTpm::Refuse {
        return Err(held(format!(
            "its TPM is a program, by its maker's name ({} {}), and its key can be copied; if that is meant, say \
             software_tpm = \"allow\" in the product",
            make.manufacturer, make.model
        )));
    }
    if let Some(why) = unusable(tpm) {
        return Err(held(why.to_owned()));
    }
    let (certificate, origin) = origin(rules, makers, tpm, now).map_err(held)?;
    let key = &tpm.endorsement_key.key;
    Ok(TpmKey {
        endorsement_key: key.to_base64(),
        storage_root_key: tpm.storage_root_key.key.to_base64(),
        public_key: hex(&key.public_key().fingerprint()),
        template: template(key.template()).to_owned(),
        endorsement_key_from: found(tpm.endorsement_key.origin),
        certificate,
        origin,
        manufacturer: make.manufacturer.clone(),
        model: make.model.clone(),
        firmware: make.firmware.clone(),
        software,
    })
}

/// Why DPS's clients could not register with these keys: they take what lies at the handles, as it is.
fn unusable(tpm: &TpmReading) -> Option<&'static str> {
    match tpm.endorsement_key.key.template() {
        EndorsementKeyTemplate::L1 => {}
        EndorsementKeyTemplate::L2 => {
            return Some(
                "its endorsement key is a P-256 key, and DPS is known to take RSA-2048 ones alone; where nothing else needs it, \
                 have the TPM's owner take it away (`tpm2_evictcontrol -C o -c 0x81010001`)",
            );
        }
        EndorsementKeyTemplate::Other => {
            return Some(
                "its endorsement key has another policy than the TCG's, which neither the station nor DPS's clients fulfil; where \
                 nothing else needs it, have the TPM's owner take it away (`tpm2_evictcontrol -C o -c 0x81010001`)",
            );
        }
    }
    (!tpm.storage_root_key.key.can_store()).then_some(
        "what lies at its TPM's handle 0x81000001 is no storage root key (fixed to its TPM, restricted, and for decryption), and \
         DPS's clients would take it for one: see what it is (`tpm2_readpublic -c 0x81000001`); where nothing else needs it, \
         have the TPM's owner take it away (`tpm2_evictcontrol -C o -c 0x81000001`)",
    )
}

/// The certificate as PEM, and whether a maker vouches for it.
fn origin(
    rules: &TpmRules,
    makers: &[MakerCertificate],
    tpm: &TpmReading,
    now: OffsetDateTime,
) -> Result<(Option<String>, TpmOrigin), String> {
    let Some(contents) = &tpm.certificate else {
        return match rules.ek_certificate {
            EkCertificate::AbsentOk => Ok((None, TpmOrigin::Unproven)),
            EkCertificate::Required => Err(
                "its TPM has no certificate for its endorsement key, so nothing shows where it comes from; if the product is to \
                 take such units, say ek_certificate = \"absent-ok\""
                    .to_owned(),
            ),
        };
    };
    let wrong = |error: &dyn std::error::Error| {
        format!("its TPM's certificate does not vouch for it: {}", with_causes(error))
    };
    let read = EndorsementCertificate::from_nv(contents).map_err(|error| wrong(&error))?;
    let root = read.check(&tpm.endorsement_key.key, makers, now).map_err(|error| wrong(&error))?;
    Ok((Some(read.certificate().to_pem()), TpmOrigin::Proven { root: root.subject_name() }))
}

fn found(origin: KeyOrigin) -> TpmKeyFrom {
    match origin {
        KeyOrigin::Persistent => TpmKeyFrom::Persistent,
        KeyOrigin::Template => TpmKeyFrom::Template,
        KeyOrigin::MakersTemplate => TpmKeyFrom::MakersTemplate,
    }
}

/// As the TCG's EK Credential Profile numbers them.
pub fn template(template: EndorsementKeyTemplate) -> &'static str {
    match template {
        EndorsementKeyTemplate::L1 => "l-1",
        EndorsementKeyTemplate::L2 => "l-2",
        EndorsementKeyTemplate::Other => "other",
    }
}
