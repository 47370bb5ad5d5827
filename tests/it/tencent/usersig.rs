//! UserSig against an implementation of the vendor's formula that is not ours: Python's zlib, hmac and base64.

use std::process::Command;

use portraitd::tencent::usersig::{UserSigError, check, make};
use secrecy::SecretString;

use super::{APP, SECRET_KEY};

const TIME: i64 = 1_669_872_112;

const PYTHON: &str = r#"
import base64, hashlib, hmac, json, sys, zlib
what, key, app, identifier, time, expire, usersig = sys.argv[1:]
def sig(app, identifier, time, expire):
    text = "TLS.identifier:%s\nTLS.sdkappid:%s\nTLS.time:%s\nTLS.expire:%s\n" % (identifier, app, time, expire)
    return base64.b64encode(hmac.new(key.encode(), text.encode(), hashlib.sha256).digest()).decode()
if what == "make":
    claims = {"TLS.ver": "2.0", "TLS.identifier": identifier, "TLS.sdkappid": int(app), "TLS.expire": int(expire),
              "TLS.time": int(time), "TLS.sig": sig(app, identifier, time, expire)}
    packed = base64.b64encode(zlib.compress(json.dumps(claims).encode(), 9)).decode()
    print(packed.replace("+", "*").replace("/", "-").replace("=", "_"))
else:
    packed = usersig.replace("*", "+").replace("-", "/").replace("_", "=")
    claims = json.loads(zlib.decompress(base64.b64decode(packed)))
    assert claims.pop("TLS.sig") == sig(app, identifier, time, expire)
    assert claims == {"TLS.ver": "2.0", "TLS.identifier": identifier, "TLS.sdkappid": int(app),
                      "TLS.expire": int(expire), "TLS.time": int(time)}, claims
"#;

fn python(what: &str, identifier: &str, expire: i64, usersig: &str) -> String {
    let (app, time, expire) = (APP.to_string(), TIME.to_string(), expire.to_string());
    let mut command = Command::new("python3");
    command.args(["-c", PYTHON, what, SECRET_KEY, &app, identifier, &time, &expire, usersig]);
    let output = command.output().expect("python3 runs");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).expect("ASCII")
}

#[test]
fn others_can_read_ours_and_we_can_read_theirs() {
    let key = SecretString::from(SECRET_KEY);
    for (identifier, expire) in [("xiaojun", 86_400), ("administrator", 1), ("a b~\"\\", 15_552_000), ("用户", 60)] {
        python("check", identifier, expire, &make(&key, APP, identifier, TIME, expire));
        let theirs = python("make", identifier, expire, "");
        let claims = check(&theirs, &key, APP, identifier, TIME).expect("it is good");
        assert_eq!((claims.identifier.as_str(), claims.time, claims.expire), (identifier, TIME, expire));
        assert_eq!(check(&theirs, &key, APP, identifier, TIME + expire + 1), Err(UserSigError::Expired));
        assert_eq!(check(&theirs, &"other".into(), APP, identifier, TIME), Err(UserSigError::WrongSignature));
    }
}
