//! The simulated MXChip as its host sees it: bytes on its ports, files in its folder, events. The client is this
//! file's own.
#![cfg(target_os = "linux")]
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test may fail; its helpers too")]

use std::fs;
use std::io::{BufRead, BufReader, Read, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::thread;
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;

const PATIENCE: Duration = Duration::from_secs(20);
/// Long enough for what must not come.
const QUIET: Duration = Duration::from_millis(300);
const PROMPT: &str = "\r\n# ";

/// A running `station simulate --board mxchip`.
struct Simulator {
    child: Child,
    folder: PathBuf,
    events: Receiver<Value>,
}

impl Simulator {
    fn start(folder: &Path, units: &str, fixtures: &str, more: &[&str]) -> Self {
        let mut child = Command::new(env!("CARGO_BIN_EXE_station"))
            .args(["--json", "simulate", "--board", "mxchip", "--boot-ms", "100", "--exchange-ms", "100"])
            .args(["--units", units, "--fixtures", fixtures])
            .args(more)
            .arg(folder)
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

    /// Nothing leaves now.
    fn stays(&self) {
        thread::sleep(QUIET);
        assert!(self.events.try_iter().all(|event| event["event"] != "unit_out"));
    }

    fn port(&self, fixture: u16) -> PathBuf {
        self.folder.join("fixtures").join(fixture.to_string())
    }

    fn scanner(&self, fixture: u16) -> PathBuf {
        self.folder.join("scanners").join(fixture.to_string())
    }

    /// Says something on the first port and closes it. Gives the unit that left, and why, if one is to.
    fn until_left(&self, say: impl Fn(&mut Host), event: Option<&str>) -> Option<(String, String)> {
        let mut host = Host::at_prompt(&self.port(1));
        say(&mut host);
        drop(host);
        let Some(event) = event else {
            self.stays();
            return None;
        };
        let left = self.until(event);
        Some((left["unit"].as_str()?.to_owned(), left["reason"].as_str()?.to_owned()))
    }

    /// A zone of a unit's secure chip; `None`: never written.
    fn zone(&self, path: &str) -> Option<String> {
        let (unit, zone) = path.split_once('/').unwrap();
        let file = self.folder.join("units").join(unit).join("eeprom").join(zone);
        fs::read(file).ok().map(|bytes| String::from_utf8_lossy(&bytes).into_owned())
    }

    /// Ends it as Ctrl-C does.
    fn stop(mut self) {
        kill_process(Pid::from_child(&self.child), Signal::INT).unwrap();
        assert!(self.child.wait().unwrap().success());
        for ports in ["fixtures", "scanners"] {
            let left = fs::read_dir(self.folder.join(ports)).map_or(0, Iterator::count);
            assert_eq!(left, 0, "{ports}");
        }
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

    /// At the prompt of a unit that has booted.
    fn at_prompt(path: &Path) -> Self {
        let mut host = Self::open(path);
        let end = Instant::now() + PATIENCE;
        while !host.listen(PROMPT, QUIET).ends_with(PROMPT) {
            assert!(Instant::now() < end, "no prompt");
            host.send("\r");
        }
        host
    }

    fn send(&mut self, text: &str) {
        self.0.write_all(text.as_bytes()).unwrap();
    }

    /// What comes within this time, until it ends so.
    fn listen(&mut self, end: &str, time: Duration) -> String {
        let (mut heard, until) = (Vec::new(), Instant::now() + time);
        let mut buffer = [0; 1024];
        while Instant::now() < until && !heard.ends_with(end.as_bytes()) {
            match self.0.read(&mut buffer) {
                Ok(count @ 1..) => heard.extend(&buffer[..count]),
                Err(error) if error.kind() == std::io::ErrorKind::TimedOut => {}
                _ => break,
            }
        }
        String::from_utf8_lossy(&heard).into_owned()
    }

    /// Types a line, and gives what comes back up to the prompt.
    fn say(&mut self, line: &str) -> String {
        self.send(&format!("{line}\r"));
        let heard = self.listen(PROMPT, PATIENCE);
        heard.strip_suffix(PROMPT).unwrap_or_else(|| panic!("no prompt after {heard:?}")).to_owned()
    }
}

#[test]
fn the_console_greets_echoes_and_answers_as_the_firmware_does() {
    let folder = tempfile::tempdir().unwrap();
    let simulator = Simulator::start(folder.path(), "1", "1", &[]);
    let mut host = Host::at_prompt(&simulator.port(1));
    assert_eq!(host.say(""), "");
    assert_eq!(
        host.say("set_wifissid \"a b\""),
        "set_wifissid \"a b\"\r\nINFO: Set Wi-Fi SSID successfully.\r\n"
    );
    assert_eq!(
        host.say("set_wifipwd pass word"),
        "set_wifipwd *********\r\nINFO: Set Wi-Fi password successfully.\r\n"
    );
    let settings =
        "DPSEndpoint=global.azure-devices-provisioning.net;IdScope=0ne0;DeviceId=d-1;SymmetricKey=a+/=";
    assert_eq!(
        host.say(&format!("set_az_iotdps \"{settings}\"")),
        format!("set_az_iotdps \"{settings}\"\r\nINFO: Set DPS connection string successfully.\r\n")
    );
    assert_eq!(host.say("set_az_iotdsp x"), "set_az_iotdsp x\r\nError:Invalid command: set_az_iotdsp\r\n");
    assert_eq!(host.say("set_wifissid \"a"), "set_wifissid \"aError:Syntax error\r\n");
    assert!(
        host.say("set_wifissid")
            .ends_with("\r\nUsage: set_wifissid <SSID>. Please provide the SSID of the Wi-Fi.\r\n")
    );
    assert!(
        host.say("enable_secure 2").contains("\r\n        2.\"enable_secure 2 ([a-f]|[0-9]){64}\" to enable")
    );
    assert!(host.say("enable_secure 1").ends_with("\r\nINFO: Enable secure channel successfully.\r\n"));
    assert!(host.say("enable_secure 1").ends_with("\r\nINFO: Secure channel has already been enabled.\r\n"));
    assert!(host.say("version").starts_with("version\r\nDevKitSDK version: 2.0.0\r\n"));
    assert_eq!(host.say("scan"), "scan\r\nNo available network.\r\n");
    assert_eq!(simulator.zone("0001/wifi-ssid").as_deref(), Some("a b"));
    assert_eq!(simulator.zone("0001/wifi-password").as_deref(), Some("pass"));
    assert_eq!(simulator.zone("0001/iot-hub").as_deref(), Some(settings));

    host.send("exit\r");
    let stars = "*".repeat(48);
    let banner = format!("\r\n{stars}\r\n** MXChip - Microsoft IoT Developer Kit **\r\n{stars}\r\n");
    let heard = host.listen(PROMPT, PATIENCE);
    let begin = format!("exit\r\nReboot\r\n{banner}Configuration console:\r\n - help: Help document.\r\n");
    assert!(heard.starts_with(&begin), "{heard:?}");
    let end = " - enable_secure: Enable secure channel between AZ3166 and secure chip.\r\n\r\n# ";
    assert!(heard.ends_with(end), "{heard:?}");
    assert!(
        heard.contains(" - set_dps_uds: Set DPS Unique Device Secret (UDS) for X.509 certificates..\r\n")
    );
    let help = host.say("help");
    assert_eq!(
        help,
        format!("help\r\n{}", heard[heard.find("Configuration").unwrap()..].trim_end_matches(PROMPT))
    );
}

#[test]
fn a_value_that_is_too_long_is_refused_where_the_firmware_refuses_it() {
    let folder = tempfile::tempdir().unwrap();
    let simulator = Simulator::start(folder.path(), "1", "1", &["--no-pacing"]);
    let mut host = Host::at_prompt(&simulator.port(1));
    let mut set = |command: &str, length: usize| -> String {
        let heard = host.say(&format!("{command} {}", "a".repeat(length)));
        heard.split_once("\r\n").unwrap().1.to_owned()
    };
    let cases = [
        ("set_wifissid", 31, "INFO: Set Wi-Fi SSID successfully.\r\n"),
        ("set_wifissid", 32, "Invalid Wi-Fi SSID.\r\n"),
        ("set_wifipwd", 63, "INFO: Set Wi-Fi password successfully.\r\n"),
        ("set_wifipwd", 88, "Invalid Wi-Fi password.\r\nERROR: Failed to write EEPROM: 0x0a.\r\n"),
        ("set_wifipwd", 64, "Invalid Wi-Fi password.\r\nINFO: Set Wi-Fi password successfully.\r\n"),
        ("set_az_iotdps", 512, "Invalid DPS connection string.\r\n"),
        ("set_az_iotdps", 511, "INFO: Set DPS connection string successfully.\r\n"),
        ("set_az_iothub", 512, "Invalid Azure IoT hub connection string.\r\n"),
        ("set_dps_uds", 63, "INFO: Set DPS UDS successfully.\r\n"),
        ("set_dps_uds", 64, "Invalid UDS.\r\nINFO: Set DPS UDS successfully.\r\n"),
        ("set_dps_uds", 680, "Invalid UDS.\r\nERROR: Failed to write EEPROM: 0x06.\r\n"),
    ];
    for (command, length, expected) in cases {
        assert_eq!(set(command, length), expected, "{command} of {length}");
    }
    for (zone, length) in [("wifi-ssid", 31), ("wifi-password", 64), ("iot-hub", 511), ("dps-uds", 64)] {
        assert_eq!(simulator.zone(&format!("0001/{zone}")).unwrap().len(), length, "{zone}");
    }
    host.send(&"x".repeat(1030));
    let heard = host.listen("xxxxxx", QUIET * 4) + &host.listen("never", QUIET);
    assert!(heard.contains("x\r\nError: input buffer overflow\r\n\r\n# xxxxxx"), "{heard:?}");
    assert_eq!(host.say(""), "\r\nError:Invalid command: xxxxxx\r\n");
}

#[test]
fn what_was_written_is_there_for_the_next_simulator() {
    let folder = tempfile::tempdir().unwrap();
    let simulator = Simulator::start(folder.path(), "1", "1", &[]);
    let mut host = Host::at_prompt(&simulator.port(1));
    host.say("set_wifissid first");
    host.say("set_wifissid second");
    drop(host);
    simulator.stop();
    let simulator = Simulator::start(folder.path(), "1", "1", &[]);
    assert_eq!(simulator.zone("0001/wifi-ssid").as_deref(), Some("second"));
    assert_eq!(simulator.zone("0001/iot-hub"), None);
}

#[test]
fn units_are_exchanged_after_a_reboot_an_error_or_a_mere_look_and_only_then() {
    let folder = tempfile::tempdir().unwrap();
    let simulator = Simulator::start(folder.path(), "3", "1", &["--scanners"]);
    // The host died: half a line, then a whole one. The board still has the half.
    let mut host = Host::at_prompt(&simulator.port(1));
    host.send("set_wifissid ha");
    drop(host);
    simulator.stays();
    let mut host = Host::open(&simulator.port(1));
    thread::sleep(QUIET);
    assert_eq!(host.say("lf"), "lf\r\nINFO: Set Wi-Fi SSID successfully.\r\n");
    drop(host);
    simulator.stays();
    assert_eq!(simulator.zone("0001/wifi-ssid").as_deref(), Some("half"));
    // An error that was made good is no reason to go.
    let mended = |host: &mut Host| {
        host.say("set_wifisid x");
        host.say("set_wifissid x");
    };
    assert_eq!(simulator.until_left(mended, None), None);
    let reboot = |host: &mut Host| {
        host.send("exit\r");
        host.listen(PROMPT, PATIENCE);
    };
    let left = Some(("0001".to_owned(), "rebooted".to_owned()));
    assert_eq!(simulator.until_left(reboot, Some("unit_out")), left);
    let refused = |host: &mut Host| {
        host.say("set_az_iotdps");
    };
    let left = Some(("0002".to_owned(), "command_refused".to_owned()));
    assert_eq!(simulator.until_left(refused, Some("unit_out")), left);
    let looked_at = |host: &mut Host| {
        host.say("");
    };
    let left = Some(("0003".to_owned(), "left_alone".to_owned()));
    assert_eq!(simulator.until_left(looked_at, Some("unit_out")), left);
    assert_eq!(simulator.until("unit_in")["unit"], "0001");
    simulator.stop();
}

#[test]
fn a_scanner_sends_the_label_to_whoever_opens_it_and_for_each_unit() {
    let folder = tempfile::tempdir().unwrap();
    let simulator = Simulator::start(folder.path(), "3", "2", &["--scanners", "--fault", "same-label:3:1"]);
    let mut scanner = Host::open(&simulator.scanner(1));
    assert_eq!(scanner.listen("\r\n", PATIENCE), "az3166-000001\r\n");
    let scanned = simulator.until("scanned");
    assert_eq!((&scanned["unit"], &scanned["label"]), (&"0001".into(), &"az3166-000001".into()));
    assert_eq!(scanner.listen("never", QUIET), "");
    drop(scanner);
    thread::sleep(QUIET);
    let mut scanner = Host::open(&simulator.scanner(1));
    assert_eq!(scanner.listen("\r\n", PATIENCE), "az3166-000001\r\n");
    // Another unit comes while the port is open: it has the label of the first.
    let mut host = Host::at_prompt(&simulator.port(1));
    host.send("exit\r");
    host.listen("Reboot\r\n", PATIENCE);
    drop(host);
    assert_eq!(simulator.until("unit_in")["unit"], "0003");
    assert_eq!(scanner.listen("\r\n", PATIENCE), "az3166-000001\r\n");
    assert_eq!(simulator.until("scanned")["unit"], "0003");
    let mut other = Host::open(&simulator.scanner(2));
    assert_eq!(other.listen("\r\n", PATIENCE), "az3166-000002\r\n");
    let described = fs::read_to_string(folder.path().join("units/0003/unit.toml")).unwrap();
    assert!(described.contains("label = \"az3166-000001\""), "{described}");
    simulator.stop();
}

#[test]
fn faults_of_chip_and_line_strike_where_they_were_asked_for() {
    let folder = tempfile::tempdir().unwrap();
    let mut arguments = Vec::new();
    for fault in ["eeprom-write-fails:1", "eeprom-verify-fails:2", "silence:3:4", "babble:4", "unplug:5:40"] {
        arguments.extend(["--fault", fault]);
    }
    let simulator = Simulator::start(folder.path(), "5", "5", &arguments);
    let mut host = Host::at_prompt(&simulator.port(1));
    assert!(host.say("set_az_iotdps x=y").ends_with("\r\nERROR: Failed to write EEPROM: 0x05.\r\n"));
    assert_eq!(simulator.zone("0001/iot-hub"), None);
    let mut host = Host::at_prompt(&simulator.port(2));
    assert!(host.say("set_wifissid home").ends_with("\r\nERROR: Verify failed.\r\n"));
    assert!(simulator.zone("0002/wifi-ssid").is_some_and(|text| text != "home"));

    let mut silent = Host::open(&simulator.port(3));
    thread::sleep(QUIET);
    silent.listen(PROMPT, QUIET);
    silent.send("help\r");
    assert_eq!(silent.listen("never", QUIET), "");
    drop(silent);
    assert_eq!(simulator.until("unit_out")["reason"], "mute");
    let mut babbling = Host::open(&simulator.port(4));
    babbling.send("\r");
    assert!(babbling.listen("never", QUIET).contains('\u{fffd}'));
    let mut unplugged = Host::at_prompt(&simulator.port(5));
    unplugged.send(&format!("set_wifissid {}\r", "a".repeat(40)));
    assert!(!unplugged.listen("never", QUIET).contains("Invalid"));
    assert!(simulator.port(5).symlink_metadata().is_err());
}

#[test]
fn a_line_is_as_slow_as_its_speed_says() {
    let folder = tempfile::tempdir().unwrap();
    let simulator = Simulator::start(folder.path(), "1", "1", &[]);
    let mut host = Host::at_prompt(&simulator.port(1));
    let (start, mut bytes) = (Instant::now(), 0);
    for _ in 0..8 {
        bytes += host.say("help").len() + PROMPT.len();
    }
    let (seconds, least) = (start.elapsed().as_secs_f64(), bytes as f64 * 10.0 / 115_200.0);
    assert!(seconds > 0.9 * least, "{seconds} s for {bytes} bytes, which take {least} s");
}

#[test]
fn what_the_board_cannot_have_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let simulate = |arguments: &[&str]| {
        let output = Command::new(env!("CARGO_BIN_EXE_station"))
            .args(["simulate", "--units", "1", "--fixtures", "1"])
            .arg(folder.path())
            .args(arguments)
            .output()
            .unwrap();
        (output.status.code(), String::from_utf8(output.stderr).unwrap())
    };
    for (arguments, expected) in [
        (
            ["--board=mxchip", "--fault=no-openssl:1"],
            "`no-openssl` is a fault of the board gateway, not of mxchip",
        ),
        (["--board=gateway", "--fault=eeprom-write-fails:1"], "take --board mxchip"),
        (["--board=mxchip", "--shell=sh"], "neither a shell nor a password"),
    ] {
        let (code, said) = simulate(&arguments);
        assert_eq!(code, Some(2), "{said}");
        assert!(said.contains(expected), "{said}");
    }
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 0);
    Simulator::start(folder.path(), "1", "1", &[]).stop();
    let (code, said) = simulate(&["--board=gateway"]);
    assert_eq!(code, Some(3), "{said}");
    assert!(said.contains("unit 0001 is of the board mxchip, not gateway"), "{said}");
}
