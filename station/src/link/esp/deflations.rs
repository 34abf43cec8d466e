//! What many units get alike, deflated once.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::thread;

use md5::{Digest, Md5};
use miniz_oxide::deflate::compress_to_vec_zlib;

use super::Md5Digest;
use super::write::SEGMENT;
use crate::vault::Secret;

/// A higher level has no gain on the line.
const LEVEL: u8 = 6;

type Once = Arc<OnceLock<Arc<[u8]>>>;

/// Segments of the released firmware as they go over the wire, by their MD5. Clones share them: whichever fixture needs one
/// first deflates it, and the others wait for that.
#[derive(Debug, Clone, Default)]
pub struct Deflations(Arc<Mutex<HashMap<Md5Digest, Once>>>);

impl Deflations {
    /// Deflates what units are going to need, in a thread of its own: so long the line would rest.
    pub fn begin(&self, ranges: Vec<Secret>) {
        let here = self.clone();
        let work = move || {
            for segment in ranges.iter().flat_map(|range| range.bytes().chunks(SEGMENT as usize)) {
                here.of(segment);
            }
        };
        // Without the thread, whoever needs one first deflates it.
        let _ = thread::Builder::new().name("deflate".to_owned()).spawn(work);
    }

    pub(super) fn of(&self, content: &[u8]) -> Arc<[u8]> {
        let digest = Md5::digest(content).into();
        let once = {
            let mut known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
            Arc::clone(known.entry(digest).or_default())
        };
        Arc::clone(once.get_or_init(|| compress_to_vec_zlib(content, LEVEL).into()))
    }
}

#[cfg(test)]
mod tests {
    use miniz_oxide::inflate::decompress_to_vec_zlib;

    use super::*;

    #[test]
    fn clones_share_one_of_each_content() {
        let (here, there) = (Deflations::default(), Deflations::default());
        let contents = [vec![0; 5000], vec![1; 5000]];
        let made = contents.each_ref().map(|content| here.of(content));
        for (content, made) in contents.iter().zip(&made) {
            assert_eq!(&decompress_to_vec_zlib(made).unwrap(), content);
            assert!(Arc::ptr_eq(made, &here.clone().of(content)));
            assert!(!Arc::ptr_eq(made, &there.of(content)));
        }
    }

    #[test]
    fn what_was_begun_with_is_there_segment_by_segment() {
        let content = vec![7; SEGMENT as usize + 4096];
        let deflations = Deflations::default();
        deflations.begin(vec![Secret::new(content.clone())]);
        let done = || deflations.0.lock().unwrap().values().filter(|once| once.get().is_some()).count();
        while done() < 2 {
            thread::yield_now();
        }
        content.chunks(SEGMENT as usize).for_each(|segment| drop(deflations.of(segment)));
        assert_eq!(deflations.0.lock().unwrap().len(), 2);
    }
}
