use super::*;

const APP: u64 = 1_400_000_000;
const TIME: i64 = 1_669_872_112;
const DAY: i64 = 86_400;

fn secret_key() -> SecretString {
    SecretString::from("5bd2850fff3ecb11d7c805251c51ee463a25727bddc2385f3fa8bfee1bb93b5e")
}

fn made() -> String {
    make(&secret_key(), APP, "xiaojun", TIME, DAY)
}

#[test]
fn the_outside_vector_holds() {
    let json = read(&made()).unwrap();
    assert_eq!(json.sig, "ZRvw6lKxEkAr2jQT2jSZnddJTIZvg2P6A3uWtTdF2MM=");
    assert_eq!((json.ver.as_str(), json.identifier.as_str()), ("2.0", "xiaojun"));
    assert_eq!((json.sdkappid, json.time, json.expire), (APP, TIME, DAY));
}

#[test]
fn it_is_written_in_the_vendors_alphabet() {
    for expire in 1..200 {
        let usersig = make(&secret_key(), APP, "xiaojun", TIME, expire);
        assert!(usersig.bytes().all(|b| b.is_ascii_alphanumeric() || b"*-_".contains(&b)), "{usersig}");
    }
}

#[test]
fn it_is_good_until_it_expires() {
    let claims = Claims { identifier: "xiaojun".to_owned(), sdk_app_id: APP, time: TIME, expire: DAY };
    for now in [TIME, TIME + DAY] {
        assert_eq!(check(&made(), &secret_key(), APP, "xiaojun", now), Ok(claims.clone()));
    }
    assert_eq!(check(&made(), &secret_key(), APP, "xiaojun", TIME + DAY + 1), Err(UserSigError::Expired));
    assert_eq!(check(&format!("{}\n", made()), &secret_key(), APP, "xiaojun", TIME), Ok(claims));
}

#[test]
fn it_says_what_is_wrong() {
    let wrong = |usersig: &str, key: &SecretString, app, identifier| {
        check(usersig, key, app, identifier, TIME).expect_err("it is refused")
    };
    assert_eq!(wrong(&made(), &secret_key(), APP + 1, "xiaojun"), UserSigError::OtherApp);
    assert_eq!(wrong(&made(), &secret_key(), APP, "xiaohong"), UserSigError::OtherIdentifier);
    assert_eq!(wrong(&made(), &SecretString::from("other"), APP, "xiaojun"), UserSigError::WrongSignature);
    for unreadable in ["", "xxx", &made()[1..], &made()[..made().len() / 2]] {
        assert_eq!(wrong(unreadable, &secret_key(), APP, "xiaojun"), UserSigError::Unreadable, "{unreadable:?}");
    }
}

#[test]
fn one_that_unpacks_to_a_lot_is_not_unpacked() {
    let bomb = deflated(&vec![b' '; 50 << 20]);
    let usersig = BASE64_STANDARD.encode(bomb).replace('+', "*").replace('/', "-").replace('=', "_");
    assert_eq!(check(&usersig, &secret_key(), APP, "xiaojun", TIME), Err(UserSigError::Unreadable));
}
