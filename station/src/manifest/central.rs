//! The CSV that IoT Central imports devices from: `IOTC_DEVICEID,IOTC_DEVICENAME` (howto-manage-devices-in-bulk).

use super::{ManifestError, may_register};
use crate::ledger::LedgerReader;

/// The identities of an order that may register: accepted, or handed over without a unit. A unit without a name of its own gets its ID, as IoT Central would give it.
///
/// # Errors
/// [`ManifestError`].
pub fn central_import(ledger: &LedgerReader, order: &str) -> Result<String, ManifestError> {
    let mut writer = csv::Writer::from_writer(Vec::new());
    writer.write_record(["IOTC_DEVICEID", "IOTC_DEVICENAME"])?;
    for identity in may_register(ledger, order)? {
        let id = &identity.identity.registration_id;
        id.check_central()
            .map_err(|why| ManifestError::NotForCentral { id: id.to_string(), why: why.to_string() })?;
        writer.write_record([id.as_str(), identity.name.as_deref().unwrap_or(id.as_str())])?;
    }
    let bytes = writer.into_inner().map_err(|error| csv::Error::from(error.into_error()))?;
    // Only text was written.
    Ok(String::from_utf8_lossy(&bytes).into_owned())
}
