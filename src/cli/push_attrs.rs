//! `push-attrs`: the push service's attributes, at Tencent: their names, and their values per account.

use std::collections::BTreeMap;

use clap::{Args, Subcommand, ValueEnum};
use serde_json::json;

use super::output::{lines, print, visible};
use super::tencent::{App, once, pair, rows, show};
use crate::config::Loaded;
use crate::tencent::{AttrName, AttrType};

/// Read or set push attributes at Tencent
///
/// Attributes are what pushes are aimed by. An app has ten at most; each must be given a name before accounts can have it. An
/// account is a UserID, or a RegistrationID of the push service.
#[derive(Args)]
pub(super) struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Show attributes of accounts
    ///
    /// Accounts that fail are named on stderr, and the exit code is 1.
    ///
    /// Example:
    ///   portraitd push-attrs get alice bob --json
    #[command(verbatim_doc_comment)]
    Get {
        /// UserIDs or RegistrationIDs
        #[arg(required = true, value_name = "ACCOUNT")]
        accounts: Vec<String>,
        #[command(flatten)]
        app: App,
        /// One JSON object a line: account, and its attrs
        #[arg(long)]
        json: bool,
    },
    /// Set attributes of accounts
    ///
    /// Accounts that fail are named on stderr, and the exit code is 1.
    ///
    /// Example:
    ///   portraitd push-attrs set sex=female city=Oslo --account alice --account carol
    #[command(verbatim_doc_comment)]
    Set {
        /// An attribute and its value, of at most 50 bytes
        #[arg(required = true, value_name = "NAME=VALUE", value_parser = pair)]
        attrs: Vec<(String, String)>,
        /// UserID or RegistrationID; several times for several
        #[arg(long = "account", required = true, value_name = "ACCOUNT")]
        accounts: Vec<String>,
        #[command(flatten)]
        app: App,
    },
    /// Remove attributes of accounts
    ///
    /// Example:
    ///   portraitd push-attrs remove sex city --account alice
    #[command(verbatim_doc_comment)]
    Remove {
        /// The attributes' names
        #[arg(required = true, value_name = "NAME")]
        names: Vec<String>,
        /// UserID or RegistrationID; several times for several
        #[arg(long = "account", required = true, value_name = "ACCOUNT")]
        accounts: Vec<String>,
        #[command(flatten)]
        app: App,
    },
    /// Show the app's attribute names, or set some
    ///
    /// Examples:
    ///   portraitd push-attrs names
    ///   portraitd push-attrs names 0=sex 1=city
    #[command(verbatim_doc_comment)]
    Names {
        /// A number from 0 to 9 and its name
        #[arg(value_name = "NUMBER=NAME", value_parser = numbered)]
        names: Vec<(u8, String)>,
        /// What accounts they are for; fixed once it was set [default at Tencent: user-id]
        #[arg(long = "type", value_enum, requires = "names")]
        attr_type: Option<Type>,
        #[command(flatten)]
        app: App,
        /// One JSON object a line: number, name and type
        #[arg(long, conflicts_with = "names")]
        json: bool,
    },
}

#[derive(Clone, Copy, ValueEnum)]
enum Type {
    UserId,
    RegistrationId,
}

fn numbered(text: &str) -> Result<(u8, String), String> {
    let (number, name) = pair(text)?;
    Ok((number.parse().map_err(|_| format!("{number:?} is no number from 0 to 9"))?, name))
}

pub(super) async fn run(loaded: Loaded, arguments: Arguments) -> anyhow::Result<()> {
    match arguments.command {
        Command::Get { accounts, app, json } => {
            let got = app.client(&loaded)?.get_attr(&accounts).await?;
            show(got, |all| if json { as_json(all) } else { Ok(as_table(all)) })
        }
        Command::Set { attrs, accounts, app } => {
            once(attrs.iter().map(|(name, _)| name))?;
            let attrs: BTreeMap<_, _> = attrs.into_iter().collect();
            let users: Vec<_> = accounts.into_iter().map(|account| (account, attrs.clone())).collect();
            show(app.client(&loaded)?.set_attr(&users).await?, |done| Ok(tell(&done, "set")))
        }
        Command::Remove { names, accounts, app } => {
            let users: Vec<_> = accounts.into_iter().map(|account| (account, names.clone())).collect();
            show(app.client(&loaded)?.remove_attr(&users).await?, |done| Ok(tell(&done, "removed")))
        }
        Command::Names { names, app, json, .. } if names.is_empty() => {
            let names = app.client(&loaded)?.get_attr_name().await?;
            print(&if json { names_as_json(names)? } else { names_as_table(names) })
        }
        Command::Names { names, attr_type, app, .. } => {
            once(names.iter().map(|(number, _)| number))?;
            let attr_type = attr_type.map(|attr_type| match attr_type {
                Type::UserId => AttrType::UserID,
                Type::RegistrationId => AttrType::RegistrationID,
            });
            let named = names.into_iter().map(|(number, name)| (number, AttrName { name, attr_type }));
            app.client(&loaded)?.set_attr_name(&named.collect()).await?;
            eprintln!("named");
            Ok(())
        }
    }
}

/// Nothing for stdout.
fn tell(done: &[(String, ())], what: &str) -> String {
    for (account, ()) in done {
        eprintln!("{}: {what}", visible(account));
    }
    String::new()
}

fn as_json(all: Vec<(String, BTreeMap<String, String>)>) -> anyhow::Result<String> {
    lines(all.into_iter().map(|(account, attrs)| json!({ "account": account, "attrs": attrs })))
}

fn as_table(all: Vec<(String, BTreeMap<String, String>)>) -> String {
    let of_one = |(account, attrs): (String, BTreeMap<String, String>)| {
        attrs.into_iter().map(move |(name, value)| [visible(&account), visible(&name), visible(&value)])
    };
    rows(["account", "attribute", "value"], all.into_iter().flat_map(of_one))
}

fn names_as_json(names: BTreeMap<u8, AttrName>) -> anyhow::Result<String> {
    lines(names.into_iter().map(|(number, AttrName { name, attr_type })| {
        json!({ "number": number, "name": name, "type": attr_type.map(|attr_type| format!("{attr_type:?}")) })
    }))
}

fn names_as_table(names: BTreeMap<u8, AttrName>) -> String {
    let row = |(number, AttrName { name, attr_type }): (u8, AttrName)| {
        [number.to_string(), visible(&name), attr_type.map(|attr_type| format!("{attr_type:?}")).unwrap_or_default()]
    };
    rows(["number", "name", "for"], names.into_iter().map(row))
}
