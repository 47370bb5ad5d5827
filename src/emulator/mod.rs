//! The vendor on a laptop: keeps profiles and push attributes, checks UserSig, fires signed callbacks, and does wrong what it is
//! told to.
//!
//! [`model`] knows no HTTP; the skins `rest` (the vendor's API) and `control` (ours, under `/emulator`) act on it through
//! one `Vendor`; `fire` tells the app's URL of changes. Where the vendor's pages are silent it does what docs/emulator.md says.
//! It shares nothing with the client in [`crate::tencent`] but the UserSig, so that each can prove the other wrong.

mod code;
mod control;
mod faults;
mod fire;
mod forced;
pub mod load;
mod loopback;
pub mod model;
mod options;
mod rates;
mod rest;
mod vendor;

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context;
use axum::extract::DefaultBodyLimit;
use tokio::net::TcpListener;
use tokio::task::JoinHandle;
use tokio_util::sync::{CancellationToken, DropGuard};

pub use code::{Refusal, meaning};
pub use faults::Faults;
pub use fire::{Answer, Callback, Counters, Target, Verdict};
pub use forced::Order;
use model::{Change, CustomField, File, Item, Model, Writer};
pub use options::{Options, SDK_APP_ID, SECRET_KEY};
pub use rates::Calls;
use vendor::Vendor;

/// The largest request.
const MAX_REQUEST: usize = 4 << 20;

/// The address of a client that does not say where it is.
const SOMEWHERE: &str = "203.0.113.7";

/// A running emulator. It ends when dropped; what it is answering is answered.
pub struct Emulator {
    vendor: Arc<Vendor>,
    address: SocketAddr,
    serving: JoinHandle<()>,
    _stop: DropGuard,
}

impl Emulator {
    /// Listens, and answers from now on.
    pub async fn start(options: Options) -> anyhow::Result<Self> {
        // Only one provider is compiled in; installing it twice is not an error worth stopping for.
        let _ = rustls::crypto::aws_lc_rs::default_provider().install_default();
        options.check()?;
        let file = match options.file.clone() {
            Some(path) => Some(File::take(path).await?),
            None => None,
        };
        let model = match file.as_ref().map(File::load).transpose()?.flatten() {
            Some(model) => model,
            None => Model { custom_fields: options.custom_fields.clone(), ..Model::default() },
        };
        let listen = options.listen;
        let tcp = TcpListener::bind(listen).await.with_context(|| format!("--listen: cannot listen on {listen}"))?;
        let address = tcp.local_addr()?;
        if let Some(why) = CustomField::objection_to_all(&model.custom_fields) {
            anyhow::bail!("--file: {why}");
        }
        let vendor = Arc::new(options.vendor(model, file)?);
        vendor.keep().await?;
        let router = rest::router()
            .merge(control::router(&vendor))
            .layer(DefaultBodyLimit::max(MAX_REQUEST))
            .with_state(vendor.clone())
            .into_make_service_with_connect_info::<SocketAddr>();
        // Connections are told, too: one that is kept alive would ask an emulator that is gone.
        let stop = CancellationToken::new();
        let stopping = stop.clone().cancelled_owned();
        let serving = tokio::spawn(async move {
            if let Err(error) = axum::serve(tcp, router).with_graceful_shutdown(stopping).await {
                tracing::error!("the emulator's listener died: {error}");
            }
        });
        Ok(Emulator { vendor, address, serving, _stop: stop.drop_guard() })
    }

    /// `http://address:port`: the REST API's base URL, and the control API's.
    pub fn base_url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Makes an account, if it is not there.
    pub fn import(&self, account: &str) {
        self.vendor.model().import(account);
    }

    /// Changes a profile as an admin or as the account's own client, and fires the callback.
    pub async fn change(&self, writer: &Writer, account: &str, items: Vec<Item>) -> Result<Change, Refusal> {
        let changed = self.vendor.change(writer, account, SOMEWHERE, items)?;
        self.vendor.keep().await.map_err(|error| Refusal::because(70500, format!("{error:#}")))?;
        Ok(changed)
    }

    /// The model as it is.
    pub fn model(&self) -> Model {
        self.vendor.model().clone()
    }

    /// Acts on the model itself; no callback is fired.
    pub fn with_model<T>(&self, act: impl FnOnce(&mut Model) -> T) -> T {
        act(&mut self.vendor.model())
    }

    /// Where callbacks go from now on, and the token they are signed with. Nobody checks here whose address it is.
    pub fn set_callback(&self, url: Option<&str>, token: Option<&str>) {
        let sdk_app_id = self.vendor.settings.sdk_app_id;
        let target = url.map(|url| Target { url: url.to_owned(), token: token.map(Into::into), sdk_app_id });
        self.vendor.sender.set_target(target);
    }

    /// What goes wrong with callbacks from now on.
    pub fn set_faults(&self, faults: Faults) {
        self.vendor.sender.set_faults(faults);
    }

    /// Orders an answer.
    pub fn order(&self, order: Order) {
        self.vendor.orders.add(order);
    }

    /// What was fired and what became of it.
    pub fn counters(&self) -> Counters {
        self.vendor.sender.counters()
    }

    /// How each command was called.
    pub fn calls(&self) -> BTreeMap<&'static str, Calls> {
        self.vendor.rates.calls()
    }

    /// The last 100,000 callbacks that are like this.
    pub fn callbacks(&self, wanted: impl Fn(&Callback) -> bool) -> Vec<Callback> {
        self.vendor.sender.callbacks(wanted, usize::MAX)
    }

    /// Waits until everything that was fired is answered, failed or lost; whether that is so.
    pub async fn drain(&self, patience: Duration) -> bool {
        self.vendor.sender.drain(patience).await
    }

    /// Sends the console's check: an empty object, the command only in the query, SdkAppid only if asked for.
    pub async fn console_check(&self, with_app: bool) -> anyhow::Result<Answer> {
        self.vendor.sender.check(with_app).await
    }

    /// Runs until its listener dies, which it does not by itself.
    pub async fn served(&mut self) {
        let _ = (&mut self.serving).await;
    }
}
