//! What a board prints when it starts, whoever listens.

use super::chip::EspChip;

/// Boot logs are printed at so many bits a second.
pub(super) const SPEED: u32 = 115_200;

/// Why a board starts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Reset {
    PowerOn,
    Software,
    BrownOut,
}

/// Of a board that waits in its loader.
pub(super) fn of_loader(chip: EspChip, reset: Reset) -> String {
    let boot = match chip {
        EspChip::Esp32 => "0x3 (DOWNLOAD_BOOT(UART0/UART1/SDIO_REI_REO_V2))",
        EspChip::Esp32c3 => "0x4 (DOWNLOAD(USB/UART0/1))",
        EspChip::Esp32s3 => "0x0 (DOWNLOAD(USB/UART0))",
        EspChip::Esp32c6 => "0x4 (DOWNLOAD(USB/UART0/SDIO_REI_FEO))",
    };
    format!("{}rst:{},boot:{boot}\r\nwaiting for download\r\n", banner(chip), reason(chip, reset))
}

/// Of a board that boots what is in its flash, or finds nothing there.
pub(super) fn of_application(chip: EspChip, has_application: bool) -> String {
    let boot = match chip {
        EspChip::Esp32 => "0x13 (SPI_FAST_FLASH_BOOT)",
        EspChip::Esp32c3 | EspChip::Esp32c6 => "0xc (SPI_FAST_FLASH_BOOT)",
        EspChip::Esp32s3 => "0x8 (SPI_FAST_FLASH_BOOT)",
    };
    let then = match has_application {
        true => "Simulated application\r\n",
        false => "invalid header: 0xffffffff\r\n",
    };
    format!("{}rst:{},boot:{boot}\r\n{then}", banner(chip), reason(chip, Reset::PowerOn))
}

fn banner(chip: EspChip) -> &'static str {
    match chip {
        EspChip::Esp32 => "ets Jul 29 2019 12:21:46\r\n\r\n",
        EspChip::Esp32c3 => "ESP-ROM:esp32c3-api1-20210207\r\nBuild:Feb  7 2021\r\n",
        EspChip::Esp32s3 => "ESP-ROM:esp32s3-20210327\r\nBuild:Mar 27 2021\r\n",
        EspChip::Esp32c6 => "ESP-ROM:esp32c6-20220919\r\nBuild:Sep 19 2022\r\n",
    }
}

fn reason(chip: EspChip, reset: Reset) -> &'static str {
    match (chip, reset) {
        (EspChip::Esp32, Reset::PowerOn) => "0x1 (POWERON_RESET)",
        (EspChip::Esp32, Reset::Software) => "0x3 (SW_RESET)",
        (EspChip::Esp32, Reset::BrownOut) => "0xf (RTCWDT_BROWN_OUT_RESET)",
        (_, Reset::PowerOn) => "0x1 (POWERON)",
        (_, Reset::Software) => "0x3 (RTC_SW_SYS_RST)",
        (_, Reset::BrownOut) => "0xf (BROWNOUT_RST)",
    }
}
