//! What units hang on, and why that is retired.

use serde::{Deserialize, Serialize};

/// What units hang on: a leaf on the authority that issued it, a derived key on the group key.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(tag = "hold", content = "name", rename_all = "kebab-case")]
pub enum Hold {
    /// An authority, by its label.
    Authority(String),
    /// An enrollment group's key, by its name in the vault.
    GroupKey(String),
}

impl Hold {
    /// The label, or the name in the vault.
    pub fn name(&self) -> &str {
        match self {
            Hold::Authority(name) | Hold::GroupKey(name) => name,
        }
    }

    /// `authority` or `group-key`.
    pub fn kind(&self) -> &'static str {
        match self {
            Hold::Authority(_) => "authority",
            Hold::GroupKey(_) => "group-key",
        }
    }
}

/// Why an authority or a group key was retired.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum RetirementReason {
    /// Its time came: its successor stood beside it until all units hung on that.
    Expiry,
    /// Its key may be known to others.
    Breach,
}

impl std::fmt::Display for RetirementReason {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            RetirementReason::Expiry => "expiry",
            RetirementReason::Breach => "breach",
        })
    }
}
