//! A base image and a unit's own data become that unit's image. Outside the slots nothing changes.

use std::fmt;

use thiserror::Error;
use zeroize::Zeroizing;

use crate::base::Base;
use crate::format::StartAddress;
use crate::image::Image;
use crate::marked_slot::{self, Record, RecordsError};
use crate::nvs;
use crate::plan::{Content, Holding, Plan, PlannedRange};
use crate::region::{Region, RegionError};
use crate::secure_cert::{self, SecureCertError};
use crate::slot::Slot;

/// Why a slot cannot be filled, or a base image not personalised.
#[derive(Debug, Error)]
pub enum PersonaliseError {
    /// More than it has room for.
    #[error("slot {slot} is too small: it has {} bytes, {needed} are needed ({wanted})", slot.region.length())]
    Overflow {
        /// The slot.
        slot: Slot,
        /// Bytes that are needed.
        needed: usize,
        /// What they would take.
        wanted: String,
    },
    /// Two slots share addresses.
    #[error("slots {first} and {second} overlap")]
    Overlap {
        /// The one that was named first.
        first: Slot,
        /// The other.
        second: Slot,
    },
    /// The base image has something there.
    #[error(
        "slot {slot} is not free: the base image has data at {occupied}; release it without, or name another slot"
    )]
    Occupied {
        /// The slot.
        slot: Slot,
        /// What the base image holds of it.
        occupied: Region,
    },
    /// Values that are no NVS partition.
    #[error("slot {slot} cannot be filled with NVS entries")]
    Nvs {
        /// The slot.
        slot: Slot,
        /// What is wrong with them.
        source: nvs::WriteError,
    },
    /// Values that are no `esp_secure_cert` partition.
    #[error("slot {slot} cannot be filled with esp_secure_cert entries")]
    SecureCert {
        /// The slot.
        slot: Slot,
        /// What is wrong with them.
        source: SecureCertError,
    },
    /// Values that are no records.
    #[error("slot {slot} cannot be filled with records")]
    Records {
        /// The slot.
        slot: Slot,
        /// What is wrong with them.
        source: RecordsError,
    },
    /// Past the last address.
    #[error(transparent)]
    Region(#[from] RegionError),
}

/// A slot and all the bytes that it will hold. They may be secret: they are never printed, and wiped.
pub struct Filling {
    slot: Slot,
    bytes: Zeroizing<Vec<u8>>,
    holds: Vec<Holding>,
}

impl Filling {
    /// Fills a slot with these bytes, and the rest of it with 0xff, as erased flash is. `holds` says what they are.
    ///
    /// # Errors
    /// [`PersonaliseError::Overflow`].
    pub fn new(slot: Slot, content: &[u8], holds: Vec<Holding>) -> Result<Self, PersonaliseError> {
        let length = slot.region.length() as usize;
        if content.len() > length {
            let wanted = Region::of(slot.region.offset(), content)
                .map_or_else(|error| error.to_string(), |wanted| wanted.to_string());
            return Err(PersonaliseError::Overflow { slot, needed: content.len(), wanted });
        }
        let mut bytes = Zeroizing::new(vec![0xff; length]);
        bytes[..content.len()].copy_from_slice(content);
        Ok(Self { slot, bytes, holds })
    }

    /// Fills a partition with NVS entries, encrypted where keys are given.
    ///
    /// # Errors
    /// [`PersonaliseError`]: the partition is too small, or the entries are none.
    pub fn nvs(slot: Slot, items: &[nvs::Item], keys: Option<&nvs::Keys>) -> Result<Self, PersonaliseError> {
        match nvs::write(items, slot.region.length(), keys) {
            Ok(bytes) => Self::new(slot, &bytes, items.iter().map(nvs::Item::holding).collect()),
            Err(source) => Err(PersonaliseError::Nvs { slot, source }),
        }
    }

    /// Fills a partition with the keys of encrypted NVS.
    ///
    /// # Errors
    /// [`PersonaliseError::Overflow`].
    pub fn nvs_keys(slot: Slot, keys: &nvs::Keys) -> Result<Self, PersonaliseError> {
        Self::new(slot, &keys.to_partition(), vec![nvs::Keys::holding()])
    }

    /// Fills an `esp_secure_cert` partition.
    ///
    /// # Errors
    /// [`PersonaliseError`]: the partition is too small, or the entries are none.
    pub fn secure_cert(slot: Slot, entries: &[secure_cert::Entry]) -> Result<Self, PersonaliseError> {
        match secure_cert::write(entries) {
            Ok(bytes) => Self::new(slot, &bytes, entries.iter().map(secure_cert::Entry::holding).collect()),
            Err(source) => Err(PersonaliseError::SecureCert { slot, source }),
        }
    }

    /// Fills a marked slot with records.
    ///
    /// # Errors
    /// [`PersonaliseError`]: the slot is too small, or a type is given twice.
    pub fn records(slot: Slot, records: &[Record]) -> Result<Self, PersonaliseError> {
        match marked_slot::write(records) {
            Ok(bytes) => Self::new(slot, &bytes, records.iter().map(Record::holding).collect()),
            Err(source) => Err(PersonaliseError::Records { slot, source }),
        }
    }

    /// The slot.
    #[must_use]
    pub fn slot(&self) -> &Slot {
        &self.slot
    }

    /// All the bytes of the slot.
    #[must_use]
    pub fn bytes(&self) -> &[u8] {
        &self.bytes
    }
}

impl fmt::Debug for Filling {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Filling({}, …)", self.slot)
    }
}

/// One unit's image, and what it holds.
#[derive(Debug)]
pub struct Personalised {
    /// What lies where.
    pub image: Image,
    /// Where the program starts, if the base image says so.
    pub start: Option<StartAddress>,
    /// What each range holds, without the secrets.
    pub plan: Plan,
}

/// Puts the fillings into the base image. At every address outside of their slots the result is what the base image is.
///
/// ```
/// use firmware_image::{Base, Digest, FileFormat, Filling, Region, marked_slot, personalise};
///
/// let firmware = [b"unit-data-slot-1".as_slice(), &32u32.to_le_bytes(), &[0xff; 32]].concat();
/// let format = FileFormat::Raw { address: 0x0800_0000 };
/// let base = Base::pinned(&firmware, format, &Digest::of(&firmware), Region::new(0x0800_0000, 0x1_0000)?)?;
/// let slot = marked_slot::Marker::new(b"unit-data-slot-1")?.find("unit", base.image())?;
/// let records = [marked_slot::Record::public(1, b"unit-001")?, marked_slot::Record::secret(2, b"key")?];
/// let unit = personalise(&base, &[Filling::records(slot, &records)?])?;
/// assert!(unit.plan.to_string().contains("record 0x0001: unit-001"));
/// assert!(unit.plan.to_string().contains("record 0x0002: secret, 3 bytes"));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// # Errors
/// [`PersonaliseError`]: slots overlap, or the base image has data there.
pub fn personalise(base: &Base, fillings: &[Filling]) -> Result<Personalised, PersonaliseError> {
    for (index, second) in fillings.iter().enumerate() {
        if let Some(first) =
            fillings[..index].iter().find(|first| first.slot.region.overlaps(second.slot.region))
        {
            return Err(PersonaliseError::Overlap { first: first.slot.clone(), second: second.slot.clone() });
        }
        let occupied =
            base.image().within(second.slot.region).find(|(_, bytes)| bytes.iter().any(|byte| *byte != 0xff));
        if let Some((occupied, _)) = occupied {
            return Err(PersonaliseError::Occupied { slot: second.slot.clone(), occupied });
        }
    }
    let mut image = base.image().clone();
    for filling in fillings {
        image.overwrite(filling.slot.region.offset(), &filling.bytes)?;
    }
    Ok(Personalised { plan: plan(base, fillings), start: base.start(), image })
}

fn plan(base: &Base, fillings: &[Filling]) -> Plan {
    let slots: Vec<_> = fillings.iter().map(|filling| filling.slot.region).collect();
    let mut ranges: Vec<_> = base
        .image()
        .segments()
        .flat_map(|(segment, _)| without(segment, &slots))
        .map(|region| PlannedRange { region, content: Content::Base })
        .chain(fillings.iter().map(|filling| PlannedRange {
            region: filling.slot.region,
            content: Content::Personalised { slot: filling.slot.name.clone(), holds: filling.holds.clone() },
        }))
        .collect();
    ranges.sort_by_key(|range| range.region);
    Plan { base: base.digests().to_vec(), ranges }
}

/// What is left of a region without the slots.
fn without(region: Region, slots: &[Region]) -> Vec<Region> {
    let mut left = vec![region];
    for slot in slots {
        left = left
            .into_iter()
            .flat_map(|piece| [before(piece, *slot), behind(piece, *slot)])
            .flatten()
            .collect();
    }
    left
}

/// The part of a piece that lies below a slot.
fn before(piece: Region, slot: Region) -> Option<Region> {
    let end = piece.end().min(slot.offset().into());
    Region::new(piece.offset(), u32::try_from(end.checked_sub(piece.offset().into())?).ok()?).ok()
}

/// The part of a piece that lies above a slot.
fn behind(piece: Region, slot: Region) -> Option<Region> {
    let start = u64::from(piece.offset()).max(slot.end());
    Region::new(u32::try_from(start).ok()?, u32::try_from(piece.end().checked_sub(start)?).ok()?).ok()
}
