//! Certificate profiles as the engineer writes them: the file in the station's folder, or the built-in one.

use std::path::Path;

use certkit::Profile;
use thiserror::Error;

use crate::data_file::{self, DataFileError};
use crate::template::{Kind, TemplateError};

/// Why a profile was not loaded.
#[derive(Debug, Error)]
pub enum ProfileError {
    /// There is no such profile.
    #[error(transparent)]
    Template(#[from] TemplateError),
    /// The file is wrong.
    #[error(transparent)]
    File(#[from] DataFileError),
}

/// Loads the profile of this file name.
///
/// # Errors
/// [`ProfileError`].
pub fn load(station_folder: &Path, name: &str) -> Result<Profile, ProfileError> {
    let text = Kind::Profile.text(station_folder, name)?;
    Ok(data_file::parse(&text, &format!("{}/{name}", Kind::Profile.folder()))?)
}
