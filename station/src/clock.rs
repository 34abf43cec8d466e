//! The one place that reads the computer's clock. Everything below the edge gets the time as an argument.

use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

/// Now, in UTC, to the second.
pub fn now() -> OffsetDateTime {
    #[expect(clippy::disallowed_methods, reason = "this is the edge that the rule speaks of")]
    let now = OffsetDateTime::now_utc();
    now.replace_nanosecond(0).unwrap_or(now)
}

/// Reads what [`rfc3339`] wrote.
///
/// # Errors
/// Where it is something else.
pub fn parse_rfc3339(text: &str) -> Result<OffsetDateTime, time::error::Parse> {
    OffsetDateTime::parse(text, &Rfc3339)
}

/// A time as the ledger and the manifests spell it: RFC 3339, UTC.
pub fn rfc3339(time: OffsetDateTime) -> String {
    // RFC 3339 cannot spell years past 9999; no clock of ours gets there, and the default format can.
    time.format(&Rfc3339).unwrap_or_else(|_| time.to_string())
}
