//! An order as a pattern and a quantity: `gw-{:04}` makes gw-0001, gw-0002 …

use thiserror::Error;

use super::{PlacedRow, RowAt, RowFault, Rows, registration_id};
use crate::ledger::entry::OrderRow;

/// Why a pattern was refused.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum PatternError {
    /// No place for the number, or several.
    #[error("pattern `{0}` needs one place for the number: {{}} or, with leading zeros, {{:04}}")]
    Place(String),
    /// The numbers grow longer than their place: IDs of several lengths sort and read badly, and may run into others.
    #[error(
        "pattern `{pattern}` has room for {digits} digits, and number {last} has more: widen it, as in {{:0{needed}}}"
    )]
    TooNarrow {
        /// The pattern.
        pattern: String,
        /// Digits that it has room for.
        digits: usize,
        /// The last number.
        last: u64,
        /// Digits that it needs.
        needed: usize,
    },
    /// Nothing would be built.
    #[error("a quantity of 0 orders nothing: give 1 or more")]
    Nothing,
    /// The numbers run past what a number can be.
    #[error("the numbers from {first} on run past the largest number: start lower")]
    PastTheEnd {
        /// The first number.
        first: u64,
    },
}

/// A pattern with one place for a number.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pattern {
    text: String,
    before: String,
    after: String,
    digits: Option<usize>,
}

impl Pattern {
    /// Parses `…{}…` or `…{:0N}…`.
    ///
    /// # Errors
    /// [`PatternError::Place`].
    pub fn parse(text: &str) -> Result<Self, PatternError> {
        let wrong = || PatternError::Place(text.to_owned());
        let (before, rest) = text.split_once('{').ok_or_else(wrong)?;
        let (place, after) = rest.split_once('}').ok_or_else(wrong)?;
        if after.contains(['{', '}']) || before.contains('}') {
            return Err(wrong());
        }
        let digits = match place {
            "" => None,
            place => {
                let digits: usize =
                    place.strip_prefix(":0").and_then(|digits| digits.parse().ok()).ok_or_else(wrong)?;
                Some(digits).filter(|digits| (1..=20).contains(digits)).ok_or_else(wrong).map(Some)?
            }
        };
        Ok(Self { text: text.to_owned(), before: before.to_owned(), after: after.to_owned(), digits })
    }

    /// The rows for `quantity` numbers from `first` on.
    ///
    /// # Errors
    /// [`PatternError`]. That the pattern's IDs break the grammar is no error here: [`Rows`] keeps the first fault.
    pub fn rows(&self, first: u64, quantity: u64) -> Result<Rows, PatternError> {
        let last = match quantity.checked_sub(1) {
            None => return Err(PatternError::Nothing),
            Some(more) => first.checked_add(more).ok_or(PatternError::PastTheEnd { first })?,
        };
        let needed = last.to_string().len();
        if let Some(digits) = self.digits.filter(|digits| *digits < needed) {
            return Err(PatternError::TooNarrow { pattern: self.text.clone(), digits, last, needed });
        }
        match (first..=last).map(|number| self.row(number)).collect() {
            Ok(rows) => Ok(Rows { rows, faults: Vec::new() }),
            // Every number breaks the grammar alike: the first one tells it all.
            Err(fault) => Ok(Rows { rows: Vec::new(), faults: vec![fault] }),
        }
    }

    fn row(&self, number: u64) -> Result<PlacedRow, RowFault> {
        let (width, at) = (self.digits.unwrap_or(1), RowAt::Number(number));
        let id = format!("{}{number:0width$}{}", self.before, self.after);
        let registration_id = registration_id(&id).map_err(|what| RowFault { at, what })?;
        let row = OrderRow { registration_id, name: None, serial_number: None, hardware_id: None };
        Ok(PlacedRow { at, row, key: None })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ids(pattern: &str, first: u64, quantity: u64) -> Vec<String> {
        let Rows { rows, faults } = Pattern::parse(pattern).unwrap().rows(first, quantity).unwrap();
        assert_eq!(faults, []);
        rows.iter().map(|row| row.row.registration_id.to_string()).collect()
    }

    #[test]
    fn numbers_fill_their_place() {
        assert_eq!(ids("gw-{:04}", 9, 2), ["gw-0009", "gw-0010"]);
        assert_eq!(ids("a{}b", 1, 1), ["a1b"]);
    }

    #[test]
    fn patterns_that_make_no_ids_are_refused() {
        for text in ["gw", "gw-{", "{}{}", "{:4}", "{:00}", "{:x}", "}{}"] {
            assert!(Pattern::parse(text).is_err(), "{text}");
        }
        let rows =
            |text: &str, first, quantity| Pattern::parse(text).unwrap().rows(first, quantity).unwrap_err();
        assert!(rows("gw-{:02}", 99, 2).to_string().contains("{:03}"));
        assert!(rows("gw-{}", 1, 0).to_string().contains("quantity of 0"));
        assert!(rows("gw-{}", u64::MAX, 2).to_string().contains("past"));
        let bad = Pattern::parse("GW-{}").unwrap().rows(7, 2).unwrap();
        assert_eq!(bad.faults.iter().map(|fault| fault.at).collect::<Vec<_>>(), [RowAt::Number(7)]);
    }
}
