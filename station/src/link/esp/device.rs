//! The ESP link as the line knows links.

use super::{EspLink, Secrecy, Span};
use crate::ledger::Announced;
use crate::link::{DeviceLink, Leaving, LinkError, Observed, OwnKey, Place, Shown, Step};
use crate::vault::Secret;

impl DeviceLink for EspLink {
    fn identify(&mut self) -> Result<Shown, LinkError> {
        let unit = self.connect()?;
        let learnt_from = format!("loader, {}", unit.chip);
        let (locks, flash) = (unit.locks, unit.flash);
        Ok(Shown { hardware_id: unit.mac, learnt_from, locks, flash, ..Shown::default() })
    }

    /// A loader of another unit is found out: its MAC is read anew.
    fn hardware_id(&mut self) -> Result<Option<String>, LinkError> {
        Ok(self.connect()?.mac)
    }

    fn own_key(&mut self, _step: &Announced<OwnKey>) -> Result<String, LinkError> {
        Err(LinkError::Impossible("ask a unit for its key"))
    }

    fn perform(
        &mut self,
        step: &Announced<Step>,
        progress: &mut dyn FnMut(usize, usize),
    ) -> Result<(), LinkError> {
        match step.get() {
            Step::Flash(item) => {
                let secrecy = if item.secret { Secrecy::Secret } else { Secrecy::Public };
                self.write(item.region.offset(), item.content.bytes(), secrecy, progress)
            }
            Step::Restart => EspLink::restart(self),
            Step::Write(_) => Err(LinkError::Impossible("write an item")),
            Step::KeepKeys => Err(LinkError::Impossible("reach a TPM")),
        }
    }

    fn observe(&mut self, _item: &str, at: &Place) -> Result<Option<Observed>, LinkError> {
        let digest = self.md5(span_of(at)?, None)?;
        Ok(Some(Observed::Md5(digest)))
    }

    fn read_back(&mut self, at: &Place) -> Result<Secret, LinkError> {
        let content = self.read(span_of(at)?, &mut |_, _| {})?;
        Ok(Secret::from(content))
    }

    fn challenge(&mut self, _nonce: &str, _at: &Place) -> Result<Vec<u8>, LinkError> {
        Err(LinkError::Impossible("let a unit sign"))
    }

    /// A unit that passed runs its application. Any other stays in its loader: what it holds is not to be run.
    fn leave(&mut self, how: Leaving) -> Result<(), LinkError> {
        match how {
            Leaving::Accepted => EspLink::leave(self),
            Leaving::Unfinished => Ok(()),
        }
    }

    fn transcript(&self) -> &str {
        EspLink::transcript(self)
    }
}

fn span_of(at: &Place) -> Result<Span, LinkError> {
    match at {
        Place::Flash(region) => Ok((*region).into()),
        Place::Console(_) => Err(LinkError::Impossible("reach a console's file")),
        Place::Tpm => Err(LinkError::Impossible("reach a TPM")),
    }
}
