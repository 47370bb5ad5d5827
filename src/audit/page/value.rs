//! Values are hostile text. What is shown is escaped, isolated from what stands around it, folded when it is long, and nothing
//! in it hides. Nothing is loaded because a value says so.

use std::borrow::Cow;

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use maud::{Markup, html};
use reqwest::Url;

use super::invisible;

/// Longer ones are folded.
const FOLDED: usize = 200;
/// What a folded one shows.
const SHOWN: usize = 120;
/// More of one in a list stands on the callback's page only.
pub(super) const IN_A_LIST: usize = 2000;
/// A page is not for more than that.
pub(super) const WHOLE: usize = 100_000;

/// A JSON value, up to so many characters: text as text, anything else as it is written.
pub(super) fn json(json: &str, most: usize) -> Markup {
    match serde_json::from_str::<String>(json) {
        Ok(text) if text.is_empty() => html! { span.nothing { "empty text" } },
        Ok(text) => html! { (folded(&text, most, false)) @if let Some(url) = web(&text) { (link(&text, &url)) } },
        Err(_) if json == "null" => html! { span.nothing { "null" } },
        // A lone surrogate, which no Unicode text can hold, is shown as it is written.
        Err(_) => folded(json, most, true),
    }
}

/// Short text that somebody else chose: an account, a tag.
pub(super) fn text(text: &str) -> Markup {
    folded(text, IN_A_LIST, false)
}

/// The same inside a link, where nothing can be unfolded.
pub(super) fn brief(text: &str) -> Markup {
    let shown = first(text, SHOWN);
    html! { bdi.text { (visible(shown)) @if shown.len() < text.len() { "…" } } }
}

/// A body as it came, up to so many characters: text where it is text.
pub(super) fn body(bytes: &[u8], most: usize) -> Markup {
    let (text, is_text) = match std::str::from_utf8(bytes) {
        Ok(text) => (Cow::Borrowed(text), true),
        Err(_) => (Cow::Owned(BASE64_STANDARD.encode(bytes)), false),
    };
    let shown = first(&text, most);
    html! {
        @if !is_text { p.quiet { "It is not UTF-8, so it is shown in Base64." } }
        pre tabindex="0" { bdi.text.code { (visible(shown)) } }
        @if shown.len() < text.len() { p.quiet { "This is the beginning; the API has the whole." } }
    }
}

fn folded(text: &str, most: usize, is_code: bool) -> Markup {
    let count = text.chars().count();
    let class = if is_code { "text code" } else { "text" };
    if count <= FOLDED {
        return html! { bdi class=(class) { (visible(text)) } };
    }
    let beyond = count.saturating_sub(most);
    html! {
        details.long {
            summary { bdi class=(class) { (visible(first(text, SHOWN).trim_end())) "…" } " " span.count { (thousands(count)) " characters" } }
            bdi class=(class) { (visible(first(text, most))) }
            @if beyond > 0 { span.count { "… and " (thousands(beyond)) " more" } }
        }
    }
}

fn first(text: &str, count: usize) -> &str {
    text.char_indices().nth(count).map_or(text, |(end, _)| &text[..end])
}

/// Text in which nothing hides: characters without a shape of their own stand there by name, a run of the same one once.
fn visible(text: &str) -> Markup {
    let chars: Vec<char> = text.chars().collect();
    let inner = chars.iter().position(|c| *c != ' ').unwrap_or(chars.len());
    let outer = chars.iter().rposition(|c| *c != ' ').map_or(0, |last| last + 1);
    let name = |at: usize| match chars[at] {
        ' ' => (at < inner || at >= outer).then_some("SPACE AT THE EDGE"),
        c => invisible::name(c).filter(|_| {
            let before = at.checked_sub(1).map(|before| chars[before]);
            !invisible::is_at_work(c, before, chars.get(at + 1).copied())
        }),
    };
    let mut parts = Vec::new();
    let mut at = 0;
    while at < chars.len() {
        let hidden = name(at).map(|name| (chars[at], name));
        let same = |at: usize| match hidden {
            Some((c, _)) => chars[at] == c && name(at).is_some(),
            None => name(at).is_none(),
        };
        let end = (at..chars.len()).find(|at| !same(*at)).unwrap_or(chars.len());
        parts.push((hidden, &chars[at..end]));
        at = end;
    }
    html! {
        @for (hidden, run) in parts {
            @match hidden {
                None => (run.iter().collect::<String>()),
                Some((c, name)) => span.ctl title=(name) {
                    @if c == ' ' { "space" } @else { "U+" (format!("{:04X}", u32::from(c))) }
                    @if run.len() > 1 { "×" (run.len()) }
                },
            }
        }
    }
}

/// Where a value that is a web address leads. One that holds anything but plain ASCII leads nowhere.
fn web(text: &str) -> Option<Url> {
    let is_plain = text.starts_with("http://") || text.starts_with("https://");
    let url = Url::parse(text).ok().filter(|_| is_plain && text.bytes().all(|byte| byte.is_ascii_graphic()))?;
    url.has_host().then_some(url)
}

/// It is opened only by somebody who chooses to, and is not told from where.
fn link(text: &str, url: &Url) -> Markup {
    let path = url.path().to_ascii_lowercase();
    let is_image =
        [".jpg", ".jpeg", ".png", ".gif", ".webp", ".svg", ".avif", ".bmp"].iter().any(|end| path.ends_with(end));
    html! {
        a.outside href=(text) target="_blank" rel="noopener noreferrer nofollow" referrerpolicy="no-referrer" {
            @if is_image { "open image" } @else { "open link" } " at " bdi { (url.host_str().unwrap_or_default()) }
            span.sr { ", in a new tab" }
        }
    }
}

/// `1234567` as `1,234,567`.
pub(super) fn thousands(number: impl ToString) -> String {
    let digits = number.to_string();
    let mut text = String::new();
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) && !text.ends_with('-') {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(text: &str) -> String {
        json(&serde_json::to_string(text).unwrap(), IN_A_LIST).into_string()
    }

    #[test]
    fn markup_is_text() {
        assert_eq!(
            shown("<img src=x onerror=alert(1)>"),
            "<bdi class=\"text\">&lt;img src=x onerror=alert(1)&gt;</bdi>"
        );
    }

    #[test]
    fn what_hides_is_named_and_what_works_is_left() {
        for (text, badge) in [
            ("a\u{202e}b", "U+202E"),
            ("a\u{200b}\u{200b}\u{200b}", "U+200B×3"),
            ("\u{e0041}", "U+E0041"),
            ("a\u{fe0f}", "U+FE0F"),
            ("\u{3164}", "U+3164"),
            ("a\u{0}b", "U+0000"),
            ("a\rb", "U+000D"),
            ("a\u{9b}b", "U+009B"),
            ("a  ", "space×2"),
            ("a\u{200d}b", "U+200D"),
        ] {
            let html = shown(text);
            assert!(html.contains(&format!(">{badge}</span>")), "{text:?}: {html}");
            assert!(text.chars().filter(|c| invisible::name(*c).is_some()).all(|c| !html.contains(c)), "{html}");
        }
        for text in ["👩\u{200d}👩\u{200d}👧", "❤\u{fe0f}\u{200d}🔥", "1\u{fe0f}\u{20e3}", "a b", "a\nb", "עברית", "é"]
        {
            assert_eq!(shown(text), format!("<bdi class=\"text\">{text}</bdi>"));
        }
    }

    #[test]
    fn only_plain_web_addresses_can_be_opened() {
        assert!(shown("https://cdn.example/a.PNG?x=1").contains("open image at <bdi>cdn.example</bdi>"));
        assert!(shown("https://good.example@evil.example/").contains("<bdi>evil.example</bdi>"));
        for text in [
            "javascript:alert(1)",
            "data:image/png;base64,AAAA",
            "https://",
            "https://a b",
            "https://ex\u{430}mple.com/",
            " https://a.example",
            "//a.example/b.png",
            "HTTPS://a.example",
        ] {
            assert!(!shown(text).contains("<a"), "{text}");
        }
    }

    #[test]
    fn long_ones_are_folded_and_huge_ones_cut() {
        assert!(!shown(&"x".repeat(FOLDED)).contains("details"));
        assert!(shown(&"x".repeat(FOLDED + 1)).contains("201 characters"));
        let huge = shown(&"x".repeat(250_000));
        assert!(huge.contains("248,000 more") && huge.len() < 4000, "{}", huge.len());
        assert_eq!(json(r#""\ud800""#, WHOLE).into_string(), r#"<bdi class="text code">&quot;\ud800&quot;</bdi>"#);
    }
}
