//! An order as CSV: `registration_id`, and optionally `name`, `serial_number`, `hardware_id`, in any sequence. IoT
//! Central's export is one too: its columns bring the devices' own keys.

use std::io::Read;

use certkit::DeviceKey;
use csv::{ByteRecord, StringRecord};
use thiserror::Error;
use zeroize::Zeroizing;

use super::{LimitedLines, PlacedRow, RowAt, RowFault, Rows, one_line, registration_id};
use crate::ledger::entry::OrderRow;

const COLUMNS: [(&str, Column); 10] = [
    ("registration_id", Column::RegistrationId),
    ("name", Column::Name),
    ("serial_number", Column::SerialNumber),
    ("hardware_id", Column::HardwareId),
    // Spelled IOTC_DeviceID and so on by exports of 2019 (howto-manage-devices).
    ("IOTC_DEVICEID", Column::RegistrationId),
    ("IOTC_DEVICENAME", Column::Name),
    ("IOTC_SASKEY_PRIMARY", Column::DeviceKey),
    // A device needs one of its two keys, and none of the thumbprints.
    ("IOTC_SASKEY_SECONDARY", Column::NotNeeded),
    ("IOTC_X509THUMBPRINT_PRIMARY", Column::NotNeeded),
    ("IOTC_X509THUMBPRINT_SECONDARY", Column::NotNeeded),
];

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Column {
    RegistrationId,
    Name,
    SerialNumber,
    HardwareId,
    DeviceKey,
    NotNeeded,
}

/// IoT Central's limit for a display name, in characters.
const LONGEST_NAME: usize = 148;

/// Why a file is no order.
#[derive(Debug, Error)]
pub enum CsvError {
    /// The file could not be read to its end.
    #[error("the order's file cannot be read to its end")]
    Unreadable(#[source] csv::Error),
    /// The first line is in another encoding, and with it the whole file.
    #[error("the order's file is not UTF-8 (its first line is not): export it as CSV in UTF-8")]
    NotUtf8,
    /// Nothing at all.
    #[error("the order's file is empty: its first line must name the columns, registration_id at least")]
    Empty,
    /// A column that every order needs.
    #[error(
        "the order's file has no column `{missing}`: its first line must name the columns; it has {found}"
    )]
    MissingColumn {
        /// The column.
        missing: &'static str,
        /// The columns that are there.
        found: String,
    },
    /// A column that is not known: perhaps a typing mistake in one that matters.
    #[error("the order's file has an unknown column `{0}`: known are {known}; remove or rename it", known = COLUMNS.map(|(name, _)| name).join(", "))]
    UnknownColumn(String),
    /// What spreadsheets write in countries that have the comma in numbers.
    #[error("the order's file separates its columns by semicolons: export it as CSV with commas")]
    Separator,
    /// A column that is there twice.
    #[error("the order's file has the column `{0}` twice: remove one")]
    DoubledColumn(String),
    /// No rows.
    #[error("the order's file has no rows below its first line: nothing would be built")]
    NoRows,
}

/// Reads the rows of an order. A byte-order mark, CRLF and quotes are taken as spreadsheets write them (the library
/// drops the mark).
///
/// # Errors
/// [`CsvError`] where the file is no order. Rows that cannot be read are no error here: [`Rows`] keeps their faults.
pub fn read_csv(from: impl Read) -> Result<Rows, CsvError> {
    // With CRLF taken as one end of line the library counts lines one short; the CR is trimmed like any space.
    let mut reader = csv::ReaderBuilder::new()
        .terminator(csv::Terminator::Any(b'\n'))
        .trim(csv::Trim::Headers)
        .flexible(true)
        .from_reader(LimitedLines::new(from));
    let columns = columns(reader.headers().map_err(|error| match error.kind() {
        csv::ErrorKind::Utf8 { .. } => CsvError::NotUtf8,
        _ => CsvError::Unreadable(error),
    })?)?;
    let mut read = Rows::default();
    let mut record = ByteRecord::new();
    while reader.read_byte_record(&mut record).map_err(CsvError::Unreadable)? {
        // A blank line that ends with CRLF; the library passes over others itself.
        if record.len() == 1 && record[0].trim_ascii().is_empty() {
            continue;
        }
        let at = RowAt::Line(reader.get_ref().row_begins(&record, reader.position()));
        match text(std::mem::take(&mut record)).and_then(|record| row(&record, &columns)) {
            Ok((row, key)) => read.rows.push(PlacedRow { at, row, key }),
            Err(what) => read.faults.push(RowFault { at, what }),
        }
    }
    if read == Rows::default() { Err(CsvError::NoRows) } else { Ok(read) }
}

/// The known column at each position.
fn columns(header: &StringRecord) -> Result<Vec<Column>, CsvError> {
    if header.is_empty() {
        return Err(CsvError::Empty);
    }
    let mut columns = Vec::new();
    for name in header {
        let known = COLUMNS.iter().find(|(known, _)| known.eq_ignore_ascii_case(name));
        let (_, known) = known.ok_or_else(|| match name.contains(';') {
            true => CsvError::Separator,
            false => CsvError::UnknownColumn(name.to_owned()),
        })?;
        if *known != Column::NotNeeded && columns.contains(known) {
            return Err(CsvError::DoubledColumn(name.to_owned()));
        }
        columns.push(*known);
    }
    if columns.contains(&Column::RegistrationId) {
        Ok(columns)
    } else {
        let found = header.iter().collect::<Vec<_>>().join(", ");
        Err(CsvError::MissingColumn { missing: "registration_id", found })
    }
}

/// A row's fields, trimmed.
fn text(mut record: ByteRecord) -> Result<StringRecord, String> {
    one_line(&record)?;
    record.trim();
    StringRecord::from_byte_record(record).map_err(|error| {
        let field = error.utf8_error().field() + 1;
        format!("field {field} is not UTF-8: export the file as CSV in UTF-8")
    })
}

fn row(record: &StringRecord, columns: &[Column]) -> Result<(OrderRow, Option<DeviceKey>), String> {
    if record.len() != columns.len() {
        let fields = if record.len() == 1 { "1 field" } else { &format!("{} fields", record.len()) };
        return Err(format!("has {fields} where the first line has {}", columns.len()));
    }
    let value = |column: Column| {
        let at = columns.iter().position(|known| *known == column)?;
        record.get(at).filter(|value| !value.is_empty()).map(str::to_owned)
    };
    let row = OrderRow {
        registration_id: registration_id(&value(Column::RegistrationId).unwrap_or_default())?,
        name: value(Column::Name),
        serial_number: value(Column::SerialNumber),
        hardware_id: value(Column::HardwareId),
    };
    let key = value(Column::DeviceKey).map(Zeroizing::new);
    let key = key.map(|text| DeviceKey::parse(&text)).transpose().map_err(|error| error.to_string())?;
    if let Some(name) = &row.name {
        let length = name.chars().count();
        if length > LONGEST_NAME {
            return Err(format!(
                "the name has {length} characters, IoT Central takes {LONGEST_NAME} at most"
            ));
        }
    }
    for text in [&row.name, &row.serial_number, &row.hardware_id].into_iter().flatten() {
        if let Some(control) = text.chars().find(|c| c.is_control()) {
            return Err(format!("`{}` holds the control character {control:?}", text.escape_debug()));
        }
    }
    Ok((row, key))
}

#[cfg(test)]
mod tests {
    use std::io;

    use super::*;

    #[test]
    fn what_a_spreadsheet_writes_is_read() {
        let text = "\u{feff}registration_id,name,hardware_id\r\ngw-1,\"Pump, left\",aa01\r\n gw-2 ,,aa02\r\n";
        let Rows { rows, faults } = read_csv(text.as_bytes()).unwrap();
        assert_eq!(faults, []);
        assert_eq!(rows[0].row.name.as_deref(), Some("Pump, left"));
        assert_eq!(rows[1].row.registration_id.as_str(), "gw-2");
        assert_eq!((rows[0].at, rows[1].at), (RowAt::Line(2), RowAt::Line(3)));
        assert_eq!(rows[1].row.name, None);
    }

    #[test]
    fn a_quoted_first_column_behind_a_byte_order_mark_is_read() {
        assert_eq!(read_csv("\u{feff}\"registration_id\"\ngw-1\n".as_bytes()).unwrap().rows.len(), 1);
    }

    #[test]
    fn every_bad_row_is_reported_with_its_line() {
        let text = b"registration_id\nok-1\nBad\n\xc3\xa4\nok-2,x\n\xff\xfe\nok-3\n";
        let Rows { rows, faults } = read_csv(&text[..]).unwrap();
        assert_eq!(rows.iter().map(|row| row.at).collect::<Vec<_>>(), [2, 7].map(RowAt::Line));
        assert_eq!(faults.iter().map(|fault| fault.at).collect::<Vec<_>>(), [3, 4, 5, 6].map(RowAt::Line));
        assert!(faults[3].what.contains("field 1 is not UTF-8"), "{}", faults[3]);
        let spaced = b"registration_id\r\n\r\nok-1\r\n\r\n\r\nBad\r\n\n\xff";
        let Rows { rows, faults } = read_csv(&spaced[..]).unwrap();
        assert_eq!(
            (rows[0].at, faults[0].at, faults[1].at),
            (RowAt::Line(3), RowAt::Line(6), RowAt::Line(8))
        );
    }

    /// The file would else be taken without the rows that the quote has swallowed.
    #[test]
    fn a_quote_that_is_not_closed_is_a_fault_in_any_column() {
        for (text, line) in [
            ("registration_id,IOTC_SASKEY_SECONDARY\ngw-1,\ngw-2,\"x\ngw-3,\ngw-4,\"y\n", 3),
            ("registration_id,IOTC_SASKEY_SECONDARY\ngw-1,\ngw-2,\"\ngw-3,\n", 3),
            ("registration_id,name\r\ngw-1,\r\ngw-2,\"\r\n", 3),
            ("registration_id\ngw-1\n\"gw-2\ngw-3", 3),
        ] {
            let Rows { rows, faults } = read_csv(text.as_bytes()).unwrap();
            assert_eq!((rows.len(), faults.len(), faults[0].at), (1, 1, RowAt::Line(line)), "{text}");
            assert!(faults[0].what.contains("close the quote"), "{}", faults[0]);
        }
    }

    #[test]
    fn exports_of_iot_central_bring_keys_in_either_spelling() {
        let key = "AAECAwQFBgcICQoLDA0ODw==";
        for header in [
            "IOTC_DEVICEID,IOTC_DEVICENAME,IOTC_SASKEY_PRIMARY,IOTC_SASKEY_SECONDARY,IOTC_X509THUMBPRINT_PRIMARY,IOTC_X509THUMBPRINT_SECONDARY",
            "IOTC_DeviceID,IOTC_DeviceName,IOTC_SasKey_Primary,IOTC_SasKey_Secondary,IOTC_X509Thumbprint_Primary,IOTC_X509Thumbprint_Secondary",
        ] {
            let text = format!("{header}\r\ngw-1,Pump,{key},{key},,\r\ngw-2,,,,,\r\ngw-3,,AAE,,,\r\n");
            let Rows { rows, faults } = read_csv(text.as_bytes()).unwrap();
            assert_eq!(rows[0].key, Some(DeviceKey::parse(key).unwrap()));
            assert_eq!((rows[0].row.name.as_deref(), &rows[1].key), (Some("Pump"), &None));
            assert!(faults[0].at == RowAt::Line(4) && !faults[0].what.contains("AAE"), "{}", faults[0]);
        }
    }

    #[test]
    fn a_line_without_an_end_is_refused_before_it_fills_the_memory() {
        let endless = Read::chain(&b"registration_id\n"[..], io::repeat(b'x'));
        let error = read_csv(endless).unwrap_err();
        assert!(
            crate::error_text::with_causes(&error).contains("line 2 is longer than 65536 bytes"),
            "{error}"
        );
    }

    #[test]
    fn what_is_no_order_is_refused() {
        for (text, part) in [
            ("", "is empty"),
            ("name\nx\n", "no column `registration_id`"),
            ("registration_id,colour\nx,y\n", "unknown column `colour`"),
            ("registration_id;name\nx;y\n", "semicolons"),
            ("registration_id,Registration_ID\nx,y\n", "twice"),
            ("registration_id\n", "no rows"),
        ] {
            let error = read_csv(text.as_bytes()).unwrap_err().to_string();
            assert!(error.contains(part), "{text:?}: {error}");
        }
        let error = read_csv(&b"\xff\xfer\0"[..]).unwrap_err().to_string();
        assert!(error.contains("is not UTF-8"), "{error}");
    }
}
