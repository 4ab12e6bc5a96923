"""Reading ahead: order, errors in their place, bounded memory."""

import threading

import pytest

from bench.data.ahead import DEPTH, WORKERS, ahead


def test_results_come_in_order_and_are_made_ahead():
    begun = []
    results = ahead(lambda item: begun.append(item) or item * 2, range(20))
    assert begun == []  # nothing before the first is asked for
    assert next(results) == 0
    assert len(begun) <= 1 + DEPTH + WORKERS  # what waits is bounded
    assert list(results) == list(range(2, 40, 2))


def test_work_runs_in_other_threads():
    assert threading.get_ident() not in set(ahead(lambda _: threading.get_ident(), range(3)))


def test_an_error_is_raised_where_its_result_would_have_come():
    results = ahead(lambda item: 1 / item, (2, 1, 0, 4))
    assert [next(results), next(results)] == [0.5, 1.0]
    with pytest.raises(ZeroDivisionError):
        next(results)
