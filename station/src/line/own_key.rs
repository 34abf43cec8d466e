//! A unit that makes its key itself shows it in a request or a certificate, which is judged before anything is issued.

use certkit::{Certificate, CertificateRequest, CertificateRequestError, Profile};

use super::claim::Claimed;
use super::{Station, Trouble};
use crate::error_text::with_causes;
use crate::event::Event;
use crate::ledger::entry::{Disposition, Fact};
use crate::ledger::{IdentityState, LedgerError, ProjectionError};
use crate::link::{DeviceLink, OwnKey, Place};
use crate::unit::{OwnCertificateError, check_certificate};

/// The unit that can be asked for its own key.
pub(super) struct Asked<'a, 'l> {
    pub(super) station: &'a Station<'l>,
    pub(super) claimed: &'a Claimed,
    pub(super) link: &'a mut dyn DeviceLink,
}

impl Asked<'_, '_> {
    /// Lets the unit make a key and ask for a certificate: the request has proven the key, and stands in the ledger.
    pub(super) fn request(&mut self, profile: &Profile) -> Result<CertificateRequest, Trouble> {
        let pem = self.shown()?;
        let request = CertificateRequest::from_pem(&pem).map_err(unfit)?;
        request.check(profile, &self.claimed.identity.registration_id).map_err(unfit)?;
        let not_granted = request.beyond(profile);
        let fact = Fact::CertificateRequested {
            attempt: self.claimed.attempt,
            identity: self.claimed.identity.clone(),
            request: request.to_pem(),
            not_granted: not_granted.clone(),
        };
        self.station.ledger.append((self.station.line.edge.now)(), vec![fact])?;
        if !not_granted.is_empty() {
            self.station.tell(Event::NotGranted {
                fixture: self.station.fixture.clone(),
                registration_id: self.claimed.identity.registration_id.to_string(),
                asked: not_granted,
            });
        }
        Ok(request)
    }

    /// Reads the certificate that the unit's own key has signed.
    pub(super) fn certificate(&mut self, profile: &Profile) -> Result<Certificate, Trouble> {
        let pem = self.shown()?;
        let certificate = Certificate::from_pem(&pem).map_err(unreadable)?;
        let now = (self.station.line.edge.now)();
        check_certificate(&certificate, profile, &self.claimed.identity.registration_id, now)
            .map_err(not_taken)?;
        Ok(certificate)
    }

    /// What the unit shows its key in, PEM.
    fn shown(&mut self) -> Result<String, Trouble> {
        let own = self.station.line.product.own_key();
        let Some((item, place, shown_in)) =
            own.and_then(|(item, shown_in)| Some((item, item.console_place()?, shown_in)))
        else {
            let reason = "the product has no item for the unit's own key: correct the product".to_owned();
            return Err(Trouble::Unit { reason, disposition: Disposition::Hold });
        };
        let step = OwnKey {
            shown_in,
            name: item.name.clone(),
            place: Place::Console(place.clone()),
            registration_id: self.claimed.identity.registration_id.to_string(),
        };
        let step =
            self.station.ledger.announce((self.station.line.edge.now)(), self.claimed.attempt, step)?;
        let text = step.get().to_string();
        self.station.tell(Event::Step {
            fixture: self.station.fixture.clone(),
            number: 1,
            of: 1,
            step: text,
        });
        Ok(self.link.own_key(&step)?)
    }
}

impl Station<'_> {
    /// What a refusal of the ledger means for the unit. A key that another unit shows was copied: then both units can be
    /// either, and both go on hold.
    pub(super) fn refused(&self, claimed: &Claimed, error: LedgerError) -> Trouble {
        let told = match &error {
            LedgerError::Refused(ProjectionError::Taken { what: "public_key", value, holder }) => {
                self.copied_key(claimed, value, holder).map(Some)
            }
            LedgerError::Refused(ProjectionError::WrongState { what: "identity", .. }) => {
                self.held_meanwhile(claimed)
            }
            _ => Ok(None),
        };
        match told {
            Ok(Some(reason)) => Trouble::Unit { reason, disposition: Disposition::Hold },
            Ok(None) => claimed.in_hand.contested_or(error),
            Err(error) => error.into(),
        }
    }

    fn copied_key(&self, claimed: &Claimed, key: &str, holder: &str) -> Result<String, LedgerError> {
        let unit = format!("unit {} ({})", claimed.unit, claimed.identity.registration_id);
        let Some(other) = self.reader.holder_of_key(key)? else {
            return Ok(format!("{unit} shows a key that is {holder}: find out who copied it"));
        };
        let reason = format!(
            "{unit} shows the key of unit {} ({}): one key is in two units; both go on hold",
            other.unit.as_deref().unwrap_or("unknown"),
            other.identity.registration_id
        );
        let held = Fact::Held { identity: other.identity, reason: reason.clone() };
        self.ledger.append((self.line.edge.now)(), vec![held])?;
        Ok(reason)
    }

    /// Why another fixture put this unit's identity on hold while it was in work, where one did.
    fn held_meanwhile(&self, claimed: &Claimed) -> Result<Option<String>, LedgerError> {
        let record = self.reader.bound_to(claimed.unit.as_str())?;
        let held = record.filter(|record| record.state == IdentityState::OnHold);
        Ok(held.and_then(|record| record.reason))
    }
}

fn unreadable(error: impl std::error::Error) -> Trouble {
    let reason = format!("the unit's own key is not taken: {}", with_causes(&error));
    Trouble::Unit { reason, disposition: Disposition::Rework }
}

fn unfit(error: CertificateRequestError) -> Trouble {
    match error {
        // The wrong unit, or the wrong label.
        CertificateRequestError::Subject { .. } => {
            Trouble::Unit { reason: error.to_string(), disposition: Disposition::Hold }
        }
        other => unreadable(other),
    }
}

fn not_taken(error: OwnCertificateError) -> Trouble {
    Trouble::Unit { disposition: error.disposition(), reason: error.to_string() }
}
