//! An operator with one account and its user, as NATS's own tools make them: signed JWTs, and a credentials file.

use base64::Engine;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use nkeys::KeyPair;
use serde_json::{Value, json};

pub struct Operator {
    operator: KeyPair,
    system: KeyPair,
    account: KeyPair,
}

impl Operator {
    pub fn new() -> Self {
        let (operator, system) = (KeyPair::new_operator(), KeyPair::new_account());
        Operator { operator, system, account: KeyPair::new_account() }
    }

    /// What a server is configured with that knows them.
    pub fn config(&self) -> String {
        let operator = self.signed(&self.operator, json!({"type": "operator", "version": 2}));
        let limits = json!({
            "subs": -1, "data": -1, "payload": -1, "imports": -1, "exports": -1, "wildcards": true, "conn": -1,
            "leaf": -1, "mem_storage": -1, "disk_storage": -1, "streams": -1, "consumer": -1,
        });
        let account = self.signed(&self.account, json!({"limits": limits, "type": "account", "version": 2}));
        let mut limits = limits;
        for key in ["mem_storage", "disk_storage", "streams", "consumer"] {
            limits[key] = json!(0);
        }
        let system = self.signed(&self.system, json!({"limits": limits, "type": "account", "version": 2}));
        let (account_id, system_id) = (self.account.public_key(), self.system.public_key());
        format!(
            "operator: {operator}\nsystem_account: {system_id}\nresolver: MEMORY\n\
             resolver_preload: {{ {account_id}: {account}, {system_id}: {system} }}"
        )
    }

    /// A new user's credentials file.
    pub fn credentials(&self) -> String {
        let user = KeyPair::new_user();
        let nats = json!({"pub": {}, "sub": {}, "subs": -1, "data": -1, "payload": -1, "type": "user", "version": 2});
        let jwt = jwt(&self.account, &user, nats);
        let seed = user.seed().expect("a seed");
        format!(
            "-----BEGIN NATS USER JWT-----\n{jwt}\n------END NATS USER JWT------\n\n\
             -----BEGIN USER NKEY SEED-----\n{seed}\n------END USER NKEY SEED------\n"
        )
    }

    fn signed(&self, subject: &KeyPair, nats: Value) -> String {
        jwt(&self.operator, subject, nats)
    }
}

fn jwt(issuer: &KeyPair, subject: &KeyPair, nats: Value) -> String {
    let encode = |value: Value| BASE64_URL_SAFE_NO_PAD.encode(value.to_string());
    let subject = subject.public_key();
    let claims = json!({
        "jti": subject, "iat": 1_700_000_000, "iss": issuer.public_key(), "name": subject, "sub": subject, "nats": nats,
    });
    let signed = format!("{}.{}", encode(json!({"typ": "JWT", "alg": "ed25519-nkey"})), encode(claims));
    let signature = issuer.sign(signed.as_bytes()).expect("a signature");
    format!("{signed}.{}", BASE64_URL_SAFE_NO_PAD.encode(signature))
}
