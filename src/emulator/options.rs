//! How an emulator starts.

use std::net::{Ipv4Addr, SocketAddr};
use std::path::PathBuf;

use anyhow::bail;
use secrecy::SecretString;

use super::faults::Faults;
use super::fire::{Sender, Start, Target};
use super::loopback;
use super::model::{CustomField, File, Model};
use super::rates::Rates;
use super::vendor::{Settings, Vendor};
use crate::clock::Clock;

/// The app of an emulator that was not told otherwise.
pub const SDK_APP_ID: u64 = 1_400_000_000;

/// Its secret key. Everybody knows it: it is good for an emulator and nothing else.
pub const SECRET_KEY: &str = "portraitd-emulator-secret-key-which-everybody-knows";

/// What an emulator is told at its start.
#[derive(Clone)]
pub struct Options {
    /// Port 0 takes a free one.
    pub listen: SocketAddr,
    /// The app.
    pub sdk_app_id: u64,
    /// UserSigs are made with it.
    pub secret_key: SecretString,
    /// App admins.
    pub admins: Vec<String>,
    /// Where callbacks go; nowhere without.
    pub callback_url: Option<String>,
    /// Callbacks are signed with it; unsigned without.
    pub token: Option<SecretString>,
    /// Where the model is kept; in memory without.
    pub file: Option<PathBuf>,
    /// What the console declares, unless the file says otherwise.
    pub custom_fields: Vec<CustomField>,
    /// Whether an account is made when its profile is first set, instead of 40003.
    pub any_account: bool,
    /// Bytes of Tag_Profile_IM_Location: 16 on the international pages, 500 on the Chinese one.
    pub location_limit: usize,
    /// Whether documented rates are enforced.
    pub rates: bool,
    /// What goes wrong with callbacks.
    pub faults: Faults,
    /// Decides which callbacks it goes wrong with.
    pub seed: u64,
    /// Further attempts after a time-out; the console's switch. How many the vendor makes is not documented.
    pub retries: u32,
    /// Connections callbacks go over.
    pub connections: usize,
    /// Whether other machines may ask, and be sent callbacks.
    pub allow_remote: bool,
    /// The time.
    pub clock: Clock,
}

impl Default for Options {
    fn default() -> Self {
        Options {
            listen: SocketAddr::from((Ipv4Addr::LOCALHOST, 0)),
            sdk_app_id: SDK_APP_ID,
            secret_key: SECRET_KEY.into(),
            admins: vec!["administrator".to_owned()],
            callback_url: None,
            token: None,
            file: None,
            custom_fields: Vec::new(),
            any_account: false,
            location_limit: 500,
            rates: true,
            faults: Faults::default(),
            seed: 0,
            retries: 0,
            connections: 4,
            allow_remote: false,
            clock: Clock::system(),
        }
    }
}

impl Options {
    pub(super) fn check(&self) -> anyhow::Result<()> {
        if !self.allow_remote && !self.listen.ip().to_canonical().is_loopback() {
            bail!("--listen: {} can be reached by others; --allow-remote permits it", self.listen);
        }
        if let Some(url) = &self.callback_url {
            loopback::check_url(url, self.allow_remote).map_err(|why| anyhow::anyhow!("--callback-url: {why}"))?;
        }
        if let Some(why) = CustomField::objection_to_all(&self.custom_fields).or_else(|| self.faults.objection()) {
            bail!(why);
        }
        Ok(())
    }

    pub(super) fn target(&self) -> Option<Target> {
        let url = self.callback_url.clone()?;
        Some(Target { url, token: self.token.clone(), sdk_app_id: self.sdk_app_id })
    }

    pub(super) fn vendor(self, model: Model, file: Option<File>) -> anyhow::Result<Vendor> {
        let sender = Sender::start(Start {
            target: self.target(),
            faults: self.faults,
            seed: self.seed,
            retries: self.retries,
            connections: self.connections,
            clock: self.clock.clone(),
        })?;
        let settings = Settings {
            sdk_app_id: self.sdk_app_id,
            secret_key: self.secret_key,
            admins: self.admins,
            any_account: self.any_account,
            location_limit: self.location_limit,
            allow_remote: self.allow_remote,
            clock: self.clock,
        };
        Ok(Vendor::new(settings, sender, Rates::new(self.rates), model, file))
    }
}
