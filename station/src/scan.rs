//! Scans of labels: from the scanner that a fixture names, or as lines `FIXTURE VALUE` on standard input.

use std::collections::HashMap;
use std::io::{BufRead, Read};
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

/// Listens to every fixture's scanner and, where `lines` is given, to its lines. One [`Scans`] a fixture, in their order.
///
/// # Errors
/// [`PortFault`] of the first scanner that cannot be opened.
pub fn listen(
    fixtures: &[Fixture],
    lines: Option<Box<dyn BufRead + Send>>,
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
    if let Some(lines) = lines {
        // Ends with the input, or with the process: nothing can wake a thread that waits for a person to type.
        std::thread::spawn(move || dispatch(lines, &by_name, mistake));
    }
    Ok(all)
}

fn listen_to_scanner(path: &Path, to: Sender<String>, closed: Arc<AtomicBool>) -> Result<(), PortFault> {
    let mut port = Some(open_port(path, BAUD, TICK)?);
    let path: PathBuf = path.to_owned();
    std::thread::spawn(move || {
        let mut line = Vec::new();
        while !closed.load(Ordering::Relaxed) {
            let Some(open) = &mut port else {
                // Unplugged: it may be plugged in again.
                std::thread::sleep(TICK);
                port = open_port(&path, BAUD, TICK).ok();
                continue;
            };
            let mut bytes = [0; 256];
            match open.read(&mut bytes) {
                Ok(count) => collect(&bytes[..count], &mut line, &to),
                Err(error) if error.kind() == std::io::ErrorKind::TimedOut => {}
                Err(_) => (port, line) = (None, Vec::new()),
            }
        }
    });
    Ok(())
}

/// A scan ends with CR, LF or both.
fn collect(bytes: &[u8], line: &mut Vec<u8>, to: &Sender<String>) {
    for byte in bytes {
        match byte {
            b'\r' | b'\n' => {
                let scan = String::from_utf8_lossy(line).trim().to_owned();
                line.clear();
                if !scan.is_empty() {
                    // A fixture that has closed takes no more scans.
                    let _ = to.send(scan);
                }
            }
            byte if line.len() < LONGEST => line.push(*byte),
            _ => {}
        }
    }
}

fn dispatch(lines: Box<dyn BufRead + Send>, to: &HashMap<String, Sender<String>>, mistake: impl Fn(String)) {
    for line in lines.lines() {
        let Ok(line) = line else { return };
        let Some((fixture, value)) = line.trim().split_once(char::is_whitespace) else {
            if !line.trim().is_empty() {
                mistake(format!("`{line}` is no scan: write FIXTURE VALUE, as in `1 SN-0007`"));
            }
            continue;
        };
        match to.get(fixture) {
            Some(sender) => {
                let _ = sender.send(value.trim().to_owned());
            }
            None => mistake(format!(
                "no fixture `{fixture}` takes part in this run: the scan `{line}` is dropped"
            )),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fixture(name: &str) -> Fixture {
        Fixture { name: name.to_owned(), port: name.into(), scanner: None }
    }

    #[test]
    fn lines_reach_their_fixtures_and_mistakes_are_told() {
        let (told, mistakes) = mpsc::channel();
        let text = "1 SN-1\n\n2  SN-2 \nSN-3\n9 SN-4\n";
        let lines = Box::new(std::io::Cursor::new(text));
        let scans = listen(&[fixture("1"), fixture("2")], Some(lines), move |what| told.send(what).unwrap());
        let scans = scans.unwrap();
        let mistakes: Vec<String> = mistakes.iter().collect();
        assert_eq!((scans[0].next().as_deref(), scans[1].next().as_deref()), (Some("SN-1"), Some("SN-2")));
        assert_eq!(scans[0].next(), None);
        assert!(mistakes[0].contains("SN-3") && mistakes[1].contains("no fixture `9`"), "{mistakes:?}");
    }

    #[test]
    fn a_scan_ends_with_any_line_end() {
        let (sender, arrivals) = mpsc::channel();
        let mut line = Vec::new();
        for part in ["SN", "-1\r", "\nSN-2\n", "\n"] {
            collect(part.as_bytes(), &mut line, &sender);
        }
        drop(sender);
        assert_eq!(arrivals.iter().collect::<Vec<_>>(), ["SN-1", "SN-2"]);
    }
}
