//! People with profiles, and what they do with them: about one change a second.

use std::time::Duration;

use rand::RngExt;
use rand::seq::IndexedRandom;
use serde_json::{Value, json};
use tokio::time::sleep;

use crate::emulator::Emulator;
use crate::emulator::model::{Item, Writer};

pub(super) const CUSTOM_FIELDS: [&str; 2] = ["Team", "Mood"];

struct Person {
    account: &'static str,
    gender: &'static str,
    platform: &'static str,
    nicks: [&'static str; 3],
    signatures: [&'static str; 2],
}

const fn person(
    account: &'static str,
    gender: &'static str,
    platform: &'static str,
    nicks: [&'static str; 3],
    signatures: [&'static str; 2],
) -> Person {
    Person { account, gender, platform, nicks, signatures }
}

const FEMALE: &str = "Gender_Type_Female";
const MALE: &str = "Gender_Type_Male";

const PEOPLE: [Person; 8] = [
    person("mei", FEMALE, "iOS", ["小梅", "梅梅🌸", "Mei"], ["今天也要加油", "在路上"]),
    person("lucas", MALE, "Android", ["Lucas", "Lucão", "lucas ⚽"], ["Sextou!", "Só mais um café"]),
    person("yuki", FEMALE, "iOS", ["ゆき", "雪", "yuki ❄"], ["ねむい", "旅行中です"]),
    person("omar", MALE, "Android", ["عمر", "Omar", "أبو ليلى"], ["صباح الخير", "لا إزعاج"]),
    person("anna", FEMALE, "Web", ["Anna", "Änni", "Anna M."], ["Bin gleich da", "Nur per Nachricht"]),
    person("minjun", MALE, "Windows", ["민준", "민준이", "MJ"], ["공부 중", "주말이다!"]),
    person("zoe", FEMALE, "Mac", ["Zoé", "zoé ☕", "Zoë"], ["À bientôt", "En réunion"]),
    person("arjun", MALE, "iPad", ["अर्जुन", "Arjun", "arjun.k"], ["घर पर", "on leave until Monday"]),
];

const LOCATIONS: [&str; 6] = ["Singapore", "São Paulo", "大阪", "القاهرة", "Berlin", "서울"];
const ALLOWS: [&str; 2] = ["AllowType_Type_NeedConfirm", "AllowType_Type_AllowAny"];
const TEAMS: [&str; 3] = ["support", "sales", "on call"];
const MOODS: [&str; 4] = ["🙂", "😴", "🚀", "🎧"];

/// Everybody introduces themselves; from then on somebody changes something about every second.
pub(super) async fn live(emulator: &Emulator) -> ! {
    for person in &PEOPLE {
        let introduction = vec![
            item("Tag_Profile_IM_Nick", json!(person.nicks[0])),
            item("Tag_Profile_IM_Gender", json!(person.gender)),
            item("Tag_Profile_IM_Image", json!(image(person.account, 1))),
        ];
        tell(emulator, person, introduction).await;
    }
    loop {
        sleep(Duration::from_millis(rand::rng().random_range(600..1400))).await;
        let (person, items) = idea();
        tell(emulator, person, items).await;
    }
}

/// Somebody, and what they change now.
fn idea() -> (&'static Person, Vec<Item>) {
    let rng = &mut rand::rng();
    let person = &PEOPLE[rng.random_range(0..PEOPLE.len())];
    let any = |words: &[&'static str]| words.choose(&mut rand::rng()).copied().unwrap_or_default();
    let (tag, value): (&str, Value) = match rng.random_range(0..9) {
        0 | 1 => ("Tag_Profile_IM_Nick", json!(any(&person.nicks))),
        2 | 3 => ("Tag_Profile_IM_SelfSignature", json!(any(&person.signatures))),
        4 => ("Tag_Profile_IM_Image", json!(image(person.account, rng.random_range(1..20)))),
        5 => ("Tag_Profile_IM_Location", json!(any(&LOCATIONS))),
        6 => ("Tag_Profile_IM_BirthDay", json!(19_800_101 + rng.random_range(0..20) * 10_000)),
        7 => ("Tag_Profile_IM_AllowType", json!(any(&ALLOWS))),
        _ => ("Tag_Profile_Custom_Mood", json!(any(&MOODS))),
    };
    let mut items = vec![item(tag, value)];
    if rng.random_ratio(1, 5) {
        items.push(item("Tag_Profile_Custom_Team", json!(any(&TEAMS))));
    }
    (person, items)
}

/// Now and then an administrator does it for them. Whoever plays with the emulator may have it refuse: life goes on.
async fn tell(emulator: &Emulator, person: &Person, items: Vec<Item>) {
    let writer = if rand::rng().random_ratio(1, 8) {
        Writer::Admin { identifier: "administrator".to_owned() }
    } else {
        Writer::Client { platform: person.platform.to_owned() }
    };
    if let Err(refusal) = emulator.change(&writer, person.account, items).await {
        tracing::debug!("{} could not change their profile: {}: {}", person.account, refusal.code, refusal.info);
    }
}

fn item(tag: &str, value: Value) -> Item {
    Item { tag: tag.to_owned(), value }
}

fn image(account: &str, number: u32) -> String {
    format!("https://avatars.example.com/{account}/{number}.png")
}
