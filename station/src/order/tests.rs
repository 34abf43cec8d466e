use std::path::PathBuf;

use time::macros::datetime;

use super::*;
use crate::ledger::{Counts, LedgerOwner, sample};

const NOW: time::OffsetDateTime = datetime!(2026-11-30 12:00 UTC);

struct Scene {
    _folder: tempfile::TempDir,
    ledger: PathBuf,
    owner: LedgerOwner,
    /// A product whose units bring their registration IDs.
    from_ek: Product,
    /// One that takes them from its orders.
    next: Product,
}

impl Scene {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let ledger = folder.path().join("ledger.db");
        let owner = LedgerOwner::create(&ledger, "line-1", NOW).unwrap();
        let next = Product::load(folder.path(), "gateway-x509.toml").unwrap();
        let from_ek = Product { assign: Assign::FromEk, file: "tpm.toml".into(), ..next.clone() };
        Self { _folder: folder, ledger, owner, from_ek, next }
    }

    fn reader(&self) -> LedgerReader {
        LedgerReader::open(&self.ledger).unwrap()
    }

    fn of_units(&self, name: &str, quantity: u64, product: &Product) -> Result<Order, OrderError> {
        Order::of_units(name.parse().unwrap(), quantity, product, &self.reader())
    }

    fn of_rows(&self, name: &str, rows: Rows, product: &Product) -> Result<Order, OrderError> {
        Order::check(name.parse().unwrap(), rows, product, &self.reader())
    }
}

fn pattern(quantity: u64) -> Rows {
    Pattern::parse("gw-{}").unwrap().rows(1, quantity).unwrap()
}

#[test]
fn an_order_of_units_that_bring_their_ids_has_a_quantity_and_no_rows() {
    let scene = Scene::new();
    let order = scene.of_units("april", 12, &scene.from_ek).unwrap();
    assert_eq!(order.quantity(), 12);
    assert!(order.longest(&scene.from_ek).is_none() && order.keys().is_none());
    let facts = order.facts(&scene.from_ek, Some(15));
    let added = Fact::OrderAdded {
        order: "april".into(),
        product: "tpm.toml".into(),
        product_sha256: scene.from_ek.sha256.clone(),
        id_scope: "0ne00ABCDEF".into(),
        quantity: 12,
        issue_budget: Some(15),
    };
    assert_eq!(facts, [added]);
    scene.owner.ledger().append(NOW, facts).unwrap();
    let counts = Counts { ordered: 12, open: 12, unbound: 12, waiting: 12, ..Counts::default() };
    assert_eq!(scene.reader().counts("april").unwrap(), counts);
}

#[test]
fn registration_ids_are_given_where_the_product_takes_them_and_nowhere_else() {
    let scene = Scene::new();
    let refused = |order: Result<Order, OrderError>, parts: &[&str]| {
        let text = order.unwrap_err().to_string();
        parts.iter().for_each(|part| assert!(text.contains(part), "{text}"));
    };
    let not_wanted = ["product tpm.toml", "assign = \"from-ek\"", "give --quantity alone"];
    refused(scene.of_rows("april", pattern(2), &scene.from_ek), &not_wanted);
    let csv = read_csv("registration_id,hardware_id\ngw-1,a1\n".as_bytes()).unwrap();
    refused(scene.of_rows("april", csv, &scene.from_ek), &not_wanted);
    let missing =
        ["product gateway-x509.toml takes its units' registration IDs from the order", "--pattern", "--csv"];
    for assign in [Assign::Next, Assign::ByHardwareId, Assign::ByScan] {
        let product = Product { assign, ..scene.next.clone() };
        refused(scene.of_units("april", 2, &product), &missing);
    }
    assert_eq!(scene.of_rows("april", pattern(2), &scene.next).unwrap().facts(&scene.next, None).len(), 2);
}

#[test]
fn quantities_that_are_none_are_refused() {
    let scene = Scene::new();
    for (quantity, part) in [
        (0, "a quantity of 0 orders nothing: give 1 or more"),
        (1_000_001, "more than the 1000000 individual enrollments that one DPS instance takes"),
        (u64::MAX, "a quantity of 18446744073709551615 is more than"),
    ] {
        let text = scene.of_units("april", quantity, &scene.from_ek).unwrap_err().to_string();
        assert!(text.contains(part), "{text}");
    }
    assert_eq!(scene.of_units("april", 1_000_000, &scene.from_ek).unwrap().quantity(), 1_000_000);
}

#[test]
fn an_order_of_units_needs_a_free_name_too() {
    let scene = Scene::new();
    scene.owner.ledger().append(NOW, vec![sample::order_of_units("april", 1)]).unwrap();
    let error = scene.of_units("april", 2, &scene.from_ek).unwrap_err();
    assert!(matches!(&error, OrderError::Exists(name) if name.to_string() == "april"), "{error:?}");
    scene.of_units("may", 2, &scene.from_ek).unwrap();
}
