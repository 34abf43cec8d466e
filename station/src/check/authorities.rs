//! The authority that issues: there, valid for the whole chain, not about to expire, and its key is its own.

use certkit::Certificate;

use super::{Finding, SOON, Scene, products};
use crate::authority::{self, AuthorityError};
use crate::clock::rfc3339;
use crate::error_text::with_causes;
use crate::ledger::entry::Hold;
use crate::ledger::{AuthorityRecord, LedgerReader};

pub(super) fn check(scene: &Scene<'_>) -> Vec<Finding> {
    let label = &scene.config.issuing_authority;
    let id = format!("authority/{label}");
    let make = format!(
        "make it with `station ca root` and `station ca intermediate --label {label}`, or correct issuing_authority in station.toml"
    );
    let reader = match LedgerReader::open(&scene.folder.ledger()) {
        Ok(reader) => reader,
        Err(error) => return vec![Finding::skipped(id, with_causes(&error), "mend the ledger first")],
    };
    let record = match reader.authority(label) {
        Ok(Some(record)) => record,
        Ok(None) if !products::any_issues_certificates(scene) => {
            return vec![Finding::skipped(id, "is not there, and no product issues certificates", make)];
        }
        Ok(None) => return vec![Finding::failed(id, "is not there", make)],
        Err(error) => return vec![Finding::failed(id, with_causes(&error), "mend the ledger first")],
    };
    let mut findings = validity(scene, &reader, &record);
    findings.extend(roll_over(&reader, label));
    findings.push(key(scene, &reader, label));
    findings
}

/// Every certificate from the issuer to the root.
fn validity(scene: &Scene<'_>, reader: &LedgerReader, issuing: &AuthorityRecord) -> Vec<Finding> {
    let mut findings = Vec::new();
    let mut next = Some(issuing.clone());
    while let Some(record) = next {
        let id = format!("authority/{}/validity", record.label);
        findings.push(match authority::certificate_of(&record) {
            Ok(certificate) => validity_of(scene, id, &certificate),
            Err(error) => Finding::failed(id, with_causes(&error), "run `station ledger verify`"),
        });
        next = record.issuer.and_then(|issuer| reader.authority(&issuer).ok().flatten());
    }
    findings
}

fn validity_of(scene: &Scene<'_>, id: String, certificate: &Certificate) -> Finding {
    let (from, until) = (certificate.not_before(), certificate.not_after());
    let renew = "make a new authority, enrol it, and name it in station.toml";
    if scene.now < from {
        let seen = format!("is not valid before {}", rfc3339(from));
        Finding::failed(id, seen, "check the station's clock, or wait")
    } else if scene.now > until {
        Finding::failed(id, format!("expired on {}", rfc3339(until)), renew)
    } else if until - scene.now < SOON {
        Finding::warning(id, format!("expires on {}", rfc3339(until)), renew)
    } else {
        Finding::ok(id, format!("valid until {}", rfc3339(until)))
    }
}

/// Whether it is retired, or on its way out.
fn roll_over(reader: &LedgerReader, label: &str) -> Option<Finding> {
    let id = format!("authority/{label}/roll-over");
    if let Err(error) = authority::refuse_retired(label, reader) {
        let todo = "say issuing_authority = its successor in station.toml";
        return Some(Finding::failed(id, with_causes(&error), todo));
    }
    let roll_over = reader.roll_over(&Hold::Authority(label.to_owned())).ok().flatten()?;
    let (seen, next) = (format!("is being rolled over to {}", roll_over.successor), roll_over.successor);
    let todo = format!("once DPS has both, say issuing_authority = \"{next}\" in station.toml");
    Some(Finding::warning(id, seen, todo))
}

fn key(scene: &Scene<'_>, reader: &LedgerReader, label: &str) -> Finding {
    let id = format!("authority/{label}/key");
    let Some(vault) = scene.vault else {
        return Finding::skipped(id, "needs the unlocked vault", "pass --unlock-fd N to check it");
    };
    match authority::load_retired_too(label, scene.folder, vault, reader) {
        Ok(authority) => match authority.issuer.check_key() {
            Ok(()) => Finding::ok(id, "opens, signs, and is the certificate's own"),
            Err(error) => Finding::failed(
                id,
                with_causes(&error),
                "see to the token and its PIN, or restore the token's backup",
            ),
        },
        Err(error @ AuthorityError::Hsm { .. }) => Finding::failed(
            id,
            with_causes(&error),
            "see to the token and its PIN, or restore the token's backup",
        ),
        Err(error) => {
            Finding::failed(id, with_causes(&error), "restore the station's folder from its backup")
        }
    }
}
