//! What can happen, each kind with all that it says.

use serde::{Deserialize, Serialize};

use super::{
    Act, AheadCredential, Delivery, Disposition, Door, Evidence, Hold, Identity, IssuedCredential, OrderRow,
    RetirementReason, SecretKind, TokenKey,
};

/// What happened. Each kind changes the projections in one place: `ledger::projection`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Fact {
    /// The station was made.
    StationCreated {},
    /// A secret was put into the vault.
    SecretImported {
        /// Its name there.
        name: String,
        /// What it is.
        secret_kind: SecretKind,
    },
    /// A certificate authority was made.
    AuthorityCreated {
        /// The station's name for it.
        label: String,
        /// `root` or `intermediate`.
        role: String,
        /// Label of the issuing authority; none for a root.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        issuer: Option<String>,
        /// Hex.
        certificate_serial: String,
        /// SHA-256 of the SubjectPublicKeyInfo, hex.
        public_key: String,
        /// PEM.
        certificate: String,
        /// Where the private key lies, where that is a token; else it lies in the station's folder.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        token_key: Option<TokenKey>,
    },
    /// An authority signed a cloud service's verification code: it has its private key.
    PossessionProven {
        /// The authority.
        authority: String,
        /// The service's code.
        code: String,
        /// Hex.
        certificate_serial: String,
        /// SHA-256 of the SubjectPublicKeyInfo, hex. Its private key was thrown away.
        public_key: String,
        /// PEM.
        certificate: String,
    },
    /// An authority signed a list of what it takes back.
    RevocationListIssued {
        /// The authority.
        authority: String,
        /// The CRL's number: this entry's.
        number: u64,
        /// RFC 3339.
        next_update: String,
        /// Certificates on it.
        revoked: u64,
        /// SHA-256 of its DER, hex.
        sha256: String,
    },
    /// A successor stands beside an authority or a group key: both serve.
    RollOverBegun {
        /// What is to be retired.
        #[serde(flatten)]
        hold: Hold,
        /// What takes its place: of the same kind.
        successor: String,
    },
    /// An authority or a group key is never issued from again.
    Retired {
        /// Which.
        #[serde(flatten)]
        hold: Hold,
        /// What took its place: of the same kind.
        successor: String,
        /// Why.
        reason: RetirementReason,
    },
    /// An order was taken. Its rows follow in [`Fact::OrderRows`] of the same transaction or, where units bring their names,
    /// each with its [`Fact::Claimed`].
    OrderAdded {
        /// The order's name.
        order: String,
        /// File name of the product.
        product: String,
        /// SHA-256 of the product's text, hex.
        product_sha256: String,
        /// The DPS instance that the identities belong to.
        id_scope: String,
        /// Units ordered.
        quantity: u64,
        /// The most credentials that may ever be issued for it.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        issue_budget: Option<u64>,
    },
    /// Rows of an order: identities reserved, in all no more than it has units. A row that a unit brought stands in the
    /// transaction of its [`Fact::Claimed`], before it: a claim that is refused reserves nothing.
    OrderRows {
        /// The order's name.
        order: String,
        /// At most a thousand an entry.
        rows: Vec<OrderRow>,
    },
    /// An order's issue budget was set anew.
    BudgetSet {
        /// The order's name.
        order: String,
        /// The most credentials that may ever be issued for it, those that were issued already included.
        issue_budget: u64,
        /// Why.
        reason: String,
    },
    /// A run of an order began.
    RunStarted {
        /// The order's name.
        order: String,
        /// SHA-256 of the product's text as it is now, hex.
        product_sha256: String,
        /// Where credentials come from: the issuing authority's label, or the group key's name.
        attestation: String,
    },
    /// A unit was identified: an attempt begins. The entry's `seq` is the attempt's number.
    AttemptOpened {
        /// The order that is being run.
        order: String,
        /// The fixture that it sits in.
        fixture: String,
        /// What the unit shows, or the label that stands for it.
        hardware_id: String,
        /// Where that was learnt.
        learnt_from: String,
        /// The label that was scanned, where one was.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        scanned: Option<String>,
        /// What of the unit is locked, in words, where something is.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        locks: Option<String>,
    },
    /// A unit was turned away before anything was written to it.
    Refused {
        /// The attempt, where one was opened.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        attempt: Option<u64>,
        /// The order that is being run.
        order: String,
        /// The fixture that it sits in.
        fixture: String,
        /// What the unit showed, as far as it got.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        hardware_id: Option<String>,
        /// What of the unit is locked, in words, where something is.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        locks: Option<String>,
        /// What happens next.
        disposition: Disposition,
        /// Why.
        reason: String,
    },
    /// Identity and unit were bound.
    Claimed {
        /// The attempt.
        attempt: u64,
        /// The order that holds the identity.
        order: String,
        /// The identity.
        identity: Identity,
        /// The unit.
        hardware_id: String,
        /// `new`, or why an existing binding is used again.
        decision: String,
    },
    /// A unit made its key and asks for a certificate; it has proven the key.
    CertificateRequested {
        /// The attempt.
        attempt: u64,
        /// The identity.
        identity: Identity,
        /// The PKCS#10 request, PEM.
        request: String,
        /// What it asks for beyond what a certificate of this product contains. It gets none of it.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        not_granted: Vec<String>,
    },
    /// A credential was issued for a bound identity; an earlier one, if any, is superseded.
    Issued {
        /// The attempt.
        attempt: u64,
        /// The identity.
        identity: Identity,
        /// The credential.
        #[serde(flatten)]
        credential: IssuedCredential,
        /// Why the earlier credential, if there is one, is superseded.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        supersedes: Option<String>,
    },
    /// Credentials for identities that no unit has: they are checked out from now on. They leave with
    /// [`Fact::HandedOver`], or never.
    IssuedAhead {
        /// The order.
        order: String,
        /// The DPS instance.
        id_scope: String,
        /// The certificates that follow each leaf in its chain, PEM, issuer first.
        #[serde(default, skip_serializing_if = "String::is_empty")]
        above: String,
        /// Of random keys, the number that says where they lie in the vault until the service has them. Below 2^53, so
        /// that every reader of JSON has it exact.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        keys: Option<u64>,
        /// At most 256 an entry.
        credentials: Vec<AheadCredential>,
        /// Why they take the place of earlier ones, where they do.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        supersedes: Option<String>,
    },
    /// What was issued ahead since entry `first` is about to leave the station.
    HandedOver {
        /// The order.
        order: String,
        /// The first entry of what leaves.
        first: u64,
        /// How many credentials leave.
        credentials: u64,
        /// How they leave.
        door: Door,
        /// Those who can open it, where it is sealed: age recipients.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        recipients: Vec<String>,
        /// SHA-256 of the file, hex, where it is one; of a folder of images, that of its manifest, which has theirs.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        sha256: Option<String>,
    },
    /// An act on the unit is about to be done.
    Announced {
        /// The attempt.
        attempt: u64,
        /// The act.
        #[serde(flatten)]
        act: Act,
    },
    /// The unit holds and proved all that the product asks for. The only entry that makes an identity live.
    Accepted {
        /// The attempt.
        attempt: u64,
        /// The identity.
        identity: Identity,
        /// What was obtained, item by item.
        evidence: Vec<Evidence>,
    },
    /// The attempt on a bound unit failed.
    Failed {
        /// The attempt.
        attempt: u64,
        /// The identity that it is bound to.
        identity: Identity,
        /// What happens next.
        disposition: Disposition,
        /// Why, in words for the person at the line.
        reason: String,
    },
    /// An identity and its unit are quarantined.
    Held {
        /// The identity.
        identity: Identity,
        /// Why.
        reason: String,
    },
    /// A quarantined identity is freed for its unit's next attempt, which gets a new credential.
    Reworked {
        /// The identity.
        identity: Identity,
        /// Why.
        reason: String,
    },
    /// The unit is removed for ever, its identity burnt.
    Scrapped {
        /// The identity.
        identity: Identity,
        /// Why.
        reason: String,
    },
    /// Enrollments with keys leave the station. The entry's `seq` is the delivery's number.
    Delivered(Delivery),
    /// Whoever a delivery was for has it: its keys leave the vault.
    DeliveryAcknowledged {
        /// Its number.
        delivery: u64,
    },
}

impl Fact {
    /// The `kind` that the entry's JSON names.
    pub fn kind(&self) -> &'static str {
        match self {
            Fact::StationCreated {} => "station_created",
            Fact::SecretImported { .. } => "secret_imported",
            Fact::AuthorityCreated { .. } => "authority_created",
            Fact::PossessionProven { .. } => "possession_proven",
            Fact::RevocationListIssued { .. } => "revocation_list_issued",
            Fact::RollOverBegun { .. } => "roll_over_begun",
            Fact::Retired { .. } => "retired",
            Fact::OrderAdded { .. } => "order_added",
            Fact::OrderRows { .. } => "order_rows",
            Fact::BudgetSet { .. } => "budget_set",
            Fact::RunStarted { .. } => "run_started",
            Fact::AttemptOpened { .. } => "attempt_opened",
            Fact::Refused { .. } => "refused",
            Fact::Claimed { .. } => "claimed",
            Fact::CertificateRequested { .. } => "certificate_requested",
            Fact::Issued { .. } => "issued",
            Fact::IssuedAhead { .. } => "issued_ahead",
            Fact::HandedOver { .. } => "handed_over",
            Fact::Announced { .. } => "announced",
            Fact::Accepted { .. } => "accepted",
            Fact::Failed { .. } => "failed",
            Fact::Held { .. } => "held",
            Fact::Reworked { .. } => "reworked",
            Fact::Scrapped { .. } => "scrapped",
            Fact::Delivered(_) => "delivered",
            Fact::DeliveryAcknowledged { .. } => "delivery_acknowledged",
        }
    }
}
