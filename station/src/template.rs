//! Templates built into the program, each overridable by a file of the same name in the station's folder.

use std::path::Path;

use thiserror::Error;

/// A kind of template, and the folder that its overriding files lie in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// What a certificate contains.
    Profile,
    /// What is built: one file a product.
    Product,
    /// How to speak to a device's console.
    Dialogue,
    /// The text of one item that is written into a unit.
    Document,
}

/// Why there is no such template.
#[derive(Debug, Error)]
pub enum TemplateError {
    /// Neither a file nor a built-in has this name.
    #[error(
        "no {folder} template `{name}`: neither {folder}/{name} in the station's folder nor built in ({known})"
    )]
    Unknown {
        /// Folder name.
        folder: &'static str,
        /// File name asked for.
        name: String,
        /// Built-in names.
        known: String,
    },
    /// The overriding file is there and cannot be read.
    #[error("cannot read {folder}/{name}")]
    Read {
        /// Folder name.
        folder: &'static str,
        /// File name asked for.
        name: String,
        /// What the system said.
        source: std::io::Error,
    },
}

impl Kind {
    /// The folder of this kind, in the station's folder and in the source tree's `templates`.
    pub fn folder(self) -> &'static str {
        match self {
            Kind::Profile => "profiles",
            Kind::Product => "products",
            Kind::Dialogue => "dialogues",
            Kind::Document => "documents",
        }
    }

    fn built_in(self) -> &'static [(&'static str, &'static str)] {
        macro_rules! embed {
            ($folder:literal: $($name:literal),*) => {
                &[$(($name, include_str!(concat!("../../templates/", $folder, "/", $name)))),*]
            };
        }
        match self {
            Kind::Profile => embed!(
                "profiles": "root.toml", "intermediate.toml", "azure-device.toml", "individual-device.toml", "idevid.toml",
                "possession.toml", "audit-signer.toml"
            ),
            Kind::Product => {
                embed!(
                    "products": "gateway-x509.toml", "gateway-x509-device-key.toml", "gateway-x509-individual.toml",
                    "gateway-x509-read-out.toml", "gateway-symmetric.toml", "gateway-symmetric-individual.toml", "gateway-tpm.toml", "tpm.toml",
                    "esp32-nvs.toml", "esp32c3-secure-cert.toml", "esp32s3-secure-cert.toml",
                    "mxchip-az3166.toml", "stm32-slot.toml"
                )
            }
            Kind::Dialogue => embed!("dialogues": "linux-gateway.toml", "mxchip-az3166.toml"),
            Kind::Document => embed!(
                "documents": "aziot-x509.toml", "aziot-tpm.toml", "payload-ga.json", "payload-preview.json",
                "certificate-chain.pem", "private-key.pem", "aziot-symmetric.toml", "device-key.bin",
                "mxchip-dps.txt", "wifi-ssid.txt", "wifi-password.txt"
            ),
        }
    }

    /// The text of the template of this file name: the station's own file, else the built-in one.
    ///
    /// # Errors
    /// [`TemplateError`].
    pub fn text(self, station_folder: &Path, name: &str) -> Result<String, TemplateError> {
        let folder = self.folder();
        let own = station_folder.join(folder).join(name);
        match std::fs::read_to_string(&own) {
            Ok(text) => return Ok(text),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => {}
            Err(source) => return Err(TemplateError::Read { folder, name: name.to_owned(), source }),
        }
        let built_in = self.built_in();
        built_in.iter().find(|(known, _)| *known == name).map(|(_, text)| (*text).to_owned()).ok_or_else(
            || {
                let known = built_in.iter().map(|(known, _)| *known).collect::<Vec<_>>().join(", ");
                TemplateError::Unknown { folder, name: name.to_owned(), known }
            },
        )
    }
}
