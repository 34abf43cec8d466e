//! What the tests of several modules put into a ledger.

use super::entry::{Fact, OrderRow};

/// An order for units of these registration IDs, without an issue budget.
pub(crate) fn order(name: &str, ids: &[&str]) -> Vec<Fact> {
    let row = |id: &&str| OrderRow {
        registration_id: id.parse().unwrap(),
        name: None,
        serial_number: None,
        hardware_id: None,
    };
    vec![
        Fact::OrderAdded {
            order: name.into(),
            product: "p.toml".into(),
            product_sha256: "00".into(),
            id_scope: "0ne00ABCDEF".into(),
            quantity: ids.len() as u64,
            issue_budget: None,
        },
        Fact::OrderRows { order: name.into(), rows: ids.iter().map(row).collect() },
    ]
}
