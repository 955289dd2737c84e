"""The purchases of real customers, shuffled and sent three times, through two workers."""

import gzip
import json
import random
from decimal import Decimal
from pathlib import Path

from cdnow import DATA
from processes import environment, eventually, idle, worker
from redis import Redis
from reference import fold, read

from signoff_db.audit import audit
from signoff_db.connection import connect
from signoff_producer import Answer, ApprovalEvent, Producer


def test_real_purchases_add_up_to_the_cent(
    redis_url: str, database_url: str, tmp_path: Path
) -> None:
    """Shuffled, threefold, through two workers, twice: LTV is what the customers paid."""
    lines = gzip.decompress((DATA / "cdnow_sample.jsonl.gz").read_bytes()).splitlines()
    paid = sum(_amount(line) for line in lines)
    log = tmp_path / "worker.log"
    env = environment(redis_url, database_url)
    with (
        Redis.from_url(redis_url) as client,
        connect(database_url) as connection,
        worker(env, log),
        worker(env, log),
    ):
        for seed in (1, 2):
            arrival = lines * 3
            random.Random(seed).shuffle(arrival)
            answers = {r.answer for r in Producer(connection=client).publish_many(arrival)}
            assert answers <= {Answer.ACCEPTED, Answer.DUPLICATE}
            eventually(lambda: idle(client), what="the queue is worked off", log=log)
            assert read(connection) == fold(map(ApprovalEvent.parse, lines))
            assert audit(connection).differing == 0
            total = connection.execute("SELECT sum(ltv_usd) FROM customers").fetchone()
            assert (total and total[0]) == paid
            assert connection.execute("SELECT count(*) FROM approvals").fetchone() == (len(lines),)


def _amount(line: bytes) -> Decimal:
    amount = json.loads(line, parse_float=Decimal).get("ltv_amount")
    return Decimal(amount) if amount is not None else Decimal(0)
