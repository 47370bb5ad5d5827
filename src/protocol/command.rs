//! CallbackCommand: an open set of names, `Family.CallbackSomething`.

/// The one command this service records.
pub const PORTRAIT_SET: &str = "Profile.CallbackPortraitSet";

/// Families the vendor documents; anything else counts as `other` in metrics, so that labels stay bounded.
const FAMILIES: [&str; 12] =
    ["Alert", "Bot", "C2C", "Call", "Group", "Live", "OfficialAccount", "Profile", "Push", "Room", "Sns", "State"];

/// What all of theirs begin with.
const OFFICIAL_ACCOUNT: &str = "OfficialAccount.CallbackBefore";

/// Commands Chat waits for before it acts: OK lets the action pass.
const BEFORE_EVENT: [&str; 9] = [
    "C2C.CallbackBeforeSendMsg",
    "Group.CallbackBeforeApplyJoinGroup",
    "Group.CallbackBeforeCreateGroup",
    "Group.CallbackBeforeCreateTopic",
    "Group.CallbackBeforeInviteJoinGroup",
    "Group.CallbackBeforeSendMsg",
    OFFICIAL_ACCOUNT,
    "Sns.CallbackPrevFriendAdd",
    "Sns.CallbackPrevFriendResponse",
];

/// Which of the commands it is that Chat asks before the action, so that the answer decides about it.
pub fn before_event(command: &str) -> Option<&'static str> {
    let command = if command.starts_with(OFFICIAL_ACCOUNT) { OFFICIAL_ACCOUNT } else { command };
    BEFORE_EVENT.into_iter().find(|known| *known == command)
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
        assert_eq!(before_event("Sns.CallbackPrevFriendAdd"), Some("Sns.CallbackPrevFriendAdd"));
        for name in ["OfficialAccount.CallbackBeforeSendMsg", "OfficialAccount.CallbackBefore\nx"] {
            assert_eq!(before_event(name), Some(OFFICIAL_ACCOUNT), "{name:?}");
        }
        for name in [PORTRAIT_SET, "Sns.CallbackFriendAdd", "OfficialAccount.CallbackAfterSendMsg", ""] {
            assert_eq!(before_event(name), None, "{name:?}");
        }
    }
}
