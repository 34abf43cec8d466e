//! The ranges of an image.

use std::fmt;

use firmware_image::{Content, Plan, PlannedRange, Region};
use serde::Serialize;

use super::{Value, Writes};
use crate::ledger::entry::Grade;
use crate::product::{ItemContent, Product, ProductLink, Slot};

/// A range of the flash.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct FlashRange {
    /// Of its first byte.
    pub offset: u32,
    /// Bytes.
    pub length: u32,
    /// The slot that lies there; none where the released firmware does.
    pub slot: Option<String>,
    /// What the slot holds, in order.
    pub holds: Vec<Held>,
    /// The evidence of it that a PASS needs; none where another program writes it.
    pub evidence: Option<Grade>,
}

/// One value in a slot.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Held {
    /// What the firmware knows it by.
    pub name: String,
    /// As far as it may be shown.
    #[serde(flatten)]
    pub value: Value,
}

pub(super) fn ranges(product: &Product, plan: &Plan) -> Writes {
    let is_loader = matches!(product.link, ProductLink::Loader { .. });
    let ranges = plan.ranges.iter().map(|range| {
        let evidence = evidence(product, range).filter(|_| is_loader);
        explained(range, evidence)
    });
    Writes::Flash {
        base: plan.base.iter().map(ToString::to_string).collect(),
        ranges: ranges.collect(),
        skips_what_agrees: is_loader,
    }
}

fn explained(range: &PlannedRange, evidence: Option<Grade>) -> FlashRange {
    let (slot, holds) = match &range.content {
        Content::Base => (None, Vec::new()),
        Content::Personalised { slot, holds } => {
            let held = |holding: &firmware_image::Holding| Held {
                name: holding.name.clone(),
                value: Value::new(holding.bytes, &holding.shown),
            };
            (Some(slot.clone()), holds.iter().map(held).collect())
        }
    };
    FlashRange { offset: range.region.offset(), length: range.region.length(), slot, holds, evidence }
}

fn evidence(product: &Product, range: &PlannedRange) -> Option<Grade> {
    if range.content == Content::Base {
        return product.firmware.as_ref().and_then(|firmware| firmware.evidence);
    }
    let lies_there = |slot: &Slot| slot.places().any(|place| place.region == range.region);
    let item = product.items.iter().find(|item| match &item.content {
        ItemContent::Slot(slot) => lies_there(slot),
        ItemContent::Document { .. } | ItemContent::OwnKey { .. } => false,
    });
    item.map(|item| item.evidence)
}

impl fmt::Display for FlashRange {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { offset, length, slot, holds, evidence } = self;
        let slot = slot.as_deref().unwrap_or("released firmware");
        match Region::new(*offset, *length) {
            Ok(region) => write!(f, "{region}  {slot}, {length} bytes")?,
            Err(_) => write!(f, "{offset:#x}  {slot}, {length} bytes")?,
        }
        if let Some(evidence) = evidence {
            write!(f, "; evidence: {evidence}")?;
        }
        holds.iter().try_for_each(|Held { name, value }| write!(f, "\n    {name}: {value}"))
    }
}
