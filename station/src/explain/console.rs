//! The steps on a console.

use std::collections::BTreeMap;
use std::fmt;

use firmware_image::Shown;
use serde::Serialize;

use super::Value;
use crate::ledger::entry::Grade;
use crate::link::{Place, ShownIn, Step};
use crate::product::Product;
use crate::unit::{Plan, PlannedItem};

/// One step on a console.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ConsoleStep {
    /// What is done.
    pub step: ConsoleAct,
    /// The product's name for the item.
    pub item: Option<String>,
    /// The dialogue's variables that place it.
    pub place: BTreeMap<String, String>,
    /// What is written.
    pub value: Option<Value>,
    /// The evidence of it that a PASS needs.
    pub evidence: Option<Grade>,
}

/// What a step does.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum ConsoleAct {
    /// The unit makes a key.
    MakeKey,
    /// The unit shows the certificate of a key that it made.
    ReadCertificate,
    /// Its TPM shows its endorsement key.
    ReadEndorsementKey,
    /// The keys of its TPM are put at their handles, where nothing lies.
    KeepKeys,
    /// An item is written.
    Write,
    /// The unit is restarted; what is not merely acknowledged is proven after it.
    Restart,
}

/// The plan's items as the line takes them: the unit's own key first, and a restart where the link can.
pub(super) fn steps(product: &Product, plan: &Plan) -> Vec<ConsoleStep> {
    let own_key = product.own_key().map(|(_, shown_in)| match shown_in {
        ShownIn::Request => ConsoleAct::MakeKey,
        ShownIn::Certificate => ConsoleAct::ReadCertificate,
    });
    let of = |own: bool, act| {
        let written = plan.items.iter().filter(move |item| item.own_key == own && item.at != Place::Tpm);
        written.map(move |item| step(item, act))
    };
    let mut steps: Vec<ConsoleStep> = own_key.into_iter().flat_map(|act| of(true, act)).collect();
    for key in plan.items.iter().filter(|item| item.at == Place::Tpm) {
        steps.push(step(key, ConsoleAct::ReadEndorsementKey));
        steps.extend(key.step.is_some().then(|| step(key, ConsoleAct::KeepKeys)));
    }
    steps.extend(of(false, ConsoleAct::Write));
    if product.link.restarts() {
        let (item, value, evidence) = (None, None, None);
        steps.push(ConsoleStep { step: ConsoleAct::Restart, item, place: BTreeMap::new(), value, evidence });
    }
    steps
}

fn step(item: &PlannedItem, step: ConsoleAct) -> ConsoleStep {
    let place = match &item.at {
        Place::Console(place) => place.clone(),
        Place::Flash(_) | Place::Tpm => BTreeMap::new(),
    };
    let value = match &item.step {
        Some(Step::Write(write)) => {
            let content = write.content.bytes();
            let line = content.strip_suffix(b"\n").unwrap_or(content);
            let shown = if write.secret { Shown::Secret } else { Shown::of_bytes(line) };
            Some(Value::new(content.len(), &shown))
        }
        _ => None,
    };
    ConsoleStep { step, item: Some(item.name.clone()), place, value, evidence: Some(item.evidence) }
}

impl fmt::Display for ConsoleStep {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { step, item, place, value, evidence } = self;
        let item = item.as_deref().unwrap_or_default();
        match step {
            ConsoleAct::MakeKey => write!(f, "let the unit make {item}"),
            ConsoleAct::ReadCertificate => write!(f, "read the certificate of {item}"),
            ConsoleAct::ReadEndorsementKey => write!(f, "read {item} from the unit's TPM"),
            ConsoleAct::KeepKeys => f.write_str("keep the TPM's keys at their handles"),
            ConsoleAct::Write => write!(f, "write {item}"),
            ConsoleAct::Restart => f.write_str("restart the unit; challenges, digests and read-backs follow"),
        }?;
        if let Some(value) = value {
            write!(f, ": {value}")?;
        }
        if let Some(evidence) = evidence {
            write!(f, "; evidence: {evidence}")?;
        }
        place.iter().try_for_each(|(name, value)| write!(f, "\n       {name} = {value}"))
    }
}
