//! What an error means for the callback: again, later, or never.

use crate::dispatch::{Context, Outcome};
use crate::tencent::Error;
use crate::tencent::code::Advice;

/// The outcome, with the reason.
pub(super) fn of(error: &Error, cx: &Context) -> Outcome {
    match (error, error.advice()) {
        // The other limits are kept before it comes to this. The account itself is not for reasons.
        (Error::Limit(limit), _) => cx.reject(format!("its account cannot have attributes: it {}", limit.rule)),
        (_, Advice::Throttle(wait)) => {
            cx.because(error);
            Outcome::RetryAfter(wait)
        }
        _ if is_final(error) => cx.reject(error),
        _ => cx.retry(error),
    }
}

/// Whether this account's attributes will never be taken. What is wrong with key, region or permission concerns every account,
/// and is for an operator to mend: until then it is tried again.
pub(super) fn is_final(error: &Error) -> bool {
    match error {
        Error::Limit(_) => true,
        Error::Refused { code, .. } => error.advice() == Advice::Never && !is_of_the_app(*code),
        Error::Deadline { .. } | Error::Transport { .. } | Error::Answer { .. } => false,
    }
}

/// The gateway's codes, but for those that say something of one account; and that we are no administrator.
fn is_of_the_app(code: i64) -> bool {
    match code {
        70051 | 70107 | 70399 => false,
        60000..80000 | 90009 => true,
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    fn refused(code: i64) -> Error {
        Error::Refused { command: "set_attr", code, info: String::new() }
    }

    #[test]
    fn what_the_vendor_advises_is_done() {
        let cx = Context::detached();
        for code in [91000, 90994, 60008, 70169, 70500, 70001] {
            assert_eq!(of(&refused(code), &cx), Outcome::Retry, "{code}");
        }
        for (code, secs) in [(60018, 1), (60007, 1), (70050, 60)] {
            assert_eq!(of(&refused(code), &cx), Outcome::RetryAfter(Duration::from_secs(secs)), "{code}");
        }
        for code in [90001, 90018, 90033, 90035, 70107, 70051, 12345] {
            assert_eq!(of(&refused(code), &cx), Outcome::Reject, "{code}");
        }
    }

    #[test]
    fn what_an_operator_has_to_mend_is_tried_until_then() {
        let cx = Context::detached();
        for code in [60010, 60012, 60020, 60021, 60026, 70003, 70009, 70013, 70014, 70020, 90009] {
            assert_eq!(of(&refused(code), &cx), Outcome::Retry, "{code}");
        }
        let answer = Error::Answer { command: "set_attr", why: "it is HTML".to_owned() };
        assert_eq!(of(&answer, &cx), Outcome::Retry, "something else stands where the vendor should");
    }

    #[test]
    fn a_call_that_ran_out_of_time_is_tried_again_when_its_last_error_says() {
        let cx = Context::detached();
        let late = |last: Option<Error>| Error::Deadline {
            command: "set_attr",
            after: Duration::from_secs(10),
            last: last.map(Box::new),
        };
        assert_eq!(of(&late(None), &cx), Outcome::Retry);
        assert_eq!(of(&late(Some(refused(70050))), &cx), Outcome::RetryAfter(Duration::from_secs(60)));
    }
}
