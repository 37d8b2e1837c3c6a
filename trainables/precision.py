"""Low precision where it is faster and does not show."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager, nullcontext
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional as F
from torch.overrides import TorchFunctionMode

PRODUCTS = (F.linear, F.conv2d)


def arithmetic(precision: str, device: torch.device) -> AbstractContextManager[Any]:
    """Within this, a network computes as ``precision`` says on ``device``: on a GPU by torch's autocast."""
    if device.type == "cpu":
        return Products() if precision == "bfloat16" else nullcontext()
    return torch.autocast(device.type, dtype=torch.bfloat16, enabled=precision != "float32")


class Products(TorchFunctionMode):
    """Convolutions and linear layers in bfloat16, and nothing else: on a processor all else is slower for it.

    A processor that knows bfloat16 takes about half the time for them, the conversions included.
    """

    def __torch_function__(
        self, function: Callable[..., Any], types: Any, args: Any = (), kwargs: Mapping[str, Any] | None = None
    ) -> Any:
        if function not in PRODUCTS:
            return function(*args, **(kwargs or {}))
        low = [_low(value) for value in args]
        return function(*low, **{name: _low(value) for name, value in (kwargs or {}).items()}).to(args[0].dtype)


def _low(value: Any) -> Any:
    return value.bfloat16() if isinstance(value, Tensor) else value
