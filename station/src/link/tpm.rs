//! A unit's TPM, beside its console or alone.
//!
//! One connection at a time, and none while nothing is asked: a TPM without a resource manager has room for one client.

use std::fmt::Write;

use certkit::{EndorsementKey, TpmCredential, TpmObjectName};

use super::device_link::{DeviceLink, Leaving, Shown};
use super::error::LinkError;
use super::place::{Observed, Place};
use super::step::{OwnKey, Step};
use crate::ledger::Announced;
use crate::ledger::entry::{Disposition, hex};
use crate::tpm::{HierarchyAuths, Tcti, Tpm, TpmError, TpmReading};
use crate::vault::Secret;

/// A unit with a TPM.
pub struct TpmLink<'a> {
    /// What else it is spoken to with.
    console: Option<Box<dyn DeviceLink + 'a>>,
    tcti: Tcti,
    auths: &'a HierarchyAuths,
    tpm: Option<Tpm>,
    /// The endorsement key that it was identified by.
    identified: Option<EndorsementKey>,
    /// What was asked of the TPM of a unit without a console.
    transcript: String,
}

impl<'a> TpmLink<'a> {
    /// The TPM at `tcti`, of the unit that is on `console`, if it is on one. Nothing is asked of it yet.
    pub fn new(console: Option<Box<dyn DeviceLink + 'a>>, tcti: Tcti, auths: &'a HierarchyAuths) -> Self {
        Self { console, tcti, auths, tpm: None, identified: None, transcript: String::new() }
    }

    fn tpm(&mut self) -> Result<&mut Tpm, TpmError> {
        let open = match self.tpm.take() {
            Some(open) => open,
            None => Tpm::open(&self.tcti, self.auths)?,
        };
        Ok(self.tpm.insert(open))
    }

    /// What it shows now, over a connection of its own: nothing is remembered.
    fn read_anew(&mut self) -> Result<TpmReading, LinkError> {
        self.tpm = None;
        self.read()
    }

    /// What it shows. A key that this connection has made is not made again: hardware takes seconds for one.
    fn read(&mut self) -> Result<TpmReading, LinkError> {
        let reading = self.tpm().and_then(TpmReading::of);
        self.note("read its keys", &reading);
        Ok(reading?)
    }

    fn note<T>(&mut self, what: &str, result: &Result<T, TpmError>) {
        // A String takes all.
        let _ = match result {
            Ok(_) => writeln!(self.transcript, "{what}"),
            Err(error) => writeln!(self.transcript, "{what}: {error}"),
        };
    }

    /// The handles hold the keys that the unit was identified by. Nothing is written into another unit's TPM.
    fn keep_keys(&mut self) -> Result<(), LinkError> {
        let during = || "keeping the TPM's keys".to_owned();
        let shown = self.tpm()?.endorsement_key()?.key;
        if self.identified.as_ref() != Some(&shown) {
            return Err(LinkError::Refused {
                during: during(),
                means:
                    "the TPM shows another endorsement key than before: two units were mixed up; keep both"
                        .to_owned(),
                disposition: Disposition::Hold,
            });
        }
        let kept = self.tpm().and_then(Tpm::keep_keys);
        self.note("put its keys at their handles", &kept);
        kept?;
        let after = self.read_anew()?;
        if !after.lasts() || after.endorsement_key.key != shown {
            return Err(LinkError::Malformed {
                during: during(),
                what: "its handles hold other keys than those it showed".to_owned(),
            });
        }
        Ok(())
    }

    /// What tells the unit from others, where it has no console.
    fn own_id(&mut self) -> Result<String, LinkError> {
        self.tpm = None;
        let key = self.tpm().and_then(Tpm::endorsement_key);
        self.note("read its endorsement key", &key);
        Ok(hardware_id(&key?.key))
    }

    fn console(&mut self, what: &'static str) -> Result<&mut (dyn DeviceLink + 'a), LinkError> {
        match &mut self.console {
            Some(console) => Ok(console.as_mut()),
            None => Err(LinkError::Impossible(what)),
        }
    }
}

impl DeviceLink for TpmLink<'_> {
    fn identify(&mut self) -> Result<Shown, LinkError> {
        let shown = self.console.as_mut().map(|console| console.identify()).transpose()?;
        let reading = self.read_anew()?;
        let key = reading.endorsement_key.key.clone();
        let own = || Shown {
            hardware_id: Some(hardware_id(&key)),
            learnt_from: "endorsement key".to_owned(),
            ..Shown::default()
        };
        let shown = Shown { tpm: Some(Box::new(reading)), ..shown.unwrap_or_else(own) };
        self.identified = Some(key);
        Ok(shown)
    }

    fn look(&mut self) -> Result<Option<String>, LinkError> {
        match &mut self.console {
            Some(console) => console.look(),
            None => self.own_id().map(Some),
        }
    }

    fn hardware_id(&mut self) -> Result<Option<String>, LinkError> {
        match &mut self.console {
            Some(console) => console.hardware_id(),
            None => self.own_id().map(Some),
        }
    }

    fn own_key(&mut self, step: &Announced<OwnKey>) -> Result<String, LinkError> {
        self.console("ask a unit for its key")?.own_key(step)
    }

    fn perform(
        &mut self,
        step: &Announced<Step>,
        progress: &mut dyn FnMut(usize, usize),
    ) -> Result<(), LinkError> {
        if let Step::KeepKeys = step.get() {
            return self.keep_keys();
        }
        if let Step::Restart = step.get() {
            // It goes down with its unit.
            self.tpm = None;
        }
        self.console("write an item")?.perform(step, progress)
    }

    fn observe(&mut self, item: &str, at: &Place) -> Result<Option<Observed>, LinkError> {
        match at {
            // It is never shown, only proven.
            Place::Tpm => Ok(None),
            _ => self.console("observe an item")?.observe(item, at),
        }
    }

    fn read_back(&mut self, at: &Place) -> Result<Secret, LinkError> {
        self.console("read an item back")?.read_back(at)
    }

    fn challenge(&mut self, nonce: &str, at: &Place) -> Result<Vec<u8>, LinkError> {
        self.console("let a unit sign")?.challenge(nonce, at)
    }

    fn read_tpm(&mut self) -> Result<TpmReading, LinkError> {
        self.read()
    }

    fn activation_object(&mut self) -> Result<TpmObjectName, LinkError> {
        Ok(self.tpm()?.activation_object()?)
    }

    fn activate(&mut self, credential: &TpmCredential) -> Result<Secret, LinkError> {
        let opened = self.tpm().and_then(|tpm| tpm.activate(credential));
        self.note("let it open a credential", &opened);
        Ok(opened?)
    }

    fn leave(&mut self, how: Leaving) -> Result<(), LinkError> {
        self.tpm = None;
        self.console.as_mut().map_or(Ok(()), |console| console.leave(how))
    }

    fn transcript(&self) -> &str {
        self.console.as_ref().map_or(&self.transcript, |console| console.transcript())
    }
}

/// What a unit is known by that has nothing but a TPM: SHA-256 of the endorsement key's SubjectPublicKeyInfo, hex.
fn hardware_id(key: &EndorsementKey) -> String {
    hex(&key.public_key().fingerprint())
}
