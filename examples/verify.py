#!/usr/bin/env python3
"""Checks an export of the whole log, by what docs/proof.md says and by nothing of portraitd's own.

    portraitd export --format proof | verify.py [--head heads.jsonl]      or: verify.py export.ndjson

Names the first entry that does not hold and exits 1. Heads that were noted elsewhere show that a log was cut or written anew."""
import argparse, base64, hashlib, json, re, struct, sys

DIGESTED = ("account", "operator", "event_time_ms", "client_ip", "platform")
CHAINED = ("received_at_ms", "sdk_app_id", "kind", "auth")

def of(*fields):
    """SHA-256 over fields, each with its length before it."""
    h = hashlib.sha256()
    for f in fields:
        f = struct.pack(">q", f) if isinstance(f, int) else f.encode() if isinstance(f, str) else f
        h.update(b"\xff\xff\xff\xff" if f is None else struct.pack(">I", len(f)) + f)
    return h.digest()

def parse(text):
    """JSON in which 1, 1.0 and "1" differ, and so do objects in another order."""
    number = lambda digits: ("number", digits)
    return json.loads(text, parse_int=number, parse_float=number, object_pairs_hook=lambda pairs: ("object", pairs))

def operator(value):
    is_text = isinstance(value, str) and not any(c == "\0" or "\ud800" <= c <= "\udfff" for c in value)
    return value if is_text and 0 < len(value.encode()) <= 1024 else None

def event_time(value):
    text = str(value[1]) if isinstance(value, tuple) else f'"{value}"'
    is_integer = re.fullmatch(r'-?\d{1,15}|"0*\d{1,15}"', text, re.ASCII)
    millis = int(text.strip('"').lstrip("0") or 0) if is_integer else -1
    return millis if 0 <= millis < 253402300800000 else None

def check_body(e, body):
    says = dict(parse(body.decode("utf-8-sig"))[1])
    of_body = (says["From_Account"], operator(says.get("Operator_Account")), event_time(says.get("EventTime")))
    if of_body != (e["account"], e["operator"], e["event_time_ms"]):
        return "account, operator or event_time is not what the body says"
    items = [dict(pairs) for _, pairs in says["ProfileItem"]]
    stored = [(at, tag, parse(value)) for at, tag, value in e["items"]]
    if stored != [(at, item["Tag"], item.get("Value")) for at, item in enumerate(items)]:
        return "its item rows are not what the body says"

def check(lines, heads):
    faults, count, last, chain = {}, 0, 0, bytes(32)
    left, noted = {}, {}  # of entries without a body: what is left of them, and what erasures say is left
    fault = faults.setdefault
    for line in lines:
        try:
            e = json.loads(line)
            seq, digest = int(e["seq"]), bytes.fromhex(e["digest"])
            salt = None if e["salt"] is None else bytes.fromhex(e["salt"])
            body = None if e["body_base64"] is None else base64.b64decode(e["body_base64"])
            if count == 0 and seq - 1 in heads:  # what was before it is pruned
                last, chain = seq - 1, heads[seq - 1]
            if seq != last + 1:
                fault(last + 1, "the entry is missing")
            link = of(chain, b"\x01", seq, bytes.fromhex(e["receipt_id"]), *[e[name] for name in CHAINED], digest)
            count, last, chain = count + 1, seq, bytes.fromhex(e["chain"])
            if link != chain:
                fault(seq, "its chain does not follow from the entry before it and what the chain covers")
            if heads.get(seq, chain) != chain:
                fault(seq, "its chain is not the one that was noted: it or an entry before it was altered")
            if body is None:
                rows = [field for at, row in enumerate(e["items"]) for field in row[1:] if row[0] == at]
                is_clean = all(e[name] is None for name in ("operator", "client_ip", "platform"))
                left[seq] = of(salt, e["account"], e["event_time_ms"], *rows) if is_clean else None
            elif of(salt, *[e[name] for name in DIGESTED], body) != digest:
                fault(seq, "its digest does not match")
            elif e["kind"] == "erasure":
                erased = {one["seq"]: bytes.fromhex(one["remains"]) for one in json.loads(body)["erased"]}
                if any(e[name] is not None for name in DIGESTED) or e["items"] or any(not 0 < at < seq for at in erased):
                    fault(seq, "not an erasure: it has more than a body, or names what does not come before it")
                else:
                    noted.update(erased)
            elif why := check_body(e, body):
                fault(seq, why)
        except (ValueError, KeyError, TypeError, AttributeError, struct.error) as error:
            fault(last + 1, f"not an entry: {error!r}")
    for seq in left.keys() | {seq for seq in noted if seq > last - count}:
        if left.get(seq, b"") != noted.get(seq, b""):
            fault(seq, "its body is null, and no erasure names it" if seq not in noted else
                  "an erasure names it, and its body is there" if seq not in left else
                  "what is left of it is not what its erasure left")
    faults.update({seq: "a head was noted of it, and the log ends before it" for seq in heads if seq > last})
    return count, last, chain, min(faults.items(), default=None)

arguments = argparse.ArgumentParser(description=__doc__.splitlines()[0])
arguments.add_argument("export", nargs="?", help="NDJSON; without it, standard input")
arguments.add_argument("--head", metavar="FILE", help="heads that were noted elsewhere, one JSON object a line")
given, heads = arguments.parse_args(), {}
for head in map(json.loads, open(given.head, "rb") if given.head else []):
    if heads.setdefault(head["seq"], bytes.fromhex(head["chain"])).hex() != head["chain"]:
        sys.exit(f"the log does not hold: entry {head['seq']}: two heads that were noted of it differ")
count, last, chain, fault = check(open(given.export, "rb") if given.export else sys.stdin.buffer, heads)
if fault:
    sys.exit(f"the log does not hold: entry {fault[0]}: {fault[1]}")
print(f"{count} entries hold; head {last} {chain.hex()}")
