//! The clock: certificates and ledger entries carry its time.

use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;
use time::macros::datetime;

use super::{Finding, Scene};
use crate::clock::rfc3339;
use crate::ledger::LedgerReader;

const ID: &str = "clock";
/// No station of this version can run earlier.
const EARLIEST: OffsetDateTime = datetime!(2026-11-01 0:00 UTC);

pub(super) fn check(scene: &Scene<'_>) -> Vec<Finding> {
    let todo = "set the clock (timedatectl set-time, or let it follow a time server), then check again";
    let now = rfc3339(scene.now);
    if scene.now < EARLIEST {
        return vec![Finding::failed(
            ID,
            format!("the clock says {now}, before this program was written"),
            todo,
        )];
    }
    match newest_entry(scene) {
        Some(newest) if newest > scene.now => {
            let seen = format!("the clock says {now}, and the newest ledger entry is of {}", rfc3339(newest));
            vec![Finding::failed(ID, seen, todo)]
        }
        _ => vec![Finding::ok(ID, now)],
    }
}

fn newest_entry(scene: &Scene<'_>) -> Option<OffsetDateTime> {
    let reader = LedgerReader::open(&scene.folder.ledger()).ok()?;
    let head = reader.head(&scene.config.name.to_string()).ok()?;
    let entry = reader.entries(head.seq, 1).ok()?.pop()?;
    OffsetDateTime::parse(&entry.at, &Rfc3339).ok()
}
