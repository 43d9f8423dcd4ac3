"""Nothing reads or writes another owner's rows: every statement of the store binds its asker, or stands here with its reason.

`visible` (store/scope.py) alone decides which rows a scope reaches. A new query that fails here takes a `scope: Scope` and
writes the condition of `visible` into itself; one that must reach everybody's rows takes `_: Scope` and is put on the list.
"""

import ast
import textwrap

import pytest
from checkout import package
from scoping import constants, statements, unscoped

from callwright.store.tables import metadata

pytestmark = pytest.mark.pure

OF_NOBODY = {
    "engines": "processes of the platform",
    "retention": "how long the platform keeps things",
    "sms_counted": "how far",
}
"Tables without an owner."

ABSENT_FIRST = "Plum's order of checks: what is not there (404) comes before what is not one's own (403)"
SHARED = "audio is the account's, whoever of its users has uploaded it"
QUEUE = "engines work for everybody"
WRITES = "an engine writes what happened in the calls that it runs"
PARTITIONS = "the tables themselves, a day or a month of everybody's rows"
RETIRES = "the job deletes for everybody, an account at a time"
POSTS = "the job posts for everybody"
CARRIES = "a carrier's texts are everybody's"
ANSWERS = "the job takes the turns of everybody's conversations"
OF_NUMBER = "the number has been found as its owner's, or is the one that a carrier told a text for"
DOOR = "an engine answers everybody's telephones and trunks, and asks each of them who it is"
LOCKED = "the owner's row has been found, and locked, by the statement before it"

FOR_EVERYBODY = {
    "store/accounts.py:insert_account": "the account is new",
    "store/accounts.py:user_by_email": "before it is known who asks",
    "store/accounts.py:set_demo": "whoever runs the platform says which accounts are for demonstration",
    "store/accounts.py:count": "whether this is the first start",
    "store/applications.py:insert_version": LOCKED,
    "store/applications.py:published": "by the account of the call that asks",
    "store/audio_files.py:forget_unnamed": RETIRES,
    "store/audio_files.py:known": SHARED,
    "store/audio_files.py:total": SHARED,
    "store/audio_files.py:wanted": RETIRES,
    "store/callbacks.py:claim": POSTS,
    "store/callbacks.py:record": POSTS,
    "store/callbacks.py:next_due": POSTS,
    "store/calls.py:insert": WRITES,
    "store/calls.py:append_events": WRITES,
    "store/calls.py:append_errors": WRITES,
    "store/calls.py:close_lost": "what a lost engine had in hand",
    "store/calls.py:is_there": WRITES,
    "store/calls.py:set_lost_recordings": "what a lost engine had in hand",
    "store/calls.py:close": WRITES,
    "store/deployments.py:delete": LOCKED,
    "store/deployments.py:route_inbound": "a caller is nobody's user",
    "store/deployments.py:route_default": "a caller is nobody's user",
    "store/dialing.py:next_due": QUEUE,
    "store/dialing.py:claim": QUEUE,
    "store/dialing.py:_due_trunks": QUEUE,
    "store/dialing.py:_taken": QUEUE,
    "store/dialing.py:start": QUEUE,
    "store/dialing.py:connected": WRITES,
    "store/dialing.py:finish": WRITES,
    "store/dialing.py:give_back": QUEUE,
    "store/undialled.py:is_hopeless": QUEUE,
    "store/undialled.py:_end_queued": QUEUE,
    "store/engines.py:_bury": "what a lost engine had in hand",
    "store/legs.py:insert": WRITES,
    "store/legs.py:is_there": WRITES,
    "store/partitions.py:_make": PARTITIONS,
    "store/partitions.py:drop": PARTITIONS,
    "store/partitions.py:make": PARTITIONS,
    "store/partitions.py:rows": PARTITIONS,
    "store/queues.py:waiting": "how much waits, for who runs the platform",
    "store/phones.py:known": DOOR,
    "store/phones.py:register": DOOR,
    "store/phones.py:_check_order": DOOR,
    "store/phones.py:forget_expired": "the job deletes for everybody",
    "store/phones.py:update": LOCKED,
    "store/retention.py:accounts_that_keep_less": RETIRES,
    "store/retention.py:counted": RETIRES,
    "store/retention.py:delete_calls": RETIRES,
    "store/retention.py:delete_details": RETIRES,
    "store/retention.py:delete_errors": RETIRES,
    "store/retention.py:delete_legs": RETIRES,
    "store/retention.py:delete_transcriptions": RETIRES,
    "store/sip_names.py:claim": "whether anybody has a name, and not who",
    "store/sms.py:number_of_carrier": CARRIES,
    "store/sms.py:number_by_id": ANSWERS,
    "store/sms.py:take_reply": POSTS,
    "store/sms.py:insert": OF_NUMBER,
    "store/sms.py:_paced": OF_NUMBER,
    "store/sms.py:consent": OF_NUMBER,
    "store/sms.py:is_blocked": OF_NUMBER,
    "store/sms_counts.py:roll_up": "the job counts for everybody",
    "store/sms_parts.py:add": OF_NUMBER,
    "store/sms_parts.py:lapse": CARRIES,
    "store/sms_parts.py:_join": CARRIES,
    "store/sms_sending.py:carriers": CARRIES,
    "store/sms_sending.py:carrier": "whoever tells something is known by the token in its URL",
    "store/sms_sending.py:claim": CARRIES,
    "store/sms_sending.py:next_due": CARRIES,
    "store/sms_sending.py:taken": CARRIES,
    "store/sms_sending.py:_end": CARRIES,
    "store/sms_sending.py:_later": CARRIES,
    "store/sms_sending.py:lapse": CARRIES,
    "store/sms_sending.py:receipts": CARRIES,
    "store/sms_sending.py:post": CARRIES,
    "store/sms_sending.py:notified": CARRIES,
    "store/text_sessions.py:enqueue": OF_NUMBER,
    "store/text_sessions.py:may_be_private": OF_NUMBER,
    "store/text_sessions.py:claim": ANSWERS,
    "store/text_sessions.py:renew": ANSWERS,
    "store/text_sessions.py:next_due": ANSWERS,
    "store/text_sessions.py:take_away": ANSWERS,
    "store/text_sessions.py:go_on_after": ANSWERS,
    "store/text_sessions.py:route": ANSWERS,
    "store/text_sessions.py:waiting": ANSWERS,
    "store/text_sessions.py:begin": ANSWERS,
    "store/text_sessions.py:stand": ANSWERS,
    "store/text_sessions.py:append": ANSWERS,
    "store/text_sessions.py:show": ANSWERS,
    "store/text_sessions.py:expire": ANSWERS,
    "store/text_sessions.py:delete_outlived": RETIRES,
    "store/trunk_registrations.py:claim": QUEUE,
    "store/trunk_registrations.py:tell": WRITES,
    "store/trunk_registrations.py:release": WRITES,
    "store/trunks.py:known": DOOR,
    "store/trunks.py:_reroute": "trunks are the account's, and so is the way that all its calls take",
}

AS_THE_PLATFORM = {
    "services/accounts.py": "lets users in",
    "services/audio_sweep.py:sweep": "the job's",
    "services/callbacks.py": "the job's",
    "services/calls.py": "the engine's",
    "services/deployments.py:_found": ABSENT_FIRST,
    "services/deployments.py:route_inbound": "the engine's",
    "services/dialing.py": "the engine's",
    "services/engines.py": "the engine's",
    "services/first_start.py": "before there is an account",
    "services/passwords.py": "lets users in",
    "services/queues.py:waiting": "the job's",
    "services/phones.py:known": DOOR,
    "services/phones.py:register": DOOR,
    "services/phones.py:sweep": "the job's",
    "services/registrations.py": "the engine's",
    "services/trunks.py:known": DOOR,
    "services/recordings.py:take_over": "the job's",
    "services/retention.py": "the job's",
    "conversation/applications.py:load": "the engine's, and the job's",
    "services/text_sessions.py": "the job's; what clients ask takes their scope",
    "services/sms.py": "carriers tell, and the job sends; what clients ask takes their scope",
    "services/outbound.py:details": ABSENT_FIRST,
}
"Who may ask as the platform, on a client's behalf or not. `engine` and `jobs` are the platform; `web` never is."


def _store() -> dict[str, ast.Module]:
    return {
        "/".join(path.parts[1:]): tree for path, tree in package() if path.parts[1] == "store" and len(path.parts) == 3
    }


def test_every_statement_binds_who_asks() -> None:
    trees = _store()
    known = constants(trees)
    found = {}
    for path, tree in trees.items():
        for statement in statements(path, tree, known):
            if why := unscoped(statement, metadata, OF_NOBODY):
                found.setdefault(statement.where, f"callwright/{path}:{statement.line} {why}")
    assert [found[where] for where in sorted(found.keys() - FOR_EVERYBODY.keys())] == []
    assert FOR_EVERYBODY.keys() - found.keys() == set(), "these need not stand on the list"


def test_the_platforms_scope_is_for_the_platform() -> None:
    used = set()
    for path, tree in package():
        where = "/".join(path.parts[1:])
        if path.parts[1] in ("store", "engine", "jobs"):
            continue
        for function in ast.walk(tree):
            if isinstance(function, ast.FunctionDef | ast.AsyncFunctionDef) and _names_platform(function):
                used.add(where if where in AS_THE_PLATFORM else f"{where}:{function.name}")
    assert used == AS_THE_PLATFORM.keys()


def _names_platform(function: ast.AST) -> bool:
    return any(
        (isinstance(node, ast.Name) and node.id == "PLATFORM")
        or (isinstance(node, ast.Call) and any(ast.unparse(argument) == "'platform'" for argument in node.args))
        for node in ast.walk(function)
    )


HEAD = "async def ask(db: Database, scope: Scope, id: int) -> None:\n"


@pytest.mark.parametrize(
    ("body", "fine"),
    [
        ('mine, who = visible(scope, 1, "c")\nawait db.pool.fetch(f"SELECT * FROM calls c WHERE {mine}", who)', True),
        ('await db.pool.fetch("SELECT * FROM calls c WHERE c.id = $1", id)', False),
        ('await db.pool.fetch("SELECT * FROM calls WHERE account_id = $1", scope.account_id)', False),
        ('mine, who = visible(scope, 1, "c")\nawait db.pool.fetch("SELECT * FROM calls c")', False),
        (
            'mine, who = visible(PLATFORM, 1, "c")\nawait db.pool.fetch(f"SELECT * FROM calls c WHERE {mine}", who)',
            False,
        ),
        ('mine, who = visible(scope, 1, "x")\nawait db.pool.fetch(f"SELECT * FROM calls c WHERE {mine}", who)', False),
        ('await db.pool.execute("UPDATE numbers SET sms = true WHERE id = $1", id)', False),
        ('await db.pool.execute("DELETE FROM numbers n WHERE n.id = $1", id)', False),
        ('await db.pool.execute("DELETE FROM call_events WHERE call_id = $1", id)', False),
        ('await db.pool.fetch("SELECT * FROM trunks WHERE account_id = $1", scope.account_id)', True),
        ('await db.pool.fetch("SELECT * FROM trunks WHERE account_id = $1", id)', False),
        ('await db.pool.fetch("SELECT * FROM trunks WHERE id = $1", scope.account_id)', False),
        ('await db.pool.execute("UPDATE users SET active = false WHERE id = $1", scope.user_id)', True),
        ('await db.pool.execute("UPDATE users SET active = false WHERE id = $1", id)', False),
        (
            'await db.pool.fetch("INSERT INTO numbers (account_id, user_id) VALUES ($1, $2)", scope.account_id, scope.user_id)',
            True,
        ),
        (
            'await db.pool.fetch("INSERT INTO numbers (account_id, user_id) VALUES ($1, $2)", scope.account_id, id)',
            False,
        ),
        ('await db.pool.copy_records_to_table("calls", records=[])', False),
        ("await db.pool.fetch(text_from_elsewhere(), id)", False),
        ('await db.pool.fetch("SELECT * FROM engines")', True),
        ('await db.pool.fetch("SELECT 1")', True),
        (
            'mine, who = visible(scope, 1, "c")\nwhich = f"{mine} AND c.id = $2"\n'
            'await db.pool.fetch(f"SELECT e.* FROM calls c JOIN call_events e ON e.call_id = c.id WHERE {which}", who, id)',
            True,
        ),
        ('await db.pool.fetch("WITH calls2 AS (SELECT * FROM calls) SELECT * FROM calls2")', False),
    ],
)
def test_the_check_sees_what_is_wrong(body: str, fine: bool) -> None:
    tree = ast.parse(HEAD + textwrap.indent(body, "    "))
    (statement,) = statements("x", tree, {})
    assert (unscoped(statement, metadata, OF_NOBODY) == "") == fine


def test_a_function_that_takes_no_scope_has_none_to_bind() -> None:
    tree = ast.parse(
        'async def ask(db, _: Scope):\n    mine, who = visible(scope, 1, "c")\n'
        '    await db.pool.fetch(f"SELECT * FROM calls c WHERE {mine}", who)'
    )
    (statement,) = statements("x", tree, {})
    assert unscoped(statement, metadata, OF_NOBODY)
