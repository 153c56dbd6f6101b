"""What can go wrong, as exceptions."""


class LastmileError(Exception):
    """The run ended with an error, or the engine is gone. The message says what, where, and what to do."""


class UserError(LastmileError):
    """A mistake in the experiment, found before anything started (exit code 2 of the command line)."""


class DataError(LastmileError):
    """Bad data, or an expression that failed on it, while the run was going (exit code 3)."""


class BatchesHeld(LastmileError):  # noqa: N818 - the name says what is, as StopIteration does
    """Views of earlier batches hold every slot, so no further batch can come.

    The message names the tensors that are still alive. Keep ``batch.clone()`` instead of the batch, or give the
    dataset more ``slots:``. The feed stays usable: drop the tensors and ask again.
    """


_BY_KIND: dict[str, type[LastmileError]] = {"user": UserError, "data": DataError}


def of_kind(kind: str, message: str) -> LastmileError:
    """Return the exception for a failure that the engine reports."""
    return _BY_KIND.get(kind, LastmileError)(message)
