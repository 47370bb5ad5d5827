//! How often something is done: a number and a unit, such as `"1h"`.

use std::time::Duration;

use serde::Deserialize;

/// The time from one time to the next.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(try_from = "String")]
pub struct Every(pub Duration);

impl TryFrom<String> for Every {
    type Error = &'static str;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        const FORM: &str = "must be a number and s, m, h or d, such as \"30s\" or \"1h\", and more than 0";
        let (number, unit) = text.split_at_checked(text.len().saturating_sub(1)).ok_or(FORM)?;
        let unit: u32 = match unit {
            "s" => 1,
            "m" => 60,
            "h" => 3600,
            "d" => 86_400,
            _ => return Err(FORM),
        };
        let is_number = number.bytes().all(|byte| byte.is_ascii_digit());
        let number: u32 = number.parse().ok().filter(|number| is_number && *number > 0).ok_or(FORM)?;
        Ok(Every(Duration::from_secs(u64::from(number) * u64::from(unit))))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_a_number_and_a_unit() {
        for (text, seconds) in [("1s", 1), ("90m", 5400), ("1h", 3600), ("7d", 604_800)] {
            assert_eq!(Every::try_from(text.to_owned()), Ok(Every(Duration::from_secs(seconds))), "{text}");
        }
        for wrong in ["", "h", "1", "0s", "-1h", "+1h", "1 h", "1H", "1.5h", "1w", "1h30m", "1秒", "99999999999s"] {
            assert!(Every::try_from(wrong.to_owned()).is_err(), "{wrong:?}");
        }
    }
}
