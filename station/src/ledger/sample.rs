//! What the tests of several modules put into a ledger.

use super::entry::{Fact, OrderRow, TpmKey, TpmKeyFrom, TpmOrigin};

/// An order for units of these registration IDs, without an issue budget.
pub(crate) fn order(name: &str, ids: &[&str]) -> Vec<Fact> {
    vec![order_of_units(name, ids.len() as u64), rows(name, ids)]
}

/// An order for so many units, which bring their registration IDs.
pub(crate) fn order_of_units(name: &str, quantity: u64) -> Fact {
    Fact::OrderAdded {
        order: name.into(),
        product: "p.toml".into(),
        product_sha256: "00".into(),
        id_scope: "0ne00ABCDEF".into(),
        quantity,
        issue_budget: None,
    }
}

/// Rows of an order.
pub(crate) fn rows(order: &str, ids: &[&str]) -> Fact {
    let row = |id: &&str| OrderRow {
        registration_id: id.parse().unwrap(),
        name: None,
        serial_number: None,
        hardware_id: None,
    };
    Fact::OrderRows { order: order.into(), rows: ids.iter().map(row).collect() }
}

/// A unit's TPM, told apart by this: one that its maker vouches for.
pub(crate) fn tpm(which: &str) -> TpmKey {
    TpmKey {
        endorsement_key: format!("AToA{which}"),
        storage_root_key: format!("ARoA{which}"),
        public_key: format!("spki-{which}"),
        endorsement_key_from: TpmKeyFrom::Persistent,
        template: "l-1".into(),
        certificate: Some("PEM".into()),
        origin: TpmOrigin::Proven { root: "CN=Maker Root".into() },
        manufacturer: "STM".into(),
        model: "ST33HTPH".into(),
        firmware: "1.258.0.0".into(),
        software: false,
    }
}

/// The same that is a program, which nobody vouches for.
pub(crate) fn software_tpm(which: &str) -> TpmKey {
    TpmKey {
        certificate: None,
        origin: TpmOrigin::Unproven,
        manufacturer: "IBM".into(),
        model: "SW   TPM".into(),
        software: true,
        ..tpm(which)
    }
}
