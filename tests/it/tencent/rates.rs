//! The documented rates, as the server sees them: never exceeded in any second, whoever asks and however often it fails.

use std::time::{Duration, SystemTime};

use futures_util::future::join_all;
use portraitd::emulator::{Emulator, Options, SDK_APP_ID, SECRET_KEY};
use portraitd::tencent::Client;

use super::{Backend, OK, answers, builder, item, refuses, strings};

/// When each of so many requests came.
async fn arrivals(backend: &mut Backend, count: usize) -> Vec<SystemTime> {
    let mut at = Vec::new();
    for _ in 0..count {
        at.push(backend.request().await.at);
    }
    at.sort_unstable();
    at
}

#[track_caller]
fn assert_never_above(rate: usize, arrivals: &[SystemTime]) {
    for window in arrivals.windows(rate + 1) {
        let took = window[rate].duration_since(window[0]).expect("sorted");
        assert!(took >= Duration::from_secs(1), "{} requests within {took:?}", rate + 1);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_thousand_queued_calls_are_never_above_200_in_any_second() {
    let mut backend = Backend::that([answers(OK)]).await;
    let client = builder(&backend).deadline(Duration::from_secs(60)).build().expect("a client");
    let calls = (0..1000).map(|number| {
        // Clones share the rate.
        let client = client.clone();
        async move { client.portrait_set(&format!("id{number}"), &[item("Tag_Profile_IM_Nick", "x")]).await }
    });
    assert!(join_all(calls).await.iter().all(Result::is_ok));
    let arrivals = arrivals(&mut backend, 1000).await;
    assert_never_above(200, &arrivals);
    let took = arrivals[999].duration_since(arrivals[0]).expect("sorted");
    println!("1,000 calls took {took:?}");
    assert!(took < Duration::from_secs(30), "nor far below: {took:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn attempts_that_fail_count_too_and_push_attributes_have_their_own_rate() {
    let mut backend = Backend::that([refuses(91000)]).await;
    let client = builder(&backend).deadline(Duration::from_secs(3)).build().expect("a client");
    let users = [("id".to_owned(), strings(&["sex"]))];
    let calls = (0..150).map(|_| client.remove_attr(&users));
    for results in join_all(calls).await {
        assert!(results.expect("a result for each")[0].1.is_err());
    }
    let count = backend.waiting();
    assert!(count > 200, "{count} attempts");
    assert_never_above(100, &arrivals(&mut backend, count).await);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_thousand_queued_calls_of_each_api_keep_its_rate_as_the_emulator_counts_it() {
    let emulator = Emulator::start(Options::default()).await.expect("it starts");
    emulator.import("id");
    let builder = Client::builder(SDK_APP_ID, SECRET_KEY.into()).base_url(&emulator.base_url());
    let client = builder.deadline(Duration::from_secs(60)).build().expect("a client");
    let (accounts, tags, items) =
        (strings(&["id"]), strings(&["Tag_Profile_IM_Nick"]), [item("Tag_Profile_IM_Nick", "x")]);
    let set = join_all((0..1000).map(|_| client.portrait_set("id", &items)));
    let get = join_all((0..1000).map(|_| client.portrait_get(&accounts, &tags)));
    let push = join_all((0..1000).map(|_| client.get_attr(&accounts)));
    let (set, get, push) = tokio::join!(set, get, push);
    assert!(set.iter().all(Result::is_ok));
    assert!(get.iter().all(|results| results.as_ref().is_ok_and(|of| of[0].1.is_ok())));
    assert!(push.iter().all(|results| results.as_ref().is_ok_and(|of| of[0].1.is_ok())));
    for (command, rate) in [("portrait_set", 200), ("portrait_get", 200), ("get_attr", 100)] {
        let counted = &emulator.calls()[command];
        println!("{command}: at most {} in any second", counted.peak_per_second);
        assert!(counted.peak_per_second <= rate, "{command}: {counted:?}");
        assert_eq!((counted.calls, counted.too_frequent), (1000, 0), "{command}");
    }
}
