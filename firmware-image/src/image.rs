//! What lies at which address: segments with gaps between them.

use std::collections::BTreeMap;
use std::fmt;

use thiserror::Error;
use zeroize::Zeroizing;

use crate::region::{Region, RegionError};

/// Why bytes cannot be put into an image.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum ImageError {
    /// There is something already.
    #[error("the range {new} overlaps the range {existing}, which is filled already: move one of them")]
    Overlap {
        /// What was to be put there.
        new: Region,
        /// The segment that lies there.
        existing: Region,
    },
    /// No range of addresses.
    #[error(transparent)]
    Region(#[from] RegionError),
}

/// Bytes at addresses, with gaps: segments that neither overlap nor touch. It may hold a unit's private key: it is never
/// printed, and wiped when it goes.
///
/// ```
/// let mut image = firmware_image::Image::default();
/// image.insert(0x1000, b"boot")?;
/// image.insert(0x8000, b"table")?;
/// assert_eq!(format!("{image:?}"), "Image(0x1000..0x1004, 0x8000..0x8005)");
/// # Ok::<(), firmware_image::ImageError>(())
/// ```
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Image {
    /// By first address. What touches is one segment.
    segments: BTreeMap<u32, Zeroizing<Vec<u8>>>,
}

impl Image {
    /// Puts bytes where nothing is yet.
    ///
    /// # Errors
    /// [`ImageError`]: something is there; no bytes; past the last address.
    pub fn insert(&mut self, offset: u32, bytes: &[u8]) -> Result<(), ImageError> {
        let new = Region::of(offset, bytes)?;
        if let Some((existing, _)) = self.within(new).next() {
            let existing = self.segment_at(existing.offset()).unwrap_or(existing);
            return Err(ImageError::Overlap { new, existing });
        }
        self.place(new, bytes);
        Ok(())
    }

    /// Puts bytes there, whatever was there before.
    ///
    /// # Errors
    /// [`RegionError`]: no bytes, or past the last address.
    pub fn overwrite(&mut self, offset: u32, bytes: &[u8]) -> Result<(), RegionError> {
        let new = Region::of(offset, bytes)?;
        let pieces: Vec<_> = self.within(new).map(|(region, _)| region).collect();
        for piece in pieces {
            if let Some((start, segment)) = self.segments.range_mut(..=piece.offset()).next_back() {
                let from = (piece.offset() - start) as usize;
                let source = (piece.offset() - new.offset()) as usize;
                let length = piece.length() as usize;
                segment[from..from + length].copy_from_slice(&bytes[source..source + length]);
            }
        }
        self.fill_gaps(new, bytes);
        Ok(())
    }

    /// The segments in the order of their addresses.
    pub fn segments(&self) -> impl Iterator<Item = (Region, &[u8])> {
        self.segments
            .iter()
            .filter_map(|(start, bytes)| Some((Region::of(*start, bytes).ok()?, bytes.as_slice())))
    }

    /// What the image holds of a region: pieces of segments, in order.
    pub fn within(&self, region: Region) -> impl Iterator<Item = (Region, &[u8])> {
        let first =
            self.segments.range(..=region.offset()).next_back().map_or(region.offset(), |(start, _)| *start);
        self.segments
            .range(first..)
            .take_while(move |(start, _)| u64::from(**start) < region.end())
            .filter_map(move |(start, bytes)| cut(*start, bytes, region))
    }

    /// The bytes of a region, where the image holds all of them.
    #[must_use]
    pub fn bytes(&self, region: Region) -> Option<&[u8]> {
        self.within(region).next().filter(|(found, _)| *found == region).map(|(_, bytes)| bytes)
    }

    /// From the first byte to the last, gaps included; nothing of an empty image.
    #[must_use]
    pub fn span(&self) -> Option<Region> {
        let (first, _) = self.segments().next()?;
        let (last, _) = self.segments().last()?;
        let length = u32::try_from(last.end() - u64::from(first.offset())).ok()?;
        Region::new(first.offset(), length).ok()
    }

    fn segment_at(&self, address: u32) -> Option<Region> {
        let (start, bytes) = self.segments.range(..=address).next_back()?;
        Region::of(*start, bytes).ok().filter(|region| u64::from(address) < region.end())
    }

    fn fill_gaps(&mut self, region: Region, bytes: &[u8]) {
        let filled: Vec<_> = self.within(region).map(|(piece, _)| piece).collect();
        let mut from = u64::from(region.offset());
        let ends = filled.iter().map(|piece| (u64::from(piece.offset()), piece.end()));
        for (until, next) in ends.chain([(region.end(), region.end())]) {
            // Both are within 32 bits: `from` lies before `until`, which is an address or the end of one.
            if let (Ok(offset), Ok(length)) = (u32::try_from(from), u32::try_from(until - from))
                && let Ok(gap) = Region::new(offset, length)
            {
                let source = (offset - region.offset()) as usize;
                self.place(gap, &bytes[source..source + length as usize]);
            }
            from = next;
        }
    }

    /// Puts bytes where nothing is, and joins them with what they touch.
    fn place(&mut self, region: Region, bytes: &[u8]) {
        let left = self.segments.range(..region.offset()).next_back().map(|(start, _)| *start);
        let left = left.filter(|start| {
            self.segments
                .get(start)
                .is_some_and(|segment| *start as usize + segment.len() == region.offset() as usize)
        });
        let mut start = region.offset();
        let mut joined = Zeroizing::new(Vec::new());
        if let Some(left) = left {
            start = left;
            joined = self.segments.remove(&left).unwrap_or_default();
        }
        append(&mut joined, bytes);
        if let Ok(behind) = u32::try_from(region.end())
            && let Some(right) = self.segments.remove(&behind)
        {
            append(&mut joined, &right);
        }
        self.segments.insert(start, joined);
    }
}

/// Grows without leaving a copy behind, as `extend_from_slice` would where it moves.
fn append(bytes: &mut Zeroizing<Vec<u8>>, more: &[u8]) {
    let needed = bytes.len() + more.len();
    if needed > bytes.capacity() {
        let mut roomier = Zeroizing::new(Vec::with_capacity(needed.max(2 * bytes.capacity())));
        roomier.extend_from_slice(bytes);
        *bytes = roomier;
    }
    bytes.extend_from_slice(more);
}

/// The part of a segment that lies in a region.
fn cut(start: u32, bytes: &[u8], region: Region) -> Option<(Region, &[u8])> {
    let segment = Region::of(start, bytes).ok()?;
    let first = segment.offset().max(region.offset());
    let length = u32::try_from(segment.end().min(region.end()).checked_sub(first.into())?).ok()?;
    let piece = Region::new(first, length).ok()?;
    let from = (first - start) as usize;
    Some((piece, &bytes[from..from + length as usize]))
}

impl fmt::Debug for Image {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Image(")?;
        for (index, (region, _)) in self.segments().enumerate() {
            write!(f, "{}{region}", if index == 0 { "" } else { ", " })?;
        }
        f.write_str(")")
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn image(parts: &[(u32, &[u8])]) -> Image {
        let mut image = Image::default();
        for (offset, bytes) in parts {
            image.insert(*offset, bytes).unwrap();
        }
        image
    }

    #[test]
    fn what_touches_is_one_segment_in_whatever_order_it_came() {
        for order in [[0, 1, 2], [2, 1, 0], [0, 2, 1], [1, 0, 2]] {
            let parts: [(u32, &[u8]); 3] = [(0, b"ab"), (2, b"cd"), (4, b"ef")];
            let image = image(&order.map(|index| parts[index]));
            assert_eq!(image.segments().collect::<Vec<_>>(), [(Region::new(0, 6).unwrap(), &b"abcdef"[..])]);
        }
    }

    #[test]
    fn an_overlap_names_both_ranges() {
        let mut image = image(&[(0x10, b"abcd"), (0x20, b"efgh")]);
        let error = image.insert(0x1e, b"xyz").unwrap_err().to_string();
        assert!(error.contains("0x1e..0x21") && error.contains("0x20..0x24"), "{error}");
        let error = image.insert(0x12, b"x").unwrap_err().to_string();
        assert!(error.contains("0x12..0x13") && error.contains("0x10..0x14"), "{error}");
    }

    #[test]
    fn the_last_address_can_be_filled() {
        let image = image(&[(0xffff_fffe, b"ab")]);
        assert_eq!(image.span(), Some(Region::new(0xffff_fffe, 2).unwrap()));
        assert_eq!(image.bytes(Region::new(0xffff_ffff, 1).unwrap()), Some(&b"b"[..]));
    }

    #[test]
    fn bytes_are_given_only_where_all_are_there() {
        let image = image(&[(0, b"ab"), (3, b"cd")]);
        assert_eq!(image.bytes(Region::new(1, 1).unwrap()), Some(&b"b"[..]));
        assert_eq!(image.bytes(Region::new(1, 2).unwrap()), None);
        assert_eq!(image.bytes(Region::new(2, 1).unwrap()), None);
        assert_eq!(image.within(Region::new(1, 3).unwrap()).count(), 2);
    }

    /// Each address of a small memory, and what it holds.
    fn flat(image: &Image) -> Vec<Option<u8>> {
        (0..96).map(|address| image.bytes(Region::new(address, 1).unwrap()).map(|bytes| bytes[0])).collect()
    }

    proptest! {
        #[test]
        fn an_image_is_what_a_plain_array_would_be(
            acts in prop::collection::vec((0u32..64, prop::collection::vec(any::<u8>(), 1..32), any::<bool>()), 0..12),
        ) {
            let mut image = Image::default();
            let mut model = vec![None; 96];
            for (offset, bytes, overwrite) in acts {
                let place = offset as usize..offset as usize + bytes.len();
                let free = model[place.clone()].iter().all(Option::is_none);
                if overwrite {
                    image.overwrite(offset, &bytes).unwrap();
                } else {
                    prop_assert_eq!(image.insert(offset, &bytes).is_ok(), free);
                }
                if overwrite || free {
                    model[place].copy_from_slice(&bytes.into_iter().map(Some).collect::<Vec<_>>());
                }
                prop_assert_eq!(&flat(&image), &model);
                let regions: Vec<_> = image.segments().map(|(region, _)| region).collect();
                prop_assert!(regions.windows(2).all(|pair| pair[0].end() < u64::from(pair[1].offset())));
            }
        }
    }
}
