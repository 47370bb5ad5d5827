//! Heads in a file: one line each, appended and durable.

use std::fs::{File, OpenOptions};
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::path::Path;

use super::head::Noted;
use crate::store::Head;

/// More than a line has.
const TAIL: u64 = 4096;

/// Appends it, unless it is the last one there.
pub(super) fn append(path: &Path, head: &Noted) -> io::Result<()> {
    let is_new = !path.exists();
    let mut file = OpenOptions::new().read(true).append(true).create(true).open(path)?;
    // One that was given up may still be under way.
    file.lock()?;
    let end = end(&mut file)?;
    if end.lines().last().and_then(Noted::parse).is_some_and(|last| last.head() == head.head()) {
        return Ok(());
    }
    let torn = end.rsplit('\n').next().unwrap_or_default();
    if !torn.is_empty() {
        repair(&mut file, torn)?;
    }
    file.write_all(format!("{}\n", head.line()).as_bytes())?;
    file.sync_all()?;
    if is_new {
        let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
        File::open(folder)?.sync_all()?;
    }
    Ok(())
}

/// A line without an end: what a crash left of one goes, a whole one is ended.
fn repair(file: &mut File, torn: &str) -> io::Result<()> {
    match Noted::parse(torn) {
        Some(_) => file.write_all(b"\n"),
        None => file.set_len(file.metadata()?.len() - torn.len() as u64),
    }
}

fn end(file: &mut File) -> io::Result<String> {
    let length = file.metadata()?.len();
    file.seek(SeekFrom::Start(length.saturating_sub(TAIL)))?;
    let mut bytes = Vec::new();
    file.read_to_end(&mut bytes)?;
    Ok(String::from_utf8_lossy(&bytes).into_owned())
}

/// All that were noted in it; none where there is no file yet.
pub(super) fn heads(path: &Path) -> io::Result<Vec<Head>> {
    match std::fs::read_to_string(path) {
        Ok(text) => Ok(text.lines().filter_map(Noted::parse).map(|noted| noted.head()).collect()),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(Vec::new()),
        Err(error) => Err(error),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn noted(seq: i64) -> Noted {
        Noted::new(Head { seq, chain: [7; 32] }, 0)
    }

    #[test]
    fn a_head_is_a_line_and_the_same_one_is_not_repeated() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("heads.jsonl");
        assert_eq!(heads(&path).unwrap(), []);
        for seq in [1, 1, 2, 1] {
            append(&path, &noted(seq)).unwrap();
        }
        let text = std::fs::read_to_string(&path).unwrap();
        let first = format!(r#"{{"seq":1,"chain":"{}","at":"1970-01-01T00:00:00.000Z"}}"#, "07".repeat(32));
        assert_eq!(text.lines().next(), Some(&*first));
        assert_eq!(heads(&path).unwrap().iter().map(|head| head.seq).collect::<Vec<_>>(), [1, 2, 1]);
    }

    #[test]
    fn what_a_crash_left_of_a_line_goes_and_a_whole_one_is_ended() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("heads.jsonl");
        std::fs::write(&path, format!("{}\n{{\"seq\":2,\"cha", noted(1).line())).unwrap();
        append(&path, &noted(2)).unwrap();
        assert_eq!(std::fs::read_to_string(&path).unwrap(), format!("{}\n{}\n", noted(1).line(), noted(2).line()));
        std::fs::write(&path, noted(1).line()).unwrap();
        append(&path, &noted(2)).unwrap();
        assert_eq!(heads(&path).unwrap().iter().map(|head| head.seq).collect::<Vec<_>>(), [1, 2]);
    }
}
