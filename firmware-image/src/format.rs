//! Files that hold an image: raw binary and Intel HEX.

mod intel_hex;
mod start;
mod write;

pub use intel_hex::{IntelHex, IntelHexError, RecordError};
pub use start::StartAddress;

use crate::image::Image;
use crate::region::{Region, RegionError};
use zeroize::Zeroizing;

/// An image of bytes alone, the first of which lies at `address`.
///
/// # Errors
/// [`RegionError`]: no bytes, or past the last address.
pub fn raw_at(address: u32, bytes: &[u8]) -> Result<Image, RegionError> {
    let mut image = Image::default();
    image.overwrite(address, bytes)?;
    Ok(image)
}

/// The bytes of a region alone; what the image does not hold is 0xff, as erased flash is.
///
/// ```
/// use firmware_image::{Region, format};
///
/// let image = format::raw_at(0x1002, b"ab")?;
/// assert_eq!(*format::to_raw(&image, Region::new(0x1000, 6)?), *b"\xff\xffab\xff\xff");
/// # Ok::<(), firmware_image::RegionError>(())
/// ```
#[must_use]
pub fn to_raw(image: &Image, region: Region) -> Zeroizing<Vec<u8>> {
    let mut raw = Zeroizing::new(vec![0xff; region.length() as usize]);
    for (piece, bytes) in image.within(region) {
        let from = (piece.offset() - region.offset()) as usize;
        raw[from..from + bytes.len()].copy_from_slice(bytes);
    }
    raw
}
