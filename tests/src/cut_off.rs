//! Commands that a signal ends in between.

use std::io::{BufRead, BufReader, Write};
use std::process::{Command, Stdio};

use crate::{Bench, Outcome, Station};

/// Says how many credentials made ahead the ledger holds, takes the number of a process, and sends it the signal as soon as
/// there are more. Says how many there are then. One process for all of it: starting one takes longer than what it waits for.
const WATCH: &str = r#"
import os, signal, sqlite3, sys, time
ledger = sqlite3.connect(sys.argv[1])
def count(): return ledger.execute("SELECT count(*) FROM ahead").fetchone()[0]
before = count()
print("ready", flush=True)
process, began = int(sys.stdin.readline()), time.monotonic()
while count() == before:
    time.sleep(0.002)
    if time.monotonic() > began + 60: sys.exit("nothing was announced")
os.kill(process, getattr(signal, sys.argv[2]))
"#;

impl Bench {
    /// Runs a call that issues credentials ahead, and sends it a signal once the ledger holds some of them.
    pub fn cut_off(&self, call: Station, signal: &str) {
        let mut watch = Command::new("python3");
        watch.args(["-c", WATCH]).arg(self.folder().join("ledger.db")).arg(signal);
        let mut watch = watch.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
        let mut ready = String::new();
        BufReader::new(watch.stdout.take().unwrap()).read_line(&mut ready).unwrap();
        assert_eq!(ready, "ready\n");
        let child = call.start();
        writeln!(watch.stdin.take().unwrap(), "{}", child.id()).unwrap();
        let outcome = Outcome::of(child);
        assert!(watch.wait().unwrap().success(), "{}", outcome.stderr);
        assert_ne!(outcome.code, 0, "it was faster than the signal");
    }
}
