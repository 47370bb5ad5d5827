//! Any text as a cursor of the audit API.

#![no_main]

use libfuzzer_sys::fuzz_target;
use portraitd_fuzz::store::query::Place;

fuzz_target!(|text: &str| {
    let Ok(place) = text.parse::<Place>() else { return };
    assert!(place.seq >= 0 && place.ordinal >= 0, "{place:?}");
    let written = place.to_string();
    assert_eq!(written.parse(), Ok(place), "what is written is read");
    assert!(text.bytes().all(|byte| byte.is_ascii_digit() || byte == b'.'), "{text:?}");
});
