//! Forgeries: from one good request, each part of its authentication is made wrong, alone and with each other one. None is
//! taken. What is good is decided here, from the vendor's words, with other code than the program's.

mod good;
mod request;
mod spoil;

use std::collections::BTreeSet;
use std::time::Instant;

use futures_util::future::join_all;

use crate::harness::db::Database;
use crate::harness::service::{Launch, Service};
use good::{Verdict, World};
use request::Request;
use spoil::{single_digits, spoilings};

/// Each a connection that is kept open.
const CONNECTIONS: usize = 8;

/// A request and how it came to be.
struct Variant {
    name: String,
    request: Request,
}

/// Every way alone and every two of them together, and each digit of Sign and RequestTime changed to each other one.
fn variants(world: &World) -> Vec<Variant> {
    let good = Request::good(world);
    let ways = spoilings(world);
    let mut variants = Vec::new();
    let mut add = |name: String, request: Request| variants.push(Variant { name, request });
    for (at, (name, spoil)) in ways.iter().enumerate() {
        let once = spoil(good.clone());
        for (second, spoil) in &ways[at + 1..] {
            add(format!("{name}, then {second}"), spoil(once.clone()));
        }
        add(name.clone(), once);
    }
    for (name, request) in single_digits(&good) {
        add(name, request);
    }
    let mut seen = BTreeSet::new();
    variants.retain(|variant| seen.insert(variant.request.bytes()));
    variants
}

/// Sends them all; what each was answered, in order.
async fn send(service: &Service, variants: &[Variant]) -> Vec<u16> {
    let part = variants.len().div_ceil(CONNECTIONS).max(1);
    let parts = variants.chunks(part).map(async |part| {
        let mut wire = service.connect().await;
        let mut statuses = Vec::with_capacity(part.len());
        for variant in part {
            wire.send(variant.request.bytes()).await;
            let answer = wire.answer().await;
            if answer.status == 200 || answer.header("connection") != Some("close") {
                assert!(answer.text.starts_with("{\"ActionStatus\":\""), "{}: {answer:?}", variant.name);
            } else {
                wire = service.connect().await;
            }
            statuses.push(answer.status);
        }
        statuses
    });
    join_all(parts).await.concat()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_forgery_is_taken_and_none_leaves_anything_behind() {
    let db = Database::sqlite().await;
    let world = World::now();
    let launch =
        Launch::on(&db).app(world.app, &[&world.old_token, &world.token]).app(world.other_app, &[&world.other_token]);
    // The window is wide so that a busy machine does not make good ones stale.
    let service = launch.toml("[receiver]\nsign_window_secs = 600").start().await;

    let begun = Instant::now();
    let (forged, good): (Vec<_>, Vec<_>) =
        variants(&world).into_iter().partition(|variant| world.judge(&variant.request) == Verdict::Forged);
    assert!(forged.len() > 5000, "{} forgeries", forged.len());
    assert!(good.len() > 50, "some changes change nothing: {}", good.len());
    let statuses = send(&service, &forged).await;
    for (variant, status) in forged.iter().zip(statuses) {
        assert!(
            [400, 401, 403].contains(&status),
            "{status}: {}\n{}",
            variant.name,
            String::from_utf8_lossy(&variant.request.bytes())
        );
    }
    assert_eq!(service.verified_entries(), 0, "nothing is recorded");
    assert!(service.unreadable().is_empty(), "nothing is kept");
    for outcome in ["recorded", "duplicate", "check", "acknowledged", "unreadable", "bad_command", "stale"] {
        let counted = service.metric("portraitd_callbacks_total", &format!("outcome=\"{outcome}\"")).await;
        assert_eq!(counted, 0.0, "{outcome}");
    }
    println!("{} forgeries in {} ms", forged.len(), begun.elapsed().as_millis());

    let first = [Variant { name: "the good one".to_owned(), request: Request::good(&world) }];
    assert_eq!(send(&service, &first).await, [200], "the good one is taken");
    assert_eq!(service.verified_entries(), 1, "and recorded");
    let statuses = send(&service, &good).await;
    for (variant, status) in good.iter().zip(statuses) {
        assert!(![401, 403].contains(&status), "{status}: {} is as good as the good one", variant.name);
    }
    assert_eq!(service.metric("portraitd_panics_total", "").await, 0.0);
}
