//! `profile`: reads and sets profiles at Tencent, through the vendor's API.

use clap::{Args, Subcommand};
use serde_json::{Value, json};

use super::output::{lines, shortened, visible};
use super::tencent::{App, once, pair, rows, show};
use crate::config::Loaded;
use crate::tencent::tag::{Kind, Tag, standard};
use crate::tencent::{Error, Item, Limit};

/// Read or set profiles at Tencent
///
/// This asks Tencent's API, not the log: what is recorded here is shown by `portraitd changes`. It takes the app's secret key
/// (PORTRAITD_SECRET_KEY) and region (tencent.region). Standard fields have short names: nick, gender, birthday, location,
/// signature, allow, language, image, msgsettings, adminforbid, level, role.
#[derive(Args)]
pub(super) struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Show fields of accounts
    ///
    /// Fields that were never set are not there. Accounts that fail are named on stderr, and the exit code is 1.
    ///
    /// Examples:
    ///   portraitd profile get alice
    ///   portraitd profile get alice bob --tag nick --tag Tag_Profile_Custom_Team --json
    #[command(verbatim_doc_comment)]
    Get {
        /// UserIDs
        #[arg(required = true, value_name = "ACCOUNT")]
        accounts: Vec<String>,
        /// A field, by its short name or its tag; several times for several [default: the standard fields]
        #[arg(long = "tag", value_name = "TAG")]
        tags: Vec<String>,
        #[command(flatten)]
        app: App,
        /// One JSON object a line: account, and its items
        #[arg(long)]
        json: bool,
    },
    /// Set fields of an account
    ///
    /// The change comes back as a callback and is recorded like any other. A gender and other such words may be shortened to
    /// their last part.
    ///
    /// Examples:
    ///   portraitd profile set alice nick="Alice L." gender=female
    ///   portraitd profile set alice birthday=19991231 Tag_Profile_Custom_Team=blue
    #[command(verbatim_doc_comment)]
    Set {
        /// UserID
        account: String,
        /// A field and its value, such as nick=Alice
        #[arg(required = true, value_name = "TAG=VALUE", value_parser = pair)]
        items: Vec<(String, String)>,
        #[command(flatten)]
        app: App,
    },
}

pub(super) async fn run(loaded: Loaded, arguments: Arguments) -> anyhow::Result<()> {
    match arguments.command {
        Command::Get { accounts, tags, app, json } => {
            let client = app.client(&loaded)?;
            let tags = if tags.is_empty() { usual() } else { tags.iter().map(|tag| named(tag).to_owned()).collect() };
            let got = client.portrait_get(&accounts, &tags).await?;
            show(got, |profiles| if json { as_json(profiles) } else { Ok(as_table(profiles)) })
        }
        Command::Set { account, items, app } => {
            let client = app.client(&loaded)?;
            let items = items.iter().map(|(tag, value)| item(tag, value)).collect::<Result<Vec<_>, Error>>()?;
            once(items.iter().map(|item| &item.tag))?;
            client.portrait_set(&account, &items).await?;
            eprintln!("{}: set", visible(&account));
            Ok(())
        }
    }
}

fn known(tag: &str) -> Option<&'static Tag> {
    standard().iter().find(|known| known.short == tag || known.name == tag)
}

fn named(tag: &str) -> &str {
    known(tag).map_or(tag, |known| known.name)
}

/// The standard fields but one that newer pages do not have any more: an unknown tag fails the whole request.
fn usual() -> Vec<String> {
    standard().iter().filter(|tag| tag.short != "msgsettings").map(|tag| tag.name.to_owned()).collect()
}

/// A field as it was typed.
fn item(tag: &str, value: &str) -> Result<Item, Error> {
    let typed = match known(tag).map(|known| known.kind) {
        Some(Kind::Integer) => {
            let number = value.parse::<u32>().map_err(|_| Limit {
                what: tag.to_owned(),
                rule: format!("must be an integer from 0 to 4294967295, and {value:?} is none"),
            })?;
            Value::from(number)
        }
        Some(Kind::Words(words)) => {
            let is_meant = |word: &&&str| word.rsplit('_').next().is_some_and(|last| last.eq_ignore_ascii_case(value));
            Value::from(*words.iter().find(is_meant).unwrap_or(&value))
        }
        Some(Kind::Text) | None => Value::from(value),
    };
    Ok(Item { tag: named(tag).to_owned(), value: typed })
}

fn as_json(profiles: Vec<(String, Vec<Item>)>) -> anyhow::Result<String> {
    lines(profiles.into_iter().map(|(account, items)| json!({ "account": account, "items": items })))
}

fn as_table(profiles: Vec<(String, Vec<Item>)>) -> String {
    let of_one = |(account, items): (String, Vec<Item>)| {
        items.into_iter().map(move |Item { tag, value }| {
            let text = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
            [visible(&account), visible(&tag), shortened(&text, 200)]
        })
    };
    rows(["account", "tag", "value"], profiles.into_iter().flat_map(of_one))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_typed_becomes_what_the_vendor_wants() {
        for (tag, value, expected) in [
            ("nick", "Alice", json!({"Tag": "Tag_Profile_IM_Nick", "Value": "Alice"})),
            ("gender", "Female", json!({"Tag": "Tag_Profile_IM_Gender", "Value": "Gender_Type_Female"})),
            ("gender", "Gender_Type_Male", json!({"Tag": "Tag_Profile_IM_Gender", "Value": "Gender_Type_Male"})),
            ("Tag_Profile_IM_Level", "7", json!({"Tag": "Tag_Profile_IM_Level", "Value": 7})),
            ("Tag_Profile_Custom_Team", "7", json!({"Tag": "Tag_Profile_Custom_Team", "Value": "7"})),
        ] {
            assert_eq!(serde_json::to_value(item(tag, value).unwrap()).unwrap(), expected);
        }
        assert!(item("level", "high").is_err_and(|error| error.to_string().contains("level: must be an integer")));
    }
}
