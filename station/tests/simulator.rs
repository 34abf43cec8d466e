//! The simulator as its host sees it: through its ports, its folder and its events. The client is this file's own.
#![cfg(target_os = "linux")]
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test may fail; its helpers too")]

use std::fs;
use std::io::{BufRead, BufReader, Read, Write};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::thread;
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;

const PATIENCE: Duration = Duration::from_secs(20);
const HARDWARE_ID_FILE: &str = "/sys/firmware/devicetree/base/serial-number";

/// A running `station simulate`.
struct Simulator {
    child: Child,
    folder: PathBuf,
    events: Receiver<Value>,
}

impl Simulator {
    fn start(folder: &Path, arguments: &[&str]) -> Self {
        let mut child = Command::new(env!("CARGO_BIN_EXE_station"))
            .args(["--json", "simulate"])
            .arg(folder)
            .args(arguments)
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let lines = BufReader::new(child.stdout.take().unwrap()).lines();
        let (sender, events) = channel();
        thread::spawn(move || {
            for line in lines.map_while(Result::ok) {
                if sender.send(serde_json::from_str(&line).unwrap()).is_err() {
                    break;
                }
            }
        });
        let simulator = Self { child, folder: folder.to_owned(), events };
        simulator.until("ready");
        simulator
    }

    /// The next event of that kind.
    fn until(&self, kind: &str) -> Value {
        let end = Instant::now() + PATIENCE;
        loop {
            let rest = end.saturating_duration_since(Instant::now());
            let event = self.events.recv_timeout(rest).unwrap_or_else(|_| panic!("no event `{kind}` came"));
            if event["event"] == kind {
                return event;
            }
        }
    }

    fn port(&self, fixture: u16) -> PathBuf {
        self.folder.join("fixtures").join(fixture.to_string())
    }

    fn unit(&self, path: &str) -> PathBuf {
        self.folder.join("units").join(path)
    }

    /// Ends it as Ctrl-C does.
    fn stop(mut self) {
        kill_process(Pid::from_child(&self.child), Signal::INT).unwrap();
        assert!(self.child.wait().unwrap().success());
        assert_eq!(fs::read_dir(self.folder.join("fixtures")).unwrap().count(), 0);
    }
}

impl Drop for Simulator {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// A host on a port.
struct Host(Box<dyn serialport::SerialPort>);

impl Host {
    fn open(path: &Path) -> Self {
        let end = Instant::now() + PATIENCE;
        loop {
            match serialport::new(path.to_string_lossy(), 115_200).timeout(Duration::from_millis(20)).open() {
                Ok(port) => return Self(port),
                Err(error) if Instant::now() > end => panic!("{}: {error}", path.display()),
                Err(_) => thread::sleep(Duration::from_millis(10)),
            }
        }
    }

    fn send(&mut self, text: &str) {
        self.0.write_all(text.as_bytes()).unwrap();
    }

    /// What comes within this time, until `end` was seen; and whether it was.
    fn listen(&mut self, end: &str, time: Duration) -> (Vec<u8>, bool) {
        self.listen_until(|heard| heard.contains(end), time)
    }

    fn listen_until(&mut self, is_end: impl Fn(&str) -> bool, time: Duration) -> (Vec<u8>, bool) {
        let (mut heard, until) = (Vec::new(), Instant::now() + time);
        let mut buffer = [0; 1024];
        while Instant::now() < until {
            match self.0.read(&mut buffer) {
                Ok(0) => break,
                Ok(count) => heard.extend(&buffer[..count]),
                Err(error) if error.kind() == std::io::ErrorKind::TimedOut => {}
                Err(_) => break,
            }
            if is_end(&String::from_utf8_lossy(&heard)) {
                return (heard, true);
            }
        }
        (heard, false)
    }

    fn expect(&mut self, end: &str) -> String {
        let (heard, found) = self.listen(end, PATIENCE);
        let heard = String::from_utf8_lossy(&heard).into_owned();
        assert!(found, "waited for {end:?}, got {heard:?}");
        heard
    }

    /// Asks until the unit has booted.
    fn wait_for_prompt(&mut self) {
        let end = Instant::now() + PATIENCE;
        loop {
            self.send("\x03");
            if self.listen(" login: ", Duration::from_millis(300)).1 {
                return;
            }
            assert!(Instant::now() < end, "no login prompt");
        }
    }

    fn enter_password(&mut self, password: &str) {
        self.wait_for_prompt();
        self.send("root\n");
        self.expect("Password: ");
        self.send(&format!("{password}\n"));
    }

    fn log_in(&mut self) {
        self.enter_password("rehearsal");
        self.expect("# ");
        self.run("stty -echo; PS1=");
    }

    /// Runs a command and gives what it printed.
    fn run(&mut self, command: &str) -> String {
        self.send(&format!("{command}; printf 'do''ne:%s\\n' $?\n"));
        let is_end = |heard: &str| heard.split_once("done:").is_some_and(|(_, status)| status.contains('\n'));
        let (heard, found) = self.listen_until(is_end, PATIENCE);
        let heard = String::from_utf8_lossy(&heard).into_owned();
        assert!(found, "{command:?} is not done: {heard:?}");
        heard
    }

    fn log_out(mut self) {
        self.send("exit\n");
        self.expect(" login: ");
    }
}

#[test]
fn a_unit_keeps_what_is_written_over_reboots_and_over_simulators() {
    for shell in ["sh", "bash"] {
        let folder = tempfile::tempdir().unwrap();
        let arguments = ["--units", "1", "--fixtures", "1", "--shell", shell];
        let simulator = Simulator::start(folder.path(), &arguments);
        let mut host = Host::open(&simulator.port(1));
        host.log_in();
        let shown = host.run(&format!("cat {HARDWARE_ID_FILE}"));
        host.run("umask 077; echo first > /var/secrets/a; chown aziotks:aziotks /var/secrets/a");
        assert!(host.run("stat -c %U:%G:%a /var/secrets/a").contains("aziotks:aziotks:600"));
        host.send("reboot\n");
        host.expect("Booting Linux");
        host.expect("gateway-0001 login: ");
        assert_eq!(simulator.until("rebooted")["unit"], "0001");
        host.log_in();
        assert!(host.run("cat /var/secrets/a").contains("first"));
        assert!(host.run("echo no > /usr/bin/no").contains("done:"), "{shell}");
        assert!(!Path::new("/usr/bin/no").exists());
        host.log_out();
        let written = simulator.unit("0001/root/var/secrets/a");
        assert_eq!(written.metadata().unwrap().mode() & 0o777, 0o600);
        let hardware_id =
            fs::read_to_string(simulator.unit("0001/root").join(&HARDWARE_ID_FILE[1..])).unwrap();
        let hardware_id = hardware_id.trim_end_matches('\0');
        assert!(shown.contains(hardware_id), "{shown:?}");
        simulator.stop();

        let simulator = Simulator::start(folder.path(), &arguments);
        let mut host = Host::open(&simulator.port(1));
        host.log_in();
        assert!(host.run("cat /var/secrets/a").contains("first"));
        assert!(host.run(&format!("cat {HARDWARE_ID_FILE}")).contains(hardware_id));
    }
}

#[test]
fn a_program_that_is_renamed_away_is_missing() {
    let folder = tempfile::tempdir().unwrap();
    let simulator =
        Simulator::start(folder.path(), &["--units", "2", "--fixtures", "2", "--fault", "no-openssl:2"]);
    let mut host = Host::open(&simulator.port(1));
    host.log_in();
    assert!(host.run("openssl version").contains("done:0"));
    Command::new("mv")
        .args([simulator.unit("0001/root/bin/openssl"), simulator.unit("0001/root/bin/away")])
        .status()
        .unwrap();
    host.run("hash -r");
    assert!(host.run("openssl version").contains("done:127"));
    let mut host = Host::open(&simulator.port(2));
    host.log_in();
    assert!(host.run("openssl version").contains("done:127"));
}

#[test]
fn a_wrong_password_is_refused_and_the_next_unit_comes() {
    let folder = tempfile::tempdir().unwrap();
    let arguments = ["--units", "3", "--fixtures", "1", "--fault", "wrong-password:2"];
    let simulator = Simulator::start(folder.path(), &arguments);
    let mut host = Host::open(&simulator.port(1));
    host.enter_password("guessed");
    let heard = host.expect("Login incorrect\r\ngateway-0001 login: ");
    assert!(!heard.contains("guessed"));
    drop(host);
    assert_eq!(simulator.until("unit_out")["reason"], "login_refused");
    assert_eq!(simulator.until("unit_in")["unit"], "0002");
    let mut host = Host::open(&simulator.port(1));
    host.enter_password("rehearsal");
    host.expect("Login incorrect");
    drop(host);
    assert_eq!(simulator.until("unit_in")["unit"], "0003");
}

#[test]
fn units_are_exchanged_after_a_logout_and_only_then() {
    let folder = tempfile::tempdir().unwrap();
    let simulator = Simulator::start(folder.path(), &["--units", "3", "--fixtures", "2"]);
    let still_in = |simulator: &Simulator| {
        thread::sleep(Duration::from_millis(300));
        assert!(simulator.events.try_iter().all(|event| event["event"] != "unit_out"));
    };
    // Nothing was said.
    drop(Host::open(&simulator.port(1)));
    still_in(&simulator);
    // The host died in a session: what it began goes on.
    let mut host = Host::open(&simulator.port(1));
    host.log_in();
    host.run("marker=here");
    drop(host);
    still_in(&simulator);
    let mut host = Host::open(&simulator.port(1));
    assert!(host.run("echo $marker").contains("here"));
    host.log_out();
    let out = simulator.until("unit_out");
    assert_eq!((&out["unit"], &out["reason"]), (&"0001".into(), &"logged_out".into()));
    assert!(simulator.port(1).symlink_metadata().is_err());
    let entered = simulator.until("unit_in");
    assert_eq!((&entered["unit"], &entered["fixture"]), (&"0003".into(), &1.into()));
    // The first is at the queue's end, which is its beginning now.
    let mut host = Host::open(&simulator.port(2));
    host.log_in();
    host.log_out();
    let entered = simulator.until("unit_in");
    assert_eq!((&entered["unit"], &entered["fixture"]), (&"0001".into(), &2.into()));
    assert_eq!(entered["insertion"], 2);
    simulator.stop();
}

#[test]
fn faults_of_the_line_strike_where_they_were_asked_for() {
    let folder = tempfile::tempdir().unwrap();
    let mut arguments = vec!["--units", "4", "--fixtures", "3"];
    for fault in ["silence:1", "babble:2:9", "unplug:3:120"] {
        arguments.extend(["--fault", fault]);
    }
    let simulator = Simulator::start(folder.path(), &arguments);
    let mut silent = Host::open(&simulator.port(1));
    silent.send("\x03\n");
    assert_eq!(silent.listen("never", Duration::from_millis(600)).0, b"");
    drop(silent);
    assert_eq!(simulator.until("unit_out")["reason"], "mute");

    thread::sleep(Duration::from_millis(400));
    let mut babbling = Host::open(&simulator.port(2));
    babbling.send("\x03");
    babbling.expect("login: ");
    babbling.send("root\nrehearsal\n");
    let (noise, _) = babbling.listen("Password", Duration::from_millis(500));
    assert!(noise.iter().any(|byte| *byte >= 0x80), "{noise:?}");
    drop(babbling);
    assert_eq!(simulator.until("unit_out")["reason"], "mute");

    let mut unplugged = Host::open(&simulator.port(3));
    unplugged.log_in();
    for _ in 0..20 {
        if unplugged.0.write_all(b"true\n").is_err() {
            break;
        }
        thread::sleep(Duration::from_millis(30));
    }
    let out = simulator.until("unit_out");
    assert_eq!((&out["fixture"], &out["reason"]), (&3.into(), &"unplugged".into()));
    assert!(simulator.port(3).symlink_metadata().is_err());
    drop(unplugged);
    let back = loop {
        let back = simulator.until("unit_in");
        if back["fixture"] == 3 {
            break back;
        }
    };
    assert_eq!((&back["unit"], &back["insertion"]), (&"0003".into(), &2.into()));
    let mut host = Host::open(&simulator.port(3));
    host.log_in();
    host.log_out();
}

#[test]
fn a_line_is_as_slow_as_its_speed_says() {
    let folder = tempfile::tempdir().unwrap();
    let simulator = Simulator::start(folder.path(), &["--units", "1", "--fixtures", "1"]);
    let mut host = Host::open(&simulator.port(1));
    host.log_in();
    let start = Instant::now();
    let heard = host.run("head -c 9000 /dev/zero | tr '\\0' a");
    assert!(heard.len() > 9000);
    let seconds = start.elapsed().as_secs_f64();
    assert!(seconds > 0.95 * 90_000.0 / 115_200.0, "{seconds} s for 9,000 bytes at 115,200 bits a second");
}

#[test]
fn a_killed_simulator_leaves_no_process_and_no_stale_port() {
    let folder = tempfile::tempdir().unwrap();
    let mut simulator = Simulator::start(folder.path(), &["--units", "1", "--fixtures", "1"]);
    let mut host = Host::open(&simulator.port(1));
    host.log_in();
    let marker = format!("86{}", std::process::id());
    host.run(&format!("trap '' HUP INT TERM; sleep {marker} & sleep {marker} & true"));
    let sleeps = || -> usize {
        let processes = fs::read_dir("/proc").unwrap().flatten();
        let lines = processes.filter_map(|entry| fs::read(entry.path().join("cmdline")).ok());
        lines.filter(|line| line.ends_with(format!("sleep\0{marker}\0").as_bytes())).count()
    };
    let wait_until_there_are = |count| {
        let end = Instant::now() + PATIENCE;
        while sleeps() != count {
            assert!(Instant::now() < end, "{} processes of the unit, not {count}", sleeps());
            thread::sleep(Duration::from_millis(10));
        }
    };
    wait_until_there_are(2);
    simulator.child.kill().unwrap();
    simulator.child.wait().unwrap();
    wait_until_there_are(0);
    drop(host);
    Simulator::start(folder.path(), &["--units", "1", "--fixtures", "1"]).stop();
}

#[test]
fn what_cannot_be_meant_is_refused_with_its_exit_code() {
    let folder = tempfile::tempdir().unwrap();
    let simulate = |arguments: &[&str]| {
        let output = Command::new(env!("CARGO_BIN_EXE_station"))
            .arg("simulate")
            .arg(folder.path())
            .args(arguments)
            .output()
            .unwrap();
        (output.status.code(), String::from_utf8(output.stderr).unwrap())
    };
    let (code, said) = simulate(&["--units", "2", "--fixtures", "1", "--fault", "silence:3"]);
    assert_eq!(code, Some(2));
    assert!(said.contains("unit 0003, but the last unit is 0002"), "{said}");
    let (code, said) = simulate(&["--units", "2", "--fixtures", "1", "--fault", "melt:1"]);
    assert_eq!(code, Some(2));
    assert!(said.contains("unknown fault `melt`"), "{said}");
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 0);
    let (code, said) = simulate(&["--units", "1", "--fixtures", "1", "--shell", "nosuchshell"]);
    assert_eq!(code, Some(3));
    assert!(said.contains("no program `nosuchshell`"), "{said}");
    let _first = Simulator::start(folder.path(), &["--units", "1", "--fixtures", "1"]);
    let (code, said) = simulate(&["--units", "1", "--fixtures", "1"]);
    assert_eq!(code, Some(4));
    assert!(said.contains("another simulator uses"), "{said}");
}
