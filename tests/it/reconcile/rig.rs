//! A log, a vendor, and runs between them.

use std::sync::Mutex;
use std::time::Duration;

use portraitd::clock::Clock;
use portraitd::emulator::{Emulator, Options, SECRET_KEY};
use portraitd::reconcile::{Error, News, Run, Settings, Summary, Which};
use portraitd::store::Store;
use portraitd::store::verify::{self, Verdict};
use portraitd::tencent::Client;
use serde_json::Value;

use crate::harness::db::Database;
use crate::harness::entries::APP;

pub struct Rig {
    pub store: Store,
    pub vendor: Emulator,
    pub client: Client,
    pub settings: Settings,
}

/// What a run came to and what it told.
pub type Ran = (Result<Summary, Error>, Vec<String>);

impl Rig {
    pub async fn on(db: &Database) -> Self {
        Self::with(db, Options::default()).await
    }

    pub async fn with(db: &Database, options: Options) -> Self {
        let vendor = Emulator::start(options).await.expect("the emulator starts");
        let client = client(&vendor);
        let settings = Settings { tags: Vec::new(), grace: Duration::ZERO, dry_run: false };
        Rig { store: db.store().await, vendor, client, settings }
    }

    /// As if it had been changed and no callback sent.
    pub fn set(&self, account: &str, tag: &str, value: impl Into<Value>) {
        let value = value.into();
        self.vendor.with_model(|model| {
            let profile = &mut model.import(account).profile;
            match value {
                Value::Null => profile.remove(tag),
                value => profile.insert(tag.to_owned(), value),
            }
        });
    }

    pub async fn run(&self, which: &Which) -> Ran {
        self.run_with(which, "", &|| false, |_| ()).await
    }

    pub async fn named(&self, accounts: &[&str]) -> Ran {
        self.run(&Which::Named(accounts.iter().map(ToString::to_string).collect())).await
    }

    pub async fn run_with(
        &self,
        which: &Which,
        after: &str,
        is_spooled: &(dyn Fn() -> bool + Send + Sync),
        hear: impl Fn(&News<'_>) + Send + Sync,
    ) -> Ran {
        let told = Mutex::new(Vec::new());
        let mut tell = |news: News<'_>| {
            hear(&news);
            let line = match news {
                News::Looked(_) | News::WaitingForSpool => return,
                News::Found { account, differences } => {
                    let mut lines = told.lock().expect("whole");
                    lines.extend(differences.iter().map(|found| {
                        let log = found.known.as_ref().map_or("-", |known| &known.value);
                        format!("{account} {} {log} {}", found.tag, found.value)
                    }));
                    return;
                }
                News::Unsettled { account } => format!("{account} unsettled"),
                News::Unknown { account } => format!("{account} unknown"),
                News::Failed { account, error } => format!("{account} failed: {error}"),
                News::LeftOut { tag, .. } => format!("{tag} left out"),
            };
            told.lock().expect("whole").push(line);
        };
        let clock = Clock::system();
        let run = Run {
            store: &self.store,
            client: &self.client,
            clock: &clock,
            settings: &self.settings,
            is_spooled,
            tell: &mut tell,
        };
        let done = run.reconcile(which, after).await;
        (done, told.into_inner().expect("whole"))
    }

    /// `tag value kind` of what the log says of an account now.
    pub async fn profile(&self, account: &str) -> Vec<String> {
        let items = self.store.profile(APP, account, 253_402_300_799_999).await.expect("a profile");
        items.iter().map(|item| format!("{} {} {}", item.tag, item.value, item.kind)).collect()
    }

    pub async fn assert_holds(&self) {
        let verdict = verify::run(&self.store, verify::Plan::default(), |_, _| ()).await.expect("a verdict");
        assert!(matches!(verdict, Verdict::Holds { .. }), "{verdict:?}");
    }
}

/// A client of its own, with a rate of its own.
pub fn client(vendor: &Emulator) -> Client {
    let builder = Client::builder(APP.cast_unsigned(), SECRET_KEY.into()).base_url(&vendor.base_url());
    builder.deadline(Duration::from_secs(2)).build().expect("a client")
}

/// A summary's figures: accounts, baselines, missed, unsettled, unknown, failed.
pub fn figures(ran: &Ran) -> [u64; 6] {
    let s = ran.0.as_ref().expect("the run ends well");
    [s.accounts, s.baselines, s.missed, s.unsettled, s.unknown, s.failed]
}
