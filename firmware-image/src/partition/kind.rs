//! What a partition is for: its type and subtype.

use std::fmt;

use thiserror::Error;

/// The numbers of `esp_partition_type_t` (ESP-IDF, `esp_partition.h`).
const TYPES: [(u8, &str); 4] = [(0, "app"), (1, "data"), (2, "bootloader"), (3, "partition_table")];

/// The numbers of `esp_partition_subtype_t` (ESP-IDF, `esp_partition.h`), but for `ota_N` and `tee_N`.
const SUBTYPES: [(u8, u8, &str); 19] = [
    (0, 0x00, "factory"),
    (0, 0x20, "test"),
    (1, 0x00, "ota"),
    (1, 0x01, "phy"),
    (1, 0x02, "nvs"),
    (1, 0x03, "coredump"),
    (1, 0x04, "nvs_keys"),
    (1, 0x05, "efuse"),
    (1, 0x06, "undefined"),
    (1, 0x80, "esphttpd"),
    (1, 0x81, "fat"),
    (1, 0x82, "spiffs"),
    (1, 0x83, "littlefs"),
    (1, 0x90, "tee_ota"),
    (2, 0x00, "primary"),
    (2, 0x01, "ota"),
    (2, 0x02, "recovery"),
    (3, 0x00, "primary"),
    (3, 0x01, "ota"),
];

/// Why two texts are no type and subtype.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum KindError {
    /// No type.
    #[error("`{text}` is no partition type: write app, data or a number from 0x00 to 0xfe")]
    Type {
        /// What was there instead.
        text: String,
    },
    /// No subtype of that type.
    #[error(
        "`{text}` is no subtype of {partition_type}: write one of {known}, or a number from 0x00 to 0xfe"
    )]
    Subtype {
        /// What was there instead.
        text: String,
        /// The type's name.
        partition_type: String,
        /// The names that there are.
        known: String,
    },
}

/// Type and subtype, as numbers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Kind {
    /// 0 app, 1 data, 2 bootloader, 3 partition table, 0x40 to 0xfe of the project's own.
    pub partition_type: u8,
    /// What that type means by it.
    pub subtype: u8,
}

impl Kind {
    /// Key-value storage.
    pub const NVS: Self = Self { partition_type: 1, subtype: 2 };
    /// The keys of encrypted key-value storage.
    pub const NVS_KEYS: Self = Self { partition_type: 1, subtype: 4 };

    /// Reads names as `gen_esp32part.py` knows them, or numbers. No subtype means `undefined`, but for an application.
    ///
    /// # Errors
    /// [`KindError`]: not known.
    pub fn parse(partition_type: &str, subtype: &str) -> Result<Self, KindError> {
        let type_number = named(partition_type, TYPES)
            .or_else(|| number(partition_type))
            .ok_or_else(|| KindError::Type { text: partition_type.to_owned() })?;
        let names =
            SUBTYPES.iter().filter(|(of, ..)| *of == type_number).map(|(_, number, name)| (*number, *name));
        let number = if subtype.is_empty() && type_number != 0 {
            Some(0x06)
        } else {
            named(subtype, names.clone())
                .or_else(|| numbered_slot(type_number, subtype))
                .or_else(|| number(subtype))
        };
        let number = number.ok_or_else(|| KindError::Subtype {
            text: subtype.to_owned(),
            partition_type: type_name(type_number),
            known: names
                .map(|(_, name)| name)
                .chain((type_number == 0).then_some("ota_0 to ota_15"))
                .collect::<Vec<_>>()
                .join(", "),
        })?;
        Ok(Self { partition_type: type_number, subtype: number })
    }

    /// What Espressif's component esp_secure_cert_mgr looks for, by whatever subtype
    /// (`ESP_SECURE_CERT_TLV_PARTITION_TYPE`, `esp_secure_cert_tlv_config.h`).
    #[must_use]
    pub fn is_secure_cert(self) -> bool {
        self.partition_type == 0x3f
    }

    /// Firmware that the chip can run.
    #[must_use]
    pub fn is_app(self) -> bool {
        self.partition_type == 0
    }

    /// The bootloader or the table itself: they may lie where no other partition may.
    pub(super) fn is_primary(self) -> bool {
        matches!((self.partition_type, self.subtype), (2 | 3, 0))
    }

    /// What an offset has to be a multiple of.
    pub(super) fn alignment(self) -> u32 {
        if self.is_app() { 0x10000 } else { 0x1000 }
    }

    pub(super) fn type_text(self) -> String {
        type_name(self.partition_type)
    }

    pub(super) fn subtype_text(self) -> String {
        match (self.partition_type, self.subtype) {
            (0, slot @ 0x10..=0x1f) => format!("ota_{}", slot - 0x10),
            (0, slot @ 0x30..=0x31) => format!("tee_{}", slot - 0x30),
            (of, number) => SUBTYPES
                .iter()
                .find(|(known, subtype, _)| (*known, *subtype) == (of, number))
                .map_or_else(|| number.to_string(), |(_, _, name)| (*name).to_owned()),
        }
    }
}

fn type_name(number: u8) -> String {
    TYPES
        .iter()
        .find(|(known, _)| *known == number)
        .map_or_else(|| number.to_string(), |(_, name)| (*name).to_owned())
}

fn named(text: &str, names: impl IntoIterator<Item = (u8, &'static str)>) -> Option<u8> {
    names.into_iter().find(|(_, name)| name.eq_ignore_ascii_case(text)).map(|(number, _)| number)
}

/// `ota_0` to `ota_15` and `tee_0`, `tee_1`.
fn numbered_slot(type_number: u8, text: &str) -> Option<u8> {
    (0x10..=0x31).find(|number| {
        let kind = Kind { partition_type: type_number, subtype: *number };
        type_number == 0
            && kind.subtype_text().contains('_')
            && kind.subtype_text().eq_ignore_ascii_case(text)
    })
}

/// 0xff ends a table, so that it is no number of a kind.
fn number(text: &str) -> Option<u8> {
    super::csv::number(text).and_then(|number| u8::try_from(number).ok()).filter(|number| *number != 0xff)
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.type_text(), self.subtype_text())
    }
}
