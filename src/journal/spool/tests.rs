mod trouble;

use std::os::unix::fs::PermissionsExt;

use bytes::Bytes;

use super::folder::SUFFIX;
use super::*;
use crate::store::NewUnreadable;
use crate::store::model::Auth;

fn body(size: usize) -> NewUnreadable {
    NewUnreadable {
        receipt_id: [1; 16],
        received_at: 1,
        sdk_app_id: Some(1),
        command: None,
        reason: String::new(),
        auth: Auth::None,
        client_ip: None,
        platform: None,
        body: Bytes::from(vec![b'x'; size]),
    }
}

fn append(spool: &mut Spool, count: u64, size: usize) -> Result<()> {
    let (mut records, first) = (Vec::new(), spool.next_number());
    for number in first..first + count {
        record::write_unreadable(&body(size), number, &mut records);
    }
    spool.append(&records, count)
}

/// Reads and drains everything; how many records, and how many bytes that are none.
fn drain(spool: &mut Spool) -> (u64, u64) {
    let (records, damaged, newer) = drain_all(spool, false);
    assert_eq!(newer, 0);
    (records, damaged)
}

fn drain_all(spool: &mut Spool, lenient: bool) -> (u64, u64, u64) {
    let mut sum = (0, 0, 0);
    while let Some(batch) = spool.reader(lenient).batch(MAX_RECORDS).expect("readable") {
        assert_eq!(batch.records.len() as u64, batch.part.records);
        sum = (sum.0 + batch.part.records, sum.1 + batch.part.damaged, sum.2 + batch.part.newer);
        spool.drained(&batch.part).expect("removable");
    }
    assert!(spool.is_empty() && spool.records() == 0 && spool.bytes() == 0);
    sum
}

fn files(dir: &Path, suffix: &str) -> Vec<PathBuf> {
    let mut files: Vec<_> = fs::read_dir(dir).expect("a folder").map(|entry| entry.expect("an entry").path()).collect();
    files.retain(|file| file.to_string_lossy().ends_with(suffix));
    files.sort();
    files
}

#[test]
fn records_outlive_the_process_and_are_drained_in_order() {
    let dir = tempfile::tempdir().expect("a folder");
    let mut spool = Spool::open(dir.path(), 1 << 30).expect("opens");
    assert!(spool.is_empty() && files(dir.path(), SUFFIX).is_empty(), "nothing is written without need");
    append(&mut spool, 10, 100).expect("taken");
    drop(spool);
    let mut spool = Spool::open(dir.path(), 1 << 30).expect("opens");
    assert_eq!(spool.records(), 10);
    append(&mut spool, 5, 100).expect("taken");
    assert_eq!((spool.records(), files(dir.path(), SUFFIX).len()), (15, 2));
    assert_eq!(drain(&mut spool), (15, 0));
    assert!(files(dir.path(), SUFFIX).is_empty());
    append(&mut spool, 1, 100).expect("taken again");
    assert_eq!(drain(&mut spool), (1, 0));
}

#[test]
fn a_second_process_is_told_who_has_the_folder() {
    let dir = tempfile::tempdir().expect("a folder");
    let spool = Spool::open(dir.path(), 1 << 30).expect("opens");
    let error = Spool::open(dir.path(), 1 << 30).err().expect("locked").to_string();
    assert!(error.contains(&std::process::id().to_string()), "{error}");
    assert!(look(dir.path()).expect("readable").owner.is_some());
    drop(spool);
    assert_eq!(look(dir.path()).expect("readable").owner, None);
    Spool::open(dir.path(), 1 << 30).expect("opens");
}

#[test]
fn it_is_bounded_and_takes_more_as_it_is_drained() {
    let dir = tempfile::tempdir().expect("a folder");
    let mut spool = Spool::open(dir.path(), 100_000).expect("opens");
    let taken = (0..1000).take_while(|_| append(&mut spool, 1, 1000).is_ok()).count();
    assert!((85..=95).contains(&taken), "{taken} records of a good 1,080 bytes");
    assert!(spool.bytes() <= 100_000 && matches!(append(&mut spool, 1, 1000), Err(SpoolError::Full { .. })));
    assert!(files(dir.path(), SUFFIX).len() > 4, "in several files, so that space is freed on the way");
    for _ in 0..2 {
        let batch = spool.reader(false).batch(MAX_RECORDS).expect("readable").expect("a batch");
        spool.drained(&batch.part).expect("removable");
    }
    append(&mut spool, 1, 1000).expect("there is room again");
    drain(&mut spool);
}

#[test]
fn unreadable_bodies_take_an_eighth_and_callbacks_the_rest() {
    let dir = tempfile::tempdir().expect("a folder");
    let mut spool = Spool::open(dir.path(), 100_000).expect("opens");
    let aside = |spool: &mut Spool| {
        let mut records = Vec::new();
        record::write_unreadable(&body(1000), spool.next_number(), &mut records);
        spool.append_unreadable(&records, 1)
    };
    for round in ["at first", "once it was drained"] {
        let taken = (0..100).take_while(|_| aside(&mut spool).is_ok()).count();
        assert_eq!(taken, 11, "{round}: records of a good 1,080 bytes");
        assert!(matches!(aside(&mut spool), Err(SpoolError::UnreadableFull { .. })), "{round}");
        append(&mut spool, 70, 1000).expect("there is room for callbacks");
        assert_eq!(drain(&mut spool), (81, 0), "{round}");
    }
}

#[test]
fn a_torn_end_is_stepped_over_and_the_records_before_and_after_it_are_drained() {
    for torn in [1, 20, 24, 500] {
        let dir = tempfile::tempdir().expect("a folder");
        let mut spool = Spool::open(dir.path(), 1 << 30).expect("opens");
        append(&mut spool, 3, 1000).expect("taken");
        drop(spool);
        let file = &files(dir.path(), SUFFIX)[0];
        let bytes = fs::read(file).expect("readable");
        fs::write(file, &bytes[..bytes.len() - torn]).expect("torn");
        let mut spool = Spool::open(dir.path(), 1 << 30).expect("opens");
        append(&mut spool, 2, 1000).expect("taken");
        let left = bytes.len() / 3 - torn;
        assert_eq!(drain(&mut spool), (4, left as u64), "{torn} bytes torn off");
        assert_eq!(files(dir.path(), ".damaged").len(), usize::from(left > 0), "nothing is thrown away");
    }
}

#[test]
fn damage_in_the_middle_costs_what_it_hit_and_the_file_is_kept() {
    let dir = tempfile::tempdir().expect("a folder");
    let mut spool = Spool::open(dir.path(), 1 << 30).expect("opens");
    append(&mut spool, 100, 1000).expect("taken");
    let file = &files(dir.path(), SUFFIX)[0];
    let mut bytes = fs::read(file).expect("readable");
    let size = bytes.len() / 100;
    bytes[size * 50 + 500..size * 52 + 500].fill(0);
    fs::write(file, &bytes).expect("damaged");
    assert_eq!(look(dir.path()).expect("readable").unreadable, 97);
    assert_eq!(drain(&mut spool), (97, 3 * size as u64));
    assert_eq!(files(dir.path(), ".damaged").len(), 1);
}

#[test]
fn a_file_that_somebody_removed_does_not_stop_the_rest() {
    let dir = tempfile::tempdir().expect("a folder");
    let mut spool = Spool::open(dir.path(), 100_000).expect("opens");
    while append(&mut spool, 1, 1000).is_ok() {}
    let before = spool.records();
    fs::remove_file(&files(dir.path(), SUFFIX)[1]).expect("removed");
    let (records, damaged) = drain(&mut spool);
    assert!(records < before && damaged > 0 && records > before / 2, "{records} of {before}");
}

#[test]
fn records_larger_than_a_batch_pass() {
    let dir = tempfile::tempdir().expect("a folder");
    let mut spool = Spool::open(dir.path(), 1 << 30).expect("opens");
    for size in [10, 3 << 20, 10, 16 << 20, 10, 10] {
        append(&mut spool, 1, size).expect("taken");
    }
    assert_eq!(drain(&mut spool), (6, 0));
}

#[test]
fn what_people_wrote_is_for_the_owner_alone() {
    let dir = tempfile::tempdir().expect("a folder");
    let place = dir.path().join("a/b");
    let mut spool = Spool::open(&place, 1 << 30).expect("opens");
    append(&mut spool, 1, 1).expect("taken");
    let mode = |path: &Path| fs::metadata(path).expect("there").permissions().mode() & 0o777;
    assert_eq!((mode(&place), mode(&files(&place, SUFFIX)[0])), (0o700, 0o600));
}
