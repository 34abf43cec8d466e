//! Firmware, slots and entries that cannot be meant: what is said of each, and that nothing is done.
#![allow(clippy::unwrap_used, clippy::panic, reason = "what cannot be set up fails the test")]

mod areas;
mod board;
mod set;

use acceptance::firmware::{compiled, put};
use acceptance::sha256;

use set::{Case, Segment, Set};

/// The marker of the built-in product, and a capacity of 64 bytes.
const SLOT: &[u8] = b"unit-data-slot-1\x40\0\0\0";
const FLASH: u32 = 0x0800_0000;

const ENTRY: &str = "[[slot.entry]]\ntype = 1\ncontent = \"${registration_id}\"";

#[test]
fn firmware_that_is_not_the_released_one_or_does_not_fit_is_refused() {
    let set = Set::new();
    let hex = "sha256 = \"cafe\"";
    let released = std::fs::read(set.bench.folder().join("firmware/firmware.hex")).unwrap();
    let (digest, pin) = (sha256(&released), set.pin());
    let other = sha256(b"another file");
    let pin_of_other = format!("sha256 = \"{other}\"");
    let cases: [Case<'_>; 9] = [
        (
            &[(&pin, &pin_of_other)],
            &["firmware/firmware.hex: this is not the released firmware: its SHA-256 is ", &digest, &other],
        ),
        (
            &[(&pin, hex)],
            &["firmware/firmware.hex: sha256: `cafe` is no SHA-256 digest: that has 64 hexadecimal digits"],
        ),
        (
            &[("file = \"firmware.hex\"", "file = \"other.hex\"")],
            &[
                "firmware/other.hex cannot be read (No such file",
                "put the released file into the station's folder",
            ],
        ),
        (
            &[("file = \"firmware.hex\"", "file = \"../firmware/firmware.hex\"")],
            &["[[flash.file]] `../firmware/firmware.hex`: give the name of a file in firmware/, and no path"],
        ),
        (
            &[("size = 0x00080000", "size = 0x00070000")],
            &[
                "firmware/firmware.hex: the image does not fit: it takes 0x8000000..0x8071014",
                "within 0x8000000..0x8070000",
            ],
        ),
        (
            &[("start = 0x08000000", "start = 0x08000100")],
            &["it takes 0x8000000..0x8071014, and has to stay within 0x8000100..0x8080100"],
        ),
        (&[("size = 0x00080000", "size = 0")], &["[flash]: "]),
        (
            &[("file = \"firmware.hex\"", "file = \"firmware.hex\"\naddress = 0x08000000")],
            &["the image does not hold the marker"],
        ),
        (
            &[("[flash]\n", "[flash]\nevidence = \"device-digest\"\n")],
            &["another program writes it, and gives no evidence"],
        ),
    ];
    for (changes, says) in cases {
        eprintln!("case: {}", changes[0].1);
        set.bench.refuses(set.changed(changes), 3, says);
    }
    let none = set.good.replace("[[flash.file]]", "[ignored]");
    set.bench.refuses(set.order_of(&none), 3, &["unknown key `ignored`: known here are id_scope"]);
    let start = set.good.find("[[flash.file]]").unwrap();
    let end = set.good.find("# The slot.").unwrap();
    let none = [&set.good[..start], &set.good[end..]].concat();
    set.bench.refuses(set.order_of(&none), 3, &["[flash] names no released firmware: add a [[flash.file]]"]);
    let none = [&set.good[..set.good.find("[flash]").unwrap()], &set.good[end..]].concat();
    set.bench.refuses(
        set.order_of(&none),
        3,
        &["slot `unit-data` is a part of the firmware's image", "[flash]"],
    );
    let text = set.bench.folder().join("firmware/text.hex");
    put(&text, b"this is no firmware\n");
    let pin_of_text = format!("sha256 = \"{}\"", sha256(b"this is no firmware\n"));
    let changes = [("file = \"firmware.hex\"", "file = \"text.hex\""), (&*pin, &*pin_of_text)];
    set.bench.refuses(
        set.changed(&changes),
        3,
        &["firmware/text.hex: the released firmware is no Intel HEX file", "line 1"],
    );
}

#[test]
fn what_is_no_file_or_far_too_large_is_not_read() {
    let set = Set::new();
    let at = |name: &str| set.bench.folder().join("firmware").join(name);
    let fifo = std::process::Command::new("mkfifo").arg(at("fifo.hex")).status().unwrap();
    assert!(fifo.success());
    std::os::unix::fs::symlink(at("firmware.hex"), at("link.hex")).unwrap();
    std::fs::create_dir(at("folder.hex")).unwrap();
    // Holes: it takes no room.
    std::fs::File::create_new(at("huge.hex")).unwrap().set_len(1 << 40).unwrap();
    let raw = "file = \"huge.hex\"\naddress = 0x08000000";
    let cases: [(&str, &str); 5] = [
        ("file = \"fifo.hex\"", "firmware/fifo.hex is no file: put the released file itself there"),
        ("file = \"link.hex\"", "firmware/link.hex is no file: put the released file itself there"),
        ("file = \"folder.hex\"", "firmware/folder.hex is no file: put the released file itself there"),
        (
            "file = \"huge.hex\"",
            "firmware/huge.hex has 1099511627776 bytes, and no firmware for the flash has more than 2625536: give the right",
        ),
        (
            raw,
            "firmware/huge.hex has 1099511627776 bytes, and no firmware for the flash has more than 524288",
        ),
    ];
    for (file, says) in cases {
        eprintln!("case: {file}");
        // No snapshot before and after: whoever reads these files waits for ever too.
        let refused = set.changed(&[("file = \"firmware.hex\"", file)]).run().expect(3);
        assert!(refused.stderr.contains(says), "{}", refused.stderr);
    }
}

#[test]
fn a_marked_slot_that_cannot_be_found_or_is_not_free_is_refused() {
    let set = Set::new();
    let blank = [0xff; 64];
    let good = [SLOT, &blank[..]].concat();
    let mut occupied = good.clone();
    occupied[20 + 12] = 0;
    let misaligned = [&b"\0\0"[..], &good].concat();
    let huge = [&SLOT[..16], &[0, 0, 0, 0x10], &blank].concat();
    let odd = [&SLOT[..16], &[30, 0, 0, 0], &blank].concat();
    let cases: [(&str, Vec<Segment<'_>>, &[&str]); 7] = [
        (
            "missing",
            vec![(FLASH, b"code without a slot")],
            &[
                "slot `unit-data`: the image does not hold the marker \"unit-data-slot-1\": was it built with a slot",
            ],
        ),
        (
            "doubled",
            vec![(FLASH, &good), (FLASH + 0x1000, b"see unit-data-slot-1")],
            &[
                "more than once, at 0x8000000..0x8000010 and 0x8001004..0x8001014: make the other text different",
            ],
        ),
        (
            "misaligned",
            vec![(FLASH, &misaligned)],
            &[
                "the marker lies at 0x8000002..0x8000012, which is no multiple of 4: 0x8000004..0x8000014 would be",
            ],
        ),
        (
            "odd",
            vec![(FLASH, &odd)],
            &["the four bytes behind the marker (0x8000000..0x8000010) say that 30 bytes follow"],
        ),
        ("empty", vec![(FLASH, &SLOT[..16])], &["say that 0 bytes follow: a multiple of four is wanted"]),
        (
            "behind-flash",
            vec![(FLASH, &huge)],
            &["slot `unit-data` (0x8000014..0x18000014) reaches out of the flash (0x8000000..0x8080000)"],
        ),
        (
            "occupied",
            vec![(FLASH, &occupied)],
            &[
                "slot `unit-data` (0x8000014..0x8000054) is not free: the base image has data at 0x8000014..0x8000054",
            ],
        ),
    ];
    for (name, segments, says) in cases {
        eprintln!("case: {name}");
        set.bench.refuses(set.with_firmware(&format!("{name}.hex"), &segments), 3, says);
    }
    let short = set.changed(&[("\"unit-data-slot-1\"\n\n# The records", "\"short\"\n\n# The records")]);
    set.bench.refuses(short, 3, &["a marker has 8 to 64 bytes, not all alike; this one has 5"]);
    let none = set.changed(&[("marker = \"unit-data-slot-1\"\n\n", "\n")]);
    set.bench.refuses(none, 3, &["a `marker` is what slots of the format records are found by"]);
}

#[test]
fn a_slot_twice_overlaps_with_itself() {
    let set = Set::new();
    let twice = format!(
        "{}\n[[slot]]\nname = \"more\"\nformat = \"records\"\nmarker = \"unit-data-slot-1\"\n",
        set.good
    );
    let range = "(0x8070014..0x8071014)";
    set.bench.refuses(
        set.order_of(&twice),
        3,
        &[&format!("slots `unit-data` {range} and `more` {range} overlap")],
    );
}

#[test]
fn entries_that_are_none_are_named() {
    let set = Set::new();
    let kept = |changed: &str| format!("{changed}\n{ENTRY}");
    let cases: [(&str, &[&str]); 14] = [
        ("[[slot.entry]]\ntype = 9", &["slot `unit-data`: entry 1: it has a `content`, or a `document`"]),
        (
            "[[slot.entry]]\ntype = 9\ncontent = \"\"\ndocument = \"private-key.pem\"",
            &["entry 1: it has a `content`, or a `document`"],
        ),
        (
            "[[slot.entry]]\ntype = 9\ndocument = \"nothing.txt\"",
            &["entry 1: no documents template `nothing.txt`"],
        ),
        ("[[slot.entry]]\ncontent = \"x\"", &["entry 1: the `type` of a record is a number below 65535"]),
        (
            "[[slot.entry]]\ntype = 65535\ncontent = \"x\"",
            &["entry 1: the `type` of a record is a number below 65535"],
        ),
        (
            "[[slot.entry]]\ntype = \"u8\"\ncontent = \"x\"",
            &["entry 1: the `type` of a record is a number below 65535"],
        ),
        ("[[slot.entry]]\ntype = true\ncontent = \"x\"", &["`type` is a number from 0 up, or a name"]),
        ("[[slot.entry]]\ntype = -1\ncontent = \"x\"", &["`type` is a number from 0 up, or a name"]),
        ("[[slot.entry]]\ntype = 9\nsubtype = 1\ncontent = \"x\"", &["and it has no `subtype`"]),
        (
            "[[slot.entry]]\ntype = 9\nkey = \"x\"\ncontent = \"x\"",
            &["only entries of NVS have a `namespace` and a `key`"],
        ),
        (
            "[[slot.entry]]\ntype = 9\ncontnet = \"x\"",
            &["bad.toml, line ", "unknown key `contnet`: did you mean `content`?"],
        ),
        (
            "[[slot.entry]]\ntype = 9\ncontent = \"${devcie_key}\"",
            &["entry 1: unknown variable `${devcie_key}`"],
        ),
        (
            "[[slot.entry]]\ntype = 9\ncontent = \"${device_key}\"",
            &["an item writes ${device_key}, which units of this attestation do not have"],
        ),
        (
            "[[slot.entry]]\ntype = 9\ncontent = \"HostName=hub;SharedAccessKey=x\"",
            &["asks for a hub connection string"],
        ),
    ];
    for (entry, says) in cases {
        eprintln!("case: {entry}");
        set.bench.refuses(set.changed(&[(ENTRY, &kept(entry))]), 3, says);
    }
    let gone = set.changed(&[(ENTRY, "")]);
    set.bench.refuses(gone, 3, &["no item writes ${registration_id}: a unit without it cannot register"]);
    let evidence = set.changed(&[("format = \"records\"", "format = \"records\"\nevidence = \"read-back\"")]);
    set.bench.refuses(
        evidence,
        3,
        &["slot `unit-data`: another program writes it, and gives no evidence: remove `evidence`"],
    );
    let item = "[[item]]\nname = \"id\"\ndocument = \"private-key.pem\"\nevidence = \"acknowledged\"\n\
        place = { path = \"/id\" }\n\n[[slot]]";
    let item = set.changed(&[("[[slot]]", item)]);
    set.bench.refuses(
        item,
        3,
        &["item `id` goes over a console, and [link] names no dialogue: make it an entry of a [[slot]]"],
    );
    let assign = set.changed(&[("attestation = \"x509", "assign = \"next\"\nattestation = \"x509")]);
    set.bench.refuses(assign, 3, &["nothing speaks to its units", "remove `assign` and `presence`"]);
    let format = set.changed(&[("format = \"records\"", "format = \"record\"")]);
    set.bench.refuses(format, 3, &["unknown value `record`: did you mean `records`?"]);
}

/// What only a unit's own values show is refused before anything of it is announced.
#[test]
fn what_does_not_fit_is_refused_when_orders_are_taken_and_images_made_and_nothing_is_announced() {
    let set = Set::new();
    set.bench.unlocked(&["ca", "root", "--common-name", "Test Root"]).run().expect(0);
    set.bench.unlocked(&["ca", "intermediate", "--common-name", "Test Line 1"]).run().expect(0);
    let small = compiled(set.bench.root(), "small", 512, 100);
    let digest = set.bench.release("small.hex", &std::fs::read(small).unwrap());
    let (pin, digest) = (set.pin(), format!("sha256 = \"{digest}\""));
    let small = set.text(&[("file = \"firmware.hex\"", "file = \"small.hex\""), (&pin, &digest)]);
    let type_twice = set.text(&[(ENTRY, "[[slot.entry]]\ntype = 2\ncontent = \"${registration_id}\"")]);
    let cases: [(&str, &[&str]); 2] = [
        (
            &small,
            &[
                "the image of gw-1 cannot be made: slot `unit-data` (0x8070014..0x8070214) is too small: it has 512 bytes",
                "needed (0x8070014..0x80",
            ],
        ),
        (
            &type_twice,
            &["(0x8070014..0x8071014) cannot be filled with records: the record type 0x0002 is given twice"],
        ),
    ];
    for (text, says) in cases {
        set.bench.refuses(set.order_of(text), 3, says);
    }
    set.order_of(&set.good).run().expect(0);
    for (text, says) in cases {
        set.put(text);
        set.refuses_images(says);
    }
}
