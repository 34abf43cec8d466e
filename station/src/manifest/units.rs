//! The accepted units that hang on an authority or on a group key, as a list for whoever brings them new credentials.

use std::collections::BTreeSet;

use certkit::Chain;

use super::ManifestError;
use crate::clock::rfc3339;
use crate::ledger::entry::{Hold, IssuedCredential, KeyOrigin};
use crate::ledger::{IdentityRecord, LedgerReader};

/// The accepted units of all orders whose current credential hangs on `hold`, on the authority itself or on one below; and
/// behind them those whose credential was handed over without a unit, which have no hardware ID.
///
/// # Errors
/// [`ManifestError`].
pub fn units_hanging_on(ledger: &LedgerReader, hold: &Hold) -> Result<Vec<IdentityRecord>, ManifestError> {
    let below = match hold {
        Hold::Authority(label) => authorities_below(ledger, label)?,
        Hold::GroupKey(_) => BTreeSet::new(),
    };
    let mut units = ledger.accepted_units()?;
    units.extend(ledger.handed_over()?);
    units.retain(|unit| match unit.credential.as_ref().map(|credential| &credential.credential) {
        Some(IssuedCredential::Certificate { authority: Some(label), .. }) => below.contains(label),
        Some(IssuedCredential::DeviceKey { origin: KeyOrigin::Derived { group_key, .. }, .. }) => {
            matches!(hold, Hold::GroupKey(name) if name == group_key)
        }
        _ => false,
    });
    Ok(units)
}

/// An authority and all that it issued, directly or not.
fn authorities_below(ledger: &LedgerReader, label: &str) -> Result<BTreeSet<String>, ManifestError> {
    let mut below = BTreeSet::from([label.to_owned()]);
    // Oldest first: an issuer comes before what it issued.
    for authority in ledger.authorities()? {
        if authority.issuer.is_some_and(|issuer| below.contains(&issuer)) {
            below.insert(authority.label);
        }
    }
    Ok(below)
}

/// The list as CSV.
///
/// # Errors
/// [`ManifestError`].
pub fn units_csv(units: &[IdentityRecord]) -> Result<Vec<u8>, ManifestError> {
    let mut writer = csv::Writer::from_writer(Vec::new());
    writer.write_record([
        "registration_id",
        "id_scope",
        "order",
        "hardware_id",
        "serial_number",
        "hangs_on",
        "certificate_serial",
        "not_after",
    ])?;
    for unit in units {
        let (hangs_on, serial, not_after) = match unit.credential.as_ref().map(|one| &one.credential) {
            Some(IssuedCredential::Certificate { authority, certificate_serial, chain, .. }) => {
                let not_after = rfc3339(Chain::from_pem(chain)?.leaf().not_after());
                (authority.as_deref().unwrap_or_default(), certificate_serial.as_str(), not_after)
            }
            Some(IssuedCredential::DeviceKey { origin: KeyOrigin::Derived { group_key, .. }, .. }) => {
                (group_key.as_str(), "", String::new())
            }
            _ => ("", "", String::new()),
        };
        writer.write_record([
            unit.identity.registration_id.as_str(),
            &unit.identity.id_scope,
            &unit.order,
            unit.unit.as_deref().unwrap_or_default(),
            unit.serial_number.as_deref().unwrap_or_default(),
            hangs_on,
            serial,
            &not_after,
        ])?;
    }
    Ok(writer.into_inner().map_err(|error| csv::Error::from(error.into_error()))?)
}
