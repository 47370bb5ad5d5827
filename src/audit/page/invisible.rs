//! Characters that hide, reorder or imitate: which they are, and what they are called.

/// What a character that cannot be seen is called; none when it can be seen.
pub(super) fn name(c: char) -> Option<&'static str> {
    Some(match c {
        '\u{202a}' => "LEFT-TO-RIGHT EMBEDDING",
        '\u{202b}' => "RIGHT-TO-LEFT EMBEDDING",
        '\u{202c}' => "POP DIRECTIONAL FORMATTING",
        '\u{202d}' => "LEFT-TO-RIGHT OVERRIDE",
        '\u{202e}' => "RIGHT-TO-LEFT OVERRIDE",
        '\u{2066}' => "LEFT-TO-RIGHT ISOLATE",
        '\u{2067}' => "RIGHT-TO-LEFT ISOLATE",
        '\u{2068}' => "FIRST STRONG ISOLATE",
        '\u{2069}' => "POP DIRECTIONAL ISOLATE",
        '\u{200e}' => "LEFT-TO-RIGHT MARK",
        '\u{200f}' => "RIGHT-TO-LEFT MARK",
        '\u{061c}' => "ARABIC LETTER MARK",
        '\u{200b}' => "ZERO WIDTH SPACE",
        '\u{200c}' => "ZERO WIDTH NON-JOINER",
        '\u{200d}' => "ZERO WIDTH JOINER",
        '\u{2060}' => "WORD JOINER",
        '\u{feff}' => "ZERO WIDTH NO-BREAK SPACE",
        '\u{00ad}' => "SOFT HYPHEN",
        '\u{034f}' => "COMBINING GRAPHEME JOINER",
        '\u{180e}' => "MONGOLIAN VOWEL SEPARATOR",
        '\u{115f}' | '\u{1160}' | '\u{3164}' | '\u{ffa0}' => "HANGUL FILLER",
        '\u{2800}' => "BRAILLE PATTERN BLANK",
        '\u{2028}' => "LINE SEPARATOR",
        '\u{2029}' => "PARAGRAPH SEPARATOR",
        '\u{2061}'..='\u{2065}' | '\u{206a}'..='\u{206f}' | '\u{17b4}' | '\u{17b5}' => "INVISIBLE CHARACTER",
        '\u{1d173}'..='\u{1d17a}' => "MUSICAL FORMAT CONTROL",
        '\u{fff0}'..='\u{fffb}' => "INTERLINEAR ANNOTATION OR SPECIAL",
        '\u{fe00}'..='\u{fe0f}' | '\u{180b}'..='\u{180d}' | '\u{e0100}'..='\u{e01ef}' => "VARIATION SELECTOR",
        '\u{e0000}'..='\u{e007f}' => "TAG CHARACTER",
        '\u{e000}'..='\u{f8ff}' | '\u{f0000}'..='\u{10ffff}' => "PRIVATE USE OR NO CHARACTER",
        '\t' => "TAB",
        '\r' => "CARRIAGE RETURN",
        '\0' => "NULL",
        '\n' => return None,
        c if c.is_control() => "CONTROL CHARACTER",
        _ => return None,
    })
}

/// Whether it does its work where it stands, between these two: it joins emoji, or varies what is before it.
pub(super) fn is_at_work(c: char, before: Option<char>, after: Option<char>) -> bool {
    let visible = |c: Option<char>| c.filter(|c| name(*c).is_none() && !c.is_whitespace());
    match c {
        '\u{200d}' => before.is_some_and(|c| is_emoji(c) || c == '\u{fe0f}') && after.is_some_and(is_emoji),
        '\u{fe00}'..='\u{fe0f}' | '\u{e0100}'..='\u{e01ef}' => {
            // ASCII has variants only as keycaps.
            visible(before).is_some_and(|c| !c.is_ascii() || after == Some('\u{20e3}'))
        }
        _ => false,
    }
}

fn is_emoji(c: char) -> bool {
    matches!(c, '\u{1f000}'..='\u{1faff}' | '\u{2190}'..='\u{2bff}')
}
