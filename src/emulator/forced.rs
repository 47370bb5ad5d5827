//! Answers that were ordered: "the next portrait_get answers 40006", for a whole call or for one account in it.

use std::sync::{Mutex, PoisonError};

use serde::{Deserialize, Serialize};

use super::code::{self, Refusal};

/// Commands whose answer may refuse some accounts only.
const BY_ACCOUNT: [&str; 4] = ["portrait_get", "set_attr", "get_attr", "remove_attr"];

/// An order.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Order {
    /// `portrait_get`, `set_attr`, …
    pub command: String,
    /// Only this account of a call that takes several; the call itself succeeds.
    #[serde(default)]
    pub account: Option<String>,
    /// ErrorCode, or the account's.
    #[serde(default)]
    pub code: Option<u32>,
    /// ErrorInfo instead of the code's own.
    #[serde(default)]
    pub info: Option<String>,
    /// This HTTP status instead of 200.
    #[serde(default)]
    pub status: Option<u16>,
    /// Exactly this body.
    #[serde(default)]
    pub body: Option<String>,
    /// So much later. Alone, it delays an answer that is as it would have been.
    #[serde(default)]
    pub delay_ms: u64,
    /// For so many calls.
    #[serde(default = "once")]
    pub times: u32,
}

fn once() -> u32 {
    1
}

impl Order {
    /// The next call of `command` answers `code`.
    pub fn new(command: &str, code: u32) -> Self {
        let (command, code) = (command.to_owned(), Some(code));
        Order { command, account: None, code, info: None, status: None, body: None, delay_ms: 0, times: 1 }
    }

    /// Only for this account.
    pub fn account(self, account: &str) -> Self {
        Order { account: Some(account.to_owned()), ..self }
    }

    /// For so many calls.
    pub fn times(self, times: u32) -> Self {
        Order { times, ..self }
    }

    /// What is wrong with it.
    pub(super) fn objection(&self, commands: &[&str]) -> Option<String> {
        if !commands.contains(&self.command.as_str()) {
            return Some(format!("command must be one of {}", commands.join(", ")));
        }
        if self.times == 0 {
            return Some("times must be 1 or more".to_owned());
        }
        if self.code.is_none() && self.status.is_none() && self.body.is_none() && self.delay_ms == 0 {
            return Some("an order has a code, a status, a body or a delay_ms".to_owned());
        }
        if self.account.is_some() && !BY_ACCOUNT.contains(&self.command.as_str()) {
            return Some(format!("only {} answer account by account", BY_ACCOUNT.join(", ")));
        }
        if self.account.is_some() && (self.code.is_none() || self.status.is_some() || self.body.is_some()) {
            return Some("an order for one account has a code, and neither status nor body".to_owned());
        }
        if self.status.is_some_and(|status| !(200..=599).contains(&status)) {
            return Some("status must be from 200 to 599".to_owned());
        }
        None
    }

    /// The refusal it asks for.
    pub(super) fn refusal(&self) -> Option<Refusal> {
        let code = self.code?;
        Some(Refusal { code, info: self.info.clone().unwrap_or_else(|| code::meaning(code).to_owned()) })
    }
}

/// Orders that were not carried out yet.
#[derive(Debug, Default)]
pub(super) struct Orders(Mutex<Vec<Order>>);

impl Orders {
    pub fn add(&self, order: Order) {
        self.with(|orders| orders.push(order));
    }

    pub fn clear(&self) {
        self.with(Vec::clear);
    }

    pub fn list(&self) -> Vec<Order> {
        self.with(|orders| orders.clone())
    }

    /// The first order for this call, or for this account of it, one time less.
    pub fn take(&self, command: &str, account: Option<&str>) -> Option<Order> {
        self.with(|orders| {
            let fits = |order: &Order| order.command == command && order.account.as_deref() == account;
            let at = orders.iter().position(fits)?;
            let order = orders[at].clone();
            orders[at].times = order.times.saturating_sub(1);
            orders.retain(|order| order.times > 0);
            Some(order)
        })
    }

    fn with<T>(&self, act: impl FnOnce(&mut Vec<Order>) -> T) -> T {
        act(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}
