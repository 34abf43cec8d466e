//! Intel HEX, against Python's intelhex and GNU objcopy.

use firmware_image::format::{IntelHex, StartAddress, to_raw};

use crate::seeded::Seeded;
use crate::tools::{output, run, save, script};

/// Segments at odd places, over the edges of 64 KiB and up to the last address.
fn image(random: &mut Seeded) -> IntelHex {
    let mut file = IntelHex::default();
    for _ in 0..1 + random.below(6) {
        let base = random.of(&[0, 0xfff0, 0xfffff, 0x0800_0000, 0x0801_fff1, 0x7fff_fff8, 0xffff_0000]);
        let length = 1 + random.below(300);
        let bytes = random.bytes(length);
        // What overlaps is left out.
        let _ = file.image.insert(base + random.below(700) as u32, &bytes);
    }
    file.start = match random.below(3) {
        0 => None,
        1 => Some(StartAddress::Linear(random.next() as u32)),
        _ => Some(StartAddress::Segment { cs: random.next() as u16, ip: random.next() as u16 }),
    };
    file
}

fn told(file: &IntelHex) -> String {
    let mut told = String::new();
    for (region, bytes) in file.image.segments() {
        let hex: String = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
        told += &format!("{:x},{hex} ", region.offset());
    }
    told + &match file.start {
        None => "[]".to_owned(),
        Some(StartAddress::Linear(address)) => format!("[('EIP', {address})]"),
        Some(StartAddress::Segment { cs, ip }) => format!("[('CS', {cs}), ('IP', {ip})]"),
    }
}

#[test]
fn files_are_read_by_intelhex_and_its_own_by_us() {
    let folder = tempfile::tempdir().unwrap();
    let files: Vec<_> = (0..200).map(|seed| image(&mut Seeded(seed))).collect();
    let mut lines = String::new();
    for (seed, file) in files.iter().enumerate() {
        let path = folder.path().join(format!("{seed}.hex"));
        save(&path, file.to_text().as_bytes());
        lines += &format!("{}\t{}\n", path.display(), folder.path().join(format!("{seed}.theirs")).display());
    }
    let answers = output(&mut script("intel_hex.py"), &lines);
    assert_eq!(answers.lines().count(), files.len());
    for (seed, (file, answer)) in files.iter().zip(answers.lines()).enumerate() {
        assert_eq!(answer, told(file), "seed {seed}");
        let theirs = std::fs::read(folder.path().join(format!("{seed}.theirs"))).unwrap();
        assert!(IntelHex::parse(&theirs).unwrap() == *file, "seed {seed}");
    }
}

#[test]
fn objcopy_reads_ours_and_its_own_are_read_here() {
    let folder = tempfile::tempdir().unwrap();
    for seed in 300..310 {
        let mut random = Seeded(seed);
        let mut file = IntelHex::default();
        let base = random.of(&[0u32, 0xfff0, 0x0800_0000, 0x0801_fff1]);
        for part in 0..3 {
            let length = 1 + random.below(400);
            file.image.insert(base + part * 1000, &random.bytes(length)).unwrap();
        }
        let span = file.image.span().unwrap();
        let (ours, raw, theirs) = (format!("{seed}.hex"), format!("{seed}.bin"), format!("{seed}.theirs"));
        save(&folder.path().join(&ours), file.to_text().as_bytes());
        let fill = ["-I", "ihex", "-O", "binary", "--gap-fill", "0xff", &ours, &raw];
        run(folder.path(), "objcopy", &fill);
        assert_eq!(std::fs::read(folder.path().join(&raw)).unwrap(), **to_raw(&file.image, span));
        run(folder.path(), "objcopy", &["-I", "ihex", "-O", "ihex", &ours, &theirs]);
        let theirs = IntelHex::parse(&std::fs::read(folder.path().join(&theirs)).unwrap()).unwrap();
        assert!(theirs.image == file.image, "seed {seed}");
    }
}
