//! The vendor as one thing: the model, its file, the sender, the rates and the orders. What the skin and the control API act on.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use secrecy::SecretString;

use super::code::Refusal;
use super::fire::Sender;
use super::forced::Orders;
use super::model::{Change, File, Item, Model, Writer};
use super::rates::Rates;
use crate::clock::Clock;

/// What does not change while it runs.
pub(super) struct Settings {
    pub sdk_app_id: u64,
    pub secret_key: SecretString,
    pub admins: Vec<String>,
    pub any_account: bool,
    pub location_limit: usize,
    pub allow_remote: bool,
    pub clock: Clock,
}

pub(super) struct Vendor {
    pub settings: Settings,
    pub sender: Sender,
    pub rates: Rates,
    pub orders: Orders,
    model: Arc<Mutex<Model>>,
    file: Option<Arc<File>>,
    /// The model to return to.
    initial: Model,
}

impl Vendor {
    pub fn new(settings: Settings, sender: Sender, rates: Rates, model: Model, file: Option<File>) -> Self {
        let initial = Model { accounts: Default::default(), attribute_names: Default::default(), ..model.clone() };
        let (model, file) = (Arc::new(Mutex::new(model)), file.map(Arc::new));
        Vendor { settings, sender, rates, orders: Orders::default(), model, file, initial }
    }

    /// The model as it is.
    pub fn model(&self) -> MutexGuard<'_, Model> {
        self.model.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Changes a profile and fires the callback, one after the other for all changes, so that callbacks are fired in the
    /// order of the changes.
    pub fn change(&self, writer: &Writer, account: &str, client_ip: &str, items: Vec<Item>) -> Result<Change, Refusal> {
        let mut model = self.model();
        if self.settings.any_account && super::model::is_user_id(account) {
            model.import(account);
        }
        let (limit, now) = (self.settings.location_limit, self.settings.clock.now());
        let change = model.set_profile(writer, account, items, limit, now)?;
        let change = Change { client_ip: client_ip.to_owned(), ..change };
        self.sender.fire(change.clone());
        Ok(change)
    }

    /// Writes the model to its file, if it has one. What is answered OK is in it.
    pub async fn keep(&self) -> anyhow::Result<()> {
        let Some(file) = self.file.clone() else { return Ok(()) };
        let model = self.model.clone();
        tokio::task::spawn_blocking(move || file.save(&model)).await?
    }

    /// As at the first start, but for the callback URL.
    pub fn reset(&self) {
        *self.model() = self.initial.clone();
        self.sender.reset();
        self.rates.clear();
        self.orders.clear();
    }
}
