//! The vendor's error codes: what each one means, and whether trying again helps.

use std::time::Duration;

/// The account does not exist.
pub const NO_SUCH_ACCOUNT: i64 = 40003;

/// What to do about an error code.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Advice {
    /// The same request will fail again.
    Never,
    /// It may work a little later.
    BackOff,
    /// Too much was asked; it may work after so long.
    Throttle(Duration),
    /// It may work with a UserSig made anew.
    NewUserSig,
}

const THROTTLED: Duration = Duration::from_secs(1);
const LOCKED_OUT: Duration = Duration::from_secs(60);

/// What to do about it. Of a code that is not known, nothing.
pub fn advice(code: i64) -> Advice {
    match code {
        40006 | 60004 | 60005 | 60008 | 60014 | 70169 | 70202 | 70500 | 90994 | 90995 | 91000 => Advice::BackOff,
        60007 | 60011 | 60018 | 60019 => Advice::Throttle(THROTTLED),
        70050 => Advice::Throttle(LOCKED_OUT),
        70001 => Advice::NewUserSig,
        _ => Advice::Never,
    }
}

/// What it means, if it is known.
pub fn meaning(code: i64) -> Option<&'static str> {
    let at = MEANINGS.binary_search_by_key(&code, |(code, _)| *code).ok()?;
    Some(MEANINGS[at].1)
}

/// Every code that is known here, in their order.
pub const MEANINGS: [(i64, &str); 58] = [
    (40001, "the request is not of the form this API wants"),
    (40002, "To_Account is missing"),
    (40003, "the account does not exist: import it first"),
    (40004, "the identifier is not an administrator of the app"),
    (40006, "an internal error of the vendor's"),
    (40007, "no permission to read this profile field"),
    (40008, "no permission to write this profile field"),
    (40009, "there is no such profile field: a custom one must be made in the console first"),
    (40601, "a value is longer than 500 bytes"),
    (40605, "a standard field cannot have this value"),
    (40610, "a standard field's value is of another type"),
    (60002, "the URL could not be parsed"),
    (60003, "the JSON could not be parsed"),
    (60004, "the account or the signature was not taken"),
    (60005, "the account or the signature was not taken"),
    (60006, "the SDKAppID is no longer valid"),
    (60007, "this API is called too often"),
    (60008, "the vendor took too long"),
    (60009, "there is no such API: is the base URL right?"),
    (60010, "the identifier is not an administrator of the app"),
    (60011, "the app's APIs are called too often"),
    (60012, "sdkappid is missing in the URL"),
    (60013, "the vendor could not read its own answer"),
    (60014, "the vendor took too long to look the account up"),
    (60015, "an account is not a string"),
    (60016, "the app is disabled"),
    (60017, "the request is forbidden"),
    (60018, "too many requests"),
    (60019, "too many requests"),
    (60020, "the app's package has run out"),
    (60021, "this address may not call the API: see the console's list of addresses"),
    (60025, "a parameter of the URL is wrong"),
    (60026, "the app is of another region: set tencent.region"),
    (70001, "the UserSig has expired"),
    (70003, "the UserSig cannot be read"),
    (70009, "the UserSig was made with another key: is it this app's secret key?"),
    (70013, "the UserSig is of another identifier"),
    (70014, "the UserSig is of another SDKAppID"),
    (70016, "the app has no such key: are SDKAppID and region right?"),
    (70020, "there is no such app: are SDKAppID and region right?"),
    (70050, "wrong UserSigs too often: wait a minute"),
    (70051, "the account is blocked"),
    (70107, "the account was never imported"),
    (70169, "the vendor took too long"),
    (70202, "the vendor took too long"),
    (70398, "the app has as many accounts as its package allows"),
    (70399, "an account of this name was deleted not long ago"),
    (70402, "a parameter is missing or wrong"),
    (70403, "the identifier is not an administrator of the app"),
    (70500, "an internal error of the vendor's"),
    (90001, "the JSON could not be parsed"),
    (90009, "the identifier is not an administrator of the app"),
    (90018, "more accounts than one request may have"),
    (90033, "an attribute is not valid: its name must be set first (push-attrs names)"),
    (90035, "an attribute is for one kind of account only: UserIDs, or RegistrationIDs"),
    (90994, "an internal error of the vendor's"),
    (90995, "an internal error of the vendor's"),
    (91000, "an internal error of the vendor's"),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn meanings_are_in_order_so_that_they_are_found() {
        assert!(MEANINGS.is_sorted_by_key(|(code, _)| *code));
        assert!(MEANINGS.iter().all(|(code, text)| meaning(*code) == Some(text)));
        assert_eq!(meaning(0), None);
    }
}
