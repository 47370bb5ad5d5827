//! The vendor's standard tags, and what people call them.

pub(super) const KNOWN: [(&str, &str); 12] = [
    ("Tag_Profile_IM_Nick", "Nickname"),
    ("Tag_Profile_IM_Image", "Picture"),
    ("Tag_Profile_IM_Gender", "Gender"),
    ("Tag_Profile_IM_BirthDay", "Birthday"),
    ("Tag_Profile_IM_Location", "Location"),
    ("Tag_Profile_IM_SelfSignature", "Signature"),
    ("Tag_Profile_IM_AllowType", "Who may add as friend"),
    ("Tag_Profile_IM_Language", "Language"),
    ("Tag_Profile_IM_MsgSettings", "Message settings"),
    ("Tag_Profile_IM_AdminForbidType", "Friend requests forbidden"),
    ("Tag_Profile_IM_Level", "Level"),
    ("Tag_Profile_IM_Role", "Role"),
];

pub(super) fn label(tag: &str) -> Option<&'static str> {
    KNOWN.iter().find(|(known, _)| *known == tag).map(|(_, label)| *label)
}
