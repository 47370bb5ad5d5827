use super::*;

fn mapping() -> Mapping {
    let plain = |tag: &str| Attribute { tag: tag.to_owned(), ..Attribute::default() };
    let values = |pairs: &[(&str, &str)]| Some(pairs.iter().map(|(a, b)| ((*a).to_owned(), (*b).to_owned())).collect());
    let sexes = [("Gender_Type_Female", "female"), ("Gender_Type_Male", "male"), ("Gender_Type_Unknown", "")];
    let sex = Attribute { values: values(&sexes), ..plain("Tag_Profile_IM_Gender") };
    let pet = Attribute {
        values: values(&[("cat", "feline"), ("", "none"), ("7", "seven")]),
        otherwise: Some("other".to_owned()),
        ..plain("Tag_Profile_Custom_Pet")
    };
    let job = Attribute {
        values: values(&[("cook", "chef")]),
        otherwise: Some("other".to_owned()),
        ..plain("Tag_Profile_Custom_Job")
    };
    let all = [("job", job), ("sex", sex), ("city", plain("Tag_Profile_IM_Location")), ("pet", pet)];
    Mapping::new(all.map(|(name, attribute)| (name.to_owned(), attribute)).into())
}

fn change(items: &[(&str, &str)]) -> ProfileChange {
    let items: Vec<_> = items.iter().map(|(tag, json)| format!(r#"{{"Tag":"{tag}","Value":{json}}}"#)).collect();
    let body = format!(r#"{{"From_Account":"a","ProfileItem":[{}]}}"#, items.join(","));
    ProfileChange::from_body(7, body).unwrap()
}

fn of(tag: &str, json: &str) -> Mapped {
    mapping().of(&change(&[(tag, json)]))
}

fn set(name: &str, value: &str) -> Mapped {
    Mapped { set: [(name.to_owned(), value.to_owned())].into(), ..Mapped::default() }
}

fn removed(name: &str) -> Mapped {
    Mapped { remove: vec![name.to_owned()], ..Mapped::default() }
}

#[track_caller]
fn assert_refused(mapped: &Mapped, why: &str) {
    assert!(mapped.asks_for_nothing());
    assert_eq!(mapped.refused, [why]);
}

const SEX: &str = "Tag_Profile_IM_Gender";
const CITY: &str = "Tag_Profile_IM_Location";
const PET: &str = "Tag_Profile_Custom_Pet";
const JOB: &str = "Tag_Profile_Custom_Job";

#[test]
fn a_value_is_looked_up_or_taken_as_it_is() {
    assert_eq!(of(SEX, r#""Gender_Type_Female""#), set("sex", "female"));
    assert_eq!(of(CITY, r#""Zürich\n""#), set("city", "Zürich\n"));
    for (json, text) in [("7", "7"), ("18446744073709551615", "18446744073709551615"), ("-7", "-7"), ("1.50", "1.50")] {
        assert_eq!(of(CITY, json), set("city", text), "{json}");
    }
    assert_eq!(of(PET, "7"), set("pet", "seven"), "a number, by its text");
    assert_eq!(of(PET, r#""dog""#), set("pet", "other"), "what the table does not have is otherwise");
    assert_eq!(of("Tag_Profile_IM_Nick", r#""x""#), Mapped::default());
}

#[test]
fn a_value_that_is_cleared_or_mapped_to_nothing_is_removed() {
    for json in ["null", r#""""#] {
        assert_eq!(of(CITY, json), removed("city"), "{json}");
        assert_eq!(of(SEX, json), removed("sex"), "{json}: also where the table does not have it");
        assert_eq!(of(PET, json), set("pet", "none"), "{json}: unless the table has it");
    }
    assert_eq!(of(SEX, r#""Gender_Type_Unknown""#), removed("sex"));
    assert_eq!(of(JOB, r#""smith""#), set("job", "other"));
    assert_eq!(of(JOB, "null"), removed("job"), "otherwise is for what is there");
}

#[test]
fn what_cannot_be_an_attribute_is_refused_without_its_value() {
    let (fits, long) = ("é".repeat(25), format!("{}x", "é".repeat(25)));
    assert_eq!(of(CITY, &format!("{fits:?}")), set("city", &fits));
    let too_long = "city, from Tag_Profile_IM_Location: its value has 51 bytes, but 50 is the most";
    assert_refused(&of(CITY, &format!("{long:?}")), too_long);
    for json in ["true", "{}", "[\"x\"]", r#""\ud800""#] {
        assert_refused(&of(CITY, json), "city, from Tag_Profile_IM_Location: its value is neither text nor a number");
    }
    let unknown = "sex, from Tag_Profile_IM_Gender: values does not have its value, and there is no otherwise";
    assert_refused(&of(SEX, r#""Gender_Type_Secret""#), unknown);
}

#[test]
fn each_attribute_is_asked_for_by_itself_and_the_last_of_a_tag_counts() {
    let long = format!("{:?}", "x".repeat(51));
    let change = change(&[(CITY, &long), (SEX, r#""Gender_Type_Male""#), (SEX, "null"), (PET, r#""cat""#)]);
    let mapped = mapping().of(&change);
    assert_eq!((mapped.set, mapped.remove), (set("pet", "feline").set, removed("sex").remove));
    assert_eq!(mapped.refused.len(), 1);
}

#[test]
fn of_what_is_superseded_nothing_is_asked() {
    let mut change = change(&[(CITY, &format!("{:?}", "x".repeat(51))), (SEX, "null")]);
    change.items[0] = change.items[0].clone().superseded();
    assert_eq!(mapping().of(&change), removed("sex"));
    change.items[1] = change.items[1].clone().superseded();
    assert_eq!(mapping().of(&change), Mapped::default());
}
