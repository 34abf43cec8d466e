use firmware_image::{Base, Digest, FileFormat, FlashLayout, PartitionTable, Region};

use crate::says;

fn flash() -> Region {
    Region::new(0, 0x10_0000).unwrap()
}

fn base(address: u32, bytes: &[u8]) -> Base {
    Base::pinned(bytes, FileFormat::Raw { address }, &Digest::of(bytes), flash()).unwrap()
}

fn hex(text: &str) -> Result<Base, firmware_image::BaseError> {
    Base::pinned(text.as_bytes(), FileFormat::IntelHex, &Digest::of(text.as_bytes()), flash())
}

#[test]
fn another_file_is_refused_with_both_digests() {
    let (released, other) = (Digest::of(b"released"), Digest::of(b"other"));
    let error = Base::pinned(b"other", FileFormat::Raw { address: 0 }, &released, flash()).unwrap_err();
    says(&error, &[&released.to_string(), &other.to_string(), "not the released firmware"]);
}

#[test]
fn an_image_that_is_too_large_is_refused_with_both_ranges() {
    let bytes = vec![7; 0x1001];
    let partition = Region::new(0x1_0000, 0x1000).unwrap();
    let format = FileFormat::Raw { address: 0x1_0000 };
    let error = Base::pinned(&bytes, format, &Digest::of(&bytes), partition).unwrap_err();
    says(&error, &["does not fit", "0x10000..0x11001", "0x10000..0x11000"]);
    let last = FileFormat::Raw { address: 0xffff_f000 };
    says(&Base::pinned(&bytes, last, &Digest::of(&bytes), flash()).unwrap_err(), &["past 0xffffffff"]);
    says(&Base::pinned(b"", format, &Digest::of(b""), flash()).unwrap_err(), &["no bytes"]);
    says(&hex(":020000040800F2\n:0300300002337A1E\n:00000001FF\n").unwrap_err(), &["0x8000030..0x8000033"]);
    says(&hex(":00000001FF\n").unwrap_err(), &["no data"]);
    says(&hex(":00000001FE\n").unwrap_err(), &["no Intel HEX", "line 1", "checksum"]);
}

#[test]
fn files_of_one_release_are_joined_where_they_do_not_overlap() {
    let joined = base(0x1000, b"boot").with(base(0x8000, b"table")).unwrap();
    assert_eq!(joined.digests(), [Digest::of(b"boot"), Digest::of(b"table")]);
    assert_eq!(joined.image().segments().count(), 2);
    let error = base(0x1000, b"boot").with(base(0x1002, b"more")).unwrap_err();
    says(&error, &["0x1002..0x1006", "0x1000..0x1004"]);
    let start = |start: &str, data: &str| hex(&format!(":04000005{start}\n{data}\n:00000001FF\n")).unwrap();
    let (first, second) = (start("08000131BD", ":0100300002CD"), start("08000132BC", ":0100400002BD"));
    assert_eq!(base(0x1000, b"boot").with(first.clone()).unwrap().start(), first.start());
    says(&first.with(second).unwrap_err(), &["0x08000131", "0x08000132"]);
}

#[test]
fn the_partition_table_is_read_from_the_image() {
    let layout = FlashLayout { table_offset: 0x8000, flash_size: Some(0x10_0000) };
    let table = PartitionTable::from_csv("nvs,data,nvs,,0x6000", layout).unwrap();
    let released = base(0, b"boot").with(base(0x8000, &table.to_binary())).unwrap();
    assert_eq!(released.partition_table(layout).unwrap(), table);
    says(&base(0, b"boot").partition_table(layout).unwrap_err(), &["0x8000..0x9000", "table's offset"]);
    says(&base(0x8010, b"boot").partition_table(layout).unwrap_err(), &["0x8000..0x9000"]);
    let mut corrupt = table.to_binary();
    corrupt[4] ^= 1;
    says(&base(0x8000, &corrupt).partition_table(layout).unwrap_err(), &["cannot be used", "MD5"]);
    says(
        &base(0x8000, &[0xff; 0x1000]).partition_table(layout).unwrap_err(),
        &["no partition table", "[ff, ff]"],
    );
}
