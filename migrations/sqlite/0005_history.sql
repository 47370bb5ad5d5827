-- Every change with its old value. Times are Unix milliseconds.

CREATE VIEW profile_history AS
SELECT i.seq, i.ordinal, c.sdk_app_id AS app, c.account, c.operator, i.tag,
       (SELECT p.value
          FROM callbacks b JOIN profile_changes p ON p.seq = b.seq
         WHERE b.sdk_app_id = c.sdk_app_id AND b.account = c.account AND p.tag = i.tag
           -- The first comparison is what the index can use; the second is the rule.
           AND (b.effective_time, b.seq) <= (c.effective_time, c.seq)
           AND (b.effective_time, b.seq, p.ordinal) < (c.effective_time, c.seq, i.ordinal)
         ORDER BY b.effective_time DESC, b.seq DESC, p.ordinal DESC
         LIMIT 1) AS old, -- The value before, by effective time; null when the log knows none.
       i.value AS new, c.event_time, c.effective_time, c.received_at, c.platform, c.client_ip, c.auth, c.kind
  FROM profile_changes i JOIN callbacks c ON c.seq = i.seq;
