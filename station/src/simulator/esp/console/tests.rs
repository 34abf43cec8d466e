//! A board without a line: frames in, frames out.

use super::*;

/// A board with a flash of its own.
struct Bench {
    console: EspConsole,
    _folder: tempfile::TempDir,
}

impl Bench {
    fn new(fault: Option<FrameFault>) -> Self {
        Self::locked(fault, Locks::default())
    }

    fn locked(fault: Option<FrameFault>, locks: Locks) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("flash.bin");
        Flash::make(&path).unwrap();
        let board = EspBoard {
            chip: EspChip::Esp32c3,
            mac: Mac::ending_in(0x0102_0304),
            locks,
            flash: Flash::open(&path).unwrap(),
            boot: Duration::ZERO,
            fault,
            noise: Noise::new(1, "1".parse().unwrap(), 1),
        };
        let mut bench = Self { console: EspConsole::power_on(board), _folder: folder };
        bench.console.discard_printed();
        bench
    }

    /// Sends a command. Gives what comes back, frame by frame.
    fn say(&mut self, code: u8, data: &[u8]) -> Vec<Vec<u8>> {
        let checksum = data.get(16..).unwrap_or_default().iter().fold(0xef, |sum, byte| sum ^ byte);
        let length = u16::try_from(data.len()).unwrap().to_le_bytes();
        let mut frame = vec![0, code, length[0], length[1], checksum, 0, 0, 0];
        frame.extend(data);
        self.console.type_in(&framed(&frame), Instant::now()).unwrap();
        self.hear()
    }

    fn hear(&mut self) -> Vec<Vec<u8>> {
        let mut reader = FrameReader::default();
        let printed = self.console.take_printed(1 << 20);
        printed.into_iter().filter_map(|byte| reader.take(byte)).collect()
    }

    fn sync(&mut self) -> Vec<Vec<u8>> {
        let mut data = vec![7, 7, 0x12, 0x20];
        data.extend([0x55; 32]);
        self.say(0x08, &data)
    }
}

fn words(words: &[u32]) -> Vec<u8> {
    words.iter().flat_map(|word| word.to_le_bytes()).collect()
}

/// The MAC's lower half.
const READ_MAC: (u8, u32) = (0x0a, 0x6000_8844);

#[test]
fn nothing_is_heard_before_a_sync() {
    let mut bench = Bench::new(None);
    let (read, mac) = (READ_MAC.0, words(&[READ_MAC.1]));
    assert!(bench.say(read, &mac).is_empty());
    assert_eq!(bench.sync(), vec![vec![1, 8, 4, 0, 7, 7, 0x12, 0x20, 0, 0, 0, 0]; 8]);
    assert_eq!(bench.say(read, &mac), [[1, 0x0a, 4, 0, 4, 3, 2, 0xc4, 0, 0, 0, 0]]);
}

#[test]
fn both_sides_hear_noise_at_another_speed() {
    let mut bench = Bench::new(None);
    bench.console.host_runs_at(57_600);
    assert_eq!(bench.sync().len(), 8);
    bench.console.host_runs_at(115_200);
    assert!(bench.sync().is_empty());
    bench.console.host_runs_at(57_600);
    assert_eq!(bench.say(0x0f, &words(&[921_600, 0])).len(), 1);
    assert!(bench.sync().is_empty());
    bench.console.host_runs_at(921_600);
    assert_eq!(bench.sync().len(), 8);
    // What it printed before the host changed its speed is lost to the host.
    bench.console.type_in(&framed(&[0, 0x0a, 4, 0, 0, 0, 0, 0, 0, 0, 0, 0]), Instant::now()).unwrap();
    bench.console.host_runs_at(115_200);
    assert!(bench.hear().is_empty());
}

#[test]
fn a_brown_out_leaves_half_of_a_block_and_a_loader_without_a_sync() {
    let mut bench = Bench::new(Some(FrameFault { kind: FrameFaultKind::BrownOut, at: 3 }));
    bench.sync();
    bench.say(0x02, &words(&[0x400, 1, 0x400, 0x1000]));
    let mut block = words(&[0x400, 0, 0, 0]);
    block.extend([0; 0x400]);
    assert!(bench.say(0x03, &block).is_empty());
    assert!(bench.say(0x03, &block).is_empty());
    bench.sync();
    let read = |bench: &mut Bench, address| bench.say(0x0e, &words(&[address, 4]))[0][8..12].to_vec();
    assert_eq!(read(&mut bench, 0x11fc), [0; 4]);
    assert_eq!(read(&mut bench, 0x1200), [0xff; 4]);
    assert_eq!(bench.console.is_done_with(), Some(Reason::AfterFault));
}

#[test]
fn a_board_in_mid_write_stays_and_one_that_boots_leaves() {
    let mut bench = Bench::new(None);
    bench.sync();
    assert_eq!(bench.console.is_done_with(), Some(Reason::NotWritten));
    bench.say(0x02, &words(&[0x400, 1, 0x400, 0x1000]));
    assert_eq!(bench.console.is_done_with(), None);
    bench.say(0xff, &[]);
    assert_eq!(bench.console.is_done_with(), Some(Reason::CommandRefused));
    bench.say(0x02, &words(&[0, 0, 0x400, 0]));
    bench.say(0x04, &words(&[1]));
    assert_eq!(bench.console.is_done_with(), Some(Reason::Rebooted));
    bench.console.advance(Instant::now()).unwrap();
    let log = String::from_utf8(bench.console.take_printed(1000)).unwrap();
    assert!(log.contains("SPI_FAST_FLASH_BOOT") && log.contains("invalid header"), "{log}");
    bench.console.host_left();
    assert_eq!(bench.sync().len(), 8);
}

#[test]
fn secure_download_lets_write_and_neither_read_nor_run() {
    let mut bench = Bench::locked(None, Locks { secure_download: true, ..Locks::default() });
    bench.sync();
    let status = |answers: Vec<Vec<u8>>| answers[0][8..10].to_vec();
    for (code, operands) in [
        (0x0a, words(&[READ_MAC.1])),
        (0x05, words(&[16, 1, 16, 0])),
        (0x0e, words(&[0, 4])),
        (0x10, words(&[16, 1, 0x400, 0, 0])),
        (0x13, words(&[0, 16, 0, 0])),
    ] {
        assert_eq!(status(bench.say(code, &operands)), [1, 5], "{code:#x}");
    }
    assert_eq!(status(bench.say(0x02, &words(&[0x400, 1, 0x400, 0, 0]))), [0, 0]);
    assert_eq!(bench.say(0x14, &[])[0][8], 4);
}
