use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use super::board::CHUNK;
use super::*;
use crate::sample::{DEVICE, INDIVIDUAL, INTERMEDIATE, NOW, intermediate, profile, root};
use crate::{
    CertificateSerial, Chain, ChainError, IssueError, Issuer, KeyAlgorithm, PublicKey, RegistrationId,
    Signer, SignerError, SoftwareSigner,
};

fn id(number: u64) -> RegistrationId {
    RegistrationId::parse(&format!("sensor-{number}")).unwrap()
}

fn item(number: u64) -> BatchItem {
    BatchItem { registration_id: id(number), serial: CertificateSerial::of_batch(number, [0xa5; 8]) }
}

fn template(issuer: Issuer) -> (Template, Vec<Certificate>) {
    let above = vec![issuer.certificate().clone()];
    (Template::new(Arc::new(issuer), &profile(DEVICE), KeyAlgorithm::P256, NOW).unwrap(), above)
}

fn line() -> Issuer {
    intermediate(&root(), "Line 1", &profile(INTERMEDIATE))
}

fn cores(count: usize) -> NonZeroUsize {
    NonZeroUsize::new(count).unwrap()
}

#[test]
fn each_item_gets_its_own_credential_in_its_place() {
    for count in [1, 3] {
        let (template, above) = template(line());
        let batch = Batch::on_cores(cores(count), template, above.clone(), (0..1000).map(item), |made| made);
        let made: Vec<BatchCredential> = batch.map(Result::unwrap).collect();
        assert_eq!(made.len(), 1000);
        for (number, credential) in (0..).zip(&made) {
            assert_eq!(credential.item, item(number));
            let leaf = Certificate::from_pem(&credential.leaf_pem()).unwrap();
            assert_eq!(leaf.subject_common_name(), Some(id(number).as_str()));
            assert_eq!((leaf.serial(), leaf.public_key()), (&item(number).serial, &credential.public_key));
            if number % 100 == 0 {
                let signature = sign(credential, b"nonce");
                leaf.public_key().verify(b"nonce", &signature).unwrap();
                Chain::new(vec![leaf, above[0].clone()]).unwrap();
            }
        }
    }
}

#[test]
fn certificates_that_sign_themselves_come_in_their_places_too() {
    let batch = Batch::self_signed(profile(INDIVIDUAL), NOW, (0..150).map(item), |made| made);
    let made: Vec<BatchCredential> = batch.map(Result::unwrap).collect();
    assert_eq!(made.len(), 150);
    for (number, credential) in (0..).zip(&made) {
        let leaf = Certificate::from_der(&credential.leaf).unwrap();
        assert_eq!((&credential.item, leaf.serial()), (&item(number), &item(number).serial));
        assert_eq!((leaf.issuer(), leaf.subject_common_name()), (leaf.subject(), Some(id(number).as_str())));
        assert!(leaf.is_signed_by(&credential.public_key));
        leaf.public_key().verify(b"nonce", &sign(credential, b"nonce")).unwrap();
    }
    // A group's profile is for no certificate that signs itself.
    let mut wrong = Batch::self_signed(profile(DEVICE), NOW, (0..9).map(item), |made| made);
    assert!(matches!(wrong.next(), Some(Err(BatchError::Issue { .. }))) && wrong.next().is_none());
}

fn sign(credential: &BatchCredential, message: &[u8]) -> Vec<u8> {
    use aws_lc_rs::signature::{ECDSA_P256_SHA256_ASN1_SIGNING, EcdsaKeyPair};
    let key = credential.private_key.to_der(crate::KeyFormat::Pkcs8).unwrap();
    let pair = EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_ASN1_SIGNING, &key).unwrap();
    pair.sign(&aws_lc_rs::rand::SystemRandom::new(), message).unwrap().as_ref().to_vec()
}

#[test]
fn items_are_asked_for_as_they_are_needed() {
    let asked = Arc::new(AtomicU64::new(0));
    let counted = asked.clone();
    let items = (0..).map(move |number| {
        counted.fetch_add(1, Ordering::Relaxed);
        item(number)
    });
    let (template, above) = template(line());
    let mut batch = Batch::on_cores(cores(2), template, above, items, |made| made);
    assert_eq!(asked.load(Ordering::Relaxed), 0);
    for _ in 0..200 {
        batch.next().unwrap().unwrap();
    }
    let ahead = asked.load(Ordering::Relaxed) - 200;
    assert!(ahead <= (CHUNK * CHUNKS_AHEAD * 2 + CHUNK) as u64, "{ahead}");
    drop(batch);
}

#[test]
fn an_error_comes_at_its_place_and_ends_the_batch() {
    let (template, above) = template(line());
    let long = RegistrationId::parse(&"a".repeat(65)).unwrap();
    let items = (0..500).map(|number| match number {
        150 => BatchItem { registration_id: long.clone(), ..item(number) },
        _ => item(number),
    });
    let mut batch = Batch::on_cores(cores(2), template, above, items, |made| made);
    let made: Vec<_> = batch.by_ref().collect();
    assert_eq!(made.len(), 151);
    assert!(made[..150].iter().all(Result::is_ok));
    assert!(matches!(&made[150], Err(BatchError::Issue { id, .. }) if *id == long), "{:?}", made[150]);
    assert!(batch.threads.is_empty() && batch.next().is_none());
}

/// Signs with another key than the one that it shows.
#[derive(Debug)]
struct Forger(SoftwareSigner, SoftwareSigner);

impl Signer for Forger {
    fn public_key(&self) -> &PublicKey {
        self.0.public_key()
    }

    fn sign(&self, message: &[u8]) -> Result<Vec<u8>, SignerError> {
        self.1.sign(message)
    }
}

#[test]
fn nothing_comes_out_where_the_first_certificate_is_wrong() {
    let (root, key) = (root(), crate::sample::signer());
    let certificate = root
        .issue(
            &profile(INTERMEDIATE),
            &crate::sample::authority("Line 1"),
            key.public_key(),
            &item(1).serial,
            NOW,
        )
        .unwrap();
    let forger = Issuer::new(certificate, Box::new(Forger(key, crate::sample::signer()))).unwrap();
    let (of_forger, above) = template(forger);
    let mut batch = Batch::new(of_forger, above, (0..100).map(item), |made| made);
    let error = batch.next().unwrap().unwrap_err();
    assert!(matches!(error, BatchError::Chain { source: ChainError::Signature { .. }, .. }), "{error:?}");
    assert!(batch.next().is_none());
    // The certificates above are another authority's.
    let (template, _) = template(line());
    let batch = Batch::new(template, vec![line().certificate().clone()], (0..1).map(item), |made| made);
    let made: Vec<_> = batch.collect();
    assert!(matches!(made[..], [Err(BatchError::Chain { source: ChainError::OtherKey { .. }, .. })]));
}

/// Signs well at first.
#[derive(Debug)]
struct Failing(SoftwareSigner, AtomicU64);

impl Signer for Failing {
    fn public_key(&self) -> &PublicKey {
        self.0.public_key()
    }

    fn sign(&self, message: &[u8]) -> Result<Vec<u8>, SignerError> {
        let count = self.1.fetch_add(1, Ordering::Relaxed);
        self.0.sign(if count == 100 { b"something else" } else { message })
    }
}

#[test]
fn a_bad_signature_in_the_midst_is_found_where_signatures_are_checked() {
    let (root, key) = (root(), crate::sample::signer());
    let subject = crate::sample::authority("Line 1");
    let certificate =
        root.issue(&profile(INTERMEDIATE), &subject, key.public_key(), &item(1).serial, NOW).unwrap();
    let issuer = Issuer::new(certificate, Box::new(Failing(key, AtomicU64::new(0)))).unwrap();
    let (template, above) = template(issuer);
    let batch = Batch::on_cores(
        cores(1),
        template.checking_signatures().unwrap(),
        above,
        (0..300).map(item),
        |made| made,
    );
    let made: Vec<_> = batch.collect();
    assert_eq!(made.len(), 101);
    assert!(matches!(&made[100], Err(BatchError::Issue { source, .. })
        if matches!(**source, IssueError::BadSignature { .. })));
}

#[test]
fn a_thread_that_breaks_off_is_an_error_and_no_end() {
    let (template, above) = template(line());
    let batch = Batch::on_cores(cores(2), template, above, (0..1000).map(item), |made| {
        assert_ne!(made.item, item(100), "broken for the test");
    });
    let made: Vec<_> = batch.collect();
    assert_eq!(made.len(), 65);
    assert!(matches!(made[64], Err(BatchError::Thread)));
}

const A_WHILE: Duration = Duration::from_millis(1);

/// A key in a token that answers after a while.
#[derive(Debug)]
struct Remote {
    key: SoftwareSigner,
    under_way: Arc<[AtomicU64; 2]>,
    answers_after: Duration,
    /// It is pulled out after so many signatures.
    most: u64,
    signed: AtomicU64,
}

impl Signer for Remote {
    fn public_key(&self) -> &PublicKey {
        self.key.public_key()
    }

    fn sign(&self, message: &[u8]) -> Result<Vec<u8>, SignerError> {
        let [now, peak] = &*self.under_way;
        peak.fetch_max(now.fetch_add(1, Ordering::SeqCst) + 1, Ordering::SeqCst);
        std::thread::sleep(self.answers_after);
        now.fetch_sub(1, Ordering::SeqCst);
        if self.signed.fetch_add(1, Ordering::SeqCst) < self.most {
            self.key.sign(message)
        } else {
            Err(SignerError::NotSupported)
        }
    }

    fn is_in_token(&self) -> bool {
        true
    }
}

/// With the counts of signatures under way: now, and at most.
fn remote(answers_after: Duration, most: u64) -> (Template, Vec<Certificate>, Arc<[AtomicU64; 2]>) {
    let (root, key) = (root(), crate::sample::signer());
    let subject = crate::sample::authority("Line 1");
    let certificate =
        root.issue(&profile(INTERMEDIATE), &subject, key.public_key(), &item(1).serial, NOW).unwrap();
    let under_way = Arc::new([AtomicU64::new(0), AtomicU64::new(0)]);
    let signer = Remote { key, under_way: under_way.clone(), answers_after, most, signed: AtomicU64::new(0) };
    let (template, above) = template(Issuer::new(certificate, Box::new(signer)).unwrap());
    (template.checking_signatures().unwrap(), above, under_way)
}

#[test]
fn a_token_that_does_several_at_a_time_is_asked_for_several_and_order_is_kept() {
    for count in [1, 2] {
        let (template, above, under_way) = remote(A_WHILE, u64::MAX);
        let batch = Batch::on_cores(cores(count), template, above, (0..1500).map(item), |made| made.item);
        let made: Vec<BatchItem> = batch.map(Result::unwrap).collect();
        assert!(made.into_iter().eq((0..1500).map(item)));
        let [now, peak] = [0, 1].map(|which: usize| under_way[which].load(Ordering::SeqCst));
        assert!(now == 0 && (2..=16).contains(&peak), "{count} {peak}");
    }
}

#[test]
fn a_token_that_is_pulled_out_ends_the_batch_behind_what_was_signed() {
    for most in [0, 1, 400] {
        let (template, above, under_way) = remote(A_WHILE, most);
        let mut batch = Batch::on_cores(cores(2), template, above, (0..).map(item), |made| made.item);
        let made: Vec<_> = batch.by_ref().collect();
        let (last, before) = made.split_last().unwrap();
        assert!(
            matches!(last, Err(BatchError::Issue { source, .. }) if matches!(**source, IssueError::Sign(_)))
        );
        assert!(before.len() as u64 <= most);
        assert!(
            before.iter().zip(0..).all(|(made, number)| matches!(made, Ok(made) if *made == item(number)))
        );
        assert!(batch.next().is_none() && under_way[0].load(Ordering::SeqCst) == 0);
    }
}

#[test]
fn a_batch_that_is_dropped_leaves_the_token_alone() {
    let (template, above, under_way) = remote(A_WHILE, u64::MAX);
    let mut batch = Batch::on_cores(cores(2), template, above, (0..).map(item), |made| made.item);
    for number in 0..300 {
        assert_eq!(batch.next().unwrap().unwrap(), item(number));
    }
    drop(batch);
    assert_eq!(under_way[0].load(Ordering::SeqCst), 0);
}

#[test]
fn a_batch_of_any_length_comes_to_its_end() {
    for (length, count) in
        [0, 1, 63, 64, 65, 200].into_iter().flat_map(|length| [1, 2, 4].map(|count| (length, count)))
    {
        let token = remote(Duration::ZERO, u64::MAX);
        for (template, above) in [template(line()), (token.0, token.1)] {
            let batch =
                Batch::on_cores(cores(count), template, above, (0..length).map(item), |made| made.item);
            let made: Vec<BatchItem> = batch.map(Result::unwrap).collect();
            assert!(made.into_iter().eq((0..length).map(item)), "{length} on {count}");
        }
    }
}
