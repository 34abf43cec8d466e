//! Where a program starts.

use std::fmt;

/// Where the program starts, as an Intel HEX file says it. A programmer may need it; it is kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum StartAddress {
    /// Record type 03: CS and IP of an 8086.
    Segment {
        /// Code segment.
        cs: u16,
        /// Instruction pointer.
        ip: u16,
    },
    /// Record type 05: an address of 32 bits.
    Linear(u32),
}

impl fmt::Display for StartAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Segment { cs, ip } => write!(f, "{cs:#06x}:{ip:#06x}"),
            Self::Linear(address) => write!(f, "{address:#010x}"),
        }
    }
}
