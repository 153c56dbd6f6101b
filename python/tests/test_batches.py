"""What a batch holds, for numpy and for torch."""

from __future__ import annotations

import importlib
import pickle
from typing import Any

import numpy as np
import pytest

import lastmile
from lastmile._arrays import array_maker
from tests.conftest import Connect
from tests.fake_feeder import FakeFeeder, rows_of


@pytest.fixture(params=["numpy", "torch"])
def arrays(request: pytest.FixtureRequest) -> str:
    if request.param == "torch":
        pytest.importorskip("torch")
    return str(request.param)


def as_numpy(value: Any) -> Any:
    return value if isinstance(value, np.ndarray) else value.numpy()


def test_values_are_those_of_the_slot(connect: Connect, arrays: str) -> None:
    feed, client = connect(arrays=arrays)
    client.batch(0, 5)
    batch = next(iter(feed))
    expected = rows_of(20, 4)
    kind = np.ndarray if arrays == "numpy" else importlib.import_module("torch").Tensor
    assert list(batch) == ["dense", "cat", "seq_item", "user_emb", "flag"]
    for name in ("dense", "cat", "user_emb", "flag"):
        assert type(batch[name]) is kind
        np.testing.assert_array_equal(as_numpy(batch[name]), expected[name])
        assert as_numpy(batch[name]).dtype == np.asarray(expected[name]).dtype
    assert tuple(batch["dense"].shape) == (4, 3)
    assert tuple(batch["cat"].shape) == (4,)
    np.testing.assert_array_equal(as_numpy(batch["seq_item"].values), np.concatenate(expected["seq_item"]))
    assert as_numpy(batch["seq_item"].offsets).tolist() == [0, 2, 2, 3, 5]
    assert as_numpy(batch["seq_item"].offsets).dtype == np.int64
    assert isinstance(batch["seq_item"], lastmile.Ragged)


def test_values_lie_in_the_slot(connect: Connect, arrays: str) -> None:
    feed, client = connect(arrays=arrays)
    client.batch(0, 0)
    batch = next(iter(feed))
    client.fill(0, rows_of(400, 4), epoch=0, step=100)
    np.testing.assert_array_equal(as_numpy(batch["cat"]), [400, 401, 402, 403])


def test_numbers_of_a_batch(connect: Connect, arrays: str) -> None:
    feed, client = connect(arrays=arrays)
    client.batch(0, 7, count=3, epoch=2)
    batch = next(iter(feed))
    assert (batch.rows, batch.global_rows, batch.epoch, batch.step) == (3, 6, 2, 7)
    assert as_numpy(batch.mask).tolist() == [True, True, True]
    assert as_numpy(batch.mask).dtype == np.bool_
    assert batch.mask is batch.mask


def test_a_padding_row_is_masked_and_zero(connect: Connect, arrays: str) -> None:
    feed, client = connect(arrays=arrays)
    client.padding_batch(0, 3)
    batch = next(iter(feed))
    assert (batch.rows, batch.global_rows) == (1, 0)
    assert as_numpy(batch.mask).tolist() == [False]
    assert as_numpy(batch["dense"]).tolist() == [[0.0, 0.0, 0.0]]
    assert as_numpy(batch["seq_item"].values).shape == (0,)
    assert as_numpy(batch["seq_item"].offsets).tolist() == [0, 0]
    assert batch.keys["item_key"] == [""]


def test_keys_ride_along(connect: Connect, arrays: str) -> None:
    feed, client = connect(arrays=arrays)
    client.batch(0, 0)
    batch = next(iter(feed))
    assert list(batch.keys) == ["user_id", "item_key"]
    assert as_numpy(batch.keys["user_id"]).tolist() == [1000, 1001, 1002, 1003]
    assert batch.keys["item_key"] == ["", "é1", "é2", "é3"]
    assert batch.keys["item_key"] is batch.keys["item_key"]
    assert repr(batch.keys) == 'Keys("user_id", "item_key")'
    with pytest.raises(KeyError, match=r'no key "item" in this batch \(there are: "user_id", "item_key"\)'):
        batch.keys["item"]


def test_a_batch_is_a_mapping(connect: Connect) -> None:
    feed, client = connect()
    client.batch(0, 0)
    batch = next(iter(feed))
    tensors = dict(batch)
    assert list(tensors) == list(batch.keys()) == ["dense", "cat", "seq_item", "user_emb", "flag"]
    assert tensors["dense"] is batch["dense"]
    assert {**batch}.keys() == tensors.keys()
    assert "cat" in batch
    assert "user_id" not in batch
    assert len(batch) == 5
    assert batch == batch  # noqa: PLR0124
    assert batch != batch.clone()
    assert repr(batch) == 'Batch(epoch=0, step=0, rows=4, tensors=["dense", "cat", "seq_item", "user_emb", "flag"])'
    with pytest.raises(KeyError, match=r'no tensor "densee" in this batch \(there are: "dense", "cat", '):
        batch["densee"]
    with pytest.raises(TypeError):
        batch["dense"] = 0  # type: ignore[index]


def test_columns_are_named(connect: Connect) -> None:
    feed, client = connect()
    client.batch(0, 0)
    batch = next(iter(feed))
    assert batch.columns("dense") == ("dense_0", "dense_1", "dense_2")
    assert batch.columns("cat") == ("cat_0",)
    with pytest.raises(KeyError, match='no tensor "user_id"'):
        batch.columns("user_id")


def test_a_clone_has_memory_of_its_own(connect: Connect, arrays: str) -> None:
    feed, client = connect(arrays=arrays)
    client.batch(0, 0)
    client.batch(1, 1)
    batches = iter(feed)
    clone = next(batches).clone()
    second = next(batches)
    assert client.receive(3).u32() == 0
    client.fill(0, rows_of(400, 4), epoch=0, step=100)
    assert as_numpy(clone["cat"]).tolist() == [0, 1, 2, 3]
    assert as_numpy(clone["seq_item"].values).tolist() == [1, 2, 2]
    assert clone.keys["item_key"] == ["", "é1", "é2", "é3"]
    assert as_numpy(clone.keys["user_id"]).tolist() == [1000, 1001, 1002, 1003]
    assert (clone.rows, clone.step, second.step) == (4, 0, 1)
    assert as_numpy(clone.mask).tolist() == [True] * 4


def test_writing_into_a_tensor_stays_in_its_slot(connect: Connect, arrays: str) -> None:
    feed, client = connect(arrays=arrays)
    client.batch(0, 0)
    client.batch(1, 1)
    batches = iter(feed)
    next(batches)["cat"][0] = 99
    assert as_numpy(next(batches)["cat"]).tolist() == [4, 5, 6, 7]


def test_tensors_work_with_autograd(connect: Connect) -> None:
    torch = pytest.importorskip("torch")
    feed, client = connect(arrays="torch")
    client.batch(0, 0)
    client.batch(1, 1)
    weights = torch.ones(3, requires_grad=True)
    batches = iter(feed)
    loss = (next(batches)["dense"] * weights).sum()  # the graph alone keeps the tensor
    next(batches)
    assert all(message is None or message.kind != 3 for message in client.received())
    loss.backward()
    assert weights.grad.tolist() == [60.0, 64.0, 68.0]
    del loss
    client.batch(2, 2)
    next(batches)
    assert {client.receive(3).u32(), client.receive(3).u32()} == {0, 1}


def test_ragged_makes_a_nested_tensor(connect: Connect) -> None:
    torch = pytest.importorskip("torch")
    feed, client = connect(arrays="torch")
    client.batch(0, 0)
    ragged = next(iter(feed))["seq_item"]
    nested = torch.nested.nested_tensor_from_jagged(ragged.values, ragged.offsets)
    assert [row.tolist() for row in nested.unbind()] == [[], [1], [2, 2], []]


def test_torch_is_taken_when_present(connect: Connect) -> None:
    torch = pytest.importorskip("torch")
    feed, client = connect(arrays=None)
    client.batch(0, 0)
    assert type(next(iter(feed))["dense"]) is torch.Tensor


def test_without_torch_values_are_arrays(connect: Connect, monkeypatch: pytest.MonkeyPatch) -> None:
    def missing(name: str) -> Any:
        raise ModuleNotFoundError(f"No module named '{name}'", name=name)

    monkeypatch.setattr("lastmile._arrays.importlib.import_module", missing)
    feed, client = connect(arrays=None)
    client.batch(0, 0)
    assert type(next(iter(feed))["dense"]) is np.ndarray
    with pytest.raises(ImportError, match="No module named 'torch'"):
        array_maker("torch")


def test_a_batch_without_values_in_any_list(connect: Connect, feeder: FakeFeeder) -> None:
    feed, client = connect()
    values = rows_of(0, 2) | {"seq_item": [[], []], "item_key": ["", ""]}
    client.fill(0, values, epoch=0, step=0)
    client.send(17, bytes(8))
    batch = next(iter(feed))
    assert batch["seq_item"].values.shape == (0,)
    assert batch["seq_item"].values.dtype == np.int64
    assert batch.keys["item_key"] == ["", ""]


def test_arrays_can_be_sent_to_another_process(connect: Connect) -> None:
    feed, client = connect()
    client.batch(0, 0)
    batch = next(iter(feed))
    assert pickle.loads(pickle.dumps(batch["cat"])).tolist() == [0, 1, 2, 3]


def test_offsets_of_a_keyed_value(arrays: str) -> None:
    lengths = array_maker("torch" if arrays == "torch" else "numpy")(np.array([1, 0, 3, 2], np.int32))
    keyed = lastmile.KeyedRagged(("a", "b"), None, lengths)
    assert as_numpy(keyed.offsets).tolist() == [0, 1, 1, 4, 6]
    assert as_numpy(keyed.offsets).dtype == np.int64
    assert type(keyed.offsets) is type(lengths)
