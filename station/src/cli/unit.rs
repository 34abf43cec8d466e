//! `station unit`: one unit's record, and an engineer's word on it.

use clap::{Args, Subcommand};
use serde::Serialize;

use super::context::Context;
use super::{Exit, Failure, Output};
use crate::clock;
use crate::ledger::entry::{
    Evidence, Fact, GroupEntry, Identity, IssuedCredential, KeyMaker, KeyOrigin, TpmKey, TpmOrigin,
};
use crate::ledger::{AttemptRecord, CredentialRecord, IdentityRecord, IdentityState};

/// Units: show one, free it for rework, or scrap it.
#[derive(Debug, Subcommand)]
pub(super) enum Verb {
    /// Show what the ledger knows of a unit.
    Show {
        /// Its registration ID, hardware ID or serial number.
        unit: String,
    },
    /// Free a unit for its next attempt, which gets a new credential; the old one counts as revoked.
    Rework(Word),
    /// Remove a unit for ever. Its identity is burnt and never used again.
    Scrap(Word),
}

#[derive(Debug, Args)]
pub(super) struct Word {
    /// Its registration ID, hardware ID or serial number.
    unit: String,
    /// Of several that this means, the one of this order: one registration ID may stand in two ID scopes.
    #[arg(long)]
    order: Option<String>,
    /// Why, for the ledger.
    #[arg(long, value_parser = super::context::reason)]
    reason: String,
}

#[derive(Serialize)]
struct Shown {
    #[serde(flatten)]
    identity: IdentityRecord,
    credentials: Vec<CredentialRecord>,
    attempts: Vec<AttemptRecord>,
}

pub(super) fn run(verb: Verb, context: &Context, output: &Output) -> Result<Exit, Failure> {
    match verb {
        Verb::Show { unit } => show(&unit, context, output),
        Verb::Rework(word) => {
            say(word, context, output, REWORK, |identity, reason| Fact::Reworked { identity, reason })
        }
        Verb::Scrap(word) => {
            say(word, context, output, "unit scrap", |identity, reason| Fact::Scrapped { identity, reason })
        }
    }
}

const REWORK: &str = "unit rework";

fn say(
    word: Word,
    context: &Context,
    output: &Output,
    purpose: &str,
    fact: fn(Identity, String) -> Fact,
) -> Result<Exit, Failure> {
    let owner = context.owner(purpose)?;
    let mut found = context.reader()?.find(&word.unit)?;
    if let Some(order) = &word.order {
        found.retain(|identity| identity.order == *order);
    }
    let [identity] = found.as_slice() else { return Err(not_one(&word.unit, word.order.as_deref(), &found)) };
    if identity.state == IdentityState::Burnt {
        return Err(Failure::input(format!(
            "{} is burnt ({}): neither it nor its unit is ever used again; build another unit",
            identity.identity,
            identity.reason.as_deref().unwrap_or("no reason recorded")
        )));
    }
    let is_out = identity.state == IdentityState::CheckedOut;
    if is_out && purpose == REWORK {
        return Err(Failure::input(format!(
            "{} is checked out: whoever holds its credential may be using it; `station issue --again` issues another, \
             `station unit scrap` ends it",
            identity.identity
        )));
    }
    if identity.unit.is_none() && !is_out {
        return Err(Failure::input(format!(
            "no unit is bound to {}: there is nothing to rework or to scrap",
            identity.identity
        )));
    }
    owner.ledger().append(clock::now(), vec![fact(identity.identity.clone(), word.reason)])?;
    drop(owner);
    if is_out {
        output.talk(format!(
            "{} counts no longer: its credential was handed over, so stop it in the cloud (`station manifest disallow`)",
            identity.identity
        ));
    }
    if identity.state == IdentityState::Live {
        output.talk(format!(
            "{} was accepted, and counts no longer: its credential is revoked, so keep the unit in the factory",
            identity.identity
        ));
    }
    show(identity.identity.registration_id.as_str(), context, output)
}

fn show(unit: &str, context: &Context, output: &Output) -> Result<Exit, Failure> {
    let reader = context.reader()?;
    let found = reader.find(unit)?;
    let attempts = reader.attempts_of(unit)?;
    if found.is_empty() && attempts.is_empty() {
        return Err(not_one(unit, None, &found));
    }
    if found.is_empty() {
        // Seen and turned away: there is no identity to show, and every attempt.
        return list_attempts(&attempts, output);
    }
    for identity in found {
        let credentials = reader.credentials_of(&identity.identity)?;
        let attempts = match &identity.unit {
            Some(hardware_id) => reader.attempts_of(hardware_id)?,
            None => reader.attempts_of(identity.identity.registration_id.as_str())?,
        };
        let shown = Shown { identity, credentials, attempts };
        output.data(&shown, |out| write_unit(&shown, out))?;
    }
    Ok(Exit::Done)
}

fn list_attempts(attempts: &[AttemptRecord], output: &Output) -> Result<Exit, Failure> {
    output.data(&serde_json::json!({ "attempts": attempts }), |out| {
        attempts.iter().try_for_each(|attempt| writeln!(out, "{}", attempt_line(attempt)))
    })?;
    Ok(Exit::Done)
}

fn write_unit(shown: &Shown, out: &mut dyn std::io::Write) -> std::io::Result<()> {
    let Shown { identity, credentials, attempts } = shown;
    let state = serde_json::to_string(&identity.state)?;
    writeln!(out, "{}: {}", identity.identity, state.trim_matches('"'))?;
    writeln!(out, "  order     {}", identity.order)?;
    writeln!(out, "  unit      {}", identity.unit.as_deref().unwrap_or("none yet"))?;
    for (name, value) in
        [("name", &identity.name), ("label", &identity.serial_number), ("reason", &identity.reason)]
    {
        if let Some(value) = value {
            writeln!(out, "  {name:<9} {value}")?;
        }
    }
    for credential in credentials {
        let reason = credential.reason.as_ref().map(|reason| format!(" ({reason})")).unwrap_or_default();
        writeln!(out, "  {}: {}{reason}", credential_text(&credential.credential), credential.state)?;
    }
    attempts.iter().try_for_each(|attempt| writeln!(out, "  {}", attempt_line(attempt)))
}

fn credential_text(credential: &IssuedCredential) -> String {
    match credential {
        IssuedCredential::Certificate { certificate_serial, authority, key_maker, .. } => {
            let issuer = authority.as_deref().unwrap_or("itself");
            let made = match key_maker {
                KeyMaker::Station => "",
                KeyMaker::Device => " for a key that the unit made",
            };
            format!("certificate {certificate_serial}, issued by {issuer}{made}")
        }
        IssuedCredential::DeviceKey { origin: KeyOrigin::Derived { group_key, group_entry }, .. } => {
            let entry = match group_entry {
                GroupEntry::Primary => "primary",
                GroupEntry::Secondary => "secondary",
            };
            format!("device key, derived from the {entry} key {group_key}")
        }
        IssuedCredential::DeviceKey { origin: KeyOrigin::Given, .. } => {
            "device key, given with the order".to_owned()
        }
        IssuedCredential::DeviceKey { origin: KeyOrigin::Random { .. }, .. } => {
            "device key, made at random for this unit".to_owned()
        }
        IssuedCredential::EndorsementKey(tpm) => tpm_text(tpm),
    }
}

/// Who made it, who vouches for it, and its marks.
fn tpm_text(tpm: &TpmKey) -> String {
    let TpmKey { manufacturer, model, firmware, .. } = tpm;
    let vouches = match &tpm.origin {
        TpmOrigin::Proven { root } => format!("vouched for by {root}"),
        TpmOrigin::Unproven => "vouched for by no maker".to_owned(),
    };
    let marks = match tpm.marks().as_slice() {
        [] => String::new(),
        marks => format!(" ({})", marks.join(", ")),
    };
    format!("endorsement key of a TPM by {manufacturer}, {model}, firmware {firmware}, {vouches}{marks}")
}

/// One attempt on one line.
pub(super) fn attempt_line(attempt: &AttemptRecord) -> String {
    let unit = attempt.hardware_id.as_deref().unwrap_or("unknown unit");
    let id = attempt.registration_id.as_deref().unwrap_or("-");
    let mut line = format!(
        "attempt {} {} fixture {} {unit} {id} {}",
        attempt.attempt, attempt.opened_at, attempt.fixture, attempt.state
    );
    if let Some(disposition) = &attempt.disposition {
        line.push_str(&format!(" -> {disposition}"));
    }
    if let Some(reason) = &attempt.reason {
        line.push_str(&format!(": {reason}"));
    }
    if !attempt.evidence.is_empty() {
        line.push_str(&format!(": {}", evidence_text(&attempt.evidence)));
    }
    line
}

/// `device-key challenge, configuration device digest`.
pub(super) fn evidence_text(evidence: &[Evidence]) -> String {
    let items: Vec<String> =
        evidence.iter().map(|evidence| format!("{} {}", evidence.item, evidence.grade)).collect();
    items.join(", ")
}

fn not_one(unit: &str, order: Option<&str>, found: &[IdentityRecord]) -> Failure {
    if found.is_empty() {
        let of_order = order.map(|order| format!(" of order {order}")).unwrap_or_default();
        return Failure::input(format!(
            "the ledger knows no unit `{unit}`{of_order}: give its registration ID, hardware ID or serial number"
        ));
    }
    let shown = |record: &IdentityRecord| format!("{}, order {}", record.identity, record.order);
    let several: Vec<String> = found.iter().map(shown).collect();
    Failure::input(format!(
        "`{unit}` means several identities ({}): give the registration ID, or the order with --order",
        several.join("; ")
    ))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ledger::sample;

    #[test]
    fn a_tpm_is_shown_with_its_maker_with_who_vouches_for_it_and_with_its_marks() {
        for (tpm, text) in [
            (
                sample::tpm("x"),
                "endorsement key of a TPM by STM, ST33HTPH, firmware 1.258.0.0, vouched for by CN=Maker Root",
            ),
            (
                sample::software_tpm("x"),
                "endorsement key of a TPM by IBM, SW   TPM, firmware 1.258.0.0, vouched for by no maker \
                 (origin unproven, software TPM)",
            ),
            (
                TpmKey { software: true, ..sample::tpm("x") },
                "endorsement key of a TPM by STM, ST33HTPH, firmware 1.258.0.0, vouched for by CN=Maker Root (software TPM)",
            ),
        ] {
            assert_eq!(credential_text(&IssuedCredential::EndorsementKey(Box::new(tpm))), text);
        }
    }

    /// What a script reads of a unit's TPM.
    #[test]
    fn a_tpms_marks_stand_in_json_by_its_origin_and_kind() {
        let shown = |tpm| {
            serde_json::to_value(CredentialRecord {
                credential: IssuedCredential::EndorsementKey(Box::new(tpm)),
                attempt: 1,
                state: "live".into(),
                reason: None,
                ended_at: None,
            })
            .unwrap()
        };
        let (proven, unproven) = (shown(sample::tpm("x")), shown(sample::software_tpm("x")));
        assert_eq!((&proven["origin"], &proven["root"]), (&"proven".into(), &"CN=Maker Root".into()));
        assert_eq!((&proven["software"], &proven["manufacturer"]), (&false.into(), &"STM".into()));
        assert_eq!((&unproven["origin"], unproven.get("root")), (&"unproven".into(), None));
        assert_eq!((&unproven["software"], unproven.get("certificate")), (&true.into(), None));
        assert_eq!(
            (&unproven["credential_kind"], &unproven["state"]),
            (&"endorsement-key".into(), &"live".into())
        );
    }
}
