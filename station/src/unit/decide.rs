//! What to do with the unit on the fixture. Pure: a crash, rework, a wrong unit, a unit that comes back all branch
//! here and nowhere else.

use super::HardwareId;
use crate::ledger::entry::{Disposition, Identity};
use crate::ledger::{IdentityRecord, IdentityState};
use crate::product::Assign;

/// What the ledger knows of this unit and of the order's identities.
#[derive(Debug, Clone, Default)]
pub struct History {
    /// The identity that the unit is bound to.
    pub bound_to: Option<IdentityRecord>,
    /// Why the unit was scrapped, where it was.
    pub scrapped: Option<String>,
    /// The order's next identity that no unit is bound to.
    pub next_unbound: Option<IdentityRecord>,
    /// The order's identity that is meant for this unit: by its hardware ID, or by the label that was scanned.
    pub meant_for: Option<IdentityRecord>,
    /// The label that was scanned, where one was.
    pub scanned: Option<String>,
    /// The identity that the unit's TPM names, where its product has units named so.
    pub named_by_ek: Option<Identity>,
    /// Whether the order has room for one more that its unit brings.
    pub has_room: bool,
}

/// The decision.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Decision {
    /// A unit that was never seen: this identity is for it.
    New(IdentityRecord),
    /// The same; its identity is named by its TPM, and reserved with its claim.
    Named(Identity),
    /// A unit that was accepted: verify it again, issue nothing.
    SameAgain(IdentityRecord),
    /// A unit whose attempt was cut off: go on where the unit proves what was announced, else issue anew.
    Resume(IdentityRecord),
    /// A unit that gets a new credential for its identity, for this reason.
    Reissue(IdentityRecord, String),
    /// A unit that must not be touched.
    Refuse(Refusal),
}

/// Why a unit is not touched.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refusal {
    /// In words for the operator.
    pub reason: String,
    /// What happens next to the unit.
    pub disposition: Disposition,
    /// Whether it counts as a failure of the unit. A unit that is merely not needed now is no failure.
    pub failure: bool,
}

/// Decides.
pub fn decide(unit: &HardwareId, history: &History, order: &str, assign: Assign) -> Decision {
    if let Some(reason) = &history.scrapped {
        return refuse(
            format!("unit {unit} was scrapped ({reason}) and is never used again"),
            Disposition::Scrap,
        );
    }
    match &history.bound_to {
        Some(identity) => match (assign, &history.scanned) {
            (Assign::ByScan, Some(label)) if identity.serial_number.as_ref() != Some(label) => {
                refuse(other_label(unit, identity, label), Disposition::Hold)
            }
            _ => decide_bound(unit, identity, history, order),
        },
        None => decide_unbound(unit, history, order, assign),
    }
}

fn decide_bound(unit: &HardwareId, identity: &IdentityRecord, history: &History, order: &str) -> Decision {
    let id = &identity.identity.registration_id;
    if identity.order != order {
        let reason = format!(
            "unit {unit} is already bound to {id} of order {}: it belongs there, take it out. Only an engineer ends a binding: \
             `station unit scrap {id} --reason …` burns {id} for ever",
            identity.order
        );
        return refuse(reason, Disposition::Hold);
    }
    match identity.state {
        IdentityState::OnHold | IdentityState::Burnt | IdentityState::CheckedOut => {
            let why = identity.reason.as_deref().unwrap_or("no reason recorded");
            let reason = format!(
                "unit {unit} ({id}) is on hold: {why}. An engineer frees it with `station unit rework {id} --reason …`"
            );
            refuse(reason, Disposition::Hold)
        }
        // It cannot prove the key that it was accepted with, where its TPM is another one.
        IdentityState::Live => Decision::SameAgain(identity.clone()),
        IdentityState::Open if history.named_by_ek.as_ref().is_some_and(|it| *it != identity.identity) => {
            let reason = format!(
                "unit {unit} is bound to {id}, and the endorsement key in it names another: its TPM was exchanged; put the first \
                 one back, or end it with `station unit scrap {id} --reason …`"
            );
            refuse(reason, Disposition::Hold)
        }
        IdentityState::Open => match (&identity.reissue, &identity.credential) {
            (Some(reason), _) => Decision::Reissue(identity.clone(), reason.clone()),
            (None, Some(_)) => Decision::Resume(identity.clone()),
            (None, None) => Decision::New(identity.clone()),
        },
    }
}

fn decide_unbound(unit: &HardwareId, history: &History, order: &str, assign: Assign) -> Decision {
    let identity = match assign {
        Assign::Next => history.next_unbound.as_ref(),
        Assign::ByHardwareId | Assign::ByScan | Assign::FromEk => history.meant_for.as_ref(),
    };
    if let (None, Some(named), true) = (identity, &history.named_by_ek, history.has_room) {
        return Decision::Named(named.clone());
    }
    match (identity, assign) {
        (Some(identity), _) if identity.order != order => refuse(
            format!(
                "{} is meant for unit {unit}, and belongs to order {}",
                identity.identity.registration_id, identity.order
            ),
            Disposition::Hold,
        ),
        (Some(identity), _) if identity.state == IdentityState::Open && identity.unit.is_none() => {
            Decision::New(identity.clone())
        }
        (Some(identity), _) => {
            let id = &identity.identity.registration_id;
            let holder = identity.unit.as_deref().unwrap_or("no unit");
            let state = match identity.state {
                IdentityState::Burnt => "its identity was scrapped".to_owned(),
                IdentityState::CheckedOut => {
                    "its credential was issued ahead: the unit gets it where the bundle is written".to_owned()
                }
                _ => format!("it is bound to unit {holder}"),
            };
            refuse(format!("{id} is meant for unit {unit}, and {state}"), Disposition::Hold)
        }
        (None, Assign::ByHardwareId) => refuse(
            format!("unit {unit} is in no row of order {order}: it is the wrong unit for this order"),
            Disposition::Hold,
        ),
        (None, Assign::ByScan) => {
            let label = history.scanned.as_deref().unwrap_or_default();
            refuse(
                format!(
                    "no row of order {order} has the serial number {label}: it is the wrong unit, or the wrong label"
                ),
                Disposition::Hold,
            )
        }
        (None, Assign::Next | Assign::FromEk) => Decision::Refuse(Refusal {
            reason: format!("order {order} has no identity left for unit {unit}: keep it for the next order"),
            disposition: Disposition::Retry,
            failure: false,
        }),
    }
}

fn other_label(unit: &HardwareId, identity: &IdentityRecord, scanned: &str) -> String {
    let id = &identity.identity.registration_id;
    let label = identity.serial_number.as_deref().unwrap_or("none");
    format!(
        "label {scanned} was scanned, and unit {unit} is bound to {id} with label {label}: the labels are mixed up"
    )
}

fn refuse(reason: String, disposition: Disposition) -> Decision {
    Decision::Refuse(Refusal { reason, disposition, failure: true })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ledger::CredentialRecord;
    use crate::ledger::entry::{IssuedCredential, KeyMaker};

    fn unit() -> HardwareId {
        HardwareId::parse("10000000abcdef01").unwrap()
    }

    fn identity(state: IdentityState) -> IdentityRecord {
        IdentityRecord {
            identity: Identity {
                id_scope: "0ne00ABCDEF".into(),
                registration_id: "gw-0001".parse().unwrap(),
            },
            order: "april".into(),
            name: None,
            serial_number: None,
            meant_for: None,
            state,
            unit: None,
            credential: None,
            reissue: None,
            reason: None,
        }
    }

    fn bound(state: IdentityState) -> IdentityRecord {
        IdentityRecord { unit: Some(unit().as_str().into()), ..identity(state) }
    }

    fn with_credential(identity: IdentityRecord) -> IdentityRecord {
        let issued = IssuedCredential::Certificate {
            certificate_serial: "01".into(),
            public_key: "02".into(),
            authority: Some("intermediate".into()),
            key_maker: KeyMaker::Station,
            chain: String::new(),
        };
        let credential = CredentialRecord {
            credential: issued,
            state: "issued".into(),
            reason: None,
            attempt: 1,
            ended_at: None,
        };
        IdentityRecord { credential: Some(credential), ..identity }
    }

    fn decide_with(history: History) -> Decision {
        decide(&unit(), &history, "april", Assign::Next)
    }

    #[test]
    fn a_unit_never_seen_gets_the_next_identity() {
        let next = identity(IdentityState::Open);
        let history = History { next_unbound: Some(next.clone()), ..History::default() };
        assert_eq!(decide_with(history), Decision::New(next));
    }

    #[test]
    fn a_unit_whose_credential_was_issued_ahead_gets_none_here() {
        let meant_for = Some(identity(IdentityState::CheckedOut));
        let history = History { meant_for, ..History::default() };
        let decision = decide(&unit(), &history, "april", Assign::ByHardwareId);
        assert!(
            matches!(&decision, Decision::Refuse(refusal) if refusal.reason.contains("was issued ahead")),
            "{decision:?}"
        );
    }

    #[test]
    fn a_bound_unit_never_gets_another_identity() {
        let own = with_credential(bound(IdentityState::Live));
        let other = IdentityRecord {
            identity: Identity { registration_id: "gw-0002".parse().unwrap(), ..own.identity.clone() },
            ..identity(IdentityState::Open)
        };
        let history =
            History { bound_to: Some(own.clone()), next_unbound: Some(other), ..History::default() };
        assert_eq!(decide_with(history), Decision::SameAgain(own));
    }

    #[test]
    fn an_attempt_that_was_cut_off_is_resumed_or_begun_again() {
        let cut = with_credential(bound(IdentityState::Open));
        let history = History { bound_to: Some(cut.clone()), ..History::default() };
        assert_eq!(decide_with(history), Decision::Resume(cut));
        let early = bound(IdentityState::Open);
        let history = History { bound_to: Some(early.clone()), ..History::default() };
        assert_eq!(decide_with(history), Decision::New(early));
    }

    #[test]
    fn a_failed_unit_is_issued_anew_with_the_reason() {
        let failed = IdentityRecord {
            reissue: Some("unplugged".into()),
            ..with_credential(bound(IdentityState::Open))
        };
        let history = History { bound_to: Some(failed.clone()), ..History::default() };
        assert_eq!(decide_with(history), Decision::Reissue(failed, "unplugged".into()));
    }

    #[test]
    fn refused_are_units_of_other_orders_on_hold_scrapped_or_unknown() {
        let other = IdentityRecord { order: "march".into(), ..bound(IdentityState::Live) };
        let cases = [
            (History { bound_to: Some(other), ..History::default() }, "already bound"),
            (History { bound_to: Some(bound(IdentityState::OnHold)), ..History::default() }, "on hold"),
            (History { scrapped: Some("cracked".into()), ..History::default() }, "scrapped (cracked)"),
            (History::default(), "no identity left"),
        ];
        for (history, part) in cases {
            let Decision::Refuse(refusal) = decide_with(history) else { panic!("{part}") };
            assert!(refusal.reason.contains(part), "{}", refusal.reason);
        }
        let wrong = decide(&unit(), &History::default(), "april", Assign::ByHardwareId);
        let Decision::Refuse(refusal) = wrong else { panic!("{wrong:?}") };
        assert!(refusal.reason.contains("wrong unit"), "{}", refusal.reason);
    }

    #[test]
    fn a_label_that_matches_no_row_or_another_unit_is_refused() {
        let scan = |history: History| match decide(&unit(), &history, "april", Assign::ByScan) {
            Decision::Refuse(refusal) => refusal.reason,
            other => panic!("{other:?}"),
        };
        let scanned = Some("SN-7".to_owned());
        let history = History { scanned: scanned.clone(), ..History::default() };
        assert!(scan(history).contains("no row of order april has the serial number SN-7"));
        let labelled = IdentityRecord { serial_number: Some("SN-6".into()), ..bound(IdentityState::Live) };
        let history = History { bound_to: Some(labelled), scanned, ..History::default() };
        assert!(scan(history).contains("mixed up"));
    }

    #[test]
    fn a_unit_that_its_tpm_names_keeps_that_name_or_none() {
        let name = |id: &str| Identity {
            registration_id: id.parse().unwrap(),
            ..identity(IdentityState::Open).identity
        };
        let decide_named = |bound_to: Option<IdentityRecord>, id: &str, has_room| {
            let history = History { bound_to, named_by_ek: Some(name(id)), has_room, ..History::default() };
            decide(&unit(), &history, "april", Assign::FromEk)
        };
        assert_eq!(decide_named(None, "gw-0001", true), Decision::Named(name("gw-0001")));
        assert!(matches!(decide_named(None, "gw-0001", false), Decision::Refuse(_)));
        let reworked = IdentityRecord { reissue: Some("repaired".into()), ..bound(IdentityState::Open) };
        for open in [bound(IdentityState::Open), with_credential(bound(IdentityState::Open)), reworked] {
            assert!(!matches!(decide_named(Some(open.clone()), "gw-0001", true), Decision::Refuse(_)));
            let Decision::Refuse(refusal) = decide_named(Some(open), "gw-0002", true) else { panic!() };
            assert_eq!(refusal.disposition, Disposition::Hold);
            assert!(refusal.reason.contains("its TPM was exchanged"), "{}", refusal.reason);
        }
    }

    #[test]
    fn a_row_that_is_taken_by_another_unit_is_not_given_twice() {
        let taken = IdentityRecord { unit: Some("other".into()), ..identity(IdentityState::Open) };
        let history = History { meant_for: Some(taken), ..History::default() };
        let decision = decide(&unit(), &history, "april", Assign::ByHardwareId);
        assert!(matches!(decision, Decision::Refuse(_)), "{decision:?}");
    }
}
