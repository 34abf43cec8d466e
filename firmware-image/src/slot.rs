//! Places for what differs from unit to unit.

use std::fmt;

use crate::region::Region;

/// A named place for a unit's own data.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Slot {
    /// A partition's name, or the one that the product gives.
    pub name: String,
    /// Where it lies.
    pub region: Region,
}

impl fmt::Display for Slot {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "`{}` ({})", self.name, self.region)
    }
}
