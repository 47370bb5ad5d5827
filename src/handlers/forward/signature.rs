//! Signatures as <https://www.standardwebhooks.com> writes them down: one for each secret, so that secrets can be replaced.

use aws_lc_rs::hmac;
use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use secrecy::{ExposeSecret, SecretString};

const FORM: &str = "secrets must be \"whsec_\" and then base64 of 24 to 64 bytes; \
                    printf 'whsec_%s\\n' \"$(openssl rand -base64 32)\" makes one";

pub(super) struct Signer(Vec<hmac::Key>);

impl Signer {
    pub fn new(secrets: &[SecretString]) -> Result<Self, String> {
        let keys: Option<Vec<_>> = secrets.iter().map(|secret| key(secret.expose_secret())).collect();
        keys.map(Signer).ok_or_else(|| FORM.to_owned())
    }

    /// The header's value; none without secrets.
    pub fn sign(&self, id: &str, timestamp: &str, body: &[u8]) -> Option<String> {
        let one = |key| {
            let mut signed = hmac::Context::with_key(key);
            for part in [id.as_bytes(), b".", timestamp.as_bytes(), b".", body] {
                signed.update(part);
            }
            format!("v1,{}", BASE64_STANDARD.encode(signed.sign()))
        };
        (!self.0.is_empty()).then(|| self.0.iter().map(one).collect::<Vec<_>>().join(" "))
    }
}

fn key(secret: &str) -> Option<hmac::Key> {
    let bytes = BASE64_STANDARD.decode(secret.strip_prefix("whsec_")?).ok()?;
    (24..=64).contains(&bytes.len()).then(|| hmac::Key::new(hmac::HMAC_SHA256, &bytes))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn signer(secrets: &[&str]) -> Result<Signer, String> {
        Signer::new(&secrets.iter().map(|secret| SecretString::from(*secret)).collect::<Vec<_>>())
    }

    /// From the test suite of the Standard Webhooks libraries.
    #[test]
    fn it_signs_as_the_reference_does_once_for_each_secret() {
        const SECRET: &str = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";
        const SIGNATURE: &str = "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=";
        let sign = |secrets: &[&str]| {
            let signer = signer(secrets).unwrap();
            signer.sign("msg_p5jXN8AQM9LWM0D4loKWxJek", "1614265330", br#"{"test": 2432232314}"#)
        };
        assert_eq!(sign(&[SECRET]).unwrap(), SIGNATURE);
        let other = format!("whsec_{}", BASE64_STANDARD.encode([7; 64]));
        let both = sign(&[SECRET, &other]).unwrap();
        let (first, second) = both.split_once(' ').unwrap();
        assert_eq!(first, SIGNATURE);
        assert_eq!(Some(second), sign(&[&other]).as_deref());
        assert_eq!(sign(&[]), None);
    }

    #[test]
    fn a_secret_of_another_form_is_refused_and_not_repeated() {
        let of = |length: usize| BASE64_STANDARD.encode(vec![7; length]);
        for length in [24, 32, 64] {
            assert!(signer(&[&format!("whsec_{}", of(length))]).is_ok(), "{length} bytes");
        }
        for wrong in [
            String::new(),
            "whsec_".to_owned(),
            "hunter2".to_owned(),
            of(32),
            format!("WHSEC_{}", of(32)),
            format!("whsec_{}", of(23)),
            format!("whsec_{}", of(65)),
            format!("whsec_{}!", of(32)),
            format!("whsec_{} ", of(32)),
            "whsec_hunter2".to_owned(),
        ] {
            let Err(said) = signer(&["whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", &wrong]) else { panic!("{wrong:?}") };
            assert!(said.contains("24 to 64 bytes") && !said.contains("hunter2"), "{said}");
        }
    }
}
