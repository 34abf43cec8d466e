//! Certificate profiles as the engineer writes them: the file in the station's folder, or the built-in one.

use std::path::Path;

use certkit::{Kind, Profile};
use thiserror::Error;

use crate::data_file::{self, DataFileError};
use crate::template::{self, TemplateError};

/// Why a profile was not loaded.
#[derive(Debug, Error)]
pub enum ProfileError {
    /// There is no such profile.
    #[error(transparent)]
    Template(#[from] TemplateError),
    /// The file is wrong.
    #[error(transparent)]
    File(#[from] DataFileError),
    /// It is for other certificates.
    #[error(
        "profiles/{name} is for other certificates than this product's units have: let the product name a profile with \
         kind = \"{needed}\""
    )]
    Kind {
        /// The profile's file name.
        name: String,
        /// The kind that is needed.
        needed: &'static str,
    },
}

/// Loads the profile of this file name, which must be for devices: for their leaves under an authority, or for
/// certificates that their own keys sign.
///
/// # Errors
/// [`ProfileError`].
pub fn load_for_devices(station_folder: &Path, name: &str, kind: Kind) -> Result<Profile, ProfileError> {
    let profile = load(station_folder, name)?;
    if profile.kind() == kind {
        return Ok(profile);
    }
    let (name, needed) = (name.to_owned(), if kind == Kind::Individual { "individual" } else { "device" });
    Err(ProfileError::Kind { name, needed })
}

/// Loads the profile of this file name.
///
/// # Errors
/// [`ProfileError`].
pub fn load(station_folder: &Path, name: &str) -> Result<Profile, ProfileError> {
    let text = template::Kind::Profile.text(station_folder, name)?;
    Ok(data_file::parse(&text, &format!("{}/{name}", template::Kind::Profile.folder()))?)
}
