//! The end of what a program says on its standard error: read to the end, so that it never blocks, and kept in part.

use std::fmt;

use tokio::io::AsyncReadExt;
use tokio::process::ChildStderr;

const KEPT_BYTES: usize = 2048;
const SHOWN_LINES: usize = 3;
const SHOWN_CHARS: usize = 600;

#[derive(Default)]
pub(super) struct Said(Vec<u8>);

impl Said {
    /// Until nobody has it open any more.
    pub async fn listen(&mut self, stderr: Option<ChildStderr>) {
        let Some(mut stderr) = stderr else { return };
        let mut part = [0; 4096];
        while let Ok(length @ 1..) = stderr.read(&mut part).await {
            self.keep(&part[..length]);
        }
    }

    fn keep(&mut self, part: &[u8]) {
        self.0.extend_from_slice(part);
        self.0.drain(..self.0.len().saturating_sub(KEPT_BYTES));
    }
}

/// `: ` and the last lines as one, without control characters; nothing where it said nothing.
impl fmt::Display for Said {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let text = String::from_utf8_lossy(&self.0);
        let clean = |line: &str| line.trim().chars().filter(|c| !c.is_control()).collect::<String>();
        let mut lines: Vec<String> =
            text.lines().rev().map(clean).filter(|line| !line.is_empty()).take(SHOWN_LINES).collect();
        if lines.is_empty() {
            return Ok(());
        }
        lines.reverse();
        let shown = lines.join(" / ");
        let cut = shown.chars().count().saturating_sub(SHOWN_CHARS);
        write!(f, ": {}", shown.chars().skip(cut).collect::<String>())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_lines_are_shown_as_one_short_line_without_control_characters() {
        let shown = |parts: &[&[u8]]| {
            let mut said = Said::default();
            parts.iter().for_each(|part| said.keep(part));
            said.to_string()
        };
        assert_eq!(shown(&[]), "");
        assert_eq!(shown(&[b"\n \n"]), "");
        assert_eq!(shown(&[b"one\ntwo\r\n\nth", b"ree\x1b[31m\0\nfour\n"]), ": two / three[31m / four");
        assert_eq!(shown(&[b"not \xff UTF-8"]), ": not \u{fffd} UTF-8");
        let long = shown(&[&[b'x'; 9000], b"the end"]);
        assert!(long.chars().count() == SHOWN_CHARS + 2 && long.ends_with("xthe end"), "{long}");
    }
}
