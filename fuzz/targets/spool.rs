//! Any bytes as a spool file: what was written whole is found whatever surrounds it, and what is found was written.

#![no_main]

use libfuzzer_sys::fuzz_target;
use portraitd_fuzz::journal::spool::record::{Found, Record, What, read};
use portraitd_fuzz::journal::{with_check, written};

fuzz_target!(|input: &[u8]| {
    // As it is, and as a payload that passed its check.
    all(input);
    let framed = with_check(input, 7);
    let good = sample();
    assert_eq!(all(&good), [1]);

    // Between good ones, whatever it is: the good ones are found.
    let both = [&good[..], &framed, &good].concat();
    let numbers = all(&both);
    assert!(numbers == [1, 7, 1] || numbers == [1, 1], "{numbers:?}");
    let garbage = [&good[..], input, &good].concat();
    let numbers = all(&garbage);
    assert!(numbers.first() == Some(&1) && numbers.last() == Some(&1), "{numbers:?}");

    // Cut anywhere: the first is found if it is whole.
    let cut = input.len() % both.len();
    let numbers = all(&both[..cut]);
    assert_eq!(numbers.first() == Some(&1), cut >= good.len());
});

/// The numbers of all records; each is, byte for byte, what would be written for what was read.
fn all(mut bytes: &[u8]) -> Vec<u64> {
    let mut numbers = Vec::new();
    while let Some(Found { what, taken }) = read(bytes) {
        assert!(taken > 0 && taken <= bytes.len(), "it gets on");
        if let What::Record(record, number) = what {
            let again = written(&record, number);
            // A callback that today's rules cannot read comes back as unreadable.
            if again != bytes[..taken] {
                assert!(matches!(record, Record::Unreadable(_)), "an entry is what was written");
                assert!(matches!(read(&again), Some(Found { what: What::Record(..), .. })));
            }
            numbers.push(number);
        }
        bytes = &bytes[taken..];
    }
    numbers
}

/// A good record, number 1.
fn sample() -> Vec<u8> {
    let fields: [Option<&[u8]>; 9] = [
        Some(&[9; 16]),
        Some(&1_760_000_000_000_i64.to_be_bytes()),
        Some(&1_400_000_000_i64.to_be_bytes()),
        Some(b"sign"),
        Some(b"203.0.113.7"),
        None,
        Some(b"Profile.CallbackPortraitSet"),
        Some(b"the body is not a JSON object"),
        Some(b"[]"),
    ];
    let mut payload = vec![2];
    for field in fields {
        payload.extend(field.map_or(u32::MAX, |field| field.len() as u32).to_be_bytes());
        payload.extend(field.unwrap_or_default());
    }
    with_check(&payload, 1)
}
