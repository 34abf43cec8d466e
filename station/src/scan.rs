//! Scans of labels: from the scanner that a fixture names, or as lines `FIXTURE VALUE` on standard input.

use std::collections::HashMap;
use std::io::{self, Read};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{self, Receiver, Sender};
use std::time::Duration;

use crate::config::Fixture;
use crate::link::{PortFault, open_port};

/// Scanners speak at this rate unless they are told otherwise; over USB it does not matter.
const BAUD: u32 = 9600;
/// How often a scanner's port is asked.
const TICK: Duration = Duration::from_millis(50);
/// A label longer than this is none: a scanner at the wrong rate.
const LONGEST: usize = 256;

/// Where one fixture's scans arrive, in their order.
#[derive(Debug)]
pub struct Scans {
    arrivals: Receiver<String>,
    closed: Arc<AtomicBool>,
}

impl Scans {
    /// One label, given by hand.
    pub fn of(label: String) -> Self {
        let (sender, arrivals) = mpsc::channel();
        // The receiver is here: it arrives.
        let _ = sender.send(label);
        Self { arrivals, closed: Arc::default() }
    }

    /// The next scan, where one has arrived.
    pub fn next(&self) -> Option<String> {
        self.arrivals.try_recv().ok()
    }
}

impl Drop for Scans {
    fn drop(&mut self) {
        self.closed.store(true, Ordering::Relaxed);
    }
}

/// Listens to every fixture's scanner and, where `typed` is given, to its lines. One [`Scans`] a fixture, in their order.
///
/// # Errors
/// [`PortFault`] of the first scanner that cannot be opened.
pub fn listen(
    fixtures: &[Fixture],
    typed: Option<Box<dyn Read + Send>>,
    mistake: impl Fn(String) + Send + 'static,
) -> Result<Vec<Scans>, PortFault> {
    let mut by_name = HashMap::new();
    let mut all = Vec::with_capacity(fixtures.len());
    for fixture in fixtures {
        let (sender, arrivals) = mpsc::channel();
        let closed = Arc::new(AtomicBool::new(false));
        if let Some(scanner) = &fixture.scanner {
            listen_to_scanner(scanner, sender.clone(), closed.clone())?;
        }
        by_name.insert(fixture.name.clone(), sender);
        all.push(Scans { arrivals, closed });
    }
    if let Some(typed) = typed {
        // Ends with the input, or with the process: nothing can wake a thread that waits for a person to type.
        std::thread::spawn(move || dispatch(typed, &by_name, mistake));
    }
    Ok(all)
}

fn listen_to_scanner(path: &Path, to: Sender<String>, closed: Arc<AtomicBool>) -> Result<(), PortFault> {
    let mut port = Some(open_port(path, BAUD, TICK)?);
    let path: PathBuf = path.to_owned();
    std::thread::spawn(move || {
        let mut lines = Lines::default();
        while !closed.load(Ordering::Relaxed) {
            let Some(open) = &mut port else {
                // Unplugged: it may be plugged in again.
                std::thread::sleep(TICK);
                port = open_port(&path, BAUD, TICK).ok();
                continue;
            };
            let mut bytes = [0; 256];
            match open.read(&mut bytes) {
                // A fixture that has closed takes no more scans.
                Ok(count) => lines.take(&bytes[..count], |scan| drop(to.send(scan.to_owned()))),
                Err(error) if error.kind() == io::ErrorKind::TimedOut => {}
                Err(_) => (port, lines) = (None, Lines::default()),
            }
        }
    });
    Ok(())
}

/// Lines out of bytes as they come. One ends with CR, LF or both, and what is longer than any label is cut off.
#[derive(Debug, Default)]
struct Lines(Vec<u8>);

impl Lines {
    fn take(&mut self, bytes: &[u8], mut each: impl FnMut(&str)) {
        for byte in bytes {
            match byte {
                b'\r' | b'\n' => {
                    let line = std::mem::take(&mut self.0);
                    let line = String::from_utf8_lossy(&line);
                    if !line.trim().is_empty() {
                        each(line.trim());
                    }
                }
                byte if self.0.len() < LONGEST => self.0.push(*byte),
                _ => {}
            }
        }
    }
}

fn dispatch(mut typed: Box<dyn Read + Send>, to: &HashMap<String, Sender<String>>, mistake: impl Fn(String)) {
    let scanned = |line: &str| {
        let Some((fixture, value)) = line.split_once(char::is_whitespace) else {
            return mistake(format!("`{line}` is no scan: write FIXTURE VALUE, as in `1 SN-0007`"));
        };
        match to.get(fixture) {
            Some(sender) => drop(sender.send(value.trim().to_owned())),
            None => mistake(format!(
                "no fixture `{fixture}` takes part in this run: the scan `{line}` is dropped"
            )),
        }
    };
    let mut lines = Lines::default();
    loop {
        let mut bytes = [0; 256];
        match typed.read(&mut bytes) {
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            // The last line may lack its end.
            Ok(0) | Err(_) => return lines.take(b"\n", scanned),
            Ok(count) => lines.take(&bytes[..count], scanned),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fixture(name: &str) -> Fixture {
        Fixture { name: name.to_owned(), port: Some(name.into()), tcti: None, scanner: None }
    }

    #[test]
    fn lines_reach_their_fixtures_and_mistakes_are_told() {
        let (told, mistakes) = mpsc::channel();
        let text = b"1 SN-1\n\n2  SN-2 \nSN-3\n\xff\xfe\n9 SN-4\r\n2 SN-5";
        let typed = Box::new(io::Cursor::new(text));
        let scans = listen(&[fixture("1"), fixture("2")], Some(typed), move |what| told.send(what).unwrap());
        let scans = scans.unwrap();
        let mistakes: Vec<String> = mistakes.iter().collect();
        assert_eq!((scans[0].next().as_deref(), scans[1].next().as_deref()), (Some("SN-1"), Some("SN-2")));
        assert_eq!((scans[0].next(), scans[1].next().as_deref()), (None, Some("SN-5")));
        assert!(mistakes[0].contains("SN-3") && mistakes[2].contains("no fixture `9`"), "{mistakes:?}");
    }

    #[test]
    fn a_line_ends_with_any_line_end_and_is_cut_off_at_its_longest() {
        let (mut lines, mut taken) = (Lines::default(), Vec::new());
        let long = [b'x'; 2 * LONGEST];
        for part in [&b"SN"[..], b"-1\r", b"\nSN-2\n", b"\n", &long, b"\nSN-3\n"] {
            lines.take(part, |line| taken.push(line.to_owned()));
        }
        assert_eq!(taken, ["SN-1", "SN-2", &"x".repeat(LONGEST), "SN-3"]);
    }
}
