-- What people who use psql ask for: every change with its old value.

CREATE VIEW profile_history AS
SELECT i.seq, i.ordinal, c.sdk_app_id AS app, c.account, c.operator, i.tag,
       (SELECT p.value
          FROM callbacks b JOIN profile_changes p ON p.seq = b.seq
         WHERE b.sdk_app_id = c.sdk_app_id AND b.account = c.account AND p.tag = i.tag
           -- The first comparison is what the index can use; the second is the rule.
           AND (b.effective_time, b.seq) <= (c.effective_time, c.seq)
           AND (b.effective_time, b.seq, p.ordinal) < (c.effective_time, c.seq, i.ordinal)
         ORDER BY b.effective_time DESC, b.seq DESC, p.ordinal DESC
         LIMIT 1) AS old,
       i.value AS new, c.event_time, c.effective_time, c.received_at, c.platform, c.client_ip, c.auth, c.kind
  FROM profile_changes i JOIN callbacks c ON c.seq = i.seq;

COMMENT ON VIEW   profile_history                IS 'Who changed what, from what, to what, when. One row per ProfileItem. Example: SELECT received_at, operator, tag, old, new FROM profile_history WHERE app = 1400000000 AND account = ''id1'' ORDER BY effective_time DESC, seq DESC, ordinal DESC LIMIT 20;';
COMMENT ON COLUMN profile_history.seq            IS 'Position of the entry in the log.';
COMMENT ON COLUMN profile_history.ordinal        IS 'Position in ProfileItem, from 0.';
COMMENT ON COLUMN profile_history.app            IS 'SDKAppID.';
COMMENT ON COLUMN profile_history.account        IS 'From_Account: whose profile.';
COMMENT ON COLUMN profile_history.operator       IS 'Operator_Account: who changed it.';
COMMENT ON COLUMN profile_history.tag            IS 'Tag, such as Tag_Profile_IM_Nick.';
COMMENT ON COLUMN profile_history.old            IS 'The value before, as JSON text, by effective time; null when the log knows none. Computed when read, so that late arrivals never falsify it.';
COMMENT ON COLUMN profile_history.new            IS 'The value after, as JSON text; null once erased.';
COMMENT ON COLUMN profile_history.event_time     IS 'EventTime as the vendor gave it.';
COMMENT ON COLUMN profile_history.effective_time IS 'When the change took effect; history is ordered by it.';
COMMENT ON COLUMN profile_history.received_at    IS 'When portraitd received it.';
COMMENT ON COLUMN profile_history.platform       IS 'OptPlatform.';
COMMENT ON COLUMN profile_history.client_ip      IS 'ClientIP, the vendor''s claim.';
COMMENT ON COLUMN profile_history.auth           IS 'sign or none.';
COMMENT ON COLUMN profile_history.kind           IS 'callback, baseline, reconcile or erasure.';
