//! How long a certificate is valid.

use serde::Deserialize;
use time::macros::datetime;
use time::{Duration, OffsetDateTime};

/// Longest validity that a profile may ask for.
const MOST_YEARS: u16 = 100;
const MOST_DAYS: u16 = 36_525;

/// How long a certificate is valid, counted from its issue: `{ days = 30 }`, `{ years = 10 }` or `"forever"`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Validity {
    /// Days of 24 hours.
    Days(u16),
    /// Calendar years: the same date and time, so many years on.
    Years(u16),
    /// Until 9999-12-31 23:59:59, which means that there is no end (RFC 5280 §4.1.2.5; IEEE 802.1AR).
    Forever,
}

impl Validity {
    pub(crate) fn is_sensible(self) -> bool {
        match self {
            Self::Days(days) => (1..=MOST_DAYS).contains(&days),
            Self::Years(years) => (1..=MOST_YEARS).contains(&years),
            Self::Forever => true,
        }
    }

    /// When a certificate that is issued now ends; none beyond the year 9999.
    pub(crate) fn end(self, now: OffsetDateTime) -> Option<OffsetDateTime> {
        match self {
            Self::Days(days) => now.checked_add(Duration::days(days.into())),
            Self::Years(years) => {
                let year = now.year() + i32::from(years);
                // 29 February, in a year without one, becomes the 28th.
                now.replace_year(year).or_else(|_| now.replace_day(28)?.replace_year(year)).ok()
            }
            Self::Forever => Some(datetime!(9999-12-31 23:59:59 UTC)),
        }
    }
}

/// A time as error texts show it.
pub(crate) fn shown(time: OffsetDateTime) -> String {
    let (hour, minute, second) = time.time().as_hms();
    format!("{} {hour:02}:{minute:02}:{second:02} UTC", time.date())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn years_follow_the_calendar() {
        let end = |now, years| Validity::Years(years).end(now).expect("in range");
        assert_eq!(end(datetime!(2026-11-24 08:00 UTC), 10), datetime!(2036-11-24 08:00 UTC));
        assert_eq!(end(datetime!(2028-02-29 08:00 UTC), 1), datetime!(2029-02-28 08:00 UTC));
        assert_eq!(end(datetime!(2028-02-29 08:00 UTC), 4), datetime!(2032-02-29 08:00 UTC));
        assert_eq!(Validity::Years(100).end(datetime!(9950-01-01 00:00 UTC)), None);
    }

    #[test]
    fn days_are_days() {
        let end = Validity::Days(30).end(datetime!(2026-11-24 08:00 UTC));
        assert_eq!(end, Some(datetime!(2026-12-24 08:00 UTC)));
        assert!(!Validity::Days(0).is_sensible() && !Validity::Years(101).is_sensible());
    }

    #[test]
    fn a_time_is_shown_to_the_second() {
        assert_eq!(shown(datetime!(2026-11-24 08:05:09.5 UTC)), "2026-11-24 08:05:09 UTC");
    }
}
