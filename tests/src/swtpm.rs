//! Software TPMs (swtpm), each with a folder and a pair of ports of its own, and tpm2-tools to judge them.

use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use tempfile::TempDir;

use crate::TpmMaker;

const PATIENCE: Duration = Duration::from_secs(20);
/// Another program may take a port between the look and the start.
const TRIES: usize = 20;

/// A software TPM that runs until this is dropped.
pub struct Swtpm {
    folder: TempDir,
    child: Child,
    port: u16,
}

impl Swtpm {
    /// One that nobody has touched: no keys, no certificate.
    pub fn fresh() -> Self {
        Self::started(tempfile::tempdir().unwrap())
    }

    /// One as its maker delivers it: an endorsement key at its handle, and a certificate of a CA of its own.
    pub fn certified() -> Self {
        let maker = TpmMaker::new();
        let tpm = maker.tpm();
        maker.put_roots(&tpm.file("roots"));
        tpm
    }

    /// One that goes on with what lies in the folder's `state`.
    pub(crate) fn started(folder: TempDir) -> Self {
        let state = folder.path().join("state");
        std::fs::create_dir_all(&state).unwrap();
        let (child, port) = start(&state);
        Self { folder, child, port }
    }

    /// Another with all that this one remembers: one key in two TPMs, or this one at another time.
    pub fn copied(&self) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let copied =
            Command::new("cp").arg("-a").arg(self.file("state")).arg(folder.path()).status().unwrap();
        assert!(copied.success());
        Self::started(folder)
    }

    /// Its power is cut, from one moment to the next.
    pub fn cut(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }

    /// Its power comes back: what was loaded is lost, what is persistent is there. It has another port, since nobody kept
    /// its own.
    pub fn power(&mut self) {
        (self.child, self.port) = start(&self.file("state"));
    }

    /// The way to it.
    pub fn tcti(&self) -> String {
        tcti(self.port)
    }

    /// Its port; the control port is the next one.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// Its process.
    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    /// A path for a file of the test's own. `roots` is the folder with its maker's certificates.
    pub fn file(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// Puts a file there and gives its path.
    pub fn put(&self, name: &str, content: impl AsRef<[u8]>) -> String {
        let path = self.file(name);
        std::io::Write::write_all(&mut std::fs::File::create_new(&path).unwrap(), content.as_ref()).unwrap();
        path.display().to_string()
    }

    /// Runs one of tpm2-tools on it, in its folder. Gives whether it succeeded, and what it said.
    pub fn tried(&self, tool: &str, arguments: &[&str]) -> (bool, String) {
        let output = Command::new(format!("tpm2_{tool}"))
            .args(arguments)
            .current_dir(self.folder.path())
            .env("TPM2TOOLS_TCTI", self.tcti())
            .output()
            .unwrap();
        let said = String::from_utf8_lossy(&output.stdout) + String::from_utf8_lossy(&output.stderr);
        (output.status.success(), said.into_owned())
    }

    /// The same; it must succeed.
    #[track_caller]
    pub fn tool(&self, tool: &str, arguments: &[&str]) -> String {
        let (good, said) = self.tried(tool, arguments);
        assert!(good, "tpm2_{tool} {arguments:?}: {said}");
        said
    }

    /// The TPM2B_PUBLIC of an object, as tpm2-tools read it.
    pub fn public(&self, object: &str) -> Vec<u8> {
        let out = self.file(&format!("public-{}", std::fs::read_dir(self.folder.path()).unwrap().count()));
        self.tool("readpublic", &["-c", object, "-f", "tss", "-o", out.to_str().unwrap()]);
        std::fs::read(out).unwrap()
    }

    /// What is loaded, besides persistent keys: objects and sessions.
    pub fn loaded(&self) -> String {
        ["handles-transient", "handles-loaded-session", "handles-saved-session"]
            .map(|what| self.tool("getcap", &[what]))
            .concat()
    }

    /// Writes an index of the non-volatile memory, as a maker would.
    pub fn put_index(&self, index: &str, attributes: &str, content: &[u8]) {
        let file = self.put(&format!("index-{index}"), content);
        self.tool("nvdefine", &[index, "-C", "o", "-s", &content.len().to_string(), "-a", attributes]);
        self.tool("nvwrite", &[index, "-C", "o", "-i", &file]);
    }
}

/// The way to a software TPM at a port.
pub fn tcti(port: u16) -> String {
    format!("swtpm:host=127.0.0.1,port={port}")
}

/// Two ports, one after the other, that nobody else listens at as long as these are held.
pub fn bound_pair() -> (TcpListener, TcpListener) {
    loop {
        let first = TcpListener::bind(("127.0.0.1", 0)).unwrap();
        let port = first.local_addr().unwrap().port();
        let second = port.checked_add(1).and_then(|next| TcpListener::bind(("127.0.0.1", next)).ok());
        if let Some(second) = second {
            return (first, second);
        }
    }
}

/// The first of two ports that nobody listened at a moment ago.
pub fn free_pair() -> u16 {
    bound_pair().0.local_addr().unwrap().port()
}

fn start(state: &Path) -> (Child, u16) {
    for _ in 0..TRIES {
        let port = free_pair();
        if let Some(child) = start_at(state, port) {
            return (child, port);
        }
    }
    panic!("swtpm did not start");
}

/// None where something else has one of the ports.
fn start_at(state: &Path, port: u16) -> Option<Child> {
    let address = |port: u16| format!("type=tcp,port={port},bindaddr=127.0.0.1");
    let mut child = Command::new("swtpm")
        .args(["socket", "--tpm2", "--tpmstate", &format!("dir={}", state.display())])
        .args(["--server", &address(port), "--ctrl", &address(port + 1)])
        .args(["--flags", "not-need-init,startup-clear"])
        .stdin(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let end = Instant::now() + PATIENCE;
    while Instant::now() < end && child.try_wait().unwrap().is_none() {
        if owns(child.id(), port) && owns(child.id(), port + 1) {
            return Some(child);
        }
        std::thread::sleep(Duration::from_millis(5));
    }
    let _ = child.kill();
    let _ = child.wait();
    None
}

/// Whether this process, and no other, listens at the port.
fn owns(pid: u32, port: u16) -> bool {
    let table = std::fs::read_to_string("/proc/net/tcp").unwrap();
    let local = format!("0100007F:{port:04X}");
    let listening = table.lines().map(|line| line.split_whitespace().collect::<Vec<_>>());
    let inode = listening
        .filter(|row| row.get(1) == Some(&&*local) && row.get(3) == Some(&"0A"))
        .find_map(|row| row.get(9).map(|inode| format!("socket:[{inode}]")));
    let files = std::fs::read_dir(format!("/proc/{pid}/fd")).into_iter().flatten().flatten();
    let mut open = files.filter_map(|file| std::fs::read_link(file.path()).ok());
    inode.is_some_and(|inode| open.any(|target| target == Path::new(&inode)))
}

impl Drop for Swtpm {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
