//! How long a certificate is valid (RFC 5280 §4.1.2.5).

use der::{DateTime, Encode};
use time::{Duration, OffsetDateTime, UtcOffset};
use x509_cert::certificate::Rfc5280;
use x509_cert::time::{Time, Validity};

use super::IssueError;
use crate::{Certificate, OutlivingIssuer, Profile};

/// First and last second of a validity.
#[derive(Clone, Copy)]
pub(super) struct Period {
    pub(super) not_before: OffsetDateTime,
    pub(super) not_after: OffsetDateTime,
}

impl Period {
    /// That of a certificate that has no issuer but itself, made now.
    pub(super) fn of_its_own(profile: &Profile, now: OffsetDateTime) -> Result<Self, IssueError> {
        let not_before = now.saturating_sub(Duration::days(profile.back_dated_days().into()));
        let not_after = profile.validity().end(now).ok_or(IssueError::BeyondCalendar)?;
        Ok(Self { not_before, not_after })
    }

    /// That of a certificate issued now: never outside the issuer's own validity.
    pub(super) fn under(
        issuer: &Certificate,
        profile: &Profile,
        subject: &str,
        now: OffsetDateTime,
    ) -> Result<Self, IssueError> {
        check_validity(issuer, now)?;
        let Self { not_before, not_after } = Self::of_its_own(profile, now)?;
        let (not_before, issuer_not_after) = (not_before.max(issuer.not_before()), issuer.not_after());
        if not_after <= issuer_not_after {
            return Ok(Self { not_before, not_after });
        }
        match profile.outliving_issuer() {
            OutlivingIssuer::Allowed => Ok(Self { not_before, not_after }),
            OutlivingIssuer::Clamped => Ok(Self { not_before, not_after: issuer_not_after }),
            OutlivingIssuer::Refused => Err(IssueError::OutlivesIssuer {
                subject: subject.to_owned(),
                issuer: issuer.subject_name(),
                not_after: not_after.to_offset(UtcOffset::UTC),
                issuer_not_after,
            }),
        }
    }

    /// As certificates have it.
    pub(super) fn der(self) -> Result<Vec<u8>, IssueError> {
        let time = |time: OffsetDateTime| {
            let seconds = u64::try_from(time.unix_timestamp()).ok()?;
            Some(Time::from(DateTime::from_unix_duration(std::time::Duration::from_secs(seconds)).ok()?))
        };
        let times = time(self.not_before).zip(time(self.not_after));
        let validity = times.map(|(from, to)| Validity::<Rfc5280>::new(from, to));
        validity.and_then(|validity| validity.to_der().ok()).ok_or(IssueError::BeyondCalendar)
    }
}

impl Profile {
    /// Whether this issuer's validity lets it issue a certificate of this profile at a time. Needs no key.
    ///
    /// # Errors
    /// [`IssueError::NotYetValid`], [`IssueError::Expired`], [`IssueError::OutlivesIssuer`],
    /// [`IssueError::BeyondCalendar`].
    pub fn check_period(&self, issuer: &Certificate, at: OffsetDateTime) -> Result<(), IssueError> {
        Period::under(issuer, self, "a certificate of this profile", at).map(|_| ())
    }
}

/// Whether the issuer is valid.
pub(super) fn check_validity(issuer: &Certificate, now: OffsetDateTime) -> Result<(), IssueError> {
    let (not_before, not_after) = (issuer.not_before(), issuer.not_after());
    let now = now.to_offset(UtcOffset::UTC);
    if now < not_before {
        return Err(IssueError::NotYetValid { issuer: issuer.subject_name(), not_before, now });
    }
    if now > not_after {
        return Err(IssueError::Expired { issuer: issuer.subject_name(), not_after, now });
    }
    Ok(())
}
