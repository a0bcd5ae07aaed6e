//! A manifest, as text that somebody sends.

use bailiwick_policy::{
    AccountPolicy, Numbers, compile,
    manifest::{self, Manifest},
};

/// Reads a manifest; one that is accepted compiles, twice the same, and its canonical form is
/// the same manifest.
///
/// # Panics
/// One of these does not hold, or a fault has no place or no message.
pub(crate) fn run(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else {
        return;
    };
    let manifest = match manifest::parse(text) {
        Ok(manifest) => manifest,
        Err(faults) => {
            assert!(!faults.is_empty(), "refused without a fault");
            for fault in faults {
                assert!(fault.line > 0 && fault.column > 0, "no place: {fault:?}");
                assert!(!fault.message.is_empty(), "no message: {fault:?}");
            }
            return;
        }
    };
    assert_eq!(manifest.check(), [], "accepted with faults");
    let canonical = serde_json::to_string(&manifest).expect("a manifest is JSON");
    let back: Manifest = serde_json::from_str(&canonical).expect("the canonical form is a manifest");
    assert_eq!(back, manifest);
    assert!(manifest.diff(&back).is_empty(), "a manifest differs from itself");
    let (product, numbers) = compile(&manifest, Numbers::default()).expect("what is accepted compiles");
    let (_, again) = compile(&manifest, numbers.clone()).expect("the next version compiles");
    assert_eq!(numbers, again, "numbers are given once");
    let policy = AccountPolicy::compile(
        product.into(),
        vec![],
        vec![],
        std::collections::BTreeMap::default(),
    );
    assert_eq!(policy.faults(), []);
}
