"""Where the machines of one training meet: a store of small strings that the first of them keeps at its address."""

from __future__ import annotations

import datetime
import json
import os
import time
from typing import Any

from torch import distributed

from bench.errors import UserError

POLL = 0.2  # seconds
PATIENCE = datetime.timedelta(minutes=10)  # for the first machine to be there, and for the others to leave


class Meeting:
    """What the first of `nodes` machines announces, and the others answer. address: HOST:PORT of the first.

    Raises UserError when the first cannot be reached, or is lost.
    """

    def __init__(self, address: str, nodes: int, node: int, patience: datetime.timedelta = PATIENCE) -> None:
        self.address, self.nodes, self.node = address, nodes, node
        host, _, port = address.rpartition(":")
        try:
            self._store = distributed.TCPStore(
                host, int(port), is_master=node == 0, timeout=patience, wait_for_workers=False
            )
        except RuntimeError as error:
            raise UserError(f"machines cannot meet at {address}: {str(error).splitlines()[0]}") from None
        self._patience = patience.total_seconds()

    def announce(self, count: int, what: dict[str, Any]) -> None:
        """First: training number `count` begins."""
        self._store.set(f"begin {count}", json.dumps(what))

    def dismiss(self, count: int) -> None:
        """First: training number `count` is over."""
        self._store.set(f"over {count}", "")

    def complaint(self, count: int) -> tuple[str, str] | None:
        """First: what another machine said of training number `count`: a word and why."""
        if not self._store.check([f"wrong {count}"]):
            return None
        word, why = json.loads(self._store.get(f"wrong {count}"))
        return word, why

    def close(self) -> None:
        """First: there is no more to do; waits till the others know."""
        self._store.set("end", "")
        late = time.monotonic() + min(self._patience, 30.0)
        while self._store.add("left", 0) < self.nodes - 1 and time.monotonic() < late:
            time.sleep(POLL)

    def next(self, count: int) -> dict[str, Any] | None:
        """Others: wait for training number `count`; None when there is no more to do."""
        while not self._known(f"begin {count}"):
            if self._known("end"):
                self._store.add("left", 1)
                return None
            time.sleep(POLL)
        found: dict[str, Any] = json.loads(self._store.get(f"begin {count}"))
        return found

    def dismissed(self, count: int) -> bool:
        """Others: whether training number `count` is over."""
        return self._known(f"over {count}")

    def complain(self, count: int, word: str, why: str) -> None:
        """Others: training number `count` failed here."""
        self._store.set(f"wrong {count}", json.dumps([word, why]))

    def _known(self, key: str) -> bool:
        try:
            return bool(self._store.check([key]))
        except RuntimeError:
            raise UserError(f"the first machine, at {self.address}, was lost; start the same command again") from None


def this_node() -> int:
    """Which of the machines this is, from Slurm or NODE_RANK; 0 without either."""
    return int(os.environ.get("NODE_RANK", os.environ.get("SLURM_NODEID", "0")))
