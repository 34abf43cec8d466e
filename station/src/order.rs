//! Orders: what to build, as a CSV file, as a pattern and a quantity, or as a quantity alone where units bring their
//! registration IDs. All bad rows are reported at once, and nothing is taken from a bad file.

mod csv_rows;
mod limited_lines;
mod pattern;

use std::collections::{BTreeSet, HashMap};
use std::fmt;
use std::io;
use std::path::PathBuf;

use certkit::{DeviceKey, RegistrationId};
use thiserror::Error;

use crate::ledger::entry::{Fact, Identity, OrderRow, SecretKind};
use crate::ledger::{LedgerError, LedgerReader};
use crate::product::{Assign, Product, ProductAttestation};
use crate::unit::HardwareId;
use crate::vault::{Secret, SecretName};

pub use csv_rows::{CsvError, read_csv};
pub use limited_lines::{LimitedLines, one_line};
pub use pattern::{Pattern, PatternError};

/// Rows that one ledger entry holds at most.
const ROWS_AN_ENTRY: usize = 1000;
/// Individual enrollments that one DPS instance takes (iot-dps-limits).
const MOST_ENROLLMENTS: u64 = 1_000_000;

/// Where a row came from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum RowAt {
    /// This line of a file, from 1.
    Line(u64),
    /// This number in a pattern.
    Number(u64),
}

impl fmt::Display for RowAt {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            RowAt::Line(line) => write!(f, "line {line}"),
            RowAt::Number(number) => write!(f, "number {number}"),
        }
    }
}

/// A row with the place that it came from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PlacedRow {
    /// Where it came from.
    pub at: RowAt,
    /// The row.
    pub row: OrderRow,
    /// The unit's own symmetric key, where the file gives one.
    pub key: Option<DeviceKey>,
}

/// One thing that is wrong with one row.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RowFault {
    /// Where the row came from.
    pub at: RowAt,
    /// What is wrong with it.
    pub what: String,
}

impl fmt::Display for RowFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.at, self.what)
    }
}

/// The rows of an order as they were given. Those that cannot be read are kept as faults, so that they are reported
/// together with what is found wrong with the others later.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Rows {
    /// Rows that could be read.
    pub rows: Vec<PlacedRow>,
    /// What is wrong with the others.
    pub faults: Vec<RowFault>,
}

/// Why an order was not taken.
#[derive(Debug, Error)]
pub enum OrderError {
    /// The file cannot be opened.
    #[error("cannot read the order's file {path}: check the name and its permissions")]
    File {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// The file cannot be read as an order.
    #[error(transparent)]
    Csv(#[from] CsvError),
    /// The pattern makes no registration IDs.
    #[error(transparent)]
    Pattern(#[from] PatternError),
    /// Rows are wrong; nothing was taken.
    #[error("{} and nothing was taken:\n{}", count(.0), list(.0))]
    Rows(Vec<RowFault>),
    /// The file carries keys for a product that makes its own.
    #[error(
        "the order's file carries device keys, and product {0} takes none from an order: set attestation = \"symmetric-given\" in the product, or remove the key columns"
    )]
    KeysNotWanted(String),
    /// Registration IDs for a product whose units bring them.
    #[error(
        "product {0} names each unit by its TPM's endorsement key (assign = \"from-ek\"), which is not known before the unit \
         is here: give --quantity alone, without a pattern and without a file"
    )]
    IdsNotWanted(String),
    /// A quantity alone for a product that takes registration IDs from its orders.
    #[error(
        "product {0} takes its units' registration IDs from the order: give --pattern beside --quantity, or --csv alone"
    )]
    IdsMissing(String),
    /// More units than can ever register.
    #[error(
        "a quantity of {0} is more than the {MOST_ENROLLMENTS} individual enrollments that one DPS instance takes: give fewer"
    )]
    TooMany(u64),
    /// The order is there already.
    #[error("order {0} was taken already: give this one another name")]
    Exists(OrderName),
    /// The ledger cannot be asked.
    #[error(transparent)]
    Ledger(#[from] LedgerError),
}

/// A row can have several faults.
fn count(faults: &[RowFault]) -> String {
    let rows = faults.iter().map(|fault| fault.at).collect::<BTreeSet<_>>().len();
    if rows == 1 { "1 row is wrong".to_owned() } else { format!("{rows} rows are wrong") }
}

fn list(faults: &[RowFault]) -> String {
    faults.iter().map(|fault| format!("  {fault}")).collect::<Vec<_>>().join("\n")
}

/// An order's name: letters, digits, hyphens, dots and underscores. It may become part of a file's name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OrderName(String);

impl std::str::FromStr for OrderName {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.');
        if (1..=64).contains(&text.len()) && text.chars().all(plain) && !text.starts_with(['.', '-']) {
            Ok(Self(text.to_owned()))
        } else {
            Err(format!(
                "`{text}` is no order name: use letters, digits, `-`, `_` and `.`, at most 64, a letter or digit first"
            ))
        }
    }
}

impl OrderName {
    fn check_free(&self, ledger: &LedgerReader) -> Result<(), OrderError> {
        match ledger.order(&self.0)? {
            Some(_) => Err(OrderError::Exists(self.clone())),
            None => Ok(()),
        }
    }
}

impl fmt::Display for OrderName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Makes sure that registration IDs are given where the product takes them from the order, and nowhere else.
///
/// # Errors
/// [`OrderError::IdsNotWanted`], [`OrderError::IdsMissing`].
pub fn check_ids(product: &Product, are_given: bool) -> Result<(), OrderError> {
    match (product.assign == Assign::FromEk, are_given) {
        (true, true) => Err(OrderError::IdsNotWanted(product.file.clone())),
        (false, false) => Err(OrderError::IdsMissing(product.file.clone())),
        (true, false) | (false, true) => Ok(()),
    }
}

/// An order, checked against product and history: ready to be written into the ledger.
#[derive(Debug)]
pub struct Order {
    name: OrderName,
    quantity: u64,
    /// A row for each unit; none where the units bring their registration IDs.
    rows: Vec<OrderRow>,
    /// What the vault takes: a line `registration_id,device_key` each. None where the product makes its own.
    keys: Option<Secret>,
}

impl Order {
    /// Checks every row against the product, against the other rows and against all history.
    ///
    /// # Errors
    /// [`OrderError::Rows`] with every fault of every row; [`OrderError::Exists`]; [`OrderError::IdsNotWanted`];
    /// [`OrderError::Ledger`].
    pub fn check(
        name: OrderName,
        rows: Rows,
        product: &Product,
        ledger: &LedgerReader,
    ) -> Result<Self, OrderError> {
        check_ids(product, true)?;
        name.check_free(ledger)?;
        let Rows { rows, mut faults } = rows;
        let given = product.attestation == ProductAttestation::SymmetricGiven;
        if !given && rows.iter().any(|row| row.key.is_some()) {
            return Err(OrderError::KeysNotWanted(product.file.clone()));
        }
        let mut first_at: HashMap<(&'static str, &str), RowAt> = HashMap::new();
        let mut first_key: HashMap<&[u8], RowAt> = HashMap::new();
        for PlacedRow { at, row, key } in &rows {
            let mut fault = |what: String| faults.push(RowFault { at: *at, what });
            faults_of_row(row, product).into_iter().for_each(&mut fault);
            if let Some(order) = ledger.reserved_by(&product.id_scope.to_string(), &row.registration_id)? {
                fault(format!(
                    "{} is reserved by order {order} already: give another ID",
                    row.registration_id
                ));
            }
            match key {
                Some(key) => {
                    if let Some(first) = first_key.insert(key.bytes(), *at) {
                        fault(format!(
                            "{} has the same key as {first}: each unit has its own",
                            row.registration_id
                        ));
                    }
                }
                None if given => fault(format!(
                    "{} has no key, and the product takes each unit's from the order: export the devices again",
                    row.registration_id
                )),
                None => {}
            }
            for (column, value) in unique_columns(row) {
                if let Some(first) = first_at.insert((column, value), *at) {
                    fault(format!("{column} `{value}` stands in {first} already: change or remove one"));
                }
            }
        }
        if faults.is_empty() {
            let keys = given.then(|| key_lines(&rows));
            let rows: Vec<_> = rows.into_iter().map(|row| row.row).collect();
            Ok(Self { name, quantity: rows.len() as u64, rows, keys })
        } else {
            faults.sort_by_key(|fault| fault.at); // stable: the faults of one row stay in sequence
            Err(OrderError::Rows(faults))
        }
    }

    /// An order for so many units, which bring their registration IDs.
    ///
    /// # Errors
    /// [`OrderError::IdsMissing`]; [`OrderError::Exists`]; [`OrderError::Ledger`]; a quantity that is none.
    pub fn of_units(
        name: OrderName,
        quantity: u64,
        product: &Product,
        ledger: &LedgerReader,
    ) -> Result<Self, OrderError> {
        check_ids(product, false)?;
        name.check_free(ledger)?;
        match quantity {
            0 => Err(PatternError::Nothing.into()),
            1..=MOST_ENROLLMENTS => Ok(Self { name, quantity, rows: Vec::new(), keys: None }),
            more => Err(OrderError::TooMany(more)),
        }
    }

    /// Units ordered.
    pub fn quantity(&self) -> u64 {
        self.quantity
    }

    /// The one of its identities that needs the most room on a unit; none where they are yet to come.
    pub fn longest(&self, product: &Product) -> Option<Identity> {
        let longest = self.rows.iter().max_by_key(|row| row.registration_id.as_str().len())?;
        let registration_id = longest.registration_id.clone();
        Some(Identity { id_scope: product.id_scope.to_string(), registration_id })
    }

    /// The units' own keys, for the vault, and the name that they get there.
    pub fn keys(&self) -> Option<(SecretName, &Secret)> {
        self.keys.as_ref().map(|keys| (SecretName::of_order_keys(&self.name.0), keys))
    }

    /// What the ledger takes, all or nothing.
    pub fn facts(&self, product: &Product, issue_budget: Option<u64>) -> Vec<Fact> {
        let order = self.name.to_string();
        let added = Fact::OrderAdded {
            order: order.clone(),
            product: product.file.clone(),
            product_sha256: product.sha256.clone(),
            id_scope: product.id_scope.to_string(),
            quantity: self.quantity,
            issue_budget,
        };
        let rows = self
            .rows
            .chunks(ROWS_AN_ENTRY)
            .map(|rows| Fact::OrderRows { order: order.clone(), rows: rows.to_vec() });
        let keys = self.keys().map(|(name, _)| Fact::SecretImported {
            name: name.to_string(),
            secret_kind: SecretKind::DeviceKeys,
        });
        std::iter::once(added).chain(rows).chain(keys).collect()
    }
}

fn key_lines(rows: &[PlacedRow]) -> Secret {
    let lines =
        rows.iter().filter_map(|row| Some((row.row.registration_id.as_str(), row.key.as_ref()?.to_base64())));
    let lines: Vec<_> = lines.collect();
    // Room for all of it at once: growing would leave unwiped copies behind.
    let mut text = Vec::with_capacity(lines.iter().map(|(id, key)| id.len() + key.len() + 2).sum());
    for (id, key) in &lines {
        text.extend_from_slice(id.as_bytes());
        text.push(b',');
        text.extend_from_slice(key.as_bytes());
        text.push(b'\n');
    }
    Secret::new(text)
}

/// What no two rows may share.
fn unique_columns(row: &OrderRow) -> impl Iterator<Item = (&'static str, &str)> {
    let registration = Some(("registration_id", row.registration_id.as_str()));
    let hardware = row.hardware_id.as_deref().map(|value| ("hardware_id", value));
    let serial = row.serial_number.as_deref().map(|value| ("serial_number", value));
    registration.into_iter().chain(hardware).chain(serial)
}

fn faults_of_row(row: &OrderRow, product: &Product) -> Vec<String> {
    let mut faults = Vec::new();
    let id = &row.registration_id;
    let common_name = if product.attestation.is_x509() { id.check_common_name() } else { Ok(()) };
    if let Err(error) = product.service.check(id).and(common_name) {
        faults.push(error.to_string());
    }
    match (&row.hardware_id, product.assign) {
        (None, Assign::ByHardwareId) => {
            faults.push(format!("{id} has no hardware_id, and the product assigns by hardware ID"));
        }
        (Some(shown), Assign::ByHardwareId) => {
            if let Err(error) = HardwareId::parse(shown) {
                faults.push(format!("{id} is meant for a unit that cannot be: {error}"));
            }
        }
        (Some(shown), Assign::Next) => faults.push(format!(
            "{id} is meant for unit {shown}, and the product gives any unit the next identity: set \
             assign = \"by-hardware-id\" in the product, or remove the column hardware_id"
        )),
        // Whoever checks rows has seen that the product takes some.
        (_, Assign::ByScan | Assign::FromEk) | (None, Assign::Next) => {}
    }
    if let (None, Assign::ByScan) = (&row.serial_number, product.assign) {
        faults.push(format!(
            "{id} has no serial_number, and the product finds a unit's row by its scanned label"
        ));
    }
    if let (Some(number), Assign::Next) = (&row.serial_number, product.assign) {
        faults.push(format!(
            "{id} is meant for the label {number}, and the product gives any unit the next identity: the wrong unit \
             would get the label; set assign = \"by-hardware-id\" in the product and give each row its hardware_id, \
             or remove the column serial_number"
        ));
    }
    faults
}

/// The registration ID of a row, or what is wrong with it.
fn registration_id(text: &str) -> Result<RegistrationId, String> {
    RegistrationId::parse(text).map_err(|error| error.to_string())
}

#[cfg(test)]
mod tests;
