//! The ways in which a request is spoilt. Each is something that somebody without the tokens can do.

use aws_lc_rs::digest::{SHA1_FOR_LEGACY_USE_ONLY, SHA256, SHA512, digest};
use aws_lc_rs::hmac;

use super::good::{World, hex, sign};
use super::request::Request;

/// The three parts that prove where a callback comes from.
const PARTS: [&str; 3] = ["SdkAppid", "Sign", "RequestTime"];

/// A way, by its name.
type Spoiling = (String, Box<dyn Fn(Request) -> Request>);

fn spoiling(name: impl Into<String>, spoil: impl Fn(Request) -> Request + 'static) -> Spoiling {
    (name.into(), Box::new(spoil))
}

/// All ways.
pub fn spoilings(world: &World) -> Vec<Spoiling> {
    let mut ways = Vec::new();
    for part in PARTS {
        ways.extend(values(part));
        ways.extend(places(part));
    }
    ways.extend(signs(world));
    ways.extend(wholes());
    ways
}

/// A part's value, written differently.
fn values(part: &'static str) -> impl Iterator<Item = Spoiling> {
    type Rewriting = (&'static str, fn(&str) -> String);
    let ways: [Rewriting; 32] = [
        ("empty", |_| String::new()),
        ("null", |_| "null".to_owned()),
        ("zero", |_| "0".to_owned()),
        ("an asterisk", |_| "*".to_owned()),
        ("upper case", str::to_uppercase),
        ("without its first character", |v| v.chars().skip(1).collect()),
        ("without its last character", |v| v.chars().take(v.chars().count().saturating_sub(1)).collect()),
        ("half of it", |v| v.chars().take(v.chars().count() / 2).collect()),
        ("backwards", |v| v.chars().rev().collect()),
        ("twice in a row", |v| format!("{v}{v}")),
        ("a leading zero", |v| format!("0{v}")),
        ("a trailing zero", |v| format!("{v}0")),
        ("a leading space", |v| format!("%20{v}")),
        ("a trailing space", |v| format!("{v}%20")),
        ("a leading +", |v| format!("+{v}")),
        ("a leading escaped +", |v| format!("%2B{v}")),
        ("a trailing +", |v| format!("{v}+")),
        ("a minus", |v| format!("-{v}")),
        ("a trailing line break", |v| format!("{v}%0D%0A")),
        ("a trailing NUL", |v| format!("{v}%00")),
        ("a NUL and more", |v| format!("{v}%00x")),
        ("a byte order mark", |v| format!("%EF%BB%BF{v}")),
        ("broken UTF-8 behind", |v| format!("{v}%FF")),
        ("a decimal part", |v| format!("{v}.0")),
        ("quotes", |v| format!("%22{v}%22")),
        ("as hex number", |v| format!("0x{v}")),
        ("a list of two", |v| format!("{v},{v}")),
        ("wide digits", |v| v.replace('1', "%EF%BC%91")),
        ("a broken escape behind", |v| format!("{v}%")),
        ("escaped twice", |v| v.bytes().map(|byte| format!("%25{byte:02X}")).collect()),
        ("escaped, which changes nothing", |v| {
            if v.contains('%') { v.to_owned() } else { v.bytes().map(|b| format!("%{b:02x}")).collect() }
        }),
        ("its first character escaped, which changes nothing", |v| match v.as_bytes() {
            [first, ..] if first.is_ascii_alphanumeric() => format!("%{first:02X}{}", &v[1..]),
            _ => v.to_owned(),
        }),
    ];
    ways.into_iter().map(move |(name, rewrite)| {
        spoiling(format!("{part}: {name}"), move |request| {
            let value = request.value(part);
            request.set(part, &rewrite(&value))
        })
    })
}

/// A part in another place, under another name, more than once.
fn places(part: &'static str) -> Vec<Spoiling> {
    let named = |case: &str| format!("{part}: {case}");
    let moved = move |case: &str, to: fn(Request, &str, &str) -> Request| {
        spoiling(named(case), move |request: Request| {
            let value = request.value(part);
            to(request, part, &value)
        })
    };
    vec![
        moved("missing", |r, part, _| r.without(part)),
        moved("without a value", |r, part, _| r.followed(part, String::new())),
        moved("twice", |r, part, value| r.and(part, value)),
        moved("twice, another one first", |r, part, _| r.first(part, "1")),
        moved("twice, an empty one first", |r, part, _| r.first(part, "")),
        moved("twice, another one last", |r, part, _| r.and(part, "1")),
        moved("twice, one under its escaped name", |r, part, value| {
            r.and(&format!("%{:02X}{}", part.as_bytes()[0], &part[1..]), value)
        }),
        moved("in lower case", |r, part, _| r.renamed(part, &part.to_lowercase())),
        moved("in upper case", |r, part, _| r.renamed(part, &part.to_uppercase())),
        moved("as a list", |r, part, _| r.renamed(part, &format!("{part}[]"))),
        moved("with a space behind its name", |r, part, _| r.renamed(part, &format!("{part}+"))),
        moved("with a NUL behind its name", |r, part, _| r.renamed(part, &format!("{part}%00"))),
        moved("in a header", |r, part, value| r.without(part).header(part, value)),
        moved("in a cookie", |r, part, value| r.without(part).header("Cookie", &format!("{part}={}", value))),
        moved("behind a semicolon", |r, part, value| {
            let platform = r.value("OptPlatform");
            r.without(part).set("OptPlatform", &format!("{platform};{part}={value}"))
        }),
        moved("behind an escaped &", |r, part, value| {
            let platform = r.value("OptPlatform");
            r.without(part).set("OptPlatform", &format!("{platform}%26{part}={value}"))
        }),
        moved("in the body as a form", |r, part, value| r.without(part).body(format!("{part}={value}"))),
        moved("in the body as JSON", |r, part, value| r.without(part).body(format!("{{\"{part}\":\"{value}\"}}"))),
        moved("moved to the front, which changes nothing", |r, part, value| r.without(part).first(part, value)),
        moved("under its escaped name, which changes nothing", |r, part, _| {
            r.renamed(part, &format!("%{:02X}{}", part.as_bytes()[0], &part[1..]))
        }),
    ]
}

/// Other Signs, times and apps: those that somebody may know or make without the app's token.
fn signs(world: &World) -> Vec<Spoiling> {
    let (token, time) = (world.token.as_str(), world.time.as_str());
    let signed = |token: &str| sign(token, time);
    let digest_of = |algorithm, text: &str| hex(digest(algorithm, text.as_bytes()).as_ref());
    let keyed = hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, b""), time.as_bytes());
    let moment = |offset: i64| (time.parse::<i64>().expect("seconds") + offset).to_string();
    let mut ways: Vec<Spoiling> = [
        ("of no token", signed("")),
        ("of another token", signed("secret")),
        ("of the other app's token, which that app may carry", signed(&world.other_token)),
        ("of the token in upper case", signed(&token.to_uppercase())),
        ("of the token and a line break", signed(&format!("{token}\n"))),
        ("of the token and a space", signed(&format!("{token} "))),
        ("of the token escaped", signed("t0ken%2Fof%2Bthe%20app")),
        ("of both tokens", signed(&format!("{},{token}", world.old_token))),
        ("of the token's first half", signed(&token[..8])),
        ("of the app's number", signed(&world.app.to_string())),
        ("of the time alone", digest_of(&SHA256, time)),
        ("of nothing", digest_of(&SHA256, "")),
        ("of the same bytes by SHA-1", digest_of(&SHA1_FOR_LEGACY_USE_ONLY, &format!("{token}{time}"))),
        ("of the same bytes by SHA-512", digest_of(&SHA512, &format!("{token}{time}"))),
        ("an HMAC without a key", hex(keyed.as_ref())),
        ("the time itself", time.to_owned()),
        ("zeros", "0".repeat(64)),
        ("very long", "f".repeat(5000)),
    ]
    .into_iter()
    .map(|(case, sign)| spoiling(format!("Sign: {case}"), move |request: Request| request.set("Sign", &sign)))
    .collect();
    for (case, other) in [
        ("a second ago", moment(-1)),
        ("a second ahead", moment(1)),
        ("an hour ago", moment(-3600)),
        ("the epoch", "0".to_owned()),
        ("the end of i64", i64::MAX.to_string()),
        ("past the end of u64", "18446744073709551616".to_owned()),
        ("milliseconds", format!("{time}000")),
        ("an exponent", format!("{time}e0")),
    ] {
        ways.push(spoiling(format!("RequestTime: {case}"), move |request: Request| request.set("RequestTime", &other)));
    }
    for app in [world.other_app, 7, -world.app, i64::MAX] {
        let app = app.to_string();
        ways.push(spoiling(format!("SdkAppid: {app}"), move |request: Request| request.set("SdkAppid", &app)));
    }
    ways
}

/// What concerns more than one part, or none.
fn wholes() -> Vec<Spoiling> {
    let swapped = |one: &'static str, other: &'static str| {
        spoiling(format!("{one} and {other} swapped"), move |request: Request| {
            let (first, second) = (request.value(one), request.value(other));
            request.set(one, &second).set(other, &first)
        })
    };
    vec![
        swapped("SdkAppid", "Sign"),
        swapped("Sign", "RequestTime"),
        swapped("SdkAppid", "RequestTime"),
        spoiling("semicolons between the parameters", |r| r.between(";")),
        spoiling("escaped & between the parameters", |r| r.between("%26")),
        spoiling("two & between the parameters, which changes nothing", |r| r.between("&&")),
        spoiling("everything backwards, which changes nothing", Request::backwards),
        spoiling("no body", |r| r.body("")),
        spoiling("unknown parameters, which change nothing", |r| r.and("Token", "x").first("sign", "x")),
        spoiling("a bearer token", |r| r.header("Authorization", "Bearer admin")),
        spoiling("from localhost, it says", |r| {
            r.header("X-Forwarded-For", "127.0.0.1").header("X-Real-IP", "127.0.0.1")
        }),
        spoiling("another method, it says", |r| r.header("X-HTTP-Method-Override", "PUT")),
        spoiling("another URL, it says", |r| r.header("X-Original-URL", "/healthz")),
    ]
}

/// Each digit of Sign changed to each other one, and each of RequestTime.
pub fn single_digits(good: &Request) -> Vec<(String, Request)> {
    let mut changed = Vec::new();
    for (part, digits) in
        [("Sign", "0123456789abcdefABCDEFg"), ("RequestTime", "0123456789a"), ("SdkAppid", "0123456789a")]
    {
        let value = good.value(part);
        for at in 0..value.len() {
            for digit in digits.chars().filter(|digit| !value[at..].starts_with(*digit)) {
                let other = format!("{}{digit}{}", &value[..at], &value[at + 1..]);
                changed.push((format!("{part}: {digit} at {at}"), good.clone().set(part, &other)));
            }
        }
    }
    changed
}
