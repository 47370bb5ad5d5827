//! The vendor's error codes, as its pages list them, and what they say.

use serde::Serialize;

/// Why a request, or a part of it, was refused.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Refusal {
    /// ErrorCode or ResultCode.
    pub code: u32,
    /// ErrorInfo or ResultInfo.
    pub info: String,
}

impl Refusal {
    /// With the words of the pages.
    pub fn new(code: u32) -> Self {
        Refusal { code, info: meaning(code).to_owned() }
    }

    /// With what exactly is wrong.
    pub fn because(code: u32, info: impl Into<String>) -> Self {
        Refusal { code, info: info.into() }
    }
}

/// What a code means. Names of the form `Err_…` are the vendor's own, from the pages' samples.
pub fn meaning(code: u32) -> &'static str {
    match code {
        40001 => "Err_Profile_Comm_Decode_Fail",
        40002 => "To_Account is not specified",
        40003 => "the requested account does not exist",
        40004 => "the request requires app admin permission",
        40006 => "internal server error, try again later",
        40007 => "no permission to read this profile field",
        40008 => "no permission to write this profile field",
        40009 => "the tag of a profile field does not exist",
        40601 => "the value of a profile field exceeds 500 bytes",
        40605 => "incorrect value of a standard profile field",
        40610 => "incorrect value type of a profile field",
        60002 => "HTTP parsing error, check the request URL",
        60003 => "the body is not JSON",
        60004 | 60005 => "account or signature error in URL or body",
        60006 => "the SDKAppID is invalid",
        60007 => "the API is called too frequently",
        60008 => "service request timed out",
        60009 => "there is no such API, check the request URL",
        60010 => "the request requires app admin permission",
        60011 => "too many requests of this SDKAppID",
        60012 => "sdkappid is missing in the request URL",
        60013 => "the answer could not be written",
        60014 => "account conversion timed out",
        60018 | 60019 => "too many requests, try again later",
        60025 => "a parameter in the request URL is wrong or missing",
        60026 => "the SDKAppID does not belong to this region's domain",
        70001 => "the UserSig has expired",
        70003 => "the UserSig cannot be read",
        70009 => "the UserSig was not made with this app's key",
        70013 => "the UserSig was made for another identifier",
        70014 => "the UserSig was made for another SDKAppID",
        70020 => "the SDKAppID does not exist",
        70050 => "too many failed UserSig checks, wait a minute",
        70107 => "the account is not imported",
        70169 => "server time-out, try again later",
        70202 | 70500 => "server error, try again later",
        70402 => "a parameter is missing or wrong",
        70403 => "the request requires app admin permission",
        90001 => "failed to parse the JSON",
        90009 => "the request requires app admin permission",
        90018 => "too many accounts",
        90033 => "the attribute is invalid",
        90035 => "an attribute belongs to one account type only",
        90994 | 90995 | 91000 => "internal service error, try again",
        _ => "refused by the emulator",
    }
}
