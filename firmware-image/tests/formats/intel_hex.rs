use firmware_image::format::{IntelHex, StartAddress};

use crate::says;

/// The data records are the example of Wikipedia's article *Intel HEX*; type 04 and 05 are of its explanations.
const GOLDEN: &str = ":020000040800F2\n\
    :10010000214601360121470136007EFE09D2190140\n\
    :100110002146017E17C20001FF5F16002148011928\n\
    :0400000508000131BD\n\
    :00000001FF\n";

fn refused(text: &str, words: &[&str]) {
    says(&IntelHex::parse(text.as_bytes()).unwrap_err(), words);
}

#[test]
fn a_file_is_this_text() {
    let file = IntelHex::parse(GOLDEN.as_bytes()).unwrap();
    assert_eq!(format!("{:?}", file.image), "Image(0x8000100..0x8000120)");
    assert_eq!(file.start, Some(StartAddress::Linear(0x0800_0131)));
    assert_eq!(*file.to_text(), GOLDEN);
    assert!(IntelHex::parse(GOLDEN.replace('\n', "\r\n").to_lowercase().as_bytes()).unwrap() == file);
}

#[test]
fn segments_are_added_and_gaps_are_kept() {
    // Segment 0x1000: 0x10000; CS:IP 0x1000:0x0004.
    let text = ":020000021000EC\n:02000000AABB99\n:02001000CCDD45\n:0400000310000004E5\n:00000001FF\n";
    let file = IntelHex::parse(text.as_bytes()).unwrap();
    assert_eq!(format!("{:?}", file.image), "Image(0x10000..0x10002, 0x10010..0x10012)");
    assert_eq!(file.start, Some(StartAddress::Segment { cs: 0x1000, ip: 4 }));
}

#[test]
fn records_that_are_wrong_are_refused_with_their_line() {
    refused("", &["no end"]);
    refused("MZ", &["line 1", "colon"]);
    refused(":00000001FF\n:00000001FF\n", &["line 2", "behind its end"]);
    refused(":0300300002337A1E\n", &["no end"]);
    refused(":0300300002337A1F\n", &["line 1", "0x1f", "0x1e"]);
    refused(":0400300002337A1D\n", &["line 1", "4 bytes", "has 3"]);
    refused(":0300300002337G1E\n", &["line 1", "hexadecimal"]);
    refused(":0300300002337A1\n", &["line 1", "hexadecimal"]);
    refused(":00\n", &["line 1", "hexadecimal"]);
    refused(":\n", &["line 1", "hexadecimal"]);
    refused(":00000006FA\n", &["line 1", "0x06"]);
    refused(":01000001AA54\n", &["line 1", "0x01", "0 bytes"]);
    refused(":0100000408F3\n", &["line 1", "0x04", "2 bytes"]);
    refused(":0200000508000FE2\n".replace("0FE2", "F1").as_str(), &["line 1", "0x05", "4 bytes"]);
    refused(&GOLDEN.replace(":00000001", ":0400000508000131BD\n:00000001"), &["line 5", "where to start"]);
}

#[test]
fn data_past_the_addresses_that_can_be_meant_are_refused() {
    // 0xffff and the one behind it, without an upper half of addresses, and with the last one.
    refused(":02FFFF00AABB9B\n:00000001FF\n", &["line 1", "0xffff"]);
    refused(":02000004FFFFFC\n:02FFFF00AABB9B\n:00000001FF\n", &["line 2", "0xffffffff"]);
    let crossing = ":020000040001F9\n:02FFFF00AABB9B\n:00000001FF\n";
    assert_eq!(
        format!("{:?}", IntelHex::parse(crossing.as_bytes()).unwrap().image),
        "Image(0x1ffff..0x20001)"
    );
}

#[test]
fn data_given_twice_are_refused_with_both_lines_and_ranges() {
    refused(
        ":0300300002337A1E\n:02004000AABB59\n:02003200AABB67\n:00000001FF\n",
        &["lines 1 and 3", "0x30..0x33", "0x32..0x34"],
    );
}
