//! CallbackCommand: an open set of names, `Family.CallbackSomething`.

/// The one command this service records.
pub const PORTRAIT_SET: &str = "Profile.CallbackPortraitSet";

/// Families the vendor documents; anything else counts as `other` in metrics, so that labels stay bounded.
const FAMILIES: [&str; 12] =
    ["Alert", "Bot", "C2C", "Call", "Group", "Live", "OfficialAccount", "Profile", "Push", "Room", "Sns", "State"];

/// Commands Chat waits for before it acts: OK lets the action pass.
const BEFORE_EVENT: [&str; 8] = [
    "C2C.CallbackBeforeSendMsg",
    "Group.CallbackBeforeApplyJoinGroup",
    "Group.CallbackBeforeCreateGroup",
    "Group.CallbackBeforeCreateTopic",
    "Group.CallbackBeforeInviteJoinGroup",
    "Group.CallbackBeforeSendMsg",
    "Sns.CallbackPrevFriendAdd",
    "Sns.CallbackPrevFriendResponse",
];

/// Whether Chat asks before the action, so that the answer decides about it.
pub fn is_before_event(command: &str) -> bool {
    BEFORE_EVENT.contains(&command) || command.starts_with("OfficialAccount.CallbackBefore")
}

/// A metric label for a command: the command itself where we record it, its family where the family is known.
pub fn label(command: &str) -> &'static str {
    if command == PORTRAIT_SET {
        return PORTRAIT_SET;
    }
    let family = command.split('.').next().unwrap_or_default();
    FAMILIES.iter().copied().find(|known| *known == family).unwrap_or("other")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn labels_are_bounded() {
        assert_eq!(label("Profile.CallbackPortraitSet"), PORTRAIT_SET);
        assert_eq!(label("Group.CallbackAfterNewMemberJoin"), "Group");
        assert_eq!(label("profile.callbackportraitset"), "other");
        assert_eq!(label(""), "other");
    }

    #[test]
    fn before_event_commands_are_known() {
        assert!(is_before_event("Sns.CallbackPrevFriendAdd"));
        assert!(is_before_event("OfficialAccount.CallbackBeforeSendMsg"));
        assert!(!is_before_event(PORTRAIT_SET));
        assert!(!is_before_event("Sns.CallbackFriendAdd"));
    }
}
