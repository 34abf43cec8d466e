//! NVS partitions, against `esp-idf-nvs-partition-gen` and the crate `esp-nvs-partition-tool`.

use std::fmt::Write;
use std::path::Path;

use esp_nvs_partition_tool::{DataValue, EntryContent, NvsPartition};
use firmware_image::nvs::{Item, Key, Keys, Value, WriteError, read, write};

use crate::seeded::Seeded;
use crate::tools::{output, save, script};

/// Lengths around those where something changes: an entry, a page less its heads, two pages.
const LENGTHS: [usize; 16] =
    [0, 1, 31, 32, 33, 64, 300, 1900, 3935, 3936, 3967, 3968, 4000, 4001, 7999, 9000];

fn key(random: &mut Seeded, number: usize) -> Key {
    let letters = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-. ";
    let rest: String = (0..random.below(10)).map(|_| char::from(random.of(letters.as_bytes()))).collect();
    // The generator takes a row apart at commas, and a blank at its end away with none: a letter ends each key.
    format!("k{number}.{rest}z").parse().unwrap()
}

fn text(random: &mut Seeded, length: usize) -> String {
    let text: String =
        (0..length).map(|_| random.of(&['a', 'Z', '0', ' ', ',', '"', '\'', ';', '=', 'é', '€'])).collect();
    let mut end = length;
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    text[..end].to_owned()
}

fn value(random: &mut Seeded) -> Value {
    let number = random.next();
    match random.below(11) {
        0 => Value::U8(number as u8),
        1 => Value::I8(number as i8),
        2 => Value::U16(number as u16),
        3 => Value::I16(number as i16),
        4 => Value::U32(number as u32),
        5 => Value::I32(number as i32),
        6 => Value::U64(number),
        7 => Value::I64(number as i64),
        8 => {
            // A text that would take a page of its own to the last entry fails with the generator.
            let length = random.of(&LENGTHS[..11]).min(random.below(8000));
            Value::text(&text(random, length))
        }
        _ => {
            let length = random.of(&LENGTHS).min(random.below(20000));
            Value::blob(&random.bytes(length))
        }
    }
}

/// Items of several namespaces, one after the other: the generator puts an entry of a namespace that it left into the last
/// one.
fn items(random: &mut Seeded) -> Vec<Item> {
    (0..1 + random.below(4))
        .flat_map(|namespace| {
            let namespace = key(random, namespace);
            let many = if random.below(4) == 0 { 150 } else { 12 };
            (0..random.below(many))
                .map(|number| Item::secret(namespace.clone(), key(random, number), value(random)))
                .collect::<Vec<_>>()
        })
        .collect()
}

fn row(item: &Item) -> String {
    let (encoding, value) = match &item.value {
        Value::U8(number) => ("u8", number.to_string()),
        Value::I8(number) => ("i8", number.to_string()),
        Value::U16(number) => ("u16", number.to_string()),
        Value::I16(number) => ("i16", number.to_string()),
        Value::U32(number) => ("u32", number.to_string()),
        Value::I32(number) => ("i32", number.to_string()),
        Value::U64(number) => ("u64", number.to_string()),
        Value::I64(number) => ("i64", number.to_string()),
        Value::Text(text) => ("string", format!("\"{}\"", text.replace('"', "\"\""))),
        Value::Blob(bytes) => ("hex2bin", bytes.iter().map(|byte| format!("{byte:02x}")).collect()),
    };
    format!("{},data,{encoding},{value}\n", item.key)
}

fn csv(items: &[Item]) -> String {
    let mut csv = "key,type,encoding,value\n".to_owned();
    for (index, item) in items.iter().enumerate() {
        if index == 0 || items[index - 1].namespace != item.namespace {
            writeln!(csv, "{},namespace,,", item.namespace).unwrap();
        }
        csv.push_str(&row(item));
    }
    csv
}

/// The pages that these items need, and one more than that.
fn size_of(items: &[Item]) -> u32 {
    match write(items, 0x1000, None) {
        Ok(_) => 0x3000,
        Err(WriteError::Overflow { needed, .. }) => 4096 * needed.max(3) as u32,
        Err(error) => panic!("{error}"),
    }
}

fn generator(lines: &[String]) -> Vec<i32> {
    let codes = output(script("many.py").arg("esp_idf_nvs_partition_gen"), &(lines.join("\n") + "\n"));
    codes.lines().map(|code| code.parse().unwrap()).collect()
}

fn read_file(folder: &Path, name: &str) -> Vec<u8> {
    std::fs::read(folder.join(name)).unwrap()
}

fn same(ours: &[u8], theirs: &[u8], what: &str) {
    assert_eq!(ours.len(), theirs.len(), "{what}");
    let differs = ours.iter().zip(theirs).position(|(ours, theirs)| ours != theirs);
    assert!(differs.is_none(), "{what}: they differ at {:#x}", differs.unwrap_or_default());
}

#[test]
fn partitions_plain_and_encrypted_are_those_of_the_generator_and_each_reads_the_other() {
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name).to_str().unwrap().to_owned();
    let cases: Vec<_> = (0..24)
        .map(|seed| {
            let mut random = Seeded(seed);
            let keys = Keys::new(zeroize::Zeroizing::new(random.bytes(64).try_into().unwrap()));
            (items(&mut random), keys)
        })
        .collect();
    let mut lines = vec![format!("generate-key\t--keyfile\tmade.bin\t--outdir\t{}", at(""))];
    for (case, (items, keys)) in cases.iter().enumerate() {
        let size = size_of(items);
        save(&folder.path().join(format!("{case}.csv")), csv(items).as_bytes());
        save(&folder.path().join(format!("{case}.keys.bin")), &keys.to_partition());
        let ours = write(items, size, Some(keys)).unwrap();
        save(&folder.path().join(format!("{case}.ours.bin")), &ours);
        let (csv, keys) = (at(&format!("{case}.csv")), at(&format!("{case}.keys.bin")));
        lines.push(format!("generate\t{csv}\t{}\t{size:#x}", at(&format!("{case}.plain.bin"))));
        lines.push(format!(
            "encrypt\t{csv}\t{}\t{size:#x}\t--inputkey\t{keys}",
            at(&format!("{case}.sealed.bin"))
        ));
        lines.push(format!(
            "decrypt\t{}\t{keys}\t{}",
            at(&format!("{case}.ours.bin")),
            at(&format!("{case}.opened.bin"))
        ));
    }
    assert!(generator(&lines).iter().all(|code| *code == 0));
    let (mut blobs, mut encrypted, mut pages) = (0, 0, 0);
    for (case, (items, keys)) in cases.iter().enumerate() {
        let size = size_of(items);
        let (plain, sealed) = (write(items, size, None).unwrap(), write(items, size, Some(keys)).unwrap());
        same(&plain, &read_file(folder.path(), &format!("{case}.plain.bin")), &format!("plain, seed {case}"));
        same(
            &sealed,
            &read_file(folder.path(), &format!("{case}.sealed.bin")),
            &format!("encrypted, seed {case}"),
        );
        same(
            &plain,
            &read_file(folder.path(), &format!("{case}.opened.bin")),
            &format!("decrypted, seed {case}"),
        );
        assert!(
            read(&read_file(folder.path(), &format!("{case}.plain.bin")), None).unwrap() == *items,
            "seed {case}"
        );
        assert!(
            read(&read_file(folder.path(), &format!("{case}.sealed.bin")), Some(keys)).unwrap() == *items,
            "seed {case}"
        );
        blobs += items
            .iter()
            .filter(|item| matches!(&item.value, Value::Blob(bytes) if bytes.len() > 4000))
            .count();
        encrypted += usize::from(!items.is_empty() && plain != sealed);
        pages = pages.max(size / 4096);
    }
    // The seeds reach what they are for.
    assert!(blobs >= 20 && encrypted >= 20 && pages >= 20, "{blobs} {encrypted} {pages}");
    Keys::from_partition(&read_file(&folder.path().join("keys"), "made.bin")).unwrap();
}

#[test]
fn a_partition_that_is_one_page_too_small_is_too_small_for_the_generator_too() {
    let folder = tempfile::tempdir().unwrap();
    let mut lines = Vec::new();
    for seed in 100..112 {
        let items = items(&mut Seeded(seed));
        let size = size_of(&items) - 0x1000;
        if size < 0x3000 {
            continue;
        }
        assert!(
            matches!(write(&items, size, None), Err(WriteError::Overflow { needed, pages }) if needed == pages + 1)
        );
        let csv_file = folder.path().join(format!("{seed}.csv"));
        save(&csv_file, csv(&items).as_bytes());
        let out = folder.path().join(format!("{seed}.bin"));
        lines.push(format!("generate\t{}\t{}\t{size:#x}", csv_file.display(), out.display()));
    }
    assert!(lines.len() >= 6, "{}", lines.len());
    assert!(generator(&lines).iter().all(|code| *code != 0));
}

/// A partition of one page or two is never written by the firmware; no page is kept free then.
#[test]
fn a_small_partition_begins_as_the_generators() {
    let folder = tempfile::tempdir().unwrap();
    let mut random = Seeded(7);
    let namespace: Key = "factory".parse().unwrap();
    let items: Vec<_> = (0..130)
        .map(|number| Item::secret(namespace.clone(), key(&mut random, number), Value::U32(number as u32)))
        .collect();
    let (csv_file, out) = (folder.path().join("small.csv"), folder.path().join("small.bin"));
    save(&csv_file, csv(&items).as_bytes());
    assert_eq!(generator(&[format!("generate\t{}\t{}\t0x2000", csv_file.display(), out.display())]), [0]);
    same(&write(&items, 0x2000, None).unwrap(), &std::fs::read(out).unwrap(), "two pages");
    assert_eq!(write(&items, 0x1000, None).unwrap_err(), WriteError::Overflow { needed: 2, pages: 1 });
}

fn told(value: &DataValue) -> Value {
    match value {
        DataValue::U8(number) => Value::U8(*number),
        DataValue::I8(number) => Value::I8(*number),
        DataValue::U16(number) => Value::U16(*number),
        DataValue::I16(number) => Value::I16(*number),
        DataValue::U32(number) => Value::U32(*number),
        DataValue::I32(number) => Value::I32(*number),
        DataValue::U64(number) => Value::U64(*number),
        DataValue::I64(number) => Value::I64(*number),
        DataValue::String(text) => Value::text(text),
        DataValue::Binary(bytes) => Value::blob(bytes),
    }
}

/// The generator has no reader: this one was written by others too, and does not come from it.
#[test]
fn another_reader_finds_all_that_was_written() {
    for seed in 200..220 {
        let items = items(&mut Seeded(seed));
        let partition = write(&items, size_of(&items), None).unwrap();
        let read = NvsPartition::try_from_bytes(partition.to_vec()).unwrap();
        let mut found: Vec<_> = read
            .entries
            .iter()
            .map(|entry| {
                let EntryContent::Data(value) = &entry.content else { panic!("no data") };
                (entry.namespace.clone(), entry.key.clone(), told(value))
            })
            .collect();
        let mut wanted: Vec<_> = items
            .iter()
            .map(|item| (item.namespace.to_string(), item.key.to_string(), item.value.clone()))
            .collect();
        let by_name =
            |a: &(String, String, Value), b: &(String, String, Value)| (&a.0, &a.1).cmp(&(&b.0, &b.1));
        found.sort_by(by_name);
        wanted.sort_by(by_name);
        assert!(found == wanted, "seed {seed}");
    }
}

/// Entries of a namespace that was left: the generator puts them into the last namespace, silently. Ours go where they
/// belong, as the other reader confirms.
#[test]
fn entries_of_mixed_namespaces_go_where_they_belong() {
    let item = |namespace: &str, key: &str, number| {
        Item::public(namespace.parse().unwrap(), key.parse().unwrap(), Value::U8(number))
    };
    let items = [item("first", "a", 1), item("second", "a", 2), item("first", "b", 3)];
    let partition = write(&items, 0x3000, None).unwrap();
    let read = NvsPartition::try_from_bytes(partition.to_vec()).unwrap();
    let third = read.entries.iter().find(|entry| entry.key == "b").unwrap();
    assert_eq!(third.namespace, "first");
}
