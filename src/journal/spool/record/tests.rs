use super::*;

fn entry(body: &str) -> NewEntry {
    let arrival = Arrival {
        receipt_id: [7; 16],
        received_at: 1_760_000_000_000,
        salt: [9; 16],
        sdk_app_id: 1_400_000_000,
        auth: Auth::Sign,
        client_ip: Some("203.0.113.7".to_owned()),
        platform: None,
        body: Bytes::copy_from_slice(body.as_bytes()),
    };
    let portrait = body::parse(body.as_bytes()).expect("readable");
    arrival.entry(portrait)
}

fn unreadable() -> NewUnreadable {
    NewUnreadable {
        receipt_id: [3; 16],
        received_at: -5,
        sdk_app_id: None,
        command: None,
        reason: "Sign is stale".to_owned(),
        auth: Auth::Stale,
        client_ip: Some(String::new()),
        platform: Some("iOS".to_owned()),
        body: Bytes::from_static(b"\xff\0"),
    }
}

const BODY: &str = r#"{"From_Account":"id1","EventTime":1760000000000,"ProfileItem":[{"Tag":"A","Value":1}]}"#;

fn both() -> Vec<u8> {
    let mut bytes = Vec::new();
    write_entry(&entry(BODY), 5, &mut bytes);
    write_unreadable(&unreadable(), 6, &mut bytes);
    bytes
}

fn all(mut bytes: &[u8]) -> (Vec<u64>, usize) {
    let (mut numbers, mut damage) = (Vec::new(), 0);
    while let Some(Found { what, taken }) = read(bytes) {
        match what {
            What::Record(_, number) => numbers.push(number),
            What::Newer => panic!("nothing newer is written here"),
            What::Nothing => damage += taken,
        }
        assert!(taken > 0, "it gets on");
        bytes = &bytes[taken..];
    }
    (numbers, damage)
}

#[test]
fn what_is_written_comes_back_the_same() {
    let bytes = both();
    let Some(Found { what: What::Record(Record::Entry(back), 5), taken }) = read(&bytes) else { panic!("an entry") };
    assert_eq!(format!("{back:?}"), format!("{:?}", entry(BODY)));
    let Some(Found { what: What::Record(Record::Unreadable(back), 6), .. }) = read(&bytes[taken..]) else {
        panic!("a body")
    };
    assert_eq!(format!("{back:?}"), format!("{:?}", unreadable()));
    assert_eq!(all(&bytes), (vec![5, 6], 0));
}

#[test]
fn a_record_cut_anywhere_is_none() {
    let bytes = both();
    let first = bytes.windows(4).rposition(|window| window == MARK).expect("the second record");
    for end in 0..bytes.len() {
        let (numbers, damage) = all(&bytes[..end]);
        let expected = if end < first { (vec![], end) } else { (vec![5], end - first) };
        assert_eq!((numbers, damage), expected, "cut at {end}");
    }
}

#[test]
fn a_byte_changed_anywhere_costs_that_record_alone() {
    let bytes = both();
    let first = bytes.windows(4).rposition(|window| window == MARK).expect("the second record");
    for at in 0..bytes.len() {
        let mut damaged = bytes.clone();
        damaged[at] ^= 0x20;
        let (numbers, damage) = all(&damaged);
        assert_eq!(numbers, if at < first { vec![6] } else { vec![5] }, "changed at {at}");
        assert_eq!(damage, if at < first { first } else { bytes.len() - first }, "changed at {at}");
    }
}

#[test]
fn garbage_between_records_is_stepped_over() {
    let mut bytes = b"PSPPSP1PSP1\xff\xff\xff\xff".to_vec();
    let garbage = bytes.len();
    bytes.extend(both());
    assert_eq!(all(&bytes), (vec![5, 6], garbage));
}

#[test]
fn a_whole_record_of_another_kind_or_shape_is_a_newer_programs() {
    for payload in [&[3][..], &[CALLBACK, 0, 0, 0, 1, 9], &[]] {
        let mut bytes = Vec::new();
        framed(7, &mut bytes, |out| out.extend_from_slice(payload));
        let length = bytes.len();
        bytes.extend(both());
        let Some(Found { what: What::Newer, taken }) = read(&bytes) else { panic!("{payload:?}") };
        assert_eq!(taken, length);
    }
    assert!(is_newer(b"PSP2whatever") && !is_newer(&both()) && !is_newer(b"PSP") && !is_newer(b"PSP\0"));
}

#[test]
fn a_callback_that_other_rules_cannot_read_is_kept_as_unreadable() {
    let mut entry = entry(BODY);
    entry.body = Bytes::from_static(b"[]");
    let mut bytes = Vec::new();
    write_entry(&entry, 0, &mut bytes);
    let Some(Found { what: What::Record(Record::Unreadable(body), _), .. }) = read(&bytes) else {
        panic!("unreadable")
    };
    assert_eq!((body.receipt_id, &body.body[..], body.sdk_app_id), ([7; 16], &b"[]"[..], Some(1_400_000_000)));
}
