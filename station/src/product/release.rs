//! The files of released firmware, as they lie in the station's folder: read, and pinned by their digests.

use std::fs::File;
use std::io::{self, Read};
use std::path::Path;

use firmware_image::{Base, Digest, FileFormat, Region};

use super::file::FirmwareFile;
use crate::error_text::with_causes;

/// The folder of released firmware, in the station's folder.
const FOLDER: &str = "firmware";
/// A HEX file has two digits for each byte, and some characters more for each of its lines, which may be short.
const HEX_OVERHEAD: u64 = 5;
/// Start addresses and the end of a HEX file.
const HEX_FRAME: u64 = 0x1000;

/// Reads a file that is the released one.
pub(super) fn pinned(station_folder: &Path, file: &FirmwareFile, flash: Region) -> Result<Base, String> {
    let name = Path::new(&file.file);
    if name.components().count() != 1 || name.file_name().is_none() {
        return Err(format!(
            "[[flash.file]] `{}`: give the name of a file in {FOLDER}/, and no path",
            file.file
        ));
    }
    let format = file.address.map_or(FileFormat::IntelHex, |address| FileFormat::Raw { address });
    let most = match format {
        FileFormat::Raw { .. } => u64::from(flash.length()),
        FileFormat::IntelHex => u64::from(flash.length()) * HEX_OVERHEAD + HEX_FRAME,
    };
    let bytes = read(&station_folder.join(FOLDER).join(name), most)
        .map_err(|what| format!("{FOLDER}/{} {what}", file.file))?;
    let expected: Digest = file
        .sha256
        .parse()
        .map_err(|error| format!("{FOLDER}/{}: sha256: {}", file.file, with_causes(&error)))?;
    Base::pinned(&bytes, format, &expected, flash).map_err(|error| in_file(file, &error))
}

/// So many bytes at most. What is no file is not opened: that could wait for ever.
fn read(path: &Path, most: u64) -> Result<Vec<u8>, String> {
    let cannot = |error: io::Error| {
        format!("cannot be read ({error}): put the released file into the station's folder")
    };
    let metadata = path.symlink_metadata().map_err(cannot)?;
    if !metadata.is_file() {
        return Err("is no file: put the released file itself there, and no link to it".to_owned());
    }
    let mut bytes = Vec::new();
    File::open(path).and_then(|file| file.take(most + 1).read_to_end(&mut bytes)).map_err(cannot)?;
    if bytes.len() as u64 > most {
        return Err(format!(
            "has {} bytes, and no firmware for the flash has more than {most}: give the right file, or correct `size` in \
             [flash]",
            metadata.len()
        ));
    }
    Ok(bytes)
}

/// What is wrong with the file.
pub(super) fn in_file(file: &FirmwareFile, error: &dyn std::error::Error) -> String {
    of_file(file, &with_causes(error))
}

/// The same in words.
pub(super) fn of_file(file: &FirmwareFile, what: &str) -> String {
    format!("{FOLDER}/{}: {what}", file.file)
}
