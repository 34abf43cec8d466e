//! The board's commands and what they answer: console_cli.cpp:51-332 at a0267663.

use std::io;

use zeroize::Zeroizing;

use super::eeprom::{Eeprom, WriteFailed, Zone};

/// Name, help and privacy. console_cli.cpp:51-62
const COMMANDS: [(&str, &str, bool); 10] = [
    ("help", "Help document", false),
    ("version", "System version", false),
    ("exit", "Exit and reboot", false),
    ("scan", "Scan Wi-Fi AP", false),
    ("set_wifissid", "Set Wi-Fi SSID", false),
    ("set_wifipwd", "Set Wi-Fi password", true),
    ("set_az_iothub", "Set IoT Hub device connection string", false),
    ("set_dps_uds", "Set DPS Unique Device Secret (UDS) for X.509 certificates.", true),
    (
        "set_az_iotdps",
        "Set DPS Symmetric Key. Format: \"DPSEndpoint=global.azure-devices-provisioning.net;IdScope=XXX;\
         DeviceId=XXX;SymmetricKey=XXX\"",
        false,
    ),
    ("enable_secure", "Enable secure channel between AZ3166 and secure chip", false),
];

/// What became of a command.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Outcome {
    Done,
    /// It was answered with an error, whatever it did besides.
    Refused,
    Reboot,
}

/// console_cli.cpp:68-76
pub(super) fn print_help(out: &mut Vec<u8>) {
    out.extend(b"Configuration console:\r\n");
    for (name, help, _) in COMMANDS {
        out.extend(format!(" - {name}: {help}.\r\n").as_bytes());
    }
}

/// Whether what follows the command is not to be seen.
pub(super) fn is_privacy_command(word: &[u8]) -> bool {
    COMMANDS.iter().any(|(name, _, privacy)| *privacy && name.as_bytes() == word)
}

/// Does what the words say, of which there is at least one. console_cli.cpp:526-536
pub(super) fn run(words: &[Zeroizing<Vec<u8>>], eeprom: &Eeprom, out: &mut Vec<u8>) -> io::Result<Outcome> {
    let name = words.first().map_or(&[][..], |word| word.as_slice());
    let value = words.get(1).map(|word| word.as_slice());
    let mut say = |text: &str| out.extend(text.as_bytes());
    match name {
        b"help" => print_help(out),
        b"version" => print_version(out),
        // console_cli.cpp:120: no network is in reach of a simulated board.
        b"scan" => say("No available network.\r\n"),
        b"exit" => {
            // console_cli.cpp:126
            say("Reboot\r\n");
            return Ok(Outcome::Reboot);
        }
        b"set_wifipwd" => return set_wifi_password(value, eeprom, out),
        b"set_dps_uds" => return set_dps_uds(value, eeprom, out),
        b"enable_secure" => return enable_secure(words, eeprom, out),
        _ => match SETTINGS.iter().find(|setting| setting.command.as_bytes() == name) {
            Some(setting) => return setting.set(value, eeprom, out),
            None => {
                // console_cli.cpp:535
                say("Error:Invalid command: ");
                out.extend(name);
                out.extend(b"\r\n");
                return Ok(Outcome::Refused);
            }
        },
    }
    Ok(Outcome::Done)
}

/// console_cli.cpp:83-103. Mico's version and that of the Wi-Fi are not in the published source: the first is named
/// for what it is, and for the second the board has a text of its own.
fn print_version(out: &mut Vec<u8>) {
    for line in [
        // SystemVersion.h:8-10
        "DevKitSDK version: 2.0.0",
        "Mico version: simulated",
        // mbed-os/mbed.h:23-25
        "mbed-os version: 5.4.3",
        // mbedtls/inc/mbedtls/version.h:41-43
        "mbed TLS version: 2.15.0",
        "WIFI version: unknown",
    ] {
        out.extend(format!("{line}\r\n").as_bytes());
    }
}

/// A command that writes its value into a zone, if there is one and it is not too long.
struct Setting {
    command: &'static str,
    zone: Zone,
    usage: &'static str,
    invalid: &'static str,
    success: &'static str,
}

const SETTINGS: [Setting; 3] = [
    // console_cli.cpp:155-174
    Setting {
        command: "set_wifissid",
        zone: Zone::WifiSsid,
        usage: "Usage: set_wifissid <SSID>. Please provide the SSID of the Wi-Fi.\r\n",
        invalid: "Invalid Wi-Fi SSID.\r\n",
        success: "INFO: Set Wi-Fi SSID successfully.\r\n",
    },
    // console_cli.cpp:206-225
    Setting {
        command: "set_az_iothub",
        zone: Zone::IotHub,
        usage: "Usage: set_az_iothub <connection string>. \
                Please provide the connection string of the Azure IoT hub.\r\n",
        invalid: "Invalid Azure IoT hub connection string.\r\n",
        success: "INFO: Set Azure Iot hub connection string successfully.\r\n",
    },
    // console_cli.cpp:250-269: into the zone of the hub.
    Setting {
        command: "set_az_iotdps",
        zone: Zone::IotHub,
        usage: "Usage: set_az_iotdps <connection string>. Please provide the connection string of DPS.\r\n",
        invalid: "Invalid DPS connection string.\r\n",
        success: "INFO: Set DPS connection string successfully.\r\n",
    },
];

impl Setting {
    fn set(&self, value: Option<&[u8]>, eeprom: &Eeprom, out: &mut Vec<u8>) -> io::Result<Outcome> {
        let refusal = match value {
            None => self.usage,
            Some(value) if value.len() + 1 > self.zone.longest_value() => self.invalid,
            Some(value) => return write_eeprom(self.zone, value, self.success, eeprom, out),
        };
        out.extend(refusal.as_bytes());
        Ok(Outcome::Refused)
    }
}

/// console_cli.cpp:176-204: without a value it clears the password; one that is too long is invalid, and is written.
fn set_wifi_password(value: Option<&[u8]>, eeprom: &Eeprom, out: &mut Vec<u8>) -> io::Result<Outcome> {
    let value = value.unwrap_or_default();
    let invalid = value.len() + 1 > Zone::WifiPassword.longest_value();
    if invalid {
        out.extend(b"Invalid Wi-Fi password.\r\n");
    }
    let success = "INFO: Set Wi-Fi password successfully.\r\n";
    let outcome = write_eeprom(Zone::WifiPassword, value, success, eeprom, out)?;
    Ok(if invalid { Outcome::Refused } else { outcome })
}

/// console_cli.cpp:227-248: the length counts the NUL, so that the right one, 64 characters, is invalid. It is written.
fn set_dps_uds(value: Option<&[u8]>, eeprom: &Eeprom, out: &mut Vec<u8>) -> io::Result<Outcome> {
    let Some(value) = value else {
        out.extend(b"Usage: set_dps_uds [uds]. Please provide the UDS for DPS.\r\n");
        return Ok(Outcome::Refused);
    };
    let invalid = value.len() + 1 != Zone::DpsUds.longest_value();
    if invalid {
        out.extend(b"Invalid UDS.\r\n");
    }
    let success = "INFO: Set DPS UDS successfully.\r\n";
    let outcome = write_eeprom(Zone::DpsUds, value, success, eeprom, out)?;
    Ok(if invalid { Outcome::Refused } else { outcome })
}

/// console_cli.cpp:130-153, and what its callers say when it went well.
fn write_eeprom(
    zone: Zone,
    value: &[u8],
    success: &str,
    eeprom: &Eeprom,
    out: &mut Vec<u8>,
) -> io::Result<Outcome> {
    if eeprom.write(zone, value)? == Err(WriteFailed) {
        out.extend(format!("ERROR: Failed to write EEPROM: 0x{:02x}.\r\n", zone.index()).as_bytes());
        return Ok(Outcome::Refused);
    }
    if *eeprom.read(zone)? != value {
        out.extend(b"ERROR: Verify failed.\r\n");
        return Ok(Outcome::Refused);
    }
    out.extend(success.as_bytes());
    Ok(Outcome::Done)
}

/// console_cli.cpp:271-332
fn enable_secure(words: &[Zeroizing<Vec<u8>>], eeprom: &Eeprom, out: &mut Vec<u8>) -> io::Result<Outcome> {
    let is_key =
        |key: &[u8]| key.len() == 64 && key.iter().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'));
    let level = words.get(1).filter(|level| level.len() == 1).map(|level| level[0]);
    let (outcome, text) = match (level, words) {
        (Some(b'1'), [_, _]) => match eeprom.enable_secure_channel()? {
            true => (Outcome::Done, "INFO: Enable secure channel successfully.\r\n"),
            false => (Outcome::Done, "INFO: Secure channel has already been enabled.\r\n"),
        },
        // EEPROMInterface.cpp:43: other levels are refused. The level of a line with a key is not looked at.
        (Some(b'3'), [_, _]) => (Outcome::Refused, "INFO: Enable secure channel failed.\r\n"),
        (Some(_), [_, _, key]) if is_key(key) => {
            (Outcome::Refused, "INFO: Enable secure channel failed.\r\n")
        }
        // console_cli.cpp:326-329: with the spaces of the source's own continuation lines.
        _ => (
            Outcome::Refused,
            "Usage: enable_secure <secure level> <provided key>. 64-characters key is only needed for level 2. \
             More detail:\r\n\
             \x20       1.\"enable_secure 1\" to enable secure channel with pre set key.\r\n\
             \x20       2.\"enable_secure 2 ([a-f]|[0-9]){64}\" to enable secure channel with provided key. \
             (not implemented)\r\n\
             \x20       3.\"enable_secure 3\" to enable secure channel with random key. (not implemented)\r\n",
        ),
    };
    out.extend(text.as_bytes());
    Ok(outcome)
}
