//! What a subject's name holds beside the common name.

use serde::Deserialize;
use thiserror::Error;

use crate::{CommonName, NameError, Organization};

/// What a subject's name holds beside the common name, which comes with each certificate.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct SubjectTemplate {
    /// Country.
    pub country: Option<Country>,
    /// State or province.
    pub state: Option<CommonName>,
    /// City.
    pub locality: Option<CommonName>,
    /// Organization.
    pub organization: Option<Organization>,
    /// Part of the organization.
    pub organizational_unit: Option<Organization>,
    /// Whether the attribute serialNumber (2.5.4.5) repeats the registration ID, as IEEE 802.1AR asks.
    pub serial_number: bool,
}

/// A country by its two capital letters (ISO 3166).
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(try_from = "String")]
pub struct Country(String);

/// A text that is no country.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("{0:?} is no country: give two capital letters, as in DE")]
pub struct CountryError(String);

impl Country {
    /// Its letters.
    pub(crate) fn as_str(&self) -> &str {
        &self.0
    }
}

impl TryFrom<String> for Country {
    type Error = CountryError;

    fn try_from(text: String) -> Result<Self, CountryError> {
        let letters = text.len() == 2 && text.bytes().all(|letter| letter.is_ascii_uppercase());
        if letters { Ok(Self(text)) } else { Err(CountryError(text)) }
    }
}

/// The table `[subject]`, as it is written.
#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Written {
    pub(super) common_name: Option<String>,
    country: Option<Country>,
    state: Option<String>,
    locality: Option<String>,
    organization: Option<Organization>,
    organizational_unit: Option<Organization>,
    pub(super) serial_number: Option<String>,
}

impl Written {
    pub(super) fn template(self) -> Result<SubjectTemplate, NameError> {
        let name = |text: Option<String>| text.map(|text| CommonName::parse(&text)).transpose();
        Ok(SubjectTemplate {
            country: self.country,
            state: name(self.state)?,
            locality: name(self.locality)?,
            organization: self.organization,
            organizational_unit: self.organizational_unit,
            serial_number: self.serial_number.is_some(),
        })
    }
}
