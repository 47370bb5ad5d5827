//! Disks that fail, files of other versions, people who tidy up.

use super::*;

#[test]
fn what_a_newer_program_wrote_stays_for_it_and_holds_up_nothing() {
    let newer_record = |bytes: &mut Vec<u8>| record::framed(1, bytes, |out| out.push(77));
    let newer_file = |bytes: &mut Vec<u8>| bytes.splice(0..4, *b"PSP2").for_each(drop);
    for (write, ours) in [(&newer_record as &dyn Fn(&mut Vec<u8>), 3), (&newer_file, 0)] {
        let dir = tempfile::tempdir().expect("a folder");
        let mut spool = Spool::open(dir.path(), 1 << 30).expect("opens");
        append(&mut spool, 3, 100).expect("taken");
        drop(spool);
        let file = files(dir.path(), SUFFIX).remove(0);
        let mut bytes = fs::read(&file).expect("readable");
        write(&mut bytes);
        fs::write(&file, &bytes).expect("written");
        for _ in 0..2 {
            let mut spool = Spool::open(dir.path(), 1 << 30).expect("opens");
            append(&mut spool, 2, 100).expect("taken");
            assert!(look(dir.path()).expect("readable").newer > 0);
            let (records, damaged, newer) = drain_all(&mut spool, false);
            assert!((records, damaged) == (ours + 2, 0) && newer > 0, "{records} {damaged} {newer}");
            assert_eq!(files(dir.path(), ""), [file.clone(), dir.path().join(LOCK)]);
            assert_eq!(fs::read(&file).expect("readable"), bytes, "it is left as it was");
        }
    }
}

#[test]
fn zeros_over_the_end_of_a_file_are_damage_and_the_file_is_kept() {
    let dir = tempfile::tempdir().expect("a folder");
    let mut spool = Spool::open(dir.path(), 1 << 30).expect("opens");
    append(&mut spool, 10, 1000).expect("taken");
    let file = files(dir.path(), SUFFIX).remove(0);
    let mut bytes = fs::read(&file).expect("readable");
    let size = bytes.len() / 10;
    bytes[size * 8..].fill(0);
    fs::write(&file, &bytes).expect("damaged");
    assert_eq!(drain(&mut spool), (8, 2 * size as u64));
    assert_eq!(fs::read(&files(dir.path(), ".damaged")[0]).expect("kept"), bytes);
}

#[test]
fn a_file_shorter_than_it_was_costs_what_is_missing_and_the_next_files_are_drained() {
    let dir = tempfile::tempdir().expect("a folder");
    let mut spool = Spool::open(dir.path(), 1 << 30).expect("opens");
    append(&mut spool, 10, 1000).expect("taken");
    let file = files(dir.path(), SUFFIX).remove(0);
    let size = spool.bytes() / 10;
    spool.current = None;
    append(&mut spool, 5, 1000).expect("taken");
    let shorter = OpenOptions::new().write(true).open(&file).expect("opens");
    shorter.set_len(7 * size).expect("shortened");
    assert_eq!(drain(&mut spool), (12, 3 * size));
    assert_eq!(files(dir.path(), ".damaged").len(), 1);
}

#[test]
fn a_file_that_cannot_be_read_is_an_error_at_first_then_damage_and_no_reason_not_to_start() {
    let dir = tempfile::tempdir().expect("a folder");
    let mut spool = Spool::open(dir.path(), 1 << 30).expect("opens");
    append(&mut spool, 10, 1000).expect("taken");
    let file = files(dir.path(), SUFFIX).remove(0);
    // Reading from a folder fails, as from a bad block.
    fs::remove_file(&file).expect("removed");
    fs::create_dir(&file).expect("a folder in its place");
    fs::write(file.join("something"), "so that it has a size everywhere").expect("written");
    assert!(spool.reader(false).batch(MAX_RECORDS).is_err());
    let before = spool.bytes();
    spool.current = None;
    append(&mut spool, 5, 1000).expect("taken");
    assert_eq!(drain_all(&mut spool, true), (5, before, 0));
    drop(spool);
    fs::rename(&files(dir.path(), ".damaged")[0], &file).expect("put back");
    let mut spool = Spool::open(dir.path(), 1 << 30).expect("opens");
    assert!(spool.next_number() > 10);
    append(&mut spool, 1, 1000).expect("taken");
    assert_eq!(drain_all(&mut spool, true).0, 1);
}

#[test]
fn what_was_kept_once_is_never_overwritten() {
    let dir = tempfile::tempdir().expect("a folder");
    for times in 1..=3 {
        let mut spool = Spool::open(dir.path(), 1 << 30).expect("opens");
        append(&mut spool, times, 100).expect("taken");
        drop(spool);
        let file = files(dir.path(), SUFFIX).remove(0);
        let bytes = fs::read(&file).expect("readable");
        fs::write(&file, &bytes[1..]).expect("damaged");
        drain(&mut Spool::open(dir.path(), 1 << 30).expect("opens"));
        assert_eq!(files(dir.path(), ".damaged").len() as u64, times);
    }
    // Not even if somebody gave a segment the number of a kept one.
    let kept = files(dir.path(), ".damaged").remove(0);
    fs::write(kept.with_extension("spool"), "rubbish").expect("written");
    drain(&mut Spool::open(dir.path(), 1 << 30).expect("opens"));
    assert_eq!(files(dir.path(), ".damaged").len(), 4);
}

#[test]
fn a_record_set_aside_can_be_put_back() {
    let dir = tempfile::tempdir().expect("a folder");
    let mut spool = Spool::open(dir.path(), 1 << 30).expect("opens");
    append(&mut spool, 3, 1000).expect("taken");
    let mut reader = spool.reader(false);
    reader.batch(1).expect("readable");
    let second = reader.batch(1).expect("readable").expect("a record");
    let aside = spool.set_aside(&second.part).expect("set aside");
    drain(&mut spool);
    assert_eq!(files(dir.path(), ".aside"), std::slice::from_ref(&aside));
    drop(spool);
    fs::rename(&aside, segment_path(dir.path(), 5)).expect("renamed");
    assert_eq!(drain(&mut Spool::open(dir.path(), 1 << 30).expect("opens")), (1, 0));
}

#[test]
fn nothing_is_written_to_a_file_that_somebody_removed_or_without_the_lock() {
    let dir = tempfile::tempdir().expect("a folder");
    let place = dir.path().join("spool");
    let mut spool = Spool::open(&place, 1 << 30).expect("opens");
    append(&mut spool, 1, 100).expect("taken");
    fs::remove_file(&files(&place, SUFFIX)[0]).expect("removed");
    append(&mut spool, 1, 100).expect_err("it would be gone");
    append(&mut spool, 2, 100).expect("into a new file");
    assert_eq!((files(&place, SUFFIX).len(), drain(&mut spool).0), (1, 2));

    fs::remove_dir_all(&place).expect("removed");
    append(&mut spool, 3, 100).expect("everything is made anew");
    Spool::open(&place, 1 << 30).err().expect("its lock is taken again");
    assert_eq!(drain(&mut spool), (3, 0));

    fs::remove_file(place.join(LOCK)).expect("removed");
    let other = Spool::open(&place, 1 << 30).expect("nobody holds it");
    append(&mut spool, 1, 100).expect_err("the folder is another's now");
    drop(other);
    append(&mut spool, 1, 100).expect("and ours again");
}

#[test]
fn a_look_from_outside_does_not_keep_it_from_being_opened() {
    let dir = tempfile::tempdir().expect("a folder");
    drop(Spool::open(dir.path(), 1 << 30).expect("opens"));
    let looking = File::open(dir.path().join(LOCK)).expect("the lock");
    looking.lock_shared().expect("locked");
    std::thread::scope(|threads| {
        let opening = threads.spawn(|| Spool::open(dir.path(), 1 << 30).is_ok());
        assert!(look(dir.path()).expect("readable").owner.is_none());
        drop(looking);
        assert!(opening.join().expect("no panic"));
    });
}
